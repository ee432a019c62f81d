"""The step in recipes that are really run: what the manifest says, a worker that dies, a GPU that is not there."""

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from curation.classify.encoder import gpus
from curation.shards import ShardSet
from recipes.engine import execute, plan
from recipes.engine.errors import RecipeError, RunError
from recipes.engine.gpu_stages import check_gpus
from recipes.engine.spec import parse
from recipes.engine.summary import print_summary
from tests.classify.conftest import BAD, GOOD
from tests.classify.tiny_encoder import encoder, tokenizer

pytest.importorskip("torch", reason="torch is not installed here: uv sync --group dev")
ROOT = Path(__file__).resolve().parents[2]


def recipe(folder: Path, steps: list, **stage) -> dict:
    return {
        "name": "scored",
        "version": "1",
        "partitions": 4,
        "sources": {"crawl": {"jsonl": f"{folder}/crawl-*.jsonl", "licence": "CC0-1.0"}},
        "stages": [
            {"name": "pages", "read": "crawl"},
            {"name": "score", "read": "pages", "steps": steps} | stage,
        ],
    }


@pytest.fixture(scope="module")
def crawl(tmp_path_factory) -> Path:
    """A model and three files of rows, one of which kills the worker that scores it, once."""
    folder, rng = tmp_path_factory.mktemp("crawl"), random.Random(0)
    encoder(folder / "model", 1)
    for file in range(3):
        with (folder / f"crawl-{file}.jsonl").open("w") as out:
            for n in range(120):
                text = "".join(rng.choices(GOOD + BAD, k=rng.randint(1, 12))) + f"（{file}の{n}）"
                text += "即死" if (file, n) == (1, 60) else ""
                out.write(json.dumps({"id": f"{file}-{n}", "text": text}, ensure_ascii=False) + "\n")
            out.write(json.dumps({"id": f"{file}-empty", "text": " "}) + "\n")
    return folder


def score(folder: Path, **given) -> dict:
    said = {"windows": "first", "max_tokens": 64, "range": [-5, 5], "licence": "CC0-1.0", "batch_tokens": 1024}
    return {"encoder_quality": {"model": str(folder / "model")} | said | given}


def released(out: str) -> pl.DataFrame:
    return pl.concat([pl.from_arrow(b) for b in ShardSet.open(f"{out}/1/score").read(["id", "text", "quality"])])


def ran(data: dict, out: Path, workers: int) -> pl.DataFrame:
    made = plan.make(parse(data, "t.yaml"), "t.yaml", str(out))
    execute.run(made, workers=workers)
    return released(str(out))


def test_workers_and_a_worker_killed_between_two_batches_change_no_score_and_lose_no_row(crawl, tmp_path):
    whole = ran(recipe(crawl, [score(crawl)]), tmp_path / "whole", 1)
    assert whole.height == 363
    assert whole["quality"].null_count() == 3
    assert whole["quality"].n_unique() > 20
    script = tmp_path / "killed.py"
    script.write_text(
        f"import json, sys\nsys.path.insert(0, {str(ROOT)!r})\n"
        "from recipes.engine import execute, plan\nfrom recipes.engine.spec import parse\n"
        "from tests.classify.dying_encoder import DyingEncoder\n"
        "if __name__ == '__main__':\n"
        f"    data = json.loads({json.dumps(json.dumps(recipe(crawl, [])))})\n"
        f"    step = DyingEncoder({str(crawl / 'model')!r}, windows='first', max_tokens=64, range=[-5, 5], "
        "licence='CC0-1.0', batch_tokens=1024)\n"
        "    data['stages'][1]['steps'] = [step]\n"
        f"    execute.run(plan.make(parse(data, 't.yaml'), 't.yaml', {str(tmp_path / 'killed')!r}), workers=2)\n"
    )
    done = subprocess.run(
        [sys.executable, script],
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    killed = released(str(tmp_path / "killed"))
    assert killed.sort("id").equals(whole.sort("id"))
    assert killed["id"].n_unique() == 363
    died = [p.read_text() for p in crawl.glob("died-*")]
    assert died == ["between two batches"]


def test_the_manifest_names_the_model_by_its_hash_revision_and_licence(crawl, tmp_path):
    made = plan.make(parse(recipe(crawl, [score(crawl)]), "t.yaml"), "t.yaml", str(tmp_path))
    execute.run(made, workers=2)
    note = ShardSet.open(f"{tmp_path}/1/score").manifest["quality_model"]
    assert note == {
        "name": "model", "version": note["sha256"][:12], "licence": "CC0-1.0", "sha256": note["sha256"], "revision": None,
        "engine": "torch", "precision": "float32",
    }  # fmt: skip


def test_another_weight_is_another_run(crawl, tmp_path):
    first = plan.make(parse(recipe(crawl, [score(crawl)]), "t.yaml"), "t.yaml", str(tmp_path)).fingerprint
    other = encoder(tmp_path / "model", 1, seed=1)
    second = plan.make(parse(recipe(crawl, [score(other.parent)]), "t.yaml"), "t.yaml", str(tmp_path)).fingerprint
    on_gpu = plan.make(parse(recipe(crawl, [score(crawl)], needs="gpu"), "t.yaml"), "t.yaml", str(tmp_path)).fingerprint
    assert len({first, second, on_gpu}) == 3


def test_a_gpu_that_is_asked_for_and_absent_is_said_before_any_work(crawl, tmp_path):
    """Also by `seimai check`; a cluster's machines are asked when they have the task."""
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    data = recipe(crawl, [score(crawl)], needs="gpu")
    made = plan.make(parse(data, "t.yaml"), "t.yaml", str(tmp_path / "out"))
    with pytest.raises(RecipeError, match=r"t\.yaml, stage 'score': needs a GPU, and there is none here: .*CPUs"):
        execute.run(made, workers=1)
    assert not (tmp_path / "out").exists()
    check_gpus(made, "slurm")
    import yaml

    (tmp_path / "t.yaml").write_text(yaml.safe_dump(data, allow_unicode=True))
    command = [sys.executable, "-m", "recipes.engine.cli", "check", str(tmp_path / "t.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 2
    assert "stage 'score': needs a GPU, and there is none here" in done.stderr
    assert "leave 'needs: gpu' out to compute on CPUs" in done.stderr


def test_the_recipe_that_scores_by_ones_own_model_fits_a_model(crawl, tmp_path):
    from recipes.engine import recipe_file

    changed = {"model": crawl / "model", "windows": "first", "max_tokens": 64, "range": "[-5, 5]", "licence": "CC0-1.0"}
    sets = [f"scored.encoder_quality.{key}={value}" for key, value in changed.items()]
    (tmp_path / "page.warc.gz").write_bytes(b"")
    path = ROOT / "recipes" / "own" / "score_encoder_ja.yaml"
    made = plan.make(recipe_file.load(path, sets, [str(tmp_path / "page.warc.gz")]), path.name, str(tmp_path / "out"))
    assert [(b.stage, b.needs) for b in made.blocks if b.kind == "rows"] == [
        ("pages", "cpu"), ("measured", "cpu"), ("scored", "gpu"), ("curated", "cpu"),
    ]  # fmt: skip
    columns = next(b.columns for b in made.blocks if b.name == "curated")
    assert {"quality", "quality_2"} <= set(columns)


def test_onnx_on_a_gpu_is_refused(crawl, tmp_path):
    data = recipe(crawl, [score(crawl, engine="onnx")], needs="gpu")
    with pytest.raises(RecipeError, match=r"stage 'score', step 1 \(encoder_quality\): engine onnx computes on CPUs"):
        plan.make(parse(data, "t.yaml"), "t.yaml", str(tmp_path))


def test_a_model_with_another_model_s_tokenizer_ends_the_run_before_its_first_stage(crawl, tmp_path):
    """Also where the stage needs a GPU: what it will be given is loaded once, on the CPU."""
    folder = shutil.copytree(crawl / "model", tmp_path / "model")
    tokenizer([*GOOD, *BAD], 300, special=False).save_pretrained(folder)
    for needs in ("cpu", "gpu"):
        data = recipe(crawl, [score(tmp_path)], needs=needs)
        made = plan.make(parse(data, "t.yaml"), "t.yaml", str(tmp_path / needs))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(gpus, "gpu_count", lambda: 1)
            with pytest.raises(RunError, match="puts no special tokens around a text"):
                execute.run(made, workers=1)
        assert not list((tmp_path / needs).glob("stages/*/manifest.json"))


def test_a_model_that_gives_nothing_but_nan_is_said_in_the_summary(crawl, tmp_path, capsys):
    from safetensors.numpy import load_file, save_file

    folder = shutil.copytree(crawl / "model", tmp_path / "model")
    weights = load_file(folder / "model.safetensors")
    weights["classifier.weight"][:] = np.nan
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    made = plan.make(parse(recipe(crawl, [score(tmp_path)]), "t.yaml"), "t.yaml", str(tmp_path / "out"))
    run = execute.run(made, workers=1)
    assert len(run["warnings"]) == 1
    print_summary(run, str(tmp_path / "out" / "1"), "report.html")
    said = capsys.readouterr().err
    assert "warning: stage 'score" in said
    assert "encoder_quality: none of 360 texts has a score, the model gives NaN for each" in said
    whole = execute.run(plan.make(parse(recipe(crawl, [score(crawl)]), "t.yaml"), "t.yaml", str(tmp_path / "ok")))
    assert whole["warnings"] == []
