"""Taking forgotten rows out of a shard set that is there already.

In a set between two stages a kept row is blanked where it lies, and whatever reads the set rejects it as `forgotten`; in a released
set it goes, and is counted among the rejected ones. A rejected row is blanked, and its reason becomes `forgotten`. So rows in stay
rows out plus rows rejected in every set, and no file holds more of the row than hashes. What was decided beside it stays decided.

Files are written under new names, the task's manifest names them, the set's is summed up anew, then the old ones go: a process
that is killed leaves nothing half done that the same command does not finish.
"""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.blanked import REASON, blanked
from curation.content_sum import content_sum
from curation.document import KEY_COLUMNS, schema
from curation.manifest_tree import planted, task_manifests
from curation.parquet_file import read_parquet, write_parquet
from curation.place import Place
from curation.shards import MANIFEST, set_schema
from curation.write_shards import smallest_samples

STEP = "forget"
"""The step that a row names which was taken out of a released set."""
Gone = Callable[[pa.Table], np.ndarray]
_SUMMED = ("rows_in", "rows_out")


@dataclass
class Cleared:
    """What was taken out of a set: ids of kept rows and of rejected ones, and the content hash before and after."""

    kept: list[bytes] = field(default_factory=list[bytes])
    rejected: list[bytes] = field(default_factory=list[bytes])
    before: str | None = None
    after: str | None = None


def clear(url: str, gone: Gone, *, release: bool) -> Cleared:
    """Clears the set at `url` of the rows that `gone` says (bool [rows] of a table); nothing is written where there is none."""
    place, cleared = Place(url), Cleared()
    manifest = place.read_json(MANIFEST)
    cleared.before = manifest.get("content")
    before = manifest.get("forgotten", {})
    blank = {bytes.fromhex(one) for one in before.get("blank", ())}
    columns = set_schema(manifest["columns"]).names
    tasks = [_Task(place, name, columns, cleared, gone, blank, release) for name in place.names("tasks")]
    changed = [task for task in tasks if task.clear()]
    if changed or before.get("unfinished"):
        # said first, so that a crash in between is seen: sums are then made again from the tasks
        place.write_json(MANIFEST, manifest | {"forgotten": before | {"unfinished": True}})
        for task in changed:
            task.publish()
        _sum_up(place, manifest, [task.about for task in tasks], cleared, gone, release=release)
        _remove_unnamed(place, [task.about for task in tasks])
    return cleared


class _Task:
    """One task's files on their way to new ones."""

    def __init__(
        self,
        place: Place,
        name: str,
        columns: list[str],
        cleared: Cleared,
        gone: Gone,
        blank: set[bytes],
        release: bool,
    ):
        self.place, self.name, self.columns, self.gone, self.blank = place, name, columns, gone, blank
        self.release, self.cleared = release, cleared
        self.about: dict[str, Any] = place.read_json(f"tasks/{name}")
        self.moved: list[pa.Table] = []

    def clear(self) -> bool:
        """Writes what changes under new names. Whether anything does."""
        before = len(self.cleared.kept) + len(self.cleared.rejected)
        self.about["files"] = [new for f in self.about["files"] if (new := self._data(f)) is not None]
        rejected = [self._rejected(f) for f in self.about["rejected_files"]]
        if self.moved:
            table = pa.concat_tables(self.moved)
            made = write_parquet(self.place, f"rejected/{self.about['task']:05d}.f{_free(rejected):03d}.parquet", table)
            rejected.append(made)
            self.about["rejected"][REASON] = self.about["rejected"].get(REASON, 0) + len(table)
        self.about["rejected_files"] = rejected
        self.about["rejected"] = {k: n for k, n in sorted(self.about["rejected"].items()) if n}
        return len(self.cleared.kept) + len(self.cleared.rejected) > before

    def publish(self) -> None:
        """Makes the new files those of the task."""
        self.place.write_json(f"tasks/{self.name}", self.about)

    def _data(self, file: dict[str, Any]) -> dict[str, Any] | None:
        table = read_parquet(self.place, file["path"])
        rows = self._fresh(table)
        if not rows.any():
            return file
        lost = table.filter(pa.array(rows))
        self.cleared.kept += lost.column("id").to_pylist()
        if "licence" in table.column_names:
            counts = Counter(self.about["licences"])
            counts.subtract(Counter(v or "" for v in lost.column("licence").to_pylist()))
            self.about["licences"] = dict(+counts)
        if not self.release:
            return self._new(file, _blanked(table, rows)) | {"partition": file["partition"]}
        self.about["rows_out"] -= len(lost)
        own = set_schema(self.columns)
        if self.about.get("content") is not None:
            gone = sum(content_sum(b) for b in lost.select(own.names).cast(own).to_batches())
            self.about["content"] = f"{(int(self.about['content'], 16) - gone) % (1 << 256):064x}"
        self.moved.append(_rejected_shape(lost, self.columns))
        left = table.filter(pa.array(~rows))
        return self._new(file, left) | {"partition": file["partition"]} if len(left) else None

    def _rejected(self, file: dict[str, Any]) -> dict[str, Any]:
        table = read_parquet(self.place, file["path"])
        rows = self._fresh(table)
        if not rows.any():
            return file
        lost = table.filter(pa.array(rows))
        self.cleared.rejected += lost.column("id").to_pylist()
        counts = Counter(self.about["rejected"])
        counts.subtract(Counter(lost.column("reason").to_pylist()))
        counts[REASON] += len(lost)
        self.about["rejected"] = dict(counts)
        return self._new(file, _forgotten(table, rows))

    def _fresh(self, table: pa.Table) -> np.ndarray:
        """Rows that go now: not those that are blank already."""
        rows = self.gone(table)
        if "reason" in table.column_names:
            rows &= ~pc.fill_null(pc.equal(table.column("reason"), REASON), False).to_numpy()
        elif self.blank and rows.any():
            rows &= ~np.array([one in self.blank for one in table.column("id").to_pylist()], bool)
        return rows

    def _new(self, file: dict[str, Any], table: pa.Table) -> dict[str, Any]:
        stem, number = re.fullmatch(r"(.*?)(?:-(\d+))?\.parquet", file["path"]).groups()  # type: ignore[union-attr]
        return write_parquet(self.place, f"{stem}-{int(number or 0) + 1}.parquet", table)


def _blanked(table: pa.Table, rows: np.ndarray) -> pa.Table:
    batches, at = [], 0
    for batch in table.to_batches():
        batches.append(blanked(batch, rows[at : at + batch.num_rows]))
        at += batch.num_rows
    return pa.Table.from_batches(batches, table.schema)


_OF_REJECTED = ("id", "source", "file", "offset", "length", "stage", "step", "sampled")
"""What a rejected row keeps when it is forgotten."""


def _forgotten(table: pa.Table, rows: np.ndarray) -> pa.Table:
    """Rejected rows of which some are blanked and say so."""
    left, made = pa.array(~rows), table
    for at, name in enumerate(table.column_names):
        column, kind = table.column(name), table.schema.field(name)
        if name == "reason":
            made = made.set_column(at, kind, pc.if_else(left, column, REASON))
        elif name not in _OF_REJECTED:
            nulls = pa.nulls(1, kind.type)
            at_null = np.where(rows, len(table), np.arange(len(table)))
            made = made.set_column(at, kind, pa.concat_arrays([*column.chunks, nulls]).take(pa.array(at_null)))
    return made


def _rejected_shape(rows: pa.Table, columns: list[str]) -> pa.Table:
    """Kept rows as rejected ones: their key columns, blanked, as the sink of the set has them."""
    n, own = len(rows), schema({*KEY_COLUMNS, *columns}, verdict=True)
    said = {"step": STEP, "reason": REASON, "sampled": False}
    arrays: list[Any] = []
    for one in own:
        if one.name in said:
            arrays.append(pa.repeat(pa.scalar(said[one.name], one.type), n))
        elif one.name in _OF_REJECTED and one.name in rows.column_names:
            arrays.append(rows.column(one.name).cast(one.type))
        else:
            arrays.append(pa.nulls(n, one.type))
    return pa.Table.from_arrays(arrays, schema=own)


def _free(files: list[dict[str, Any]]) -> int:
    return 1 + sum(".f" in f["path"] for f in files)


def _sum_up(
    place: Place,
    manifest: dict[str, Any],
    tasks: list[dict[str, Any]],
    cleared: Cleared,
    gone: Gone,
    *,
    release: bool,
) -> None:
    """Writes the set's manifest anew from its tasks', and its samples without what is gone."""
    made = manifest | {name: sum(t[name] for t in tasks) for name in _SUMMED}
    made["rejected"] = dict(sum((Counter(t["rejected"]) for t in tasks), Counter[str]()).most_common())
    made["licences"] = dict(sum((Counter(t["licences"]) for t in tasks), Counter[str]()))
    made["bytes"] = sum(f["bytes"] for t in tasks for f in t["files"])
    if manifest.get("content") is not None:
        made["content"] = f"{sum(int(t['content'], 16) for t in tasks) % (1 << 256):064x}"
    if manifest.get("samples") is not None or cleared.rejected or cleared.kept:
        made["samples"] = _samples(place, manifest, tasks, gone)
    before = {k: v for k, v in manifest.get("forgotten", {}).items() if k != "unfinished"}
    blank = set(before.get("blank", ())) | (set() if release else {one.hex() for one in cleared.kept})
    rows = before.get("rows", 0) + len(cleared.kept) + len(cleared.rejected)
    made["forgotten"] = {"rows": rows, "blank": sorted(blank)}
    if "tree" in manifest:
        made["tree"] = planted(place, list(task_manifests(place)))
    place.write_json(MANIFEST, made)
    cleared.after = str(made["content"]) if "content" in made else None


def _samples(place: Place, manifest: dict[str, Any], tasks: list[dict[str, Any]], gone: Gone) -> dict[str, Any] | None:
    """Samples without the rows that are gone, and those as they are now: blank, under their new reason."""
    found = []
    if manifest.get("samples") is not None and place.exists(manifest["samples"]["path"]):
        table = read_parquet(place, manifest["samples"]["path"])
        rows = gone(table) | pc.fill_null(pc.equal(table.column("reason"), REASON), False).to_numpy()
        found.append(table.filter(pa.array(~rows)))
    for file in (f for task in tasks for f in task["rejected_files"]):
        table = read_parquet(place, file["path"])
        found.append(table.filter(pc.fill_null(pc.equal(table.column("reason"), REASON), False)))
    whole = pa.concat_tables([t for t in found if len(t)] or found[:1], promote_options="default") if found else None
    if whole is None or not len(whole):
        return None
    if manifest.get("samples") is not None:
        own = read_parquet(place, manifest["samples"]["path"]).schema
        whole = pa.concat_tables([own.empty_table(), whole], promote_options="default").select(own.names)
    at = whole.column_names.index("sampled")
    whole = whole.set_column(at, whole.schema.field(at), pa.repeat(pa.scalar(True), len(whole)))
    return write_parquet(place, "samples.parquet", smallest_samples(whole.combine_chunks()).combine_chunks())


def _remove_unnamed(place: Place, tasks: list[dict[str, Any]]) -> None:
    named = {f["path"] for t in tasks for f in (*t["files"], *t["rejected_files"])}
    for folder in ("data", "rejected"):
        for path in place.fs.find(f"{place.path}/{folder}") if place.exists(folder) else ():
            if path.removeprefix(f"{place.path}/") not in named:
                place.fs.rm_file(path)
