"""Manifests of large sets: a reader reads what concerns it, sums hold, and a set of one folder of tasks is still read."""

import re
from pathlib import Path
from typing import Any

import orjson
import pytest

from curation.manifest_tree import FAN, Tree, TreeError, planted, task_manifests
from curation.place import Place
from curation.shards import MANIFEST, ShardError, ShardSet
from curation.verify.findings import Check
from curation.verify.folder import Folder
from curation.verify.manifest_tree import check_tree
from curation.verify.stated import Task
from curation.verify.stated import Tree as StatedTree


def task(number: int, partitions: list[int], rows: int = 10) -> dict[str, Any]:
    """A task's manifest: one file of so many rows for each partition, one row rejected."""
    files = [
        {
            "path": f"data/{p:05d}/{number:05d}.000.parquet",
            "rows": rows,
            "bytes": 100,
            "sha256": "0" * 64,
            "partition": p,
        }
        for p in partitions
    ]
    rejected = [{"path": f"rejected/{number:05d}.000.parquet", "rows": 1, "bytes": 10, "sha256": "0" * 64}]
    counts = {"rows_in": rows * len(files) + 1, "rows_out": rows * len(files), "rejected": {"not_text": 1}}
    return {"task": number, "files": files, "rejected_files": rejected, **counts}


def made(folder: Path, tasks: list[dict[str, Any]]) -> dict[str, Any]:
    """Writes a set of these tasks, without data. Returns its manifest."""
    place = Place(str(folder))
    for about in tasks:
        place.write_json(f"tasks/{about['task']:05d}.json", about)
    manifest = {
        "partitions": 1024,
        "columns": ["id"],
        "rows_out": 10,
        "tree": planted(place, list(task_manifests(place))),
    }
    place.write_json(MANIFEST, manifest)
    return manifest


def test_a_reader_of_one_partition_reads_two_nodes_of_a_thousand_tasks(tmp_path):
    manifest = made(tmp_path, [task(n, [n]) for n in range(1000)])
    tree = manifest["tree"]
    assert [c["path"] for c in tree["children"]] == [f"tree/1-{i:05d}.json" for i in range(4)], "1,000 are 4 × 256"
    assert (tree["tasks"], tree["rows_out"], tree["rows_in"], tree["bytes"]) == (1000, 10_000, 11_000, 100_000)
    assert tree["partitions"] == [0, 999]
    shards = ShardSet.open(str(tmp_path))
    assert shards.files(700) == ["data/00700/00700.000.parquet"]
    assert shards.tree.files_read == 2, "a node and the task's manifest"
    assert len(shards.files()) == 1000
    assert shards.tree.files_read == 1004, "and then each other one once"


def test_the_root_stays_small_whatever_the_number_of_tasks(tmp_path):
    manifest = made(tmp_path, [task(n, [n % 1024]) for n in range(FAN * 3)])
    assert len(orjson.dumps(manifest)) < 4000
    assert len((tmp_path / "tree/1-00000.json").read_bytes()) < 120_000
    assert [t["task"] for t in ShardSet.open(str(tmp_path)).tasks()] == list(range(FAN * 3))


def test_few_tasks_are_named_by_the_manifest_itself(tmp_path):
    made(tmp_path, [task(0, [0, 5]), task(1, []), task(2, [5, 9])])
    shards = ShardSet.open(str(tmp_path))
    assert not (tmp_path / "tree").exists()
    assert shards.files(5) == ["data/00005/00000.000.parquet", "data/00005/00002.000.parquet"]
    assert shards.files(0) == ["data/00000/00000.000.parquet"]
    assert [t["task"] for t in shards.tasks()] == [0, 1, 2], "one without rows counts its rejected ones"


def test_a_set_that_was_made_before_there_were_trees_is_read(tmp_path):
    manifest = made(tmp_path, [task(0, [0]), task(1, [0, 1])])
    Place(str(tmp_path)).write_json(MANIFEST, {k: v for k, v in manifest.items() if k != "tree"})
    shards = ShardSet.open(str(tmp_path))
    assert shards.files(1) == ["data/00001/00001.000.parquet"]
    assert len(shards.files()) == 3


def test_tasks_with_six_digits_come_behind_those_with_five(tmp_path):
    manifest = made(tmp_path, [task(99_999, [0]), task(100_000, [1]), task(7, [2])])
    assert [t["task"] for t in Tree(Place(str(tmp_path)), manifest).tasks()] == [7, 99_999, 100_000]


def test_a_manifest_that_is_not_the_one_that_was_named_is_refused(tmp_path):
    made(tmp_path, [task(0, [0]), task(1, [1])])
    place = Place(str(tmp_path))
    place.write_json("tasks/00001.json", task(1, [1], rows=11))
    assert len(ShardSet.open(str(tmp_path)).files(0)) == 1, "the other is not looked at"
    with pytest.raises(ShardError, match=r"tasks/00001\.json: not the file that the set's manifest names"):
        ShardSet.open(str(tmp_path)).files(1)
    (tmp_path / "tasks/00001.json").unlink()
    with pytest.raises(ShardError, match=r"names a file that is not there"):
        ShardSet.open(str(tmp_path)).files(1)


def test_while_rows_are_taken_out_sums_are_not_yet_those_of_the_tasks(tmp_path):
    manifest = made(tmp_path, [task(0, [0])])
    place = Place(str(tmp_path))
    place.write_json("tasks/00000.json", task(0, [0], rows=9))
    with pytest.raises(TreeError):
        Tree(place, manifest).tasks()
    assert Tree(place, manifest | {"forgotten": {"unfinished": True}}).tasks()[0]["rows_out"] == 9


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"partitions": [0, 3]}, r"tasks/00000\.json: the tree of manifests says partitions \(0, 3\) and not \(0, 4\)"),
        ({"rows_out": 1}, r"says rows_out 1 and not 20"),
        ({"sha256": "1" * 64}, r"the tree of manifests says 1111"),
        ({"path": "tasks/00001.json"}, r"tasks/00000\.json: the tree of manifests leaves it out"),
        ({"path": "tasks/00009.json"}, r"tasks/00009\.json: named in the tree of manifests and not there"),
    ],
)
def test_the_check_of_a_release_sees_a_tree_that_hides_rows(tmp_path, change, said):
    tasks = [task(0, [0, 4]), task(1, [1])]
    manifest = made(tmp_path, tasks)
    stated = [Task.model_validate(t) for t in tasks]
    sound, hidden = Check("files"), Check("files")
    check_tree(Folder(str(tmp_path)), StatedTree.model_validate(manifest["tree"]), stated, sound)
    assert not sound.problems
    manifest["tree"]["children"][0] |= change
    check_tree(Folder(str(tmp_path)), StatedTree.model_validate(manifest["tree"]), stated, hidden)
    assert any(re.search(said, line) for line in hidden.problems), hidden.problems


def test_the_check_goes_down_through_the_nodes(tmp_path):
    tasks = [task(n, [n]) for n in range(300)]
    tree = StatedTree.model_validate(made(tmp_path, tasks)["tree"])
    stated, check = [Task.model_validate(t) for t in tasks], Check("files")
    check_tree(Folder(str(tmp_path)), tree, stated, check)
    assert not check.problems
    Place(str(tmp_path)).write_json("tasks/00299.json", task(299, [299], rows=3))
    check_tree(Folder(str(tmp_path)), tree, stated, check)
    assert any(line.startswith("tasks/00299.json: SHA-256") for line in check.problems)
