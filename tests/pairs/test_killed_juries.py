"""Juries that are killed again and again while they ask, beside one that nobody touched."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from judging_server import longer, the_first

from synth.engine.store import Store

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import sys
from pathlib import Path
from recipes.engine import execute, plan, recipe_file
from recipes.engine.progress import Progress
if __name__ == "__main__":
    path = Path(sys.argv[1])
    made = plan.make(recipe_file.load(path), path.name, str(path.parent / "out"), base=path.parent)
    execute.run(made, workers=2, progress=Progress(1, open("/dev/null", "w")), generators=2)
"""


@pytest.mark.parametrize("kills", [3, pytest.param(15, marks=pytest.mark.nightly)])
def test_a_jury_killed_again_and_again_asks_nothing_twice_and_decides_the_same(recipes, court, kills):
    servers = court(long=(longer,), first=(the_first,))
    whole = recipes.run("undisturbed")
    told, rng = recipes.jury("undisturbed"), random.Random(5)
    for server in servers.values():
        server.asked.clear()
        server.delay = 0.05
    path, script = recipes.write(), recipes.folder / "run.py"
    script.write_text(SCRIPT, encoding="utf-8")

    def asked() -> dict[int, int]:
        found: dict[int, int] = {}
        for server in servers.values():
            for (_, seed), n in server.asked.items():
                found[seed] = found.get(seed, 0) + n
        return found

    frozen: dict[int, int] = {}
    for _ in range(kills):
        wanted = sum(asked().values()) + rng.randrange(1, 12)
        process = subprocess.Popen(
            [sys.executable, str(script), str(path)], env=os.environ | {"PYTHONPATH": str(ROOT)}, start_new_session=True
        )
        while sum(asked().values()) < wanted and process.poll() is None:
            time.sleep(0.005)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert [s for s, n in asked().items() if n > frozen.get(s, n)] == [], "asked again although it was stored"
        with Store(recipes.folder / "out/completions") as store:
            stored = {answer.seed for answer in store.answers()}
        frozen = {seed: n for seed, n in asked().items() if seed in stored}
    again = recipes.run(generators=2)
    assert [s for s, n in asked().items() if n > frozen.get(s, n)] == [], "asked again although it was stored"
    assert recipes.jury()["sets"] == told["sets"]
    assert {k: v["content"] for k, v in again["sets"].items()} == {k: v["content"] for k, v in whole["sets"].items()}
