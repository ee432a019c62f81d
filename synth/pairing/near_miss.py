"""Near-miss: a passing answer against a minimal edit of it that breaks exactly one constraint, made by program and proven.

What a pair teaches is then what the constraint says and nothing else: the two texts are one but for a digit, a mark, a clause.
Whether an answer abstains or declines is not a matter of a small edit: `twins` and `over_refusal` make those.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from synth.pairing.edited import Original, edit_row, evenly
from synth.pairing.edits.edit import Proven, proven

STRATEGY = "near_miss"
ELSEWHERE = ("abstention", "refusal")


def edits_of(
    of: Original, number: int, *, kinds: Collection[str] | None = None, per_answer: int = 1
) -> Iterator[dict[str, Any]]:
    """Edit rows of an answer. kinds: of constraints that may be broken, None for all; per_answer: edits of one answer at most."""
    wanted = [
        i
        for i, spec in enumerate(of.specs)
        if spec.hard and spec.kind not in ELSEWHERE and (kinds is None or spec.kind in kinds)
    ]
    for made in evenly(_all(of, wanted), of, per_answer):
        yield edit_row(of, made, STRATEGY, number)


def _all(of: Original, wanted: Sequence[int]) -> Iterator[Proven]:
    for index in wanted:
        yield from proven(of.specs, index, of.prompt, of.text, of.verdicts)
