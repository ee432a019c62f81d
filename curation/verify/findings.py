"""What a check found: how much it looked at, and what is wrong, by name."""

from dataclasses import dataclass, field
from math import sqrt

import numpy as np

NAMED = 20
"""Problems of one check that are said in full; the rest are counted."""


@dataclass
class Check:
    """One check: what it holds, over how many things, and each problem found (the first 20 in words)."""

    name: str
    looked_at: int = 0
    problems: list[str] = field(default_factory=list)
    more: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether no problem was found."""
        return not self.problems

    def fail(self, problem: str) -> None:
        """Counts a problem, and keeps it if it is among the first."""
        if len(self.problems) < NAMED:
            self.problems.append(problem)
        else:
            self.more += 1

    def first(self, found: np.ndarray) -> np.ndarray:
        """Of many problems those that there is still room to put into words, which may be costly; the others are counted here."""
        room = max(0, NAMED - len(self.problems))
        self.more += max(0, len(found) - room)
        return found[:room]


def interval(found: int, of: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson's 95 % interval of a share.

    >>> [round(v, 4) for v in interval(0, 10_000)], interval(0, 0)
    ([0.0, 0.0004], (0.0, 1.0))
    >>> interval(0, 33)[0], interval(33, 33)[1]
    (0.0, 1.0)
    """
    if not of:
        return 0.0, 1.0
    p, square = found / of, z * z
    middle = (p + square / (2 * of)) / (1 + square / of)
    half = z / (1 + square / of) * sqrt(p * (1 - p) / of + square / (4 * of * of))
    return max(0.0, middle - half) if found else 0.0, min(1.0, middle + half) if found < of else 1.0


def share(found: int, of: int) -> str:
    """A share with its interval in words.

    >>> share(3, 10_000)
    '3 of 10,000 (0.03 %, 95 % interval 0.01 to 0.0882 %)'
    """
    low, high = interval(found, of)
    rate = found / of if of else 0.0
    return f"{found:,} of {of:,} ({100 * rate:.3g} %, 95 % interval {100 * low:.2g} to {100 * high:.3g} %)"
