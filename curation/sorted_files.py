"""Files of rows in order of id, written as the rows come: a partition lies in few large files, not in one for each full buffer.

What goes on where the open file ends, in the same partition and with no smaller id, is appended to it until it has a gigabyte. So a
task that reads a partition in order and writes it in order leaves files of up to that size, and holds a buffer.
"""

from collections import Counter
from contextlib import ExitStack
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from curation.parquet_file import group_rows, writer
from curation.place import Created, Place
from curation.provenance import id_words

FILE_BYTES = 1 << 30
"""Bytes at which a file is full."""


class SortedFiles:
    """Writes what a task has, sorted by id, into files of partitions, one open at a time; `files` is what a manifest says of them."""

    def __init__(self, place: Place, task: int, level: int = 1):
        self.place, self.task, self.level = place, task, level
        self.files: list[dict[str, Any]] = []
        self._stack = ExitStack()
        self._file: Created | None = None
        self._out: pq.ParquetWriter | None = None
        self._about: dict[str, Any] = {}
        self._last = (0, 0)
        self._begun = Counter[int]()

    def __enter__(self) -> "SortedFiles":
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is None:
            self.close()
        else:  # nothing of a file that is not whole may take its name
            self._stack.__exit__(kind, error, trace)

    def add(self, partition: int, table: pa.Table) -> None:
        """Appends rows to the open file if they go on from there; otherwise they begin another."""
        if not len(table):
            return
        ids = table.column("id")
        words = id_words(pa.concat_arrays([ids.slice(at, 1).combine_chunks() for at in (0, len(ids) - 1)]))
        first, last = (tuple(w) for w in words.tolist())
        if self._file is not None and (
            self._about["partition"] != partition or first < self._last or self._file.size >= FILE_BYTES
        ):
            self.close()
        if self._out is None:
            name = f"data/{partition:05d}/{self.task:05d}.{self._begun[partition]:03d}.parquet"
            self._begun[partition] += 1
            self._file = self._stack.enter_context(self.place.create(name))
            self._out = self._stack.enter_context(writer(self._file, table.schema, self.level))
            self._about = {"path": name, "rows": 0, "partition": partition}
        assert self._out is not None
        self._out.write_table(table, row_group_size=group_rows(table))
        self._about["rows"] += len(table)
        self._last = last

    def close(self) -> None:
        """Ends the open file, which is then there."""
        if self._file is None:
            return
        self._stack.close()
        about, file = self._about, self._file
        said = {"path": about["path"], "rows": about["rows"], "bytes": file.size, "sha256": file.sha256}
        self.files.append(said | {"partition": about["partition"]})
        self._file = self._out = None
