"""Near-misses: items of which a text holds sentences that were changed a little, so that few n-grams are left whole.

Sentences of at least 20 characters of the compared form, of items and of texts alike, are signed by MinHash over character 5-grams
(37 bands of 3 permutations: a pair of Jaccard J meets with probability 1 − (1 − J^3)^37, .91 at J = .4 and .99 at .5), and every pair
that meets is held against each other exactly. An item's share is that of the characters of its sentences which have such a partner.
"""

import re
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator

from curation.decontaminate.gram_table import GOLDEN
from curation.decontaminate.item_index import ItemIndex
from curation.decontaminate.overlaps import Overlap
from curation.decontaminate.pack import PARTS, Part
from curation.decontaminate.rules import Rules, checked_rules
from curation.dedup.minhash import PERMUTATIONS, permutations
from curation.dedup.shingles import shingle_words

BANDS, ROWS = 37, 3
LEAST_SENTENCE = 20
"""Characters of the shortest sentence: in a shorter one, one other character already leaves less than half of the 5-grams."""
_ENDS = re.compile(r"[.!?]+")
_PRIME, _SEED = 0x100000001B3, 0xCBF29CE484222325
_MASK = (1 << 64) - 1


class NearRule(BaseModel):
    """jaccard: least similarity of two sentences over character 5-grams, in (0, 1]. reject, report: least shares by part."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    jaccard: float = Field(gt=0, le=1)
    reject: Rules = {}
    report: Rules = {}

    @field_validator("reject", "report")
    @classmethod
    def _parts(cls, rules: Rules) -> Rules:
        return checked_rules(rules)


def sentences(form: str) -> list[str]:
    """Sentences of a compared form that are long enough to be held against each other, without their ends; the kernel's reference.

    >>> sentences("短い.これは二十文字を超えるくらいには長い文である.おわり")
    ['これは二十文字を超えるくらいには長い文である']
    """
    return [s for s in _ENDS.split(form) if len(s) >= LEAST_SENTENCE]


def band_keys(signed: np.ndarray) -> np.ndarray:
    """64-bit keys of a signature's bands, uint64 [37]: FNV-1a over the band's number and its words; the kernel's reference."""
    keys: list[int] = []
    for band in range(BANDS):
        h = _SEED
        for word in (band, *(int(w) for w in signed[band * ROWS : (band + 1) * ROWS])):
            h = (h ^ word) * _PRIME & _MASK
        keys.append(h)
    return np.array(keys, np.uint64)


@dataclass(frozen=True)
class _Tables:
    """Bands as sorted keys with the sentences that have each, and every sentence's shingles."""

    filter_bits: int
    filter: np.ndarray
    keys: np.ndarray
    of: np.ndarray
    shingles: np.ndarray
    starts: np.ndarray


class NearIndex:
    """Sentences of all items' texts, searchable for those of at least this similarity."""

    def __init__(self, index: ItemIndex, jaccard: float):
        self.index, self.jaccard = index, jaccard
        number: dict[str, int] = {}
        self.of_text = [tuple(number.setdefault(s, len(number)) for s in sentences(text)) for text in index.texts]
        self.sentences = list(number)
        self._texts_with: list[list[int]] = [[] for _ in self.sentences]
        for text, own in enumerate(self.of_text):
            for sentence in dict.fromkeys(own):
                self._texts_with[sentence].append(text)
        self.tables = self._made()

    def _made(self) -> _Tables:
        from curation.dedup.form_kernel import sign

        signed = np.empty((len(self.sentences), PERMUTATIONS), np.uint32)
        for s, row in zip(self.sentences, signed, strict=True):
            sign(np.frombuffer(s.encode("utf-32-le", "surrogatepass"), "<u4").astype(np.uint32), len(s), *SIGNS, row)
        keys = np.array([band_keys(row) for row in signed], np.uint64).reshape(-1, BANDS)
        of = np.repeat(np.arange(len(keys), dtype=np.int32), BANDS)
        keys = keys.ravel()
        order = np.argsort(keys, kind="stable")
        keys, of = keys[order], of[order]
        bits = max(10, (16 * len(keys)).bit_length())
        bit = (keys * np.uint64(GOLDEN)) >> np.uint64(64 - bits)
        words = np.zeros(1 << (bits - 6), np.uint64)
        np.bitwise_or.at(words, (bit >> np.uint64(6)).astype(np.int64), np.uint64(1) << (bit & np.uint64(63)))
        shingles = [shingle_words(s) for s in self.sentences]
        starts = np.cumsum([0, *(len(s) for s in shingles)]).astype(np.int64)
        return _Tables(bits, words, keys, of, np.concatenate([*shingles, np.zeros(0, np.uint64)]), starts)

    def by_row(self, pairs: np.ndarray) -> dict[int, list[Overlap]]:
        """Items of which rows hold near-copies, by row and then by name, from pairs (int64 [n, 2]: row, sentence)."""
        there: dict[int, set[int]] = {}
        for row, sentence in pairs.tolist():
            there.setdefault(row, set()).add(sentence)
        return {row: self._overlaps(some) for row, some in there.items()}

    def _overlaps(self, there: set[int]) -> list[Overlap]:
        shares: dict[int, dict[Part, float]] = {}
        texts = {text for sentence in there for text in self._texts_with[sentence]}
        for number in sorted({s for text in texts for s in self.index.sayings_of[text]}):
            saying = self.index.sayings[number]
            own = [s for text in saying.texts for s in self.of_text[text]]
            share = sum(len(self.sentences[s]) for s in own if s in there) / sum(len(self.sentences[s]) for s in own)
            of = shares.setdefault(saying.item, {})
            of[saying.part] = max(of.get(saying.part, 0.0), round(share, 4))
        made = [
            Overlap(self.index.items[item].name, {p: of[p] for p in PARTS if p in of}, near=True)
            for item, of in shares.items()
        ]
        return sorted(made, key=lambda o: o.name)


SIGNS = permutations(1)
"""Multipliers and addends of the signatures, those of near-duplicates of pages."""
assert BANDS * ROWS <= PERMUTATIONS
