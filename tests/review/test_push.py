"""Rows before annotators of the real server: pushed once, blind, again, after a kill, and no more than people can bear."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from annotation.again import asked_before, changes
from annotation.ballots import ballots
from annotation.client import Client
from annotation.datasets import opened
from annotation.errors import ReviewError
from annotation.push import Order, push
from annotation.review_tasks import task
from tests.annotation.test_review_records import pair
from tests.review.conftest import ROOT
from tests.review.desk import SOURCE, Desk


def test_a_push_is_repeated_without_effect_and_a_changed_row_is_a_new_record(desk: Desk):
    done = desk.push([pair(n) for n in range(8)])
    assert (done.rows, done.pushed, done.there) == (8, 8, 0)
    assert (desk.push([pair(n) for n in range(8)]).pushed, desk.push([pair(n) for n in range(8)]).there) == (0, 8)
    before = {r["external_id"]: r["id"] for r in desk.seen("kiku")}
    answered = next(r for r in desk.seen("kiku") if desk.by_external_id()[r["external_id"]]["row"] == pair(0).row)
    desk.answer("kiku", answered["id"], preference="same")
    changed = pair(0, texts=("もっとよい回答です。", "わるい回答です。"))
    done = desk.push([changed, *(pair(n) for n in range(1, 7))])  # row 0 has another text, row 7 is gone
    assert (done.pushed, done.there, dict(done.withdrawn)) == (1, 6, {"changed": 1, "gone": 1})
    now = {r["external_id"]: r for r in desk.seen("ume")}
    assert len(now) == 7
    assert answered["external_id"] not in now
    assert sum(before.get(name) == r["id"] for name, r in now.items()) == 6  # the others were not touched
    assert any("もっとよい" in r["fields"]["a"] + r["fields"]["b"] for r in now.values())
    # the old answer is kept, to the old text
    (line,) = desk.lines()
    assert (line["preference"], line["external_id"], line["status"]) == ("same", answered["external_id"], "submitted")
    done = desk.pull()
    assert dict(done.events) == {}
    reasons = {
        r["external_id"]: r["reason"] for r in desk.labels.read("records").to_pylist() if r["event"] == "withdrawn"
    }
    assert reasons[answered["external_id"]] == "changed"
    assert sorted(reasons.values()) == ["changed", "gone"]


def test_what_a_killed_push_meant_to_withdraw_and_did_not_is_before_people_all_the_same(desk: Desk):
    desk.push([pair(n) for n in range(2)])
    line = next(row for row in desk.labels.records().values() if row["row"] == pair(0).row)
    gone = {name: value for name, value in line.items() if name != "withdrawn"}
    desk.labels.append("records", [gone | {"event": "withdrawn", "reason": "gone"}])  # and then it was killed
    assert (desk.push([pair(n) for n in range(2)]).there, len(list(desk.seen("kiku")))) == (2, 2)
    assert not any(row["withdrawn"] for row in desk.labels.records().values())
    record = next(r for r in desk.seen("kiku") if r["external_id"] == line["external_id"])
    desk.answer("kiku", record["id"], preference="same")
    desk.pull()
    assert [unit.live for unit in ballots(desk.labels).units.values()] == [True, True]


def test_a_workspace_with_too_few_annotators_is_named(desk: Desk):
    assert desk.push([pair(0, people=2)]).short == []
    assert sorted(desk.push([pair(0, people=2), pair(1, people=5)]).short) == [
        "review-1 has 1 of 3 annotators that a record needs: `seimai review annotator`",
        "review-2 has 1 of 2 annotators that a record needs: `seimai review annotator`",
    ]


def test_metadata_alone_is_updated_in_place(desk: Desk):
    desk.push([pair(n) for n in range(3)])
    ids = {r["id"] for r in desk.seen("kiku")}
    record = next(iter(desk.seen("kiku")))
    desk.answer("kiku", record["id"], preference="a")
    other = [replace(pair(n), about={"models": "lab/new / lab/small", "strategy": "delta"}) for n in range(3)]
    done = desk.push(other)
    assert (done.pushed, done.there, done.updated) == (0, 3, 3)
    assert {r["id"] for r in desk.seen("kiku")} == ids
    with desk.client() as argilla:
        (made,) = [d for d in argilla.call("GET", "/me/datasets")["items"] if d["name"].startswith("preference")]
        found = list(argilla.records(made["id"], include=("responses",)))
    assert {r["metadata"]["models"] for r in found} == {"lab/new / lab/small"}
    assert sum(len(r["responses"]) for r in found) == 1


def test_what_annotators_can_reach_tells_nothing_of_who_wrote_what(desk: Desk):
    desk.push([pair(n, people=2) for n in range(6)])
    rows = {row["external_id"]: row for row in desk.labels.records().values()}
    for who in ("kiku", "ume"):
        with Client(desk.running.url, desk.users()[who]["api_key"]) as argilla:
            for made in argilla.call("GET", "/me/datasets")["items"]:
                assert argilla.call("GET", f"/me/datasets/{made['id']}/metadata-properties")["items"] == []
        found = list(desk.seen(who))
        assert len(found) == 6  # each row once: of its two records this group's
        for record in found:
            said = json.dumps(record, ensure_ascii=False)
            assert not any(
                word in said for word in ("lab/", "delta", SOURCE, "chosen", rows[record["external_id"]]["row"].hex())
            )
            assert record["suggestions"] == []
    with desk.client() as argilla:  # and owners see it
        made = next(d for d in argilla.call("GET", "/me/datasets")["items"] if d["name"].startswith("preference"))
        assert next(argilla.records(made["id"]))["metadata"]["strategy"] == "delta"


def test_records_of_no_push_are_named_and_not_taken(desk: Desk, tmp_path: Path):
    desk.push([pair(0)])
    with desk.client() as argilla:
        made = opened(argilla, desk.task, argilla.workspace("review"), 1)
        fields = {"prompt": [{"role": "user", "content": "手で足した問い"}], "a": "あ", "b": "い"}
        argilla.push(made, [{"external_id": "by-hand", "fields": fields}])
    for record in list(desk.seen("kiku")):
        desk.answer("kiku", record["id"], preference="same")
    (said,) = desk.pull().strange
    assert "record 'by-hand' is of no push in these label shards; its 1 answers were not taken" in said
    assert len(desk.lines()) == 1
    with pytest.raises(ReviewError, match=r"1 records \(first by-hand\) are not in these label shards"):
        desk.push([pair(0)])
    other = Desk(desk.running, tmp_path / "other", desk.task)
    with pytest.raises(ReviewError, match="another folder of label shards pushed them"):
        other.push([pair(0)])


def test_new_guidelines_ask_what_nobody_answered_and_again_what_somebody_did(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    now = desk.task
    desk.task = replace(now, questions=now.questions[:1])  # as it was asked before
    old = desk.task.version
    desk.push([pair(n) for n in range(4)])
    first, second, *_ = records = sorted(desk.seen("kiku"), key=lambda r: r["external_id"])
    assert len(records) == 4
    for record in (first, second):
        desk.answer("kiku", record["id"], preference="same")
    desk.pull()
    desk.task = now
    done = desk.push([pair(n) for n in range(4)])
    assert (done.pushed, done.answered, dict(done.withdrawn)) == (2, 2, {"older_version": 2})
    items = asked_before(desk.labels, now, old, 1.0)[SOURCE]
    assert len(items) == 2
    with desk.client() as argilla:
        again = push(argilla, desk.labels, Order(now, SOURCE, again=old, only=True), items)
    assert (again.pushed, again.withdrawn) == (2, Counter())
    for record in desk.seen("kiku"):
        if desk.by_external_id()[record["external_id"]]["again"] == old:
            choice = "both_bad" if record["external_id"] == first["external_id"] else "same"
            desk.answer("kiku", record["id"], preference=choice)
    desk.pull()
    assert [(c.rows, c.changed) for c in changes(desk.labels, now, old)] == [(2, 1)]
    assert desk.push([pair(n) for n in range(4)]).withdrawn == Counter()  # what is asked again stays


def test_harmful_content_is_seen_by_those_who_offered_and_no_more_than_a_day_allows(desk: Desk):
    desk.running.seimai("annotator", "ran", "--harmful")
    desk.task = task("preference", harmful=True)
    items = [pair(n, harmful=True) for n in range(9)]
    with pytest.raises(ReviewError, match="harmful content needs a daily cap"):
        desk.push(items)
    done = desk.push(items, daily_cap=4)
    assert (done.pushed, done.capped) == (4, 5)
    assert list(desk.seen("kiku")) == []
    mine = list(desk.seen("ran"))
    assert len(mine) == 4
    assert all("人を傷つける内容" in r["fields"]["warning"] for r in mine)
    for record in mine[:2]:
        desk.answer("ran", record["id"], preference="same")
    desk.answer("ran", mine[2]["id"], "discarded", skip="distressing")
    desk.answer("ran", mine[3]["id"], "discarded")
    assert (desk.push(items, daily_cap=4).pushed, desk.push(items, daily_cap=4).capped) == (0, 5)  # four were met today
    assert desk.push(items, daily_cap=5).pushed == 1
    assert dict(desk.pull().events) == {"answered": 2, "skipped": 1, "discarded": 1}
    assert Counter(r["status"] for r in desk.lines()) == {"submitted": 2, "skipped": 1, "discarded": 1}
    assert "reads no harmful content any more" in desk.running.seimai("annotator", "ran", "--no-harmful")
    assert list(desk.seen("ran")) == []


def test_a_push_whose_client_is_killed_goes_on(desk: Desk):
    script = (
        "import sys; from pathlib import Path; from annotation.client import Client; from annotation.labels import Labels;"
        "from annotation.push import Order, push; from annotation.review_tasks import task;"
        "from tests.annotation.test_review_records import pair;"
        "c = Client(sys.argv[1], sys.argv[2]).__enter__();"
        f"push(c, Labels(Path(sys.argv[3])), Order(task('preference'), {SOURCE!r}), [pair(n) for n in range(400)],"
        " lambda said: print(said, flush=True))"
    )
    command = [sys.executable, "-c", script, desk.running.url, desk.running.key, str(desk.labels.folder)]
    pusher = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert pusher.stdout is not None
    assert "of 400 records" in pusher.stdout.readline()
    os.kill(pusher.pid, signal.SIGKILL)  # while the second batch is on its way
    pusher.communicate()
    before = list(desk.seen("kiku"))
    assert 0 < len(before) < 400, "killed in between"
    desk.answer("kiku", before[0]["id"], preference="same")
    done = desk.push([pair(n) for n in range(400)])
    assert done.pushed + done.there == 400
    assert done.there >= len(before)  # the server ends what it has begun
    rows = Counter(desk.by_external_id()[r["external_id"]]["row"] for r in desk.seen("ume"))
    assert set(rows.values()) == {1}
    assert len(rows) == 400
    assert desk.pull().answers == 1


def test_a_push_whose_server_is_killed_goes_on(desk: Desk):
    killing = threading.Timer(0.2, os.kill, (desk.running.pid("server"), signal.SIGKILL))

    def begun(_: str) -> None:
        """The first batch is there, and the second, of seconds, is sent."""
        with suppress(RuntimeError):  # it was started before
            killing.start()

    with desk.client() as argilla, pytest.raises(ReviewError):
        push(argilla, desk.labels, Order(desk.task, SOURCE), [pair(n) for n in range(400)], begun)
    desk.running.seimai("up")
    before = len(list(desk.seen("kiku")))
    assert 0 < before < 400, "killed in between"
    done = desk.push([pair(n) for n in range(400)])
    assert (done.pushed, done.there) == (400 - before, before)
    rows = Counter(desk.by_external_id()[r["external_id"]]["row"] for r in desk.seen("ume"))
    assert (len(rows), set(rows.values())) == (400, {1})


@pytest.mark.parametrize("process", ["redis", "worker"])
def test_a_push_goes_on_when_redis_or_the_worker_is_killed(desk: Desk, process: str):
    desk.push([pair(n) for n in range(3)])
    record = next(iter(desk.seen("kiku")))
    desk.answer("kiku", record["id"], preference="same")
    os.kill(desk.running.pid(process), signal.SIGKILL)
    with suppress(ReviewError):  # whether Argilla needs it at once or not
        desk.push([pair(n) for n in range(9)])
    assert f"{process} " in desk.running.seimai("status", code=1)
    desk.running.seimai("up")
    desk.push([pair(n) for n in range(9)])
    rows = Counter(desk.by_external_id()[r["external_id"]]["row"] for r in desk.seen("ume"))
    assert (len(rows), set(rows.values())) == (9, {1})
    assert (desk.pull().answers, [r["preference"] for r in desk.labels.answers()]) == (1, ["same"])


def test_again_names_the_versions_that_were_answered(desk: Desk):
    desk.push([pair(0)])
    words = (
        "again",
        "--task",
        "preference",
        "--since",
        "0" * 10,
        "--share",
        "0.5",
        "--labels",
        str(desk.labels.folder),
    )
    said = desk.running.seimai(*words, code=1)
    assert "nobody answered 'preference' under version 0000000000; answered earlier versions: none" in said
