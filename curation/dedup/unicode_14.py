"""Unicode 14.0 under any newer Python, so that a normal form never depends on the interpreter.

Unicode promises that what is assigned keeps its normalisation and its case folding; only code points assigned later can move.
Those that could are listed here (assigned in 15.0 to 18.0, and combining, decomposing, composing, upper case, space or format):
they stand for themselves and nothing is composed across them, as Python 3.11's tables (14.0) say of unassigned code points.
Found by comparing unicodedata 14.0 with unicodedata2 18.0 over all code points; among those assigned in 14.0 nothing differed.
"""

import re
import unicodedata
from typing import Literal

LATER = (
    "558 58B-58C 5C8-5C9 897 1ACF-1AF0 1C89 209D-209F A7CB-A7CC A7CE A7D2 A7D4 A7DA A7DC-A7DD A7E2 A7F1 AB6C-AB6D 105C9 "
    "105D2 105DA 105E4 107BB-107BF 10D50-10D65 10D69-10D6D 10ECB-10ECF 10EF0-10EFB 10EFD-10EFF 11382-11385 1138B 1138E "
    "11390-11391 113B8 113BB 113C2 113C5 113C7-113C9 113CE-113D0 11F41-11F42 13439-1343F 1611E-16129 1612F 16D63 "
    "16D67-16D6A 16EA0-16EB8 1B123-1B126 1CCD6-1CCF9 1D127-1D128 1D250-1D252 1D25B-1D25C 1D25F 1D280-1D281 1D6A6 1DF40 "
    "1DF48 1DF4A 1DF4D 1DF51 1DF68 1DF6A 1DF6C 1DF6E 1DF72 1DF74 1DF76 1DF78 1DF7A 1DF7C 1DF7E 1DF95 1DFCD-1DFFF "
    "1E030-1E06D 1E08F 1E4EC-1E4EF 1E5EE-1E5EF 1E6E3 1E6E6 1E6EE-1E6EF 1E6F5"
)
"""Code points (hexadecimal, ranges with a hyphen) unassigned in 14.0 whose later assignment would change a form."""

_RANGES = [(int(first, 16), int(last or first, 16)) for first, _, last in (r.partition("-") for r in LATER.split())]
_CODES = frozenset(code for first, last in _RANGES for code in range(first, last + 1))
_LATER = re.compile("([" + "".join(f"{chr(a)}-{chr(b)}" for a, b in _RANGES) + "])")


def is_later(code: int) -> bool:
    """Whether the code point was unassigned in Unicode 14.0 and moved afterwards.

    >>> is_later(0x1E030), is_later(ord("精"))
    (True, False)
    """
    return code in _CODES


def normalize(form: Literal["NFC", "NFKD"], text: str) -> str:
    """`unicodedata.normalize` by the tables of Unicode 14.0.

    >>> normalize("NFC", "か\\u3099"), normalize("NFKD", "㌔")
    ('が', 'キロ')
    """
    pieces = _LATER.split(text)
    if len(pieces) == 1:
        return unicodedata.normalize(form, text)
    return "".join(p if i % 2 else unicodedata.normalize(form, p) for i, p in enumerate(pieces))
