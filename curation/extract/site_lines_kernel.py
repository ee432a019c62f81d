"""The compiled passes of `site_lines`: hashes of the lines at a page's edges, and pages written without some of them."""

import numpy as np
from numba import njit

from curation.extract.char_class import CLASSES

EDGE = 24
"""Lines with letters at either end of a page that may be navigation."""
RIM = 3
"""Of these, the outermost: a line that repeats there goes also when it stands alone."""
RUN = 3
"""Repeated lines in a row that go anywhere near an edge."""

LINES_A_PAGE = 2 * (EDGE + RIM)

RIM_BIT = np.uint64(1)
"""Added to the hash of a line where it is counted at the rim: every line is counted twice, near an edge and at the very edge."""

_SEED = np.uint64(0xCBF29CE484222325)
_PRIME = np.uint64(0x100000001B3)
_CLASSES = CLASSES


@njit(cache=True, nogil=True)
def _line_hash(src, i, j):
    """Hash of the letters of src[i:j], ASCII in lower case: even, and 0 where there are none."""
    h = _SEED
    some = False
    while i < j:
        c = np.int64(src[i])
        size = 1
        if c >= 0xF0 and i + 3 < j:
            c = (
                ((c & 7) << 18)
                | (np.int64(src[i + 1] & 63) << 12)
                | (np.int64(src[i + 2] & 63) << 6)
                | np.int64(src[i + 3] & 63)
            )
            size = 4
        elif 0xE0 <= c < 0xF0 and i + 2 < j:
            c = ((c & 15) << 12) | (np.int64(src[i + 1] & 63) << 6) | np.int64(src[i + 2] & 63)
            size = 3
        elif 0xC0 <= c < 0xE0 and i + 1 < j:
            c = ((c & 31) << 6) | np.int64(src[i + 1] & 63)
            size = 2
        i += size
        if c < 0x10000:
            letter = _CLASSES[c] & 1
        else:
            letter = 0x20000 <= c < 0x40000 or c < 0x1F000 or c >= 0x1FB00
        if letter:
            if 65 <= c <= 90:
                c |= 32
            h = (h ^ np.uint64(c)) * _PRIME
            h ^= h >> np.uint64(29)
            some = True
    if not some:
        return np.uint64(0)
    h &= ~np.uint64(1)
    return h if h != 0 else np.uint64(2)


@njit(cache=True, nogil=True)
def edge_lines(src, start, stop, hashes, begins, ends):
    """Lines with letters among the first and last `EDGE` of src[start:stop], in order; (how many, how many of them are at the top).

    Where the page is shorter than both edges, all of its lines count and the second number is the first.
    """
    n = 0
    i = start
    while i < stop and n < EDGE:
        j = i
        while j < stop and src[j] != 10:
            j += 1
        h = _line_hash(src, i, j)
        if h:
            hashes[n], begins[n], ends[n] = h, i, j
            n += 1
        i = j + 1
    top = n
    low = i
    j = stop
    while j > low and n < 2 * EDGE:
        k = j
        while k > low and src[k - 1] != 10:
            k -= 1
        h = _line_hash(src, k, j)
        if h:
            hashes[n], begins[n], ends[n] = h, k, j
            n += 1
        j = k - 1
    whole = j <= low
    a, b = top, n - 1
    while a < b:
        hashes[a], hashes[b] = hashes[b], hashes[a]
        begins[a], begins[b] = begins[b], begins[a]
        ends[a], ends[b] = ends[b], ends[a]
        a += 1
        b -= 1
    return n, (n if whole else top)


@njit(cache=True, nogil=True)
def page_forms(src, offsets, forms):
    """Hash of the letters of each text into `forms`: equal for copies that differ in spaces, punctuation and line breaks."""
    for r in range(len(offsets) - 1):
        forms[r] = _line_hash(src, offsets[r], offsets[r + 1])


@njit(cache=True, nogil=True)
def lines_of_pages(src, offsets, chosen, hashes, owners):
    """Distinct edge lines of the chosen rows, written to `hashes`, with the place in `chosen` in `owners`; how many.

    Lines at the rim are there a second time, with `RIM_BIT`. Room for 2 × EDGE + 2 × RIM lines a row.
    """
    h = np.zeros(2 * EDGE, np.uint64)
    b = np.zeros(2 * EDGE, np.int64)
    e = np.zeros(2 * EDGE, np.int64)
    total = 0
    for place in range(len(chosen)):
        r = chosen[place]
        n, _ = edge_lines(src, offsets[r], offsets[r + 1], h, b, e)
        first = total
        for k in range(2 * n):
            key = h[k % n]
            if k >= n:
                if RIM <= k - n < n - RIM:
                    continue
                key |= RIM_BIT
            new = True
            for q in range(first, total):
                if hashes[q] == key:
                    new = False
                    break
            if new:
                hashes[total] = key
                owners[total] = place
                total += 1
    return total


@njit(cache=True, nogil=True)
def _in(repeated, low, high, h):
    """Whether h is in the sorted repeated[low:high]."""
    end = high
    while low < high:
        mid = (low + high) >> 1
        if repeated[mid] < h:
            low = mid + 1
        else:
            high = mid
    return low < end and repeated[low] == h


@njit(cache=True, nogil=True)
def without_lines(src, offsets, low, high, repeated, out, made, removed):
    """Copies the texts to `out` without their repeated lines; fills `made` (offsets, one more than rows) and `removed` (lines a row).

    Row r's repeated lines are the sorted repeated[low[r]:high[r]]. A repeated line goes when it repeats at the rim and is there, or
    in a run of at least `RUN` repeated lines; lines without letters between two that go, go with them.
    """
    h = np.zeros(2 * EDGE, np.uint64)
    b = np.zeros(2 * EDGE, np.int64)
    e = np.zeros(2 * EDGE, np.int64)
    flag = np.zeros(2 * EDGE, np.bool_)
    o = 0
    made[0] = 0
    for r in range(len(offsets) - 1):
        start, stop = offsets[r], offsets[r + 1]
        removed[r] = 0
        copied = start
        begin = o
        if low[r] < high[r] and stop > start:
            n, top = edge_lines(src, start, stop, h, b, e)
            for k in range(n):
                flag[k] = _in(repeated, low[r], high[r], h[k])
            run = 0
            for k in range(n + 1):
                if k < n and flag[k] and k != top:
                    run += 1
                    continue
                if run < RUN:
                    for q in range(k - run, k):
                        outermost = q < RIM or q >= n - RIM
                        flag[q] = outermost and _in(repeated, low[r], high[r], h[q] | RIM_BIT)
                run = 1 if k < n and flag[k] else 0
            last = -1
            for k in range(n):
                if not flag[k]:
                    continue
                skip_from = b[k]
                if last >= 0 and last == k - 1 and k != top:
                    skip_from = copied
                if skip_from > copied:
                    for q in range(copied, skip_from):
                        out[o] = src[q]
                        o += 1
                copied = min(stop, e[k] + 1)
                removed[r] += 1
                last = k
        for q in range(copied, stop):
            out[o] = src[q]
            o += 1
        if removed[r]:
            while o > begin and out[o - 1] == 10:
                o -= 1
        made[r + 1] = o
    return o
