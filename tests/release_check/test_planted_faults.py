"""`seimai verify` passes a sound release and catches each planted fault, naming the rows, also where manifests were made to agree."""

import json
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from typer.testing import CliRunner

from curation.dedup.normal_form import form_key, normal_form
from curation.parquet_file import write_parquet
from curation.place import Place
from curation.provenance import key
from curation.verify.findings import Check
from curation.verify.sample import draw
from curation.verify.shard_files import Release
from recipes.engine.cli import app
from recipes.engine.errors import RecipeError


def label_of_four(rows: list[dict]) -> bytes:
    ((label, n),) = Counter(r["cluster"] for r in rows).most_common(1)
    assert n == 4
    return label


def id_beside(row: dict, name: str) -> bytes:
    """A new id in the partition of a row's."""
    return row["id"][:1] + key("planted", name)[1:]


def test_a_sound_release_passes_every_check(release):
    assert release.failed() == {}


def test_a_planted_fifth_copy_is_caught(release):
    label = label_of_four(release.rows())
    planted: list[bytes] = []

    def fifth(rows: list[dict]) -> list[dict]:
        source = next((r for r in rows if r["cluster"] == label), None)
        if source is None or planted:
            return rows
        planted.append(id_beside(source, "fifth"))
        return [*rows, source | {"id": planted[0], "cluster_rank": 4}]

    release.change(fifth)
    release.enter_again()
    failed = release.failed()
    assert f"cluster {label.hex()}: shown 5 times, K = 4" in failed["exposures"][0]
    assert planted[0].hex() in failed["exposures"][0]
    assert set(failed) == {"exposures", "ledger"}


def test_a_raised_repeat_is_caught(release):
    row = next(r for r in release.rows() if r["cluster_size"] == 1)
    release.change(lambda rows: [r | {"repeat": 5} if r["id"] == row["id"] else r for r in rows])
    release.enter_again()
    assert row["id"].hex() in release.failed()["exposures"][0]


def test_two_near_copies_with_different_labels_are_caught(release):
    source = next(r for r in release.rows() if r["cluster_size"] == 1)
    text = source["text"][:-1]
    copy = source | {"id": id_beside(source, "near"), "text": text, "form_key": form_key(normal_form(text))}
    copy["cluster"] = copy["form_key"]
    release.change(lambda rows: [*rows, copy] if source in rows else rows)
    release.enter_again()
    failed = release.failed()
    assert set(failed) == {"near-copies"}
    said = failed["near-copies"][0]
    assert source["id"].hex() in said
    assert copy["id"].hex() in said
    assert "J = 0.995" in said  # 195 of 196 shingles


def test_near_copies_beyond_the_sample_are_found_by_bands(release):
    source = next(r for r in release.rows() if r["cluster_size"] == 1)
    text = source["text"][:-1]
    copy = source | {"id": id_beside(source, "near"), "text": text, "form_key": form_key(normal_form(text))}
    copy["cluster"] = copy["form_key"]
    release.change(lambda rows: [*rows, copy] if source in rows else rows)
    release.enter_again()
    opened = Release.open(str(release.set), Check("files"))
    assert opened is not None
    both = {source["id"], copy["id"]}
    ids = [i for _, batch in opened.batches(["id"]) for i in batch.column("id").to_pylist()]
    for count in (10, 25, 40):
        for seed in range(4):
            drawn = {ids[n] for n in draw(opened, count, seed).drawn}
            caught = "near-copies" in release.failed(sample=count, seed=seed)
            assert caught == bool(both & drawn), "found if and only if one of the two was drawn"


def test_one_label_over_unrelated_texts_is_caught(release):
    first, second = [r for r in release.rows() if r["cluster_size"] == 1][:2]
    changed = second | {"cluster": first["cluster"], "cluster_rank": 1, "cluster_size": 2}
    release.change(lambda rows: [changed if r["id"] == second["id"] else r for r in rows])
    release.enter_again()
    failed = release.failed()
    assert set(failed) == {"labels"}
    assert "J = 0.000, below 0.8" in failed["labels"][0]
    assert first["id"].hex() in failed["labels"][0]
    assert second["id"].hex() in failed["labels"][0]


def test_a_swapped_shard_is_caught(release):
    first, second, *_ = release.files()
    a, b = first.read_bytes(), second.read_bytes()
    first.write_bytes(b)
    second.write_bytes(a)
    failed = release.failed()
    assert {"files", "placement"} <= set(failed)
    assert any(str(first.relative_to(release.set)) in said for said in failed["files"])


def test_a_shard_swapped_together_with_its_manifest_entry_is_caught_by_its_rows(release):
    first, second, *_ = [pq.read_table(f).to_pylist() for f in release.files()]
    release.change(lambda rows: second if rows == first else first if rows == second else rows)
    failed = release.failed()
    assert set(failed) == {"placement"}
    assert second[0]["id"].hex() in failed["placement"][0]


def test_an_edited_row_is_caught_though_every_hash_agrees(release):
    row = release.rows()[0]
    edited = row["text"][:50] + "改" + row["text"][51:]
    release.change(lambda rows: [r | {"text": edited} if r["id"] == row["id"] else r for r in rows])
    failed = release.failed()
    assert row["id"].hex() in failed["forms"][0]
    assert form_key(normal_form(edited)).hex() in failed["forms"][0]


def test_an_edited_row_is_caught_by_content_where_only_its_file_agrees(release):
    stated = json.loads((release.set / "manifest.json").read_text())["content"]
    row = release.rows()[0]
    release.change(lambda rows: [r | {"repeat": 2} if r["id"] == row["id"] else r for r in rows])
    manifest = json.loads((release.set / "manifest.json").read_text())
    (release.set / "manifest.json").write_text(json.dumps(manifest | {"content": stated}))
    assert "content" in release.failed()


def test_a_missing_rejected_shard_is_caught(release):
    gone = next(iter(release.set.glob("rejected/*.parquet")))
    gone.unlink()
    failed = release.failed()
    name = str(gone.relative_to(release.set))
    assert any(name in said and "not there" in said for said in failed["files"])
    assert any("near_duplicate" in said or "over_cap" in said for said in failed["sums"])


def test_a_rejected_shard_missing_from_its_manifest_too_is_caught_by_the_sums(release):
    gone = next(iter(release.set.glob("rejected/*.parquet")))
    gone.unlink()
    for path in release.set.glob("tasks/*.json"):
        task = json.loads(path.read_text())
        task["rejected_files"] = [f for f in task["rejected_files"] if f["path"] != str(gone.relative_to(release.set))]
        path.write_text(json.dumps(task))
    assert "files" in release.failed(), "the tree of manifests names another"
    release.plant_tree()
    assert set(release.failed()) == {"sums", "rejected rows"}  # the samples have rows that no rejected shard has


def test_a_removed_ledger_row_is_caught_though_its_entry_agrees(release):
    entry = next(iter(release.ledger.glob("entries/*.json")))
    about = json.loads(entry.read_text())
    rows = pq.read_table(release.ledger / about["file"]["path"])
    removed = rows.slice(3, 1).to_pylist()[0]
    kept = rows.take([i for i in range(len(rows)) if i != 3])
    about["file"] = write_parquet(Place(str(release.ledger)), about["file"]["path"], kept)
    entry.write_text(json.dumps(about | {"rows": len(kept)}))
    failed = release.failed()
    assert set(failed) == {"ledger"}
    assert any(removed["form_key"].hex() in said for said in failed["ledger"])


def test_a_stray_file_is_caught(release):
    source = release.files()[0]
    (source.parent / "99999.000.parquet").write_bytes(source.read_bytes())
    assert "no manifest names it" in release.failed()["files"][0]


def test_the_ledger_of_another_k_is_caught(release):
    about = json.loads((release.ledger / "ledger.json").read_text())
    (release.ledger / "ledger.json").write_text(json.dumps(about | {"k": 3}))
    assert "kept with K = 3, the release with K = 4" in release.failed()["ledger"][0]


def test_the_command_ends_in_status_1_and_names_the_row(release):
    run = str(release.folder / "out" / "1")
    assert CliRunner().invoke(app, ["verify", run]).exit_code == 0
    row = release.rows()[0]
    release.change(lambda rows: [r | {"text": r["text"] + "改"} if r["id"] == row["id"] else r for r in rows])
    done = CliRunner().invoke(app, ["verify", run])
    assert done.exit_code == 1
    assert row["id"].hex() in done.output


def test_a_folder_without_a_finished_set_is_refused(tmp_path: Path):
    done = CliRunner().invoke(app, ["verify", str(tmp_path)])
    assert isinstance(done.exception, RecipeError)


def test_a_rejected_row_that_was_no_near_copy_is_caught(release):
    release.version = "2"
    release.enter_again()
    assert release.failed() == {}
    path = release.set / "samples.parquet"
    table = pq.read_table(path)
    rows = table.to_pylist()
    at = next(i for i, r in enumerate(rows) if r["reason"] == "near_duplicate" and r["value"] < 1)
    rows[at]["text"] = "まったく別の話です。" * 20
    write_parquet(Place(str(release.set)), "samples.parquet", pa.Table.from_pylist(rows, schema=table.schema))
    failed = release.failed()
    assert rows[at]["id"].hex() in failed["rejected near-copies"][0]
