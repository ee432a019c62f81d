"""What a character is to a line of Japanese: a letter, wide, punctuation. One table, for compiled passes and for Python.

Wide characters are the East Asian Width classes W, F and H without Hangul, which is written with spaces (UAX #11; CSS Text 3 §4.1.3).
"""

import numpy as np

LETTER = 1
"""A letter or digit of any script: what a share of links is counted in."""
WIDE = 2
"""A line break between two of these is no space."""
PUNCTUATION = 4
"""East Asian punctuation: a line break beside it is no space (CSS Text 4 §5.3)."""

_RANGES = (
    (0x30, 0x39, LETTER),
    (0x41, 0x5A, LETTER),
    (0x61, 0x7A, LETTER),
    (0xAA, 0xAA, LETTER),
    (0xB5, 0xB5, LETTER),
    (0xBA, 0xBA, LETTER),
    (0xC0, 0x1FFF, LETTER),
    (0xD7, 0xD7, 0),
    (0xF7, 0xF7, 0),
    (0x2C00, 0x2DFF, LETTER),
    (0x2E80, 0x2FDF, LETTER | WIDE),
    (0x2FF0, 0x303F, WIDE),
    (0x3001, 0x3003, WIDE | PUNCTUATION),
    (0x3005, 0x3007, LETTER | WIDE),
    (0x3008, 0x3011, WIDE | PUNCTUATION),
    (0x3014, 0x301F, WIDE | PUNCTUATION),
    (0x3041, 0x9FFF, LETTER | WIDE),
    (0x3099, 0x309C, WIDE),
    (0x30FB, 0x30FB, WIDE),
    (0x3200, 0x33FF, WIDE),
    (0xA000, 0xA4CF, LETTER | WIDE),
    (0x3130, 0x318F, LETTER),
    (0xA4D0, 0xD7FF, LETTER),
    (0xF900, 0xFAFF, LETTER | WIDE),
    (0xFB00, 0xFDFF, LETTER),
    (0xFDD0, 0xFDEF, 0),
    (0xFE30, 0xFE4F, WIDE | PUNCTUATION),
    (0xFE70, 0xFEFE, LETTER),
    (0xFF01, 0xFF65, WIDE | PUNCTUATION),
    (0xFF10, 0xFF19, LETTER | WIDE),
    (0xFF21, 0xFF3A, LETTER | WIDE),
    (0xFF41, 0xFF5A, LETTER | WIDE),
    (0xFF66, 0xFF9F, LETTER | WIDE),
    (0xFFA0, 0xFFDC, LETTER),
    (0xFFE0, 0xFFE6, WIDE),
)
"""First and last code point and bits; later lines win."""

CLASSES = np.zeros(0x10000, np.uint8)
"""Bits of every character of the basic plane."""
for _first, _last, _bits in _RANGES:
    CLASSES[_first : _last + 1] = _bits


def char_class(cp: int) -> int:
    """Bits of a code point; kanji of planes 2 and 3 are wide letters, emoji are nothing, the rest beyond the basic plane are letters.

    >>> char_class(ord("米")), char_class(ord("。")), char_class(ord("a")), char_class(ord("한")), char_class(ord("𠮟"))
    (3, 6, 1, 1, 3)
    """
    if cp < 0x10000:
        return int(CLASSES[cp])
    if 0x20000 <= cp < 0x40000:
        return LETTER | WIDE
    return 0 if 0x1F000 <= cp < 0x1FB00 else LETTER


def joins(before: int, after: int) -> bool:
    """Whether a line break between characters of two classes stands for nothing; `before` is -1 at the start of a block.

    >>> joins(char_class(ord("精")), char_class(ord("米"))), joins(char_class(ord("は")), char_class(ord("a")))
    (True, False)
    >>> joins(char_class(ord("。")), char_class(ord("a")))
    True
    """
    return before >= 0 and bool(before & after & WIDE or (before | after) & PUNCTUATION)
