"""TRL 1.16 in an environment of its own: `datasets.load_dataset` by the card's configurations, then each trainer's own preparation.

`uvx nox -s trainers -- trl`. The release is written by seimai's environment (write_release.py) into SEIMAI_RELEASE. Every row
that a trainer prepared is decoded and held against the row that it is from: what is learnt, and what is only read.
"""

import json
import os
from pathlib import Path

import pytest

pytest.importorskip("trl", reason="TRL has an environment of its own: uvx nox -s trainers")
RELEASE = os.environ.get("SEIMAI_RELEASE", "")
if not RELEASE:
    pytest.skip("SEIMAI_RELEASE names the release to load", allow_module_level=True)

import sys  # noqa: E402

import yaml  # noqa: E402
from datasets import Dataset, load_dataset  # noqa: E402

sys.path.insert(0, str(Path(__file__).parent))
from bytes_tokenizer import MARKS, tiny, tokenizer  # noqa: E402

END = MARKS[2] + "\n"


@pytest.fixture(scope="module")
def tokens(tmp_path_factory):
    return tokenizer(tmp_path_factory.mktemp("tokenizer"))


@pytest.fixture
def args(tmp_path) -> dict:
    """What every trainer's configuration is given."""
    return {
        "output_dir": str(tmp_path),
        "report_to": [],
        "use_cpu": True,
        "max_length": None,
        "bf16": False,
        "save_strategy": "no",
    }


def rows(name: str) -> Dataset:
    """A format's rows for training."""
    return load_dataset(RELEASE, name, split="train")


def written(message: dict) -> str:
    """A turn as the template writes it, without its head."""
    calls = "".join(
        f"<tool_call>{c['function']['name']} {json.dumps(c['function']['arguments'], ensure_ascii=False)}</tool_call>"
        for c in message.get("tool_calls") or ()
    )
    return (message["content"] or "") + calls + END


def head(row: dict, prompt: list[dict]) -> str:
    """Everything before the answer, as the template writes it."""
    tools = json.loads(row["tools"]) if row["tools"] else []
    offered = [json.dumps(tool, ensure_ascii=False) + "\n" for tool in tools]
    said = f"<|im_start|>tools\n{''.join(offered)}{END}" if tools else ""
    return said + "".join(f"<|im_start|>{m['role']}\n{written(m)}" for m in prompt) + "<|im_start|>assistant\n"


def test_sft_learns_each_completion_and_reads_each_prompt(tokens, args, tmp_path):
    from trl import SFTConfig, SFTTrainer

    given = rows("trl_sft")
    trainer = SFTTrainer(
        tiny("causal", len(tokens), tmp_path), SFTConfig(**args), train_dataset=given, processing_class=tokens
    )
    assert len(trainer.train_dataset) == len(given) == 9
    for row, made in zip(given, trainer.train_dataset, strict=True):
        learnt = [token for token, label in zip(made["input_ids"], made["labels"], strict=True) if label != -100]
        assert tokens.decode(learnt) == written(row["completion"][0])
        assert tokens.decode(made["input_ids"]) == head(row, row["prompt"]) + written(row["completion"][0])
    assert max(len(made["input_ids"]) for made in trainer.train_dataset) > 100_000


@pytest.mark.parametrize("loss", ["sigmoid", "ipo"])
def test_dpo_and_ipo_prepare_both_sides(tokens, args, loss, tmp_path):
    from trl import DPOConfig, DPOTrainer

    given = rows("trl_dpo")
    trainer = DPOTrainer(
        tiny("causal", len(tokens), tmp_path),
        args=DPOConfig(**args, loss_type=[loss]),
        train_dataset=given,
        processing_class=tokens,
    )
    assert len(trainer.train_dataset) == len(given) == 5
    for row, made in zip(given, trainer.train_dataset, strict=True):
        for side in ("chosen", "rejected"):
            assert tokens.decode(made["prompt_ids"] + made[f"{side}_ids"]) == head(row, row["prompt"]) + written(
                row[side][0]
            )


def test_kto_prepares_completions_with_their_labels(tokens, args, tmp_path):
    from trl import KTOConfig, KTOTrainer

    given = rows("trl_kto")
    weights = yaml.safe_load((Path(RELEASE) / "trl_kto" / "kto.yaml").read_text(encoding="utf-8"))
    config = KTOConfig(**args, **weights, per_device_train_batch_size=2)
    assert (config.desirable_weight, config.undesirable_weight) == (1.0, 1.0)
    trainer = KTOTrainer(
        tiny("causal", len(tokens), tmp_path), args=config, train_dataset=given, processing_class=tokens
    )
    said = {tokens.decode(made["prompt_ids"] + made["completion_ids"]): made["label"] for made in trainer.train_dataset}
    assert said == {head(row, row["prompt"]) + written(row["completion"][0]): row["label"] for row in given}
    assert sorted(said.values()) == [False, False, True, True, True]


def test_a_reward_model_prepares_whole_dialogues_with_margins(tokens, args, tmp_path):
    from trl import RewardConfig, RewardTrainer

    given = rows("trl_reward")
    trainer = RewardTrainer(
        tiny("reward", len(tokens), tmp_path), args=RewardConfig(**args), train_dataset=given, processing_class=tokens
    )
    assert len(trainer.train_dataset) == len(given) == 5
    for row, made in zip(given, trainer.train_dataset, strict=True):
        for side in ("chosen", "rejected"):
            *before, last = row[side]
            assert tokens.decode(made[f"{side}_ids"]) == head(row, before) + written(last)
        assert made["margin"] == 0.5


def test_grpo_gives_reward_functions_the_spec_of_each_prompt(tokens, args, tmp_path):
    from trl import GRPOConfig, GRPOTrainer

    seen: list[tuple[str, str]] = []

    def reward(prompts, completions, spec, function, **more) -> list[float]:
        seen.extend((prompt[0]["content"], one) for prompt, one in zip(prompts, spec, strict=True))
        return [float(i) for i in range(len(completions))]

    given = rows("trl_grpo")
    args = {k: v for k, v in args.items() if k != "max_length"} | {
        "per_device_train_batch_size": 4, "num_generations": 2, "max_completion_length": 4, "max_steps": 1, "logging_steps": 1,
    }  # fmt: skip
    model = tiny("causal", len(tokens), tmp_path)
    GRPOTrainer(
        model, reward_funcs=reward, args=GRPOConfig(**args), train_dataset=given, processing_class=tokens
    ).train()
    assert set(seen) == {(row["prompt"][0]["content"], row["spec"]) for row in given}


def test_all_formats_of_the_card_load(tmp_path):
    """Configurations of other trainers too: the card's head is read by one reader for all."""
    from datasets import get_dataset_config_names

    names = get_dataset_config_names(RELEASE)
    assert {"trl_sft", "axolotl_sft", "llama_factory_dpo", "openrlhf_sft", "rows_chat", "rows_preference"} <= set(names)
    for name in names:
        split = "rows" if name.startswith("rows_") else "train"
        assert len(load_dataset(RELEASE, name, split=split, cache_dir=str(tmp_path)))


def test_croissant_is_valid_and_its_records_are_the_rows():
    """By mlcroissant, the reader of the specification's authors."""
    import mlcroissant

    said = mlcroissant.Dataset(jsonld=f"{RELEASE}/croissant.json")
    assert not said.metadata.ctx.issues.errors
    assert {one.uuid for one in said.metadata.record_sets} >= {"trl_dpo-train-00000", "llama_factory_kto-train-00000"}
    found = [row["trl_dpo-train-00000/id"].decode() for row in said.records("trl_dpo-train-00000")]
    assert found == [row["id"] for row in rows("trl_dpo")]
