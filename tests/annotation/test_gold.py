"""Rows whose answer is known: files of them, who finds the answer, and that no answer to them counts for anything else."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from annotation.agreed import agreement
from annotation.errors import ReviewError
from annotation.gold import Rate, doubtful, pass_rates, passes, read_gold
from annotation.labels import Labels
from annotation.resolve import Policy, resolve
from annotation.review_tasks import task
from tests.annotation.test_labels import NOW
from tests.annotation.test_review_records import pair
from tests.annotation.voting import put, say, vote

MAJORITY = Policy("majority")


@pytest.fixture
def labels(tmp_path: Path) -> Labels:
    """Empty label shards."""
    one = Labels(tmp_path / "labels")
    one.folder.mkdir()
    return one


def declare(labels: Labels, line: dict[str, Any], expected: dict[str, Any], kind: str = "gold") -> None:
    """Says that a row's answer is known."""
    known = {
        "name": "november",
        "task": line["task"],
        "row": line["row"],
        "content": line["content"],
        "kind": kind,
        "at": NOW,
    }
    labels.append("gold", [known | {"expected": json.dumps(expected)}])


def test_pass_rates_are_told_apart_and_a_gold_row_that_most_miss_is_doubtful(labels: Labels):
    first, second, third = (vote(labels, n, "a", "b", "a") for n in range(3))
    declare(labels, first, {"preference": "a"})  # r-1 and r-3 are right
    declare(labels, second, {"preference": ["b", "both_bad"]})  # r-2 is
    declare(labels, third, {"preference": "a"}, "attention")
    rates = pass_rates(labels)
    assert {who: (rate.gold, rate.attention) for who, rate in rates.items()} == {
        "r-1": (Rate(1, 2), Rate(1, 1)), "r-2": (Rate(1, 2), Rate(0, 1)), "r-3": (Rate(1, 2), Rate(1, 1)),
    }  # fmt: skip
    assert doubtful(labels) == {("november", second["row"]): Rate(1, 3)}
    assert doubtful(labels, least=4) == {}


def test_answers_to_gold_rows_count_in_no_agreement_and_no_decision(labels: Labels):
    known, other = vote(labels, 1, "a", "a", "b"), vote(labels, 2, "b", "b", "b")
    assert len(agreement(labels.answers())) == 2
    declare(labels, known, {"preference": "a"})  # also where they were given before it was declared
    assert {row["row"] for row in labels.answers()} == {other["row"]}
    assert [one.alpha.units for one in agreement(labels.answers())] == [1, 1]
    assert {one.row for one in resolve(labels, MAJORITY).decisions} == {other["row"]}
    harmful = put(labels, pair(1, people=3), task="preference_harmful")
    say(labels, harmful, "r-7", {"preference": "b"})
    assert {row["row"] for row in labels.answers()} == {other["row"]}  # the same row in a variant of the task


def test_an_answer_to_what_a_gold_row_was_before_is_no_failure(labels: Labels):
    line = vote(labels, 1, "b", "b", "b")
    declare(labels, line | {"content": b"1" * 16}, {"preference": "a"})
    assert pass_rates(labels) == {}
    assert labels.answers() == []


def test_a_later_declaration_takes_the_place_of_an_earlier_one(labels: Labels):
    line = vote(labels, 1, "a", "b", "a")
    declare(labels, line, {"preference": "a"})
    declare(labels, line, {"preference": "b"})
    assert [rate.gold.passed for rate in pass_rates(labels).values()] == [0, 1, 0]


def test_who_fails_too_many_gold_rows_is_left_out_of_decisions(labels: Labels):
    for n in range(4):
        declare(labels, vote(labels, n, "a", "a", "b"), {"preference": "a"})
    line = vote(labels, 9, "a", "b", "b")
    assert next(d for d in resolve(labels, MAJORITY).decisions if d.row == line["row"]).outcome == "b"
    found = resolve(labels, Policy("majority", gold_least=0.7))
    (one,) = found.decisions
    assert found.excluded == {"r-3": 0.0}
    assert (one.outcome, one.method, one.disputed, one.voters) == (None, "undecided", True, ["r-1", "r-2"])


@pytest.mark.parametrize(
    ("of", "expected", "values", "right"),
    [
        ("quality", {"verdict": "bad"}, {"verdict": "bad"}, True),
        ("quality", {"verdict": "bad"}, {"verdict": "cannot_tell"}, False),
        ("quality", {"correctness": [1, 2]}, {"correctness": 2}, True),
        ("quality", {"verdict": "bad", "correctness": [1, 2]}, {"verdict": "bad", "correctness": 3}, False),
        ("quality", {"coherence": 1}, {"verdict": "bad"}, False),  # it was not answered
        ("safety", {"harms": ["hate"]}, {"harms": ["rights", "hate"]}, True),
        ("safety", {"harms": ["hate", "rights"]}, {"harms": ["hate"]}, False),
    ],
)
def test_an_answer_is_right_in_all_that_is_expected(of: str, expected: Any, values: Any, right: bool):
    assert passes(of, expected, values) is right


ROWS = """
- prompt: 日本の首都はどこですか。
  texts: [大阪です。]
  expected: {verdict: bad, correctness: [1, 2]}
- row: 0123456789abcdef0123456789abcdef
  kind: attention
  expected: {verdict: good}
"""


def test_a_file_is_yaml_or_parquet(tmp_path: Path):
    (tmp_path / "gold.yaml").write_text(ROWS)
    rows = read_gold(tmp_path / "gold.yaml", task("quality"))
    assert [row.kind for row in rows] == ["gold", "attention"]
    said = [
        {
            "prompt": "日本の首都はどこですか。",
            "texts": ["大阪です。"],
            "expected": '{"verdict": "bad", "correctness": [1, 2]}',
        },
        {"row": "0123456789abcdef0123456789abcdef", "expected": '{"verdict": "good"}', "kind": "attention"},
    ]
    texts = {name: pa.string() for name in ("prompt", "row", "expected", "kind")}
    schema = pa.schema({"texts": pa.list_(pa.string()), **texts})
    pq.write_table(pa.Table.from_pylist(said, schema=schema), tmp_path / "gold.parquet")
    assert read_gold(tmp_path / "gold.parquet", task("quality")) == rows
    assert rows[0].item(2).people == 2
    assert rows[0].item(1).row == read_gold(tmp_path / "gold.parquet", task("quality"))[0].item(1).row


@pytest.mark.parametrize(
    ("of", "said", "why"),
    [
        ("quality", "rows: 3", "holds no list of rows"),
        ("quality", "- [", "is neither YAML nor Parquet"),
        ("quality", "- {prompt: 問, texts: [答]}", r"row 1\.expected: Field required"),
        ("quality", "- {row: xyz, expected: {verdict: bad}}", r"row 1\.row: String should match"),
        ("quality", "- {prompt: 問, expected: {verdict: bad}}", "row 1: `prompt` and `texts` belong together"),
        ("quality", "- {expected: {verdict: bad}}", "row 1: a row is `row`, the id of one that was pushed"),
        (
            "quality",
            "- {prompt: 問, texts: [答], expected: {verdict: poor}}",
            r"expected\.verdict: 'poor' is no answer to .*good, fixable",
        ),
        (
            "quality",
            "- {prompt: 問, texts: [答], expected: {taste: good}}",
            "'quality' asks no 'taste' with answers to choose from; verdict",
        ),
        ("quality", "- {prompt: 問, texts: [答], expected: {comment: 良い}}", "'quality' asks no 'comment'"),
        (
            "quality",
            "- {prompt: 問, texts: [答, 答え], expected: {verdict: bad}}",
            r"row 1\.texts: 2 texts; 'quality' shows 1",
        ),
        ("preference", "- {prompt: 問, texts: [答], expected: {preference: a}}", "1 texts; 'preference' shows 2"),
        (
            "ranking",
            "- {prompt: 問, texts: [一, 二], expected: {order: [b, a]}}",
            r"is no order; name ranks of some of a, b",
        ),
        ("ranking", "- {prompt: 問, texts: [一, 二], expected: {order: {a: 1, b: 1}}}", "is no order"),
        (
            "quality",
            "- {prompt: 問, texts: [答], expected: {verdict: bad}, kind: trap}",
            r"row 1\.kind: Input should be 'gold'",
        ),
    ],
)
def test_a_file_that_cannot_be_names_its_place(tmp_path: Path, of: str, said: str, why: str):
    (tmp_path / "gold.yaml").write_text(said)
    with pytest.raises(ReviewError, match=why):
        read_gold(tmp_path / "gold.yaml", task(of))
    with pytest.raises(ReviewError, match=r"none\.yaml: cannot be read"):
        read_gold(tmp_path / "none.yaml", task(of))
