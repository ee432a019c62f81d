"""Folders and cards made to do harm: code from elsewhere, files that hang a reader, numbers that no model can have."""

import json
import os

import pytest

from curation.classify.encoder.folder import ModelFolderError, read_folder
from curation.classify.model_card import Calibration
from tests.classify.encoder_on_trial import step
from tests.classify.test_encoder_models import copied, refused

pytest.importorskip("torch", reason="torch is not installed here: uv sync --group dev")


def test_a_configuration_that_asks_for_a_kernel_of_another_place_is_refused(models, tmp_path):
    folder = copied(models, tmp_path)
    good = json.loads((folder / "config.json").read_bytes())
    for more in (
        {"_attn_implementation": "someone/kernel"},
        {"attn_implementation": {"": "someone/kernel"}},
        {"text_config": {"experts_implementation": "someone/kernel"}},
    ):
        (folder / "config.json").write_text(json.dumps(good | more))
        assert "config.json: asks for a compiled kernel of another place (someone/kernel)" in refused(folder)
    (folder / "config.json").write_text(json.dumps(good | {"attn_implementation": "eager"}))
    read_folder(str(folder))


def test_files_that_would_hang_or_break_the_reading_of_a_folder_are_named(models, tmp_path):
    folder = copied(models, tmp_path)
    for k in range(3):
        (folder / f"again{k}").symlink_to(".")
    whole = read_folder(str(folder)).sha256
    assert whole == read_folder(str(models["classes"])).sha256, "links back into the folder add nothing"
    (folder / "extra.json").symlink_to("nowhere.json")
    assert "extra.json: is a link to nothing" in refused(folder)
    (folder / "extra.json").unlink()
    os.mkfifo(folder / "extra.json")
    assert "extra.json: is no plain file" in refused(folder)
    (folder / "extra.json").unlink()
    (folder / "adapter_config.json").write_text("{}")
    assert "holds an adapter (adapter_config.json)" in refused(folder)
    (folder / "adapter_config.json").unlink()
    for name in ("config.json", "tokenizer.json"):
        kept = (folder / name).read_bytes()
        (folder / name).write_text("[" * 200_000)
        assert f"{name}: no " in refused(folder)
        (folder / name).write_bytes(kept)


def test_a_configuration_that_no_model_can_have_is_said_with_its_folder(models, tmp_path):
    folder = copied(models, tmp_path)
    config = json.loads((folder / "config.json").read_bytes())
    (folder / "config.json").write_text(json.dumps(config | {"num_attention_heads": 0}))
    with pytest.raises(ModelFolderError, match=r"model: transformers cannot load it: .*zero"):
        step(folder).setup()
    (folder / "config.json").write_text(json.dumps(config | {"id2label": None, "num_labels": 10**9}))
    assert "'num_labels' is 1000000000" in refused(folder)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"method": "isotonic"}, "as many rising 'scores' as 'probabilities'; found 0 and 0"),
        ({"method": "isotonic", "scores": [0.5, 0.1], "probabilities": [0, 1]}, "found 2 and 2"),
        ({"method": "isotonic", "scores": [0.1, 0.5], "probabilities": [1]}, "found 2 and 1"),
        ({"method": "isotonic", "scores": [0.1, 0.5], "probabilities": [0, 7]}, r"must lie in \[0, 1\]"),
        ({"method": "platt", "slope": float("nan")}, "every number must be finite"),
    ],
)
def test_a_calibration_that_cannot_be_applied_is_no_calibration(given, said):
    with pytest.raises(ValueError, match=said):
        Calibration(**given)
