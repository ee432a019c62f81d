"""Which language a text is in: fastText's lid.176 on a sample of it, and the share of kana beside it.

The model reads at most 1,000 characters, in eight windows spread over the page: manuals begin in English and menus end in it, and the
whole text costs ten times as much (tests/language shows what the sample loses). Kana stand beside it because the two fail on
different pages: the model calls a Japanese manual full of commands English, and kana alone cannot tell a Chinese page from a table.

The rule that the preset `japanese` states over these columns: keep where `language` is ja or `kana_ratio` ≥ 0.1, and `kana_ratio`
≥ 0.01 in any case; `is_japanese` is the same as a function. Figures: docs/benchmarks.md, decode.
"""

from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from curation.normalise.text_column import text_views
from curation.step import Batch, Columns, Measure

WINDOWS = 8
"""Parts of equal length in which a long text is sampled."""


def sampled(text: str, characters: int = 1000) -> list[str]:
    """What the model reads of a text: all of it up to `characters`, else eight parts that start at every eighth of its UTF-8 bytes.

    >>> sampled("精米", 8), sampled("あいうえおかきくけこさしすせそた", 8)
    (['精米'], ['あ', 'う', 'お', 'き', 'け', 'さ', 'す', 'そ'])
    """
    if len(text) <= characters:
        return [text]
    raw = text.encode()
    starts = [len(raw) * k // WINDOWS for k in range(WINDOWS)] + [len(raw)]
    for k in range(WINDOWS):
        while raw[starts[k]] & 0xC0 == 0x80:
            starts[k] += 1
    parts = (raw[a:b].decode() for a, b in pairwise(starts))
    return [part[: characters // WINDOWS] for part in parts]


def is_japanese(language: str | None, kana_ratio: float) -> bool:
    """The proposed rule: the model or the kana say Japanese, and there are kana at all.

    >>> is_japanese("ja", 0.4), is_japanese("en", 0.15), is_japanese("ja", 0.0), is_japanese("zh", 0.002), is_japanese(None, 0.0)
    (True, True, False, False, False)
    """
    return kana_ratio >= 0.1 or (language == "ja" and kana_ratio >= 0.01)


class Language(Measure):
    """Writes `language`, `language_score` and `kana_ratio` from `text`.

    characters: how many characters of a page the model reads at most, spread over it in eight windows.

    A text without a letter (digits, signs, empty) has no language: both columns are null, and its `kana_ratio` is 0. Scores are
    rounded to 1e-3, so that they are equal on every machine.
    """

    reads = ("text",)
    writes = ("language", "language_score", "kana_ratio")

    def __init__(self, characters: int = 1000):
        super().__init__()
        if characters < WINDOWS:
            raise ValueError(f"characters must be at least {WINDOWS}, not {characters}")
        self.characters = characters
        self._kernels: Any = None
        self._model: Any = None

    def setup(self) -> None:
        from curation.classify import lid_kernel, lid_model
        from curation.features import kana_kernel

        self._kernels = lid_kernel.predict_rows, kana_kernel.kana_rows
        self._model = lid_model.load()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_kernels": None, "_model": None}

    def columns(self, batch: Batch) -> Columns:
        predict_rows, kana_rows = self._kernels
        text = batch.column("text")
        data, bounds = text_views(text)
        labels, *arrays = self._model
        number, score = predict_rows(data, bounds, self.characters, WINDOWS, *arrays)
        ratio, letters = kana_rows(data, bounds)
        silent = ~letters | (number < 0)
        missing = np.asarray(text.is_null())
        names = pa.array(labels, pa.string()).take(pa.array(number, mask=silent | missing))
        return {
            "language": names,
            "language_score": pa.array(np.round(score, 3), pa.float32(), mask=silent | missing),
            "kana_ratio": pa.array(ratio, pa.float32(), mask=missing),
        }
