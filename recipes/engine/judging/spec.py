"""What a recipe may say about a jury, as data; every number that decides about its verdicts is here and has no default in code."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from synth.judge.asking import ASPECTS


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", protected_namespaces=())


class JudgeSpec(_Spec):
    """One judge. engine: as a generation's. family: judges of one family have one voice, since they err together.

    kin: patterns of the models that count as its own family's, for its lean to them. demo: shown, and never the reason of a pair;
    a model that the policy marks so is one whether the recipe says it or not.
    """

    engine: dict[str, dict[str, Any]]
    family: str
    kin: list[str] = Field(default_factory=list)
    demo: bool | None = None

    @field_validator("engine")
    @classmethod
    def _one(cls, value: dict[str, Any]) -> dict[str, Any]:
        if len(value) != 1:
            raise ValueError(f"names one engine with its parameters, not {len(value)}")
        return value


class JurySpec(_Spec):
    """A jury: which generations' answers it compares, who its judges are, and how their verdicts become one.

    per_prompt: comparisons of one prompt at most; most: comparisons in all, and answers that are scored. rubric: aspects that each
    answer is scored by as well. people: a file of people's decisions, which hold. without_engine: `fail`, or `skip` judges whose
    engine is not installed. salt: another one makes other comparisons.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    read: str | list[str]
    judges: dict[str, JudgeSpec] = Field(min_length=1)
    sampling: dict[str, Any]
    per_prompt: int = Field(ge=1)
    most: int = Field(ge=1)
    aggregate: Literal["majority", "bradley_terry", "dawid_skene"]
    rubric: list[str] = Field(default_factory=list)
    people: str | None = None
    without_engine: Literal["fail", "skip"] = "fail"
    salt: str = ""

    @property
    def reads(self) -> list[str]:
        """What it reads, as a list."""
        return [self.read] if isinstance(self.read, str) else self.read

    @field_validator("salt", mode="before")
    @classmethod
    def _text(cls, value: Any) -> Any:
        return str(value) if isinstance(value, int | float) else value

    @field_validator("rubric")
    @classmethod
    def _known(cls, value: list[str]) -> list[str]:
        if unknown := [aspect for aspect in value if aspect not in ASPECTS]:
            raise ValueError(f"there is no aspect '{unknown[0]}'; there are {', '.join(ASPECTS)}")
        if len(set(value)) < len(value):
            raise ValueError(f"names an aspect twice: {', '.join(value)}")
        return value
