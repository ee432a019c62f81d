"""Choices of one instance: each decided by a hash of the instance's key and the choice's number, so the same everywhere.

No generator of a library is used: what one draws may change with its version, and so would every prompt and every stored answer.
"""

from collections.abc import Sequence
from typing import TypeVar

from curation.provenance import key
from synth.wordings import Line, Split, Wordings

T = TypeVar("T")


class Draw:
    """Draws for one instance.

    key: of the instance. words: lines of the task that may be used; split: those of training or those kept for evaluation.
    member: which of the instances that are drawn alike. `lines` are the wordings that were drawn: the instance's row names them.
    """

    def __init__(self, key: bytes, words: Wordings, split: Split = "train", member: int = 0):
        self.key, self.words, self.member = key, words, member
        self.split: Split = split
        self.lines: list[Line] = []
        self._count = 0

    def integer(self, low: int, high: int) -> int:
        """An integer from low to high, both ends included. Raises ValueError where there is none."""
        if high < low:
            raise ValueError(f"no integer from {low} to {high}")
        self._count += 1
        return low + int.from_bytes(key("draw", self.key, self._count)[:8], "big") % (high - low + 1)

    def step(self, low: int, high: int, step: int) -> int:
        """One of low, low + step, … up to high."""
        return low + step * self.integer(0, (high - low) // step)

    def chance(self, percent: int) -> bool:
        """True in `percent` of 100 draws."""
        return self.integer(1, 100) <= percent

    def one(self, options: Sequence[T]) -> T:
        """One of the options."""
        return options[self.integer(0, len(options) - 1)]

    def some(self, options: Sequence[T], count: int) -> list[T]:
        """`count` different ones, in the order in which they were drawn. Raises ValueError where there are too few."""
        rest = list(options)
        if count > len(rest):
            raise ValueError(f"{count} of {len(rest)} options")
        return [rest.pop(self.integer(0, len(rest) - 1)) for _ in range(count)]

    def shuffled(self, options: Sequence[T]) -> list[T]:
        """All options in a drawn order."""
        return self.some(options, len(options))

    def line(self, part: str, /) -> Line:
        """One wording of a part, remembered in `lines`."""
        made = self.one(self.words.of(part, self.split))
        self.lines.append(made)
        return made

    def say(self, part: str, /, **values: object) -> str:
        """One wording of a part with its slots filled."""
        return self.line(part).fill(**values)
