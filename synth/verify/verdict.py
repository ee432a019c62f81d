"""What a verifier says, and what several of them say together."""

from collections.abc import Iterable
from typing import Literal, NamedTuple

Outcome = Literal["pass", "fail", "abstain"]
Overall = Literal["pass", "fail", "abstain", "unverified"]


class Evidence(NamedTuple):
    """One thing that was found: what it is, its value, what was wanted, and where."""

    what: str
    """Name of the measure or of the fault: `characters`, `forbidden`, `sentence in jotai`."""
    found: str | int | float | None = None
    wanted: str | int | float | None = None
    start: int = -1
    """First character in the answer (code points), or -1 where there is no place."""
    end: int = -1


class Verdict(NamedTuple):
    """The verdict of one constraint on one answer."""

    outcome: Outcome
    score: float
    """How much of the constraint holds, in [0, 1]; 1 where it passes. Of an abstention, what could be seen."""
    evidence: tuple[Evidence, ...] = ()
    kind: str = ""
    version: int = 0
    hard: bool = True
    """Whether a failure fails the whole answer."""


def passed(*evidence: Evidence) -> Verdict:
    """A pass with its evidence."""
    return Verdict("pass", 1.0, evidence)


def failed(*evidence: Evidence, score: float = 0.0) -> Verdict:
    """A failure; `score` says how much was right all the same, in [0, 1)."""
    return Verdict("fail", score, evidence)


def abstained(*evidence: Evidence, score: float = 0.5) -> Verdict:
    """No verdict: the answer lies where the verifier cannot tell."""
    return Verdict("abstain", score, evidence)


def decided(holds: Iterable[bool], *evidence: Evidence, score: float = 0.0) -> Verdict:
    """Pass where every reading of the constraint holds, fail where none does, abstain between.

    For a policy that the wording left open: each allowed reading gives one truth value.

    >>> decided([True, True]).outcome, decided([False, True]).outcome, decided([False]).outcome
    ('pass', 'abstain', 'fail')
    """
    readings = list(holds)
    if all(readings):
        return passed(*evidence)
    return abstained(*evidence) if any(readings) else failed(*evidence, score=score)


def combined(verdicts: Iterable[Verdict]) -> Overall:
    """Fail if any hard constraint fails, else abstain if any abstains, else pass; unverified where no hard constraint was checked.

    >>> combined([]), combined([passed()]), combined([passed(), abstained()]), combined([failed(), abstained()])
    ('unverified', 'pass', 'abstain', 'fail')
    >>> combined([failed()._replace(hard=False)]), combined([passed(), failed()._replace(hard=False)])
    ('unverified', 'pass')
    """
    seen = list(verdicts)
    if not any(v.hard for v in seen):
        return "unverified"
    if any(v.outcome == "fail" for v in seen if v.hard):
        return "fail"
    return "abstain" if any(v.outcome == "abstain" for v in seen) else "pass"
