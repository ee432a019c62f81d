"""What a recipe may say about preference pairs, as data; every number that decides about pairs is here and has no default in code."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from synth.preference import ATTRIBUTES, DESCRIBING


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", protected_namespaces=())


class Beside(_Spec):
    """A strategy over answers that are there. pairs: at most; per_prompt: of one prompt at most."""

    pairs: int = Field(ge=1)
    per_prompt: int = Field(ge=1)


class Delta(Beside):
    """strong, weak: models by the policy's name, or name@revision. rejected: verdicts that the weak one's answer may have."""

    strong: str
    weak: str
    rejected: list[Literal["fail", "pass"]] = Field(min_length=1)

    @model_validator(mode="after")
    def _two(self) -> "Delta":
        (strong, at), (weak, at_too) = (name.partition("@")[::2] for name in (self.strong, self.weak))
        if self.strong == self.weak:
            raise ValueError(f"'strong' and 'weak' are both {self.strong!r}: a pair of this strategy is of two models")
        if strong == weak and not (at and at_too):
            raise ValueError(
                f"'strong' and 'weak' are both {strong}: name a revision of it for either, {strong}@REVISION"
            )
        return self


class Agree(_Spec):
    """calibration: file of `seimai review calibrate`. at_least: chance that people agree with the jury, in (0, 1]."""

    calibration: str
    at_least: float = Field(gt=0, le=1)


class JuryPairs(Beside):
    """read: a jury of the recipe. margin: the least by which it leans to the chosen answer, in (0, 1].

    agree: what people have to say of such a margin; a function that has no curve then makes no pair.
    """

    read: str
    margin: float = Field(gt=0, le=1)
    agree: Agree | None = None


class Edited(_Spec):
    """A strategy whose rejected answer is an edit. answers: how many are edited at most; per_answer: edits of one at most."""

    pairs: int = Field(ge=1)
    answers: int = Field(ge=1)
    per_answer: int = Field(ge=1)


class NearMiss(Edited):
    """kinds: constraints that may be broken; all that there is an edit for when not given."""

    kinds: list[str] | None = None

    @field_validator("kinds")
    @classmethod
    def _known(cls, value: list[str] | None) -> list[str] | None:
        from synth.pairing.edits.edit import editors

        if unknown := sorted(set(value or ()) - editors().keys()):
            raise ValueError(f"there is no edit for '{unknown[0]}'; there are for {', '.join(sorted(editors()))}")
        return value


class Strategies(_Spec):
    """How pairs are made: a key for each strategy that is wanted."""

    verified_failed: Beside | None = None
    program_model: Beside | None = None
    delta: Delta | None = None
    jury: JuryPairs | None = None
    near_miss: NearMiss | None = None
    twins: Edited | None = None
    over_refusal: Edited | None = None

    @model_validator(mode="after")
    def _some(self) -> "Strategies":
        if not self.wanted:
            raise ValueError(f"names no strategy; there are {', '.join(type(self).model_fields)}")
        return self

    @property
    def wanted(self) -> dict[str, Any]:
        """Those that the recipe names, in the order in which they stand here."""
        return {name: said for name in type(self).model_fields if (said := getattr(self, name)) is not None}


class PairCaps(_Spec):
    """per_template: largest share of all pairs whose prompts were made with one wording, in (0, 1]."""

    per_template: float = Field(gt=0, le=1)


class Unlike(_Spec):
    """jaccard: similarity over 5-grams of the normal forms from which two answers that were written apart are too alike."""

    jaccard: float = Field(gt=0, le=1)


class Balance(_Spec):
    """What is balanced by matching, in each strategy × function: length, form, or neither."""

    length: bool
    format: bool


class JudgedLabel(_Spec):
    """What a jury's rubric (`scores`) says where no verifier could tell: true from `accept` on, false up to `refuse`, 1 to 5."""

    aspect: str
    accept: int = Field(ge=2, le=5)
    refuse: int = Field(ge=1, le=4)

    @field_validator("aspect")
    @classmethod
    def _better(cls, value: str) -> str:
        if value not in (known := [a for a in ATTRIBUTES if a not in DESCRIBING]):
            raise ValueError(f"no answer is better by '{value}'; say one of {', '.join(known)}")
        return value

    @model_validator(mode="after")
    def _apart(self) -> "JudgedLabel":
        if self.refuse >= self.accept:
            raise ValueError(f"refuse ({self.refuse}) must lie below accept ({self.accept})")
        return self


class Kto(_Spec):
    """ratio: wanted weighted number of true labels over that of false ones, 0.001 to 1000; exported weights give it.

    judged: what labels answers of which no verifier could tell; without it they have none.
    """

    ratio: float = Field(ge=0.001, le=1000)
    judged: JudgedLabel | None = None


class PairsSpec(_Spec):
    """A set of preference pairs: which generations it reads, how pairs are made, and what is kept even.

    read: generations of the recipe. kto: whether and how labelled answers are written too; prompts: whether prompts with their specs
    are. scores: a jury of the recipe whose rubric gives labelled answers their attributes. salt: another one makes other choices.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    read: str | list[str]
    strategies: Strategies
    caps: PairCaps
    unlike: Unlike
    balance: Balance
    kto: Kto | None = None
    prompts: bool = False
    scores: str | None = None
    salt: str = ""
    partitions: int = 1

    @property
    def reads(self) -> list[str]:
        """What it reads, as a list."""
        return [self.read] if isinstance(self.read, str) else self.read

    @field_validator("salt", mode="before")
    @classmethod
    def _text(cls, value: Any) -> Any:
        return str(value) if isinstance(value, int | float) else value

    @field_validator("partitions")
    @classmethod
    def _power(cls, value: int) -> int:
        if value < 1 or value & (value - 1):
            raise ValueError(f"must be a power of two, not {value}")
        return value
