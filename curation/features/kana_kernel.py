"""Compiled twin of `kana.kana_ratio`, with the letters that tell a text from a list of numbers, in one pass over UTF-8."""

import numpy as np
from numba import njit

from curation.normalise.utf8 import code_point


@njit(cache=True, nogil=True)
def kana_rows(data: np.ndarray, bounds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each text in UTF-8: the share of kana (float32, see `kana_ratio`) and whether it has a letter (bool).

    Letters are those of any script: ASCII letters and whatever lies outside the blocks of signs, punctuation and full-width digits.
    """
    ratio = np.zeros(len(bounds) - 1, np.float32)
    letters = np.zeros(len(bounds) - 1, np.bool_)
    for row in range(len(ratio)):
        i, end = bounds[row], bounds[row + 1]
        kana = characters = 0
        letter = False
        while i < end:
            b = data[i]
            if b < 0x80:
                i += 1
                characters += not (b == 0x20 or 0x09 <= b <= 0x0D or 0x1C <= b <= 0x1F)
                letter |= 0x61 <= b | 0x20 <= 0x7A
                continue
            if 0xE4 <= b <= 0xED:  # kanji and hangul: no kana, no space
                i += 3
                characters += 1
                letter = True
                continue
            if b == 0xE3 and i + 2 < end:  # kana and Japanese signs
                c = 0x3000 | (int(data[i + 1]) & 0x3F) << 6 | (int(data[i + 2]) & 0x3F)
                i += 3
                if c != 0x3000:
                    characters += 1
                    kana += c >= 0x3041 and _kana(c)
                    letter |= _letter(c)
                continue
            c, n = code_point(data, i, end)
            i += n
            if _space(c):
                continue
            characters += 1
            if 0x3041 <= c <= 0xFF9F:
                kana += _kana(c)
            letter |= _letter(c)
        ratio[row] = kana / characters if characters else 0.0
        letters[row] = letter
    return ratio, letters


@njit(nogil=True)
def _kana(c):
    if c <= 0x31FF:
        return (c <= 0x30FF and (c <= 0x3096 or 0x309D <= c <= 0x309F or (c >= 0x30A1 and c != 0x30FB))) or c >= 0x31F0
    return 0xFF66 <= c <= 0xFF9F


@njit(nogil=True)
def _space(c):
    if c < 0x1680:
        return c == 0xA0 or c == 0x85
    return (
        c == 0x3000 or 0x2000 <= c <= 0x200A or c == 0x2028 or c == 0x2029 or c == 0x202F or c == 0x205F or c == 0x1680
    )


@njit(nogil=True)
def _letter(c):
    if c < 0xC0 or 0x2000 <= c <= 0x2BFF or 0x3000 <= c <= 0x3004 or 0x3008 <= c <= 0x3020 or c >= 0x1F000:
        return c == 0xAA or c == 0xB5 or c == 0xBA or c >= 0x20000
    return not (0xFE10 <= c <= 0xFE6F or 0xFF00 <= c <= 0xFF20 or 0xE000 <= c <= 0xF8FF or c == 0xFFFD)
