"""What people decided, joined to the rows: swapped, dropped, rewritten; and nothing vanishes."""

from pathlib import Path

import orjson
import pytest

from annotation.release.decisions import Decisions, Settled
from annotation.release.documents import Documents
from annotation.release.formats import formats
from annotation.release.make import Order, make
from annotation.release.sources import open_source
from curation.provenance import key
from recipes.engine.recipe_file import POLICY
from synth.obligations import Target
from synth.policy_file import load_policy
from tests.release.made_sets import (
    BETTER,
    CONTACT,
    USER,
    WEATHER,
    WORSE,
    call,
    dialogue,
    generated,
    labelled,
    pair,
    paired,
    rows_of,
    say,
)  # fmt: skip

REWRITE = "玄米の表面から糠を取り除くことです。"
SPEC = orjson.dumps({"turns": [{"turn": 1, "constraints": [{"kind": "keyword_include", "keywords": ["糠"]}]}]}).decode()
ASKED = say("user", "精米とは何ですか。")
GOOD, BAD = say("assistant", "糠を除くことです。"), say("assistant", "米を炊くことです。")


def decided(folder: Path, sets: list[Path], names: list[str], *found: Settled) -> dict:
    """The manifest of a release with these decisions, in `folder/out`."""
    documents = Documents()
    sources = [open_source(str(one), one.name, documents) for one in sets]
    target = Target("trial", "train_internal", publish=False)
    order = Order(
        "trial",
        "1",
        sources,
        formats(names),
        target,
        load_policy(POLICY),
        CONTACT,
        "2026-11-26",
        decisions=Decisions.of(found),
    )
    return make(order, str(folder / "out"))


def said(task: str, name: str, outcome: str | None, text: str | None = None) -> Settled:
    """A decision about the row of this name."""
    return Settled(key("row", name), task, outcome, "majority", text)


def test_people_swap_drop_and_keep_pairs(tmp_path: Path):
    outcomes = {
        "kept": "a",
        "swapped": "b",
        "alike": "same",
        "poor": "both_bad",
        "hard": "cannot_tell",
        "disputed": None,
    }
    rows = [pair(name, [USER], BETTER, WORSE, rejected_origin="model") for name in (*outcomes, "unasked")]
    found = [said("preference", name, outcome) for name, outcome in outcomes.items()]
    made = decided(tmp_path, [paired(tmp_path / "preference", rows)], ["trl_dpo"], *found)
    assert made["rejected"] == {"undecided": 2, "same": 1, "both_bad": 1}
    assert made["rows_in"] == 7 == made["rows_out"] + 4
    kept = {row["id"]: row for row in rows_of(tmp_path, "preference")}
    assert kept.keys() == {key("row", name) for name in ("kept", "swapped", "unasked")}
    swapped = kept[key("row", "swapped")]
    assert (orjson.loads(swapped["chosen"]), orjson.loads(swapped["rejected"])) == ([WORSE], [BETTER])
    assert (swapped["origin"], swapped["decision"]["outcome"], swapped["margin"]) == ("model", "b", None)
    assert kept[key("row", "unasked")]["decision"] is None
    assert made["decisions"]["preference: b"] == 1


def test_a_corrected_answer_takes_the_rewrite_and_makes_a_pair_with_what_it_was(tmp_path: Path):
    sets = [
        generated(tmp_path / "instruct", [dialogue("fixed", [ASKED, GOOD], [1], spec=SPEC)]),
        paired(tmp_path / "preference", []),
    ]
    made = decided(tmp_path, sets, ["trl_sft", "trl_dpo"], said("correction", "fixed", "fixed", REWRITE))
    (row,) = rows_of(tmp_path)
    assert orjson.loads(row["messages"])[1]["content"] == REWRITE
    assert (row["origin"], row["train"], row["decision"]["task"]) == ("human", [1], "correction")
    (of,) = rows_of(tmp_path, "preference")
    assert of["strategy"] == "correction"
    assert orjson.loads(of["chosen"])[0]["content"] == REWRITE
    assert orjson.loads(of["rejected"]) == [GOOD]
    assert orjson.loads(of["spec"])[0]["kind"] == "keyword_include"
    assert of["split_group"] == row["split_group"]
    assert (made["shards"]["preference"]["made_by_people"], made["rows_in"], made["rows_out"]) == (1, 2, 2)


def test_answers_in_which_errors_are_marked_wait_for_a_correction(tmp_path: Path):
    rows = [dialogue(name, [say("user", f"{name}？"), GOOD], [1]) for name in ("marked", "clean", "mended")]
    found = [
        said("spans", name, outcome)
        for name, outcome in (("marked", "marked"), ("clean", "none"), ("mended", "marked"))
    ]
    found.append(said("correction", "mended", "fixed", REWRITE))
    made = decided(tmp_path, [generated(tmp_path / "instruct", rows)], ["trl_sft"], *found)
    assert made["rejected"] == {"needs_correction": 1}
    assert {row["id"] for row in rows_of(tmp_path)} == {key("row", "clean"), key("row", "mended")}


def test_a_rewrite_is_held_to_what_was_asked_and_to_the_rules_of_authors(tmp_path: Path):
    rows = [dialogue(name, [say("user", f"{name}？"), GOOD], [1], spec=SPEC) for name in ("breaks", "brags", "good")]
    found = [
        said("correction", "breaks", "rewritten", "よくわかりません。"),
        said("correction", "brags", "rewritten", "私はOpenAIが開発したAIです。糠を除きます。"),
        said("correction", "good", "keep"),
    ]
    made = decided(tmp_path, [generated(tmp_path / "instruct", rows)], ["trl_sft"], *found)
    assert made["rejected"] == {"rewrite_fails": 1, "forbidden_author": 1}
    assert [row["id"] for row in rows_of(tmp_path)] == [key("row", "good")]


def test_a_call_that_a_person_corrected_is_a_call_again(tmp_path: Path):
    """People see calls as lines ▶ name(arguments) and write them so; a chat template must get calls and no prose."""
    asked = [say("user", "札幌の天気は？"), call("tenki", 1, basho="京都")]
    rows = [
        dialogue(name, [{**asked[0], "content": f"{name} 札幌の天気は？"}, asked[1]], [1], WEATHER)
        for name in ("fixed", "broken")
    ]
    found = [
        said("correction", "fixed", "fixed", '▶ tenki({"basho": "札幌"})'),
        said("correction", "broken", "fixed", "▶ tenki({basho: 札幌})"),
    ]
    made = decided(tmp_path, [generated(tmp_path / "instruct", rows)], ["trl_sft"], *found)
    assert made["rejected"] == {"rewrite_fails": 1}
    (row,) = rows_of(tmp_path)
    turn = orjson.loads(row["messages"])[1]
    assert (turn["content"], turn["tool_calls"][0]["function"]["name"]) == ("", "tenki")
    assert orjson.loads(turn["tool_calls"][0]["function"]["arguments"]) == {"basho": "札幌"}


def test_personal_data_in_a_rewrite_is_masked(tmp_path: Path):
    rows = [dialogue("phone", [ASKED, GOOD], [1], spec=SPEC)]
    written = "糠を除くことです。詳しくは03-1234-5678へ。"
    made = decided(
        tmp_path, [generated(tmp_path / "instruct", rows)], ["trl_sft"], said("correction", "phone", "fixed", written)
    )
    (row,) = rows_of(tmp_path)
    assert orjson.loads(row["messages"])[1]["content"] == "糠を除くことです。詳しくは【電話番号】へ。"
    assert made["masked"] == row["masked"] == 1


def test_bad_answers_are_left_out_with_a_reason_and_a_correction_outweighs_them(tmp_path: Path):
    names = ("bad", "fixable", "harmful", "nonsense", "corrected")
    rows = [dialogue(name, [say("user", f"{name}？"), GOOD], [1]) for name in names]
    found = [
        said("quality", "bad", "bad"), said("quality", "fixable", "fixable"), said("safety", "harmful", "harmful"),
        said("correction", "nonsense", "bad"), said("quality", "corrected", "bad"),
        said("correction", "corrected", "rewritten", REWRITE),
    ]  # fmt: skip
    made = decided(tmp_path, [generated(tmp_path / "instruct", rows)], ["trl_sft"], *found)
    assert made["rejected"] == {"bad_answer": 1, "bad_request": 1, "harmful": 1, "needs_correction": 1}
    assert [row["id"] for row in rows_of(tmp_path)] == [key("row", "corrected")]
    left = {row["reason"]: row for row in rows_of(tmp_path, part="rejected")}
    assert left["bad_answer"]["detail"] == "quality: bad (majority)"
    assert left["bad_answer"]["messages"] is not None
    assert left["harmful"]["messages"] is None, "what does harm is not kept beside the release"


@pytest.mark.parametrize("answer", [GOOD, BAD], ids=["the_same_turn", "another_turn"])
@pytest.mark.parametrize("names", [["trl_sft", "trl_dpo", "trl_kto"], ["trl_dpo", "trl_kto"]], ids=len)
def test_an_answer_that_people_found_bad_is_no_chosen_one_and_no_good_one(
    tmp_path: Path, answer: dict, names: list[str]
):
    """A pair holds a turn of a row under the row's id; the decision is about the last turn that people saw."""
    same = answer is GOOD
    rows = [dialogue("bad", [ASKED, GOOD], [1])]
    pairs = [pair("of_bad", [ASKED], answer, WORSE, chosen_id=key("row", "bad"))]
    kto = [labelled("k", [ASKED], answer, True, answer_id=key("row", "bad"))]
    sets = [generated(tmp_path / "instruct", rows), paired(tmp_path / "preference", pairs, kto)]
    made = decided(tmp_path, sets, names, said("quality", "bad", "bad"))
    assert made["shards"]["preference"]["rejected"] == ({"bad_answer": 1} if same else {})
    (row,) = rows_of(tmp_path, "answer")
    assert row["label"] is not same
