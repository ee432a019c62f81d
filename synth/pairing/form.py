"""Size and form of an answer's text: what a model could learn instead of what a pair is about.

Counted over whole columns; `MEASURES` names each. Characters are code points of the text as it is.
"""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import polars as pl

MEASURES = ("length", "lines", "items", "headings", "bold", "tables", "fences", "data", "quotes", "closed")
"""Columns of `measures`, in order: characters, line ends, list items, headings, ** marks, table lines, fences, begins as JSON,
「, ends with 。 or another closing mark."""
FORMAT = MEASURES[1:]
"""Those that are about form."""

_COUNTED = {
    "items": r"(?m)^[ \t　]*(?:[・●\-*+]|[(（]?\d{1,3}[.．)）、])",
    "headings": r"(?m)^#{1,6} ",
    "tables": r"(?m)^\|",
}
_LITERAL = {"lines": "\n", "bold": "**", "fences": "```", "quotes": "「"}


def measures(texts: "pl.Series") -> np.ndarray:
    """Every measure of every text, int32 [texts, measures]. texts: strings without nulls.

    >>> import polars as pl
    >>> measures(pl.Series(["・米\\n・麦", "「はい」。"])).tolist()
    [[5, 1, 2, 0, 0, 0, 0, 0, 0, 0], [5, 0, 0, 0, 0, 0, 0, 0, 1, 1]]
    """
    import polars as pl

    text = pl.col("t")
    one = {"length": text.str.len_chars()}
    one |= {name: text.str.count_matches(said, literal=True) for name, said in _LITERAL.items()}
    # a line's head is worth a regular expression only where a mark of one can be
    one["items"] = pl.when(text.str.contains_any(list("・●-*+.．)）、"))).then(
        text.str.count_matches(_COUNTED["items"])
    )
    one["headings"] = pl.when(text.str.contains("#", literal=True)).then(text.str.count_matches(_COUNTED["headings"]))
    one["tables"] = pl.when(text.str.contains("|", literal=True)).then(text.str.count_matches(_COUNTED["tables"]))
    begin, end = text.str.strip_chars_start(), text.str.strip_chars_end()
    one["data"] = begin.str.starts_with("{") | begin.str.starts_with("[")
    one["closed"] = pl.any_horizontal(end.str.ends_with(mark) for mark in "。！？」）")
    frame = pl.DataFrame({"t": texts}).select(one[name].fill_null(0).cast(pl.Int32).alias(name) for name in MEASURES)
    return frame.to_numpy().reshape(len(texts), len(MEASURES))
