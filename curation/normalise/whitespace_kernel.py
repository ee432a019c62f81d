"""Compiled tidying of spaces: runs of ordinary bytes are copied whole, gaps are decided when the character behind them is seen."""

from functools import cache

import numpy as np
from numba import njit

from curation.normalise import whitespace as rules
from curation.normalise.utf8 import code_point, copied

ORDINARY, SPACE, TAB, IDEOGRAPHIC, BREAK, UNSEEN, JOINER = range(7)


@cache
def kinds() -> np.ndarray:
    """Kind of each code point of the BMP, uint8 [65536]; beyond it every character is ordinary."""
    kind = np.zeros(0x10000, np.uint8)
    every = "".join(map(chr, range(0xD800))) + " " * 0x800 + "".join(map(chr, range(0xE000, 0x10000)))
    for pattern, value in ((rules.BREAKS, BREAK), (rules.UNSEEN, UNSEEN), (rules.SPACES, SPACE)):
        kind[[match.start() for match in pattern.finditer(every)]] = value
    kind[[0x20, 0x09, 0x3000, 0x0A]] = SPACE, TAB, IDEOGRAPHIC, BREAK
    kind[[0x200C, 0x200D]] = JOINER
    return kind


@njit(nogil=True)
def _joins(out, w):
    """Whether the last character written is one that a zero-width joiner joins to the next."""
    k = w - 1
    while k > 0 and w - k < 4 and (out[k] & 0xC0) == 0x80:
        k -= 1
    c, _ = code_point(out, k, w)
    return (0x590 <= c <= 0x1CFF) or (0x2190 <= c <= 0x2BFF) or c == 0xFE0F or (0x1F000 <= c <= 0x1FFFF)


@njit(nogil=True)
def _written(out, w, c):
    if c < 0x80:
        out[w] = c
        return w + 1
    out[w] = 0xE0 | (c >> 12)
    out[w + 1] = 0x80 | ((c >> 6) & 0x3F)
    out[w + 2] = 0x80 | (c & 0x3F)
    return w + 3


@njit(nogil=True)
def _gap(data, start, stop, out, w, kind, keep, head, program):
    """Writes what stays of the spaces in data[start:stop]; returns the new length and whether the line is program text."""
    spaces = tabs = wide = 0
    i = start
    while i < stop:
        c, size = code_point(data, i, stop)
        i += size
        k = kind[c]
        spaces += k == SPACE
        tabs += k == TAB
        wide += k == IDEOGRAPHIC
    if head:
        program = wide == 0 and (tabs > 0 or spaces > 1)
    if program:
        i = start
        while i < stop:
            c, size = code_point(data, i, stop)
            i += size
            k = kind[c]
            if k == TAB:
                w = _written(out, w, 9)
            elif k == SPACE or (k == IDEOGRAPHIC and not keep):
                w = _written(out, w, 32)
            elif k == IDEOGRAPHIC:
                w = _written(out, w, 0x3000)
    elif wide and keep:
        w = _written(out, w, 0x3000)
    elif not head and spaces + tabs + wide:
        w = _written(out, w, 9 if tabs else 32)
    return w, program


@njit(cache=True, nogil=True)
def rewrite(data, offsets, out, kind, blank_lines, keep):
    """Writes every row with tidy spaces into `out`, never more bytes than it had.

    Returns the offsets [rows + 1], whether anything changed, and the offsets again (the place of what other kernels add).
    """
    rows = len(offsets) - 1
    ends = np.zeros(rows + 1, np.int64)
    changed = False
    w = 0
    for row in range(rows):
        i, end = offsets[row], offsets[row + 1]
        first = w
        blank = 0
        head, program = True, False
        gap = i  # where the gap before the next ordinary character began; −1 inside a run of ordinary characters
        run = i
        while True:
            k = BREAK
            size = 0
            c = 0
            if i < end:
                b = data[i]
                if b < 0x80:
                    if gap < 0 and (kind[b] == ORDINARY or (b == 32 and i + 1 < end and 32 < data[i + 1] < 127)):
                        i += 1
                        continue
                    c, size = int(b), 1
                elif b >= 0xE0 and b < 0xF0 and i + 2 < end:
                    c = ((int(b) & 0x0F) << 12) | ((int(data[i + 1]) & 0x3F) << 6) | (int(data[i + 2]) & 0x3F)
                    size = 3
                    if gap < 0 and kind[c] == ORDINARY:
                        i += 3
                        continue
                else:
                    c, size = code_point(data, i, end)
                k = kind[c] if c < 0x10000 else ORDINARY
            if k == ORDINARY:
                if gap >= 0:
                    if head and w > first:
                        for _ in range(1 + min(blank, blank_lines)):
                            w = _written(out, w, 10)
                    w, program = _gap(data, gap, i, out, w, kind, keep, head, program)
                    head = False
                    blank = 0
                    gap = -1
                    run = i
                i += size
                continue
            if gap < 0:
                w = copied(out, w, data, run, i)
                if k in (UNSEEN, JOINER):
                    if k == JOINER and _joins(out, w):
                        w = _written(out, w, c)
                    i += size
                    run = i
                    continue
                gap = i
            if k == BREAK:
                if i >= end:
                    break
                changed |= c != 10
                if not (c == 13 and i + 1 < end and data[i + 1] == 10):
                    blank += head
                    head = True
                    gap = i + size
            i += size
        ends[row + 1] = w
        changed |= w - first != end - offsets[row]
    return ends, changed, ends
