"""Compiled search for evaluation items in a column of texts; imported in `setup()` because numba is heavy.

A rolling hash over the code points of the compared form asks a bitmap; what passes is looked up by its whole hash, and what is found
there is compared code point by code point, so no hash decides. The references are plain Python: `compared_form.without_readings`
and `ItemIndex.matches`.
"""

import numpy as np
from numba import njit, uint32, uint64, uintp

from curation.decontaminate.gram_table import GOLDEN, GramTable
from curation.dedup.form_kernel import REFUSED, form_points

_GOLDEN = np.uint64(GOLDEN)

FULL = -1
"""What `find_in` and `find_rows` return when the room for matches was too small."""


@njit(cache=True, nogil=True, inline="always")
def _is_kanji(c: np.uint32) -> bool:
    if uint32(c - uint32(0x3400)) < uint32(0x6C00):
        return not uint32(c - uint32(0x4DC0)) < uint32(0x40)
    return bool(c == uint32(0x3005)) or bool(uint32(c - uint32(0x20000)) < uint32(0x20000))


@njit(cache=True, nogil=True, inline="always")
def _is_kana(c: np.uint32) -> bool:
    hiragana, katakana = uint32(c - uint32(0x3041)) < uint32(0x5F), uint32(c - uint32(0x30A1)) < uint32(0x5F)
    return bool(hiragana) or bool(katakana) or bool(c == uint32(0xB7))


@njit(cache=True, nogil=True)
def plain_points(points: np.ndarray, n: int) -> int:
    """Takes readings in brackets and | out of points[:n], in place; how many are left."""
    kept = uintp(0)
    i, stop, one = uintp(0), uintp(n), uintp(1)
    while i < stop:
        c = points[i]
        i += one
        if c == uint32(0x7C):
            continue
        round_one = c == uint32(0x28)
        if (round_one or c == uint32(0x300A)) and kept and _is_kanji(points[kept - one]):
            end = i
            while end < stop and _is_kana(points[end]):
                end += one
            if end > i and end < stop and points[end] == (uint32(0x29) if round_one else uint32(0x300B)):
                i = end + one
                continue
        points[kept] = c
        kept += one
    return np.int64(kept)  # pyright: ignore[reportReturnType]


@njit(cache=True, nogil=True)
def _entry(h: np.uint64, table: GramTable) -> int:
    """The entry of a hash, −1 where the table has none."""
    mask = uint64(len(table.slot_hash) - 1)
    at = uint64(h * _GOLDEN) >> uint64(64 - table.slot_bits)
    while table.slot_entry[at] >= 0:
        if table.slot_hash[at] == h:
            return table.slot_entry[at]
        at = uint64(at + uint64(1)) & mask
    return -1


@njit(cache=True, nogil=True)
def _same(points: np.ndarray, at: int, pool: np.ndarray, start: int, n: int) -> bool:
    i = 0
    while i < n and points[at + i] == pool[start + i]:
        i += 1
    return i == n


@njit(cache=True, nogil=True)
def _scan(
    points: np.ndarray,
    n: int,
    row: int,
    table: GramTable,
    whole: bool,
    pool: np.ndarray,
    starts: np.ndarray,
    seen: np.ndarray,
    out: np.ndarray,
    count: int,
) -> int:
    """Matches of one table in points[:n] behind out[:count] (int64 [room, 3]: row, text, place in it); how many then, or FULL.

    Each entry, or with `whole` each text, is written once a row: `seen` holds the last row + 1 that had it.
    """
    width = table.width
    if n < width or len(table.entry_start) < 2:
        return count
    multiplier = uint64(table.multiplier)
    gone = uint64(1)  # multiplier ** width
    h = uint64(0)
    for i in range(width):
        gone = gone * multiplier
        h = h * multiplier + uint64(points[i])
    shift = uint64(64 - table.filter_bits)
    last = uintp(n - width)
    w = uintp(width)
    i = uintp(0)
    while True:
        bit = uint64(h * _GOLDEN) >> shift
        if table.filter[bit >> uint64(6)] >> (bit & uint64(63)) & uint64(1):
            entry = _entry(h, table)
            if entry >= 0 and (whole or seen[entry] != row + 1):
                first, end = table.entry_start[entry], table.entry_start[entry + 1]
                if whole or _same(points, int(i), pool, table.entry_pool[entry], width):
                    for p in range(first, end):
                        text = table.text[p]
                        if whole:
                            start = int(starts[text])
                            size = int(starts[text + 1]) - start
                            if seen[text] == row + 1 or int(i) + size > n:
                                continue
                            if not _same(points, int(i), pool, start, size):
                                continue
                            seen[text] = row + 1
                        if count == len(out):
                            return FULL
                        out[count, 0], out[count, 1], out[count, 2] = row, text, table.place[p]
                        count += 1
                    if not whole:
                        seen[entry] = row + 1
        if i >= last:
            return count
        h = h * multiplier - uint64(points[i]) * gone + uint64(points[i + w])
        i += uintp(1)


@njit(cache=True, nogil=True)
def find_in(
    points: np.ndarray,
    n: int,
    row: int,
    grams: GramTable,
    shorts: GramTable,
    pool: np.ndarray,
    starts: np.ndarray,
    seen: np.ndarray,
    seen_whole: np.ndarray,
    out: np.ndarray,
    count: int,
) -> int:
    """All matches in the compared form points[:n] behind out[:count]; how many then, or FULL."""
    count = _scan(points, n, row, grams, False, pool, starts, seen, out, count)
    if count == FULL:
        return FULL
    return _scan(points, n, row, shorts, True, pool, starts, seen_whole, out, count)


@njit(cache=True, nogil=True)
def find_rows(
    data: np.ndarray,
    offsets: np.ndarray,
    valid: np.ndarray,
    fold: np.ndarray,
    fold_start: np.ndarray,
    fold_pool: np.ndarray,
    points: np.ndarray,
    grams: GramTable,
    shorts: GramTable,
    pool: np.ndarray,
    starts: np.ndarray,
    seen: np.ndarray,
    seen_whole: np.ndarray,
    out: np.ndarray,
    refused: np.ndarray,
) -> int:
    """Matches over an Arrow text buffer into `out` in order of row; how many, or FULL.

    points is scratch for the longest row (+ SLACK); refused[r] is set where the row must take the reference for its form.
    """
    count = 0
    for r in range(len(offsets) - 1):
        refused[r] = False
        if not valid[r]:
            continue
        n = form_points(data, offsets[r], offsets[r + 1], fold, fold_start, fold_pool, points)
        if n == REFUSED:
            refused[r] = True
            continue
        n = plain_points(points, n)
        count = find_in(points, n, r, grams, shorts, pool, starts, seen, seen_whole, out, count)
        if count == FULL:
            return FULL
    return count
