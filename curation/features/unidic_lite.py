"""SudachiPy's tokens seen as MeCab with UniDic-lite would cut them, for the two rules of HojiChar that count its words.

Both cut Japanese into UniDic's short units, but differ where pages differ most: white space, numbers and ASCII. Turning those
three leaves only differences between the dictionaries (中小, 都道府県, 並びに are one word here and two or more there).
Read off fugashi 1.5.2 with unidic-lite 1.0.8; what remains different is measured by benchmarks/presets.py.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

_NUMERALS = frozenset("〇一二三四五六七八九十百千万億兆")
_NUMERAL = re.compile("[〇一二三四五六七八九十百千万億兆]+")
_NUMERAL_WORD = re.compile("[二三四五六七八九]?[十百千]|.")
_ASCII_WORD = re.compile(r"[A-Za-z]+|[0-9]+|[^A-Za-z0-9]+")
_UNSEEN = frozenset(" \t\n\v")
_UNKNOWN = frozenset("\"',-;[\\]^_`")
"""ASCII symbols that UniDic-lite lacks: MeCab takes such a one, with all symbols beside it, as one unknown word, a 記号. The others
are words of one character, 補助記号, which HojiChar leaves out of its counts."""

_LONGEST_UNKNOWN = 25
"""Characters that MeCab takes as one unknown word at most; of a longer run the last ones."""

_Count = tuple[Sequence[str], int, int]
"""Tokens, how many of them are nouns (名詞), how many are not 補助記号."""


def as_unidic_lite(surfaces: Sequence[str], parts: Sequence[str]) -> _Count:
    """Tokens, nouns among them, and those that are not 補助記号, from surfaces (none empty) and their parts of speech.

    ASCII white space is no token and every other space is one; a kanji number falls into its digits, tens, hundreds and thousands;
    ASCII falls into letters, digits and symbols.

    >>> as_unidic_lite(["第", "十二", "条", "\\n\\u3000", "1,234", "円"], ["接頭辞", "名詞", "名詞", "空白", "名詞", "名詞"])
    (['第', '十', '二', '条', '\\u3000', '1', ',', '234', '円'], 6, 9)
    >>> as_unidic_lite(["f", "(", "'", "x", "'", ")", "."], ["名詞", *["補助記号"] * 2, "名詞", *["補助記号"] * 3])
    (['f', "('", 'x', "')."], 2, 4)
    """
    tokens: list[str] = []
    nouns = counted = 0
    number = symbols = ""
    for surface, part in zip(surfaces, parts, strict=True):
        if not (symbols or number or surface.isascii() or surface[0] in _NUMERALS or surface.isspace()):
            tokens.append(surface)  # as nearly all of a Japanese text
            nouns += part == "名詞"
            counted += part != "補助記号"
            continue
        for word in _ascii_words(surface) if surface.isascii() else (surface,):
            if word.isascii() and not word[0].isalnum() and not word.isspace():
                symbols, now = symbols + word, [_numerals(number)]
                number = ""
            else:
                head, rest = _numeral_head(word, bool(number)) if part == "名詞" else ("", word)
                now = [_symbols(symbols)]
                symbols, number = "", number + head
                if rest:
                    now += [_numerals(number), _word(rest, part)]
                    number = ""
            for made, its_nouns, its_counted in now:
                tokens += made
                nouns, counted = nouns + its_nouns, counted + its_counted
    for made, its_nouns, its_counted in (_symbols(symbols), _numerals(number)):
        tokens += made
        nouns, counted = nouns + its_nouns, counted + its_counted
    return tokens, nouns, counted


def _numeral_head(word: str, in_number: bool) -> tuple[str, str]:
    """The numeral that a noun begins with, and the rest; 一日 and 千葉 stay whole unless a numeral stands before them."""
    found = _NUMERAL.match(word) if word[0] in _NUMERALS else None
    end = found.end() if found else 0
    return (word[:end], word[end:]) if end == len(word) or end > 1 or in_number else ("", word)


@lru_cache(maxsize=1 << 14)
def _ascii_words(surface: str) -> tuple[str, ...]:
    return (surface,) if surface.isalpha() or surface.isspace() else tuple(_ASCII_WORD.findall(surface))


@lru_cache(maxsize=1 << 14)
def _numerals(number: str) -> _Count:
    words = tuple(_NUMERAL_WORD.findall(number))
    return words, len(words), len(words)


@lru_cache(maxsize=1 << 14)
def _symbols(run: str) -> _Count:
    if _UNKNOWN.isdisjoint(run):
        return tuple(run), 0, 0
    first = max(len(run) - _LONGEST_UNKNOWN, 0)
    return (*run[:first], run[first:]), 0, sum(c in _UNKNOWN for c in run[:first]) + 1


@lru_cache(maxsize=1 << 16)
def _word(word: str, part: str) -> _Count:
    if word.isspace():
        spaces = tuple(c for c in word if c not in _UNSEEN)
        return spaces, 0, sum(c not in "\r\f\xa0" for c in spaces)
    return (word,), int(part == "名詞"), int(part != "補助記号")
