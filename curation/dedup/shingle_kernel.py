"""Compiled kernels over shingles as 64-bit hashes: the reference is `shingles.shingle_words`."""

import numpy as np
from numba import njit, uint64


@njit(cache=True, nogil=True)
def shingle_hashes(points: np.ndarray, n: int, out: np.ndarray) -> int:
    """64-bit hashes of the 5-grams of points[:n] into `out` (≥ max(1, n − 4)), not sorted, with repeats; how many.

    Odd multipliers on 21-bit code points, then MurmurHash3's 64-bit finaliser.
    """
    if n == 0:
        return 0
    p0, p1, p2 = uint64(0x9E3779B97F4A7C15), uint64(0xBF58476D1CE4E5B9), uint64(0x94D049BB133111EB)
    p3, p4 = uint64(0xD6E8FEB86659FD93), uint64(0xA0761D6478BD642F)
    count = n - 4
    if count < 1:
        h = uint64(n)
        for i in range(n):
            h = h * p0 + uint64(points[i])
        out[0] = _mix64(h)
        return 1
    for i in range(count):
        h = uint64(points[i]) * p0 + uint64(points[i + 1]) * p1 + uint64(points[i + 2]) * p2
        out[i] = _mix64(h + uint64(points[i + 3]) * p3 + uint64(points[i + 4]) * p4)
    return count


@njit(cache=True, nogil=True, inline="always")
def _mix64(h: np.uint64) -> np.uint64:
    h = h ^ (h >> uint64(33))
    h = h * uint64(0xFF51AFD7ED558CCD)
    h = h ^ (h >> uint64(33))
    h = h * uint64(0xC4CEB9FE1A85EC53)
    return h ^ (h >> uint64(33))


@njit(cache=True, nogil=True)
def distinct(words: np.ndarray) -> int:
    """Moves the distinct values of a sorted array to its front; their number."""
    if len(words) == 0:
        return 0
    n = 1
    for i in range(1, len(words)):
        if words[i] != words[n - 1]:
            words[n] = words[i]
            n += 1
    return n


@njit(cache=True, nogil=True)
def shared(a: np.ndarray, b: np.ndarray) -> int:
    """How many values two sorted arrays of distinct values share."""
    i = j = n = 0
    while i < len(a) and j < len(b):
        x, y = a[i], b[j]
        n += int(x == y)
        i += int(x <= y)
        j += int(y <= x)
    return n
