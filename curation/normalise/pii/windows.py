"""Where in a text personal data could stand: windows around what may begin it, found in one pass and looked at closely after.

What opens a window: a run of at least six digits (of any width, 漢数字 too, with up to three separators between two of them); at
least four digits with three points; an @ or (at); at least two colons in a run of hexadecimal digits; a name of `places.py` with a
digit within 30 characters on its line. A window reaches 48 characters before and 72 behind, further than any rule looks, and
windows that touch are one. So what the rules find in the windows is what they find in the whole text.
"""

import re

from curation.normalise.pii.places import first_letters, place_at

REACH_BEFORE, REACH_AFTER = 48, 72
"""Characters of a window before and behind what opened it."""
LEAST_DIGITS, NUMBER_WITHIN = 6, 30

DIGITS = "0123456789０１２３４５６７８９"
KANJI_DIGITS = "〇零一二三四五六七八九"
SEPARATORS = "-()（） \u3000\xa0.．‐‑‒–—―−－ーｰ・の﹣─"
STOPS = "\n。、「"
"""Behind a place, no number is looked for past one of these."""
COUNTING = "十百千"
"""Kanji with which a house number may begin besides digits."""

_RUN = re.compile(rf"[{DIGITS}{KANJI_DIGITS}](?:[{re.escape(SEPARATORS)}]{{0,3}}[{DIGITS}{KANJI_DIGITS}])*")
_HEX = re.compile("[0-9A-Fa-f:]+")
_DIGIT = re.compile(rf"[{DIGITS}{KANJI_DIGITS}]")
_AT = re.compile(r"[@＠]|[(\[]at[)\]]")
_NUMBER = re.compile(rf"[^{STOPS}]{{0,{NUMBER_WITHIN - 1}}}?[{DIGITS}{KANJI_DIGITS}{COUNTING}]")


def windows(text: str) -> list[tuple[int, int]]:
    """Windows of a text, (first character, end), in order and apart; the plain form of `windows_kernel.py`.

    >>> windows("電話は03-1234-5678です。")
    [(0, 18)]
    >>> windows("第二条第一項、3.14、千葉市の人")
    []
    """
    openings = [
        (m.start(), m.end())
        for m in _RUN.finditer(text)
        if (n := len(_DIGIT.findall(m[0]))) >= LEAST_DIGITS or (n >= 4 and sum(c in ".．" for c in m[0]) >= 3)
    ]
    openings += [(m.start(), m.end()) for m in _AT.finditer(text)]
    openings += [(m.start(), m.end()) for m in _HEX.finditer(text) if m[0].count(":") >= 2 and len(m[0]) >= 6]
    for at, letter in enumerate(text):
        if letter in first_letters() and (name := place_at(text, at)):
            number = _NUMBER.match(text, at + len(name))
            if number:
                openings.append((at, number.end()))
    made: list[tuple[int, int]] = []
    for start, end in sorted(openings):
        start, end = max(0, start - REACH_BEFORE), min(len(text), end + REACH_AFTER)
        if made and start <= made[-1][1]:
            made[-1] = made[-1][0], max(end, made[-1][1])
        else:
            made.append((start, end))
    return made
