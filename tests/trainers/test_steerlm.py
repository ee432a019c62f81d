"""NeMo-Aligner 0.7's SteerLM: its regression data set and the chat preprocessing of NeMo 2.1 that its attribute-conditioned SFT
uses.

`uvx nox -s trainers -- steerlm`. Both wheels are there without their dependencies (Megatron, Apex and a GPU), so what these files
import is stubbed: packages whose `__init__` imports everything, NeMo's logger, its base classes, Megatron's process groups, and
`_create_ltor_masks_and_position_ids`, which makes attention masks of token ids. What reads and masks a row is theirs.
"""

import importlib.util
import json
import os
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

if importlib.util.find_spec("nemo_aligner") is None:
    pytest.skip("SteerLM has an environment of its own: uvx nox -s trainers -- steerlm", allow_module_level=True)
RELEASE = Path(os.environ.get("SEIMAI_RELEASE", "/nowhere"))
if not RELEASE.exists():
    pytest.skip("SEIMAI_RELEASE names the release to load", allow_module_level=True)

import torch  # noqa: E402

SITE = Path(str(importlib.util.find_spec("nemo_aligner").origin)).parents[1]
"""Where both wheels lie."""

MEGATRON = "nemo.collections.nlp.data.language_modeling.megatron"
SPECIAL = {
    "system_turn_start": "<extra_id_0>", "turn_start": "<extra_id_1>", "label_start": "<extra_id_2>", "end_of_turn": "\n",
    "end_of_name": "\n",
}  # fmt: skip


class Letters:
    """A tokenizer of code points; ids of NeMo's kind."""

    eos_id = 0

    def text_to_ids(self, text: str) -> list[int]:
        return [ord(c) for c in text]

    @staticmethod
    def text(ids) -> str:
        """The way back."""
        return "".join(map(chr, ids))


@pytest.fixture(scope="module", autouse=True)
def stubs():
    """Stands for what the two files import and do not need for reading a row."""

    def stub(name: str, **held) -> None:
        module = ModuleType(name)
        module.__path__ = [str(SITE.joinpath(*name.split(".")))]
        vars(module).update(held)
        sys.modules[name] = module

    log = SimpleNamespace(info=print, warning=print)
    names = [MEGATRON.rsplit(".", n)[0] for n in range(len(MEGATRON.split(".")) - 1, -1, -1)]
    for name in (*names, "nemo.collections.common", "nemo.collections.common.tokenizers"):
        stub(name)
    stub("nemo.utils", logging=log)
    stub("nemo.core", Dataset=object)
    stub(f"{MEGATRON}.gpt_sft_dataset", GPTSFTDataset=object)
    stub(f"{MEGATRON}.gpt_dataset", _create_ltor_masks_and_position_ids=lambda tokens, *_: (tokens, tokens > 0, tokens))
    stub("nemo.collections.common.tokenizers.tokenizer_spec", TokenizerSpec=object)
    stub("nemo_aligner.utils", parallel_state=None)


def lines(name: str) -> list[dict]:
    """Rows of a format."""
    return [
        json.loads(line) for line in (RELEASE / name / "train-00000.jsonl").read_text(encoding="utf-8").splitlines()
    ]


def test_the_answer_alone_is_learnt_given_its_attributes():
    from nemo.collections.nlp.data.language_modeling.megatron.gpt_sft_chat_dataset import preprocess

    rows = lines("nemo_steerlm")
    assert len(rows) == 1
    for row in rows:
        answer = row["conversations"][1]["value"]
        made = preprocess(
            json.loads(json.dumps(row)), Letters(), [ord("\n")], [ord(c) for c in "<extra_id_2>"], SPECIAL, 12
        )
        text = Letters.text(made["input_ids"].tolist())
        assert (
            "<extra_id_1>Assistant\n<extra_id_2>helpfulness:4,correctness:3,coherence:4,complexity:1,verbosity:2\n"
            in text
        )
        assert Letters.text(made["input_ids"][made["mask"]].tolist()) == f"{answer}\n<extra_id_1>"


def test_the_regression_model_reads_nine_numbers():
    from nemo_aligner.data.nlp.datasets import RegressionRewardModelDataset

    rows = lines("nemo_steerlm_reward")
    cfg = SimpleNamespace(data=type("Data", (dict,), {"data_impl": "jsonl"})())
    made = RegressionRewardModelDataset(cfg, Letters(), "train", "", list(range(len(rows))), rows, 4096, 1)
    assert len(made) == len(rows) == 1
    item = made[0]
    assert item["labels"].tolist() == [-100.0] * 4 + [4.0, 3.0, 4.0, 1.0, 2.0]
    assert Letters.text(item["inputs"][: item["lengths"]].tolist()) == rows[0]["text"]
    assert item["labels"].dtype == torch.float
