"""Exact similarity of forms, and who may be similar to whom: the checker's own shingles, hashes and bands.

The deduplication looks for partners in 14 bands of 8; here there are 8 bands of 3 with other hash functions, which find a pair at
J = 0.8 with probability 1 − (1 − 0.8³)⁸ = 0.997, so that what the deduplication's bands miss is seen. Every candidate is decided by
exact Jaccard over distinct shingles.
"""

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

BANDS, ROWS = 8, 3
SHINGLE = 5
_POWERS = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93, 0xA0761D6478BD642F], np.uint64
)
_SALTS = np.random.default_rng(20261122).integers(1, 1 << 63, BANDS * ROWS, np.uint64) | np.uint64(1)


def shingles(form: str) -> np.ndarray:
    """Sorted distinct 64-bit hashes of a form's shingles: substrings of 5 code points; itself below that; none of an empty one."""
    points = np.frombuffer(form.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64) + np.uint64(1)
    if not len(points):
        return np.zeros(0, np.uint64)
    width = min(SHINGLE, len(points))
    count = len(points) - width + 1
    mixed = np.zeros(count, np.uint64)
    for i in range(width):
        mixed = _scrambled(mixed ^ (points[i : i + count] * _POWERS[i]))
    return np.unique(mixed)


def _scrambled(values: np.ndarray) -> np.ndarray:
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def jaccard(a: np.ndarray, b: np.ndarray) -> float:
    """|A ∩ B| / |A ∪ B| of two results of `shingles`; 1 for two empty ones.

    >>> jaccard(shingles("精米の設定を変更する"), shingles("精米の設定を変更した"))
    0.5
    """
    if not len(a) and not len(b):
        return 1.0
    both = len(np.intersect1d(a, b, assume_unique=True))
    return both / (len(a) + len(b) - both)


def band_keys(made: np.ndarray) -> list[bytes]:
    """One key a band; two forms of similarity J share each with probability J³."""
    if not len(made):
        return [bytes([band]) for band in range(BANDS)]
    least = np.array([(_scrambled(made * salt)).min() for salt in _SALTS])
    return [bytes([band]) + least[band * ROWS : (band + 1) * ROWS].tobytes() for band in range(BANDS)]


def joined(sets: list[np.ndarray], tau: float) -> Iterator[tuple[int, int, float]]:
    """All pairs of sets with Jaccard ≥ tau, exactly: (smaller place, larger place, J), each once.

    Prefix filtering (Chaudhuri+06): with shingles ordered by how rare they are, sets of similarity ≥ τ share one of the first
    |A| − ⌈τ |A|⌉ + 1. Empty sets pair with one another.
    """
    flat = np.concatenate([*sets, np.zeros(0, np.uint64)])
    owner = np.repeat(np.arange(len(sets)), [len(s) for s in sets])
    _, place, counts = np.unique(flat, return_inverse=True, return_counts=True)
    often = counts[place]
    order = np.lexsort((place, often, owner))
    sizes = np.array([len(s) for s in sets], np.int64)
    nth = np.arange(len(flat)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    prefix = sizes - np.ceil(tau * sizes - 1e-9).astype(np.int64) + 1
    chosen = order[nth < prefix[owner[order]]]
    chosen = chosen[often[chosen] > 1]
    by_shingle: dict[int, list[int]] = defaultdict(list)
    for shingle, who in zip(place[chosen].tolist(), owner[chosen].tolist(), strict=True):
        by_shingle[shingle].append(who)
    candidates = {
        (a, b) if a < b else (b, a)
        for sharing in by_shingle.values()
        for i, a in enumerate(sharing)
        for b in sharing[:i]
        if tau * sizes[a] <= sizes[b] + 1e-9 and tau * sizes[b] <= sizes[a] + 1e-9
    }
    empty = np.flatnonzero(sizes == 0).tolist()
    candidates |= {(a, b) for i, b in enumerate(empty) for a in empty[:i]}
    for a, b in sorted(candidates):
        if (similarity := jaccard(sets[a], sets[b])) >= tau:
            yield a, b, similarity
