"""A constraint: a typed spec that can be stored as JSON, has a name in the registry, and judges answers.

A new kind is a subclass in a file that `FAMILIES` names: fields with their units, `kind`, `version`, and `_judge`. The version grows
whenever a verdict may change, so that rows verified by an older one can be told.
"""

import difflib
import importlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, ValidationError

from synth.verify.answer import Answer
from synth.verify.disguise import as_seen
from synth.verify.prompt import Prompt
from synth.verify.verdict import Evidence, Overall, Verdict, abstained, combined, failed

FAMILIES = (
    *("length", "keywords", "phrases", "layout", "notation", "script", "lists", "markdown", "data_forms", "language"),
    *(
        "wordplay",
        "keitai",
        "poem",
        "grounding",
        "abstention",
        "exact_math",
        "tool_calls",
        "repetition",
        "conduct",
        "refusal",
    ),
    *("injection", "code_tests"),
)
"""Files of this package that define kinds."""

SHARED = 1
"""Counted into the version of every kind: grows when a verdict of any may change for what all share."""
MAX_CHARACTERS = 50_000
"""An answer longer than this is endless: a model that never stops. It fails every constraint and is not analysed."""

_REGISTRY: dict[str, type["Constraint"]] = {}


class SpecError(ValueError):
    """A spec that cannot be read: unknown kind, unknown key, a value out of range, two constraints that cannot both hold."""


class Constraint(BaseModel):
    """What is common to all kinds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ClassVar[str] = ""
    version: ClassVar[int] = 1
    morphemes: ClassVar[bool] = False
    """Needs SudachiPy."""
    executes: ClassVar[bool] = False
    """Runs the answer as a program."""

    as_written: ClassVar[bool] = False
    """Is about the characters themselves, or holds values to them (a width, JSON): how they look changes nothing."""
    wordless: ClassVar[bool] = False
    """An answer without a letter or digit may pass (emoji)."""

    hard: bool = True
    """Whether its failure fails the whole answer."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if cls.kind and _REGISTRY.setdefault(cls.kind, cls).__qualname__ != cls.__qualname__:
            raise TypeError(f"two constraints are called {cls.kind}: {_REGISTRY[cls.kind]} and {cls}")

    def verify(self, prompt: "Prompt | str | Sequence[Mapping[str, Any]]", answer: Answer | str | bytes) -> Verdict:
        """The verdict on one answer: a pure function of spec, prompt (text or message list) and answer.

        An answer that is not UTF-8, empty or endless fails, whatever the constraint says: nothing was answered. One of marks only
        (「……」) passes nothing: it keeps every prohibition and says nothing. What passes only as it is written and not as a
        reader sees it (Ｉ ａｍ: `disguise`) abstains.
        """
        answer = answer if isinstance(answer, Answer) else Answer(answer)
        prompt = prompt if isinstance(prompt, Prompt) else Prompt(prompt)
        if answer.fault is not None:
            verdict = failed(answer.fault)
        elif not answer.stripped:
            verdict = failed(Evidence("empty answer", 0))
        elif len(answer.text) > MAX_CHARACTERS:
            verdict = failed(Evidence("endless answer", len(answer.text), f"at most {MAX_CHARACTERS}"))
        else:
            verdict = self._judge(answer, prompt)
            if verdict.outcome == "pass" and not self.wordless and not answer.has_words:
                verdict = abstained(Evidence("letters and digits", 0, "at least 1"))
            elif verdict.outcome == "pass" and not self.as_written and (seen := as_seen(answer)) is not None:
                verdict = self._of_both(verdict, seen, prompt)
        return Verdict(verdict.outcome, verdict.score, verdict.evidence, self.kind, self.stated, self.hard)

    def _of_both(self, written: Verdict, seen: Answer, prompt: Prompt) -> Verdict:
        """A pass where the answer passes as it is seen, too; else an abstention with what is seen, in which places are unknown."""
        read = self._judge(seen, prompt)
        if read.outcome == "pass":
            return written
        return abstained(
            Evidence("passes as written, not as seen", seen.text[:40]),
            *(one._replace(start=-1, end=-1) for one in read.evidence),
        )

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        raise NotImplementedError

    @property
    def stated(self) -> int:
        """The version that verdicts state: of the kind, and of what all kinds share."""
        return self.version + SHARED

    def as_json(self) -> dict[str, Any]:
        """The spec as it is stored: its kind and the fields that differ from their defaults; `parse` reads it back."""
        return {"kind": self.kind, **self.model_dump(mode="json", exclude_defaults=True)}


@cache
def kinds() -> dict[str, type[Constraint]]:
    """Every kind by its name, in the order of `FAMILIES`."""
    for family in FAMILIES:
        importlib.import_module(f"synth.verify.{family}")
    return dict(_REGISTRY)


def parse(spec: Mapping[str, Any]) -> Constraint:
    """Reads one stored spec. Raises SpecError naming the key, what was found and what would be right.

    >>> parse({"kind": "keyword_include", "keywords": ["精米"]}).as_json()
    {'kind': 'keyword_include', 'keywords': ['精米']}
    """
    fields = dict(spec)
    name = fields.pop("kind", None)
    known = kinds()
    if not isinstance(name, str) or name not in known:
        near = difflib.get_close_matches(str(name), known, 1)
        raise SpecError(f"no constraint is called {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
    try:
        return known[name].model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "spec"
        right = ", ".join(known[name].model_fields)
        raise SpecError(f"{name}: {place}: {first['msg']} (found {first['input']!r}); keys are {right}") from None


def verify(spec: Constraint | Mapping[str, Any], prompt: Any, answer: Answer | str | bytes) -> Verdict:
    """The verdict of one constraint, given as a spec or as its stored form, on one answer."""
    return (spec if isinstance(spec, Constraint) else parse(spec)).verify(prompt, answer)


def verify_all(specs: Iterable[Constraint], prompt: Any, answer: Answer | str | bytes) -> tuple[Overall, list[Verdict]]:
    """All verdicts on one answer, sharing one analysis of it, and what they say together.

    For runs over many answers: a verifier that raises abstains here, with the evidence `verifier error: TYPE`, since one answer
    must not end the run. `Constraint.verify`, which the audit asks, raises. Faults of the machine (a missing library or file)
    are no matter of the answer and raise here as well.
    """
    analysed = answer if isinstance(answer, Answer) else Answer(answer)
    read = prompt if isinstance(prompt, Prompt) else Prompt(prompt)
    verdicts = [_ventured(spec, read, analysed) for spec in specs]
    return combined(verdicts), verdicts


def _ventured(spec: Constraint, prompt: Prompt, answer: Answer) -> Verdict:
    try:
        return spec.verify(prompt, answer)
    except (ImportError, OSError):
        raise
    except Exception as error:  # whatever an answer makes a verifier raise
        seen = Evidence(f"verifier error: {type(error).__name__}", str(error)[:200], "a verdict")
        return abstained(seen)._replace(kind=spec.kind, version=spec.stated, hard=spec.hard)
