"""Faults whose every hash, count and manifest was made anew: rows, labels, tables and rejections contradict each other."""

import json
import shutil
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from curation.dedup.normal_form import form_key, normal_form
from curation.parquet_file import write_parquet
from curation.place import Place
from curation.provenance import key
from curation.verify.release import verify
from recipes.engine.cli import app
from recipes.engine.errors import RecipeError

NO_LEDGER = {"ledger": None, "run": None}


def single(release) -> dict:
    """A released row that is alone in its cluster."""
    return next(r for r in release.rows() if r["cluster_size"] == 1)


def beside(row: dict, name: str, **changed: object) -> dict:
    """Another row in the partition of a row's."""
    return row | {"id": row["id"][:1] + key("planted", name)[1:]} | changed


def plant(release, row: dict, *planted: dict) -> None:
    """Adds rows to the file of a row."""
    release.change(lambda rows: [*rows, *planted] if row in rows else rows)


def one(release, row: dict, **changed: object) -> None:
    """Changes one row."""
    release.change(lambda rows: [r | changed if r["id"] == row["id"] else r for r in rows])


def names(row: dict, said: list[str]) -> bool:
    return any(row["id"].hex() in s for s in said)


def test_an_exact_copy_under_a_made_up_label_is_caught_whatever_rank_it_claims(release):
    row = single(release)
    copy = beside(row, "exact", cluster=b"\2" * 16, cluster_rank=1, cluster_size=2)
    plant(release, row, copy)
    failed = release.failed(**NO_LEDGER)
    assert any(row["id"].hex() in s and copy["id"].hex() in s and "several labels" in s for s in failed["labels"])


def test_a_near_copy_under_a_made_up_label_is_caught_whatever_rank_it_claims(release):
    row, other = [r for r in release.rows() if r["cluster_size"] == 1][:2]
    text = row["text"][:-1]
    form = form_key(normal_form(text))
    for examples, why in (
        ([], "names no better-ranked row"),
        ([other["id"]], f"{other['id'].hex()} is released"),
        ([b"\3" * 16], "was not rejected here"),
    ):
        planted = {"text": text, "form_key": form, "cluster": b"\2" * 16, "cluster_rank": 1, "cluster_size": 2}
        copy = beside(row, f"near{why}", **planted, cluster_examples=examples)
        plant(release, row, copy)
        failed = release.failed(**NO_LEDGER)
        assert any(copy["id"].hex() in s and why in s for s in failed["labels"]), failed
        assert any(row["id"].hex() in s and copy["id"].hex() in s and why in s for s in failed["near-copies"])
        release.change(lambda rows, gone=copy["id"]: [r for r in rows if r["id"] != gone])


def test_a_label_whose_best_ranked_row_was_itself_a_near_duplicate_is_caught(release):
    release.version = "2"
    near = next(r for r in rejected(release) if r["reason"] == "near_duplicate")
    row = single(release)
    one(release, row, cluster=b"\2" * 16, cluster_rank=1, cluster_size=2, cluster_examples=[near["id"]])
    said = release.failed(**NO_LEDGER)["labels"]
    assert any(row["id"].hex() in s and "was a near-duplicate itself" in s for s in said)


def rejected(release) -> list[dict]:
    return [r for f in release.set.glob("rejected/*.parquet") for r in pq.read_table(f).to_pylist()]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"cluster": None, "repeat": 50}, "is shown and has no label"),
        ({"cluster": None, "form_key": None, "repeat": 50}, "is shown and has no form key"),
        ({"repeat": 0}, "has a repeat below 1"),
        ({"repeat": -3}, "has a repeat below 1"),
        ({"repeat": None}, "has no repeat"),
        ({"text": " 　\n", "repeat": 1}, "its normal form is empty"),
        ({"text": None}, "has a form key or a label and no text"),
        ({"text": None, "form_key": None, "cluster": None, "repeat": 2}, "is repeated and has no text"),
        ({"cluster_rank": 7}, "has a rank that is not below its cluster's size"),
    ],
)
def test_a_row_with_values_that_no_shown_row_has_is_named(release, changed, said):
    row = single(release)
    one(release, row, **changed)
    assert any(row["id"].hex() in s and said in s for s in release.failed(**NO_LEDGER)["values"])


def test_a_row_without_label_and_form_still_counts_its_text(release):
    row = single(release)
    one(release, row, cluster=None, form_key=None, repeat=50)
    said = release.failed(**NO_LEDGER)["exposures"]
    assert any("shown 50 times" in s and row["id"].hex() in s for s in said)


def test_copies_that_add_up_by_a_negative_repeat_are_caught(release):
    row = single(release)
    plant(release, row, beside(row, "plus", repeat=9), beside(row, "minus", repeat=-9))
    failed = release.failed(**NO_LEDGER)
    assert {"values", "exposures", "labels"} <= set(failed)
    assert any("shown 11 times" in s for s in failed["exposures"])  # 1 + 9 + what is below 1 counted as 1


def test_more_showings_than_the_mode_gives_are_caught_below_k_too(release):
    """natural shows real copies, each once."""
    row = single(release)
    one(release, row, repeat=4)
    said = release.failed(**NO_LEDGER)["exposures"]
    assert any("mode natural gives a cluster of 1 at most 1" in s and row["id"].hex() in s for s in said)


@pytest.mark.parametrize(
    ("mode", "repeat", "most"),
    [
        ({"mode": "one"}, 2, 1),
        ({"mode": "min_size"}, 2, 1),
        ({"mode": "curve", "curve": {"1": 1, "3": 2}}, 2, 1),
        ({"mode": "curve", "curve": {"1": 3, "3": 2}}, 4, 3),
    ],
)
def test_each_mode_has_its_own_most(release, mode, repeat, most):
    row = single(release)
    release.manifest(lambda m: m["made"]["steps"][-1]["with"].update(mode))
    one(release, row, repeat=repeat)
    said = release.failed(**NO_LEDGER)["exposures"]
    assert any(f"gives a cluster of 1 at most {most}" in s and row["id"].hex() in s for s in said)
    one(release, row, repeat=most)
    assert "values" not in release.failed(**NO_LEDGER)


def test_k_is_that_of_the_step_and_not_what_the_exposure_says(release):
    row = single(release)
    one(release, row, repeat=8)
    release.manifest(lambda m: m["exposure"].update(k=8, highest_exposure=8))
    said = release.failed(**NO_LEDGER)["exposures"]
    assert "K = 4 by the step cap, K = 8 by the manifest's exposure" in said
    assert any("shown 8 times, K = 4" in s for s in said)


def test_without_a_step_that_says_k_it_must_be_given(release):
    release.manifest(lambda m: m["made"].update(steps=m["made"]["steps"][:1]))
    with pytest.raises(ValueError, match="give --k"):
        verify(str(release.set))
    assert {c.name for c in verify(str(release.set), k=4) if not c.passed} == set()
    assert "exposures" in release.failed(k=3, **NO_LEDGER)
    assert release.failed(k=3, **NO_LEDGER)["exposures"][0] == "K = 3 by --k, K = 4 by the manifest's exposure"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"max_trainer_epochs": None}, "states no max_trainer_epochs, and K = 4 allows 1 passes"),
        ({"max_trainer_epochs": 2}, "allows 2 passes, and 4 showings × 2 pass K = 4"),
        ({"max_trainer_epochs": 0}, "allows 0 passes, and K = 4 allows 1"),
        ({"highest_exposure": 1}, "highest exposure is 1, the rows show 4"),
        ({"highest_exposure": "many"}, "exposure: highest_exposure: Input should be a valid integer"),
    ],
)
def test_what_the_manifest_says_of_showings_is_held_against_the_rows(release, changed, said):
    release.manifest(lambda m: m["exposure"].update(changed))
    assert any(said in s for s in release.failed(**NO_LEDGER)["exposures"])


def test_a_manifest_without_its_exposure_or_a_part_of_it_is_a_finding(release):
    release.manifest(lambda m: m["exposure"].pop("highest_exposure"))
    assert any("highest_exposure: Field required" in s for s in release.failed(**NO_LEDGER)["exposures"])
    release.manifest(lambda m: m.pop("exposure"))
    assert release.failed(**NO_LEDGER)["exposures"] == ["the set was capped and its manifest states no exposure"]


def test_a_manifest_or_task_of_another_shape_is_a_finding(release):
    task = next(iter(release.set.glob("tasks/*.json")))
    task.write_text(json.dumps(json.loads(task.read_text()) | {"rows_in": "all"}))
    assert any(f"tasks/{task.name}: rows_in" in s for s in release.failed(**NO_LEDGER)["files"])
    release.manifest(lambda m: m.update(columns=None))
    assert any("manifest.json: columns" in s for s in release.failed(**NO_LEDGER)["files"])
    (release.set / "manifest.json").write_text("{")
    assert any("is no JSON" in s for s in release.failed(**NO_LEDGER)["files"])


def test_a_column_that_the_manifest_leaves_out_is_read_and_named(release):
    row = single(release)
    one(release, row, repeat=99)
    release.manifest(lambda m: m["columns"].remove("repeat"))
    failed = release.failed(**NO_LEDGER)
    assert "manifest.json: its `schema` is not that of its `columns`" in failed["files"]
    assert any("shown 99 times" in s and row["id"].hex() in s for s in failed["exposures"])


def test_one_id_in_two_files_of_a_partition_is_caught(release):
    row = single(release)
    source = next(f for f in release.files() if row in pq.read_table(f).to_pylist())
    other = source.with_name("00000.001.parquet")
    table = pq.read_table(source)
    made = write_parquet(
        Place(str(release.set)),
        str(other.relative_to(release.set)),
        table.filter([r == row for r in table.to_pylist()]),
    )
    task = next(iter(release.set.glob("tasks/*.json")))
    said = json.loads(task.read_text())
    said["files"].append(made | {"partition": int(source.parent.name)})
    task.write_text(json.dumps(said))
    release.change(lambda rows: rows)
    assert any("released twice" in s for s in release.failed(**NO_LEDGER)["placement"])


def test_samples_must_be_there_and_be_those_of_the_rule(release):
    release.version = "2"
    sound = pq.read_table(release.set / "samples.parquet").to_pylist()
    (release.set / "samples.parquet").unlink()
    failed = release.failed(**NO_LEDGER)
    assert "samples.parquet: named by manifest.json and not there" in failed["files"]
    release.manifest(lambda m: m.pop("samples"))
    failed = release.failed(**NO_LEDGER)
    assert set(failed) == {"rejected rows"}
    assert f"is not there, and {len(sound)} rejected rows belong into it" in failed["rejected rows"][0]


def test_raised_similarities_of_rejected_rows_are_caught(release):
    release.version = "2"
    release.change_rejected(lambda r: r | {"value": 0.99} if r["reason"] == "near_duplicate" and r["value"] < 1 else r)
    failed = release.failed(**NO_LEDGER, clusters=str(release.tables))
    assert {"rejected near-copies", "clusters"} <= set(failed), "the texts of samples and the edges both say otherwise"
    assert any("their edge says 0.9" in s for s in failed["clusters"])


def test_raised_similarities_in_the_rejected_rows_alone_differ_from_their_samples(release):
    release.version = "2"
    sample = (release.set / "samples.parquet").read_bytes()
    near = next(r for r in rejected(release) if r["reason"] == "near_duplicate" and r["value"] < 1)
    release.change_rejected(lambda r: r | {"value": 0.99} if r["id"] == near["id"] else r)
    (release.set / "samples.parquet").write_bytes(sample)
    assert names(near, release.failed(**NO_LEDGER)["rejected rows"])


def test_a_rejection_for_a_row_that_is_not_there_is_caught(release):
    release.version = "2"
    release.change_rejected(
        lambda r: r | {"detail": "near-duplicate of " + "0" * 31 + "1"} if r["reason"] == "near_duplicate" else r
    )
    said = release.failed(**NO_LEDGER)["rejected rows"]
    assert any("0" * 31 + "1" in s and "neither released nor rejected here" in s for s in said)
    release.change_rejected(lambda r: r | {"detail": "of nothing"} if r["reason"] == "near_duplicate" else r)
    assert any("near-copy of no row" in s for s in release.failed(**NO_LEDGER)["rejected rows"])


@pytest.mark.parametrize("table", ["members", "clusters", "edges"])
def test_a_halved_table_of_the_deduplication_is_caught(release, table):
    release.version = "2"
    assert release.failed(**NO_LEDGER, clusters=str(release.tables)) == {}
    folder = release.tables / table
    about = json.loads((folder / "manifest.json").read_text())
    name = about["files"][0]["path"]
    rows = pq.read_table(folder / name)
    about["files"] = [write_parquet(Place(str(folder)), name, rows.slice(0, len(rows) // 2)) | {"partition": 0}]
    (folder / "manifest.json").write_text(json.dumps(about | {"rows": len(rows) // 2}))
    said = release.failed(**NO_LEDGER, clusters=str(release.tables))["clusters"]
    wanted = {
        "members": "is released and no member of any cluster",
        "clusters": "is released and not in the table of clusters",
        "edges": "no edge joins its text to the kept one",
    }
    assert any(wanted[table] in s for s in said), said


def test_deleted_members_are_a_finding_and_a_deleted_stage_is_said(release):
    shutil.rmtree(release.tables / "members")
    assert release.failed(**NO_LEDGER, clusters=str(release.tables))["clusters"] == [
        "members/manifest.json: is not there"
    ]
    shutil.rmtree(release.tables)
    made = verify(str(release.set), clusters=str(release.folder / "gone"))
    (clusters,) = (c for c in made if c.name == "clusters")
    assert clusters.passed
    assert "tables were deleted" in clusters.notes[0]


def test_a_dropped_row_of_which_every_sum_knows_nothing_is_missed_by_the_table_of_clusters(release):
    row = single(release)
    release.change(lambda rows: [r for r in rows if r["id"] != row["id"]])
    assert release.failed(**NO_LEDGER) == {}, "nothing in the set itself says that it was there"
    said = release.failed(**NO_LEDGER, clusters=str(release.tables))["clusters"]
    assert any("rows reached the deduplication" in s for s in said)


def test_the_command_asks_for_what_it_needs_and_refuses_what_it_would_ignore(release, tmp_path: Path):
    def says(*command: str) -> str:
        done = CliRunner().invoke(app, ["verify", *command])
        assert isinstance(done.exception, RecipeError), done.output
        return str(done.exception)

    held = str(release.set)
    assert "--k and --sample are at least 1" in says(held, "--k", "0")
    assert "--k and --sample are at least 1" in says(held, "--sample", "-5")
    assert "give --run-id" in says(held, "--ledger", str(release.ledger))
    assert "give --ledger" in says(held, "--run-id", "nonsense")
    run = str(release.folder / "out" / "1")
    done = CliRunner().invoke(app, ["verify", run, "--ledger", str(release.ledger), "--run-id", "nonsense"])
    assert done.exit_code == 1
    assert "no training on this is entered as nonsense; entered are: test/verified@1" in done.output


def test_a_set_that_is_not_the_one_of_its_run_is_caught(release):
    release.manifest(lambda m: m.update(fingerprint="0" * 64))
    done = CliRunner().invoke(app, ["verify", str(release.folder / "out" / "1")])
    assert done.exit_code == 1
    assert "its fingerprint is not what run.json says of curated" in done.output


def test_the_sample_is_drawn_anew_each_time_and_the_same_for_the_same_seed(release):
    def drawn(seed: int | None) -> str:
        (near,) = (c for c in verify(str(release.set), sample=5, seed=seed) if c.name == "near-copies")
        return near.notes[-1]

    assert drawn(None) != drawn(None)
    assert drawn(3) == drawn(3) == "sample drawn with --seed 3"


def test_labels_sizes_and_ranks_of_one_cluster_agree(release):
    label = Counter(r["cluster"] for r in release.rows()).most_common(1)[0][0]
    release.change(lambda rows: [r | {"cluster_rank": 3} if r["cluster"] == label else r for r in rows])
    assert any("one label and one rank" in s for s in release.failed(**NO_LEDGER)["labels"])
    row = next(r for r in release.rows() if r["cluster"] == label)
    one(release, row, cluster_size=40)
    assert any("one label and several sizes" in s for s in release.failed(**NO_LEDGER)["labels"])
