"""What the bytes themselves say about their encoding, from a sample of them.

The rows of kana are the densest cells of Japanese text, and every encoding has them on other lead bytes: 82 and 83 in cp932, A4 and
A5 in EUC-JP, E3 81 to E3 83 in UTF-8. Counting byte pairs settles nearly every page without decoding it; where that is not
enough, a reading of the sample is weighed by the kinds of characters it gives.
Idea: uchardet's and Mozilla's detectors (frequent cells, illegal sequences), reduced to what separates Japanese from the rest.
"""

import codecs
import re
from functools import cache
from typing import NamedTuple

import numpy as np

from curation.extract.legacy_japanese import decode_cp932, decode_euc_jp

SAMPLE_BYTES = 4096

_COMMON = re.compile("[日一国会人年大十二本中長出三同時事自行社見月分議後前生連五間対上部東者地業内相方四定今回新場金]")
_LEAST = 0.15
"""Kana among the bytes above 7F. Laws, the densest kanji there are, have 0.25; GB 18030 and Big5 read as EUC-JP stay below 0.1."""
_WINDOW = SAMPLE_BYTES // 4
_FAR = 1 << 16
"""How far back a window looks for a place to begin: laws have paragraphs of many thousand characters."""
_KANA, _LEVEL_1, _HALF_WIDTH, _RARE, _BAD, _OTHER = 1, 2, 3, 4, 5, 6


class Reading(NamedTuple):
    """Kinds of characters in one reading of a sample, as shares of its non-ASCII characters, each in [0, 1]."""

    kana: float
    """Full-width kana."""
    odd: float
    """Half-width kana, kanji outside JIS level 1, private use."""
    bad: float
    """Undecodable bytes and C1 controls."""
    half_width: bool
    """True when every byte above 7F is one of the half-width kana's (A1 to DF), as old pages for telephones have it."""


def sample_of(payload: bytes, first_error: int) -> bytes:
    """Up to 4 KiB of the payload: one window where the bytes stop being UTF-8 and three spread over the rest.

    Each window begins and ends behind a line break, a tag or a space, which end a character in every encoding concerned: a
    window that began inside a character would be read out of step.
    """
    if len(payload) <= SAMPLE_BYTES:
        return payload
    step = len(payload) // 4
    windows = []
    for near in (first_error, step, 2 * step, 3 * step):
        start = _boundary(payload, max(0, near - _FAR), near)
        windows.append(payload[start : max(_boundary(payload, start, start + _WINDOW), start + _WINDOW // 2)])
    return b"\n".join(windows)


def _boundary(payload: bytes, low: int, high: int) -> int:
    """The place behind the last line break, tag or space in [low, high); `low` where there is none."""
    return max(low, *(payload.rfind(end, low, high) + 1 for end in (b"\n", b">", b" ")))


@cache
def _pairs() -> np.ndarray:
    """Class of every byte pair (lead × 256 + trail): 1 kana of cp932, 2 of EUC-JP, 3 of UTF-8 (its first two bytes), 0 other."""
    table = np.zeros((256, 256), np.uint8)
    table[0x82, 0x9F:0xF2] = 1
    table[0x83, 0x40:0x97] = 1
    table[0xA4, 0xA1:0xF4] = 2
    table[0xA5, 0xA1:0xF7] = 2
    table[0xE3, 0x81:0x84] = 3
    return table.ravel()


def kana_codec(sample: bytes) -> str | None:
    """cp932, euc_jp or utf-8 when kana in that encoding fill 15 % of the bytes above 7F and no other comes near; else None.

    >>> [kana_codec("ひらがなとカタカナ。".encode(c)) for c in ("cp932", "euc_jp", "utf-8")], kana_codec("한국어".encode("cp949"))
    (['cp932', 'euc_jp', 'utf-8'], None)
    """
    raw = np.frombuffer(sample, np.uint8)
    if len(raw) < 2:
        return None
    kinds = _pairs()[(raw[:-1].astype(np.uint16) << 8) | raw[1:]]
    inside = (kinds[1:] == 1) & (kinds[:-1] == 3)
    counts = np.bincount(kinds, minlength=4)
    filled = {
        "cp932": 2 * int(counts[1] - np.count_nonzero(inside)),
        "euc_jp": 2 * int(counts[2]),
        "utf-8": 3 * int(counts[3]),
    }
    high = int(np.count_nonzero(raw & 0x80))
    best = max(filled, key=lambda codec: filled[codec])
    rest = sum(filled.values()) - filled[best]
    if filled[best] < max(8, _LEAST * high) or 4 * rest > filled[best]:
        return None
    if (
        best == "euc_jp"
    ):  # other encodings have frequent cells there too, which a reading in step with the pairs tells apart
        read = reading(sample, best)
        return best if read.kana >= _LEAST and read.bad <= 0.05 else None
    return best


@cache
def _kinds() -> np.ndarray:
    """Kind of every UTF-16 unit; 0 for ASCII."""
    table = np.full(65536, _OTHER, np.uint8)
    table[:0x80] = 0
    table[0x80:0xA0] = _BAD
    table[0x4E00:0xA000] = _RARE
    for row in range(0xB0, 0xD0):
        cells = bytes(b for trail in range(0xA1, 0xFF) for b in (row, trail)).decode("euc_jp", "ignore")
        table[np.frombuffer(cells.encode("utf-16-le"), "<u2")] = _LEVEL_1
    table[0x3041:0x3100] = _KANA
    table[0xD800:0xF900] = _RARE
    table[0xFF61:0xFFA0] = _HALF_WIDTH
    table[0xFFFD] = _BAD
    return table


def reading(sample: bytes, codec: str) -> Reading:
    """Weighs the sample as read by the codec; all shares are 0 for a sample without non-ASCII characters.

    >>> reading("精米と玄米".encode("cp932"), "cp932")
    Reading(kana=0.2, odd=0.0, bad=0.0, half_width=False)
    """
    text = as_text(sample, codec)
    counts = np.bincount(_kinds()[np.frombuffer(text.encode("utf-16-le"), "<u2")], minlength=7)
    total = max(1, int(counts[1:].sum()))
    half_width = not re.search(rb"[\x80-\xa0\xe0-\xff]", sample)
    odd = int(counts[_HALF_WIDTH] + counts[_RARE])
    return Reading(int(counts[_KANA]) / total, odd / total, int(counts[_BAD]) / total, half_width)


def as_text(sample: bytes, codec: str) -> str:
    """The sample in the codec, U+FFFD for what it cannot read."""
    if codec == "cp932":
        return decode_cp932(sample)
    if codec == "euc_jp":
        return decode_euc_jp(sample)
    return codecs.decode(sample, codec, "replace")


def common_kanji(sample: bytes, codec: str) -> int:
    """How many of the most frequent kanji the reading holds: tells EUC-JP from GB 18030, which has kana on the same cells."""
    return len(_COMMON.findall(as_text(sample, codec)))


def wide_codec(payload: bytes) -> str | None:
    """UTF-16 or UTF-32 without a mark, by where the NULs of ASCII markup fall; None for NULs without such a pattern.

    >>> wide_codec("<p>精米</p>".encode("utf-16-be")), wide_codec("<p>精\\0米</p>".encode())
    ('utf-16-be', None)
    """
    head = payload[:4096]
    quarter = max(1, len(head) // 4)
    zeros = [head[i::4].count(0) / quarter for i in range(4)]
    if min(zeros) < 0.5 and min(zeros[2:]) > 0.9:
        return "utf-32-le"
    if min(zeros) < 0.5 and min(zeros[:2]) > 0.9:
        return "utf-32-be"
    even, odd = (zeros[0] + zeros[2]) / 2, (zeros[1] + zeros[3]) / 2
    if max(even, odd) * 2 * quarter >= 4 and max(even, odd) > 0.1 and min(even, odd) < 0.1 * max(even, odd):
        return "utf-16-be" if even > odd else "utf-16-le"
    return None


def lone_bytes(sample: bytes) -> float:
    """Share of bytes above 7F with only ASCII on both sides, in [0, 1]: near 1 in Western text, near 0 in East Asian.

    >>> lone_bytes("déjà vu".encode("cp1252")), lone_bytes("精米".encode("euc_jp"))
    (1.0, 0.0)
    """
    high = np.frombuffer(sample, np.uint8) >= 0x80
    if not high.any():
        return 0.0
    near = np.zeros_like(high)
    near[1:] |= high[:-1]
    near[:-1] |= high[1:]
    return float(np.count_nonzero(high & ~near) / np.count_nonzero(high))
