"""How often each score occurs among all rows: the exact distribution of a score, small enough for every worker to hold.

Scores are stored rounded to 1e-3, so a crawl of any size has some thousand distinct ones. Counting them is exact where a quantile
sketch would only be near, adds up over tasks in any order, and needs no random number: a row's rank is a lookup.

Counts are integers, rows or sums of an integer column (characters, tokens); ties are never split.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

MOST_DISTINCT = 1 << 20
"""Distinct values above which a column is no score at this resolution: it would be a sort of all rows, not a count."""


class ScoreError(ValueError):
    """A column that cannot be ranked as a score; says so in words that are all there is to say."""


@dataclass(frozen=True)
class ScoreCounts:
    """Distinct scores in units of the resolution (`key`, ascending), rows of each, and their weight; int64 arrays of equal length."""

    key: np.ndarray
    rows: np.ndarray
    weight: np.ndarray

    @classmethod
    def of(cls, key: np.ndarray, weight: np.ndarray | None = None) -> "ScoreCounts":
        """Counts of some rows' scores; each row weighs 1 where no weights are given.

        >>> counts = ScoreCounts.of(np.array([5, 3, 5]), np.array([10, 1, 2]))
        >>> counts.key.tolist(), counts.rows.tolist(), counts.weight.tolist()
        ([3, 5], [1, 2], [1, 12])
        """
        ones = np.ones(len(key), np.int64)
        return cls.added(
            [cls(np.asarray(key, np.int64), ones, ones if weight is None else np.asarray(weight, np.int64))]
        )

    @classmethod
    def added(cls, parts: Iterable["ScoreCounts"]) -> "ScoreCounts":
        """Several counts as one; none gives empty arrays.

        Raises ScoreError for more than 2^20 distinct values.
        """
        empty = np.zeros(0, np.int64)
        some = list(parts)
        key = np.concatenate([empty, *(p.key for p in some)])
        found, place = np.unique(key, return_inverse=True)
        if len(found) > MOST_DISTINCT:
            raise ScoreError(f"more than {MOST_DISTINCT:,} distinct values; state a coarser 'resolution'")
        sums = [np.zeros(len(found), np.int64), np.zeros(len(found), np.int64)]
        for total, name in zip(sums, ("rows", "weight"), strict=True):
            np.add.at(total, place, np.concatenate([empty, *(getattr(p, name) for p in some)]))
        return cls(found, *sums)

    @property
    def total(self) -> int:
        """Weight of all rows."""
        return int(self.weight.sum())

    def around(self, key: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Weight of the rows below each score, and of those up to it, itself included: int64 arrays.

        >>> below, upto = ScoreCounts.of(np.array([1, 1, 2, 7])).around(np.array([1, 2, 7]))
        >>> below.tolist(), upto.tolist()
        ([0, 2, 3], [2, 3, 4])
        """
        cumulated = np.concatenate([[0], np.cumsum(self.weight)])
        return tuple(cumulated[np.searchsorted(self.key, key, side)] for side in ("left", "right"))  # type: ignore[return-value]

    def top(self, key: np.ndarray) -> np.ndarray:
        """Share of all weight that scores at least as high, in (0, 1]: float64. The top tenth is where it is at most 0.1.

        >>> ScoreCounts.of(np.array([1, 1, 2, 7])).top(np.array([1, 2, 7])).tolist()
        [1.0, 0.5, 0.25]
        """
        return (self.total - self.around(key)[0]) / max(self.total, 1)

    def midrank(self, key: np.ndarray) -> np.ndarray:
        """Share of all weight that scores lower, ties counting half, in (0, 1): float64.

        >>> ScoreCounts.of(np.array([1, 1, 2, 7])).midrank(np.array([1, 2, 7])).tolist()
        [0.25, 0.625, 0.875]
        """
        below, upto = self.around(key)
        return (below + upto) / (2 * max(self.total, 1))

    def bucket(self, key: np.ndarray, buckets: int) -> np.ndarray:
        """Which of so many buckets of equal weight each score is in, 0 (lowest) to buckets − 1: int64.

        As many as there are quantiles k/buckets (inverted CDF, 0 < k < buckets) that it reaches, in whole numbers: what NVIDIA's
        recipe of Nemotron-CC computes with np.digitize, over all rows instead of a sample.

        >>> ScoreCounts.of(np.arange(1, 11)).bucket(np.array([1, 2, 3, 9, 10]), 5).tolist()
        [0, 1, 1, 4, 4]
        """
        upto = self.around(key)[1]
        return np.minimum(upto * buckets // max(self.total, 1), buckets - 1)

    def at_top(self, share: float) -> int | None:
        """Lowest score of which no more than this share of all weight scores at least as high; None where even the best is more.

        >>> counts = ScoreCounts.of(np.array([1, 1, 2, 7]))
        >>> counts.at_top(0.5), counts.at_top(0.3), counts.at_top(0.2)
        (2, 7, None)
        """
        reached = np.flatnonzero(self.top(self.key) <= share)
        return int(self.key[reached[0]]) if len(reached) else None


class ScoreSum:
    """Counts that come batch by batch: held until there are many, so that a crawl is not merged anew with every thousand rows."""

    def __init__(self) -> None:
        self._whole, self._held, self._size = ScoreCounts.added([]), list[ScoreCounts](), 0

    def add(self, key: np.ndarray, weight: np.ndarray) -> None:
        """Counts some rows more. Raises ScoreError like `ScoreCounts.added`."""
        self._held.append(ScoreCounts.of(key, weight))
        self._size += len(self._held[-1].key)
        if self._size > max(1 << 16, len(self._whole.key)):
            self.total()

    def total(self) -> ScoreCounts:
        """All rows so far.

        >>> scores = ScoreSum()
        >>> for keys in ([3, 5], [5]):
        ...     scores.add(np.array(keys), np.ones(len(keys), int))
        >>> scores.total().rows.tolist()
        [1, 2]
        """
        self._whole, self._held, self._size = ScoreCounts.added([self._whole, *self._held]), [], 0
        return self._whole
