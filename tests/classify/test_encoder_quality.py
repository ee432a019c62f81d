"""Scores of encoders: those of `transformers`, whatever the batches; and what happens to bad models and bad texts."""

import gc
import json
import pickle
import random
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from curation.classify.encoder.folder import ModelFolderError
from curation.classify.encoder_quality import EncoderQuality
from curation.step import Rejected
from recipes.engine.blocks import build
from recipes.engine.errors import RecipeError
from tests.classify.conftest import BAD, GOOD
from tests.classify.tiny_encoder import encoder, plain_logits, tokenizer

pytest.importorskip("torch", reason="torch is not installed here: uv sync --group dev")

WORTH = {"LABEL_0": 0.0, "LABEL_1": 0.5, "LABEL_2": 1.0}
SAID = {"windows": "first", "max_tokens": 128, "licence": "CC0-1.0"}


def pages(n: int, seed: int = 0) -> list[str]:
    """Texts of one to a thousand tokens."""
    rng = random.Random(seed)
    stock = [*GOOD, *BAD, "ab 12\n", "𠮟🍚", "[SEP] ", "мука ", "\u3000"]
    return ["米" + "".join(rng.choices(stock, k=int(rng.lognormvariate(2.2, 1)) + 1)) for _ in range(n)]


def batch(texts) -> pa.RecordBatch:
    return pa.record_batch({"text": pa.array(texts, pa.large_string())})


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> dict[str, Path]:
    """A classifier and a regression, BERT and ModernBERT."""
    folder = tmp_path_factory.mktemp("encoders")
    return {
        "classes": encoder(folder / "classes", 3),
        "modern": encoder(folder / "modern", 3, kind="modernbert"),
        "regression": encoder(folder / "regression", 1, seed=3),
    }


def step(folder: Path, **given) -> EncoderQuality:
    """A step that is set up, over three classes unless said otherwise."""
    regression = "range" in given
    made = EncoderQuality(str(folder), **SAID | ({} if regression else {"labels": WORTH}) | given)
    made.setup()
    return made


def scores(made: EncoderQuality, texts, cut: int | None = None) -> np.ndarray:
    """Scores as rows flow: through units, in batches of `cut` rows."""
    cut = cut or len(texts)
    out = list(made.run(iter(batch(texts[at : at + cut]) for at in range(0, len(texts), cut))))
    assert not any(isinstance(o, Rejected) for o in out)
    return np.concatenate([o.column("quality").to_numpy(zero_copy_only=False) for o in out])


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


def copied(models, tmp_path, name: str = "classes") -> Path:
    return shutil.copytree(models[name], tmp_path / "model")


def refused(folder: Path, **given) -> str:
    """What a recipe's check says of the model."""
    said = {"model": str(folder), **SAID, "labels": WORTH} | given
    with pytest.raises(RecipeError) as error:
        build("encoder_quality", {k: v for k, v in said.items() if v is not None}, "r.yaml, stage 'score', step 1")
    return str(error.value)


def test_a_pickle_is_refused_by_its_name_and_never_read(models, tmp_path):
    folder = copied(models, tmp_path)
    (folder / "model.safetensors").unlink()

    class Trap:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "sprung",))

    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Trap()))
    assert "pytorch_model.bin is a pickle, which can run any program when it is read, and is refused unread" in refused(
        folder
    )
    (folder / "pytorch_model.bin").rename(folder / "model.safetensors")
    assert "model.safetensors: is no file of safetensors (a zip or pickle), and is refused unread" in refused(folder)
    assert not (tmp_path / "sprung").exists()


def test_a_pickle_beside_safetensors_is_not_read(models, tmp_path):
    folder = copied(models, tmp_path)
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04 not a pickle either")
    want, got = scores(step(models["classes"]), pages(10)), scores(step(folder), pages(10))
    assert (want == got).all()


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("config.json", "has no config.json"),
        ("model.safetensors", "has no weights (model.safetensors"),
        ("tokenizer.json", "has no tokenizer (tokenizer.json"),
    ],
)
def test_a_missing_file_is_named(models, tmp_path, missing, said):
    folder = copied(models, tmp_path)
    (folder / missing).unlink()
    assert said in refused(folder)


def test_a_shard_of_the_weights_that_is_not_there_is_named(models, tmp_path):
    folder = copied(models, tmp_path)
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    shards = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": shards}))
    assert "has no model-00002-of-00002.safetensors, which model.safetensors.index.json lists" in refused(folder)


def test_code_that_nobody_named_does_not_run(models, tmp_path):
    folder = copied(models, tmp_path)
    config = json.loads((folder / "config.json").read_text())
    own = {"AutoModelForSequenceClassification": "modeling_rice.Rice"}
    (folder / "config.json").write_text(json.dumps(config | {"auto_map": own}))
    (folder / "modeling_rice.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    assert "brings code of its own (modeling_rice.py), which does not run unless the recipe names it" in refused(folder)
    elsewhere = {"AutoModelForSequenceClassification": "lab/code--modeling_rice.Rice"}
    (folder / "config.json").write_text(json.dumps(config | {"auto_map": elsewhere}))
    assert "runs code of another place" in refused(folder, remote_code=["modeling_rice.py"])
    assert not (tmp_path / "ran").exists()


def test_code_that_the_recipe_names_runs(models, tmp_path):
    folder = copied(models, tmp_path)
    config = json.loads((folder / "config.json").read_text())
    own = {"AutoModelForSequenceClassification": "modeling_rice.Rice"}
    (folder / "config.json").write_text(json.dumps(config | {"auto_map": own}))
    (folder / "modeling_rice.py").write_text(
        "from transformers import BertForSequenceClassification\n\n\nclass Rice(BertForSequenceClassification):\n"
        "    def forward(self, **given):\n        out = super().forward(**given)\n"
        "        out.logits = out.logits * 0\n        return out\n"
    )
    assert set(scores(step(folder, remote_code=["modeling_rice.py"]), pages(5)).tolist()) == {0.5}
    assert refused(folder, remote_code=["other.py"])


def test_another_number_of_labels_than_the_recipe_expects(models):
    said = refused(models["classes"], labels={"good": 1.0, "bad": 0.0})
    assert "has 3 labels (LABEL_0, LABEL_1, LABEL_2), and worth is stated for 2 (good, bad)" in said
    assert "has 3 labels (LABEL_0, LABEL_1, LABEL_2), and 'range' is for a regression, which has one" in refused(
        models["classes"], labels=None, range=[0, 5]
    )
    assert "must lie in [0, 1]" in refused(models["classes"], labels={**WORTH, "LABEL_2": 2.0})
    assert "two rising numbers" in refused(models["regression"], labels=None, range=[5, 0])


def test_what_nobody_said_of_a_model_without_a_card_is_asked(models):
    said = refused(models["regression"], labels=None, windows=None, licence=None)
    assert "has no card (card.json): say 'windows', 'licence', 'range'; its outputs: LABEL_0" in said


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"max_tokens": 1024}, "reads 512 tokens at most, and max_tokens is 1024"),
        ({"batch_tokens": 64}, "batch_tokens: 64 is less than one window of 128 tokens"),
        ({"windows": "middle"}, "windows"),
        ({"revision": "main"}, "revision 'main' is not pinned; it must be a commit of 40 hexadecimal digits"),
        ({"revision": "0" * 40}, "is not in the local cache"),
        ({"engine": "onnx", "precision": "bfloat16"}, "engine onnx computes in float32"),
        ({"model": "nowhere"}, "there is no model folder nowhere; a model of the hub needs 'revision'"),
    ],
    ids=str,
)
def test_a_recipe_that_cannot_be_is_refused_with_its_place(models, given, said):
    found = refused(models["classes"], **given)
    assert found.startswith("r.yaml, stage 'score', step 1")
    assert said in found


def test_a_model_of_the_hub_is_found_in_the_local_cache_by_its_commit(models, tmp_path, monkeypatch):
    from huggingface_hub import constants

    commit = "0123456789abcdef0123456789abcdef01234567"
    shutil.copytree(models["classes"], tmp_path / "models--lab--rice" / "snapshots" / commit)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    made = step(Path("lab/rice"), revision=commit)
    note = made.manifest_notes()["quality_model"]
    assert (note["name"], note["version"], note["revision"], note["licence"]) == ("rice", commit, commit, "CC0-1.0")
    assert len(note["sha256"]) == 64
    assert (scores(made, pages(9)) == scores(step(models["classes"]), pages(9))).all()


def test_a_tokenizer_with_more_tokens_than_the_model_is_refused(models, tmp_path):
    folder = copied(models, tmp_path)
    tokenizer(pages(400), 2000).save_pretrained(folder)
    with pytest.raises(
        ModelFolderError, match=r"the tokenizer has tokens up to \d+, and the model's embedding \d+ rows"
    ):
        step(folder)


def test_a_tokenizer_without_the_special_tokens_is_refused(models, tmp_path):
    folder = copied(models, tmp_path)
    tokenizer([*GOOD, *BAD], 300, special=False).save_pretrained(folder)
    with pytest.raises(ModelFolderError, match=r"puts no special tokens around a text, which a model of type bert"):
        step(folder)


def test_a_tokenizer_that_pads_otherwise_is_refused(models, tmp_path):
    folder = copied(models, tmp_path)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"pad_token_id": 4}))
    with pytest.raises(ModelFolderError, match=r"pads with token 0, and config\.json says 4"):
        step(folder)


def test_an_encoder_that_has_no_head_is_refused(tmp_path):
    import transformers

    made = tokenizer([*GOOD, *BAD], 300)
    size = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    config = transformers.BertConfig(vocab_size=len(made), pad_token_id=0, **size)
    transformers.BertModel(config).save_pretrained(tmp_path)
    made.save_pretrained(tmp_path)
    with pytest.raises(ModelFolderError, match=r"its weights lack classifier\.bias"):
        step(tmp_path, labels={"LABEL_0": 0.0, "LABEL_1": 1.0})


def test_a_model_that_changed_after_the_plan_is_refused(models, tmp_path):
    folder = copied(models, tmp_path)
    made = EncoderQuality(str(folder), **SAID, labels=WORTH)
    (folder / "config.json").write_text((folder / "config.json").read_text() + " ")
    with pytest.raises(ModelFolderError, match="has changed since the plan was made"):
        made.setup()
