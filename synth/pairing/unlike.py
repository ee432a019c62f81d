"""Whether the two texts of a pair are too alike: exact Jaccard over distinct 5-grams of their normal forms."""

from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np

from curation.dedup.normal_form import kernel_tables, normal_form
from curation.dedup.shingles import jaccard
from synth.pairing.pool import Pool

FEW = 2000
"""Pairs up to which the plain reference is quicker than loading the kernel."""
AT_ONCE = 4096
THREADS = 2
"""Threads that compare texts; each holds the texts of AT_ONCE pairs. They stay: a new thread gets a new arena, and memory grows."""


def too_alike(pool: Pool, begin: np.ndarray, size: np.ndarray, most: float, *, few: bool) -> np.ndarray:
    """Whether the similarity of each pair, in [0, 1], reaches `most`. begin, size: places of its two texts, [pairs, 2].

    few: whether there are so few pairs in all that the plain reference is quicker.
    """
    parts = [slice(at, at + AT_ONCE) for at in range(0, len(begin), AT_ONCE)]
    compare = _few if few else _many

    def alike(some: slice) -> np.ndarray:
        return compare(*pool.texts(begin[some].ravel(), size[some].ravel()), most) >= most

    return np.concatenate([np.zeros(0, bool), *_threads().map(alike, parts)])


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS)  # the kernel needs no lock of the interpreter


def _few(data: np.ndarray, offsets: np.ndarray, most: float) -> np.ndarray:
    return np.array([_plain(data, offsets, p) for p in range(len(offsets) // 2)])


def _plain(data: np.ndarray, offsets: np.ndarray, pair: int) -> float:
    a, b = (_form(data, offsets, 2 * pair + side) for side in (0, 1))
    return jaccard(a, b)


def _form(data: np.ndarray, offsets: np.ndarray, i: int) -> str:
    return normal_form(data[offsets[i] : offsets[i + 1]].tobytes().decode("utf-8", "replace"))


def _many(data: np.ndarray, offsets: np.ndarray, most: float) -> np.ndarray:
    """As `_few`, but a pair that cannot reach `most` has some number below it."""
    from curation.dedup import text_pair_kernel

    out = np.empty(len(offsets) // 2)
    text_pair_kernel.pair_similarity(data, offsets, *kernel_tables(), most, out)
    for pair in np.flatnonzero(out == text_pair_kernel.LEFT).tolist():
        out[pair] = _plain(data, offsets, pair)
    return out
