"""Columns that need words: Gopher's word rules as FineWeb2 uses them for Japanese, and two rules of HojiChar.

Words are SudachiPy's, split mode A, over sudachidict_core: what datatrove tokenises `jpn_Jpan` with, minus its spaCy objects, which
cost most of its time and change no word. It still is the slowest step by far (tens of milliseconds a page), so it stands
behind every rejection that needs no words.
Definitions and sources: `curation/features/__init__.py`.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa

from curation.document import COLUMNS
from curation.features.character_sets import PUNCTUATION
from curation.features.unidic_lite import as_unidic_lite
from curation.step import Batch, Columns, Measure

STOP_WORDS = frozenset(["の", "に", "を", "は", "た", "て", "が", "と", "で", "年", "し", "・", "月", "れ", "さ"])
"""Stop words of FineWeb2's `configs/jpn_Jpan.yml` (d0defb2)."""

CHUNK_BYTES = 40_000
"""UTF-8 bytes that datatrove hands SudachiPy at once (its limit is 49,149); words are cut where chunks meet, so ours is the same."""

_COLUMNS = (
    *("words", "non_symbol_words", "mean_word_chars", "alpha_word_fraction", "stop_words"),
    *("hashes_per_word", "ellipses_per_word", "newlines_per_word"),
    *(f"top_{n}word_fraction" for n in (2, 3, 4)),
    *(f"duplicate_{n}word_fraction" for n in range(5, 11)),
    *("noun_fraction", "repeated_7word_fraction"),
)


class Words(Measure):
    """Writes the word columns of `curation.features`, in one tokenisation a row. Parameters: none."""

    reads, writes = ("text",), _COLUMNS
    libraries = ("sudachipy", "sudachidict_core")

    def setup(self) -> None:
        """Loads the dictionary (about 200 MB, memory-mapped and shared by workers) and compiles the kernels."""
        self._tokenise = Tokeniser()
        word_columns("精米", self._tokenise)

    def columns(self, batch: Batch) -> Columns:
        rows = [None if text is None else word_columns(text, self._tokenise) for text in batch["text"].to_pylist()]
        return {
            name: pa.array([None if row is None else row[i] for row in rows], COLUMNS[name].type)
            for i, name in enumerate(_COLUMNS)
        }

    def __getstate__(self) -> dict[str, Any]:
        """A worker loads its own dictionary."""
        return {name: value for name, value in self.__dict__.items() if name != "_tokenise"}


class Tokeniser:
    """SudachiPy in mode A over texts of any length; not to be shared by threads."""

    def __init__(self) -> None:
        from sudachipy import Dictionary, SplitMode

        dictionary = Dictionary()
        create = getattr(dictionary, "tokenizer", None) or dictionary.create  # `create` is deprecated from 0.7 on
        self._sudachi = create(SplitMode.A)  # with fewer fields it no longer joins numbers (2.4)
        self._parts: dict[int, str] = {}

    def __call__(self, text: str) -> tuple[list[str], list[str]]:
        """Surfaces that are not empty, white space among them, and the part of speech (名詞, 助詞, …) of each."""
        surfaces, parts = [], []
        for chunk in chunks(text):
            self._read(chunk, surfaces, parts)
        return surfaces, parts

    def _read(self, chunk: str, surfaces: list[str], parts: list[str]) -> None:
        from sudachipy.errors import SudachiError

        try:
            morphemes = self._sudachi.tokenize(chunk)
        except SudachiError:  # characters that its normalisation expands (ﷺ is 18) pass its limit: 65,535 bytes
            if len(chunk) == 1:
                surfaces.append(chunk)
                parts.append("補助記号")
            else:
                self._read(chunk[: len(chunk) // 2], surfaces, parts)
                self._read(chunk[len(chunk) // 2 :], surfaces, parts)
            return
        for morpheme in morphemes:
            if surface := morpheme.surface():
                surfaces.append(surface)
                number = morpheme.part_of_speech_id()
                part = self._parts.get(number)
                if part is None:
                    part = self._parts[number] = morpheme.part_of_speech()[0]
                parts.append(part)


def chunks(text: str, limit: int = CHUNK_BYTES) -> list[str]:
    """The text cut into pieces of at most `limit` UTF-8 bytes, where datatrove's `chunk_text_on_bytes` cuts it.

    That function guesses a piece from the mean bytes a character has and grows it by ten characters while it is short of the limit.

    >>> chunks("あいうえおかきくけこさし", 30)
    ['あいうえおかきくけこ', 'さし']
    """
    ends = np.zeros(len(text) + 1, np.int64)
    codes = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    np.cumsum(1 + (codes > 0x7F) + (codes > 0x7FF).astype(np.int64) + (codes > 0xFFFF), out=ends[1:])
    total, grow = int(ends[-1]), int(max(min(limit * 0.1, 10), 1))
    guess = int(max(limit * (len(text) / total) - 10, 1)) if total else 1
    pieces, at = [], 0
    while at < len(text):
        left = len(text) - at
        if ends[at + min(guess, left)] - ends[at] > limit:
            guess = int(max(guess - min(limit * 0.001, 10), 1))
            continue
        cut = guess
        while cut < left and ends[at + cut] - ends[at] < limit:
            cut = min(left, cut + grow)
        if ends[at + min(cut, left)] - ends[at] > limit:
            cut -= grow
        pieces.append(text[at : at + cut])
        at += cut
    return pieces


@lru_cache(maxsize=1 << 17)
def word_kind(word: str) -> tuple[bool, bool, bool]:
    """Of one word: has it a character that is no symbol, has it a letter, is it a stop word.

    >>> word_kind("精米"), word_kind("……"), word_kind("は"), word_kind("2026")
    ((True, True, False), (False, False, False), (True, True, True), (True, False, False))
    """
    return not PUNCTUATION.issuperset(word), any(c.isalpha() for c in word), word in STOP_WORDS


def word_columns(text: str, tokenise: Tokeniser) -> tuple[float, ...]:
    """The word columns of one text, in the order of `Words.writes`."""
    from curation.features.word_ngrams import gopher_ngrams, repeated_windows

    surfaces, parts = tokenise(text)
    words = [word for surface in surfaces if (word := surface.strip())]
    kinds = [word_kind(word) for word in words]
    lengths = [len(word) for word, kind in zip(words, kinds, strict=True) if kind[0]]
    n = len(words)
    top_and_duplicate = gopher_ngrams(*_run(words))
    tokens, nouns, counted = as_unidic_lite(surfaces, parts)
    windows = max(len(tokens) - 6, 0)
    return (
        n,
        len(lengths),
        sum(lengths) / len(lengths) if lengths else 0.0,
        sum(kind[1] for kind in kinds) / n if n else 0.0,
        len({word for word, kind in zip(words, kinds, strict=True) if kind[2]}),
        text.count("#") / n if n else 0.0,
        (text.count("...") + text.count("…")) / n if n else 0.0,
        text.count("\n") / n if n else 0.0,
        *(top_and_duplicate / max(len(text), 1)).tolist(),
        nouns / counted if counted else 0.0,
        repeated_windows(*_run(tokens), 7) / windows if windows else 0.0,
    )


def _run(words: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Words as the kernels read them: their code points in a row, and where each begins, plus the end."""
    starts = np.zeros(len(words) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, words), np.int64, len(words)), out=starts[1:])
    return np.frombuffer("".join(words).encode("utf-32-le"), np.uint32), starts
