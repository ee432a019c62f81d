"""Merging sorted runs: the rows of a partition in order of id, whatever the number of tasks that wrote it.

Each run is a Parquet file sorted by id. Rows below the smallest "last id" of the batches that have more behind them can be
given out; memory is one batch a run. Rows with equal ids come out adjacent, ordered by (payload_digest, file, offset), so
that which of them is the first does not depend on who wrote it.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from curation.document import COLUMNS
from curation.parquet_file import ParquetFile, present
from curation.provenance import id_words
from curation.step import Batch

TIE = ("payload_digest", "file", "offset")


class _Run:
    """One sorted file and how far it has been given out."""

    def __init__(self, file: ParquetFile, fields: Sequence[pa.Field], rows: int, within: tuple[int, int] | None):
        self._fields, self._within = fields, within
        groups = list(range(file.num_row_groups)) if within is None else _groups(file, *within)
        self._batches = file.iter_batches(rows, present(file, [f.name for f in fields]), groups)
        self._unread = sum(file.metadata.row_group(group).num_rows for group in groups)
        self.batch: Batch | None = None
        self.words = np.zeros((0, 2), np.uint64)
        self.extend()

    @property
    def more(self) -> bool:
        """Whether the file has rows behind the current batch."""
        return self._unread > 0

    def extend(self) -> bool:
        """Adds the next batch behind what is left; False at the end of the file."""
        fresh = next(self._batches, None)
        if fresh is None:
            return False
        self._unread -= fresh.num_rows
        fresh = _padded(fresh if self._within is None else inside(fresh, *self._within), self._fields)
        if self.batch is not None and self.batch.num_rows:
            fresh = pa.concat_batches([self.batch, fresh])
        self.batch, self.words = fresh, id_words(fresh.column("id"))
        return True

    def until(self, bound: np.ndarray | None) -> Batch | None:
        """Takes the rows whose id is below the bound (all rows without one)."""
        if self.batch is None or not self.batch.num_rows:
            return None
        n = self.batch.num_rows if bound is None else _below(self.words, bound)
        out, self.batch, self.words = self.batch.slice(0, n), self.batch.slice(n), self.words[n:]
        return out if n else None


def _groups(file: ParquetFile, start: int, end: int) -> list[int]:
    """Row groups that may hold ids which begin with 32 bits in [start, end), by what the file says of them."""
    groups = [file.metadata.row_group(group) for group in range(file.num_row_groups)]
    said = [next(c.statistics for c in map(g.column, range(g.num_columns)) if c.path_in_schema == "id") for g in groups]
    known = [
        (int.from_bytes(s.min[:4]), int.from_bytes(s.max[:4])) if s and s.has_min_max else (start, start) for s in said
    ]
    return [group for group, (least, most) in enumerate(known) if least < end and most >= start]


def inside(batch: Batch, start: int, end: int) -> Batch:
    """The rows of a sorted batch whose ids begin with 32 bits in [start, end)."""
    first = id_words(batch.column("id"))[:, 0] >> np.uint64(32)
    low, high = np.searchsorted(first, np.array([start, end], np.uint64))
    return batch.slice(low, high - low)


def _padded(batch: Batch, fields: Sequence[pa.Field]) -> Batch:
    """The batch with these columns, null where it has none."""
    names = set(batch.schema.names)
    if len(names) == len(fields):
        return batch
    columns = [batch.column(f.name) if f.name in names else pa.nulls(batch.num_rows, f.type) for f in fields]
    return pa.RecordBatch.from_arrays(columns, names=[f.name for f in fields])


def _below(words: np.ndarray, bound: np.ndarray) -> int:
    low = np.searchsorted(words[:, 0], bound[0], "left")
    high = np.searchsorted(words[:, 0], bound[0], "right")
    return int(low + np.searchsorted(words[low:high, 1], bound[1], "left"))


def merged(
    files: Sequence[ParquetFile], columns: list[str], rows: int = 1024, within: tuple[int, int] | None = None
) -> Iterator[Batch]:
    """Batches of the named columns over all files in order of id; a column that some files lack is null in their rows.

    within: only rows whose ids begin with 32 bits in [start, end).

    Reads `id` and the tie-breaking columns where the files have them, and gives out only what was asked for.
    """
    if not files:
        return
    known = {field.name: field for file in files for field in file.schema_arrow}
    extra = [c for c in ("id", *TIE) if c in known and c not in columns]
    # a column of a set that has no row among these files is nowhere in them
    fields = [known[c] if c in known else pa.field(c, COLUMNS[c].type) for c in (*columns, *extra)]
    runs = [_Run(f, fields, rows, within) for f in files]
    while runs:
        for run in runs:
            while run.batch is not None and run.batch.num_rows < rows and run.extend():
                pass
        runs = [r for r in runs if r.batch is not None and r.batch.num_rows]
        if not runs:
            return
        pieces = _take(runs, min((tuple(r.words[-1].tolist()) for r in runs if r.more), default=None))
        if pieces:
            batch = _sorted(pieces).select(columns)
            yield from (batch.slice(start, rows) for start in range(0, batch.num_rows, rows))


def gathered(batches: Iterable[Batch], rows: int = 1024, size: int = 16 << 20) -> Iterator[Batch]:
    """The same rows with neighbouring small batches joined, as long as they stay within these rows and bytes together.

    Every batch costs each step some tenths of a millisecond, whatever it holds; small partitions make small batches.
    """
    held: list[Batch] = []
    n = nbytes = 0
    for batch in batches:
        if held and (n + batch.num_rows > rows or nbytes + batch.nbytes > size):
            yield held[0] if len(held) == 1 else pa.concat_batches(held)
            held, n, nbytes = [], 0, 0
        held.append(batch)
        n, nbytes = n + batch.num_rows, nbytes + batch.nbytes
    if held:
        yield held[0] if len(held) == 1 else pa.concat_batches(held)


def _take(runs: list[_Run], least: tuple[int, int] | None) -> list[Batch]:
    """Rows below the id `least` (all, without one); when there are none, runs are read past this id and its rows taken too."""
    bound = None if least is None else np.array(least, np.uint64)
    pieces = [p for r in runs if (p := r.until(bound)) is not None]
    if pieces or bound is None:
        return pieces
    above = bound.copy()
    above[1] += np.uint64(1)
    if above[1] == 0:
        above[0] += np.uint64(1)
    last = above[0] == 0 and above[1] == 0
    for run in runs:
        while (run.words[-1] == bound).all() and run.extend():
            pass
    return [p for r in runs if (p := r.until(None if last else above)) is not None]


def _sorted(pieces: list[Batch]) -> Batch:
    if len(pieces) == 1:
        batch = pieces[0]
        words = id_words(batch.column("id"))
        order = None
    else:
        batch = pa.concat_batches(pieces)
        words = id_words(batch.column("id"))
        order = np.lexsort((words[:, 1], words[:, 0]))
        words = words[order]
    ties = np.flatnonzero((words[1:] == words[:-1]).all(axis=1))
    if len(ties) == 0:
        return batch if order is None else batch.take(pa.array(order))
    order = np.arange(batch.num_rows) if order is None else order
    names = [c for c in TIE if c in batch.schema.names]
    start = 0
    while start < len(order):
        end = start + 1
        while end < len(order) and (words[end] == words[start]).all():
            end += 1
        if end - start > 1:
            order[start:end] = sorted(order[start:end], key=lambda i: _tie(batch, names, int(i)))
        start = end
    return batch.take(pa.array(order))


def _tie(batch: Batch, names: list[str], row: int) -> tuple[tuple[bool, Any], ...]:
    values = [batch.column(name)[row].as_py() for name in names]
    return tuple((value is not None, value) for value in values)
