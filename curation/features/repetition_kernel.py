"""The compiled pass of `repetition`: n-grams named by pairs of (n−1)-grams, so that only what repeats is looked at again.

An n-gram is told by its first and its last (n−1)-gram. Each of them has a number (its place in a hash table of that level), so the
pair of numbers is the n-gram, exactly: nothing is lost to hash collisions. And an n-gram can only come twice where both of its
(n−1)-grams do; all others are distinct and need no table. Of the characters of a novel a quarter is left at n = 4 and 3 % at n = 10.

A slot holds the pair (2 × 21 bits) and how often it came (22 bits), which is one memory access, and room for texts of `LONGEST`
characters; a longer one goes the same way by sorting. The loops have no branch that depends on whether an n-gram is new.
"""

import numpy as np
from numba import njit

from curation.normalise.utf8 import code_point

LONGEST = (1 << 21) // 2
"""Characters of a text whose tables (two slots a character and more) have numbers of 21 bits."""

_NAME, _TIMES, _ONE = np.uint64(21), np.uint64(22), np.uint64(1)
_TIMES_MASK = np.uint64((1 << 22) - 1)
_SCATTER = np.uint64(0x9E3779B97F4A7C15)


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
def _largest(slots, top, repeated):
    """Sum of the `top` largest occurrences in the table, by counting; `repeated` entries occur twice or more."""
    if top == 0:
        return 0
    many = np.empty(repeated, np.int64)
    counted = np.zeros(64, np.int64)
    above = 0
    for slot in slots:
        times = np.int64(slot & _TIMES_MASK)
        if times >= 64:
            many[above] = times
            above += 1
        else:
            counted[times] += 1
    left, total = top, 0
    for times in np.sort(many[:above])[::-1][:left]:
        total += times
        left -= 1
    for times in range(63, 1, -1):
        taken = min(left, counted[times])
        total += taken * times
        left -= taken
    return total


@njit(cache=True, nogil=True)
def measured(data, offsets):
    """All columns of all rows, float64 [10, rows], in the order of `COLUMNS`; and which rows are too long, bool [rows]."""
    rows = len(offsets) - 1
    fractions = np.zeros((10, rows), np.float64)
    too_long = np.zeros(rows, np.bool_)
    room = 16
    for row in range(rows):
        if offsets[row + 1] - offsets[row] <= 4 * LONGEST:
            room = max(room, offsets[row + 1] - offsets[row])
    name = np.empty(room, np.uint32)
    keys = np.empty(room, np.uint64)
    place = np.empty(room, np.int32)
    slots = np.empty(64, np.uint64)
    for row in range(rows):
        if offsets[row + 1] - offsets[row] > 4 * LONGEST:
            too_long[row] = True
            continue
        chars = _decoded(data, offsets[row], offsets[row + 1], name)
        if chars > LONGEST:
            too_long[row] = True
            continue
        left = max(chars - 1, 0)
        for k in range(left):
            place[k] = k
            keys[k] = (np.uint64(name[k]) << _NAME) | np.uint64(name[k + 1])
        for n in range(2, min(chars, 10) + 1):
            size, shift = 64, np.uint64(58)
            while size < 2 * left:
                size *= 2
                shift -= _ONE
            if size > len(slots):
                slots = np.empty(size, np.uint64)
            for p in range(size):
                slots[p] = 0
            mask = np.uint64(size - 1)
            most = _ONE
            new = repeated = 0
            for k in range(left):
                key = keys[k]
                p = (key * _SCATTER) >> shift
                slot = slots[p]
                while slot >> _TIMES != key and slot != 0:
                    p = (p + _ONE) & mask
                    slot = slots[p]
                times = (slot & _TIMES_MASK) + _ONE
                slots[p] = (key << _TIMES) | times
                new += times == 1
                repeated += times == 2
                most = max(most, times)
                name[k] = p
            total = chars - n + 1
            distinct = total - left + new
            if n <= 4:
                fractions[n - 2, row] = most / total
            else:
                fractions[n - 2, row] = repeated / distinct
            if n == 5:
                top = min(int(np.sqrt(distinct)), repeated)
                fractions[9, row] = _largest(slots[:size], top, repeated) / total
            kept = 0
            if left:
                first = name[0]
                first_again = slots[first] & _TIMES_MASK > _ONE
                for k in range(left - 1):
                    second = name[k + 1]
                    second_again = slots[second] & _TIMES_MASK > _ONE
                    at = place[k]
                    keys[kept] = (np.uint64(first) << _NAME) | np.uint64(second)
                    place[kept] = at
                    kept += first_again & second_again & (place[k + 1] == at + 1)
                    first, first_again = second, second_again
            left = kept
    return fractions, too_long


def of_long_text(text: str) -> np.ndarray:
    """The columns of one text of any length, float64 [10], by sorting the pairs of each level; about 1 µs a character."""
    names = np.frombuffer(text.encode("utf-32-le"), np.uint32).astype(np.uint64)
    place = np.arange(len(names))
    fractions = np.zeros(10)
    for n in range(2, min(len(text), 10) + 1):
        total = len(text) - n + 1
        follows = np.diff(place) == 1
        pairs = (names[:-1][follows] << np.uint64(32)) | names[1:][follows]
        place = place[:-1][follows]
        _, name, times = np.unique(pairs, return_inverse=True, return_counts=True)
        distinct = total - len(pairs) + len(times)
        again = np.sort(times[times > 1])
        if n <= 4:
            fractions[n - 2] = max(times.max(initial=1), 1) / total
        else:
            fractions[n - 2] = len(again) / distinct
        if n == 5:
            top = min(int(np.sqrt(distinct)), len(again))
            fractions[9] = again[len(again) - top :].sum() / total
        kept = times[name] > 1
        names, place = name[kept].astype(np.uint64), place[kept]
    return fractions
