"""A released set's files against its manifests: present, unchanged, of the stated columns, and sums right.

The layout is in docs/shards.md. Everything is read again from bytes; nothing that a manifest says is believed.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from curation.verify.content import canonical_sum
from curation.verify.findings import Check
from curation.verify.folder import Folder
from curation.verify.key_words import KEY
from curation.verify.manifest_tree import check_tree
from curation.verify.stated import File, Manifest, Task, read

__all__ = ["Folder", "Release", "canonical_sum", "check_files", "check_sums"]

REQUIRED = {"id", "text", "form_key", "cluster"}
"""Columns without which forms, showings and near-copies cannot be checked."""
TYPES = {
    "id": KEY,
    "text": pa.large_string(),
    "form_key": KEY,
    "cluster": KEY,
    "repeat": pa.int32(),
    "cluster_rank": pa.int64(),
    "cluster_size": pa.int64(),
    "cluster_examples": pa.list_(KEY),
}
"""Types of the columns that the checks read."""
_BESIDE = re.compile(r"manifest\.json|layout\.json|(stats|logs)/.*|tasks/\d{5,}\.json|tree/\d+-\d{5}\.json")


@dataclass
class Release:
    """A released shard set as its manifests state it."""

    folder: Folder
    manifest: Manifest
    tasks: list[Task]
    counted: Counter[str] = field(default_factory=Counter[str])
    """Rows that were read of each file."""

    @classmethod
    def open(cls, url: str, check: Check) -> "Release | None":
        """Opens a set; None, with what is wrong said in `check`, where its manifest is none. Raises FileNotFoundError without one."""
        folder = Folder(url)
        if not folder.exists("manifest.json"):
            raise FileNotFoundError(f"{url}: no manifest.json, so this is no finished shard set")
        manifest = read(folder, "manifest.json", Manifest, check)
        names = sorted(folder.below("tasks"), key=lambda name: (len(name), name))
        tasks = [read(folder, name, Task, check) for name in names]
        return None if manifest is None else cls(folder, manifest, [t for t in tasks if t is not None])

    @property
    def schema(self) -> pa.Schema | None:
        """The schema that the manifest states; None where it is none."""
        try:
            return pa.ipc.read_schema(pa.BufferReader(bytes.fromhex(self.manifest.schema_bytes)))
        except (pa.ArrowException, ValueError, OSError):
            return None

    def data(self) -> Iterator[File]:
        """Files of kept rows that are there and can be opened, with the columns that every check needs."""
        for file in (f for task in self.tasks for f in task.files if self.folder.exists(f.path)):
            try:
                have = self.folder.parquet(file.path).schema_arrow
            except (OSError, pa.ArrowException):
                continue  # `check_files` says so
            sound = all(have.field(n).type == kind for n, kind in TYPES.items() if n in have.names)
            if sound and set(have.names) >= REQUIRED:
                yield file

    def batches(self, columns: list[str] | None, rows: int = 1024) -> Iterator[tuple[File, pa.RecordBatch]]:
        """Kept rows with the file that they lie in: those of the columns that the file has, or all."""
        for file in self.data():
            try:
                opened = self.folder.parquet(file.path)
                names = [c for c in columns or opened.schema_arrow.names if c in opened.schema_arrow.names]
                for batch in opened.iter_batches(rows, columns=names):
                    yield file, batch
            except (OSError, pa.ArrowException):
                continue  # `check_files` says so: the bytes are not those of the manifest, or never were a Parquet file

    def rows_at(self, numbers: np.ndarray, columns: list[str]) -> Iterator[tuple[int, dict[str, object]]]:
        """Kept rows by their number in the order of `batches` (sorted, distinct); only row groups that hold one are read."""
        first = 0
        for file in self.data():
            try:
                opened = self.folder.parquet(file.path)
                for group in range(opened.num_row_groups):
                    count = opened.metadata.row_group(group).num_rows
                    low, high = np.searchsorted(numbers, [first, first + count])
                    at = first
                    for batch in opened.iter_batches(1024, [group], columns) if high > low else ():
                        low, high = np.searchsorted(numbers, [at, at + batch.num_rows])
                        some = numbers[low:high]
                        yield from zip(some.tolist(), batch.take(pa.array(some - at)).to_pylist(), strict=True)
                        at += batch.num_rows
                    first += count
            except (OSError, pa.ArrowException):
                continue

    def rejected(self, columns: list[str]) -> Iterator[tuple[Task, File, pa.RecordBatch]]:
        """Rejected rows, with those of the columns that they have."""
        for task in self.tasks:
            for file in (f for f in task.rejected_files if self.folder.exists(f.path)):
                try:
                    opened = self.folder.parquet(file.path)
                    names = [c for c in columns if c in opened.schema_arrow.names]
                    for batch in opened.iter_batches(4096, columns=names):
                        yield task, file, batch
                except (OSError, pa.ArrowException):
                    continue


def check_files(release: Release, check: Check) -> None:
    """Every file that a manifest names is there with its bytes and columns, and no other file lies beside it."""
    folder, named = release.folder, set[str]()
    schema = release.schema
    if schema is None or schema.names != release.manifest.columns:
        check.fail("manifest.json: its `schema` is not that of its `columns`")
    for task in release.tasks:
        for file in (*task.files, *task.rejected_files):
            if file.path in named:
                check.fail(f"{file.path}: named twice")
            named.add(file.path)
            check.looked_at += 1
            if _whole(folder, file, f"tasks/{task.task:05d}.json", check) and file in task.files and schema is not None:
                _check_columns(folder, file.path, schema, check)
    if release.manifest.samples is not None:
        named.add(release.manifest.samples.path)
        check.looked_at += 1
        _whole(folder, release.manifest.samples, "manifest.json", check)
    check_tree(folder, release.manifest.tree, release.tasks, check)
    for name in folder.below():
        if name not in named and not _BESIDE.fullmatch(name):
            check.fail(f"{name}: lies in the set and no manifest names it")


def _whole(folder: Folder, file: File, by: str, check: Check) -> bool:
    """Whether a file is there with the bytes that a manifest names and can be opened."""
    if not folder.exists(file.path):
        check.fail(f"{file.path}: named by {by} and not there")
        return False
    if (found := folder.sha256(file.path)) != file.sha256:
        check.fail(f"{file.path}: SHA-256 is {found[:16]}…, its manifest says {file.sha256[:16]}…")
    try:
        folder.parquet(file.path)
    except (OSError, pa.ArrowException):
        check.fail(f"{file.path}: cannot be read")
        return False
    return True


def _check_columns(folder: Folder, path: str, schema: pa.Schema, check: Check) -> None:
    have = folder.parquet(path).schema_arrow
    for name in [n for n in have.names if n not in schema.names]:
        check.fail(f"{path}: has a column '{name}' that the manifest does not state")
    for field_ in schema:
        if field_.name not in have.names:
            check.fail(f"{path}: has no column '{field_.name}'")
            continue
        kind = have.field(field_.name).type
        wanted = TYPES.get(field_.name, field_.type)
        both_times = pa.types.is_timestamp(kind) and pa.types.is_timestamp(wanted)
        if kind != wanted and not both_times:
            check.fail(f"{path}: column '{field_.name}' is {kind}, not {wanted}")


def check_sums(release: Release, reasons: dict[int, Counter[str]]) -> Check:
    """Rows in are rows out plus rows rejected, reason by reason and task by task, as counted in the files themselves.

    reasons: rejected rows by reason of each task's files. `release.counted` has the rows of each file.
    """
    check = Check("sums")
    manifest, tasks = release.manifest, release.tasks
    pairs: list[tuple[str, int, int]] = []
    for task in tasks:
        for file in (*task.files, *task.rejected_files):
            if release.folder.exists(file.path):
                pairs.append((f"{file.path}: rows", file.rows, release.counted[file.path]))
        out = sum(release.counted[f.path] for f in task.files)
        lost = reasons.get(task.task, Counter[str]())
        pairs += [
            (f"task {task.task}: rows out", task.rows_out, out),
            (f"task {task.task}: rows in", task.rows_in, out + lost.total()),
        ]
        pairs += _by_reason(f"task {task.task}: ", Counter(task.rejected), lost)
    kept = sum(release.counted[f.path] for t in tasks for f in t.files)
    rejected = sum(reasons.values(), Counter[str]())
    check.looked_at = kept + rejected.total()
    pairs += [
        ("rows out", manifest.rows_out, kept),
        ("rows in", manifest.rows_in, kept + rejected.total()),
        ("tasks", manifest.tasks, len(tasks)),
        *_by_reason("", Counter(manifest.rejected), rejected),
    ]
    for name, stated, found in pairs:
        if stated != found:
            check.fail(f"{name}: the manifest says {stated:,}, the files hold {found:,}")
    if len({t.task for t in tasks}) < len(tasks):
        check.fail(f"tasks: numbered {', '.join(str(t.task) for t in tasks)[:80]}, not each once")
    return check


def _by_reason(of: str, stated: Counter[str], found: Counter[str]) -> list[tuple[str, int, int]]:
    return [(f"{of}rejected as {r}", stated[r], found[r]) for r in sorted(stated.keys() | found.keys())]
