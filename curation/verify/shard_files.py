"""A released set's files against its manifests: present, unchanged, rows where they belong, sums right, the content hash.

The layout is in docs/shards.md. Everything is read again from bytes; nothing that a manifest says is believed.
"""

import hashlib
import json
import struct
from collections import Counter
from collections.abc import Iterator
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curation.verify.findings import Check

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

    def below(self, name: str) -> list[str]:
        """Files below a subfolder, relative to this one; none when it is not there."""
        found = self.fs.find(f"{self.path}/{name}") if self.fs.exists(f"{self.path}/{name}") else []
        return sorted(f.removeprefix(f"{self.path}/") for f in found)

    def sha256(self, name: str) -> str:
        """Hex digest of a file's bytes."""
        digest = hashlib.sha256()
        with self.fs.open(f"{self.path}/{name}", "rb") as file:
            while piece := file.read(_READ):
                digest.update(piece)
        return digest.hexdigest()

    def parquet(self, name: str) -> pq.ParquetFile:
        """A Parquet file, opened."""
        return pq.ParquetFile(self.fs.open(f"{self.path}/{name}", "rb"), memory_map=False)


class Release:
    """A released shard set as its manifests state it."""

    def __init__(self, url: str):
        self.folder = Folder(url)
        if not self.folder.exists("manifest.json"):
            raise FileNotFoundError(f"{url}: no manifest.json, so this is no finished shard set")
        self.manifest = self.folder.json("manifest.json")
        self.tasks = [self.folder.json(name) for name in self.folder.below("tasks")]

    @property
    def columns(self) -> list[str]:
        """Columns of the kept rows."""
        return list(self.manifest["columns"])

    def data(self) -> Iterator[dict[str, Any]]:
        """What the manifests say of each file of kept rows that is there."""
        for task in self.tasks:
            yield from (f for f in task["files"] if self.folder.exists(f["path"]))

    def batches(self, columns: list[str] | None, rows: int = 1024) -> Iterator[tuple[dict[str, Any], pa.RecordBatch]]:
        """Kept rows with the file that they lie in."""
        for file in self.data():
            try:
                for batch in self.folder.parquet(file["path"]).iter_batches(rows, columns=columns):
                    yield file, batch
            except (OSError, pa.ArrowException):
                continue  # `check_files` says so: the bytes are not those of the manifest, or never were a Parquet file

    def rejected(self, columns: list[str], *, samples: bool = False) -> Iterator[pa.RecordBatch]:
        """Rejected rows with those of the columns that they have; with `samples`, the sampled ones that keep their text."""
        names = [f["path"] for task in self.tasks for f in task["rejected_files"]]
        names = ["samples.parquet"] if samples else names
        for name in (n for n in names if self.folder.exists(n)):
            try:
                file = self.folder.parquet(name)
                yield from file.iter_batches(4096, columns=[c for c in columns if c in file.schema_arrow.names])
            except (OSError, pa.ArrowException):
                continue

    def rows_in(self, name: str) -> int:
        """Rows that a file can be read to hold, −1 where it cannot be read."""
        try:
            return sum(batch.num_rows for batch in self.folder.parquet(name).iter_batches(1 << 16))
        except (OSError, pa.ArrowException):
            return -1


def check_files(release: Release) -> Check:
    """Every file that a manifest names is there with its bytes and rows, and no other file lies beside it."""
    check = Check("files")
    folder, named = release.folder, set[str]()
    for task in release.tasks:
        for file in (*task["files"], *task["rejected_files"]):
            named.add(file["path"])
            check.looked_at += 1
            if not folder.exists(file["path"]):
                check.fail(f"{file['path']}: named by tasks/{task['task']:05d}.json and not there")
                continue
            if (found := folder.sha256(file["path"])) != file["sha256"]:
                check.fail(f"{file['path']}: SHA-256 is {found[:16]}…, its manifest says {file['sha256'][:16]}…")
            if (rows := release.rows_in(file["path"])) < 0:
                check.fail(f"{file['path']}: cannot be read")
            elif rows != file["rows"]:
                check.fail(f"{file['path']}: holds {rows:,} rows, its manifest says {file['rows']:,}")
    for name in [*folder.below("data"), *folder.below("rejected")]:
        if name not in named:
            check.fail(f"{name}: lies in the set and no manifest names it")
    return check


def check_sums(release: Release) -> Check:
    """Rows in are rows out plus rows rejected, reason by reason, as counted in the files themselves."""
    check = Check("sums")
    manifest, tasks = release.manifest, release.tasks
    kept = sum(batch.num_rows for _, batch in release.batches(["id"], 1 << 16))
    reasons: Counter[str] = Counter()
    for batch in release.rejected(["reason"]):
        for entry in pc.value_counts(batch.column("reason")).to_pylist():
            reasons[entry["values"]] += entry["counts"]
    check.looked_at = kept + sum(reasons.values())
    said = Counter({r: n for r, n in manifest["rejected"].items() if n})
    pairs = [
        ("rows out", manifest["rows_out"], kept),
        ("rows in", manifest["rows_in"], kept + sum(reasons.values())),
        ("tasks", manifest["tasks"], len(tasks)),
        ("rows in, over the tasks", manifest["rows_in"], sum(t["rows_in"] for t in tasks)),
    ]
    pairs += [(f"rejected as {r}", said[r], reasons[r]) for r in sorted(said.keys() | reasons.keys())]
    for name, stated, found in pairs:
        if stated != found:
            check.fail(f"{name}: the manifest says {stated:,}, the files hold {found:,}")
    return check


def canonical_sum(batch: pa.RecordBatch) -> int:
    """Sum of SHA-256 over the rows' canonical bytes (docs/shards.md), not yet reduced modulo 2^256."""
    columns = [_canonical(batch.column(i)) for i in range(batch.num_columns)]
    return sum(int.from_bytes(hashlib.sha256(b"".join(row)).digest(), "little") for row in zip(*columns, strict=True))


def _canonical(column: pa.Array) -> list[bytes]:
    kind = column.type
    if pa.types.is_timestamp(kind):
        column = column.cast(pa.timestamp("s", kind.tz))  # Parquet has no seconds and gives milliseconds back
    if pa.types.is_timestamp(kind) or pa.types.is_boolean(kind):
        column = column.cast(pa.int64())
    if pa.types.is_floating(kind):
        column = column.cast(pa.float64())
    return [b"\0" if value is None else b"\1" + _value(value) for value in column.to_pylist()]


def _value(value: Any) -> bytes:
    if isinstance(value, str):
        raw = value.encode("utf-8", "surrogatepass")
        return len(raw).to_bytes(8, "little") + raw
    if isinstance(value, bytes):
        return value
    if isinstance(value, list):
        return len(value).to_bytes(8, "little") + b"".join(v or b"" for v in value)
    if isinstance(value, float):
        return struct.pack("<d", value)
    return int(value).to_bytes(8, "little", signed=True)
