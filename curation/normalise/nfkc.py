"""NFKC that keeps what Japanese needs kept.

Web text writes one word in many widths (ＡＢＣ/ABC, ｶﾅ/カナ, か゛/が), which splits tokens and hides copies from deduplication. Plain
NFKC joins them and destroys meaning on the way: m² becomes m2, 問② becomes 問2, 1½ becomes 11⁄2, … becomes three full stops, and
the marks of (´・ω・｀) become a space and a stray accent. So this is NFKC with a table of exceptions, all of them here:

| characters | plain NFKC | here |
|---|---|---|
| superscripts, subscripts (<super>, <sub>): m² H₂O ª ™ | m2 H2O a TM | kept |
| fractions: ½ ⅓ | 1⁄2 | kept |
| leaders and primes: … ‥ ″ ‴ | ... .. ′′ ′′′ | kept; ︙ becomes … |
| spacing accents: ´ ¨ ¯ ￣ ‾ ゛ ゜ | space + combining mark | kept |
| ゛ ゜ ﾞ ﾟ after a kana that takes them: か゛ ﾎﾟ う゛ | か + space + mark, ポ | が ポ ゔ |
| ﾞ ﾟ elsewhere: (ﾟДﾟ) | combining mark on the letter before | ゛ ゜ |
| spaces: U+3000, U+00A0, U+2000… | ASCII space | kept (the whitespace step decides) |
| ～ U+FF5E, cp932's reading of the wave dash | ~ | 〜 U+301C |
| symbols of one em: ① ⑴ ㈱ ㊤ ㌔ ㎡ ㍻ № ℡ ℃ Ⅳ | 1 (1) (株) 上 キロ m2 平成 No TEL °C IV | kept; `symbols: fold` (㎡ to m²) |
| full-width ！（），．：；？［］｛｝｟｠ and ‼ ⁇ ⁈ ⁉ | ASCII | kept; `punctuation: fold` |
| ， ． ： ； straight after a full-width letter or digit: ３．１４ Ｃ：＼ | ASCII | ASCII too, the others being for `kutoten` |

Everything else is as in NFKC: ＡＢＣ１２＋ to ABC12+, ｱｶﾞ｡ to アガ。, ｢｣ to 「」, ﬁ to fi, Kangxi radicals ⽇ and
compatibility ideographs (福 U+FA1B) to their unified forms, combining marks composed. ー ― — ─ 〜 − are different
characters in NFKC, and here.
"""

import re
import unicodedata
from functools import cache
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.normalise.text_column import text_array, text_views, with_room
from curation.step import Batch, Columns, Measure

Choice = Literal["keep", "fold"]

KEPT = frozenset("…‥″‴‵‶‷⁗")
"""Kept beside what is found by its kind of decomposition (superscripts, subscripts, fractions, spaces, spacing accents)."""

PUNCTUATION = frozenset("！（），．：；？［］｛｝｟｠‼⁇⁈⁉")
"""What Japanese typesetting writes in full width, and `punctuation: keep` keeps."""

_SYMBOL_RANGES = (
    (0x20A8, 0x20A8),
    (0x2100, 0x2101),
    (0x2103, 0x2103),
    (0x2105, 0x2106),
    (0x2109, 0x2109),
    (0x2116, 0x2116),
    (0x2121, 0x2121),
    (0x213B, 0x213B),
    (0x2160, 0x217F),
    (0x2460, 0x24FF),
    (0x3200, 0x33FF),
    (0x1F100, 0x1F2FF),
)

_AFTER_WIDE = re.compile("(?<=[０-９Ａ-Ｚａ-ｚ])[，．：；]+")


@cache
def decomposing() -> list[int]:
    """Code points that have a decomposition (Hangul syllables by rule not among them), in order; the last is U+2FA1D."""
    blocks = (range(0xA0, 0x3400), range(0xA69C, 0xAC00), range(0xF900, 0x20000), range(0x2F800, 0x2FA20))
    return [c for block in blocks for c in block if unicodedata.decomposition(chr(c))]


def is_symbol(c: int) -> bool:
    """Whether `symbols` decides about code point c: one character that stands for several, or for one inside a shape."""
    return any(low <= c <= high for low, high in _SYMBOL_RANGES) and unicodedata.decomposition(chr(c)) != ""


def is_kept(c: int, symbols: Choice, punctuation: Choice) -> bool:
    """Whether code point c stays as it is although NFKC would replace it."""
    char = chr(c)
    kind = unicodedata.decomposition(char)
    if not kind:
        return False
    if char in KEPT or kind.startswith(("<super>", "<sub>", "<fraction>")):
        return True
    if (char in PUNCTUATION and punctuation == "keep") or (symbols == "keep" and is_symbol(c)):
        return True
    return unicodedata.normalize("NFKC", char).startswith(" ")


@cache
def _exceptions(symbols: Choice, punctuation: Choice) -> tuple[frozenset[str], dict[str, str]]:
    """Characters that NFKC may not touch, and those that fold to something else than NFKC has."""
    kept = {c for c in decomposing() if is_kept(c, symbols, punctuation)}

    def fold(c: int) -> str:
        parts = unicodedata.decomposition(chr(c)).split()
        if c in kept or not parts:
            return chr(c)
        return "".join(fold(int(part, 16)) for part in parts if part[0] != "<")

    folded = {c: unicodedata.normalize("NFC", fold(c)) for c in decomposing() if c not in kept}
    other = {chr(c): form for c, form in folded.items() if form != nfkc_of(c)}
    return frozenset(map(chr, kept)), other | {"～": "〜", "ﾞ": "゛", "ﾟ": "゜"}


def nfkc_of(c: int) -> str:
    """Plain NFKC of one code point."""
    return unicodedata.normalize("NFKC", chr(c))


@cache
def _voiced() -> tuple[re.Pattern[str], dict[str, str]]:
    """Kana followed by ゛ or ゜ that compose, and what they compose to."""
    composed = {}
    for mark, combining in (("゛", "\u3099"), ("゜", "\u309a")):
        for c in range(0x3041, 0x30FF):
            if len(one := unicodedata.normalize("NFC", chr(c) + combining)) == 1:
                composed[chr(c) + mark] = one
    return re.compile("|".join(composed)), composed


def nfkc(text: str, symbols: Choice = "keep", punctuation: Choice = "keep") -> str:
    """Text in NFKC but for the table above. Applying it again changes nothing.

    >>> nfkc("ＡＢＣ１２３　ｶﾞｷﾞｸﾞ、か゛　(ﾟДﾟ)")
    'ABC123\u3000ガギグ、が\u3000(゜Д゜)'
    >>> nfkc("㈱精米は問②で10m²…１½キロ"), nfkc("㈱問②㎡", symbols="fold")
    ('㈱精米は問②で10m²…1½キロ', '(株)問2m²')
    >>> nfkc("本当ですか？（３．１４）１０～２０％"), nfkc("本当ですか？", punctuation="fold")
    ('本当ですか？（3.14）10〜20%', '本当ですか?')
    """
    kept, other = _exceptions(symbols, punctuation)
    marked, composed = _voiced()
    if punctuation == "keep":
        text = _AFTER_WIDE.sub(lambda run: unicodedata.normalize("NFKC", run[0]), text)
    for char in other.keys() & set(text):
        text = text.replace(char, other[char])
    if present := kept & set(text):
        between = re.compile("[^" + re.escape("".join(present)) + "]+")
        text = between.sub(lambda run: unicodedata.normalize("NFKC", run[0]), text)
    else:
        text = unicodedata.normalize("NFKC", text)
    return marked.sub(lambda pair: composed[pair[0]], text)


class Nfkc(Measure):
    """Rewrites `text` to NFKC, keeping what Japanese needs kept (table in `curation/normalise/nfkc.py`).

    symbols: `keep` leaves ①㈱㎡℡Ⅳ as they are, `fold` writes them out as 1, (株), m², TEL, IV.
    punctuation: `keep` leaves ！？（）：；，．［］｛｝ full-width, `fold` makes them ASCII as plain NFKC does.
    """

    reads, writes = ("text",), ("text",)

    def __init__(self, symbols: Literal["keep", "fold"] = "keep", punctuation: Literal["keep", "fold"] = "keep"):
        super().__init__()
        self.symbols: Choice = symbols
        self.punctuation: Choice = punctuation
        self._rules: Any = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_rules": None}

    def setup(self) -> None:
        from curation.normalise.nfkc_kernel import rules

        self._rules = rules(self.symbols, self.punctuation)

    def columns(self, batch: Batch) -> Columns:
        from curation.normalise.nfkc_kernel import rewrite

        column = batch.column("text")
        data, offsets = text_views(column)
        out, (ends, changed, odd) = with_room(lambda room: rewrite(data, offsets, room, *self._rules), offsets)
        if not changed and not odd.any():
            return {"text": column}
        text = text_array(out, ends, column)
        if not odd.any():
            return {"text": text}
        rows = np.flatnonzero(odd & column.is_valid().to_numpy(zero_copy_only=False))
        slow = [nfkc(column[row].as_py(), self.symbols, self.punctuation) for row in rows.tolist()]
        mask = np.zeros(len(column), bool)
        mask[rows] = True
        return {"text": pc.replace_with_mask(text, pa.array(mask), pa.array(slow, pa.large_string()))}
