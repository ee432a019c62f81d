"""Parquet as a shard set holds it: zstd, small row groups, and read by one thread.

Any reader of Parquet can open the files; this is how seimai itself writes and reads them.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from curation.place import Place
from curation.shape import BadFile
from curation.step import Batch
from curation.store_error import is_store_error

BATCH_ROWS = 1024
GROUP_ROWS, GROUP_BYTES = 4096, 32 << 20


class BadParquet(BadFile, pa.ArrowInvalid):
    """A Parquet file of a run whose bytes are not those that were written."""


class ParquetFile(pq.ParquetFile):
    """A Parquet file that the calling thread reads by itself: tasks are parallel by processes.

    pyarrow's pool threads, those that would read ahead (`pre_buffer`) as well, may give back the file's buffers when Python has begun
    to end, which aborts the process ("terminate called without an active exception"). Bytes that cannot be read raise BadParquet,
    which names the file.
    """

    def __init__(self, source: Any, **given: Any):
        self._where = str(source if isinstance(source, str | Path) else getattr(source, "path", "a Parquet file"))
        with _told(self._where):
            super().__init__(source, pre_buffer=False, **given)

    def read(self, columns: Sequence[str] | None = None) -> pa.Table:
        """The whole file, or some of its columns."""
        with _told(self._where):
            return super().read(columns, use_threads=False)

    def read_row_group(self, i: int, columns: Sequence[str] | None = None) -> pa.Table:
        """One row group, or some of its columns."""
        with _told(self._where):
            return super().read_row_group(i, columns, use_threads=False)

    def iter_batches(
        self, batch_size: int = BATCH_ROWS, columns: Sequence[str] | None = None, groups: Sequence[int] | None = None
    ) -> Iterator[Batch]:
        """Batches of at most so many rows, in the order of the file; of some of its row groups only."""
        with _told(self._where):
            yield from super().iter_batches(batch_size, row_groups=groups, columns=columns, use_threads=False)


@contextmanager
def _told(where: str) -> Iterator[None]:
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        if is_store_error(error):
            raise
        raise BadParquet(f"{where}: cannot be read ({' '.join(str(error).split())[:200]}); make it anew") from None


def writer(file: Any, schema: pa.Schema, level: int = 1) -> pq.ParquetWriter:
    """A writer of rows with zstd, into a file that is open."""
    return pq.ParquetWriter(file, schema, compression="zstd", compression_level=level, use_dictionary=_words(schema))


def group_rows(table: pa.Table) -> int:
    """Rows of a row group of such a table: at most 4,096, and about 32 MiB."""
    return max(64, min(GROUP_ROWS, int(GROUP_BYTES / max(1.0, table.nbytes / max(1, len(table))))))


def write_parquet(place: Place, name: str, table: pa.Table, *, level: int = 1) -> dict[str, Any]:
    """Writes a table with zstd, in row groups of at most 4,096 rows and about 32 MiB.

    Returns what a manifest says of the file: path, rows, bytes and SHA-256.
    """
    with place.create(name) as file, writer(file, table.schema, level) as out:
        out.write_table(table, row_group_size=group_rows(table))
    return {"path": name, "rows": len(table), "bytes": file.size, "sha256": file.sha256}


def read_parquet(place: Place, name: str, columns: Sequence[str] | None = None) -> pa.Table:
    """A whole file as a table, or some of its columns.

    (`pyarrow.parquet.read_table` does the same by way of the dataset module, a slow import.)"""
    with place.fs.open(f"{place.path}/{name}", "rb") as file:
        return ParquetFile(file, memory_map=False).read(columns)


def _words(schema: pa.Schema) -> list[str]:
    """Columns worth a dictionary: short strings that repeat. Texts, keys and signatures would only cost time."""
    return [f.name for f in schema if f.type == pa.string()]


def present(file: pq.ParquetFile, columns: Sequence[str]) -> list[str]:
    """Those of the columns that a file has."""
    names = set(file.schema_arrow.names)
    return [c for c in columns if c in names]
