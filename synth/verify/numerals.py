"""Numbers as Japanese writes them: 全角, 漢数字 (位取り and 万進), fractions, mixed forms such as 3万5千."""

import re
import unicodedata
from fractions import Fraction

DIGITS = {c: i for i, c in enumerate("〇一二三四五六七八九")} | {"零": 0, "壱": 1, "弐": 2, "参": 3, "両": 2}
del DIGITS["両"]
_SMALL = {"十": 10, "百": 100, "千": 1000, "拾": 10}
_LARGE = {"万": 10**4, "億": 10**8, "兆": 10**12, "京": 10**16}
KANJI_NUMERALS = "〇零一二三四五六七八九十百千万億兆"

_KANJI = "〇零一二三四五六七八九壱弐参十拾百千万億兆京"
NUMBER = re.compile(
    rf"(?P<sign>[-−－‐–▲△]|マイナス)?\s*(?P<number>\d[\d,]*(?:\.\d+)?[{_KANJI}\d.,]*|\.\d+|[{_KANJI}]+(?:[・.][〇零一二三四五六七八九]+)?)"
)
"""A number in NFKC text."""
_FRACTION = re.compile(
    rf"(?:(?P<whole>\d+|[{_KANJI}]+)\s*(?:と|個と))?(?P<below>[\d,]+|[{_KANJI}]+)\s*分の\s*(?P<above>[-−]?[\d,]+|[{_KANJI}]+)"
)
_LATEX = re.compile(r"\\[dt]?frac\s*\{\s*([^{}]+)\}\s*\{\s*([^{}]+)\}")


_ENDLESS = re.compile(rf"[\d,.・{_KANJI}]{{200,}}")


def without_endless_numbers(text: str) -> str:
    """The text with runs of 200 digits and more blanked: no answer is such a number, and reading one costs its square.

    >>> without_endless_numbers("答えは" + "9" * 5000 + "です").split()
    ['答えは', 'です']
    """
    return _ENDLESS.sub(lambda m: " " * len(m[0]), text) if len(text) >= 200 else text


def kanji_number(text: str) -> int | None:
    """The value of a whole number in 漢数字, 算用数字 or both; None where it is no well-formed number.

    >>> [kanji_number(t) for t in ("二百五", "三万五千", "一九四五", "3万5千", "１２", "十十", "万")]
    [205, 35000, 1945, 35000, 12, None, None]
    """
    text = unicodedata.normalize("NFKC", text).replace(",", "")
    if not text or len(text) > 200:
        return None
    if text.isdigit():
        return int(text)
    if all(c in DIGITS or c.isdigit() for c in text):
        return int("".join(str(DIGITS.get(c, c)) for c in text))
    total = section = 0
    digits, last_small, last_large, seen = "", 10**4, 10**20, False
    for c in text:
        if c.isdigit() or c in DIGITS:
            digits += str(DIGITS.get(c, c))
        elif c in _SMALL:
            unit = _SMALL[c]
            if unit >= last_small or len(digits) > 1:
                return None
            section, digits, last_small, seen = section + unit * int(digits or 1), "", unit, True
        elif c in _LARGE:
            unit = _LARGE[c]
            section += int(digits or 0)
            if unit >= last_large or not section:
                return None
            total, section, digits, last_small, last_large = total + section * unit, 0, "", 10**4, unit
        else:
            return None
    if digits and seen and len(digits) > 1 and last_small < 10**4:
        return None
    return total + section + int(digits or 0)


def number(text: str) -> Fraction | None:
    r"""The exact value of what is written: 3.14, 1,234, 三分の二, 3/4, 1と2分の1, \frac{1}{2}, −5, 1.5万, 50%; None for no number.

    >>> [str(number(t)) for t in ("１，２３４", "三分の二", "-3/4", "1.5万", "二・五", "50%", "1と2分の1", r"\frac{1}{2}")]
    ['1234', '2/3', '-3/4', '15000', '5/2', '1/2', '3/2', '1/2']
    """
    if text.isascii() and text.isdigit() and len(text) <= 200:
        return Fraction(int(text))
    text = unicodedata.normalize("NFKC", text).replace("⁄", "/").strip().replace(" ", "")
    if len(text) > 200:
        return None
    if latex := re.fullmatch(r"(-?)" + _LATEX.pattern, text):
        above, below = number(latex[2]), number(latex[3])
        return None if above is None or not below else above / below * (-1 if latex[1] else 1)
    if text.endswith(("%", "パーセント")):
        value = number(text.removesuffix("%").removesuffix("パーセント"))
        return None if value is None else value / 100
    sign = -1 if re.match(r"[-−－‐–▲△]|マイナス", text) else 1
    text = re.sub(r"^([-−－‐–▲△+]|マイナス|プラス)", "", text)
    if fraction := _FRACTION.fullmatch(text):
        whole = kanji_number(fraction["whole"]) if fraction["whole"] else 0
        below, above = kanji_number(fraction["below"]), kanji_number(fraction["above"].lstrip("-−"))
        if fraction["above"][0] in "-−":
            sign = -sign
        return None if whole is None or above is None or not below else sign * (whole + Fraction(above, below))
    if "/" in text:
        above, _, below = text.partition("/")
        values = _plain(above), _plain(below)
        return None if values[0] is None or not values[1] else sign * values[0] / values[1]
    value = _plain(text)
    return None if value is None else sign * value


def _plain(text: str) -> Fraction | None:
    text = text.strip()
    if re.fullmatch(r"\d{1,3}(,\d{3})+(\.\d+)?|\d*\.?\d+|\d+\.", text):
        return Fraction(text.replace(",", "").rstrip("."))
    if scaled := re.fullmatch(r"([\d,]*\.\d+)([万億兆])", text):
        return Fraction(scaled[1].replace(",", "")) * _LARGE[scaled[2]]
    if decimal := re.fullmatch(rf"([{_KANJI}]+)[・.]([〇零一二三四五六七八九]+)", text):
        whole, places = kanji_number(decimal[1]), "".join(str(DIGITS[c]) for c in decimal[2])
        return None if whole is None else whole + Fraction(int(places), 10 ** len(places))
    whole = (
        kanji_number(text) if re.fullmatch(rf"[\d,{_KANJI}]+", text) and "," not in text.strip("0123456789,") else None
    )
    return None if whole is None else Fraction(whole)
