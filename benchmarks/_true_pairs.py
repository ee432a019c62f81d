"""All pairs of texts with exact Jaccard at or above a threshold: an exact join, which no band decides about.

Shingles ordered rarest first, two sets of J ≥ τ share one of the first |A| − ⌈τ|A|⌉ + 1 of each (Bayardo+07), so comparing those that
do loses no pair. Set sizes must be within τ of each other too.
"""

import math
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from numba import njit


def true_pairs(texts: pa.Array, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of rows (a < b) of different normal forms, int64 [pairs, 2], and their Jaccard. One row of each form is looked at."""
    from curation.dedup.cluster_kernel import pair_jaccard
    from curation.dedup.shingle_sets import ShingleWords

    sets = list(ShingleWords().of(texts))
    size = np.array([len(s) for s in sets], np.int64)
    start = np.concatenate([np.zeros(1, np.int64), np.cumsum(size)])
    words = np.concatenate(sets)
    del sets
    _, number, often = np.unique(words, return_inverse=True, return_counts=True)
    prefix = [size_ - math.ceil(threshold * size_) + 1 if size_ else 0 for size_ in size.tolist()]
    postings = _prefixes(number, often, start, np.array(prefix, np.int64))
    postings = postings[np.argsort(postings[:, 0], kind="stable")]
    found = np.empty(0, np.uint64)
    for pairs in _meetings(postings, size, threshold):
        found = np.unique(np.concatenate([found, pairs]))
    a, b = (found >> np.uint64(32)).astype(np.int64), (found & np.uint64(0xFFFFFFFF)).astype(np.int64)
    jaccard = np.empty(len(a))
    pair_jaccard(words, start[:-1], size, a, b, jaccard)
    near = jaccard >= threshold
    return np.column_stack([a, b])[near], jaccard[near]


@njit
def _prefixes(number, often, start, prefix):
    """(shingle, row) of every row's rarest shingles that another row has too."""
    out = np.empty((prefix.sum(), 2), np.int64)
    n = 0
    for row in range(len(prefix)):
        own = number[start[row] : start[row + 1]]
        order = np.argsort(
            often[own], kind="mergesort"
        )  # numbers are in order already: ties by number, as in every row
        for i in range(prefix[row]):
            if often[own[order[i]]] > 1:
                out[n, 0], out[n, 1] = own[order[i]], row
                n += 1
    return out[:n]


def _meetings(postings: np.ndarray, size: np.ndarray, threshold: float) -> Iterator[np.ndarray]:
    """Pairs that meet in a posting list, as a << 32 | b, some million at a time."""
    at, room = 0, np.empty(1 << 22, np.uint64)
    while at < len(postings):
        at, n, room = _meet(postings, size, threshold, at, room)
        yield room[:n].copy()


@njit
def _meet(postings, size, threshold, at, room):
    n = 0
    while at < len(postings):
        last = at
        while last < len(postings) and postings[last, 0] == postings[at, 0]:
            last += 1
        most = (last - at) * (last - at - 1) // 2
        if n + most > len(room):
            if n:
                break
            room = np.empty(most, np.uint64)
        for i in range(at, last):
            for j in range(at, i):
                a, b = min(postings[i, 1], postings[j, 1]), max(postings[i, 1], postings[j, 1])
                if a != b and min(size[a], size[b]) >= threshold * max(size[a], size[b]):
                    room[n] = np.uint64(a) << np.uint64(32) | np.uint64(b)
                    n += 1
        at = last
    return at, n, room
