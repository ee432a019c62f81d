"""Compiled NFKC by table over Arrow's bytes: one look-up a character, runs of unchanged bytes copied whole.

A text is NFKC of its characters one by one unless a character combines with the one before it (marks, vowels of decomposed Hangul).
Kana with their voiced marks are composed here; pages with any other such character are left to the Python reference, page by page.
"""

import unicodedata
from functools import cache

import numpy as np
from numba import njit

from curation.normalise.nfkc import Choice, decomposing, nfkc
from curation.normalise.utf8 import code_point, copied

COPY, ODD, REPLACE, AFTER_WIDE, VOICED, SEMIVOICED = range(6)
"""Actions of a code point: copy it; leave the page to Python; replace it by its entry; fold it after a full-width alphanumeric;
compose it with the kana before it."""


def _combining() -> list[int]:
    """Code points that may combine with the one before them: marks, and second halves of canonical compositions."""
    found = set(range(0x1161, 0x1176)) | set(range(0x11A8, 0x11C3))
    for c in range(0x300, 0x1FFFF):
        char = chr(c)
        if unicodedata.combining(char):
            found.add(c)
        parts = unicodedata.decomposition(char).split()
        if len(parts) == 2 and parts[0][0] != "<" and unicodedata.normalize("NFC", char) == char:
            found.add(int(parts[1], 16))
    return sorted(found)


@cache
def rules(symbols: Choice, punctuation: Choice) -> tuple[np.ndarray, ...]:
    """Tables for `rewrite`: action and entry of each code point, entries' offsets and bytes, composed kana [2, 256]."""
    action = np.zeros(0x110000, np.uint8)
    entry = np.zeros(0x110000, np.uint16)
    entries: list[bytes] = []
    combining = set(_combining())
    for c in decomposing():
        folded = nfkc(chr(c), symbols, punctuation)
        if folded != chr(c):
            action[c] = ODD if combining.intersection(map(ord, folded)) else REPLACE
            entry[c] = len(entries)
            entries.append(folded.encode())
    action[sorted(combining)] = ODD
    if punctuation == "keep":
        action[[ord(c) for c in "，．：；"]] = AFTER_WIDE
    action[[0x3099, 0x309B, 0xFF9E]] = VOICED
    action[[0x309A, 0x309C, 0xFF9F]] = SEMIVOICED
    kana = np.zeros((2, 256), np.uint16)
    for row, mark in enumerate("\u3099\u309a"):
        for c in range(0x3041, 0x30FF):
            one = unicodedata.normalize("NFC", chr(c) + mark)
            kana[row, c - 0x3000] = ord(one) if len(one) == 1 else 0
    offsets = np.zeros(len(entries) + 1, np.int64)
    np.cumsum([len(e) for e in entries], out=offsets[1:])
    return action, entry, offsets, np.frombuffer(b"".join(entries), np.uint8), kana


@njit(nogil=True)
def _is_wide(c):
    return (c >= 0xFF10 and c <= 0xFF19) or (c >= 0xFF21 and c <= 0xFF3A) or (c >= 0xFF41 and c <= 0xFF5A)


@njit(cache=True, nogil=True)
def rewrite(data, offsets, out, action, entry, starts, entries, kana):
    """Writes NFKC of every row into `out`: offsets [rows + 1], whether any byte changed, which rows must be done in Python.

    Of a row that is left to Python only a part is written. Where `out` is too small the last offset is −1: try again with more.
    """
    rows = len(offsets) - 1
    last = offsets[rows]
    ends = np.zeros(rows + 1, np.int64)
    odd = np.zeros(rows, np.bool_)
    changed = False
    w = 0
    for row in range(rows):
        i, end = offsets[row], offsets[row + 1]
        first = w
        run = i
        wide_end = np.int64(-1)
        while i < end:
            b = data[i]
            if b < 0x80:
                i += 1
                continue
            # kana and kanji by one look-up and a fixed step: telling them apart would be a branch that no predictor learns
            if b >= 0xE0 and b < 0xF0 and i + 2 < end:
                c = ((int(b) & 0x0F) << 12) | ((int(data[i + 1]) & 0x3F) << 6) | (int(data[i + 2]) & 0x3F)
                if action[c] == COPY:
                    i += 3
                    continue
            c, size = code_point(data, i, end)
            a = action[c]
            if a == COPY or (a == AFTER_WIDE and wide_end != i):
                i += size
                continue
            if a == ODD:
                odd[row] = True
                break
            w = copied(out, w, data, run, i)
            i += size
            run = i
            if a == REPLACE:
                changed = True
                k = int(entry[c])
                length = starts[k + 1] - starts[k]
                if w + length + last - i > len(out):
                    ends[rows] = -1
                    return ends, changed, odd
                for q in range(length):
                    out[w + q] = entries[starts[k] + q]
                w += length
                if _is_wide(c):
                    wide_end = i
            elif a == AFTER_WIDE:
                changed = True
                out[w] = c - 0xFEE0
                w += 1
                wide_end = i
            else:
                composed = 0
                if w - first >= 3 and out[w - 3] == 0xE3:
                    before = ((int(out[w - 2]) & 0x3F) << 6) | (int(out[w - 1]) & 0x3F)
                    if before < 256:
                        composed = int(kana[a - VOICED, before])
                if composed:
                    changed = True
                    w -= 3
                    c = composed
                elif c >= 0xFF9E:
                    changed = True
                    c += 0x309B - 0xFF9E
                out[w] = 0xE0 | (c >> 12)
                out[w + 1] = 0x80 | ((c >> 6) & 0x3F)
                out[w + 2] = 0x80 | (c & 0x3F)
                w += 3
        if not odd[row]:
            w = copied(out, w, data, run, end)
        ends[row + 1] = w
    return ends, changed, odd
