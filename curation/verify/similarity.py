"""Exact similarity of forms, and who may be similar to whom: the checker's own shingles, hashes and bands.

The deduplication looks for partners in 14 bands of 8; here there are 8 bands of 3 with other hash functions, which find a pair at
J = 0.8 with probability 1 − (1 − 0.8³)⁸ = 0.997, so that what the deduplication's bands miss is seen. Every candidate is decided by
exact Jaccard over distinct shingles.
"""

from collections.abc import Iterator
from itertools import pairwise

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
        mixed = scrambled(mixed ^ (points[i : i + count] * _POWERS[i]))
    return np.unique(mixed)


def scrambled(values: np.ndarray) -> np.ndarray:
    """Each 64-bit number mixed (the finaliser of splitmix64, Steele+14): one to one, and 0 stays 0."""
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


def band_keys(made: np.ndarray) -> np.ndarray:
    """32 bits of a key a band, uint32 [8]; two forms of similarity J share each with probability J³ (and 2⁻³² by chance)."""
    if not len(made):
        return np.zeros(BANDS, np.uint32)
    least = np.array([scrambled(made * salt).min() for salt in _SALTS]).reshape(BANDS, ROWS)
    key = np.zeros(BANDS, np.uint64)
    for row in least.T:
        key = scrambled(key ^ row)
    return (key >> np.uint64(32)).astype(np.uint32)


def joined(
    sets: list[np.ndarray], tau: float, groups: np.ndarray | None = None, most: int | None = None
) -> Iterator[tuple[int, int, float]]:
    """All pairs of sets with Jaccard ≥ tau, exactly: (smaller place, larger place, J), each once.

    groups: of each set; pairs inside one group are neither looked at nor given. most: candidates that are compared at most, those
    of the rarest shingles first.

    Prefix filtering (Chaudhuri+06): with shingles ordered by how rare they are, sets of similarity ≥ τ share one of the first
    |A| − ⌈τ |A|⌉ + 1. Empty sets pair with one another.
    """
    group = np.arange(len(sets)) if groups is None else groups
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
    chosen = chosen[np.lexsort((group[owner[chosen]], place[chosen], often[chosen]))]
    bounds = np.flatnonzero(np.r_[True, np.diff(place[chosen]) != 0, True]) if len(chosen) else np.zeros(1, np.int64)
    sharing = [owner[chosen[a:b]] for a, b in pairwise(bounds.tolist())]
    for a, b in sorted(_candidates([*sharing, np.flatnonzero(sizes == 0)], group, sizes, tau, most)):
        if (similarity := jaccard(sets[a], sets[b])) >= tau:
            yield a, b, similarity


def _candidates(
    sharing: list[np.ndarray], group: np.ndarray, sizes: np.ndarray, tau: float, most: int | None
) -> set[tuple[int, int]]:
    """Pairs of two groups that share a shingle, of sizes that allow the similarity. Each of `sharing` is sorted by group."""
    found: set[tuple[int, int]] = set()
    for who in sharing:
        of, size = group[who], sizes[who]
        starts = np.searchsorted(of, of)  # in order of group: those before the first of one's own are of other groups
        for i, (a, before) in enumerate(zip(who.tolist(), starts.tolist(), strict=True)):
            other, there = who[:before], size[:before]
            fits = other[(tau * there <= size[i] + 1e-9) & (tau * size[i] <= there + 1e-9)]
            found.update((a, b) if a < b else (b, a) for b in fits.tolist())
            if most is not None and len(found) >= most:
                return found
    return found
