"""A folder on any file system, for reading."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

_READ = 1 << 20


class Folder:
    """A folder on any file system, for reading."""

    def __init__(self, url: str):
        self.url = url.rstrip("/")
        self.fs, path = fsspec.core.url_to_fs(self.url)
        self.path = path.rstrip("/")

    def exists(self, name: str) -> bool:
        """Whether a file is there."""
        return bool(self.fs.exists(f"{self.path}/{name}"))

    def json(self, name: str) -> Any:
        """A JSON file's value."""
        return json.loads(self.fs.cat_file(f"{self.path}/{name}"))

    def below(self, name: str = "") -> list[str]:
        """Files below a subfolder (or all), relative to this one; none when it is not there."""
        root = f"{self.path}/{name}".rstrip("/")
        found = self.fs.find(root) if self.fs.exists(root) else []
        return sorted(f.removeprefix(f"{self.path}/") for f in found)

    def sha256(self, name: str) -> str:
        """Hex digest of a file's bytes."""
        digest = hashlib.sha256()
        with self.fs.open(f"{self.path}/{name}", "rb") as file:
            while piece := file.read(_READ):
                digest.update(piece)
        return digest.hexdigest()

    def parquet(self, name: str) -> "ByOneThread":
        """A Parquet file, opened."""
        return ByOneThread(self.fs.open(f"{self.path}/{name}", "rb"), memory_map=False, pre_buffer=False)


class ByOneThread(pq.ParquetFile):
    """A Parquet file that the calling thread reads by itself: pyarrow's pool may abort a process that ends."""

    def read(self, columns: Sequence[str] | None = None) -> pa.Table:
        """The whole file, or some of its columns."""
        return super().read(columns, use_threads=False)

    def iter_batches(
        self, batch_size: int, row_groups: Sequence[int] | None = None, columns: Sequence[str] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Batches of at most so many rows, in the order of the file."""
        return super().iter_batches(batch_size, row_groups, columns, use_threads=False)
