"""`seimai verify RELEASE`: planted faults are found by code that did not write the release."""

from pathlib import Path

import orjson
import pyarrow.parquet as pq
import pytest

from annotation.errors import ReleaseError
from annotation.release.check import check_released
from annotation.release.documents import Documents
from annotation.release.formats import formats
from annotation.release.formats.format import table
from annotation.release.make import Order, make
from annotation.release.sources import open_source
from recipes.engine.recipe_file import POLICY
from recipes.engine.verify.command import verify
from synth.obligations import Target
from synth.policy_file import load_policy
from tests.release.made_sets import CASES, CONTACT, every_case, generated


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A sound release."""
    every_case(tmp_path, ["trl_sft", "trl_dpo", "nemo_rl_sft"], splits={"validation": 0.4})
    return tmp_path / "out"


def problems(out: Path) -> dict[str, list[str]]:
    """What each failed check says."""
    return {check.name: check.problems for check in check_released(str(out)) if not check.passed}


def edited(out: Path, file: str, change) -> None:
    """A Parquet file changed, and every hash that names it made anew, as whoever can write the folder would."""
    import hashlib

    path = out / file
    held = pq.read_table(path)
    pq.write_table(table(change(held.to_pylist()), held.schema), path)
    for listing in (out / "manifest.json", *out.glob("shards/*/tasks/*.json")):
        said = orjson.loads(listing.read_bytes())
        below = listing.parent.parent if listing.parent.name == "tasks" else out
        for one in _files(said):
            if below / one["path"] == path:
                one["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
        listing.write_bytes(orjson.dumps(said))


def _files(said):
    if isinstance(said, dict):
        if "sha256" in said and "path" in said:
            yield said
        for value in said.values():
            yield from _files(value)
    elif isinstance(said, list):
        for value in said:
            yield from _files(value)


def test_a_sound_release_passes_every_check(out: Path, capsys: pytest.CaptureFixture):
    assert verify(str(out), None, None, None, None, None)
    assert "every check passed" in capsys.readouterr().out


def test_changed_missing_and_stray_files_are_named(out: Path):
    with (out / "trl_dpo" / "train-00000.parquet").open("ab") as file:
        file.write(b"x")
    (out / "nemo_rl_sft" / "validation-00000.jsonl").unlink()
    (out / "trl_sft" / "extra.txt").write_text("x")
    found = problems(out)["files"]
    assert [line.split(":")[0] for line in found] == [
        "trl_dpo/train-00000.parquet", "nemo_rl_sft/validation-00000.jsonl", "trl_sft/extra.txt",
    ]  # fmt: skip


def test_a_row_moved_into_another_split_is_found(out: Path):
    chat = next((out / "shards" / "chat").rglob("data/*/*.parquet")).relative_to(out)

    def moved(rows: list[dict]) -> list[dict]:
        row = next(r for r in rows if r["split"] == "validation")
        return [{**r, "split": "train"} if r is row else r for r in rows]

    edited(out, str(chat), moved)
    found = problems(out)
    assert any("content is" in line for line in found["sums"])
    assert any("its row is in train" in line for line in found["formats"])


def test_a_denied_row_and_a_dropped_one_are_found(out: Path):
    chat = next((out / "shards" / "chat").rglob("data/*/*.parquet")).relative_to(out)
    edited(out, str(chat), lambda rows: [{**rows[0], "licence_status": "deny"}, *rows[2:]])
    found = problems(out)
    assert found["sums"][0] == "chat: rows_out is 7, the rows say 6"
    assert any("is denied" in line for line in found["authors and licences"])


def test_a_trainers_row_that_is_there_twice_or_gone_is_found(out: Path):
    edited(out, "trl_dpo/train-00000.parquet", lambda rows: [rows[0], *rows[:-1]])
    found = problems(out)["formats"]
    assert any("is there twice" in line for line in found)
    assert any(line.startswith("trl_dpo: 4 rows are written or left out, of 5") for line in found)


def test_on_object_storage_the_manifest_decides(tmp_path: Path):
    """A file system without atomic renames: what has no manifest is overwritten, what has one never is."""
    import fsspec

    url = f"memory://{tmp_path.name}/out"
    fsspec.filesystem("memory").pipe(f"/{tmp_path.name}/out/trl_sft/train-00000.parquet", b"cut off")
    source = open_source(str(generated(tmp_path / "instruct", list(CASES.values()))), "set", Documents())
    target = Target("trial", "train_internal", publish=False)
    order = Order("trial", "1", [source], formats(["trl_sft"]), target, load_policy(POLICY), CONTACT, "2026-11-26")
    assert make(order, url)["rows_out"] == 7
    assert all(check.passed for check in check_released(url))
    with pytest.raises(ReleaseError, match="is there already"):
        make(order, url)
