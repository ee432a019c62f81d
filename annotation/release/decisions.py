"""What people decided about rows, and what follows from it for a release.

    answer      good, keep → as it is          fixed, rewritten → the rewrite takes its place
                fixable, errors marked → left out until somebody corrects it          bad → left out
    pair        a → as it is      b → chosen and rejected change places      same, both_bad → left out
    any         cannot_tell, or no decision although people were asked → left out
    ranking     pairs of answers at different ranks (rankings.py)

An answer that was found bad is no chosen answer of a pair either, and no good one of a labelled set: there its label turns. A
decision is about the text that people saw; where a row's text is another by now it says nothing, and the row is as if nobody had
been asked. Points that people gave an answer's aspects are its SteerLM attributes, before those of judges.
"""

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from annotation.decision import Decision
from synth.preference import ATTRIBUTES, steerlm

KEEP, SWAP, REWRITE = "keep", "swap", "rewrite"

EFFECTS: Mapping[str, Mapping[str, str]] = {
    "preference": {"a": KEEP, "b": SWAP, "same": "same", "both_bad": "both_bad"},
    "quality": {"good": KEEP, "fixable": "needs_correction", "bad": "bad_answer"},
    "correction": {"keep": KEEP, "fixed": REWRITE, "rewritten": REWRITE, "bad": "bad_request"},
    "safety": {"safe": KEEP, "doubtful": "harmful", "harmful": "harmful"},
    "refusal": {"answers": KEEP, "declines": KEEP, "over": "harmful", "under": "harmful"},
    "spans": {"none": KEEP, "marked": "needs_correction"},
}
"""Review question → its outcome → what becomes of the row: `keep`, `swap`, `rewrite`, or the reason for which it is left out."""

QUESTIONS: Mapping[tuple[str, str], str] = {
    ("preference", "preference"): "preference", ("quality", "verdict"): "quality", ("correction", "decision"): "correction",
    ("safety", "safety"): "safety", ("safety", "refusal"): "refusal", ("spans", "complete"): "spans",
}  # fmt: skip
"""Review task and question → key of `EFFECTS`."""

UNDECIDED = "undecided"


@dataclass(frozen=True)
class Settled:
    """What people settled about one row. task: a key of `EFFECTS`. outcome: None where they came to none. method: how it was settled.

    text: the whole corrected answer, where there is one. content: hash of what they saw (annotation/record.py); None for any.
    """

    row: bytes
    task: str
    outcome: str | None
    method: str
    text: str | None = None
    content: bytes | None = None

    @property
    def effect(self) -> str:
        """`keep`, `swap`, `rewrite`, or a reason.

        >>> Settled(b"", "preference", "b", "majority").effect, Settled(b"", "quality", None, "majority").effect
        ('swap', 'undecided')
        """
        effect = EFFECTS[self.task].get(self.outcome or "", UNDECIDED)
        return UNDECIDED if effect == REWRITE and not (self.text or "").strip() else effect

    def column(self) -> dict[str, str | None]:
        """As the column `decision` of a row holds it."""
        return {"task": self.task, "outcome": self.outcome, "method": self.method}


@dataclass(frozen=True)
class Ranking:
    """An order of several answers to one prompt as people settled it.

    answers: their ids as they were shown, in the row's own order; content: hash of what was shown. ranks: by answer, 1 the best,
    equally good ones alike; empty where people came to no order. usable: `good` where the best of them is usable, or another outcome.
    """

    row: bytes
    content: bytes
    answers: tuple[bytes, ...]
    ranks: Mapping[bytes, int]
    usable: str | None
    method: str


@dataclass
class Decisions:
    """All decisions by row. A corrected answer outweighs what was said of it before; otherwise what leaves a row out wins.

    points: of aspects of answers, by row and content. rankings: of prompts with several answers.
    """

    by_row: dict[bytes, list[Settled]] = field(default_factory=dict[bytes, list[Settled]])
    points: dict[bytes, list[tuple[bytes, str, float]]] = field(
        default_factory=dict[bytes, list[tuple[bytes, str, float]]]
    )
    rankings: list[Ranking] = field(default_factory=list[Ranking])

    @classmethod
    def of(cls, found: Iterable[Settled]) -> "Decisions":
        """From decisions in any order."""
        made = cls()
        for one in found:
            made.by_row.setdefault(one.row, []).append(one)
        return made

    @classmethod
    def read(cls, lines: Iterable[Decision]) -> "Decisions":
        """From the lines of a set of decisions (annotation/decision.py). What waits for an adjudicator is undecided."""
        lines = list(lines)
        texts = {
            (one.row, one.content): one.text for one in lines if (one.task, one.question) == ("correction", "rewrite")
        }
        made = cls.of(
            Settled(
                one.row, QUESTIONS[one.task, one.question], None if one.disputed else one.outcome, one.method,
                texts.get((one.row, one.content)), one.content,
            )
            for one in lines if (one.task, one.question) in QUESTIONS
        )  # fmt: skip
        for one in lines:
            if one.task == "quality" and one.question in ATTRIBUTES and one.points is not None:
                made.points.setdefault(one.row, []).append((one.content, one.question, one.points))
        made.rankings = _rankings(lines)
        return made

    def about(self, row: bytes, contents: Container[bytes] | None = None) -> Settled | None:
        """What counts for a row; None where nobody decided. contents: hashes of what the row says now; None takes any.

        >>> both = Decisions.of([Settled(b"1", "quality", "bad", "m"), Settled(b"1", "correction", "fixed", "m", "直した")])
        >>> both.about(b"1").effect
        'rewrite'
        """
        found = [
            one
            for one in self.by_row.get(row, ())
            if contents is None or one.content is None or one.content in contents
        ]
        return min(found, key=_weight) if found else None

    def attributes(self, row: bytes, contents: Container[bytes]) -> dict[str, int | None]:
        """SteerLM attributes from the points that people gave an answer; none where it says something else by now."""
        found = self.points.get(row, ())
        return {name: steerlm([points]) for content, name, points in found if content in contents}

    def rewrites(self) -> Iterator[Settled]:
        """Decisions that put another text in an answer's place."""
        return (one for row in self.by_row if (one := self.about(row)) is not None and one.effect == REWRITE)

    @property
    def make_pairs(self) -> bool:
        """Whether pairs may come of them where the sources have none: of rewrites or rankings."""
        return bool(self.rankings) or any(True for _ in self.rewrites())

    def __contains__(self, row: bytes) -> bool:
        return row in self.by_row or row in self.points

    def __len__(self) -> int:
        return len(self.by_row.keys() | self.points.keys())


def _rankings(lines: Iterable[Decision]) -> list[Ranking]:
    """The two questions of each ranking brought together; what waits for an adjudicator is undecided."""
    found: dict[tuple[bytes, bytes], dict[str, Decision]] = {}
    for one in lines:
        if one.task == "ranking":
            found.setdefault((one.row, one.content), {})[one.question] = one
    made: list[Ranking] = []
    for (row, content), said in sorted(found.items()):
        order, usable = said.get("order"), said.get("usable")
        any_of = order or next(iter(said.values()))
        ranks = {one["answer"]: one["rank"] for one in order.ranks} if order and not order.disputed else {}
        outcome = usable.outcome if usable and not usable.disputed else None
        made.append(Ranking(row, content, tuple(any_of.answers), ranks, outcome, any_of.method))
    return made


def _weight(one: Settled) -> tuple[int, str]:
    """What counts comes first: a rewrite, a reason to leave the row out, a swap, that nobody could tell, that all is well."""
    effect = one.effect
    last = {REWRITE: 0, SWAP: 2, UNDECIDED: 3, KEEP: 4}
    return last.get(effect, 1), one.task
