"""Models that cannot be used, and those that may: files, labels, tokenizers, code; each mistake is named before the first row."""

import json
import pickle
import re
import shutil
from pathlib import Path

import pytest

from curation.classify.encoder.folder import ModelFolderError, read_folder
from curation.classify.encoder_quality import EncoderQuality
from recipes.engine.blocks import build
from recipes.engine.errors import RecipeError
from tests.classify.conftest import BAD, GOOD
from tests.classify.encoder_on_trial import SAID, WORTH, pages, scores, step
from tests.classify.tiny_encoder import tokenizer

pytest.importorskip("torch", reason="torch is not installed here: uv sync --group dev")


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


@pytest.mark.parametrize("listed", [{}, ["a"], {"a": 1}, {"a": "../model.safetensors"}, None], ids=str)
def test_a_list_of_weights_that_lists_none_is_named(models, tmp_path, listed):
    folder = copied(models, tmp_path)
    (folder / "model.safetensors").rename(folder / "other.safetensors")
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": listed}))
    assert "model.safetensors.index.json: 'weight_map' must name for each weight the file" in refused(folder)


def test_weights_that_are_cut_off_are_seen_when_the_recipe_is_checked(models, tmp_path):
    folder = copied(models, tmp_path)
    file = folder / "model.safetensors"
    whole = file.read_bytes()
    file.write_bytes(whole[:-1000])
    size = len(whole)
    assert f"is cut off: its header lists {size:,} bytes, and it has {size - 1000:,}; copy it again" in refused(folder)
    file.write_bytes(whole + b"x")
    assert "has something behind its weights" in refused(folder)
    for header in (
        b'{"a": 3}',
        b'{"a": {"data_offsets": [0]}}',
        b'{"a": {"data_offsets": "no"}}',
        b"{nothing",
        b'{"\xff": 1}',
    ):
        file.write_bytes(len(header).to_bytes(8, "little") + header)
        assert "its header lists no tensors" in refused(folder)
    file.write_bytes((1 << 60).to_bytes(8, "little") + b"{" * 100)
    assert "is no file of safetensors (something else, or cut off)" in refused(folder)


@pytest.mark.parametrize(
    ("key", "found", "said"),
    [
        ("id2label", {"good": "x"}, "'id2label' must give each output its name by its number"),
        ("id2label", ["x"], "'id2label' must give each output its name by its number"),
        ("id2label", {"1": "x", "2": "y"}, "'id2label' must give each output its name by its number"),
        ("num_labels", "3", "'num_labels' must be a whole number, not negative; found '3'"),
        ("pad_token_id", [0], "'pad_token_id' must be a whole number, not negative; found [0]"),
        ("vocab_size", "many", "'vocab_size' must be a whole number"),
        ("model_type", 7, "'model_type' must be a name; found 7"),
        ("auto_map", "modeling_rice.Rice", "'auto_map' must name classes"),
        ("auto_map", {"AutoModel": 3}, "'auto_map' must name classes"),
    ],
    ids=str,
)
def test_a_configuration_with_an_odd_key_is_refused_with_its_file_and_key(models, tmp_path, key, found, said):
    folder = copied(models, tmp_path)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {key: found}))
    assert f"config.json: {said}" in refused(folder)


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
    (folder / "hidden.py").write_text("")
    assert "holds more code (hidden.py), which the named files could import" in refused(
        folder, remote_code=["modeling_rice.py"]
    )


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
    assert f"{models['classes']}: licence 'Foo' is not in the SPDX list" in refused(models["classes"], licence="Foo")


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


def test_a_tokenizer_with_more_tokens_than_the_model_is_refused_when_the_recipe_is_checked(models, tmp_path):
    folder = copied(models, tmp_path)
    tokenizer(pages(400), 2000).save_pretrained(folder)
    said = r"the tokenizer has tokens up to \d+, and the model's embedding \d+ rows; it is not this model's tokenizer"
    assert re.search(said, refused(folder))
    made = EncoderQuality(str(models["classes"]), **SAID, labels=WORTH)
    made.folder = read_folder(str(folder))
    with pytest.raises(ModelFolderError, match=said):
        made.setup()


def test_a_tokenizer_without_the_special_tokens_is_refused(models, tmp_path):
    """Which only loading shows: `fits` loads what a GPU will be given, too."""
    folder = copied(models, tmp_path)
    tokenizer([*GOOD, *BAD], 300, special=False).save_pretrained(folder)
    said = r"puts no special tokens around a text, which a model of type bert"
    with pytest.raises(ModelFolderError, match=said):
        step(folder)
    made = EncoderQuality(str(folder), **SAID, labels=WORTH)
    made.needs = "gpu"
    with pytest.raises(ModelFolderError, match=said):
        made.fits()


def test_a_tokenizer_that_pads_otherwise_is_refused_when_the_recipe_is_checked(models, tmp_path):
    folder = copied(models, tmp_path)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"pad_token_id": 4}))
    assert "pads with token 0, and config.json says 4" in refused(folder)


@pytest.mark.parametrize("broken", ["{", "[]", '{"model": {"vocab": 3}}', '{"model": {"vocab": [1, 2]}}'])
def test_a_file_that_is_no_tokenizer_is_named(models, tmp_path, broken):
    folder = copied(models, tmp_path)
    (folder / "tokenizer.json").write_text(broken)
    assert "tokenizer.json: no tokenizer of the library `tokenizers`" in refused(folder)


def test_an_encoder_that_has_no_head_is_refused(tmp_path):
    import transformers

    made = tokenizer([*GOOD, *BAD], 300)
    size = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    config = transformers.BertConfig(vocab_size=len(made), pad_token_id=0, **size)
    transformers.BertModel(config).save_pretrained(tmp_path)
    made.save_pretrained(tmp_path)
    with pytest.raises(ModelFolderError, match=r"its weights lack classifier\.bias"):
        step(tmp_path, labels={"LABEL_0": 0.0, "LABEL_1": 1.0})
    made = EncoderQuality(str(tmp_path), **SAID, labels={"LABEL_0": 0.0, "LABEL_1": 1.0})
    made.needs = "gpu"
    with pytest.raises(ModelFolderError, match=r"its weights lack classifier\.bias"):
        made.fits()


def test_a_model_that_changed_after_the_plan_is_refused(models, tmp_path):
    folder = copied(models, tmp_path)
    made = EncoderQuality(str(folder), **SAID, labels=WORTH)
    (folder / "config.json").write_text((folder / "config.json").read_text() + " ")
    with pytest.raises(ModelFolderError, match="has changed since the plan was made"):
        made.setup()
