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
    """Writes what a task has, sorted by id, into files of partitions, one open at a time; `files` is what a manifest says of them.

    level: of compression. goes_on: whether rows are appended to the open file, or each table is a file. `label` begins the names of
    files; on a local disk a file takes that which holds when it is closed.
    """

    def __init__(self, place: Place, task: int, level: int = 1, goes_on: bool = True):
        self.place, self.label, self.level, self.goes_on = place, f"{task:05d}", level, goes_on
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
            self._about = {"number": self._begun[partition], "rows": 0, "partition": partition}
            self._begun[partition] += 1
            self._file = self._stack.enter_context(self.place.create(self._name()))
            self._out = self._stack.enter_context(writer(self._file, table.schema, self.level))
        assert self._out is not None
        self._out.write_table(table, row_group_size=group_rows(table))
        self._about["rows"] += len(table)
        self._last = last
        if not self.goes_on:
            self.close()

    def _name(self) -> str:
        return f"data/{self._about['partition']:05d}/{self.label}.{self._about['number']:03d}.parquet"

    def close(self) -> None:
        """Ends the open file, which is then there."""
        if self._file is None:
            return
        about, file, name = self._about, self._file, self._name()
        file.call(name)
        self._stack.close()
        said = {"path": name, "rows": about["rows"], "bytes": file.size, "sha256": file.sha256}
        self.files.append(said | {"partition": about["partition"]})
        self._file = self._out = None
