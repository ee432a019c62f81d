"""Training an encoder: from labels to a model that scores pages, through the command; and what a kill -9 leaves."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import yaml

from curation.classify.encoder.card import read_encoder_card
from curation.classify.encoder.training import headed, last_checkpoint, train_encoder
from curation.classify.encoder_quality import EncoderQuality
from curation.classify.train_spec import TrainSpec
from recipes.engine.errors import RecipeError
from recipes.engine.spec import parse
from tests.classify.conftest import BAD, GOOD
from tests.classify.test_train import examples, write_rows
from tests.classify.tiny_encoder import encoder

pytest.importorskip("torch", reason="torch is not installed here: uv sync --group dev")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    """The encoder that training begins with."""
    return encoder(tmp_path_factory.mktemp("base") / "encoder", 1, scale=0.08)


def spec(base: Path, **given) -> TrainSpec:
    how = {"model": str(base), "licence": "CC0-1.0", "max_tokens": 64, "epochs": 5, "rate": 1e-3, "batch": 8}
    how |= {"checkpoint_steps": 3} | given
    small = {"name": "m", "licence": "CC0-1.0", "positive": ["prose"], "negative": ["shop"], "least_chars": 5}
    return TrainSpec.model_validate(small | {"encoder": how})


def scored(folder: Path, texts: list[str]) -> list[float]:
    step = EncoderQuality(str(folder))
    step.setup()
    return step.columns(pa.record_batch({"text": pa.array(texts, pa.large_string())}))["quality"].to_pylist()


@pytest.mark.parametrize("objective", ["regression", "classes"])
def test_a_trained_encoder_tells_good_from_bad_and_its_card_says_so(base, tmp_path, objective):
    card = train_encoder(examples(12), spec(base, objective=objective), "1", {}, tmp_path, tmp_path / "work")
    assert card.metrics["auc"] > 0.95
    assert card == read_encoder_card(tmp_path / "m")
    assert card.range == ((0.0, 1.0) if objective == "regression" else None)
    assert card.labels == ({} if objective == "regression" else {"bad": 0.0, "good": 1.0})
    assert (card.base["model"], card.base["licence"], len(card.base["sha256"])) == ("encoder", "CC0-1.0", 64)
    groups = [set(d["groups"]) for part in ("train", "calibrate", "test") for d in card.data if d["part"] == part]
    assert not groups[0] & groups[2] | groups[0] & groups[4] | groups[2] & groups[4], "a host is in one part"
    high, low = scored(tmp_path / "m", ["".join(GOOD), "".join(BAD)])
    assert high > 0.6 > 0.4 > low


def test_a_frozen_encoder_keeps_its_weights_and_only_the_head_learns(base, tmp_path):
    import torch
    from safetensors.numpy import load_file

    made = spec(base, frozen=True, rate=0.01)
    train_encoder(examples(8), made, "1", {}, tmp_path, tmp_path / "work")
    before, after = load_file(base / "model.safetensors"), load_file(tmp_path / "m" / "model.safetensors")
    changed = {name for name in after if not np.array_equal(before[name], after[name])}
    assert changed == {"classifier.weight", "classifier.bias"}
    from curation.classify.encoder.folder import read_folder

    assert made.encoder is not None
    model = headed(read_folder(str(base)), made.encoder, None)
    model.train()
    ids = torch.tensor([[2, 40, 41, 3]])
    assert torch.equal(model.bert(ids).pooler_output, model.bert(ids).pooler_output), "no dropout in what cannot learn"


def test_what_was_trained_just_so_is_not_trained_again(base, tmp_path):
    first = train_encoder(examples(8), spec(base), "1", {}, tmp_path, tmp_path / "work")
    stamp = (tmp_path / "m" / "model.safetensors").stat().st_mtime_ns
    assert train_encoder(examples(8), spec(base), "1", {}, tmp_path, tmp_path / "work") == first
    assert (tmp_path / "m" / "model.safetensors").stat().st_mtime_ns == stamp
    train_encoder(examples(8), spec(base, epochs=1), "1", {}, tmp_path, tmp_path / "work")
    assert (tmp_path / "m" / "model.safetensors").stat().st_mtime_ns != stamp


def test_a_checkpoint_that_was_not_written_to_its_end_is_not_used(tmp_path):
    for step, whole in ((3, True), (6, True), (9, False)):
        (tmp_path / f"checkpoint-{step}").mkdir()
        if whole:
            (tmp_path / f"checkpoint-{step}" / "whole").touch()
    assert last_checkpoint(tmp_path) == str(tmp_path / "checkpoint-6")
    assert not (tmp_path / "checkpoint-9").exists()
    assert last_checkpoint(tmp_path / "none") is None


RECIPE = {
    "name": "own",
    "version": "1",
    "partitions": 2,
    "sources": {"crawl": {"jsonl": "crawl.jsonl", "licence": "CC0-1.0"}},
    "stages": [{"name": "pages", "read": "crawl"}],
    "train": {
        "name": "edu_ja",
        "licence": "CC0-1.0",
        "answers": {"files": ["answers.jsonl"], "positive": ">= 3"},
        "least_chars": 5,
        "encoder": {
            "model": "encoder",
            "licence": "CC0-1.0",
            "max_tokens": 128,
            "epochs": 6,
            "rate": 1e-3,
            "batch": 4,
            "checkpoint_steps": 5,
        },
    },
}


@pytest.fixture
def lab(tmp_path, base) -> Path:
    """A folder with a crawl, grades of a judge model, an encoder and a recipe that trains it."""
    import shutil

    import polars as pl

    from curation.shards import ShardSet
    from recipes.engine import execute, plan

    write_rows(tmp_path / "crawl.jsonl")
    shutil.copytree(base, tmp_path / "encoder")
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(RECIPE, sort_keys=False))
    data = {k: v for k, v in RECIPE.items() if k != "train"}
    data["sources"] = {"crawl": {"jsonl": str(tmp_path / "crawl.jsonl"), "licence": "CC0-1.0"}}
    made = plan.make(parse(data, "t.yaml"), "t.yaml", str(tmp_path / "first"))
    execute.run(made, workers=1)
    rng = random.Random(0)
    rows = pl.concat([pl.from_arrow(b) for b in ShardSet.open(made.blocks[-1].url).read(["id", "text"])])
    with (tmp_path / "answers.jsonl").open("w") as out:
        for key, text in rows.iter_rows():
            good = sum(s in text for s in GOOD) > sum(s in text for s in BAD)
            out.write(json.dumps({"id": key.hex(), "label": rng.choice((4, 5) if good else (0, 1))}) + "\n")
    return tmp_path


def command(lab: Path, out: str) -> list[str]:
    return [sys.executable, "-m", "recipes.engine.cli", "train", "own.yaml", "--out", out, "--workers", "1"]


def test_killed_training_goes_on_from_its_last_checkpoint_to_the_same_model(lab):
    given = {"cwd": lab, "env": os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}, "text": True}
    done = subprocess.run(command(lab, "whole"), capture_output=True, **given)
    assert done.returncode == 0, done.stderr
    assert "best heuristic" in done.stdout
    checkpoints = lab / "killed/1/model/checkpoints"
    process = subprocess.Popen(command(lab, "killed"), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, **given)
    until = time.monotonic() + 240
    while not list(checkpoints.glob("*/checkpoint-*/whole")) and time.monotonic() < until and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert list(checkpoints.glob("*/checkpoint-*/whole")), "killed behind a checkpoint"
    assert not (lab / "killed/1/model/edu_ja").exists()
    again = subprocess.run(command(lab, "killed"), capture_output=True, **given)
    assert again.returncode == 0, again.stderr
    steps = [int(line.split()[1]) for line in again.stdout.splitlines() if line.startswith("step ")]
    assert steps
    assert min(steps) > 5, "it did not begin again"
    from safetensors.numpy import load_file

    one, other = (load_file(lab / run / "1/model/edu_ja/model.safetensors") for run in ("whole", "killed"))
    assert all(np.allclose(one[name], other[name], atol=1e-5) for name in one)
    card = read_encoder_card(lab / "killed/1/model/edu_ja")
    assert card is not None
    assert card.positive == ["4", "5"]
    assert card.metrics["auc"] > 0.9
    assert "| test | crawl | CC0-1.0 |" in (lab / "killed/1/model/edu_ja/card.md").read_text()
    high, low = scored(lab / "killed/1/model/edu_ja", ["\n".join(GOOD), "\n".join(BAD)])
    assert high > low


def section(**given) -> dict:
    train = RECIPE["train"] | given
    return RECIPE | {"train": train}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"dim": 8}, "dim: of a fastText model, and 'encoder' is trained"),
        ({"encoder": {"model": "m"}}, "'licence' is missing"),
        ({"encoder": {"model": "m", "licence": "MIT", "batch": 8, "at_once": 3}}, "at_once: must divide 'batch' (8)"),
        ({"encoder": {"model": "m", "licence": "Foo"}}, "licence 'Foo' is not in the SPDX list"),
        ({"encoder": {"model": "m", "licence": "MIT", "epoch": 8}}, "unknown key 'epoch'"),
    ],
    ids=str,
)
def test_a_section_that_cannot_be_is_refused(given, said):
    with pytest.raises(RecipeError) as error:
        parse(section(**given), "t.yaml")
    assert said in str(error.value)


def test_an_encoder_or_a_gpu_that_is_not_there_is_said_before_any_work(tmp_path):
    import torch

    (tmp_path / "own.yaml").write_text(yaml.safe_dump(RECIPE, sort_keys=False))
    given = {"cwd": tmp_path, "env": os.environ | {"PYTHONPATH": str(ROOT)}, "text": True, "capture_output": True}
    done = subprocess.run(command(tmp_path, "out"), **given)
    assert done.returncode == 2
    assert "own.yaml, train, encoder: there is no model folder encoder" in done.stderr
    if not torch.cuda.is_available():
        encoder(tmp_path / "encoder", 1, scale=0.08)
        on_gpu = RECIPE["train"]["encoder"] | {"needs": "gpu"}  # type: ignore[index]
        (tmp_path / "own.yaml").write_text(yaml.safe_dump(section(encoder=on_gpu), sort_keys=False))
        done = subprocess.run(command(tmp_path, "out"), **given)
        assert done.returncode == 2
        assert "own.yaml, train, encoder: needs a GPU, and there is none here" in done.stderr
    assert not (tmp_path / "out").exists()
