"""Processes of a local run that are killed: noticed at once, replaced, and none left behind."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import multiprocess
import pytest

from curation.place import Place
from recipes.engine import workers
from recipes.engine.errors import RunError
from recipes.engine.plan import make
from recipes.engine.workers import Workers

sys.path.insert(0, str(Path(__file__).parent))
from steps_on_trial import Slow, StoreFails
from test_runs import accounted, done, jsonl, pages, recipe

ROOT = Path(__file__).resolve().parents[2]
RECIPE = """\
from steps_on_trial import Slow
from recipes.engine.spec import Recipe, SourceSpec, Stage

recipe = Recipe(
    name="test/slow", version="1", sources={"crawl": SourceSpec(files=["in/*.jsonl.gz"], licence="CC0-1.0")},
    stages=[Stage(name="pages", read="crawl", steps=[Slow(30.0)])],
)
"""


class Nothing:
    """Stands in for an executor: tasks that are done at once."""

    pipeline: tuple = ()

    def _run_for_rank(self, rank: int, local_rank: int = 0) -> None:
        return None


class Signals:
    """Stands in for an executor whose task sends itself a signal, as long as the file `flag` is there; the file is then removed."""

    pipeline: tuple = ()

    def __init__(self, sent: int, flag: Path | None = None):
        self.sent, self.flag = sent, flag

    def _run_for_rank(self, rank: int, local_rank: int = 0) -> None:
        if self.flag is None or self.flag.exists():
            if self.flag is not None:
                self.flag.unlink()
            os.kill(os.getpid(), self.sent)


def of_session(session: int) -> list[int]:
    """Living processes of a session."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(int(path.parent.name))
    return found


def test_a_worker_that_is_killed_while_it_has_nothing_to_do_is_replaced():
    with Workers(2) as pool:
        pool.run(Nothing(), [0, 1, 2, 3], lambda now, done: None)
        victim = multiprocess.active_children()[0]
        os.kill(victim.pid, signal.SIGKILL)
        victim.join(10)
        began = time.monotonic()
        pool.run(Nothing(), [0, 1, 2, 3], lambda now, done: None)
        assert time.monotonic() - began < 120


def test_a_worker_that_is_stopped_counts_as_dead_and_this_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "PAUSED_SECONDS", 2.0)
    (tmp_path / "flag").touch()
    said: list[str] = []
    with Workers(1, said.append) as pool:
        pool.run(Signals(signal.SIGSTOP, tmp_path / "flag"), [0], lambda now, done: None)
    assert said == ["task 0: its process was stopped (SIGSTOP) for 2 s; it begins again, in a fresh one"]


def test_workers_that_the_system_kills_say_what_that_may_mean():
    with Workers(1) as pool, pytest.raises(RunError, match=r"was killed \(SIGKILL: .*out of memory.*\), 3 times"):
        pool.run(Signals(signal.SIGKILL), [0], lambda now, done: None)


def test_a_worker_that_is_killed_in_the_middle_of_a_task_is_noticed_within_seconds(tmp_path):
    files = jsonl(tmp_path / "in", {"a.jsonl.gz": pages(3), "b.jsonl.gz": pages(3, 3)})
    calm = done(recipe(files, [Slow(0.0)], []), tmp_path / "calm")

    def kill() -> None:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            busy = list((tmp_path / "out").glob("stages/*.partial/logs/*.log"))
            if busy and (children := multiprocess.active_children()):
                os.kill(children[0].pid, signal.SIGKILL)
                return
            time.sleep(0.1)

    killer = threading.Thread(target=kill)
    killer.start()
    began = time.monotonic()
    rough = done(recipe(files, [Slow(5.0)], []), tmp_path / "out")
    killer.join()
    assert rough["content"] == calm["content"]
    assert time.monotonic() - began < 300, "a killed worker's task begins again at once, not after a fuse"
    accounted(tmp_path / "out")


def test_workers_of_a_run_that_was_killed_end_by_themselves(tmp_path):
    jsonl(tmp_path / "in", {"a.jsonl.gz": pages(3), "b.jsonl.gz": pages(3, 3)})
    (tmp_path / "slow.py").write_text(RECIPE)
    command = [sys.executable, "-m", "recipes.engine.cli", "run", "slow.py", "--out", "out", "--workers", "2"]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "tests" / "engine"), str(ROOT)])}
    run = subprocess.Popen(
        command, cwd=tmp_path, env=env, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    end = time.monotonic() + 60
    while len(list(tmp_path.glob("out/stages/*.partial/logs/*.log"))) < 2:
        assert time.monotonic() < end
        time.sleep(0.2)
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    end = time.monotonic() + 10
    while left := of_session(run.pid):
        assert time.monotonic() < end, left
        time.sleep(0.2)


def test_a_set_whose_run_was_killed_before_it_took_its_name_is_finished(tmp_path):
    files = jsonl(tmp_path / "in", {"a.jsonl.gz": pages(3)})
    made = recipe(files, ["text_stats"], [])
    first = done(made, tmp_path / "out")
    block = Path(make(made, "test.py", str(tmp_path / "out")).blocks[0].url)
    os.rename(block, f"{block}.partial")
    (tmp_path / "out" / "1" / "run.json").unlink()
    before = json.loads((Path(f"{block}.partial") / "manifest.json").read_text())
    assert done(made, tmp_path / "out")["content"] == first["content"]
    assert json.loads((block / "manifest.json").read_text()) == before


def test_half_written_files_of_a_killed_process_are_no_files(tmp_path):
    place = Place(str(tmp_path / "set"))
    place.write_json("tasks/00000.json", {})
    with place.create("tasks/00001.json") as file:
        file.write(b"{")
        with place.create("tasks/00001.json") as other:  # of a task that was taken for dead
            other.write(b"{}")
        assert place.names("tasks") == ["00000.json", "00001.json"]
        assert place.read_json("tasks/00001.json") == {}
        file.write(b"}")
    assert place.read_json("tasks/00001.json") == {}
    assert sorted(p.name for p in (tmp_path / "set" / "tasks").iterdir()) == ["00000.json", "00001.json"]


def test_a_task_that_a_store_failed_is_tried_three_times_and_one_that_it_refuses_once(tmp_path):
    files = jsonl(tmp_path / "in", {"a.jsonl.gz": [*pages(3), ("x", "遅延するページ")], "b.jsonl.gz": pages(3, 4)})
    assert done(recipe(files, [StoreFails(2)]), tmp_path / "twice")["rows_out"] == 7
    accounted(tmp_path / "twice")
    with pytest.raises(RunError, match=r"^a store did not do what it was asked \(TimeoutError: SlowDown\)"):
        done(recipe(files, [StoreFails(3)]), tmp_path / "thrice")
    with pytest.raises(RunError, match=r"^a store .* \(PermissionError: The provided token has expired\.\)"):
        done(recipe(files, [StoreFails(1, refuses=True)]), tmp_path / "refused")
