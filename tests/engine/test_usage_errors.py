"""Ordinary mistakes on the command line end in one message with the place, what was found and what would be right."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from curation.datatrove_step import Datatrove
from recipes.engine import executors, file_systems
from recipes.engine.cli import app
from recipes.engine.errors import RecipeError

ROOT = Path(__file__).resolve().parents[2]


def refused(*args: str) -> str:
    """The message with which `seimai` refuses a command."""
    error = CliRunner().invoke(app, args).exception
    assert isinstance(error, RecipeError), error
    return str(error)


def test_an_unknown_scheme_and_one_that_needs_a_package_are_told_apart(monkeypatch):
    assert "no file system is called 'foo://'" in refused("check", "web_ja", "--in", "foo://bucket/x.warc.gz")

    real = file_systems.url_to_fs

    def absent(url: str):
        if "://" in url:
            raise ImportError("Please install it")
        return real(url)

    monkeypatch.setattr(file_systems, "url_to_fs", absent)
    message = refused("check", "web_ja", "--in", "s3://bucket/x.warc.gz")
    assert "source 'crawl': s3://bucket/x.warc.gz: s3:// needs s3fs: `uv run --extra s3" in message
    assert "`uv run --with gcsfs seimai …`" in refused("check", "web_ja", "--in", "gs://bucket/x.warc.gz")


def test_a_server_that_does_not_answer_is_one_line_with_the_url():
    message = refused("check", "web_ja", "--in", "http://127.0.0.1:9/x.warc.gz")
    assert "source 'crawl': http://127.0.0.1:9/x.warc.gz cannot be reached: " in message
    assert "\n" not in message


def test_an_out_that_is_a_file_or_lies_below_one(tmp_path):
    (tmp_path / "afile").touch()
    assert f"--out {tmp_path}/afile is a file" in refused("check", "quickstart", "--out", f"{tmp_path}/afile")
    below = refused("run", "quickstart", "--out", f"{tmp_path}/afile/x")
    assert below.startswith(f"--out {tmp_path}/afile/x: {tmp_path}/afile is a file")


def test_an_out_that_may_not_be_written_to(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path)
    assert f"{tmp_path} may not be written to" in refused("check", "quickstart", "--out", f"{tmp_path}/x")
    monkeypatch.undo()
    assert "--out /proc/x cannot be written to" in refused("run", "quickstart", "--out", "/proc/x")


def test_ray_and_slurm_are_named_when_they_are_not_installed(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert "`uv run --extra ray" in refused("check", "quickstart", "--on", "ray")
    (tmp_path / "cpu.yaml").write_text("partition: cpu\ntime: '20:00:00'\n")
    assert "no sbatch on PATH" in refused("plan", "quickstart", "--on", f"slurm:{tmp_path}/cpu.yaml")


@pytest.mark.parametrize(
    ("kind", "content", "said"),
    [
        ("slurm", "partition: cpu", "the key time must be given"),
        ("slurm", "tasks: 2", "the key 'tasks' is unknown"),
        ("slurm", "a: [1", "line 1, column 6: not YAML"),
        ("ray", "", "is no address; write HOST:PORT"),
    ],
)
def test_where_a_run_goes_is_checked_before_anything_else(tmp_path, kind, content, said):
    file = tmp_path / "cluster.yaml"
    file.write_text(content)
    with pytest.raises(RecipeError) as error:
        executors.backend(f"{kind}:{file}")
    assert str(file) in str(error.value)
    assert said in str(error.value)


def test_a_table_that_is_not_there_names_stage_step_and_key():
    message = refused("check", "quickstart", "--set", "measured.site_lines.table=nosuch")
    assert "stage 'measured', step 1 (site_lines): table: nosuch is not there" in message


def test_trafilatura_that_is_not_installed_is_refused_by_check(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    message = refused("check", "quickstart", "--set", "pages.main_text.engine=trafilatura")
    assert (
        "stage 'pages', step 3 (main_text): engine: trafilatura is not installed: `uv run --extra trafilatura"
        in message
    )


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import nosuch\n", "r.py, line 1: ModuleNotFoundError: No module named 'nosuch'"),
        ("x = 1\ny = (\n", "r.py, line 2: no Python: '(' was never closed"),
        (
            "from recipes.engine.spec import Recipe\nrecipe = Recipe(name='a')\n",
            "r.py, line 2: version: Field required",
        ),
    ],
)
def test_a_python_recipe_with_a_mistake_names_file_and_line(tmp_path, code, said):
    (tmp_path / "r.py").write_text(code)
    assert said in refused("check", str(tmp_path / "r.py"))


def test_a_python_recipe_takes_files_and_refuses_overrides(tmp_path):
    (tmp_path / "r.py").write_text(
        "from recipes.engine.spec import Recipe, SourceSpec, Stage\n"
        "recipe = Recipe(name='a', version='1', sources={'c': SourceSpec(licence='MIT')}, stages=[Stage(name='s', read='c')])\n"
    )
    assert "nosuch.warc.gz matches no file" in refused("check", str(tmp_path / "r.py"), "--in", "nosuch.warc.gz")
    assert "is a Python recipe" in refused("check", str(tmp_path / "r.py"), "--set", "version=2")


def test_a_datatrove_step_says_what_it_lacks(tmp_path, monkeypatch):
    (tmp_path / "own_filters.py").write_text("import nosuch_package\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(
        ValueError, match=r"step 'own_filters\.F' needs the package nosuch_package, which is not installed"
    ):
        Datatrove("own_filters.F")
    with pytest.raises(ValueError, match=r"no datatrove step 'own_filter\.F'"):
        Datatrove("own_filter.F")
    with pytest.raises(ValueError, match=r"arguments of datatrove step .*'banned'"):
        Datatrove("datatrove.pipeline.filters.LambdaFilter", {"banned": 1})


def test_the_version_is_printed():
    done = CliRunner().invoke(app, ["--version"])
    assert (done.exit_code, done.stdout.split()[0]) == (0, "seimai")


def test_a_benchmark_without_the_development_corpus_says_so_in_one_line(tmp_path):
    shutil.copytree(ROOT / "benchmarks", tmp_path / "checkout" / "benchmarks")
    script = tmp_path / "checkout" / "benchmarks" / "features.py"
    done = subprocess.run([sys.executable, str(script), "--quick"], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"this benchmark reads the development corpus, and {tmp_path}/shared/data has no truth.tsv, warc, scale: "
        "see docs/dev-corpus.md"
    ]
