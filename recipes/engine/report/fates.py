"""Every row of a run with its fate, read from the shards a few columns at a time.

A row is released or rejected exactly once (DESIGN rule 2), so the released rows and the rejected rows of the chain of blocks are
all rows that came in. Figures over columns are drawn from a sample of them:

- released rows: whole row groups, taken from partitions in a fixed order until there are enough; a partition is cut by the hash
  of the row's id, so any part of one is a random sample;
- rejected rows kept in full: evenly spaced row groups of the tasks' files;
- rejected rows kept as keys: the seeded sample of full rows that every reason has.

Each row carries the number of rows it stands for (`weight`), so that sums agree with the manifests whatever was sampled.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.document import COLUMNS, VERDICT
from curation.parquet_file import present
from curation.shards import ShardError, ShardSet
from recipes.engine.run_folder import Run

SAMPLE = 50_000
"""Rows that a figure is drawn from, at most, for released rows and for each stage's rejected rows."""

COUNTED = 5_000_000
"""Rows that are counted one by one (hosts, clusters) before a run is big enough to be sampled."""

_TYPES = {c.name: c.type for c in (*COLUMNS.values(), *VERDICT)}


@dataclass(frozen=True)
class Fates:
    """Rows with their fate: the asked columns, `reason` and `step` (null for released rows), `stage`, and `weight` (float64)."""

    table: pa.Table
    rows: int
    sampled: bool
    missing: tuple[str, ...] = ()
    """Stages whose rejected rows cannot be read any more."""

    @property
    def weight(self) -> np.ndarray:
        """Rows that each row stands for: float64 [rows]."""
        return self.table.column("weight").to_numpy()

    @property
    def released(self) -> np.ndarray:
        """Which rows are in the release: bool [rows]."""
        return pc.is_null(self.table.column("reason")).to_numpy(zero_copy_only=False)


def fates(run: Run, columns: Sequence[str], most: int = SAMPLE) -> Fates:
    """A weighted sample of all rows of a run, at most `most` released rows and `most` rejected ones a stage.

    A column that a row never had (it was rejected before) is null.
    """
    pieces, total, missing = [], 0, []
    release = run.release
    pieces += list(_released(release, run.chain[-1], columns, most))
    total += release.rows
    for block in run.chain:
        gone = sum(block["rejected"].values())
        total += gone
        shards = run.shard_set(block)
        if shards is not None and gone:
            pieces += list(_rejected(shards, block, columns, most))
        elif gone:
            missing.append(block["name"])
    table = pa.concat_tables(pieces) if pieces else _shaped(None, columns, {}, 0)
    return Fates(table, total, len(table) < total, tuple(missing))


def _released(shards: ShardSet, block: dict[str, Any], columns: Sequence[str], most: int) -> Iterator[pa.Table]:
    pieces = list(_some_groups(shards, shards.files(), columns, most, shards.rows))
    seen = sum(len(p) for p in pieces)
    for piece in pieces:
        verdict = {"stage": block["stage"], "weight": shards.rows / seen}
        yield _shaped(piece, columns, verdict, len(piece))


def _rejected(shards: ShardSet, block: dict[str, Any], columns: Sequence[str], most: int) -> Iterator[pa.Table]:
    """Rejected rows of one block; each reason's rows stand for as many as the manifest says."""
    wanted = [*columns, "reason", "step", "stage", "sampled"]
    keyed = pa.table({})
    if shards.place.exists("samples.parquet"):
        keyed = _chosen(shards.open_file("samples.parquet").read(), wanted)
    as_keys = set(keyed.column("reason").to_pylist()) if len(keyed) else set()
    files = [f["path"] for task in shards.tasks() for f in task["rejected_files"]]
    total = sum(f["rows"] for task in shards.tasks() for f in task["rejected_files"])
    pieces = [keyed] if len(keyed) else []
    for piece in _some_groups(shards, files, wanted, most, total, spaced=True):
        piece = _chosen(piece, wanted)
        if as_keys:
            piece = piece.filter(pc.invert(pc.is_in(piece.column("reason"), pa.array(sorted(as_keys), pa.string()))))
        pieces.append(piece)
    if not pieces:
        return
    table = pa.concat_tables(pieces)
    reasons = table.column("reason").to_pylist()
    seen: dict[str, int] = {}
    for reason in reasons:
        seen[reason] = seen.get(reason, 0) + 1
    weight = [block["rejected"].get(reason, seen[reason]) / seen[reason] for reason in reasons]
    shaped = _shaped(table, columns, {}, len(table))
    yield shaped.set_column(shaped.schema.get_field_index("weight"), "weight", pa.array(weight, pa.float64()))


def _some_groups(
    shards: ShardSet, files: Sequence[str], columns: Sequence[str], most: int, total: int, spaced: bool = False
) -> Iterator[pa.Table]:
    """Row groups with at least `most` rows together, of all files where there are no more: from the front, or evenly spaced."""
    stride = max(1, total // most) if spaced and most else 1
    number, seen = 0, 0
    for name in files:
        if seen >= most and not spaced:
            return
        file = shards.open_file(name)
        have = present(file, columns)
        for group in range(file.num_row_groups):
            number += 1
            if (number - 1) % stride or (seen >= most and not spaced):
                continue
            try:
                piece = file.read_row_group(group, columns=have)
            except (OSError, pa.ArrowInvalid) as error:
                raise ShardError(f"{shards.place.url}/{name}: {error}") from error
            seen += len(piece)
            yield piece


def _chosen(table: pa.Table, columns: Sequence[str]) -> pa.Table:
    """The named columns in the registry's types, null where the table has none."""
    arrays = [table.column(c) if c in table.column_names else pa.nulls(len(table), _TYPES[c]) for c in columns]
    return pa.table([a.cast(_TYPES[c]) for a, c in zip(arrays, columns, strict=True)], names=list(columns))


def _shaped(table: pa.Table | None, columns: Sequence[str], verdict: dict[str, Any], rows: int) -> pa.Table:
    """A piece in the shape that all pieces share."""
    names = list(dict.fromkeys([*columns, "reason", "step", "stage"]))
    whole = _chosen(table if table is not None else pa.table({}), names)
    if "stage" in verdict:
        at = whole.schema.get_field_index("stage")
        whole = whole.set_column(at, "stage", pa.repeat(pa.scalar(verdict["stage"], pa.string()), rows))
    return whole.append_column("weight", pa.repeat(pa.scalar(float(verdict.get("weight", 1.0))), rows))


def released_batches(run: Run, columns: Sequence[str], most: int = COUNTED) -> tuple[Iterator[pa.RecordBatch], float]:
    """Batches of the release's named columns, and the rows that each row stands for (1.0 where all are read)."""
    shards = run.release
    files, rows = [], 0
    sizes = {f["path"]: f["rows"] for task in shards.tasks() for f in task["files"]}
    for name in shards.files():
        if rows >= most:
            break
        files.append(name)
        rows += sizes[name]
    have = [c for c in columns if c in shards.columns]
    batches = (b for name in files for b in shards.open_file(name).iter_batches(8192, columns=have))
    return batches, (shards.rows / rows if rows else 1.0)


def all_released(run: Run, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Batches of the release's named columns, of all rows in any order: for sums, which need no merge by id."""
    return released_batches(run, columns, most=run.release.rows + 1)[0]


def rejected_tables(run: Run, block: dict[str, Any], columns: Sequence[str], most: int = COUNTED) -> Iterator[pa.Table]:
    """Tables of a block's rejected rows: the named columns (of those that every rejected row has) and `weight`."""
    shards = run.shard_set(block)
    if shards is None:
        return
    listed = [f for task in shards.tasks() for f in task["rejected_files"]]
    total = sum(f["rows"] for f in listed)
    stride = max(1, total // most)
    pieces = list(_some_groups(shards, [f["path"] for f in listed], columns, most, total, spaced=True))
    seen = sum(len(p) for p in pieces)
    for piece in pieces:
        weight = total / seen if stride > 1 else 1.0
        yield _chosen(piece, columns).append_column("weight", pa.repeat(pa.scalar(weight), len(piece)))


def released_sample(run: Run, columns: Sequence[str], rows: int, seed: int) -> pa.Table:
    """A few released rows, chosen by a hash of their ids: the same rows whatever the number of tasks."""
    shards = run.release
    have = [c for c in columns if c in shards.columns]
    order = np.random.default_rng(seed).permutation(shards.partitions)
    found: list[pa.Table] = []
    for partition in order.tolist():
        if sum(len(t) for t in found) >= rows:
            break
        for name in shards.files(partition):
            file = shards.open_file(name)
            if file.num_row_groups:
                found.append(file.read_row_group(int(seed) % file.num_row_groups, columns=have))
    return pick(pa.concat_tables(found), rows, seed) if found else pa.table({c: [] for c in have})


def pick(table: pa.Table, rows: int, seed: int) -> pa.Table:
    """At most `rows` rows of a table, drawn by a seed over their ids, in the order of the draw."""
    if not len(table):
        return table
    ids = table.column("id").combine_chunks()
    raw = np.frombuffer(ids.buffers()[1], np.uint8)[ids.offset * 16 : (ids.offset + len(ids)) * 16]
    low = raw.reshape(-1, 16)[:, 8:].copy().view(">u8").ravel().astype(np.uint64)
    mixed = (low ^ np.uint64(seed * 0x9E3779B97F4A7C15 % 2**64)) * np.uint64(0xD6E8FEB86659FD93)
    return table.take(pa.array(np.argsort(mixed, kind="stable")[:rows]))
