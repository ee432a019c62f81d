"""Scores of encoders: those of `transformers`, whatever the batches, the budget, the memory and the text."""

import gc
import json
import shutil

import numpy as np
import pyarrow as pa
import pytest

from curation.classify.encoder.folder import ModelFolderError
from curation.classify.encoder_quality import EncoderQuality
from tests.classify.encoder_on_trial import SAID, WORTH, batch, pages, scores, step
from tests.classify.tiny_encoder import plain_logits

pytest.importorskip("torch", reason="torch is not installed here: uv sync --group dev")


def worth(logits: np.ndarray) -> np.ndarray:
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True) @ np.array(list(WORTH.values()))


@pytest.mark.parametrize("name", ["classes", "modern"])
def test_scores_are_those_of_transformers_one_text_at_a_time(models, name):
    texts = pages(250)
    want = worth(plain_logits(models[name], texts, 128))
    got = scores(step(models[name]), texts)
    assert np.abs(got - want).max() < 1e-3
    assert want.max() - want.min() > 0.3, "or nothing was tried"


def test_a_regression_is_put_on_its_range(models):
    texts = pages(100)
    logits = plain_logits(models["regression"], texts, 128)[:, 0]
    low, high = float(np.quantile(logits, 0.1)), float(np.quantile(logits, 0.9))
    want = np.clip((logits - low) / (high - low), 0, 1)
    got = scores(step(models["regression"], range=[low, high]), texts)
    assert np.abs(got - want).max() < 1e-3
    assert {0.0, 1.0} <= set(got.round(3).tolist())


def test_several_labels_at_once_are_sigmoids(models, tmp_path):
    folder = shutil.copytree(models["classes"], tmp_path / "several")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"problem_type": "multi_label_classification"}))
    texts = pages(40)
    p = 1 / (1 + np.exp(-plain_logits(folder, texts, 128)))
    want = p @ np.array(list(WORTH.values())) / p.sum(axis=1)
    assert np.abs(scores(step(folder), texts) - want).max() < 1e-3


def test_the_mean_over_windows_is_weighted_by_their_tokens(models):
    from transformers import AutoTokenizer

    tokens = AutoTokenizer.from_pretrained(models["classes"])
    text = "".join(pages(30))
    ids = tokens(text, add_special_tokens=False)["input_ids"]
    parts = [ids[at : at + 126] for at in range(0, min(len(ids), 4 * 126), 126)]
    import torch
    from transformers import AutoModelForSequenceClassification

    model = AutoModelForSequenceClassification.from_pretrained(models["classes"]).eval()
    with torch.no_grad():
        logits = np.concatenate([model(input_ids=torch.tensor([[2, *p, 3]])).logits.numpy() for p in parts])
    weights = np.array([len(p) + 2 for p in parts])
    got = scores(step(models["classes"], windows="mean", most_windows=4), [text])
    assert len(parts) == 4
    assert got[0] == pytest.approx((worth(logits) * weights).sum() / weights.sum(), abs=1e-3)


def test_scores_are_equal_whatever_budget_batches_and_threads(models):
    texts = pages(600, seed=2)
    reference = scores(step(models["classes"], batch_tokens=16384), texts)
    for budget, cut, threads in ((128, 600, 1), (1000, 7, 1), (4096, 100, 2), (70000, 1, 1)):
        again = scores(step(models["classes"], batch_tokens=budget, threads=threads), texts, cut)
        assert (again == reference).all(), (budget, cut)


def test_two_encoders_in_one_stage_score_the_same_rows(models):
    texts = pages(300)
    want = scores(step(models["classes"]), texts), scores(step(models["modern"]), texts)
    first = EncoderQuality(str(models["classes"]), **SAID, labels=WORTH)
    second = EncoderQuality(str(models["modern"]), **SAID, labels=WORTH, column="quality_2")
    for _ in range(2):  # as two tasks of one process
        out = pa.Table.from_batches(second.run(first.run(iter([batch(texts)]))))
        assert (out["quality"].to_numpy() == want[0]).all()
        assert (out["quality_2"].to_numpy() == want[1]).all()


def test_a_score_on_an_edge_is_the_text_s_own(models, monkeypatch):
    """With an edge everywhere, every text is computed alone and unpadded: scores are then bit for bit those of transformers."""
    from curation.classify.encoder import scorer

    texts = pages(60)
    monkeypatch.setattr(scorer, "NEAR", 1e-3)
    made = step(models["classes"])
    got = scores(made, texts)
    assert made._scorer.settled >= 60
    assert (
        got == np.round(worth(plain_logits(models["classes"], texts, 128).astype(np.float64)), 3).astype("f4")
    ).all()


def test_onnx_runtime_gives_the_same_scores(models):
    pytest.importorskip("onnxruntime")
    texts = pages(250)
    want = worth(plain_logits(models["classes"], texts, 128))
    made = step(models["classes"], engine="onnx", batch_tokens=1000)
    got = scores(made, texts)
    assert np.abs(got - want).max() < 1e-3
    assert made.manifest_notes()["quality_model"]["engine"] == "onnx"


def test_a_model_in_the_folder_s_own_onnx_file_is_the_one_that_is_asked(models, tmp_path):
    pytest.importorskip("onnxruntime")
    from curation.classify.encoder.engines import export_onnx
    from curation.classify.encoder.folder import read_folder

    folder = shutil.copytree(models["classes"], tmp_path / "own")
    before = read_folder(str(folder)).sha256
    (folder / "onnx").mkdir()
    export_onnx(read_folder(str(models["classes"])), folder / "onnx" / "model.onnx")
    assert read_folder(str(folder)).sha256 != before, "the file decides about scores, and is part of the hash"
    texts = pages(20)
    want = worth(plain_logits(models["classes"], texts, 128))
    assert np.abs(scores(step(folder, engine="onnx"), texts) - want).max() < 1e-3


def test_bfloat16_is_near_and_the_same_every_time(models):
    texts = pages(200)
    exact = scores(step(models["classes"]), texts)
    made = step(models["classes"], precision="bfloat16")
    rounded = scores(made, texts)
    assert 0 < np.abs(rounded - exact).mean() < 0.01
    assert (scores(step(models["classes"], precision="bfloat16"), texts, 9) == rounded).all()


def test_a_compiled_model_gives_the_same_scores(models):
    if shutil.which("g++") is None:
        pytest.skip("torch.compile needs a C++ compiler on a CPU, and g++ is not here")
    texts = pages(60)
    want = scores(step(models["classes"]), texts)
    assert np.abs(scores(step(models["classes"], compile=True), texts) - want).max() <= 1e-3


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_out_of_memory_computes_the_unit_again_in_smaller_parts_and_leaves_no_trace(models, monkeypatch, precision):
    import torch

    texts = pages(300, seed=4)
    reference = scores(step(models["classes"], precision=precision, batch_tokens=8192), texts)
    made = step(models["classes"], precision=precision, batch_tokens=8190)
    engine, sizes = made._scorer.engine, []
    whole = engine.forward

    def forward(input_ids, attention_mask):
        sizes.append(input_ids.numel())
        if input_ids.numel() > 2500:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
        return whole(input_ids=input_ids, attention_mask=attention_mask)

    monkeypatch.setattr(engine, "forward", forward)
    got = scores(made, texts)
    assert (got == scores(step(models["classes"], precision=precision, batch_tokens=8190), texts)).all()
    assert max(sizes) > 2500 > sizes[-1]
    assert engine.again == 2
    assert engine.parts == 4
    if precision == "float32":
        assert (got == reference).all()


def test_a_window_for_which_there_is_no_memory_alone_ends_the_run_with_its_size(models, monkeypatch):
    import torch

    made = step(models["classes"], batch_tokens=2222)

    def forward(**_):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(made._scorer.engine, "forward", forward)
    with pytest.raises(ModelFolderError, match=r"no memory for one window of \d+ tokens; a smaller 'max_tokens'"):
        scores(made, pages(20))


def test_texts_without_a_token_have_no_score_and_others_in_another_script_have_one(models):
    texts = ["", "   \n\u3000", None, "米", "Мука́ из риса", "쌀가루는 쌀을 빻아 만든다", "😀" * 50, "米" * 1_700_000]
    out = step(models["classes"]).columns(batch(texts))
    assert [v is None for v in out["quality"].to_pylist()] == [True] * 3 + [False] * 5
    assert "reason" not in out


def test_scores_that_are_no_number_reject_their_rows_and_no_others(models, tmp_path):
    from safetensors.numpy import load_file, save_file

    folder = shutil.copytree(models["classes"], tmp_path / "broken")
    weights = load_file(folder / "model.safetensors")
    from transformers import AutoTokenizer

    token = AutoTokenizer.from_pretrained(folder)("🍚", add_special_tokens=False)["input_ids"][0]
    weights["bert.embeddings.word_embeddings.weight"][token] = np.nan
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    texts = ["米を炊く", "米 🍚", "水加減", ""]
    gone, kept = step(folder).run([batch(texts)])
    assert gone.batch.select(["text", "reason", "detail"]).to_pylist() == [
        {"text": "米 🍚", "reason": "nan_value", "detail": "quality"}
    ]
    assert kept.column("text").to_pylist() == ["米を炊く", "水加減", ""]
    assert [v is None for v in kept.column("quality").to_pylist()] == [False, False, True]


def test_memory_stays_bounded_whatever_the_corpus(models):
    """Of 300 MB of text no more is held than the units that are cut ahead."""
    import psutil

    text = "精米とは、玄米から糠を取り除くことである。" * 5000  # 315 kB
    made = step(models["classes"], max_tokens=16)
    process, peak = psutil.Process(), 0
    gc.collect()
    before = process.memory_info().rss

    def crawl():
        for n in range(100):
            yield batch([f"{n}-{k}{text}" for k in range(10)])

    rows = 0
    for out in made.run(crawl()):
        rows += out.num_rows
        peak = max(peak, process.memory_info().rss)
    assert rows == 1000
    assert peak - before < 1 << 30
