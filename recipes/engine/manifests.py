"""The manifest of a shard set: what its tasks did, summed up. Writing it is what makes the set exist."""

import contextlib
import platform
from collections import Counter
from collections.abc import Iterable
from importlib.metadata import version
from typing import Any

import pyarrow as pa

from curation.manifest_tree import planted, task_manifests
from curation.parquet_file import read_parquet, write_parquet
from curation.place import PARTIAL, Place
from curation.shards import MANIFEST, join_table_parts, set_schema
from curation.survey import Survey
from curation.write_shards import smallest_samples, step_sums
from recipes.engine import code_version
from recipes.engine.all_read import require_all_read
from recipes.engine.gathering import GATHER, is_gathered
from recipes.engine.plan import Block, Together
from recipes.engine.run_survey import WORK
from recipes.engine.source_read import SourceRead

NOTES = (
    *("tokenizer", "exposure", "quality_model", "quality_2_model", "quality_3_model"),
    *("ensemble", "ensemble2", "ensemble3"),
)
"""What steps say of rows in a manifest, and every later set says too (of several that are read together, where all say the same)."""

JOINED_FILES = 16
"""Sample files that are joined at a time."""


def finish_block(block: Block, place: Place) -> dict[str, Any]:
    """Joins the tasks' manifests into the set's, which makes the set exist. Given again after a kill, it goes on.

    What only the joining needs is removed last: a set that has no manifest can still be joined.
    """
    if place.exists(MANIFEST):
        manifest = place.read_json(MANIFEST)
    else:
        manifest = _joined(block, place)
        place.write_json(MANIFEST, manifest)
    for folder in (WORK, GATHER, "samples", "rests", "index"):
        with contextlib.suppress(FileNotFoundError):
            (place / folder).remove()
    place.give_up_uploads()
    return manifest


def _joined(block: Block, place: Place) -> dict[str, Any]:
    """The manifest of a set whose tasks are complete; its tables and its sample are written, and what nobody names is removed."""
    if block.kind == "rows" and not is_gathered(block):
        require_all_read(place, block.tasks)
    named = list(task_manifests(place))
    tasks = [about for _, _, about in named]
    phases = [[t for _, _, t in task_manifests(place, f"phases/{name}/tasks")] for name in place.names("phases")]
    if phases:
        tasks = [t for phase in phases for t in phase]
    manifest: dict[str, Any] = {
        "format": 1,
        "fingerprint": block.fingerprint,
        "made": block.describes,
        "partitions": block.partitions,
        "versions": versions(block.libraries),
        "seconds": round(sum(t["seconds"] for t in tasks), 3),
        "cpu": round(sum(t["cpu"] for t in tasks), 3),
        "tasks": len(tasks),
        "steps": step_sums(tasks),
    }
    if block.kind == "survey":
        rows = max(sum(t["rows"] for t in phase) for phase in phases or [tasks])
        tables = _join_tables(block, place, tasks) if phases else tasks[0]["tables"]
        manifest |= {"tables": tables, "rows_in": rows, "rows_out": rows, "rejected": {}}
        manifest["peak_rss_mb"] = max((t["peak_rss_mb"] for t in tasks), default=0)
    else:
        manifest |= {
            "columns": block.columns,
            "schema": set_schema(block.columns).serialize().to_pybytes().hex(),
            "rows_in": sum(t["rows_in"] for t in tasks),
            "rows_out": sum(t["rows_out"] for t in tasks),
            "rejected": dict(sum((Counter(t["rejected"]) for t in tasks), Counter()).most_common()),
            "bytes": sum(f["bytes"] for t in tasks for f in t["files"]),
            "licences": dict(sum((Counter(t["licences"]) for t in tasks), Counter())),
            "source": vars(block.read.source) if isinstance(block.read, SourceRead) else None,
            "peak_rss_mb": max((t["peak_rss_mb"] for t in tasks), default=0),
            "fused": sorted(i for t in tasks for i in t["fused"]),
            "unreadable": sorted(u for t in tasks for u in t["unreadable"]),
        }
        manifest |= _notes(block)
        if block.release:
            manifest["content"] = f"{sum(int(t['content'], 16) for t in tasks) % (1 << 256):064x}"
        if samples := _join_samples(place, tasks):
            manifest["samples"] = samples
        manifest["tree"] = planted(place, named)
    _remove_strays(place, tasks)
    return manifest


def _join_tables(block: Block, place: Place, tasks: list[dict[str, Any]]) -> dict[str, int]:
    """Makes the tables of a survey exist whose phases wrote their partitions. Returns their numbers of rows."""
    survey = block.steps[-1]
    assert isinstance(survey, Survey)
    return {
        name: join_table_parts(place / name, schema, [t["tables"][name] for t in tasks if name in t["tables"]])
        for name, schema in survey.tables.items()
    }


def _notes(block: Block) -> dict[str, Any]:
    """What the block's steps say of its rows, and what the set that it reads says of them already."""
    notes: dict[str, Any] = {}
    if isinstance(block.read, Together):
        before = [Place(url).read_json(MANIFEST) for url in block.read.urls if Place(url).exists(MANIFEST)]
        said = {name: [manifest.get(name) for manifest in before] for name in NOTES}
        notes = {
            name: found[0] for name, found in said.items() if found and found[0] and found.count(found[0]) == len(found)
        }
    for step in block.steps:
        notes |= step.manifest_notes()
    return notes


def _join_samples(place: Place, tasks: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Of all tasks' samples, the 1,000 rows of smallest hash a reason: the same rows whatever the number of tasks.

    Returns what the manifest says of their file; None where there are no samples.
    """
    names = [f["path"] for task in tasks for f in task["sample_files"]]
    kept: list[pa.Table] = []
    for first in range(0, len(names), JOINED_FILES):
        tables = [read_parquet(place, name) for name in names[first : first + JOINED_FILES]]
        kept = [smallest_samples(pa.concat_tables([*kept, *tables]))]
    return write_parquet(place, "samples.parquet", kept[0].combine_chunks()) if kept else None


def _remove_strays(place: Place, tasks: list[dict[str, Any]]) -> None:
    """Removes what a task left behind that died and was done again: a reader of `data/` sees only files of a manifest."""
    named = {f["path"] for t in tasks for key in ("files", "rejected_files") for f in t.get(key, ())}
    for path in place.fs.find(place.path):
        name = path.removeprefix(f"{place.path}/")
        if name.endswith(PARTIAL) or (name.startswith(("data/", "rejected/")) and name not in named):
            place.fs.rm_file(path)


def versions(libraries: Iterable[str]) -> dict[str, str]:
    """What made a set: seimai, Python and the libraries that decide about its rows."""
    return {"seimai": version("seimai"), "python": platform.python_version(), **code_version.libraries(libraries)}
