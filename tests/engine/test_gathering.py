"""What very many tasks wrote, gathered: the same rows in few files, whoever died and wherever the run stopped."""

import json
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation import gather
from curation.clear_shards import clear
from curation.gather import Gather, levels, levels_of
from curation.manifest_tree import planted, task_manifests
from curation.place import Place
from curation.provenance import key
from curation.shards import MANIFEST, ShardSet
from curation.sorted_files import SortedFiles
from recipes.engine import execute, gathering
from recipes.engine.plan import make
from recipes.engine.progress import Progress
from recipes.engine.summary import state

sys.path.insert(0, str(Path(__file__).parent))
from steps_on_trial import DropMarked, KilledGather
from test_runs import accounted, jsonl, pages, recipe
from test_shard_sets import NAMES, page, written


@pytest.fixture
def files(tmp_path, monkeypatch) -> str:
    """Eleven files of a few rows, for sets of eight partitions, and levels of four tasks."""
    monkeypatch.setattr("recipes.engine.plan.PARTITION_BYTES", 64)
    monkeypatch.setattr("curation.gather.BITS", 2)
    rows = [*pages(200), ("3", "3 番目のページです。"), ("4", "中身の違う同じ id"), ("x", "広告のページ")]
    return jsonl(tmp_path / "in", {f"{i:02d}.jsonl.gz": rows[i::11] for i in range(11)})


def run(files: str, out: Path, workers: int = 2) -> dict[str, Any]:
    """Runs a recipe of two stages, a task a file; returns the released set's manifest."""
    plan = make(recipe(files, [DropMarked("広告")], [], partitions=8), "test.py", str(out), task_bytes=4096)
    execute.run(plan, workers=workers, progress=Progress(len(plan.blocks), stream=open(os.devnull, "w")))  # noqa: SIM115
    return ShardSet.open(plan.blocks[-1].url).manifest


def of_stage(out: Path) -> tuple[Path, dict[str, Any]]:
    (found,) = out.glob("stages/pages-*/manifest.json")
    return found.parent, json.loads(found.read_text())


def many(monkeypatch) -> None:
    """Lets eleven tasks be very many."""
    monkeypatch.setattr("curation.gather.MOST_MERGED", 3)


def test_gathered_rows_are_those_of_the_tasks_in_a_few_files(files, tmp_path, monkeypatch):
    plain = run(files, tmp_path / "plain")
    folder, before = of_stage(tmp_path / "plain")
    monkeypatch.setattr("curation.gather.MOST_FILES", 80)
    gathered = run(files, tmp_path / "gathered")
    assert gathered["content"] == plain["content"]
    assert gathered["rejected"] == plain["rejected"] == {"duplicate_id": 1, "id_collision": 1}
    where, manifest = of_stage(tmp_path / "gathered")
    assert len(list(folder.glob("data/*/*"))) > 60, "eleven tasks in eight partitions"
    assert len(list(where.glob("data/*/*"))) == 8
    same = ("rows_in", "rows_out", "rejected", "columns", "partitions", "licences", "unreadable")
    assert {k: manifest[k] for k in same} == {k: before[k] for k in same}
    counts = [{k: s.get(k) for k in ("step", "rows", "kept")} for m in (manifest, before) for s in m["steps"]]
    assert counts[: len(counts) // 2] == counts[len(counts) // 2 :]
    assert {p.name for p in where.iterdir()} >= {"manifest.json", "tasks", "data", "rejected"}
    assert not (where / "gather").exists(), "what lay between the levels is gone"
    accounted(tmp_path / "gathered")
    rows = [[r for b in ShardSet.open(str(f)).read() for r in b.to_pylist()] for f in (folder, where)]
    assert rows[0] == rows[1], "in the same order too"


def test_very_many_tasks_of_one_partition_take_several_levels(files, tmp_path, monkeypatch):
    plain = run(files, tmp_path / "plain")
    many(monkeypatch)
    monkeypatch.setattr("recipes.engine.plan.PARTITION_BYTES", 1 << 20)
    monkeypatch.setattr("curation.gather.BITS", 1)
    gathered = run(files, tmp_path / "gathered")
    folder, manifest = of_stage(tmp_path / "gathered")
    assert (manifest["partitions"], len(list(folder.glob("data/*/*")))) == (1, 2)
    assert [one.tasks for one in levels(11, 1, 1)] == [6, 3, 2]
    assert gathered["content"] == plain["content"]
    assert gathered["rejected"] == plain["rejected"]
    accounted(tmp_path / "gathered")


def test_a_reader_of_a_gathered_partition_meets_one_file_and_one_manifest(files, tmp_path, monkeypatch):
    many(monkeypatch)
    run(files, tmp_path / "out")
    shards = ShardSet.open(str(of_stage(tmp_path / "out")[0]))
    assert [len(shards.files(p)) for p in range(8)] == [1] * 8
    again = ShardSet.open(str(shards.place.url))
    again.files(5)
    assert again.tree.files_read == 1, "of four: a task of the last level has two partitions"
    for about in shards.tasks():
        assert about["rows_in"] == about["rows_out"] + sum(about["rejected"].values())


def test_a_task_that_is_killed_when_its_files_are_there_changes_nothing(files, tmp_path, monkeypatch):
    plain = run(files, tmp_path / "plain")
    many(monkeypatch)
    monkeypatch.setattr("recipes.engine.gathering.Gather", KilledGather)
    killed = run(files, tmp_path / "killed")
    assert killed["content"] == plain["content"]
    accounted(tmp_path / "killed")


@pytest.mark.parametrize("stop", [1, 2])
def test_a_run_that_stops_between_two_levels_goes_on_there(files, tmp_path, monkeypatch, stop):
    many(monkeypatch)
    calm = run(files, tmp_path / "calm")
    remove, calls = gathering.remove_rows, []

    def stopped(place: Place) -> None:
        remove(place)
        calls.append(place)
        if len(calls) == stop:
            raise ZeroDivisionError

    monkeypatch.setattr(gathering, "remove_rows", stopped)
    with pytest.raises(ZeroDivisionError):
        run(files, tmp_path / "out")
    plan = make(
        recipe(files, [DropMarked("広告")], [], partitions=8), "test.py", str(tmp_path / "out"), task_bytes=4096
    )
    assert plan.blocks[0].tasks == 11
    assert state(plan.blocks[0].url, plan.blocks[0]) == "11 of 11 tasks"
    (read,) = (tmp_path / "out").glob("stages/*.partial/gather/00-read/tasks")
    first = {p.name: p.stat().st_mtime_ns for p in read.iterdir()}
    monkeypatch.setattr(gathering, "remove_rows", lambda place: first.update(seen=len(list(read.iterdir()))))
    assert run(files, tmp_path / "out")["content"] == calm["content"]
    assert first["seen"] == 11, "what was read was not read again"
    accounted(tmp_path / "out")


def test_rows_that_are_taken_out_of_a_set_leave_a_tree_of_what_is_left(tmp_path):
    shards = written(tmp_path, [[page(n) for n in range(t, 60, 3)] for t in range(3)])
    manifest = shards.manifest | {"rows_in": 60, "rejected": {}, "licences": {"CC0-1.0": 60}}
    place = shards.place
    place.write_json(MANIFEST, manifest | {"tree": planted(place, list(task_manifests(place)))})
    gone = {key("test", n) for n in (4, 9, 11)}
    cleared = clear(str(tmp_path), lambda t: np.array([i in gone for i in t.column("id").to_pylist()]), release=False)
    assert set(cleared.kept) == gone
    after = ShardSet.open(str(tmp_path))
    assert sum(b.num_rows for b in after.read(["id"])) == 60, "blanked where they lie"
    assert {bytes.fromhex(one) for one in after.manifest["forgotten"]["blank"]} == gone
    assert all("-1.parquet" in f or f.endswith(".000.parquet") for f in after.files())
    assert after.manifest["tree"] == planted(place, list(task_manifests(place)))


def test_levels_by_hand():
    many_tasks = levels(100_000, 65_536)
    assert [(one.tasks, one.before, one.bits) for one in many_tasks] == [(1563, 0, 6), (1600, 6, 12), (4096, 12, 16)]
    assert [(one.tasks, one.bits) for one in levels(3_000_000, 4096)] == [(46875, 6), (46912, 12), (49152, 12)]
    assert [(one.tasks, one.bits) for one in levels(65, 1)] == [(2, 0)]
    assert levels(64, 1) == []


def test_every_manifest_is_inherited_once_and_every_row_has_one_way(tmp_path, monkeypatch):
    monkeypatch.setattr("curation.gather.BITS", 1)
    rows = [page(n) for n in range(300)]
    source = Place(str(tmp_path / "0"))
    written(tmp_path / "0", [rows[i::5] for i in range(5)], partitions=1)
    (tmp_path / "0/tasks/00004.json").rename(tmp_path / "0/tasks/100004.json")  # numbers may have gaps
    made = levels_of(source, 8)
    assert [(one.tasks, one.bits) for one in made] == [(3, 1), (4, 2), (4, 3)]
    for number, level in enumerate(made, 1):
        target = Place(str(tmp_path / str(number)))
        for rank in reversed(range(level.tasks)):
            list(Gather(level, source.url, target.url, str(tmp_path / "final"), NAMES).run(None, rank))
        tasks = [target.read_json(f"tasks/{n}") for n in target.names("tasks")]
        assert sum(t["rows_out"] for t in tasks) == 300
        assert sum((Counter(t["licences"]) for t in tasks), Counter()) == {"CC0-1.0": 300}
        for about in tasks:
            for f in about["files"]:
                ids = [i.as_py() for i in pq.read_table(f"{target.path}/{f['path']}").column("id")]
                assert ids == sorted(ids)
                assert {i[0] >> (8 - level.bits) for i in ids} == {f["partition"]}
        source = target
    assert len(list(Path(source.path).glob("data/*/*"))) == 8


def test_rows_that_go_on_where_a_file_ends_go_into_it(tmp_path, monkeypatch):
    rows = sorted((page(n) for n in range(40)), key=lambda r: r["id"])
    table = pa.Table.from_pylist(rows, schema=pa.schema([("id", pa.binary(16)), ("text", pa.large_string())]))
    with SortedFiles(Place(str(tmp_path)), 7) as out:
        for first, partition in ((0, 0), (10, 0), (20, 1), (10, 1), (30, 1)):
            out.add(partition, table.slice(first, 10))
    assert [(f["path"], f["rows"]) for f in out.files] == [
        ("data/00000/00007.000.parquet", 20),
        ("data/00001/00007.000.parquet", 10),
        ("data/00001/00007.001.parquet", 20),
    ], "a smaller id, and another partition, begin a file"
    monkeypatch.setattr("curation.sorted_files.FILE_BYTES", 1)
    with SortedFiles(Place(str(tmp_path / "full")), 7) as out:
        out.add(0, table.slice(0, 10))
        out.add(0, table.slice(10, 10))
    assert [f["rows"] for f in out.files] == [10, 10], "a full file is not gone on with"


def test_a_file_is_called_as_its_task_is_when_it_ends(tmp_path):
    table = pa.table({"id": pa.array([key("a", 1)], pa.binary(16))})
    with SortedFiles(Place(str(tmp_path)), 3) as out:
        out.add(0, table)
        out.label = "00003-77"
    assert [f["path"] for f in out.files] == ["data/00000/00003-77.000.parquet"]
    assert [p.name for p in tmp_path.glob("data/*/*")] == ["00003-77.000.parquet"]
    with SortedFiles(Place(str(tmp_path)), 4, goes_on=False) as out:
        out.add(0, table)
        out.add(0, table)
    assert [f["path"] for f in out.files] == [f"data/00000/00004.{n:03d}.parquet" for n in (0, 1)]


def test_a_file_that_an_error_cuts_off_is_not_there(tmp_path):
    def half() -> None:
        with SortedFiles(Place(str(tmp_path)), 0) as out:
            out.add(0, pa.table({"id": pa.array([key("a", 1)], pa.binary(16))}))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


def test_a_few_tasks_write_as_they_always_did():
    assert not gather.is_needed(1, 1 << 20)
    assert not gather.is_needed(256, 256)
    assert gather.is_needed(257, 256)
