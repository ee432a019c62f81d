"""The compiled pass of `repetition`: n-grams named by pairs of (n−1)-grams, so that only what repeats is looked at again.

An n-gram is told by its first and its last (n−1)-gram. Each of them has a number (its place in a hash table of that level), so the
pair of numbers is the n-gram, exactly: nothing is lost to hash collisions. And an n-gram can only come twice where both of its
(n−1)-grams do; all others are distinct and need no table. Japanese prose has a third of its characters left at n = 4 and a tenth at
n = 10, which is why this beats one table or one sort for every n by a factor of three to six (docs/benchmarks.md).
"""

import numpy as np
from numba import njit

from curation.normalise.utf8 import code_point

_FIRST, _SECOND = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)


@njit(nogil=True)
def _decoded(data, start, end, points):
    """Code points of data[start:end] into `points`; returns their number."""
    n = 0
    i = start
    while i < end:
        b = data[i]
        if b < 0x80:
            points[n] = b
            i += 1
        elif b >= 0xE0 and b < 0xF0 and i + 2 < end:
            points[n] = ((int(b) & 0x0F) << 12) | ((int(data[i + 1]) & 0x3F) << 6) | (int(data[i + 2]) & 0x3F)
            i += 3
        else:
            c, size = code_point(data, i, end)
            points[n] = c
            i += size
        n += 1
    return n


@njit(nogil=True)
def _largest(times, size, distinct, repeated, total):
    """Share of the ⌊√distinct⌋ most frequent among all occurrences, those that occur once left out (HojiChar)."""
    top = min(int(np.sqrt(distinct)), repeated)
    if top == 0:
        return 0.0
    most = np.empty(repeated, np.int32)
    k = 0
    for p in range(size):
        if times[p] > 1:
            most[k] = times[p]
            k += 1
    return np.sort(most)[repeated - top :].sum() / total


@njit(cache=True, nogil=True)
def measured(data, offsets):
    """All columns of all rows, float64 [10, rows], in the order of `COLUMNS`."""
    rows = len(offsets) - 1
    fractions = np.zeros((10, rows), np.float64)
    longest = 16
    for row in range(rows):
        longest = max(longest, offsets[row + 1] - offsets[row])
    name = np.empty(longest, np.uint32)  # number of the (n−1)-gram …
    place = np.empty(longest, np.int32)  # … that begins here
    slots = 64
    times = np.zeros(slots, np.int32)
    keys = np.empty(slots, np.uint64)
    for row in range(rows):
        chars = _decoded(data, offsets[row], offsets[row + 1], name)
        left = chars
        for i in range(chars):
            place[i] = i
        for n in range(2, 11):
            total = chars - n + 1
            if total < 1:
                break
            size, shift = 64, np.uint64(58)
            while size < left + left // 2:
                size *= 2
                shift -= np.uint64(1)
            if size > slots:
                slots = size
                times = np.zeros(slots, np.int32)
                keys = np.empty(slots, np.uint64)
            else:
                times[:size] = 0
            mask = size - 1
            seen = distinct = repeated = 0
            most = 1
            for k in range(left - 1):
                at = place[k]
                if place[k + 1] != at + 1:
                    continue
                a, b = np.uint64(name[k]), np.uint64(name[k + 1])
                key = (a << np.uint64(32)) | b
                p = np.int64((a * _FIRST + b * _SECOND) >> shift)
                while times[p] and keys[p] != key:
                    p = (p + 1) & mask
                again = times[p] + 1
                times[p] = again
                keys[p] = key
                distinct += again == 1
                repeated += again == 2
                most = max(most, again)
                name[seen] = p
                place[seen] = at
                seen += 1
            distinct += total - seen
            if n <= 4:
                fractions[n - 2, row] = most / total
            else:
                fractions[n - 2, row] = repeated / distinct
            if n == 5:
                fractions[9, row] = _largest(times, size, distinct, repeated, total)
            left = 0
            for k in range(seen):
                name[left] = name[k]
                place[left] = place[k]
                left += times[name[k]] > 1
    return fractions
