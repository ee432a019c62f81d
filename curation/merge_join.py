"""Joining a table to rows that come in the same order: a merge of two sorted streams, not a table in memory.

A partition of a survey's table is sorted by id, as the rows of a partition are. Its row groups say where they end, so a reader finds
the one that may hold a key without reading the others, takes from it what a batch asks for, and goes on to the next. Over rows in
order of id each row group is read once and one is held, whatever the size of the table; other orders cost a row group for each key.
"""

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from curation.parquet_file import ParquetFile
from curation.provenance import id_words


class SortedTable:
    """One partition of a table, in files that follow one another, each sorted by its first column, a key."""

    def __init__(self, files: Sequence[ParquetFile], schema: pa.Schema):
        self.schema = schema
        self._groups = [(file, g) for file in files for g in range(file.num_row_groups)]
        self._groups = [(file, g) for file, g in self._groups if file.metadata.row_group(g).num_rows]
        self._ends = [_last_key(file, g) for file, g in self._groups]
        self._at, self._words, self._rows = -1, np.zeros((0, 2), np.uint64), schema.empty_table()
        self.groups_read = 0

    def rows_of(self, keys: np.ndarray) -> dict[str, pa.Array]:
        """The other columns for each key, uint64 [n, 2] in any order; null where the table has no such row."""
        order = None
        if len(keys) > 1 and not _ascending(keys):
            order = np.lexsort((keys[:, 1], keys[:, 0]))
            keys = keys[order]
        index, found, taken, at = np.full(len(keys), -1, np.int64), [], 0, 0
        while at < len(keys) and self._reach(tuple(keys[at].tolist())):
            end = at + _up_to(keys[at:], self._words[-1])
            place = positions(self._words, keys[at:end])
            here = np.flatnonzero(place >= 0)
            index[at + here] = taken + np.arange(len(here))
            taken += len(here)
            found.append(self._rows.take(pa.array(place[here])))
            at = end
        if order is not None:
            index[order] = index.copy()
        return self._aligned(found, pa.array(index, mask=index < 0))

    def _aligned(self, found: list[pa.Table], index: pa.Array) -> dict[str, pa.Array]:
        fields = list(self.schema)[1:]
        if index.null_count == len(index):
            return {f.name: pa.nulls(len(index), f.type) for f in fields}
        table = pa.concat_tables(found).combine_chunks()
        return {f.name: table.column(f.name).combine_chunks().take(index) for f in fields}

    def _reach(self, key: tuple[int, int]) -> bool:
        """Holds the row group that has the key if any has. False behind the last key."""
        group = bisect_left(self._ends, key)
        if group == len(self._groups):
            return False
        if group != self._at:
            file, number = self._groups[group]
            self._rows = file.read_row_group(number).cast(self.schema).combine_chunks()
            self._words, self._at = id_words(self._rows.column(0).combine_chunks()), group
            self.groups_read += 1
        return True


def _last_key(file: ParquetFile, group: int) -> tuple[int, int]:
    """The last key of a row group, from the file's footer; read where that does not say."""
    said = file.metadata.row_group(group).column(0).statistics
    raw = said.max if said is not None and said.has_min_max else None
    if raw is None:
        raw = file.read_row_group(group, columns=[file.schema_arrow.names[0]]).column(0)[-1].as_py()
    return int.from_bytes(raw[:8], "big"), int.from_bytes(raw[8:], "big")


def _ascending(keys: np.ndarray) -> bool:
    a, b = keys[:-1], keys[1:]
    return bool(((a[:, 0] < b[:, 0]) | ((a[:, 0] == b[:, 0]) & (a[:, 1] <= b[:, 1]))).all())


def _up_to(keys: np.ndarray, last: np.ndarray) -> int:
    """How many of the sorted keys are not behind the last one."""
    low, high = (np.searchsorted(keys[:, 0], last[0], side) for side in ("left", "right"))
    return int(low + np.searchsorted(keys[low:high, 1], last[1], "right"))


def positions(table: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Row of each wanted key in a table sorted by key, −1 where it is not; keys that share 64 bits are told apart."""
    at = np.searchsorted(table[:, 0], wanted[:, 0]).astype(np.int64)
    out = np.full(len(wanted), -1, np.int64)
    pending = np.arange(len(wanted))
    while len(pending):
        pending = pending[at[pending] < len(table)]
        pending = pending[table[at[pending], 0] == wanted[pending, 0]]
        hit = table[at[pending], 1] == wanted[pending, 1]
        out[pending[hit]] = at[pending[hit]]
        pending = pending[~hit]
        at[pending] += 1
    return out
