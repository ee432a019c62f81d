"""The normal form: what two texts must share to be the same text for deduplication and for the cap.

A form is the text after width, case, punctuation style, white space and invisible characters are taken away; what is left is
hashed to the 128-bit `form_key`. docs/normal-form.md is the specification (a checker can be written from it without reading this
file), tests/dedup/normal_form_vectors.jsonl holds its worked examples, and `FORM_VERSION` names it in every table made from it.

The form is a table from code point to string followed by NFC. That lets the compiled kernel (form_kernel.py) work one code point
at a time and leave to this module only texts with marks or jamo that compose with what stands before them.
Idea: Unicode's NFKC_Casefold, widened by the variants that Japanese encodings and input methods leave behind (〜 and ～, − and －,
，． and 、。), since peers that fold less miss copies: datatrove keeps ＡＢＣ and ｶﾀｶﾅ apart from ABC and カタカナ.
"""

import hashlib
import unicodedata
from functools import cache

import numpy as np

from curation.dedup.unicode_14 import is_later, normalize

FORM_VERSION = "seimai-nf/1"
"""Version of the specification; forms and keys of different versions are never compared."""

_VARIANTS = {
    ",": "、",
    ".": "。",
    "...": "⋯",
    "-": "‐‒–—―−─━⁃",
    "~": "〜∼˜〰⁓‾",
    "'": "‘’‚‛′‵´ʼ",
    '"': "“”„‟〝〞〟",
    "·": "・•∙⋅‧",
    "‖": "∥",
    "\\": "¥",
    "¯": "￣",
}
PUNCTUATION = {ord(c): form for form, variants in _VARIANTS.items() for c in variants}
"""Code point of a variant → what stands for it. ¥ and ‾ are there because one Shift_JIS byte means them and \\ and ~."""

_INVISIBLE = {
    0x034F,
    0x115F,
    0x1160,
    0x17B4,
    0x17B5,
    *range(0x180B, 0x1810),
    *range(0xFE00, 0xFE10),
    *range(0xE0100, 0xE01F0),
}
_KANA_SOUND_MARKS = (0x309B, 0x309C)
_PLAIN = ("Lo", "Co", "Cn", "Cs", "Nd", "So", "Sm", "Sc", "Ps", "Pe", "Mc")
_FOLDED_PLANES = (
    (0, 0x3400),
    (0x4DC0, 0x4E00),
    (0xA000, 0xAC00),
    (0xD7A4, 0x20000),
    (0x2F800, 0x2FA20),
    (0xE0000, 0xE0200),
)
"""Where a code point can differ from its fold: ideographs, precomposed Hangul and private planes never do."""


def _is_removed(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cf", "Zs", "Zl", "Zp") or ord(char) in _INVISIBLE


def fold(code: int) -> str:
    """What one code point contributes to a form, before composition: '' where it is removed.

    >>> fold(ord("Ａ")), fold(ord("㈱")), fold(ord("，")), fold(ord("―")), fold(ord("\\u3000")), fold(ord("ﾞ")) == "\\u3099"
    ('a', '(株)', ',', '-', '', True)
    """
    char = chr(code)
    if 0xD800 <= code <= 0xDFFF or is_later(code):
        return char
    if code in PUNCTUATION:
        return PUNCTUATION[code]
    if _is_removed(char):
        return ""
    plain = normalize("NFKD", char)
    if plain[0] == " " and len(plain) > 1 and code not in _KANA_SOUND_MARKS:
        char = normalize("NFC", char)  # ¨ and its kind: as a mark they would land on the character before them
        return PUNCTUATION.get(ord(char), char)
    plain = normalize("NFKD", plain.casefold())
    return "".join(PUNCTUATION.get(ord(c), c) for c in plain if not _is_removed(c))


@cache
def fold_table() -> dict[int, str]:
    """`fold` for every code point that it changes, canonical decompositions left out (NFC restores them): for `str.translate`."""
    table = {}
    for low, high in _FOLDED_PLANES:
        for code in range(low, high):
            char = chr(code)
            plain = unicodedata.category(char) in _PLAIN and not unicodedata.decomposition(char)
            if plain and code not in PUNCTUATION and code not in _INVISIBLE:
                continue
            folded = fold(code)
            if folded != char and normalize("NFC", folded) != char:
                table[code] = folded
    return table


def normal_form(text: str) -> str:
    """The normal form of a text; '' for a text of white space. The reference of the compiled kernel.

    >>> normal_form("㈱ＡＢＣの　１２３円，ｶﾞﾗｽ。")
    '(株)abcの123円,ガラス.'
    >>> normal_form("か゛〜ん") == normal_form("が～\\nん")
    True
    """
    return normalize("NFC", text.translate(fold_table()))


def form_key(form: str | bytes | memoryview) -> bytes:
    """128-bit key of a form (a str, or its UTF-8): the first half of SHA-256, 16 bytes.

    Among 10^10 forms two keys meet by chance with probability 1.5e-19, and a cryptographic hash lets nobody write a page that
    takes another page's key; so equal key is taken for equal form and no text is compared again.

    >>> form_key("").hex()
    'e3b0c44298fc1c149afbf4c8996fb924'
    """
    raw = form.encode("utf-8", "surrogatepass") if isinstance(form, str) else form
    return hashlib.sha256(raw).digest()[:16]


@cache
def kernel_tables() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`fold` as arrays for the kernel: (table int32 [0x110000], start int32 [expansions + 1], pool uint32).

    table[c] ≥ 0 is the one code point that c becomes; see the constants of form_kernel.py for the rest. Expansion k is
    pool[start[k]:start[k + 1]]. Every entry is in NFC, so entries may be put side by side unless one begins with a code point
    that composes with or is reordered before what precedes it: those are COMPOSES, and such a text takes `normal_form`.
    """
    from curation.dedup import form_kernel as kernel

    table = np.arange(0x110000, dtype=np.int32)
    start, pool = [0], []
    folds = fold_table()
    seconds = _composing_seconds()
    for code, folded in folds.items():
        made = normalize("NFC", folded)
        if not made:
            table[code] = kernel.REMOVED
        elif ord(made[0]) in seconds:
            table[code] = kernel.COMPOSES
        elif len(made) == 1:
            table[code] = ord(made)
        else:
            table[code] = kernel.EXPANDS - (len(start) - 1)
            pool += map(ord, made)
            start.append(len(pool))
    for code in seconds:
        if code not in folds:
            table[code] = kernel.COMPOSES
    table[0xD800:0xE000] = kernel.COMPOSES
    table[[0x3099, 0xFF9E, 0x309B]] = kernel.VOICED
    table[[0x309A, 0xFF9F, 0x309C]] = kernel.SEMI_VOICED
    return table, np.array(start, np.int32), np.array(pool, np.uint32)


def _composing_seconds() -> set[int]:
    """Code points that NFC may join with, or move before, what precedes them: combining classes above 0, and second characters."""
    seconds = {*range(0x1161, 0x1176), *range(0x11A8, 0x11C3)}
    for code in range(0x300, 0x20000):
        if is_later(code):
            continue
        char = chr(code)
        if unicodedata.combining(char):
            seconds.add(code)
        parts = unicodedata.decomposition(char)
        if parts and parts[0] != "<" and " " in parts:
            seconds.add(int(parts.split()[1], 16))
    return seconds
