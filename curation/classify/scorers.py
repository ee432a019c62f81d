"""A fastText classifier asked for a whole column of texts: collapsed and compiled, or through the library, text by text.

Loads numba or the library: imported by a step's `setup()`, by training and by benchmarks, never by a recipe's check.
"""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from curation.classify.fasttext_file import read_file
from curation.classify.linear_kernel import sum_rows
from curation.classify.linear_model import END_HASH, collapse, probabilities, tokens
from curation.normalise.text_column import text_views


class Collapsed:
    """A model over characters as a table in memory."""

    def __init__(self, path: Path, cut: str = "characters", line_break: str = ""):
        self.model = collapse(read_file(path))
        self.labels = list(self.model.labels)
        self._line_break = ord(line_break) if line_break else 0

    def probabilities(self, texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
        """float64 [texts, labels], and how many characters that are no white space each text has; any null is as an empty text."""
        data, bounds = text_views(texts.fill_null("") if texts.null_count else texts)
        m = self.model
        sums, features, read = sum_rows(
            data,
            bounds,
            self._line_break,
            END_HASH,
            m.table,
            m.characters,
            m.end_row,
            m.word_count,
            m.buckets,
            m.row_of_bucket,
            m.ngrams,
        )
        return probabilities(m, sums, features), read


class Library:
    """A model inside fastText, asked by one text after the other."""

    def __init__(self, path: Path, cut: str, line_break: str = ""):
        import fasttext

        self._model: Any = fasttext.load_model(str(path))
        self._cut, self._line_break = cut, line_break
        self.labels = read_file(path).label_names
        self._place = {f"__label__{name}": i for i, name in enumerate(self.labels)}

    def probabilities(self, texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
        """As of `Collapsed`. Probabilities are capped at 1, which the library passes by 1e-5."""
        made = np.zeros((len(texts), len(self.labels)))
        read = np.zeros(len(texts), np.int64)
        for row, text in enumerate(texts.to_pylist()):
            if not text:
                continue
            line = words_line(text, self._cut, self._line_break)
            read[row] = len(line.split())
            made[row] = np.nan
            # the binding behind `predict`, which fails with NumPy 2
            for probability, label in self._model.f.predict(line + "\n", len(self.labels), 0.0, "strict"):
                made[row, self._place[label]] = min(probability, 1.0)
        return made, read


@cache
def _tokeniser() -> Any:
    from curation.features.words import Tokeniser

    return Tokeniser()


def words_line(text: str, cut: str, line_break: str = "") -> str:
    """The text as the line that fastText reads: its characters, SudachiPy's words or its own, between spaces.

    Words that fastText would take for its own marks (`</s>`, `__label__…`) are left out.

    >>> words_line("精米 と\\n水", "characters", "␤"), words_line("rice bran\\n oil", "words")
    ('精 米 と ␤ 水', 'rice bran oil')
    """
    if cut == "characters":
        return " ".join(tokens(text, line_break))
    text = text.replace("\n", f" {line_break} " if line_break else "\n")
    words = text.split() if cut == "words" else [w for surface in _tokeniser()(text)[0] for w in surface.split()]
    return " ".join(word for word in words if word != "</s>" and not word.startswith("__label__"))
