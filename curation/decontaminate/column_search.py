"""The compiled search over columns of texts: buffers in, matches out, with room made where there are more than expected."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from curation.decontaminate.compared_form import compared_form
from curation.decontaminate.item_index import ItemIndex
from curation.decontaminate.near_index import SIGNS, NearIndex
from curation.dedup.normal_form import kernel_tables
from curation.normalise.text_column import text_views

_ROOM = 1 << 14
"""Matches that a column has room for at first."""


class ColumnSearch:
    """An index with its kernel loaded. `near` is searched too where it is given."""

    def __init__(self, index: ItemIndex, near: NearIndex | None):
        from curation.decontaminate import near_kernel, overlap_kernel
        from curation.dedup.form_kernel import SLACK

        self._overlap, self._near, self._slack = overlap_kernel, near_kernel, SLACK
        self._fold = kernel_tables()
        self.index, self.near_index = index, near
        self._tables, self._pool = index.tables, index.pool

    def matches(self, texts: pa.Array) -> np.ndarray:
        """Matches of a column, int64 [n, 3]: row, text of the index, place in that text; each once a row, in order of row."""
        entries, known = len(self._tables[0].entry_pool), len(self.index.texts)
        points = _scratch(texts, self._slack)

        def rows(out: np.ndarray, buffers: tuple[np.ndarray, ...], refused: np.ndarray) -> int:
            seen, whole = np.zeros(entries, np.int32), np.zeros(known, np.int32)
            return self._overlap.find_rows(
                *buffers, *self._fold, points, *self._tables, *self._pool, seen, whole, out, refused
            )

        def one(out: np.ndarray, form: np.ndarray) -> int:
            seen, whole = np.zeros(entries, np.int32), np.zeros(known, np.int32)
            return self._overlap.find_in(form, len(form), 0, *self._tables, *self._pool, seen, whole, out, 0)

        return _found(texts, 3, rows, one)

    def near(self, texts: pa.Array) -> np.ndarray:
        """Near-copies in a column, int64 [n, 2]: row, sentence of the near index."""
        assert self.near_index is not None
        tables, least = self.near_index.tables, self.near_index.jaccard
        given = (tables.filter_bits, tables.filter, tables.keys, tables.of, tables.shingles, tables.starts)
        points = _scratch(texts, self._slack)
        tried, counter = np.zeros(len(self.near_index.sentences), np.int64), np.zeros(1, np.int64)

        def rows(out: np.ndarray, buffers: tuple[np.ndarray, ...], refused: np.ndarray) -> int:
            return self._near.near_rows(
                *buffers, *self._fold, points, *SIGNS, least, *given, tried, counter, out, refused
            )

        def one(out: np.ndarray, form: np.ndarray) -> int:
            return self._near.near_in(form, len(form), 0, *SIGNS, least, *given, tried, counter, out, 0)

        return _found(texts, 2, rows, one)


def _scratch(texts: pa.Array, slack: int) -> np.ndarray:
    """Room for the code points of the longest row."""
    return np.empty(int(np.diff(text_views(texts)[1]).max(initial=0)) + slack, np.uint32)


def _found(
    texts: pa.Array,
    columns: int,
    rows: Callable[[np.ndarray, tuple[np.ndarray, ...], np.ndarray], int],
    one: Callable[[np.ndarray, np.ndarray], int],
) -> np.ndarray:
    """What a kernel finds over a column, int64 [n, columns], the row first; a row whose form it refuses is asked about by itself."""
    data, offsets = text_views(texts)
    valid = np.ones(len(texts), bool) if not texts.null_count else texts.is_valid().to_numpy(zero_copy_only=False)
    refused = np.zeros(len(texts), bool)
    found = [_with_room(columns, lambda out: rows(out, (data, offsets, valid), refused))]
    for r in np.flatnonzero(refused).tolist():
        form = compared_form(data[offsets[r] : offsets[r + 1]].tobytes().decode("utf-8", "replace"))
        points = np.frombuffer(form.encode("utf-32-le", "surrogatepass"), "<u4").astype(np.uint32)
        more = _with_room(columns, lambda out, points=points: one(out, points))
        more[:, 0] = r
        found.append(more)
    made = np.concatenate(found)
    return made[np.argsort(made[:, 0], kind="stable")]


def _with_room(columns: int, search: Callable[[np.ndarray], int]) -> np.ndarray:
    room = _ROOM
    while True:
        out = np.empty((room, columns), np.int64)
        if (count := search(out)) >= 0:
            return out[:count]
        room *= 4
