"""LLaMA-Factory 0.9.5: its own loading, conversion and preparation (`get_dataset`) of the released files, by dataset_info.json.

`uvx nox -s trainers -- llama_factory`. What is learnt of each row is decoded and held against the row. `torchaudio`, which its files
import at their head and use for sound alone, is stubbed: there is no wheel of it for a torch of the CPU.
"""

import json
import os
import sys
from pathlib import Path

import pytest
import yaml

pytest.importorskip(
    "llamafactory", reason="LLaMA-Factory has an environment of its own: uvx nox -s trainers -- llama_factory"
)
RELEASE = Path(os.environ.get("SEIMAI_RELEASE", "/nowhere"))
if not RELEASE.exists():
    pytest.skip("SEIMAI_RELEASE names the release to load", allow_module_level=True)

from importlib.machinery import ModuleSpec  # noqa: E402
from types import ModuleType  # noqa: E402

from datasets import load_dataset  # noqa: E402

sys.path.insert(0, str(Path(__file__).parent))
from bytes_tokenizer import tokenizer  # noqa: E402

sound = ModuleType("torchaudio")
sound.__spec__ = ModuleSpec("torchaudio", None)
sys.modules.setdefault("torchaudio", sound)


@pytest.fixture(scope="module")
def tokens(tmp_path_factory):
    return tokenizer(tmp_path_factory.mktemp("tokenizer"))


def prepared(name: str, stage: str, tokens, folder: Path):
    """Rows as the trainer prepares them, and as they were released."""
    from llamafactory.data import get_dataset, get_template_and_fix_tokenizer
    from llamafactory.hparams import get_train_args

    settings = yaml.safe_load((RELEASE / name / "train.yaml").read_text()) | {"dataset_dir": str(RELEASE / name)}
    model, data, training, _, _ = get_train_args(
        settings
        | {
            "model_name_or_path": tokens.name_or_path or str(folder), "template": "qwen", "cutoff_len": 1 << 18, "do_train": True,
            "output_dir": str(folder), "overwrite_cache": True, "report_to": "none",
        }
    )  # fmt: skip
    template = get_template_and_fix_tokenizer(tokens, data)
    made = get_dataset(template, model, data, training, stage=stage, tokenizer=tokens)["train_dataset"]
    return list(made), list(
        load_dataset("parquet", data_files=str(RELEASE / name / "train-00000.parquet"), split="train")
    )


def learnt(ids: list[int], labels: list[int], tokens) -> str:
    """What the loss is on, without marks of the template."""
    return (
        tokens.decode([i for i, label in zip(ids, labels, strict=True) if label != -100])
        .replace("<|im_end|>", "")
        .strip()
    )


def said(turn: dict) -> str:
    """An answer as the template `qwen` writes it."""
    if turn["from"] == "gpt":
        return turn["value"].strip()
    calls = json.loads(turn["value"])
    return "\n".join(f"<tool_call>\n{json.dumps(call, ensure_ascii=False)}\n</tool_call>" for call in calls)


def test_sft_learns_the_last_turn_of_each_row(tokens, tmp_path):
    made, given = prepared("llama_factory_sft", "sft", tokens, tmp_path)
    assert len(made) == len(given) == 9
    for row, one in zip(given, made, strict=True):
        assert learnt(one["input_ids"], one["labels"], tokens) == said(row["conversations"][-1])
        assert row["system"] in tokens.decode(one["input_ids"])
        assert not row["tools"] or json.loads(row["tools"])[0]["function"]["name"] in tokens.decode(one["input_ids"])


def test_dpo_prepares_both_answers(tokens, tmp_path):
    made, given = prepared("llama_factory_dpo", "rm", tokens, tmp_path)
    assert len(made) == len(given) == 5
    for row, one in zip(given, made, strict=True):
        for side in ("chosen", "rejected"):
            assert learnt(one[f"{side}_input_ids"], one[f"{side}_labels"], tokens) == said(row[side])


def test_kto_keeps_the_label(tokens, tmp_path):
    made, given = prepared("llama_factory_kto", "kto", tokens, tmp_path)
    assert len(made) == len(given) == 5
    for row, one in zip(given, made, strict=True):
        assert one["kto_tags"] is row["label"]
        assert learnt(one["input_ids"], one["labels"], tokens) == said(row["conversations"][-1])
