"""Which process has which GPU: never two processes one, never one process two, and what a dead process held is free."""

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from curation.classify.encoder import gpus
from curation.classify.encoder.gpus import GpuLease, GpuMissing, gpu_names
from recipes.engine import execute, plan
from recipes.engine.gpu_stages import at_once
from recipes.engine.spec import parse
from tests.classify.tiny_encoder import encoder

pytest.importorskip("torch", reason="torch is not installed here: uv sync --group dev")
ROOT = Path(__file__).resolve().parents[2]
SAID = {"windows": "first", "max_tokens": 64, "range": [-5, 5], "licence": "CC0-1.0", "batch_tokens": 1024}


@pytest.fixture(scope="module")
def crawl(tmp_path_factory) -> Path:
    """A model and six files of rows."""
    folder = tmp_path_factory.mktemp("crawl")
    encoder(folder / "model", 1)
    for file in range(6):
        rows = [{"id": f"{file}-{n}", "text": f"米を{n}合"} for n in range(30)]
        (folder / f"crawl-{file}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def recipe(folder: Path, steps: list) -> dict:
    return {
        "name": "scored",
        "version": "1",
        "partitions": 4,
        "sources": {"crawl": {"jsonl": f"{folder}/crawl-*.jsonl", "licence": "CC0-1.0"}},
        "stages": [{"name": "score", "read": "crawl", "steps": steps, "needs": "gpu"}],
    }


def test_a_stage_on_gpus_runs_as_many_tasks_as_there_are(crawl, tmp_path, monkeypatch):
    step = {"encoder_quality": {"model": str(crawl / "model")} | SAID}
    made = plan.make(parse(recipe(crawl, [step]), "t.yaml"), "t.yaml", str(tmp_path))
    monkeypatch.setattr(gpus, "gpu_count", lambda: 3)
    assert at_once(made.blocks[0]) == 3


def test_each_of_two_gpus_has_one_process_for_all_its_tasks(crawl, tmp_path, monkeypatch):
    from tests.classify.telling_encoder import TellingEncoder

    monkeypatch.setenv("TMPDIR", str(tmp_path))  # where GPUs are locked
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(gpus, "gpu_count", lambda: 2)
    step = TellingEncoder(str(crawl / "model"), **SAID)
    made = plan.make(parse(recipe(crawl, [step]), "t.yaml"), "t.yaml", str(tmp_path / "out"))
    run = execute.run(made, workers=4)
    assert run["blocks"][0]["rows_out"] == 180
    tasks = sorted((json.loads(p.read_text()) for p in crawl.glob("task-*.json")), key=lambda t: t["began"])
    assert len(tasks) == made.blocks[0].tasks >= 4
    assert {t["gpu"] for t in tasks} == {"cuda:0", "cuda:1"}
    assert len({t["process"] for t in tasks}) == len({(t["process"], t["gpu"]) for t in tasks}) == 2
    for gpu in ("cuda:0", "cuda:1"):
        mine = [t for t in tasks if t["gpu"] == gpu]
        assert all(a["ended"] <= b["began"] for a, b in pairwise(mine))
        assert mine[0]["current"] == [int(gpu[-1])], "torch computes there, too"


def holder(folder: Path, patience: float = 600.0) -> subprocess.Popen:
    """A process that takes one of the GPUs 4 and 7, says which, and holds it."""
    code = (
        "import sys\nfrom pathlib import Path\nfrom curation.classify.encoder.gpus import GpuLease, gpu_names\n"
        f"lease = GpuLease.take(gpu_names(2), {patience}, Path({str(folder)!r}))\nprint(lease.number, flush=True)\nsys.stdin.read()\n"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": ROOT}
    return subprocess.Popen([sys.executable, "-c", code], **pipes, env=os.environ | {"CUDA_VISIBLE_DEVICES": "4, 7"})


def test_two_processes_never_hold_one_gpu_and_the_next_waits_for_the_first_that_ends(tmp_path):
    holders = [holder(tmp_path) for _ in range(2)]
    try:
        numbers = [int(h.stdout.readline()) for h in holders]
        assert sorted(numbers) == [0, 1]
        with pytest.raises(GpuMissing, match="all 2 GPUs of this machine have been taken"):
            GpuLease.take(["4", "7"], patience=0.1, folder=tmp_path)
        other = GpuLease.take(["5"], patience=0.1, folder=tmp_path)
        assert other.number == 0, "a process that sees other GPUs counts them from 0"
        other.release()
        holders.append(holder(tmp_path))
        holders[1].kill()
        assert int(holders[2].stdout.readline()) == numbers[1], "what a killed process held is free"
    finally:
        for h in holders:
            h.kill()
            h.wait()


def test_gpus_are_locked_by_what_the_machine_calls_them(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4, 7")
    assert gpu_names(2) == ["4", "7"]
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    assert gpu_names(2) == ["0", "1"]
