"""SudachiPy's tokens seen as MeCab with UniDic-lite would cut them, for the two rules of HojiChar that count its words.

Both cut Japanese into UniDic's short units, but differ where pages differ most: white space, numbers and ASCII symbols. Turning
those three leaves only differences between the dictionaries (中小, 都道府県, 並びに are one word here and two or more there).
Read off fugashi 1.5.2 with unidic-lite 1.0.8; what remains different is measured by benchmarks/presets.py.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

_NUMERALS = frozenset("〇一二三四五六七八九十百千万億兆")
_NUMERAL = re.compile("[〇一二三四五六七八九十百千万億兆]+")
_NUMERAL_WORD = re.compile("[二三四五六七八九]?[十百千]|.")
_NUMBER = re.compile(r"\d[\d.,]*[.,][\d.,]*", re.ASCII)
_NUMBER_WORD = re.compile(r"\d+|\D", re.ASCII)
_UNSEEN = frozenset(" \t\n\v")
_COUNTED_SYMBOLS = frozenset("\"',-;[\\]^_`")
"""ASCII symbols that UniDic-lite calls 記号; all others are 補助記号, which HojiChar leaves out of its counts."""


def as_unidic_lite(surfaces: Sequence[str], parts: Sequence[str]) -> tuple[list[str], int, int]:
    """Tokens, how many of them are nouns (名詞), and how many are not 補助記号, from surfaces and their parts of speech.

    ASCII white space is no token and every other space is one; a kanji number falls into its digits, tens, hundreds and thousands;
    1,234 falls at its comma.

    >>> as_unidic_lite(["第", "十二", "条", "\\n\\u3000", "1,234", "円"], ["接頭辞", "名詞", "名詞", "空白", "名詞", "名詞"])
    (['第', '十', '二', '条', '\\u3000', '1', ',', '234', '円'], 6, 9)
    """
    tokens: list[str] = []
    nouns = counted = 0
    number = ""
    for surface, part in zip(surfaces, parts, strict=True):
        if surface[0] in _NUMERALS and part == "名詞":
            head, surface = _numeral_head(surface, bool(number))
            number += head
            if not surface:
                continue
        if number:
            digits = _NUMERAL_WORD.findall(number)
            tokens += digits
            nouns, counted, number = nouns + len(digits), counted + len(digits), ""
        words, its_nouns, its_counted = _words(surface, part)
        tokens += words
        nouns, counted = nouns + its_nouns, counted + its_counted
    digits = _NUMERAL_WORD.findall(number)
    return tokens + digits, nouns + len(digits), counted + len(digits)


def _numeral_head(surface: str, in_number: bool) -> tuple[str, str]:
    """The numeral that a noun begins with, and the rest; 一日 and 千葉 stay whole unless a numeral stands before them."""
    found = _NUMERAL.match(surface)
    end = found.end() if found else 0
    return (surface[:end], surface[end:]) if end == len(surface) or end > 1 or in_number else ("", surface)


@lru_cache(maxsize=1 << 16)
def _words(surface: str, part: str) -> tuple[tuple[str, ...], int, int]:
    """Tokens of one surface, nouns among them, those that are not 補助記号."""
    if surface.isspace():
        spaces = tuple(c for c in surface if c not in _UNSEEN)
        return spaces, 0, sum(c not in "\r\f\xa0" for c in spaces)
    if _NUMBER.fullmatch(surface):
        words = tuple(_NUMBER_WORD.findall(surface))
        digits = sum(word[0].isdigit() for word in words)
        return words, digits, digits + words.count(",")
    if surface.isascii() and not surface.isalnum():
        return (surface,), int(part == "名詞"), int(surface[0] in _COUNTED_SYMBOLS)
    return (surface,), int(part == "名詞"), int(part != "補助記号")
