"""Text with one width of digits, hyphens, brackets and spaces, character for character: places found in it are places in the text.

Digits, Latin letters and punctuation of full width become ASCII, the many hyphens become `-`, every space is one space. ー and の are
what they are, except ー between two digits (０３ー１２３４), which is a hyphen.
"""

import re

_HYPHENS = "‐‑‒–—―−－﹣ｰ─"
_SPACES = "\u3000\xa0\t\u2002\u2003\u2009\u202f"
_TABLE = {
    **{c: c - 0xFEE0 for c in range(0xFF01, 0xFF5F)},
    **dict.fromkeys(map(ord, _HYPHENS), ord("-")),
    **dict.fromkeys(map(ord, _SPACES), ord(" ")),
}
_KANJI_DIGITS = str.maketrans("〇零一二三四五六七八九", "00123456789")
_DASH = re.compile(r"(?<=[0-9〇一二三四五六七八九])ー(?=[0-9〇一二三四五六七八九])")


def folded(text: str) -> str:
    """The text in one width; as long as it was.

    >>> folded("ＴＥＬ：０３（１２３４）５６７８　ビール"), folded("〇三ー一二三四")
    ('TEL:03(1234)5678 ビール', '〇三-一二三四')
    """
    return _DASH.sub("-", text.translate(_TABLE))


def arabic(text: str) -> str:
    """The text with 漢数字 that stand for one digit as that digit.

    >>> arabic("〇三-一二三四")
    '03-1234'
    """
    return text.translate(_KANJI_DIGITS)


def digits_of(text: str) -> str:
    """The ASCII digits in it.

    >>> digits_of("03(1234)5678")
    '0312345678'
    """
    return "".join(c for c in text if "0" <= c <= "9")
