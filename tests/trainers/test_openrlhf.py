"""OpenRLHF 0.11: its own data sets (openrlhf/datasets of its wheel, without its dependencies) over the released files.

`uvx nox -s trainers -- openrlhf`. Its `strategy` is a stub: the two attributes of it that the data sets ask for, without DeepSpeed.
"""

import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("openrlhf", reason="OpenRLHF has an environment of its own: uvx nox -s trainers -- openrlhf")
RELEASE = Path(os.environ.get("SEIMAI_RELEASE", "/nowhere"))
if not RELEASE.exists():
    pytest.skip("SEIMAI_RELEASE names the release to load", allow_module_level=True)

from datasets import load_dataset  # noqa: E402

sys.path.insert(0, str(Path(__file__).parent))
from bytes_tokenizer import tokenizer  # noqa: E402


@pytest.fixture(scope="module")
def tokens(tmp_path_factory):
    return tokenizer(tmp_path_factory.mktemp("tokenizer"))


class Strategy:
    """Stands for DeepSpeed: says its arguments, and that it is the first rank."""

    def __init__(self, **data):
        self.args = SimpleNamespace(data=SimpleNamespace(apply_chat_template=True, **data))

    def is_rank_0(self) -> bool:
        return True


def rows(name: str):
    """A format's rows, as its loader (`blending_datasets`) opens a file of this ending."""
    return load_dataset("parquet", data_files=str(RELEASE / name / "train-00000.parquet"), split="train")


def said(messages: list) -> str:
    """The words of the last message."""
    return messages[-1]["content"]


def test_sft_learns_the_completion_alone(tokens):
    from openrlhf.datasets import SFTDataset

    given = rows("openrlhf_sft")
    made = SFTDataset(given, tokens, 1 << 18, Strategy(input_key="prompt", output_key="completion"), num_processors=1)
    assert len(made) == len(given) == 6
    for row, (ids, _, mask) in zip(given, (made[i] for i in range(len(made))), strict=True):
        learnt = [token for token, one in zip(ids[0].tolist()[1:], mask[0].tolist(), strict=False) if one]
        assert tokens.decode(learnt).startswith(said(row["completion"]))
        assert tokens.decode(ids[0]).startswith(
            f"<|im_start|>{row['prompt'][0]['role']}\n{row['prompt'][0]['content']}"
        )


def test_preference_rows_hold_both_answers_and_the_margin(tokens):
    from openrlhf.datasets import RewardDataset

    given = rows("openrlhf_preference")
    keys = {"prompt_key": "prompt", "chosen_key": "chosen", "rejected_key": "rejected"}
    for dpo in (False, True):
        made = RewardDataset(given, tokens, 1 << 18, Strategy(**keys), is_dpo=dpo, num_processors=1)
        assert len(made) == len(given) == 3
        for row, (chosen, _, rejected, _, extra) in zip(given, (made[i] for i in range(len(made))), strict=True):
            assert said(row["chosen"]) in tokens.decode(chosen[0])
            assert said(row["rejected"]) in tokens.decode(rejected[0])
            assert extra == 0.5 or dpo


def test_prompts_carry_their_spec_as_label(tokens):
    from openrlhf.datasets import PromptDataset

    given = rows("openrlhf_prompts")
    made = PromptDataset(given, tokens, Strategy(input_key="prompt", label_key="label"))
    assert [(source, json.loads(label)[0]["kind"]) for source, _, label, _ in (made[i] for i in range(len(made)))] == [
        ("writing", "char_count")
    ]
    assert made[0][1].endswith("<|im_start|>assistant\n")
