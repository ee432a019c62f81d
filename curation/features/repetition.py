"""Repetition of character n-grams: the sign of spam, boilerplate and broken generators that needs no words.

Japanese has no spaces, so what Gopher counts over words, Swallow and HojiChar count over characters: how much of the page its most
frequent 2- to 4-gram takes, how many of its distinct 5- to 10-grams come again, and how much its most frequent 5-grams make up.
Definitions: `curation/features/__init__.py`. `repetition` is those in plain Python; the compiled pass is held against it.
"""

import math
from collections import Counter

import pyarrow as pa

from curation.normalise.text_column import text_views
from curation.step import Batch, Columns, Measure

TOP = (2, 3, 4)
DUPLICATE = (5, 6, 7, 8, 9, 10)
COLUMNS = (
    *(f"top_{n}gram_fraction" for n in TOP),
    *(f"duplicate_{n}gram_fraction" for n in DUPLICATE),
    "char_5gram_repetition",
)
"""Columns in the order in which the kernel writes them: n = 2 … 10, then HojiChar's."""


def repetition(text: str) -> dict[str, float]:
    """Every column of `Repetition` for one text, each in [0, 1]; 0.0 where the text is shorter than n.

    >>> values = repetition("すもももももももものうち")
    >>> values["top_2gram_fraction"], values["duplicate_5gram_fraction"], values["char_5gram_repetition"]
    (0.6363636363636364, 0.2, 0.5)
    >>> set(repetition("精米").values())
    {0.0, 1.0}
    """
    made: dict[str, float] = {}
    share = 0.0
    for n in TOP + DUPLICATE:
        times = Counter(text[i : i + n] for i in range(len(text) - n + 1))
        if n in TOP:
            made[f"top_{n}gram_fraction"] = max(times.values()) / times.total() if times else 0.0
        else:
            made[f"duplicate_{n}gram_fraction"] = sum(k > 1 for k in times.values()) / len(times) if times else 0.0
        if n == 5 and times:
            most = sorted((k for k in times.values() if k > 1), reverse=True)[: math.isqrt(len(times))]
            share = sum(most) / times.total()
    return made | {"char_5gram_repetition": share}


class Repetition(Measure):
    """Writes the character n-gram columns, float64 in [0, 1]; null for a null text."""

    reads, writes = ("text",), COLUMNS

    def setup(self) -> None:
        from curation.features import repetition_kernel  # noqa: F401  (compiles, once per worker)

    def columns(self, batch: Batch) -> Columns:
        from curation.features.repetition_kernel import measured, of_long_text

        column = batch.column("text")
        fractions, too_long = measured(*text_views(column))
        for row in too_long.nonzero()[0].tolist():
            if column[row].is_valid:
                fractions[:, row] = of_long_text(column[row].as_py())
        gone = column.is_null().to_numpy(zero_copy_only=False) if column.null_count else None
        return {name: pa.array(fractions[k], pa.float64(), mask=gone) for k, name in enumerate(COLUMNS)}
