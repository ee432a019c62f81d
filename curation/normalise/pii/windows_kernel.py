"""Compiled windows: one pass over a column's UTF-8 bytes, by tables of what each character may begin (plain form: `windows.py`)."""

from functools import cache

import numpy as np
from numba import njit

from curation.normalise.pii import windows as plain
from curation.normalise.pii.places import places
from curation.normalise.utf8 import code_point

DIGIT, SEPARATOR, POINT, STOP, COUNTING, PLACE = 1, 2, 4, 8, 16, 32
_BEFORE, _AFTER = plain.REACH_BEFORE, plain.REACH_AFTER
_LEAST, _WITHIN = plain.LEAST_DIGITS, plain.NUMBER_WITHIN
_WIDE_AT = 0xFF20


@cache
def tables() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """What a character may be (uint8 [65536]) and the names of places as a trie in open addressing.

    The trie: keys int64 [2^k] (node << 16 | character, −1 where free), the node behind each int32 [2^k], and whether a name ends
    at a node, uint8 [nodes].
    """
    kinds = np.zeros(1 << 16, np.uint8)
    for letters, kind in (
        (plain.DIGITS + plain.KANJI_DIGITS, DIGIT),
        (plain.SEPARATORS, SEPARATOR),
        (".．", POINT),
        (plain.STOPS, STOP),
        (plain.COUNTING, COUNTING),
    ):
        for letter in letters:
            kinds[ord(letter)] |= kind
    edges: dict[tuple[int, int], int] = {}
    ends = bytearray(1)
    for name in places():
        kinds[ord(name[0])] |= PLACE
        node = 0
        for letter in name:
            if (node, ord(letter)) not in edges:
                edges[node, ord(letter)] = len(ends)
                ends.append(0)
            node = edges[node, ord(letter)]
        ends[node] = 1
    size = 1 << (2 * len(edges)).bit_length()
    keys, nodes = np.full(size, -1, np.int64), np.zeros(size, np.int32)
    for (node, letter), target in edges.items():
        key = node << 16 | letter
        at = (key * 0x9E3779B1 >> 7) & (size - 1)
        while keys[at] >= 0:
            at = (at + 1) & (size - 1)
        keys[at], nodes[at] = key, target
    return kinds, keys, nodes, np.frombuffer(bytes(ends), np.uint8).copy()


@njit(nogil=True)
def _place_end(data, i, end, keys, nodes, ends):
    """Byte behind the longest name that begins at byte i; −1 where none does."""
    node, found, mask = 0, -1, len(keys) - 1
    while i < end:
        c, size = code_point(data, i, end)
        if c > 0xFFFF:
            break
        key = (np.int64(node) << 16) | c
        at = ((key * 0x9E3779B1) >> 7) & mask
        while keys[at] >= 0 and keys[at] != key:
            at = (at + 1) & mask
        if keys[at] < 0:
            break
        node = nodes[at]
        i += size
        if ends[node]:
            found = i
    return found


@njit(nogil=True)
def _run(data, i, end, kinds):
    """A run of digits that begins at byte i: the byte behind it, its digits, its points."""
    last, digits, points, gap, gap_points = i, 0, 0, 0, 0
    while i < end:
        c, size = code_point(data, i, end)
        kind = kinds[c] if c <= 0xFFFF else 0
        if kind & DIGIT:
            digits += 1
            points += gap_points
            gap = gap_points = 0
            last = i + size
        elif kind & SEPARATOR and gap < 3:
            gap += 1
            gap_points += (kind & POINT) > 0
        else:
            break
        i += size
    return last, digits, points


@njit(nogil=True)
def _number_end(data, i, end, kinds):
    """Byte behind the first digit within reach of byte i on its line; −1 where there is none."""
    for _ in range(_WITHIN):
        if i >= end:
            return -1
        c, size = code_point(data, i, end)
        kind = kinds[c] if c <= 0xFFFF else 0
        if kind & (DIGIT | COUNTING):
            return i + size
        if kind & STOP:
            return -1
        i += size
    return -1


@njit(nogil=True)
def _is_hex(b):
    return (b >= 48 and b <= 58) or (b >= 65 and b <= 70) or (b >= 97 and b <= 102)


@njit(nogil=True)
def _opened(data, i, start, end, c, size, kind, past, kinds, keys, nodes, ends):
    """Byte behind what opens a window at byte i (−1: nothing does), and bytes behind the runs of digits and of hex looked at."""
    opened = -1
    run_past, hex_past = past
    if kind & DIGIT and i >= run_past:
        run_past, digits, points = _run(data, i, end, kinds)
        if digits >= _LEAST or (digits >= 4 and points >= 3):
            opened = run_past
    if c == 64 or c == _WIDE_AT:
        opened = max(opened, i + size)
    at = (c == 40 or c == 91) and i + 3 < end and data[i + 1] == 97 and data[i + 2] == 116
    if at and (data[i + 3] == 41 or data[i + 3] == 93):  # (at) and [at]
        opened = max(opened, i + 4)
    if c < 128 and _is_hex(c) and i >= hex_past:
        colons = 0
        hex_past = i
        while hex_past < end and _is_hex(data[hex_past]):
            colons += data[hex_past] == 58
            hex_past += 1
        if colons >= 2 and hex_past - i >= 6:
            opened = max(opened, hex_past)
    if kind & PLACE:
        behind = _place_end(data, i, end, keys, nodes, ends)
        if behind >= 0:
            opened = max(opened, _number_end(data, behind, end, kinds))
    return opened, (run_past, hex_past)


@njit(cache=True, nogil=True)
def windows(data, offsets, kinds, keys, nodes, ends):
    """Windows of every row: int64 [windows, 3] of row, first byte, end, in order; bytes as in `data`."""
    found = np.empty((64, 3), np.int64)
    n = 0
    for row in range(len(offsets) - 1):
        start, end = offsets[row], offsets[row + 1]
        first = n
        i = start
        past = (start, start)
        while i < end:
            b = data[i]
            if b < 0x80:
                c, size = int(b), 1
            else:
                c, size = code_point(data, i, end)
            kind = kinds[c] if c <= 0xFFFF else 0
            if kind & (DIGIT | PLACE) or c == _WIDE_AT or (c < 128 and (_is_hex(c) or c == 64 or c == 40 or c == 91)):
                opened, past = _opened(data, i, start, end, c, size, kind, past, kinds, keys, nodes, ends)
                if opened >= 0:
                    left, right = i, opened
                    for _ in range(_BEFORE):
                        if left <= start:
                            break
                        left -= 1
                        while left > start and (data[left] & 0xC0) == 0x80:
                            left -= 1
                    for _ in range(_AFTER):
                        if right >= end:
                            break
                        right += 1
                        while right < end and (data[right] & 0xC0) == 0x80:
                            right += 1
                    if n > first and left <= found[n - 1, 2]:
                        found[n - 1, 2] = max(right, found[n - 1, 2])
                    else:
                        if n == len(found):
                            more = np.empty((2 * n, 3), np.int64)
                            more[:n] = found
                            found = more
                        found[n, 0], found[n, 1], found[n, 2] = row, left, right
                        n += 1
            i += size
    return found[:n]
