"""A generation that is killed again and again: every row once in the end, and nothing asked that had been stored."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from faulty_server import FaultyServer

from synth.engine.request import Completion
from synth.engine.store import Store

ROOT = Path(__file__).resolve().parents[2]
PROMPTS, N = 120, 3


def start(url: str, folder: Path) -> subprocess.Popen:
    """The run as a process group of its own."""
    words = [sys.executable, str(Path(__file__).with_name("task_on_trial.py")), url, str(folder), str(PROMPTS), str(N)]
    paths = {"PYTHONPATH": str(ROOT)}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(words, cwd=ROOT, env=os.environ | paths, start_new_session=True, **quiet)


def rows(folder: Path) -> list[dict]:
    return [row for path in sorted((folder / "rows").glob("*.parquet")) for row in pq.read_table(path).to_pylist()]


def stored(folder: Path) -> set[str]:
    """What the store holds, as the server names it: prompt and seed."""
    store = Store(folder / "store")
    found = {f"{a.text.removeprefix('answer to ').partition(' with ')[0]}|{a.seed}" for a in store.answers()}
    assert all(isinstance(a, Completion) for a in store.answers())
    store.close()
    return found


@pytest.mark.parametrize("kills", [4, pytest.param(20, marks=pytest.mark.nightly)])
def test_a_run_killed_again_and_again_asks_nothing_twice_and_loses_nothing(tmp_path, kills):
    rng = random.Random(5)
    with FaultyServer(delay=0.05) as server:
        killed, frozen = 0, {}
        while killed < kills:
            process = start(server.url, tmp_path)
            before, began = sum(server.asked.values()), time.monotonic()
            wanted = before + rng.randrange(1, 12)  # killed somewhere between its next requests
            while sum(server.asked.values()) < wanted and process.poll() is None and time.monotonic() - began < 30:
                time.sleep(0.001)
            time.sleep(rng.random() * 0.06)
            assert process.poll() is None, "the run must not end before it was killed often enough"
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            killed += 1
            assert all(server.asked[name] == count for name, count in frozen.items()), (
                "asked again although it was stored"
            )
            frozen = {name: server.asked[name] for name in stored(tmp_path)}
        assert start(server.url, tmp_path).wait(120) == 0
        assert all(server.asked[name] == count for name, count in frozen.items()), "asked again although it was stored"
    finished = rows(tmp_path)
    prompts = [f"prompt {i // 2 if i % 10 == 0 else i}" for i in range(PROMPTS)]
    assert len(finished) == PROMPTS * N
    assert len({(r["answer"], r["sample"]) for r in finished}) == len(set(prompts)) * N
    assert all(r["answer"].endswith(f"with {r['seed']}") for r in finished)


def test_the_same_store_gives_the_same_rows(tmp_path):
    with FaultyServer() as server:
        made, asked = [], []
        for _ in range(2):
            assert start(server.url, tmp_path).wait(120) == 0
            made.append(rows(tmp_path))
            asked.append(sum(server.asked.values()))
            for path in [*(tmp_path / "rows").glob("*"), *(tmp_path / "log").rglob("*")]:
                if path.is_file():
                    path.unlink()
    assert made[0] == made[1]
    assert asked[0] == asked[1], "the second run asked nothing"
    assert len(made[0]) == PROMPTS * N
