"""Axolotl 0.19: its own loading (`load_dataset_with_config`) and strategies over the released files, by the settings beside them.

`uvx nox -s trainers -- axolotl`.
"""

import json
import os
import sys
from pathlib import Path

import pytest
import yaml

pytest.importorskip("axolotl", reason="Axolotl has an environment of its own: uvx nox -s trainers -- axolotl")
RELEASE = Path(os.environ.get("SEIMAI_RELEASE", "/nowhere"))
if not RELEASE.exists():
    pytest.skip("SEIMAI_RELEASE names the release to load", allow_module_level=True)

sys.path.insert(0, str(Path(__file__).parent))
from bytes_tokenizer import MARKS, tokenizer  # noqa: E402


@pytest.fixture(scope="module")
def tokens(tmp_path_factory):
    made = tokenizer(tmp_path_factory.mktemp("tokenizer"))
    made.eos_token = MARKS[2]
    return made


@pytest.fixture(autouse=True)
def here(monkeypatch):
    """Paths of the settings begin at the release."""
    monkeypatch.chdir(RELEASE)


def opened(name: str):
    """A format's settings as Axolotl's configuration, and its rows as Axolotl loads them."""
    from axolotl.utils.data.shared import load_dataset_with_config
    from axolotl.utils.dict import DictDefault

    said = yaml.safe_load((RELEASE / name / "axolotl.yaml").read_text())
    more = {
        "sequence_len": 1 << 18,
        "train_on_inputs": False,
        "chat_template": "tokenizer_default",
        "dataset_num_proc": 1,
    }
    cfg = DictDefault(said | more)
    return cfg, load_dataset_with_config(cfg.datasets[0], False)


def test_sft_learns_the_turns_that_train_and_no_other(tokens):
    from axolotl.datasets import TokenizedPromptDataset
    from axolotl.prompt_strategies import load

    cfg, rows = opened("axolotl_sft")
    strategy = load(cfg.datasets[0].type, tokens, cfg, dict(cfg.datasets[0]))
    assert len(rows) == 7
    alone = [strategy.tokenize_prompt(dict(row)) for row in rows]
    together = TokenizedPromptDataset(strategy, rows)
    assert [made["labels"] for made in alone] == list(together["labels"])
    for row, made in zip(rows, together, strict=True):
        learnt = tokens.decode([i for i, label in zip(made["input_ids"], made["labels"], strict=True) if label != -100])
        turns = [m for m in json.loads(row["messages"]) if m["training"]]
        calls = ["".join(_call(c) for c in m.get("tool_calls") or ()) for m in turns]
        assert learnt.replace(MARKS[2], "") == "".join(m["content"] + c for m, c in zip(turns, calls, strict=True))


def _call(call: dict) -> str:
    arguments = json.dumps(json.loads(call["function"]["arguments"]), ensure_ascii=False)
    return f"<tool_call>{call['function']['name']} {arguments}</tool_call>"


def test_dpo_keeps_prompt_and_both_answers(tokens):
    from axolotl.prompt_strategies.dpo import load

    cfg, rows = opened("axolotl_dpo")
    transform, _ = load(cfg.datasets[0].type, cfg, dataset_idx=0)
    assert cfg.rl == "dpo"
    assert len(rows) == 3
    for row in rows:
        made = transform(dict(row), tokenizer=tokens)
        assert made["prompt"].endswith(row["messages"][-1]["content"] + "<|im_end|>\n<|im_start|>assistant\n")
        for side in ("chosen", "rejected"):
            assert made[side] == row[side]["content"] + "<|im_end|>"


def test_kto_keeps_completion_and_label():
    from axolotl.prompt_strategies.kto import load

    cfg, rows = opened("axolotl_kto")
    loaded = load(cfg.datasets[0].type, cfg, dataset_idx=0)
    transform = loaded[0] if isinstance(loaded, tuple) else loaded
    assert len(rows) == 4
    for row in rows:
        made = transform(dict(row))
        assert made["completion"] == row["completion"][-1]["content"] + "<|im_end|>"
        assert row["completion"][0]["content"] in made["prompt"]
        assert made["label"] is row["label"]


def test_a_reward_model_reads_both_dialogues(tokens):
    from axolotl.prompt_strategies.bradley_terry import load

    cfg, rows = opened("axolotl_reward")
    strategy = load(cfg.datasets[0].type.removeprefix("bradley_terry."), tokens, cfg, dict(cfg.datasets[0]))
    assert cfg.reward_model is True
    assert len(rows) == 2
    for row in rows:
        made = strategy.tokenize_prompt(dict(row))
        for side in ("chosen", "rejected"):
            text = tokens.decode(made[f"{side}_ids"])
            assert row["input"] in text
            assert row[side] in text
