"""Compiled passes over the lines of pages: their keys, the sketch that counts them, pages written without some of them.

The references are plain Python: `line_keys.line_key`, `line_keys.without_lines` and `count_min.cells`.
"""

import numpy as np
from numba import njit, uint32, uint64

from curation.dedup.form_kernel import REFUSED, form_points
from curation.extract.char_class import CLASSES

_SEED, _PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_CLASSES = CLASSES
_FULL = np.uint32(0xFFFFFFFF)


@njit(cache=True, nogil=True, inline="always")
def _mix64(h: np.uint64) -> np.uint64:
    h = (h ^ (h >> uint64(33))) * uint64(0xFF51AFD7ED558CCD)
    h = (h ^ (h >> uint64(33))) * uint64(0xC4CEB9FE1A85EC53)
    return h ^ (h >> uint64(33))


@njit(cache=True, nogil=True, inline="always")
def _step(h: np.uint64, value: np.uint64) -> np.uint64:
    h = (h ^ value) * _PRIME
    return h ^ (h >> uint64(29))


@njit(cache=True, nogil=True)
def split_lines(
    data: np.ndarray,
    offsets: np.ndarray,
    valid: np.ndarray,
    table: np.ndarray,
    pool_start: np.ndarray,
    pool: np.ndarray,
    points: np.ndarray,
    rows: np.ndarray,
    begin: np.ndarray,
    end: np.ndarray,
    key: np.ndarray,
    chars: np.ndarray,
    lettered: np.ndarray,
) -> int:
    """The lines of an Arrow text buffer into `begin`, `end`, `key`, `chars`, `lettered`, `rows`; how many.

    Room for a line a row and one a line break; points is scratch for the longest row. `chars` is REFUSED for a line that must
    take the reference.
    """
    k = 0
    for r in range(len(offsets) - 1):
        rows[r] = k
        i, stop = offsets[r], offsets[r + 1]
        while valid[r]:
            j = i
            while j < stop and data[j] != 10:
                j += 1
            begin[k], end[k] = i, j
            n = form_points(data, i, j, table, pool_start, pool, points)
            chars[k] = n
            if n != REFUSED:
                h = _SEED
                some = False
                for p in range(n):
                    c = points[p]
                    h = _step(h, uint64(c))
                    if not some:
                        if c < uint32(0x10000):
                            some = (_CLASSES[c] & 1) != 0
                        else:
                            some = 0x20000 <= c < 0x40000 or c < 0x1F000 or c >= 0x1FB00
                key[k], lettered[k] = _mix64(h), some
            k += 1
            i = j + 1
            if j >= stop:
                break
    rows[len(offsets) - 1] = k
    return k


@njit(cache=True, nogil=True)
def keys_of_texts(key: np.ndarray, chars: np.ndarray, rows: np.ndarray, out: np.ndarray) -> None:
    """One hash of the keys of each row's lines, blank ones left out, in order."""
    for r in range(len(rows) - 1):
        h = _SEED
        for k in range(rows[r], rows[r + 1]):
            if chars[k]:
                h = _step(h, key[k])
        out[r] = _mix64(h)


@njit(cache=True, nogil=True)
def keys_of_bytes(data: np.ndarray, offsets: np.ndarray, out: np.ndarray) -> None:
    """A hash of the bytes of each row."""
    for r in range(len(offsets) - 1):
        h = _SEED
        for i in range(offsets[r], offsets[r + 1]):
            h = _step(h, uint64(data[i]))
        out[r] = _mix64(h)


@njit(cache=True, nogil=True)
def distinct_lines(key: np.ndarray, counted: np.ndarray, rows: np.ndarray, out: np.ndarray, sizes: np.ndarray) -> int:
    """The distinct keys of each row's counted lines, sorted, row after row into `out`, their number a row into `sizes`; how many."""
    total = 0
    for r in range(len(rows) - 1):
        first = total
        for k in range(rows[r], rows[r + 1]):
            if counted[k]:
                out[total] = key[k]
                total += 1
        out[first:total].sort()
        n = first
        for k in range(first, total):
            if n == first or out[k] != out[n - 1]:
                out[n] = out[k]
                n += 1
        sizes[r] = n - first
        total = n
    return total


@njit(cache=True, nogil=True, inline="always")
def _cell(key: np.uint64, d: int, width: int) -> np.uint64:
    h = _mix64(key + _GOLDEN * uint64(d + 1))
    return ((h >> uint64(32)) * uint64(width)) >> uint64(32)


@njit(cache=True, nogil=True)
def sketch_add(counts: np.ndarray, keys: np.ndarray) -> None:
    """Adds one to a cell of every row of a count-min sketch (uint32 [depth, width]) for each key; a full cell stays full."""
    depth, width = counts.shape
    for d in range(depth):
        row = counts[d]
        for k in range(len(keys)):
            c = _cell(keys[k], d, width)
            if row[c] != _FULL:
                row[c] += uint32(1)


@njit(cache=True, nogil=True)
def sketch_reaches(counts: np.ndarray, keys: np.ndarray, least: int, out: np.ndarray) -> None:
    """Whether the estimate of each key, the smallest of its cells, is at least `least`."""
    depth, width = counts.shape
    for k in range(len(keys)):
        reached = True
        for d in range(depth):
            if counts[d, _cell(keys[k], d, width)] < least:
                reached = False
                break
        out[k] = reached


@njit(cache=True, nogil=True)
def places(keys: np.ndarray, table: np.ndarray, starts: np.ndarray, out: np.ndarray) -> None:
    """Place of each key in a sorted table, −1 where it is not. starts: first place of each value of the key's highest 16 bits."""
    for k in range(len(keys)):
        key = keys[k]
        high = key >> uint64(48)
        low, stop = starts[high], starts[high + uint64(1)]
        last = stop
        while low < stop:
            middle = (low + stop) >> 1
            if table[middle] < key:
                low = middle + 1
            else:
                stop = middle
        out[k] = low if low < last and table[low] == key else -1


@njit(cache=True, nogil=True)
def beyond(rank: np.ndarray, owner: np.ndarray, bound: np.ndarray, place: np.ndarray, out: np.ndarray) -> None:
    """Whether the rank words of each line's page (rank[owner]) come after its bound's (bound[place]); False where place is −1."""
    for k in range(len(owner)):
        out[k] = False
        if place[k] < 0:
            continue
        for w in range(rank.shape[1]):
            a, b = rank[owner[k], w], bound[place[k], w]
            if a != b:
                out[k] = a > b
                break


@njit(cache=True, nogil=True)
def take_out(
    data: np.ndarray,
    rows: np.ndarray,
    begin: np.ndarray,
    end: np.ndarray,
    chars: np.ndarray,
    gone: np.ndarray,
    out: np.ndarray,
    made: np.ndarray,
) -> int:
    """Copies the rows to `out` (room for the whole column) without the lines that are `gone`; offsets into `made`; bytes written."""
    o = 0
    made[0] = 0
    for r in range(len(rows) - 1):
        start = o
        text_end = o  # behind the last line that is not blank
        after = False
        empty = True
        blank_before = True
        for k in range(rows[r], rows[r + 1]):
            if gone[k]:
                after = True
                continue
            blank = chars[k] == 0
            if blank and after and blank_before:
                continue
            if not empty:
                out[o] = 10
                o += 1
            for i in range(begin[k], end[k]):
                out[o] = data[i]
                o += 1
            empty = False
            blank_before = blank
            if not blank:
                after = False
                text_end = o
        if after:
            o = max(text_end, start)
        made[r + 1] = o
    return o
