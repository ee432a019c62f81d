"""An object store that refuses, two writers of one set, uploads that nobody completes; and commands over a run that lies there."""

import gc
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from curation.place import Place
from curation.shards import ShardSet
from curation.work_list import publish
from recipes.engine import cli

sys.path.insert(0, str(Path(__file__).parent))
from test_s3 import ROOT, content, lake, released, started, store, tell, well  # noqa: F401

IN = "s3://lake/in/*.jsonl.gz"


def command(folder: Path, *words: str, port: int = 0) -> tuple[int, str]:
    """What a command says, and its exit status."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "tests" / "engine"), str(ROOT)])}
    env |= {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"} if port else {}
    command = [sys.executable, "-m", "recipes.engine.cli", *words]
    ended = subprocess.run(command, capture_output=True, text=True, env=env, cwd=folder, timeout=300)
    return ended.returncode, ended.stdout + ended.stderr


def here(capsys, *words: str) -> tuple[int, str]:
    """A command in this process."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "argv", ["seimai", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
    told = capsys.readouterr()
    return int(ended.value.code or 0), told.out + told.err


def uploads(fs) -> list[str]:
    """Keys of uploads that were begun and not completed."""
    return [one["Key"] for one in fs.call_s3("list_multipart_uploads", Bucket="lake").get("Uploads", ())]


def test_a_bucket_that_is_not_there_is_told_and_not_made(store, tmp_path):  # noqa: F811
    status, said = command(tmp_path, "run", "made.py", "--in", IN, "--out", "s3://leak/out", "--workers", "2")
    assert (status, "--out s3://leak/out cannot be written to" in said, "bucket" in said) == (2, True, True), said
    assert not lake().exists("leak")


def test_a_store_that_may_not_be_written_to_is_told_before_the_first_task(store, tmp_path):  # noqa: F811
    tell(store, "refuse/AccessDenied/PUT")
    words = ("run", "made.py", "--in", IN, "--out", "s3://lake/out", "--workers", "2")
    status, said = command(tmp_path, *words, port=store["unsteady"])
    assert status == 2
    assert re.search(r"RecipeError: --out s3://lake/out cannot be written to: PermissionError: AccessDenied", said), (
        said
    )
    assert "Traceback" not in said


def test_a_token_that_expires_on_the_way_ends_the_run_once_and_rejects_no_row(store, tmp_path):  # noqa: F811
    going = started(tmp_path, "s3://lake/out", IN, store["unsteady"], SLOW="3", FSSPEC_S3="{}")
    end = time.monotonic() + 120
    while not lake().glob("lake/out/stages/pages-*/layout.json"):
        assert time.monotonic() < end
        time.sleep(0.3)
    before = tell(store, "refuse/ExpiredToken/GET,PUT,POST,HEAD")
    said, _ = going.communicate(timeout=120)
    assert going.returncode == 1, said
    assert "RunError: a store did not do what it was asked (PermissionError: " in said, said
    assert "Traceback" not in said
    assert "planted-" not in said
    assert tell(store, "allow")["refused"] - before["refused"] < 60
    well(started(tmp_path, "s3://lake/out", IN, store["steady"], SLOW="3"))
    assert released(lake())["content"] == content(tmp_path)
    assert not released(lake())["rejected"].get("record_broken")


def test_two_runs_into_one_place_leave_one_whole_set_and_no_parts_of_uploads(store, tmp_path):  # noqa: F811
    for key in ("out/1/measured/data/00000/00000.000.parquet", "of-others/big.bin"):
        lake().call_s3("create_multipart_upload", Bucket="lake", Key=key)
    two = [started(tmp_path, "s3://lake/out", IN, store["steady"], SLOW="0.5") for _ in range(2)]
    said = [one.communicate(timeout=300)[0] for one in two]
    assert 0 in [one.returncode for one in two], said
    well(started(tmp_path, "s3://lake/out", IN, store["steady"], SLOW="0.5"))
    assert released(lake())["content"] == content(tmp_path)
    _, told = command(tmp_path, "verify", "s3://lake/out/1/measured", "--k", "4")
    assert "files: " in told, told
    assert not re.search("SHA-256|no manifest names it|is not there", told), told
    assert uploads(lake()) == ["of-others/big.bin"]


def test_an_upload_that_failed_or_was_let_go_leaves_neither_object_nor_parts(store):  # noqa: F811
    place = Place("s3://lake/half")

    def failing(name: str, size: int) -> None:
        with place.create(name) as file:
            file.write(bytes(size))
            raise ValueError("no more")

    for name, size in (("large.bin", 60 << 20), ("small.bin", 1)):
        with pytest.raises(ValueError, match="no more"):
            failing(name, size)
    file = place.create("let_go.bin")
    file.write(bytes(60 << 20))
    del file
    gc.collect()
    assert not lake().exists("lake/half")
    assert uploads(lake()) == []


def comes_back_from_the_dead() -> None:
    """A task of a finished set is done once more, by a process that was taken for dead: that changes nothing."""
    fs = lake()
    (folder,) = fs.glob("lake/out/stages/pages-*")
    place = Place(f"s3://{folder}")
    first = place.read_json("tasks/00000.json")
    fs.pipe_file(f"{folder}/data/00000/00000-9.000.parquet", b"PAR1")
    late = first | {"seconds": 9.0, "rest": [[]], "files": [{"path": "data/00000/00000-9.000.parquet", "partition": 0}]}
    assert publish(place, 0, late) == 0
    assert place.read_json("tasks/00000.json") == first
    assert not lake().exists(f"{folder}/data/00000/00000-9.000.parquet")
    assert sum(b.num_rows for b in ShardSet.open(place.url).read(["id"])) == 160


def test_commands_over_a_run_in_a_store_work_or_say_what_must_lie_on_a_disk(store, tmp_path, monkeypatch, capsys):  # noqa: F811
    well(started(tmp_path, "s3://lake/out", IN, store["steady"]))
    comes_back_from_the_dead()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    wrong = []
    for words, wanted, expected in (
        (("plan", "made.py", "--in", IN, "--out", "s3://lake/out"), 0, "measured"),
        (("report", "s3://lake/out", "--public"), 0, "s3://lake/out/1/public.html"),
        (("report", "s3://lake/out"), 0, "s3://lake/out/1/report.html"),
        (("explain", "s3://lake/out", "https://example.jp/7"), 0, "https://example.jp/7"),
        (("verify", "s3://lake/out", "--k", "4"), 0, "every check passed"),
        (("forget", "s3://lake/out", "--url", "https://example.jp/8", "--reason", "asked", "--by", "me"), 0, "1 released pages"),
        (("index", "add", "s3://lake/index", "s3://lake/out"), 0, "generation 0"),
        (("ledger", "new", "s3://lake/ledger", "--k", "4"), 0, "K = 4"),
        (("status", "s3://lake/out"), 2, "must lie on a disk"),
        (("label", "sample", "s3://lake/out", "--out", "s3://lake/a.jsonl"), 2, "--out: s3://lake/a.jsonl: must lie on a disk"),
        (("mix", "s3://lake/budget.json", "--out", "mixed"), 2, "plan: s3://lake/budget.json: must lie on a disk"),
        (("run", "s3://lake/recipe.yaml"), 2, "recipe: s3://lake/recipe.yaml: must lie on a disk"),
    ):  # fmt: skip
        status, said = here(capsys, *words)
        if (status, expected in said, "Traceback" in said) != (wanted, True, False):
            wrong.append((words, status, said))
    assert not wrong
    assert not list(tmp_path.glob("s3:*"))
    assert json.loads(lake().cat_file("lake/out/forgotten.json"))["through"] == 1
