"""Files of one trainer's format: canonical rows read back from their shards in order of id, one folder a format, one file a split.

A file that passes 512 MiB of JSON ends and another begins. Parquet has row groups of at most 1,000 rows and about 32 MiB.
"""

from collections import Counter
from contextlib import ExitStack
from typing import Any

import orjson
import pyarrow.parquet as pq

from annotation.release.formats.format import Format, Unsayable, Written, parsed, table
from annotation.release.label_weights import Labels
from annotation.release.shards import released_rows
from annotation.release.splits import SPLITS
from curation.place import Place

GROUP_ROWS, GROUP_BYTES, FILE_BYTES = 1000, 32 << 20, 512 << 20


def write_format(place: Place, of: Format, shards: str, ratio: float | None = None) -> dict[str, Any]:
    """Writes a format's folder. Returns what the manifest says of it: splits with rows, characters and files, and who is left out.

    shards: folder of the canonical rows of its kind. ratio: wanted of labelled answers, as `label_weights` takes it.
    """
    labels = Labels(ratio)
    files = {split: _Split(place, of, split) for split in SPLITS}
    left: Counter[str] = Counter()
    with ExitStack() as stack:
        for one in files.values():
            stack.enter_context(one)  # an error leaves no file that looks finished
        for row in released_rows(shards):
            try:
                made = list(of.rows(parsed(row)))
            except Unsayable as error:
                left[error.reason] += 1
                continue
            files[row["split"]].add(made)
            if of.kind == "answer" and row["split"] == "train":
                labels.add(row)
    said = {split: one.about() for split, one in files.items() if one.rows}
    paths = {split: [f["path"] for f in one["files"]] for split, one in said.items()}
    settings = of.settings(paths, labels.weights())
    more = [_settings(place, f"{of.name}/{name}", text) for name, text in sorted(settings.items())]
    return {
        "trainer": of.trainer, "kind": of.kind, "splits": said, "left_out": dict(sorted(left.items())), "settings": more,
        "columns": {f.name: str(f.type) for f in of.schema} if of.schema is not None else None,
    }  # fmt: skip


def _settings(place: Place, name: str, text: str) -> dict[str, Any]:
    with place.create(name) as file:
        file.write(text.encode())
    return {"path": name, "bytes": file.size, "sha256": file.sha256}


class _Split:
    """Files of one split on their way to disk."""

    def __init__(self, place: Place, of: Format, split: str):
        self.place, self.of, self.split = place, of, split
        self.rows = self.sources = self.trained = self.shown = 0
        self.files: list[dict[str, Any]] = []
        self._waiting: list[Any] = []
        self._bytes = self._in_file = self._rows_in_file = 0
        self._file: Any = None
        self._parquet: pq.ParquetWriter | None = None

    def __enter__(self) -> "_Split":
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is None:
            self._flush()
            self._end()
        elif self._file is not None:
            self._file.__exit__(kind, error, trace)

    def add(self, made: list[Written]) -> None:
        """Takes what a format made of one canonical row."""
        self.sources += 1
        for one in made:
            self.rows, self.trained, self.shown = self.rows + 1, self.trained + one.trained, self.shown + one.shown
            line = orjson.dumps(one.row)
            self._waiting.append(line if self.of.schema is None else one.row)
            self._bytes += len(line)
        if len(self._waiting) >= GROUP_ROWS or self._bytes >= GROUP_BYTES:
            self._flush()
        if self._in_file >= FILE_BYTES:
            self._end()

    def _flush(self) -> None:
        if not self._waiting:
            return
        if self._file is None:
            self._name = f"{self.of.name}/{self.split}-{len(self.files):05d}.{self.of.ending}"
            self._file = self.place.create(self._name)
            if self.of.schema is not None:
                self._parquet = pq.ParquetWriter(self._file, self.of.schema, compression="zstd", compression_level=3)
        if self.of.schema is None:
            self._file.write(b"".join(line + b"\n" for line in self._waiting))
        elif self._parquet is not None:
            self._parquet.write_table(table(self._waiting, self.of.schema))
        self._in_file, self._rows_in_file = self._in_file + self._bytes, self._rows_in_file + len(self._waiting)
        self._waiting, self._bytes = [], 0

    def _end(self) -> None:
        if self._file is None:
            return
        if self._parquet is not None:
            self._parquet.close()
        self._file.__exit__(None, None, None)
        about = {"path": self._name, "rows": self._rows_in_file, "bytes": self._file.size, "sha256": self._file.sha256}
        self.files.append(about)
        self._file = self._parquet = None
        self._in_file = self._rows_in_file = 0

    def about(self) -> dict[str, Any]:
        """What the manifest says: rows, from how many canonical rows, characters learnt from and read, files."""
        names = ("rows", "sources", "trained", "shown", "files")
        return {name: getattr(self, name) for name in names}
