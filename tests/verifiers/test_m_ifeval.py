"""M-IFEval's Japanese part: every constraint is expressible; constructed answers are judged rightly."""

import importlib.util
import json
from pathlib import Path

import pytest

from synth.verify.constraint import SpecError
from synth.verify.feasibility import conflicts
from synth.verify.m_ifeval import specs_of

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def made():
    spec = importlib.util.spec_from_file_location("_m_ifeval_answers", BENCHMARKS / "_m_ifeval_answers.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def rows(dev: Path) -> list[dict]:
    return [
        json.loads(line) for line in (dev / "benchmarks" / "m_ifeval_ja.jsonl").read_text(encoding="utf-8").splitlines()
    ]


def test_every_constraint_of_the_file_is_expressible(rows):
    specs = [spec for row in rows for spec in specs_of(row)]
    assert len(rows) == 172
    assert len(specs) == 226


def test_no_false_fail_on_satisfying_answers_and_no_false_pass_on_minimal_violations(made, dev: Path):
    measured = made.measured(dev / "benchmarks" / "m_ifeval_ja.jsonl")
    assert measured["good"] > 600
    assert measured["bad"] > 600
    assert not measured["false_fail"]
    assert not measured["false_pass"]
    assert len(measured["abstain"]) <= 0.02 * (measured["good"] + measured["bad"])


def test_no_prompt_of_the_file_is_called_infeasible(rows):
    """The set's own prompts were answered by models; a rule that called one impossible would be too strict."""
    assert not [(row["key"], found) for row in rows if (found := conflicts(specs_of(row)))]


@pytest.mark.parametrize(
    ("instruction", "arguments", "message"),
    [
        ("ja:letters:rhyme", {}, "row 7: no constraint here for 'ja:letters:rhyme'"),
        ("ja:letters:kanji", {"relation": "以上"}, "row 7: ja:letters:kanji: no argument 'kanji_limit'"),
        ("ja:letters:kanji", {"relation": "以下", "kanji_limit": 3}, "以上 and 未満, not '以下'"),
    ],
)
def test_what_is_not_known_is_named(instruction: str, arguments: dict, message: str):
    with pytest.raises(SpecError, match=message):
        specs_of({"key": 7, "instruction_id_list": [instruction], "kwargs": [arguments]})
