"""Runs on a real Ray of two nodes, in a network namespace that has only lo: the rows of a local run, whatever is killed on the way.

Ray joins a cluster by the machine's own address even where 127.0.0.1 is asked for, so all of it lives in the namespace.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))
from test_runs import accounted, jsonl, pages

ROOT = Path(__file__).resolve().parents[2]
PORT, READY = 6499, 240.0
RECIPE = """\
import os
from steps_on_trial import DieOnce, Raise, Slow
from recipes.engine.spec import Recipe, SourceSpec, Stage

made = [Slow(float(os.environ.get("SLOW", "0"))), Raise(os.environ.get("FLAG", "/nowhere")), DieOnce()]
recipe = Recipe(
    name="test/ray", version="1", partitions=4, sources={"crawl": SourceSpec(files=["in/*.jsonl.gz"], licence="CC0-1.0")},
    stages=[Stage(name="pages", read="crawl", steps=made), Stage(name="measured", read="pages", steps=["text_stats"])],
)
"""


def until(found: Callable[[], Any], seconds: float = READY) -> Any:
    """What `found` gives as soon as it is something."""
    end = time.monotonic() + seconds
    while not (what := found()):
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.3)
    return what


@dataclass
class Ray:
    """The cluster: a namespace, and the commands that hold its nodes."""

    name: str
    folder: Path
    nodes: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def inside(self, *command: str) -> list[str]:
        """A command that runs in the namespace."""
        return ["ip", "netns", "exec", self.name, *command]

    def start(self, head: bool) -> None:
        """Starts a node, whose command stays as long as it does."""
        ray = str(Path(sys.executable).with_name("ray"))
        where = (
            ["--head", f"--port={PORT}", "--include-dashboard=false", f"--temp-dir={self.folder}/ray"] if head else []
        )
        where += [] if head else [f"--address=127.0.0.1:{PORT}"]
        limits = ["--num-cpus=1", "--memory=2000000000", "--object-store-memory=100000000", "--disable-usage-stats"]
        command = [ray, "start", "--block", "--node-ip-address=127.0.0.1", *where, *limits]
        env = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0"}
        with (self.folder / f"node-{len(self.nodes)}.log").open("ab") as log:
            made = subprocess.Popen(self.inside(*command), stdout=log, stderr=log, env=env, start_new_session=True)
        self.nodes.append(made)

    def living(self) -> list[tuple[int, str]]:
        """Processes in the namespace and their command lines."""
        listed = subprocess.run(["ip", "netns", "pids", self.name], capture_output=True, text=True, check=True)
        found = []
        for pid in listed.stdout.split():
            with contextlib.suppress(OSError):
                found.append((int(pid), Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()))
        return found

    def pids(self, word: str) -> list[int]:
        """Processes whose command line holds a word."""
        return [pid for pid, line in self.living() if word in line]

    def seimai(self, recipe: Path, out: Path | str, port: int = PORT, **env: str) -> "subprocess.Popen[str]":
        """A run on the cluster, running."""
        command = [
            sys.executable,
            "-m",
            "recipes.engine.cli",
            "run",
            str(recipe),
            "--out",
            str(out),
            "--on",
            f"ray:127.0.0.1:{port}",
        ]
        paths = os.pathsep.join([str(ROOT / "tests" / "engine"), str(ROOT)])
        environment = {**os.environ, "PYTHONPATH": paths, "RAY_USAGE_STATS_ENABLED": "0", **env}
        return subprocess.Popen(
            self.inside(*command),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
            cwd=recipe.parent,
        )


@pytest.fixture(scope="module")
def ray(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ray]:
    """The cluster, for as long as this file's tests run; exactly the processes of its namespace end with it."""
    if "SEIMAI_RAY_TESTS" not in os.environ:
        pytest.skip("a real Ray is started by `uvx nox -s ray`")
    made = Ray(f"seimai-{os.getpid()}", tmp_path_factory.mktemp("r"))
    subprocess.run(["ip", "netns", "add", made.name], check=True)
    try:
        subprocess.run(made.inside("ip", "link", "set", "lo", "up"), check=True)
        made.start(head=True)
        until(lambda: made.pids("gcs_server") and made.pids("raylet "))
        time.sleep(2)
        made.start(head=False)
        until(lambda: len(made.pids("/raylet/raylet ")) == 2)
        yield made
    finally:
        for _ in range(3):
            for pid, _line in made.living():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.5)
        for node in made.nodes:
            node.wait(10)
        subprocess.run(["ip", "netns", "del", made.name], check=True)


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """A recipe of six files, and the content that a local run of it has."""
    jsonl(tmp_path / "in", {f"{i}.jsonl.gz": pages(5, 5 * i) for i in range(6)})
    (tmp_path / "made.py").write_text(RECIPE)
    return tmp_path / "made.py"


def content(out: Path) -> str:
    return json.loads((out / "1" / "measured" / "manifest.json").read_text())["content"]


def local(recipe: Path) -> str:
    """Content of the recipe's rows as this machine makes them."""
    out = recipe.parent / "calm"
    command = [sys.executable, "-m", "recipes.engine.cli", "run", str(recipe), "--out", str(out), "--workers", "2"]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "tests" / "engine"), str(ROOT)])}
    subprocess.run(command, check=True, env=env, capture_output=True, cwd=recipe.parent)
    return content(out)


def well(run: "subprocess.Popen[str]") -> None:
    """The run ends, and well."""
    said, _ = run.communicate(timeout=300)
    assert run.returncode == 0, said


def test_two_nodes_release_the_rows_of_a_local_run(ray, recipe):
    well(ray.seimai(recipe, recipe.parent / "out"))
    assert content(recipe.parent / "out") == local(recipe)


def test_a_killed_worker_is_replaced_and_its_task_run_again(ray, recipe):
    run = ray.seimai(recipe, recipe.parent / "out", SLOW="5")
    os.kill(until(lambda: ray.pids("ray::run_rank"))[0], signal.SIGKILL)
    well(run)
    assert content(recipe.parent / "out") == local(recipe)
    accounted(recipe.parent / "out")


def test_a_task_that_raises_ends_the_run_with_its_words(ray, recipe):
    jsonl(recipe.parent / "in", {"0.jsonl.gz": [("0", "ここで例外が起きる。")]})
    (recipe.parent / "flag").touch()
    run = ray.seimai(recipe, recipe.parent / "out", FLAG=str(recipe.parent / "flag"))
    said, _ = run.communicate(timeout=300)
    assert run.returncode == 1
    assert re.search(r"RunError: task \d: ValueError: a bug in a step", said), said
    assert not (recipe.parent / "out" / "1" / "measured").exists()


def test_a_task_that_keeps_dying_is_named(ray, recipe):
    text = RECIPE.replace("DieOnce()", "DieOnce(9)")
    recipe.write_text(text)
    jsonl(recipe.parent / "in", {"3.jsonl.gz": [("0", "即死するページ。")]})
    said, _ = (run := ray.seimai(recipe, recipe.parent / "out")).communicate(timeout=300)
    assert run.returncode == 1
    assert re.search(
        r"RunError: pages, task \d: its process or its node ended \(WorkerCrashedError\), 3 times", said
    ), said


def test_keys_reach_the_tasks_and_stand_in_nothing_that_ray_keeps(ray, recipe, monkeypatch):
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
    keys = {"AWS_ACCESS_KEY_ID": "planted-key-44d1", "AWS_SECRET_ACCESS_KEY": "planted-secret-0b7e"}
    keys |= {"AWS_ENDPOINT_URL": "http://127.0.0.1:5599", "AWS_DEFAULT_REGION": "us-east-1", "NO_PROXY": "127.0.0.1"}
    keys["FSSPEC_S3"] = '{"secret": "planted-secret-0b7e", "key": "planted-key-44d1"}'
    moto = ray.inside(sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "5599")
    server = subprocess.Popen(moto, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    look = "import s3fs, sys; fs = s3fs.S3FileSystem(); fs.mkdir('lake') if sys.argv[1:] else "
    look += "print(fs.cat('lake/out/1/measured/manifest.json').decode())"
    inside = {"env": {**os.environ, **keys}, "capture_output": True, "text": True}
    try:
        until(lambda: subprocess.run(ray.inside(sys.executable, "-c", look, "made"), **inside).returncode == 0)
        run = ray.seimai(recipe, "s3://lake/out", **keys)
        said, _ = run.communicate(timeout=300)
        assert run.returncode == 0, said
        told = subprocess.run(ray.inside(sys.executable, "-c", look), check=True, **inside).stdout
    finally:
        server.kill()
        server.wait(10)
    assert json.loads(told)["content"] == local(recipe)
    kept = [p for p in ray.folder.rglob("*") if p.is_file() and not p.is_symlink() and b"planted-" in p.read_bytes()]
    assert (kept, "planted-" in said, "planted-" in told) == ([], False, False)


def test_a_wrong_address_is_told_at_once(ray, recipe):
    said, _ = (run := ray.seimai(recipe, "out", port=9)).communicate(timeout=60)
    assert run.returncode == 2
    assert "RecipeError: --on ray:127.0.0.1:9: no Ray cluster answers there ([Errno 111] Connection refused)" in said


def test_ctrl_c_ends_the_tasks_too_and_the_same_command_goes_on(ray, recipe):
    """Its --out is relative, and nodes were started elsewhere."""
    run = ray.seimai(recipe, "out", SLOW="60")
    until(lambda: len(ray.pids("ray::run_rank")) == 2)
    run.send_signal(signal.SIGINT)
    said, _ = run.communicate(timeout=60)
    assert (run.returncode, "stopped; the same command goes on from here" in said) == (130, True), said
    until(lambda: not ray.pids("ray::run_rank"), 20)
    well(ray.seimai(recipe, "out"))
    assert content(recipe.parent / "out") == local(recipe)


def test_a_stage_that_needs_what_no_node_has_says_so(ray, recipe):
    recipe.write_text(RECIPE.replace('steps=["text_stats"]', 'steps=["text_stats"], needs="gpu"'))
    run = ray.seimai(recipe, "out")
    assert run.stdout is not None
    until(lambda: "measured: waits: no node of the cluster has a GPU" in run.stdout.readline())
    run.send_signal(signal.SIGINT)
    run.communicate(timeout=60)
    assert run.returncode == 130


def test_a_lost_node_costs_time_and_no_row(ray, recipe):
    run = ray.seimai(recipe, recipe.parent / "out", SLOW="5")
    until(lambda: len(ray.pids("ray::run_rank")) == 2)
    second = max(ray.pids("/raylet/raylet "))
    os.kill(second, signal.SIGKILL)
    well(run)
    assert content(recipe.parent / "out") == local(recipe)
    accounted(recipe.parent / "out")
    ray.start(head=False)
    until(lambda: len(ray.pids("/raylet/raylet ")) == 2)


def test_a_head_that_is_gone_ends_the_run(ray, recipe):
    """The last test: no cluster is left after it."""
    run = ray.seimai(recipe, "out", SLOW="600")
    until(lambda: len(ray.pids("ray::run_rank")) == 2)
    os.kill(ray.pids("gcs_server")[0], signal.SIGKILL)
    said, _ = run.communicate(timeout=240)
    assert run.returncode == 1, said
    assert "pages: the cluster's head does not answer" in said, said
