"""The end of a review's loop (tests/review/test_loop_by_hand.py): what people decided, as TRL's trainers prepare it.

SEIMAI_REVIEWED names a folder with the release (`released`) and what is expected by hand (`expected.json`).
"""

import json
import os
import sys
from pathlib import Path

import pytest

pytest.importorskip("trl", reason="TRL has an environment of its own: uvx nox -s review")
FOLDER = os.environ.get("SEIMAI_REVIEWED", "")
if not FOLDER:
    pytest.skip("SEIMAI_REVIEWED names what a review made", allow_module_level=True)

from datasets import load_dataset  # noqa: E402

sys.path.insert(0, str(Path(__file__).parent))
from bytes_tokenizer import MARKS, tiny, tokenizer  # noqa: E402

EXPECTED = json.loads((Path(FOLDER) / "expected.json").read_text())
USER, ANSWER, END = "<|im_start|>user\n", "<|im_start|>assistant\n", MARKS[2] + "\n"


@pytest.fixture(scope="module")
def tokens(tmp_path_factory):
    return tokenizer(tmp_path_factory.mktemp("tokenizer"))


@pytest.fixture
def args(tmp_path) -> dict:
    """What every trainer's configuration is given."""
    off = {"report_to": [], "use_cpu": True, "max_length": None, "bf16": False, "save_strategy": "no"}
    return {"output_dir": str(tmp_path), **off}


def turns(text: str) -> list[str]:
    """Request and answer of what the template wrote."""
    request, found, answer = text.removeprefix(USER).partition(END + ANSWER)
    assert text.startswith(USER)
    assert found
    assert answer.endswith(END)
    return [request, answer.removesuffix(END)]


def test_sft_learns_the_answers_that_people_left_or_wrote(tokens, args, tmp_path):
    from trl import SFTConfig, SFTTrainer

    given = load_dataset(f"{FOLDER}/released", "trl_sft", split="train")
    model = tiny("causal", len(tokens), tmp_path)
    trainer = SFTTrainer(model, SFTConfig(**args), train_dataset=given, processing_class=tokens)
    assert sorted(turns(tokens.decode(made["input_ids"])) for made in trainer.train_dataset) == EXPECTED["sft"]
    for made in trainer.train_dataset:
        learnt = [token for token, label in zip(made["input_ids"], made["labels"], strict=True) if label != -100]
        assert tokens.decode(learnt) == turns(tokens.decode(made["input_ids"]))[1] + END


def test_dpo_prefers_what_people_preferred(tokens, args, tmp_path):
    from trl import DPOConfig, DPOTrainer

    given = load_dataset(f"{FOLDER}/released", "trl_dpo", split="train")
    model = tiny("causal", len(tokens), tmp_path)
    trainer = DPOTrainer(model, args=DPOConfig(**args), train_dataset=given, processing_class=tokens)
    found = []
    for made in trainer.train_dataset:
        better, worse = (turns(tokens.decode(made["prompt_ids"] + made[f"{s}_ids"])) for s in ("chosen", "rejected"))
        assert better[0] == worse[0]
        found.append([*better, worse[1]])
    assert sorted(found) == EXPECTED["dpo"]
