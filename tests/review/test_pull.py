"""What annotators of the real server say, in label shards: in the row's own order, as events, nothing lost."""

import hashlib
import json
import re
import sqlite3
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from annotation.errors import ReviewError
from annotation.people import pseudonym
from annotation.pull import freeze
from annotation.review_tasks import task
from tests.annotation.test_review_records import pair
from tests.review.desk import Desk


def test_answers_on_mirrored_records_come_back_in_the_rows_own_order(desk: Desk):
    desk.push([pair(n, people=2) for n in range(12)])
    shown: dict[bytes, dict[str, str]] = {}
    for who in ("kiku", "ume"):
        for record in desk.seen(who):
            row = desk.by_external_id()[record["external_id"]]["row"]
            shown.setdefault(row, {})[who] = record["fields"]["a"]
            desk.answer(who, record["id"], preference="a")  # both always take what stands first
    assert all(set(first.values()) == {"よい回答です。", "わるい回答です。"} for first in shown.values())
    desk.pull()
    lines = desk.lines()
    assert len(lines) == 24
    assert {line["place"] for line in lines} == {"first"}
    for line in lines:
        who = {pseudonym(desk.users()[name]["id"]): name for name in ("kiku", "ume")}[line["annotator"]]
        # `a` is the row's own first answer, whose text begins with よい
        assert line["preference"] == ("a" if shown[line["row"]][who] == "よい回答です。" else "b")
    # so two people who look at nothing but places agree on no row
    by_row = Counter((line["row"], line["preference"]) for line in lines)
    assert set(by_row.values()) == {1}
    # and so says the coefficient: 12 of each, all apart; seen 1, chance 2 · 12 · 12 / (24 · 23); 1 − 1 / .5217
    said = desk.running.seimai("agreement", "--labels", str(desk.labels.folder))
    assert re.search(r"preference +│ nominal +│ +12 │ +24 │ +2 │ +-0\.917 ", said.replace("┃", "│")), said
    text = json.dumps(lines, default=str)
    assert "kiku" not in text
    assert desk.users()["kiku"]["id"] not in text


def test_every_choice_comes_back_apart_from_the_others(desk: Desk):
    choices = ["a", "b", "same", "both_bad", "cannot_tell"]
    desk.push([pair(n) for n in range(5)])
    given = {}
    for record, choice in zip(sorted(desk.seen("kiku"), key=lambda r: r["external_id"]), choices, strict=True):
        desk.answer("kiku", record["id"], preference=choice)
        order = desk.by_external_id()[record["external_id"]]["order"]
        own = {"a": "ab"[order[0]], "b": "ab"[order[1]]}
        given[record["external_id"]] = own.get(choice, choice)
    desk.pull()
    assert {line["external_id"]: line["preference"] for line in desk.lines()} == given


def test_two_pulls_at_once_take_every_answer_once(desk: Desk):
    desk.push([pair(n) for n in range(6)])
    for record in list(desk.seen("kiku")):
        desk.answer("kiku", record["id"], preference="same")
    with ThreadPoolExecutor(2) as both:
        taken = sorted(both.map(lambda _: desk.pull().events.total(), range(2)))
    assert (taken, len(desk.lines())) == ([0, 6], 6)


def test_ranks_and_ties_are_not_lost(desk: Desk):
    desk.task = task("ranking", answers=3)
    texts = ("一つ目です。", "二つ目です。", "三つ目です。")
    item = pair(1, people=2, texts=texts)
    desk.push([item])
    for who in ("kiku", "ume"):
        (record,) = desk.seen(who)
        # the second answer is the best; the other two are equally good, on rank 2: the options' order is not the ranks' order
        ranks = {slot: 1 if record["fields"][slot] == texts[1] else 2 for slot in "abc"}
        desk.answer(who, record["id"], order=[{"value": s, "rank": r} for s, r in ranks.items()], usable="good")
    desk.pull()
    assert len(desk.lines()) == 2
    for line in desk.lines():
        assert {r["answer"]: r["rank"] for r in line["ranks"]} == dict(zip(item.answers, (2, 1, 2), strict=True))
    assert {line["mirrored"] for line in desk.lines()} == {True, False}


def test_ratings_spans_and_rewrites_come_back_and_personal_data_does_not(desk: Desk):
    desk.task = task("quality")
    desk.push([pair(1, texts=("回答です。",))])
    (record,) = desk.seen("kiku")
    points = {"helpfulness": 4, "correctness": 5, "naturalness": 2}
    desk.answer("kiku", record["id"], verdict="fixable", comment="連絡先は03-1234-5678です。", **points)
    desk.task = task("spans")
    desk.push([pair(1, texts=("東京は日本の首都です。",))])
    (record,) = desk.seen("ume")
    desk.answer("ume", record["id"], errors=[{"label": "fact", "start": 0, "end": 2}], complete="marked")
    desk.task = task("correction")
    desk.push([pair(1, texts=("誤りのある回答です。",))])
    (record,) = desk.seen("ume")
    assert record["suggestions"][0]["value"] == "誤りのある回答です。"  # the box holds what is shown
    desk.answer("ume", record["id"], decision="fixed", rewrite="正しい\n回答です。")
    done = desk.pull()
    assert (done.events["answered"], done.masked) == (3, 1)
    quality, spans, correction = sorted(desk.lines(), key=lambda r: ["quality", "spans", "correction"].index(r["task"]))
    assert {r["question"]: r["points"] for r in quality["ratings"]} == points
    assert json.loads(quality["values"])["comment"] == "連絡先は【電話番号】です。"
    assert "1234" not in quality["given"]
    assert spans["spans"] == [{"start": 0, "end": 2, "kind": "fact"}]
    assert json.loads(correction["values"]) == {"decision": "fixed", "rewrite": "正しい\n回答です。"}


def test_edits_discards_and_deletions_are_events_and_nothing_is_written_over(desk: Desk):
    desk.push([pair(n) for n in range(4)])
    records = {desk.by_external_id()[r["external_id"]]["row"]: r["id"] for r in desk.seen("kiku")}
    edited, discarded, deleted, draft = (records[pair(n).row] for n in range(4))
    for record in (edited, discarded, deleted):
        desk.answer("kiku", record, preference="same")
    desk.answer("kiku", draft, "draft", preference="same")
    assert dict(desk.pull().events) == {"answered": 3}
    files = {p: hashlib.sha256(p.read_bytes()).digest() for p in desk.labels.folder.rglob("*.parquet")}
    desk.answer("kiku", edited, preference="both_bad")
    desk.answer("kiku", discarded, "discarded")
    with desk.client() as argilla:
        response = argilla.call("GET", f"/records/{deleted}")["responses"][0]["id"]
        argilla.call("DELETE", f"/responses/{response}")
    assert dict(desk.pull().events) == {"edited": 1, "discarded_after_submission": 1, "deleted": 1}
    assert dict(desk.pull().events) == {}
    assert all(hashlib.sha256(p.read_bytes()).digest() == digest for p, digest in files.items())
    events = {(r["row"], r["n"]): (r["event"], r["status"], r["reason"]) for r in desk.lines()}
    assert events[pair(0).row, 2] == ("edited", "submitted", None)
    assert events[pair(1).row, 2] == ("discarded_after_submission", "discarded", None)
    assert events[pair(2).row, 2] == ("deleted", "deleted", "response")
    assert {r["row"]: r["preference"] for r in desk.labels.answers()} == {pair(0).row: "both_bad"}
    # a record that is deleted by hand takes its answers with it, and that is said too
    with desk.client() as argilla:
        made = argilla.call("GET", f"/records/{edited}")["dataset_id"]
        argilla.delete(made, [edited])
    assert dict(desk.pull().events) == {"deleted": 1}
    assert desk.lines()[-1]["reason"] == "record"


def test_a_closed_batch_stays_what_it_is(desk: Desk):
    desk.push([pair(0)])
    (record,) = desk.seen("kiku")
    desk.answer("kiku", record["id"], preference="same")
    desk.pull()
    assert freeze(desk.labels, "2026-11") == 1
    desk.answer("kiku", record["id"], preference="both_bad")
    done = desk.pull()
    assert (dict(done.events), done.late) == ({"edited": 1}, 1)
    assert [(r["preference"], r["late"]) for r in desk.lines()] == [("same", False), ("both_bad", True)]
    assert [r["preference"] for r in desk.labels.answers()] == ["same"]


def test_answers_of_an_annotator_who_was_deleted_say_so(desk: Desk):
    desk.running.annotator("sumire")
    desk.push([pair(0)])
    (record,) = desk.seen("sumire")
    desk.answer("sumire", record["id"], preference="same")
    desk.pull()
    freeze(desk.labels, "2026-11")
    desk.push([pair(0), pair(1)])
    after = next(r for r in desk.seen("sumire") if r["id"] != record["id"])
    desk.answer("sumire", after["id"], preference="both_bad")
    desk.pull()
    who = desk.users()["sumire"]["id"]
    with desk.client() as argilla:
        argilla.call("DELETE", f"/users/{who}")
    done = desk.pull()
    assert (dict(done.events), done.late, dict(done.left)) == ({"deleted": 2}, 1, {pseudonym(who): 1})
    assert {(r["reason"], r["preference"], r["late"]) for r in desk.lines() if r["event"] == "deleted"} == {
        ("annotator", "same", True), ("annotator", "both_bad", False),
    }  # fmt: skip
    assert [r["preference"] for r in desk.labels.answers()] == ["same"], "what is frozen holds"


def test_words_that_were_changed_in_the_page_are_noticed_and_their_answers_marked(desk: Desk):
    desk.push([pair(n) for n in range(3)])
    first, second, third = desk.seen("kiku")
    desk.answer("kiku", first["id"], preference="same")
    assert desk.pull().edited == []
    with desk.client() as argilla:
        made = (
            first["dataset_id"]
            if "dataset_id" in first
            else argilla.call("GET", f"/records/{first['id']}")["dataset_id"]
        )
        argilla.call("PATCH", f"/datasets/{made}", {"guidelines": "好きに答えてください。"})
        question = argilla.call("GET", f"/datasets/{made}/questions")["items"][0]
        argilla.call("PATCH", f"/questions/{question['id']}", {"title": "どちらが好きですか"})
        desk.answer("kiku", second["id"], preference="both_bad")
        (said,) = desk.pull().edited
        assert "the guidelines were changed; question 'preference' was changed" in said
        with pytest.raises(ReviewError, match="guidelines, fields or questions were changed in the UI"):
            desk.push([pair(n) for n in range(4)])
        argilla.call("PATCH", f"/datasets/{made}", {"guidelines": desk.task.guidelines})
        argilla.call("PATCH", f"/questions/{question['id']}", {"title": question["title"]})
    desk.answer("kiku", third["id"], preference="cannot_tell")
    assert desk.pull().edited == []
    assert [(r["preference"], r["edited_ui"]) for r in desk.lines()] == [
        ("same", False), ("both_bad", True), ("cannot_tell", False),
    ]  # fmt: skip
    assert {r["preference"] for r in desk.labels.answers()} == {"same", "cannot_tell"}
    assert desk.push([pair(n) for n in range(4)]).pushed == 1


def test_a_question_that_is_gone_and_a_dataset_that_is_gone_are_named(desk: Desk):
    desk.push([pair(n) for n in range(2)])
    first, second = desk.seen("kiku")
    desk.answer("kiku", first["id"], preference="same", reason="どちらもよい")
    desk.pull()
    with sqlite3.connect(
        desk.running.home / "argilla" / "argilla.db", timeout=30
    ) as db:  # the page cannot, an operator can
        db.execute("DELETE FROM questions WHERE name = 'reason'")
    db.close()
    desk.answer("kiku", second["id"], preference="same")
    (said,) = desk.pull().edited
    assert "question 'reason' is gone" in said
    assert desk.lines()[-1]["edited_ui"]
    with desk.client() as argilla:
        made = argilla.call("GET", f"/records/{first['id']}")["dataset_id"]
        argilla.call("DELETE", f"/datasets/{made}")
    done = desk.pull()
    assert dict(done.events) == {}
    assert "Argilla has this dataset no more; what was pulled from it stays as it was" in done.gone[0]
    assert [r["preference"] for r in desk.labels.answers()] == ["same"]
