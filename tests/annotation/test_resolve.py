"""Decisions by hand: what several people's answers are together, whose answers count, and what stays undecided."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from annotation.decision import SCHEMA, Decision, read_decisions, write_decisions
from annotation.errors import ReviewError
from annotation.labels import Labels
from annotation.resolve import Policy, resolve
from tests.annotation.test_labels import NOW
from tests.annotation.test_review_records import pair
from tests.annotation.voting import put, ranks, say, settle, vote

MAJORITY = Policy("majority")


@pytest.fixture
def labels(tmp_path: Path) -> Labels:
    """Empty label shards."""
    one = Labels(tmp_path / "labels")
    one.folder.mkdir()
    return one


def of(labels: Labels, line: dict[str, Any], question: str = "preference", policy: Policy = MAJORITY) -> Decision:
    """The decision of one question of a row."""
    found = [d for d in resolve(labels, policy).decisions if (d.row, d.question) == (line["row"], question)]
    assert len(found) == 1, found
    return found[0]


PREFERENCES = [  # what people said, outcome, method, people, could not tell
    (("a", "a", "a"), "a", "unanimous", 3, 0),
    (("a", "b", "a"), "a", "majority", 3, 0),
    (("a", "b", "same"), None, "undecided", 3, 0),
    (("same", "b", "same"), "same", "majority", 3, 0),
    (("both_bad", "both_bad", "both_bad"), "both_bad", "unanimous", 3, 0),
    (("both_bad", "cannot_tell", "both_bad"), "both_bad", "unanimous", 2, 1),
    (("cannot_tell", "cannot_tell", "cannot_tell"), "cannot_tell", "unanimous", 3, 3),
    (("b", "cannot_tell", "cannot_tell"), "b", "single", 1, 2),
    (("a", "b", "cannot_tell"), None, "undecided", 2, 1),
    (("b",), "b", "single", 1, 0),
]


def test_preferences_are_settled_as_by_hand_and_same_both_bad_and_cannot_tell_stay_apart(labels: Labels):
    lines = [vote(labels, n, *said) for n, (said, *_) in enumerate(PREFERENCES)]
    for line, (said, outcome, method, people, abstained) in zip(lines, PREFERENCES, strict=True):
        found = of(labels, line)
        assert (found.outcome, found.method, found.people, found.abstained) == (outcome, method, people, abstained), (
            said
        )
        assert found.disputed == (outcome is None)
        assert found.voters == [f"r-{n}" for n in range(1, len(said) + 1)]
        assert found.votes == {value: said.count(value) for value in said}
        assert found.answers == line["answers"]


def test_a_row_that_not_all_have_answered_is_no_dispute_yet_and_one_that_nobody_answered_has_no_line(labels: Labels):
    waits, nobody = vote(labels, 1, "a", "b"), vote(labels, 2)
    assert (of(labels, waits).method, of(labels, waits).disputed) == ("undecided", False)
    assert nobody["row"] not in {one.row for one in resolve(labels, MAJORITY).decisions}


def test_answers_to_what_the_row_was_before_do_not_count(labels: Labels):
    vote(labels, 1, "a", "a", "a")
    line = put(labels, pair(1, people=3, texts=("もっとよい回答です。", "わるい回答です。")), minutes=5)
    assert resolve(labels, MAJORITY).decisions == []
    say(labels, line, "r-4", {"preference": "b"})
    assert of(labels, line).outcome == "b"


def test_a_row_that_was_asked_again_is_decided_by_its_newest_version(labels: Labels):
    line = vote(labels, 1, "a", "a", "a")
    put(labels, pair(1, people=3), minutes=9, version="f" * 10)
    say(labels, line, "r-1", {"preference": "b"}, version="f" * 10)
    assert (of(labels, line).outcome, of(labels, line).method, of(labels, line).version) == ("b", "single", "f" * 10)


def test_what_was_pushed_last_is_what_is_asked_whatever_the_clock_said_before(labels: Labels):
    """A machine's clock that was nine hours ahead (Windows beside Linux, in Japan) is put right between two pushes."""
    vote(labels, 1, "a", "a", "a")
    line = put(labels, pair(1, people=3, texts=("もっとよい回答です。", "わるい回答です。")), minutes=-540)
    say(labels, line, "r-4", {"preference": "b"})
    assert (of(labels, line).outcome, of(labels, line).method) == ("b", "single")
    put(labels, pair(1, people=3, texts=("もっとよい回答です。", "わるい回答です。")), minutes=-541, version="f" * 10)
    say(labels, line, "r-5", {"preference": "a"}, version="f" * 10)
    assert (of(labels, line).outcome, of(labels, line).version) == ("a", "f" * 10)


RANKINGS = [
    ([(1, 2, 3), (1, 2, 3)], (1, 2, 3), "unanimous"),
    ([(1, 2, 3), (1, 2, 3), (3, 2, 1)], (1, 2, 3), "majority"),
    ([(1, 2, 3), (2, 1, 3), (1, 1, 3)], None, "undecided"),  # a before b, b before a, equal: one each
    ([(1, 2, 3), (3, 1, 2), (2, 3, 1)], None, "undecided"),  # a before b before c before a
    ([(1, 2, 2), (1, 3, 3), (1, 2, 3)], (1, 2, 2), "majority"),
    ([(4, 1, 4)], (2, 1, 2), "single"),  # ranks without gaps
]


@pytest.mark.parametrize(("said", "wanted", "method"), RANKINGS)
def test_a_ranking_is_the_order_that_most_give_to_each_two_answers(
    labels: Labels, said: list[tuple[int, ...]], wanted: tuple[int, ...] | None, method: str
):
    line = put(labels, pair(1, people=len(said), texts=("一", "二", "三")), "ranking")
    for n, places in enumerate(said):
        say(labels, line, f"r-{n}", ranks(**dict(zip("abc", places, strict=True))))
    found = of(labels, line, "order")
    expected = [{"answer": a, "rank": r} for a, r in zip(line["answers"], wanted, strict=True)] if wanted else []
    assert (list(found.ranks), found.method, found.disputed) == (expected, method, wanted is None)
    assert of(labels, line, "usable").outcome == "good"


def quality(verdict: str, *points: int, **other: Any) -> dict[str, Any]:
    """An answer of the quality task."""
    return {"verdict": verdict} | dict(zip(("helpfulness", "correctness", "naturalness"), points, strict=True)) | other


def test_ratings_have_their_median_and_never_make_a_dispute(labels: Labels):
    line = put(labels, pair(1, people=2, texts=("回答です。",)), "quality")
    say(labels, line, "r-1", quality("good", 5, 4, 1, coherence=2))
    say(labels, line, "r-2", quality("good", 2, 4, 4))
    points = {d.question: (d.points, d.method) for d in resolve(labels, MAJORITY).decisions if d.kind == "rating"}
    assert points["helpfulness"] == (3.5, "median")
    assert points["correctness"] == (4.0, "unanimous")
    assert points["naturalness"] == (2.5, "median")
    assert points["coherence"] == (2.0, "single")
    assert len(points) == 4
    assert not resolve(labels, MAJORITY).disputed


def test_a_rewrite_is_decided_where_the_answer_was_to_be_corrected_and_two_rewrites_are_a_dispute(labels: Labels):
    kept, fixed, torn = (put(labels, pair(n, people=2, texts=(f"回答{n}",)), "correction") for n in range(3))
    said = {
        0: [("keep", "回答0"), ("keep", "回答0")],
        1: [("fixed", "直した回答\r\n"), ("fixed", "直した回答")],
        2: [("fixed", "直した"), ("fixed", "別に直した")],
    }
    for n, line in enumerate((kept, fixed, torn)):
        for who, (decision, text) in zip(("r-1", "r-2"), said[n], strict=True):
            say(labels, line, who, {"decision": decision, "rewrite": text})
    found = resolve(labels, MAJORITY).decisions
    assert [d.question for d in found if d.row == kept["row"]] == ["decision"]
    assert (of(labels, fixed, "rewrite").text, of(labels, fixed, "rewrite").method) == ("直した回答", "unanimous")
    assert (of(labels, torn, "decision").outcome, of(labels, torn, "rewrite").text) == ("fixed", None)
    assert resolve(labels, MAJORITY).disputed == [of(labels, torn, "rewrite").name]
    settle(labels, torn, "r-9", {"decision": "rewritten", "rewrite": "決めた回答"})
    found = of(labels, torn, "rewrite")
    assert (found.text, found.method, found.adjudicator, found.disputed) == ("決めた回答", "adjudicated", "r-9", False)
    assert found.voters == ["r-1", "r-2"]


def test_spans_are_the_characters_that_most_mark_and_labels_those_that_most_choose(labels: Labels):
    def marks(*places: tuple[int, int]) -> dict[str, Any]:
        made = [{"label": "fact", "start": a, "end": b} for a, b in places]
        return {"errors": made, "complete": "marked" if made else "none"}

    line = put(labels, pair(1, people=3, texts=("東京は日本の首都ではない。",)), "spans")
    for who, said in zip(("r-1", "r-2", "r-3"), (marks((0, 4), (8, 12)), marks((2, 6)), marks((3, 5))), strict=True):
        say(labels, line, who, said)
    found = of(labels, line, "errors")
    assert (list(found.spans), found.method) == ([{"start": 2, "end": 5, "kind": "fact"}], "majority")
    none = put(labels, pair(2, people=3, texts=("正しい。",)), "spans")
    for who, said in zip(("r-1", "r-2", "r-3"), (marks(), marks(), {"complete": "cannot_tell"}), strict=True):
        say(labels, none, who, said)
    assert (list(of(labels, none, "errors").spans), of(labels, none, "errors").people) == ([], 2)
    harm = put(labels, pair(3, people=3, texts=("害。",)), "safety")
    chosen = (["hate", "rights"], ["hate"], [])
    for who, harms in zip(("r-1", "r-2", "r-3"), chosen, strict=True):
        say(labels, harm, who, {"safety": "harmful", "refusal": "under", "harms": harms})
    assert list(of(labels, harm, "harms").labels) == ["hate"]


def test_who_settles_decides_unless_they_voted_on_the_row(labels: Labels):
    line, other = vote(labels, 1, "a", "b", "same"), vote(labels, 2, "a", "b", "same")
    settle(labels, line, "r-9", {"preference": "both_bad"})
    settle(labels, other, "r-2", {"preference": "b"})
    found = resolve(labels, MAJORITY)
    assert (of(labels, line).outcome, of(labels, line).method, of(labels, line).people) == (
        "both_bad",
        "adjudicated",
        1,
    )
    assert of(labels, other).method == "undecided"
    assert (found.own_votes, found.disputed) == ([of(labels, other).name], [of(labels, other).name])


def test_a_row_that_was_taken_back_keeps_its_decision_and_is_no_dispute(labels: Labels):
    decided, torn = vote(labels, 1, "a", "a", "b"), vote(labels, 2, "a", "b", "same")
    for line in (decided, torn):
        both = [row for row in labels.records().values() if row["row"] == line["row"]]
        gone = [
            {k: v for k, v in row.items() if k != "withdrawn"} | {"event": "withdrawn", "reason": "gone"}
            for row in both
        ]
        labels.append("records", gone)
    assert (of(labels, decided).outcome, of(labels, decided).method) == ("a", "majority")
    assert (of(labels, torn).method, of(labels, torn).disputed) == ("undecided", False)


def test_who_settles_may_change_their_answer_and_one_that_is_withdrawn_decides_nothing(labels: Labels):
    line = vote(labels, 1, "a", "b", "same")
    settle(labels, line, "r-9", {"preference": "a"})
    settle(labels, line, "r-9", {"preference": "b"}, n=2, updated_at=NOW + timedelta(days=1))
    assert of(labels, line).outcome == "b"
    settle(labels, line, "r-9", {"preference": "b"}, n=3, status="discarded")
    assert (of(labels, line).method, of(labels, line).disputed) == ("undecided", True)


def test_a_set_is_written_in_place_of_another_and_read_as_it_was(labels: Labels, tmp_path: Path):
    for n, (said, *_) in enumerate(PREFERENCES):
        vote(labels, n, *said)
    found = resolve(labels, MAJORITY).decisions
    url = str(tmp_path / "decisions")
    write_decisions(url, found[:3], {})
    manifest = write_decisions(url, found, {"policy": MAJORITY.about()})
    assert read_decisions(url) == found
    assert manifest == write_decisions(
        str(tmp_path / "again"), resolve(labels, MAJORITY).decisions, {"policy": MAJORITY.about()}
    )
    assert manifest["methods"] == {"majority": 2, "single": 2, "unanimous": 4, "undecided": 2}
    assert (manifest["rows"], manifest["disputed"]) == (10, 2)
    assert all(field.metadata[b"meaning"] for field in SCHEMA)
    (tmp_path / "decisions" / "data" / "00000.parquet").write_bytes(b"PAR1")
    with pytest.raises(ReviewError, match=r"00000\.parquet: SHA-256 is .*, the manifest says"):
        read_decisions(url)
    with pytest.raises(ReviewError, match=r"no manifest\.json, so these are no decisions"):
        read_decisions(str(tmp_path))
    with pytest.raises(ReviewError, match="is no set of decisions; give another folder"):
        write_decisions(str(labels.folder), found, {})


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (("taste",), "--method taste: there are majority, dawid_skene and mace"),
        (("dawid_skene",), "--method dawid_skene: needs --sure P"),
        (("majority", 0.9), "--method majority: has no --sure"),
        (("mace", 1.2), r"--sure 1\.2: must be in \(0, 1\]"),
        (("majority", None, 0.0), r"--gold-least 0\.0: must be in"),
    ],
)
def test_a_policy_that_cannot_be_is_refused(said: tuple[Any, ...], why: str):
    with pytest.raises(ReviewError, match=why):
        Policy(*said)
