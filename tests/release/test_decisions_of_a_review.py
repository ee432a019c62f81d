"""A set of decisions as `seimai review resolve` writes it, joined by what people saw: `seimai release --labels`."""

from pathlib import Path

import orjson
import pytest

from annotation.decision import Decision, write_decisions
from annotation.errors import ReviewError
from annotation.items import Item, of_answer, of_pair
from annotation.labels import Labels
from annotation.record import records_of
from annotation.review_tasks import task
from recipes.engine.forget.command import Asked, Places, forget
from tests.annotation.test_labels import answer
from tests.release.made_sets import (
    BETTER,
    CASES,
    USER,
    WORSE,
    dialogue,
    generated,
    labelled,
    pair,
    paired,
    released,
    rows_of,
    say,
)  # fmt: skip

GOOD = say("assistant", "糠を除くことです。")


def line(item: Item, of: str, question: str, outcome: str | None = None, **more) -> Decision:
    """A line about just what people would see of a row today."""
    record = records_of(task(of), item, "trial/set", "salt")[0]
    kind = "rating" if "points" in more else "text" if "text" in more else "label"
    made = {
        "answers": item.answers,
        "document": item.document,
        "harmful": False,
        "method": "majority",
        "people": 2,
        "wanted": 3,
    }
    return Decision(
        "trial/set", of, item.row, record.content, "v1", question=question, kind=kind, outcome=outcome, **made | more
    )


def test_lines_are_joined_by_row_and_by_what_people_saw(tmp_path: Path):
    rows = [
        dialogue(name, [say("user", f"{name}？"), GOOD], [1]) for name in ("bad", "changed", "rated", "fixed", "open")
    ]
    pairs = [pair("swapped", [USER], BETTER, WORSE)]
    answers = [labelled("k", [say("user", "rated？")], GOOD, True, answer_id=rows[2]["id"])]
    sets = [generated(tmp_path / "instruct", rows), paired(tmp_path / "preference", pairs, answers)]
    items = {name: of_answer(row) for name, row in zip(("bad", "changed", "rated", "fixed", "open"), rows, strict=True)}
    before = of_answer(dialogue("changed", [say("user", "changed？"), say("assistant", "前の回答です。")], [1]))
    lines = [
        line(items["bad"], "quality", "verdict", "bad"),
        line(before, "quality", "verdict", "bad"),
        line(items["rated"], "quality", "verdict", "good"),
        line(items["rated"], "quality", "helpfulness", points=4.5),
        line(items["rated"], "quality", "verbosity", points=3.0),
        line(items["fixed"], "correction", "decision", "fixed"),
        line(items["fixed"], "correction", "rewrite", text="表面から糠を除くことです。"),
        line(items["open"], "quality", "verdict", "good", disputed=True),
        line(of_pair(pairs[0]), "preference", "preference", "b"),
        line(of_answer(dialogue("gone", [say("user", "gone？"), GOOD], [1])), "quality", "verdict", "bad"),
    ]
    write_decisions(str(tmp_path / "labels" / "decisions"), lines, {})
    made = released(tmp_path, sets, ["trl_sft", "trl_dpo", "nemo_steerlm"], labels=tmp_path / "labels")
    assert made["rejected"] == {"bad_answer": 1, "undecided": 1}
    assert made["decisions_on_other_texts"] == 1, "people read another text of that row"
    assert made["decisions_on_other_rows"] == 1, "a row that the sets no longer have"
    said = {
        orjson.loads(row["messages"])[0]["content"]: orjson.loads(row["messages"])[1]["content"]
        for row in rows_of(tmp_path)
    }
    assert said == {"changed？": GOOD["content"], "rated？": GOOD["content"], "fixed？": "表面から糠を除くことです。"}
    chosen = {row["strategy"]: orjson.loads(row["chosen"])[0]["content"] for row in rows_of(tmp_path, "preference")}
    assert chosen == {"near_miss": WORSE["content"], "correction": "表面から糠を除くことです。"}
    (rated,) = rows_of(tmp_path, "answer")
    assert (rated["attributes"]["helpfulness"], rated["attributes"]["verbosity"]) == (4, 2)
    assert made["formats"]["nemo_steerlm"]["splits"]["train"]["rows"] == 1
    card = (tmp_path / "out" / "README.ja.md").read_text(encoding="utf-8")
    assert "| 書き直し | 直した | 多数決 | 2 |" in card


def test_labels_that_nobody_settled_are_named(tmp_path: Path):
    sets = [generated(tmp_path / "instruct", [CASES["japanese"]])]
    with pytest.raises(ReviewError, match="`seimai review resolve` makes them"):
        released(tmp_path, sets, ["trl_sft"], labels=tmp_path / "labels")


def test_a_release_with_labels_that_decide_about_no_row_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    write_decisions(str(tmp_path / "labels" / "decisions"), [], {})
    sets = [generated(tmp_path / "instruct", [CASES["japanese"]])]
    assert released(tmp_path, sets, ["trl_sft"], labels=tmp_path / "labels")["rows_out"] == 1
    assert "labels/decisions decides about no row: every row is released as it was made" in capsys.readouterr().out


def test_answers_that_came_after_the_decisions_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    labels, row = Labels(tmp_path / "labels"), CASES["japanese"]
    lines = [line(of_answer(row), "quality", "verdict", "good")]
    labels.append("answers", [answer("one")])
    write_decisions(str(labels.folder / "decisions"), lines, {"from": labels.lines()})
    sets = [generated(tmp_path / "instruct", [row])]
    released(tmp_path, sets, ["trl_sft"], labels=labels.folder)
    assert "older" not in capsys.readouterr().out
    labels.append("answers", [answer("two"), answer("one", 2, values='{"verdict": "bad"}')])
    (tmp_path / "out").rename(tmp_path / "before")
    released(tmp_path, sets, ["trl_sft"], labels=labels.folder)
    assert "the decisions are older than the label shards: 2 answers or gold rows came since" in capsys.readouterr().out


def test_a_release_says_whether_somebody_who_is_forgotten_had_a_part_in_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    labels, row = Labels(tmp_path / "labels"), CASES["japanese"]
    lines = [line(of_answer(row), "quality", "verdict", "good", voters=["r-00000001"], adjudicator="r-00000002")]
    write_decisions(str(labels.folder / "decisions"), lines, {})
    released(tmp_path, [generated(tmp_path / "instruct", [row])], ["trl_sft"], labels=labels.folder)
    out = str(tmp_path / "out")

    def told(who: str) -> str:
        capsys.readouterr()
        places = Places([out], str(tmp_path / "forgotten"), labels.folder, tmp_path / "no-review")
        forget(Asked(annotators=[who], reason="asked", by="Sato"), places, dry_run=True)
        return capsys.readouterr().out

    for who in ("r-00000001", "r-00000002"):
        assert f"{out}: this release holds what they decided or wrote of 1 rows; make it anew" in told(who)
    assert "this release" not in told("r-00000003")
    write_decisions(str(labels.folder / "decisions"), [], {})
    assert f"{out}: this release was made with decisions that are here no more" in told("r-00000003")
