"""Label shards: appended to, read as what holds, and refused where something of them is gone."""

import json
import shutil
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from annotation.again import asked_before, changes
from annotation.errors import ReviewError
from annotation.labels import Labels
from annotation.pull import freeze
from annotation.push import Order, line_of
from annotation.record import records_of
from annotation.review_plan import EVERYTHING, ReviewPlan, drawn, read_plan
from annotation.review_tasks import task
from curation.document import KEY
from curation.provenance import key
from recipes.engine.review.labels import labels_at
from tests.annotation.test_review_records import pair

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 11, 26, 9, tzinfo=UTC)


def answer(response: str, n: int = 1, status: str = "submitted", **other: Any) -> dict[str, Any]:
    """A line of `answers/`."""
    said = {
        "response": response, "n": n, "event": "answered" if n == 1 else "edited", "reason": None, "status": status,
        "external_id": "e" + response, "task": "preference", "version": "0" * 10, "dataset": "review/d", "found_version": "0" * 10,
        "edited_ui": False, "source": "trial/preference", "row": key("row", response), "content": key("c"),
        "annotator": "r-00000001", "mirrored": False, "given": "{}", "values": '{"preference": "a"}', "preference": "a",
        "ranks": [], "ratings": [], "spans": [], "place": "first", "masked": 0, "late": False, "given_at": NOW,
        "updated_at": NOW + timedelta(minutes=n), "pulled_at": NOW + timedelta(hours=n),
    }  # fmt: skip
    return said | other


def test_shards_are_appended_to_and_nothing_is_written_over(tmp_path: Path):
    labels = Labels(tmp_path / "labels")
    with labels.writing():
        labels.append("answers", [answer("one"), answer("two")])
        first = (labels.folder / "answers" / "00000001.parquet").read_bytes()
        labels.append("answers", [])
        labels.append("answers", [answer("one", 2, preference="b")])
    assert (labels.folder / "answers" / "00000001.parquet").read_bytes() == first
    assert [p.name for p in sorted((labels.folder / "answers").iterdir())] == ["00000001.parquet", "00000002.parquet"]
    assert [(r["response"], r["n"]) for r in labels.read("answers").to_pylist()] == [("one", 1), ("two", 1), ("one", 2)]
    assert {r["response"]: r["preference"] for r in labels.answers()} == {"one": "b", "two": "a"}


def test_what_is_deleted_discarded_late_or_to_edited_words_does_not_count(tmp_path: Path):
    labels = Labels(tmp_path / "labels")
    labels.append("answers", [answer(name) for name in ("kept", "deleted", "discarded", "late")])
    labels.append("answers", [answer("edited_ui", edited_ui=True), answer("skipped", status="skipped")])
    labels.append("answers", [
        answer("deleted", 2, "deleted"), answer("discarded", 2, "discarded"), answer("late", 2, preference="b", late=True),
    ])  # fmt: skip
    assert {r["response"]: r["preference"] for r in labels.answers()} == {"kept": "a", "late": "a"}


def test_a_missing_or_damaged_file_is_named(tmp_path: Path):
    labels = Labels(tmp_path / "labels")
    for name in ("one", "two", "three"):
        labels.append("answers", [answer(name)])
    (labels.folder / "answers" / "00000002.parquet").rename(tmp_path / "away")
    with pytest.raises(ReviewError, match=r"answers: 00000002\.parquet is missing; put it back"):
        labels.read("answers")
    (labels.folder / "answers" / "00000002.parquet").write_bytes(b"PAR1")
    with pytest.raises(ReviewError, match=r"00000002\.parquet: cannot be read"):
        labels.read("answers")


def test_the_salt_is_drawn_once_readable_by_its_owner_and_missed_when_it_is_gone(tmp_path: Path):
    labels = Labels(tmp_path / "labels")
    with labels.writing():
        salt = labels.salt
    assert len(salt) == 32
    assert stat.S_IMODE((labels.folder / "salt.json").stat().st_mode) == 0o600
    assert Labels(labels.folder).salt == salt
    labels.append("answers", [answer("one")])
    (labels.folder / "salt.json").write_text("{")
    with pytest.raises(ReviewError, match=r"salt\.json: cannot be read"):
        _ = Labels(labels.folder).salt
    (labels.folder / "salt.json").unlink()
    with pytest.raises(ReviewError, match=r"salt\.json: is gone"):
        _ = Labels(labels.folder).salt


def test_a_batch_is_closed_once_with_what_is_in_no_other(tmp_path: Path):
    labels = Labels(tmp_path / "labels")
    with pytest.raises(ReviewError, match="no answer that is not in a batch"):
        freeze(labels, "2026-10")
    labels.append("answers", [answer("one"), answer("one", 2), answer("two")])
    assert freeze(labels, "2026-11") == 2
    assert labels.frozen() == {"one": 2, "two": 1}
    with pytest.raises(ReviewError, match="a batch '2026-11' is closed already"):
        freeze(labels, "2026-11")
    with pytest.raises(ReviewError, match="no answer that is not in a batch"):
        freeze(labels, "2026-12")
    labels.append("answers", [answer("three")])
    assert freeze(labels, "2026-12") == 1


FILL = """
import sys
from pathlib import Path
from annotation.errors import ReviewError
from annotation.labels import Labels
from tests.annotation.test_labels import answer
labels, kept = Labels(Path(sys.argv[1])), 0
try:
    while True:
        with labels.writing():
            labels.append("answers", [answer(f"{kept}-{n}", given=str(hash((kept, n))) * 40) for n in range(50)])
        kept += 50
except ReviewError as error:
    print(error)
    assert "the disk is full; make room" in str(error)
    assert len(labels.read("answers")) == kept > 0
    assert not list(labels.folder.glob("answers/*.tmp"))
"""


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare(1)")
def test_a_full_disk_is_named_and_what_was_written_stays_whole(tmp_path: Path):
    folder = tmp_path / "small"
    folder.mkdir()
    inside = ["unshare", "-rm", "sh", "-c"]
    mount = f"mount -t tmpfs -o size=300k none {folder}"
    if subprocess.run([*inside, mount], capture_output=True, check=False).returncode:
        pytest.skip("no mounts in a namespace here")
    (tmp_path / "fill.py").write_text(FILL)
    script = f"{mount}; PYTHONPATH={ROOT} {sys.executable} {tmp_path}/fill.py {folder}/labels"
    ended = subprocess.run([*inside, script], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def pushed(labels: Labels, count: int, **other: Any) -> list[dict[str, Any]]:
    """Lines of `records/` of some pairs, of another version where it is named."""
    of = task("preference")
    lines = [
        line_of(Order(of, "trial/preference"), "review/d", record, NOW) | other
        for n in range(count)
        for record in records_of(of, pair(n), "trial/preference", "salt")
    ]
    assert labels.salt  # drawn first, as a push does
    labels.append("records", lines)
    return lines


def test_a_folder_from_which_nothing_was_pushed_is_named_before_decisions_are_made_of_nothing(tmp_path: Path):
    with pytest.raises(ReviewError, match=r"labls: no label shards lie here: nothing was pushed from this folder"):
        labels_at(tmp_path / "labls", None, pushed=True)
    assert not (tmp_path / "labls").exists()
    (tmp_path / "labels").mkdir()
    pushed(labels_at(tmp_path / "labels", None), 1)
    assert labels_at(tmp_path / "labels", None, pushed=True).folder == tmp_path / "labels"


def test_old_rows_are_asked_again_with_what_was_shown(tmp_path: Path):
    labels, of = Labels(tmp_path / "labels"), task("preference")
    labels.folder.mkdir()
    lines = pushed(labels, 200, version="a" * 10)
    labels.append("answers", [
        answer(str(n), version="a" * 10, row=line["row"], content=line["content"]) for n, line in enumerate(lines[:150])
    ])  # fmt: skip
    found = asked_before(labels, of, "a" * 10, 0.4)["trial/preference"]
    assert 36 < len(found) < 84  # binomial, 150 draws of 0.4: 60 ± 4 standard deviations
    assert found == asked_before(labels, of, "a" * 10, 0.4)["trial/preference"]
    by_row = {pair(n).row: pair(n) for n in range(150)}
    for item in found:
        assert item.texts == by_row[item.row].texts
        assert item.answers == by_row[item.row].answers
        (record,) = records_of(of, item, "trial/preference", "salt")
        assert record.content == next(line["content"] for line in lines if line["row"] == item.row)
    with pytest.raises(ReviewError, match="is the version that 'preference' has now"):
        asked_before(labels, of, of.version, 0.4)
    with pytest.raises(
        ReviewError, match=r"nobody answered 'preference' under version bbbbbbbbbb; answered earlier versions: a{10}"
    ):
        asked_before(labels, of, "b" * 10, 0.4)


def test_answers_under_two_versions_are_held_against_each_other(tmp_path: Path):
    labels, of = Labels(tmp_path / "labels"), task("preference")
    then, now = ["a", "b", "same", "a"], ["a", "a", "same", "both_bad"]
    for version, said in (("a" * 10, then), (of.version, now)):
        labels.append("answers", [
            answer(f"{version}{n}", version=version, row=key("row", n), values=json.dumps({"preference": value, "reason": str(n)}))
            for n, value in enumerate(said)
        ])  # fmt: skip
    assert [(c.question, c.rows, c.changed) for c in changes(labels, of, "a" * 10)] == [("preference", 4, 2)]


def test_a_row_whose_text_was_changed_between_two_versions_tells_nothing_of_the_guidelines(tmp_path: Path):
    labels, of = Labels(tmp_path / "labels"), task("preference")
    for version, content in (("a" * 10, key("before")), (of.version, key("after"))):
        said = json.dumps({"preference": "ab"[version == of.version]})
        labels.append("answers", [answer(version, version=version, row=key("row", 1), content=content, values=said)])
    assert changes(labels, of, "a" * 10) == []


def rows(count: int, **columns: Any) -> pa.Table:
    """Rows for a plan."""
    ids = [key("row", n) for n in range(count)]
    return pa.table({"id": pa.array(ids, KEY), "seed_key": pa.array(ids, KEY), **columns})


def test_a_share_of_a_routes_rows_goes_to_several_people():
    plan = ReviewPlan.model_validate(
        {
            "routes": {"audit": {"probability": 0.5}, "close": {"probability": 1.0, "column": "margin", "below": 0.2}},
            "overlap": {"close": {"share": 0.25, "people": 3}},
        }
    )
    margin = np.where(np.arange(4000) % 4 == 0, 0.1, 0.9)
    found = drawn(rows(4000, margin=margin), plan, "salt").to_pylist()
    close = [r for r in found if "close" in r["routes"]]
    assert len(close) == 1000
    assert 195 < sum(r["people"] == 3 for r in close) < 305  # binomial: 250 ± 4 standard deviations
    assert {r["people"] for r in found if "close" not in r["routes"]} == {1}
    assert {r["review_stratum"]: r["inclusion"] for r in found} == {"audit": 0.5, "audit+close": 1.0}
    assert found == sorted(found, key=lambda r: r["review_order"])
    assert len(drawn(rows(50), EVERYTHING, "salt")) == 50
    assert len(drawn(rows(0), EVERYTHING, "salt")) == 0


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("routes: {}", r"plan\.yaml, routes: .*at least 1"),
        ("routes: {a: {}}", r"plan\.yaml, routes\.a\.probability: Field required"),
        (
            "routes: {a: {probability: 1}}\noverlap: {b: {share: 0.1, people: 3}}",
            "overlap 'b' is of no route; routes are a",
        ),
        ("routes: {a: {probability: 1}}\noverlap: {a: {share: 2, people: 3}}", r"overlap\.a\.share"),
        (
            "routes: {a: {probability: 1}}\nharmful: {where: {function: [refusal]}}",
            r"harmful\.daily_cap: Field required",
        ),
        (
            "routes: {a: {probability: 1}}\nharmful: {where: {}, daily_cap: 4}",
            r"harmful\.where: .*at least 1",
        ),
        ("routes: {a: {probability: 1}}\nroute: 3", r"plan\.yaml, route: Extra inputs"),
        ("routes: [", "is no YAML"),
    ],
)
def test_a_plan_that_cannot_be_names_its_place(tmp_path: Path, said: str, why: str):
    file = tmp_path / "plan.yaml"
    file.write_text(said)
    with pytest.raises(ReviewError, match=why):
        read_plan(file)


def test_a_plan_that_draws_by_what_is_not_there_is_refused():
    plan = ReviewPlan.model_validate({"routes": {"audit": {"probability": 1.0, "column": "margin", "below": 1.0}}})
    with pytest.raises(ReviewError, match="plan: route 'audit': no column 'margin'"):
        drawn(rows(3), plan, "salt")
    with pytest.raises(ReviewError, match="plan: route 'audit': probability must be in"):
        drawn(rows(3), ReviewPlan.model_validate({"routes": {"audit": {"probability": 2}}}), "salt")
