"""The normal form `seimai-nf/1`, written from its specification (docs/normal-form.md) for the checker alone."""

import hashlib
import re
import unicodedata

VERSION = "seimai-nf/1"

_STANDS_FOR = """
, U+3001
. U+3002
... U+22EF
- U+2010 U+2012 U+2013 U+2014 U+2015 U+2212 U+2500 U+2501 U+2043
~ U+301C U+223C U+02DC U+3030 U+2053 U+203E
' U+2018 U+2019 U+201A U+201B U+2032 U+2035 U+00B4 U+02BC
" U+201C U+201D U+201E U+201F U+301D U+301E U+301F
· U+30FB U+2022 U+2219 U+22C5 U+2027
‖ U+2225
\\ U+00A5
¯ U+FFE3
"""
_VARIANTS = {
    chr(int(code[2:], 16)): line.split()[0] for line in _STANDS_FOR.strip().splitlines() for code in line.split()[1:]
}
_REMOVED_CATEGORIES = {"Cc", "Cf", "Zs", "Zl", "Zp"}
_REMOVED_RANGES = "34F 115F-1160 17B4-17B5 180B-180F FE00-FE0F E0100-E01EF"
_AFTER_14 = (
    "CF3 ECE 10EFD-10EFF 1123F-11241 11B00-11B09 11F00-11F10 11F12-11F3A 11F3E-11F59 1342F 13439-13455 1B132 1B155 1D2C0-1D2D3 "
    "1DF25-1DF2A 1E030-1E06D 1E08F 1E4D0-1E4F9 1F6DC 1F774-1F776 1F77B-1F77F 1F7D9 1FA75-1FA77 1FA87-1FA88 1FAAD-1FAAF "
    "1FABB-1FABD 1FABF 1FACE-1FACF 1FADA-1FADB 1FAE8 1FAF7-1FAF8 31350-323AF 2FFC-2FFF 31EF 2EBF0-2EE5D"
)
"""Code points assigned in Unicode 15.0 and 15.1, which Python 3.12 and 3.13 know and the specification does not."""


def _ranges(said: str) -> list[tuple[int, int]]:
    parts = [part.split("-") for part in said.split()]
    return [(int(p[0], 16), int(p[-1], 16)) for p in parts]


_REMOVED = {code for first, last in _ranges(_REMOVED_RANGES) for code in range(first, last + 1)}
_LATER = re.compile("([" + "".join(f"{chr(a)}-{chr(b)}" for a, b in _ranges(_AFTER_14)) + "])")


def _normalised(form: str, text: str) -> str:
    """NFC or NFKD, with code points that Unicode 14.0 does not assign left as they are and nothing moved across them."""
    pieces = _LATER.split(text)
    return "".join(p if _LATER.fullmatch(p) else unicodedata.normalize(form, p) for p in pieces)  # type: ignore[arg-type]


def _removed(c: str) -> bool:
    return ord(c) in _REMOVED or unicodedata.category(c) in _REMOVED_CATEGORIES


def fold(c: str) -> str:
    """What one character becomes before composition (step 1 of the definition)."""
    if _LATER.fullmatch(c) or 0xD800 <= ord(c) <= 0xDFFF:
        return c
    if c in _VARIANTS:
        return _VARIANTS[c]
    if _removed(c):
        return ""
    plain = _normalised("NFKD", c)
    marks = len(plain) > 1 and plain[0] == " " and all(unicodedata.category(m).startswith("M") for m in plain[1:])
    if marks and c not in "゛゜":
        composed = _normalised("NFC", c)
        return _VARIANTS.get(composed, composed)
    folded = _normalised("NFKD", plain.casefold())
    return "".join(_VARIANTS.get(p, "" if _removed(p) else p) for p in folded)


class _Folds(dict[int, str]):
    """`fold` by code point for `str.translate`, each worked out when it is first met."""

    def __missing__(self, code: int) -> str:
        self[code] = fold(chr(code))
        return self[code]


_FOLDS = _Folds()


def normal_form(text: str) -> str:
    """The normal form of a text.

    >>> normal_form("㈱ＡＢＣの　１２３円，ｶﾞﾗｽ。")
    '(株)abcの123円,ガラス.'
    """
    return _normalised("NFC", text.translate(_FOLDS))


def form_key(form: str) -> bytes:
    """The first 16 bytes of SHA-256 over a form in UTF-8.

    >>> form_key("").hex()
    'e3b0c44298fc1c149afbf4c8996fb924'
    """
    return hashlib.sha256(form.encode("utf-8", "surrogatepass")).digest()[:16]
