"""What people decided about rows, and what follows from it for a release.

    answer      good, keep → as it is          fixed, rewritten → the rewrite takes its place
                fixable → left out until somebody corrects it          bad → left out
    pair        a → as it is      b → chosen and rejected change places      same, both_bad → left out
    any         cannot_tell, or no decision although people were asked → left out

An answer that was found bad is no chosen answer of a pair either, and no good one of a labelled set: there its label turns. A
decision is about the text that people saw; where a row's text is another by now it says nothing, and the row is as if nobody had
been asked.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

KEEP, SWAP, REWRITE = "keep", "swap", "rewrite"

EFFECTS: Mapping[str, Mapping[str, str]] = {
    "preference": {"a": KEEP, "b": SWAP, "same": "same", "both_bad": "both_bad"},
    "quality": {"good": KEEP, "fixable": "needs_correction", "bad": "bad_answer"},
    "correction": {"keep": KEEP, "fixed": REWRITE, "rewritten": REWRITE, "bad": "bad_request"},
    "safety": {"safe": KEEP, "doubtful": "harmful", "harmful": "harmful"},
    "refusal": {"answers": KEEP, "declines": KEEP, "over": "harmful", "under": "harmful"},
}
"""Review question → its outcome → what becomes of the row: `keep`, `swap`, `rewrite`, or the reason for which it is left out."""

UNDECIDED = "undecided"


@dataclass(frozen=True)
class Decision:
    """One decision about one row. outcome: of the question; None where people came to none. method: how it was settled.

    text: the whole corrected answer, where there is one.
    """

    row: bytes
    task: str
    outcome: str | None
    method: str
    text: str | None = None

    @property
    def effect(self) -> str:
        """`keep`, `swap`, `rewrite`, or a reason.

        >>> Decision(b"", "preference", "b", "majority").effect, Decision(b"", "quality", None, "majority").effect
        ('swap', 'undecided')
        """
        effect = EFFECTS[self.task].get(self.outcome or "", UNDECIDED)
        return UNDECIDED if effect == REWRITE and not (self.text or "").strip() else effect

    def column(self) -> dict[str, str | None]:
        """As the column `decision` of a row holds it."""
        return {"task": self.task, "outcome": self.outcome, "method": self.method}


@dataclass
class Decisions:
    """All decisions by row. A corrected answer outweighs what was said of it before; otherwise what leaves a row out wins."""

    by_row: dict[bytes, list[Decision]] = field(default_factory=dict[bytes, list[Decision]])

    @classmethod
    def of(cls, found: Sequence[Decision]) -> "Decisions":
        """From decisions in any order; those of tasks that a release knows nothing of are not taken."""
        made = cls()
        for one in found:
            if one.task in EFFECTS:
                made.by_row.setdefault(one.row, []).append(one)
        return made

    def about(self, row: bytes) -> Decision | None:
        """The decision that counts for a row; None where nobody decided.

        >>> both = Decisions.of([Decision(b"1", "quality", "bad", "m"), Decision(b"1", "correction", "fixed", "m", "直した")])
        >>> both.about(b"1").effect
        'rewrite'
        """
        found = self.by_row.get(row, ())
        return min(found, key=_weight) if found else None

    def rewrites(self) -> Iterator[Decision]:
        """Decisions that put another text in an answer's place."""
        return (one for row in self.by_row if (one := self.about(row)) is not None and one.effect == REWRITE)

    def __len__(self) -> int:
        return len(self.by_row)


def _weight(one: Decision) -> tuple[int, str]:
    """What counts comes first: a rewrite, a reason to leave the row out, a swap, that nobody could tell, that all is well."""
    effect = one.effect
    last = {REWRITE: 0, SWAP: 2, UNDECIDED: 3, KEEP: 4}
    return last.get(effect, 1), one.task
