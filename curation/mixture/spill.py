"""Rows that come in the order of their files, written in the order of a sequence: an external distribution by place.

Rows are dealt into at most `ways` files of consecutive places, each file again where it holds more than one shard, and what is one
shard is put in order in memory. So the sources are read once, and every row is spilled ⌈log(shards) / log(ways)⌉ times: once up to
`ways` shards (1.7 · 10^7 showings at 256 ways and 65,536 rows a shard), twice up to ways² (4.3 · 10^9).
In memory are BUFFER_BYTES of rows, a batch of the reader, and one shard; open are at most `ways` files.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from curation.place import Place

WAYS, REMOTE_WAYS = 256, 16
"""Files that are open at a time: an object store's client holds some megabytes for each."""
BUFFER_BYTES = 256 << 20


def in_order(
    tables: Iterable[pa.Table], rows: int, folder: Place, kinds: pa.Schema, shard_rows: int, ways: int | None = None
) -> Iterator[pa.Table]:
    """Shards of `shard_rows` rows, the last of what is left, in the order of the column `place`, which is taken away.

    tables: rows with columns `kinds` (`place`, int64, among them), each place of 0 … rows − 1 once, in any order. What is spilled
    lies in `folder`, which is gone at the end.
    """
    folder.remove()
    ways = ways or (WAYS if folder.local else REMOTE_WAYS)
    yield from _dealt(tables, 0, rows, folder, kinds, shard_rows, ways)
    folder.remove()


def _dealt(
    tables: Iterable[pa.Table], first: int, rows: int, folder: Place, kinds: pa.Schema, shard_rows: int, ways: int
) -> Iterator[pa.Table]:
    """Shards of the places first … first + rows − 1."""
    each = shard_rows
    while each * ways < rows:
        each *= ways
    many = -(-rows // each)
    files = _Files(folder, kinds, many)
    for table in tables:
        files.add(table, (table.column("place").to_numpy() - first) // each)
    files.close()
    for at in range(many):
        if each == shard_rows:
            yield pa.Table.from_batches(files.read(at), kinds).sort_by("place").drop(["place"])
        else:
            pieces = (pa.Table.from_batches([batch]) for batch in files.read(at))
            start = at * each
            yield from _dealt(
                pieces, first + start, min(each, rows - start), folder / f"{at:05d}", kinds, shard_rows, ways
            )
        files.remove(at)


class _Files:
    """Arrow streams that rows are dealt into; rows are held back until they fill the buffer, so that no stream gets crumbs."""

    def __init__(self, folder: Place, kinds: pa.Schema, many: int):
        self._folder, self._kinds, self._held = folder, kinds, 0
        self._waiting: list[list[pa.Table]] = [[] for _ in range(many)]
        self._open: dict[int, tuple[Any, pa.RecordBatchStreamWriter]] = {}
        folder.make()

    def add(self, table: pa.Table, to: np.ndarray) -> None:
        """Deals rows to files `to` [rows]."""
        order = np.argsort(to, kind="stable")
        ordered = table.take(pa.array(order))
        files, starts = np.unique(to[order], return_index=True)
        for file, start, end in zip(files.tolist(), starts, np.r_[starts[1:], len(order)], strict=True):
            self._waiting[file].append(ordered.slice(start, end - start))
        self._held += ordered.nbytes
        if self._held > BUFFER_BYTES:
            self._flush()

    def close(self) -> None:
        """Writes what waits and ends every stream."""
        self._flush()
        for file, stream in self._open.values():
            stream.close()
            file.close()

    def read(self, at: int) -> Iterator[pa.RecordBatch]:
        """The batches of one file; none where no row was dealt to it."""
        if at not in self._open:
            return
        with self._folder.fs.open(self._path(at), "rb") as file, pa.ipc.open_stream(file) as stream:
            yield from stream

    def remove(self, at: int) -> None:
        """Removes one file, read."""
        if at in self._open:
            self._folder.fs.rm_file(self._path(at))

    def _flush(self) -> None:
        for at, waiting in enumerate(self._waiting):
            if not waiting:
                continue
            if at not in self._open:
                file = self._folder.fs.open(self._path(at), "wb")
                options = pa.ipc.IpcWriteOptions(compression="lz4")
                self._open[at] = file, pa.ipc.new_stream(file, self._kinds, options=options)
            # several batches, not one: a text column of a whole buffer could pass what a reader should hold at once
            for piece in pa.concat_tables(waiting).to_batches():
                self._open[at][1].write_batch(piece)
            self._waiting[at] = []
        self._held = 0

    def _path(self, at: int) -> str:
        return f"{self._folder.path}/{at:05d}.arrow"
