"""Classes of characters for the compiled pass: characters that no column of text_stats tells apart share one.

There are some forty classes, so a histogram of them fits a few cache lines, and every count of a column is a sum over it.
"""

from functools import cache

import numpy as np

from curation.features import text_stats as rules
from curation.features.character_sets import SPECIAL_CHARACTERS, TERMINAL_PUNCTUATION

HIRAGANA, KATAKANA, KANJI, KUTOTEN, KANA, LETTER, DIGIT, SPACE, SPECIAL, TERMINAL = (1 << k for k in range(10))
KUTEN, SENTENCE_END, LINE_END = (1 << k for k in range(10, 13))
"""Properties of a character: bits of its class."""


@cache
def character_classes() -> tuple[np.ndarray, np.ndarray]:
    """Class of every code point, uint8 [0x110000], and the properties of each class, uint32 [classes].

    Classes are numbered so that those that end a sentence or a line come first: one comparison finds what needs a second look.
    """
    points = np.arange(0x110000, dtype=np.uint32)
    points[0xD800:0xE000] = 0xE000  # surrogates do not occur in valid text; private use has none of these properties
    every = points.view("<U1")
    bits = np.zeros(0x110000, np.uint32)
    for name, bit in (("isalpha", LETTER), ("isdecimal", DIGIT), ("isspace", SPACE)):
        bits[getattr(np.char, name)(every)] |= bit
    text = "".join(map(chr, range(0xD800))) + "\ue000" * 0x800 + "".join(map(chr, range(0xE000, 0x10000)))
    patterns = (rules.HIRAGANA, rules.KATAKANA, rules.KANJI, rules.KUTOTEN, rules.KANA)
    for pattern, bit in zip(patterns, (HIRAGANA, KATAKANA, KANJI, KUTOTEN, KANA), strict=True):
        bits[[match.start() for match in pattern.finditer(text)]] |= bit
    for characters, bit in (
        (SPECIAL_CHARACTERS, SPECIAL),
        (TERMINAL_PUNCTUATION, TERMINAL),
        ("。", KUTEN),
        ("。．！？!?", SENTENCE_END),
        ("\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029", LINE_END),
    ):
        bits[[ord(c) for c in characters]] |= bit
    properties, classes = np.unique(bits, return_inverse=True)
    quiet = (properties & (SENTENCE_END | LINE_END)) == 0
    order = np.argsort(quiet, kind="stable")
    place = np.empty(len(order), np.uint8)
    place[order] = np.arange(len(order), dtype=np.uint8)
    return place[classes], properties[order]
