"""The count-min sketch (Cormode & Muthukrishnan 2005): counts of very many keys in a fixed table, never too low.

Each of `depth` rows hashes a key to one of `width` cells and counts there; the estimate is the smallest of a key's cells. Of N
counted keys an estimate is too high by more than e/width × N with probability at most e^−depth. Sketches of parts add up to the
sketch of the whole, cell by cell, so they may be made anywhere and in any order. A cell that reaches 2^32 − 1 stays there.
"""

from math import e, exp

import numpy as np

from curation.dedup.line_keys import mix64

MOST = 0xFFFFFFFF
"""What a cell can hold."""


def cells(key: int, width: int, depth: int) -> list[int]:
    """Cell of a key in each row: the reference of the kernel.

    >>> cells(7, 10, 3) == cells(7, 10, 4)[:3], max(cells(7, 10, 64)) < 10
    (True, True)
    """
    hashes = (mix64((key + 0x9E3779B97F4A7C15 * (d + 1)) & ((1 << 64) - 1)) for d in range(depth))
    return [((h >> 32) * width) >> 32 for h in hashes]


def error_share(width: int) -> float:
    """Share ε = e/width of all counted keys by which an estimate may be too high.

    >>> f"{error_share(1 << 20):.2g}"
    '2.6e-06'
    """
    return e / width


def failure_probability(depth: int) -> float:
    """Probability δ = e^−depth that an estimate is too high by more than that.

    >>> round(failure_probability(4), 4)
    0.0183
    """
    return exp(-depth)


class CountMin:
    """A sketch: `counts` uint32 [depth, width], 4 × depth × width bytes."""

    def __init__(self, width: int, depth: int, counts: np.ndarray | None = None):
        from curation.dedup import line_kernel

        self._kernel = line_kernel
        self.counts = np.zeros((depth, width), np.uint32) if counts is None else counts

    def add(self, keys: np.ndarray) -> None:
        """Counts each key (uint64) once."""
        self._kernel.sketch_add(self.counts, keys)

    def reaches(self, keys: np.ndarray, least: int) -> np.ndarray:
        """Which keys' estimates are at least `least`, bool: true for every key that was counted so often."""
        out = np.empty(len(keys), bool)
        self._kernel.sketch_reaches(self.counts, keys, min(least, MOST), out)
        return out


def added(total: np.ndarray, cells_of_row: np.ndarray) -> None:
    """Adds a row of another sketch to a row (uint32, in place); a full cell stays full."""
    room = MOST - total
    np.add(total, np.minimum(cells_of_row, room), out=total)
