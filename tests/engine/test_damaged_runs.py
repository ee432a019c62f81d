"""A finished run of which a file was cut off or changed: every command says which, and none ends in a traceback."""

import errno
import json
import os
import shutil
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from curation.shape import BadFile, shaped
from curation.shards import ShardError, ShardSet
from recipes.engine import execute
from recipes.engine.ending import end_clearly
from recipes.engine.errors import RunError
from recipes.engine.explain.command import explain
from recipes.engine.plan import make
from recipes.engine.report import write_report
from recipes.engine.run_folder import open_run
from recipes.engine.spec import Recipe, SourceSpec, Stage

sys.path.insert(0, str(Path(__file__).parent))  # modules of tests, which workers find by the same path
from test_runs import done, jsonl, pages, recipe


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    files = jsonl(folder / "in", {"a.jsonl.gz": pages(30)})
    done(recipe(files, ["nfkc"], ["text_stats"]), folder / "out", workers=1)
    return folder


@pytest.fixture
def run(finished, tmp_path):
    shutil.copytree(finished / "out", tmp_path / "out")
    return tmp_path / "out"


def changed(path, change) -> None:
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))


@pytest.mark.parametrize("content", ["", "{", '{"blocks": []', "[1]", "null", '"x"', "\x00"])
def test_a_run_json_that_was_cut_off_is_named(run, content):
    (run / "1" / "run.json").write_text(content)
    with pytest.raises(BadFile, match=r"1/run\.json: "):
        open_run(str(run / "1"))
    with pytest.raises(BadFile, match=r"1/run\.json: "):
        write_report(str(run))
    with pytest.raises(BadFile, match=r"1/run\.json: "):
        explain(str(run), "https://example.jp/3")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda m: m.pop("partitions"), "partitions must be there, found nothing"),
        (lambda m: m.update(partitions=3), "partitions must be a power of two, found 3"),
        (lambda m: m.update(rows_out=-1), "rows_out must be a count, found -1"),
        (lambda m: m.update(columns=["text", "of_tomorrow"]), "there is no column 'of_tomorrow'"),
        (lambda m: m.update(columns="text"), "columns must be a list, found 'text'"),
    ],
)
def test_a_manifest_that_says_what_cannot_be_is_named(run, change, said):
    changed(run / "1" / "measured" / "manifest.json", change)
    with pytest.raises(BadFile) as raised:
        ShardSet.open(str(run / "1" / "measured"))
    assert str(raised.value).startswith(f"{run}/1/measured/manifest.json: ")
    assert said in str(raised.value)


def test_a_task_that_names_a_file_elsewhere_is_not_followed(run):
    changed(
        run / "1" / "measured" / "tasks" / "00000.json",
        lambda t: t["files"][0].update(path="../../../../secret.parquet"),
    )
    with pytest.raises(ShardError, match=r"tasks/00000\.json: not the file that the set's manifest names"):
        list(ShardSet.open(str(run / "1" / "measured")).read(["text"]))
    changed(
        run / "1" / "measured" / "manifest.json", lambda m: m.pop("tree")
    )  # as of a set made before there were trees
    with pytest.raises(BadFile, match=r"tasks/00000\.json: files\.0\.path must be a path below its folder"):
        list(ShardSet.open(str(run / "1" / "measured")).read(["text"]))


def test_a_task_whose_manifest_a_power_cut_emptied_is_named_when_the_run_goes_on(tmp_path, finished, monkeypatch):
    class PowerCutError(Exception):
        """The moment."""

    def cut(*_: object) -> None:
        raise PowerCutError

    plan = make(recipe(f"{finished}/in/*.jsonl.gz", ["nfkc"], ["text_stats"]), "test.py", str(tmp_path))
    with monkeypatch.context() as power:
        power.setattr(execute, "finish_block", cut)
        with pytest.raises(PowerCutError):
            execute.run(plan, workers=1)
    (partial,) = (tmp_path / "stages").glob("pages-*.partial")
    (partial / "tasks" / "00000.json").write_text("")
    with pytest.raises(BadFile, match=r"tasks/00000\.json: no JSON"):
        execute.run(plan, workers=1)
    (partial / "work" / "00000.json").unlink()
    with pytest.raises(RunError, match="its work list is not whole: 0 of 1 tasks"):
        execute.run(plan, workers=1)


def test_a_shard_that_was_removed_is_named_with_what_to_do(run):
    shards = ShardSet.open(str(run / "1" / "measured"))
    name = shards.files()[0]
    (run / "1" / "measured" / name).unlink()
    with pytest.raises(
        ShardError, match=rf"measured/{name} is not there, .* remove {run}/1/measured and give the same"
    ):
        list(shards.read(["text"]))


def test_sets_whose_manifests_were_removed_are_made_anew(run, finished):
    first = json.loads((run / "1" / "measured" / "manifest.json").read_text())
    for manifest in [*run.glob("stages/*/manifest.json"), run / "1" / "measured" / "manifest.json"]:
        manifest.unlink()
    again = done(recipe(f"{finished}/in/*.jsonl.gz", ["nfkc"], ["text_stats"]), run, workers=1)
    assert again["content"] == first["content"]


@pytest.mark.parametrize(("number", "said"), [(errno.ENOSPC, "the disk is full; free"), (errno.EROFS, "read-only")])
def test_what_the_machine_refuses_is_said_in_one_line(capsys, number, said):
    def refused(**_):
        raise OSError(number, os.strerror(number), "out/1/run.json")

    with pytest.raises(SystemExit) as ended:
        end_clearly(refused)
    assert ended.value.code == 1
    told = capsys.readouterr().err
    assert told.startswith("RunError: out/1/run.json: ")
    assert said in told
    assert told.count("\n") == 1


def test_the_command_says_it_in_one_line(run, monkeypatch, capsys):
    from recipes.engine import cli

    (run / "1" / "run.json").write_text("{")
    monkeypatch.setattr("sys.argv", ["seimai", "report", str(run)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert said.startswith("BadFile: ")
    assert said.count("\n") == 1
    assert CliRunner().invoke(cli.app, ["--help"]).exit_code == 0


def test_a_shape_names_the_place():
    for value, shape, said in (
        ({"a": [{"b": -1}]}, {"a": [{"b": int}]}, "f: a.0.b must be a count, found -1"),
        ({"a": True}, {"a": int}, "f: a must be a count, found True"),
        ({"a": {"x": "1"}}, {"a": {str: int}}, "f: a.x must be a count, found '1'"),
        ([], {"a": int}, "f: the whole must be names with values, found []"),
    ):
        with pytest.raises(BadFile) as raised:
            shaped(value, shape, "f")
        assert str(raised.value).startswith(said)
    assert shaped({}, {"a?": int}, "f") == {}


def test_broken_rows_of_pages_and_of_tables_stand_in_one_report(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "よい行です"}\nno line\n')
    (tmp_path / "a.warc").write_bytes(b"WARC/1.0\r\nWARC-Type: response\r\n\r\n" + "米".encode() * 90)
    sources = {name: SourceSpec(files=[f"{tmp_path}/a.{name}"], licence="CC0-1.0") for name in ("jsonl", "warc")}
    stages = [
        Stage(name="pages", read="warc", steps=["decode", "main_text"]),
        Stage(name="texts", read="jsonl", steps=[]),
        Stage(name="curated", read=["pages", "texts"], steps=[]),
    ]
    made = Recipe(name="test/both", version="1", partitions=2, sources=sources, stages=stages)
    assert done(made, tmp_path / "out", workers=1)["rows_out"] == 1
    assert "record_broken" in Path(write_report(str(tmp_path / "out"))).read_text()


def test_a_release_that_no_block_is_is_named(run):
    changed(run / "1" / "run.json", lambda about: about.update(release="nowhere"))
    with pytest.raises(
        BadFile, match=r"run\.json: release must be one of its blocks \(pages, measured.*\), found 'nowhere'"
    ):
        open_run(str(run))
