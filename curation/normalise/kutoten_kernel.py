"""Compiled votes and replacement of 句読点: ， 、 ． 。 are three bytes each, so a page is patched in a copy of its bytes."""

import numpy as np
from numba import njit

from curation.normalise.utf8 import code_point

TOTEN, KUTEN = 1, 2
_FULL_TOTEN, _FULL_KUTEN = 0xFF0C, 0xFF0E


@njit(nogil=True)
def _is_after(c):
    if c >= 0x3041 and c <= 0x9FFF:
        return (c <= 0x3096) or (c >= 0x30A1 and c <= 0x30FA) or c >= 0x3400
    if c >= 0x3005 and c <= 0x303B:
        return c in (0x3005, 0x3007, 0x303B, 0x300D, 0x300F, 0x3015, 0x3011, 0x3009, 0x300B)
    return (c >= 0xF900 and c <= 0xFAFF) or c == 0xFF09 or c == 0xFF3D


@njit(nogil=True)
def _is_wide(c):
    return (c >= 0xFF10 and c <= 0xFF19) or (c >= 0xFF21 and c <= 0xFF3A) or (c >= 0xFF41 and c <= 0xFF5A)


@njit(cache=True, nogil=True)
def rows_to_change(data, offsets):
    """For each row, uint8 [rows]: TOTEN where ， outvotes 、, plus KUTEN where ． outvotes 。."""
    rows = len(offsets) - 1
    change = np.zeros(rows, np.uint8)
    for row in range(rows):
        start, end = offsets[row], offsets[row + 1]
        marks = 0
        for i in range(start, end - 2):
            if data[i] == 0xEF and data[i + 1] == 0xBC and (data[i + 2] & 0xFD) == 0x8C:
                marks += 1
        if marks == 0:
            continue
        toten = kuten = 0
        i = start
        before = False
        while i < end:
            c, size = code_point(data, i, end)
            i += size
            if before:
                if c == _FULL_TOTEN:
                    toten += 1
                elif c == 0x3001:
                    toten -= 1
                elif c == _FULL_KUTEN:
                    kuten += 1
                elif c == 0x3002:
                    kuten -= 1
            before = _is_after(c)
        change[row] = TOTEN * (toten > 0) + KUTEN * (kuten > 0)
    return change


@njit(cache=True, nogil=True)
def replaced(data, offsets, change):
    """Bytes of all rows (from offsets[0] on), with the marks of the rows to change replaced; uint8 [n], as many as before."""
    base = offsets[0]
    out = data[base : offsets[-1]].copy()
    for row in range(len(offsets) - 1):
        if change[row] == 0:
            continue
        i, end = offsets[row], offsets[row + 1]
        before = 0
        while i < end:
            c, size = code_point(data, i, end)
            if c != _FULL_TOTEN and c != _FULL_KUTEN:
                before = c
                i += size
                continue
            run = i
            while i + 2 < end and data[i] == 0xEF and data[i + 1] == 0xBC and data[i + 2] == data[run + 2]:
                i += 3
            after = 10
            if i < end:
                after, size = code_point(data, i, end)
            digit = before >= 48 and before <= 57
            if c == _FULL_TOTEN:
                spare = digit and i - run == 3 and after >= 48 and after <= 57
                wanted = change[row] & TOTEN
            else:
                spare = digit and after != 10
                wanted = change[row] & KUTEN
            if wanted and not spare and not _is_wide(before):
                for q in range(run - base, i - base, 3):
                    out[q] = 0xE3
                    out[q + 1] = 0x80
                    out[q + 2] = 0x81 if c == _FULL_TOTEN else 0x82
            before = c
    return out
