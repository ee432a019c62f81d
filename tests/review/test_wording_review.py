"""Wordings before annotators and back, in the real server and its real page in headless Chromium."""

from dataclasses import replace
from pathlib import Path

import pytest

from annotation.client import Client
from annotation.datasets import opened
from annotation.people import pseudonym
from annotation.wording_review import TASK
from tests.review.conftest import Running
from tests.review.page import browsed, signed_in

FILE = """\
# 見本の文面。 A comment that stays.
version: 2026.11.26
lines:
  # 問いかけ
  - {id: ask.1, state: draft, split: train, text: "{word}を使って俳句を一句詠んでください。"}   # 季語は問わない
  - {id: ask.2, state: draft, split: train, text: "**{word}** という語で\\n  五七五の\\n[句]を作ってください。"}
  - {id: ask.3, state: draft, split: test, text: '{word}を,詠み込んだ句を、お願いできますでしょうか。'}
  - id: answer.1
    state: draft
    split: train
    text: |
      古池や
      蛙飛びこむ
      水の音
  - {id: answer.2, state: draft, split: train, text: "はい。"}
  - {id: answer.3, state: reviewed, reviewer: "r-00000000, 2026-11-01", split: train, text: "いいえ。"}
"""
HAIKU = "**{word}** という語で\n  五七五の\n[句]を作ってください。"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of six lines, five of them drafts."""
    path = tmp_path_factory.mktemp("wordings") / "haiku_sample.yaml"
    path.write_text(FILE, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def people(running: Running) -> dict[str, str]:
    """Passwords of two annotators."""
    return {name: running.annotator(name) for name in ("annotator-a", "annotator-b")}


def users(running: Running) -> dict[str, dict]:
    """All users by name."""
    with Client(running.url, running.key) as argilla:
        return {user["username"]: user for user in argilla.call("GET", "/users")["items"]}


def records(argilla: Client) -> dict[str, dict]:
    """The task's records by the line's id."""
    space = argilla.workspace("review")
    made = next(d["id"] for d in argilla.datasets(space) if d["name"] == TASK.dataset)
    found = argilla.records(made, include=("responses",))
    return {record["external_id"].partition("#")[0]: record for record in found}


def answer(running: Running, who: str, line: str, **values: str) -> None:
    """An answer over REST, as the page sends it."""
    with Client(running.url, running.key) as argilla:
        record = records(argilla)[f"haiku_sample/{line}"]["id"]
    with Client(running.url, users(running)[who]["api_key"]) as argilla:
        said = {question: {"value": value} for question, value in values.items()}
        item = {"record_id": record, "status": "submitted", "values": said}
        answered = argilla.call("POST", "/me/responses/bulk", {"items": [item]})["items"][0]
        assert answered["error"] is None, answered


def test_drafts_are_pushed_once(running: Running, file: Path, people: dict[str, str]):
    said = running.seimai("wordings", str(file))
    assert f"dataset {TASK.dataset}: 5 drafts, 5 of them pushed now" in said
    assert "5 drafts, 0 of them pushed now, 0 records withdrawn" in running.seimai("wordings", str(file))
    assert file.read_text(encoding="utf-8") == FILE
    with Client(running.url, running.key) as argilla:
        found = records(argilla)
        assert set(found) == {f"haiku_sample/{n}" for n in ("ask.1", "ask.2", "ask.3", "answer.1", "answer.2")}
        assert found["haiku_sample/ask.2"]["fields"]["text"] == HAIKU
        # the audit's finding, in Japanese, and none where there is none
        assert found["haiku_sample/ask.3"]["fields"]["note"] == "半角：…を,詠み込んだ句 → 、"
        assert "note" not in found["haiku_sample/ask.1"]["fields"]
        guidelines = argilla.call("GET", f"/datasets/{found['haiku_sample/ask.1']['dataset_id']}")["guidelines"]
    assert guidelines.startswith("# 文面の確認")


def test_annotators_do_not_see_metadata(running: Running, file: Path):
    with Client(running.url, users(running)["annotator-a"]["api_key"]) as argilla:
        made = next(d["id"] for d in argilla.call("GET", "/me/datasets")["items"] if d["name"] == TASK.dataset)
        assert argilla.call("GET", f"/me/datasets/{made}/metadata-properties")["items"] == []
        found = argilla.call("POST", f"/me/datasets/{made}/records/search?include=responses", {})["items"]
        assert all(not item["record"].get("metadata") for item in found)


@browsed
def test_an_annotator_answers_in_the_browser(running: Running, file: Path, people: dict[str, str]):
    with signed_in(running, "annotator-a", people["annotator-a"]) as desk:
        page = desk.page
        page.get_by_text(TASK.dataset, exact=True).first.click()
        page.wait_for_url("**/annotation-mode**")
        form = page.locator("form.questions-form")
        form.wait_for()
        # the search box: one line holds these characters
        page.goto(f"{page.url.partition('?')[0]}?page=1&status=pending&search=五七五")
        form.wait_for()
        page.get_by_text("五七五の").first.wait_for()
        page.get_by_text("1 of 1").wait_for()
        assert HAIKU in page.inner_text("body")  # three lines, asterisks and brackets as they are
        desk.choose("decision_fix")
        desk.write("corrected", "{word}という語を入れて、五七五の句を作ってください。")
        desk.picture("review-answer")
        desk.submit()
        page.goto(f"{page.url.partition('?')[0]}?page=1&status=pending")
        form.wait_for()
        page.get_by_text("ガイドライン").first.click()
        page.get_by_text("文面の確認").first.wait_for()
        desk.picture("review-guidelines")
    with Client(running.url, running.key) as argilla:
        (response,) = records(argilla)["haiku_sample/ask.2"]["responses"]
    assert response["values"]["decision"]["value"] == "fix"
    assert response["values"]["corrected"]["value"] == "{word}という語を入れて、五七五の句を作ってください。"


def test_decisions_come_back_line_by_line(running: Running, file: Path):
    with Client(running.url, running.key) as argilla:
        browsed = bool(records(argilla)["haiku_sample/ask.2"].get("responses"))
    if not browsed:
        answer(
            running,
            "annotator-a",
            "ask.2",
            decision="fix",
            corrected="{word}という語を入れて、五七五の句を作ってください。",
        )
    answer(running, "annotator-a", "ask.1", decision="use")
    answer(running, "annotator-b", "ask.1", decision="use")
    answer(running, "annotator-a", "ask.3", decision="fix", corrected="句を詠んでください。")  # the slot is lost
    answer(running, "annotator-a", "answer.1", decision="use")
    answer(running, "annotator-a", "answer.2", decision="use")
    answer(running, "annotator-b", "answer.2", decision="drop", reason="短すぎる")
    said = running.seimai("wordings", "--pull", str(file))
    assert "3 lines reviewed, 1 of them corrected; 0 not wanted, 2 not taken" in said
    assert "haiku_sample/ask.3: the corrected text has other slots than the line (none / {word})" in said
    assert "haiku_sample/answer.2: 2 people decided differently (使える、使わない)" in said
    with Client(running.url, running.key) as argilla:
        day = records(argilla)["haiku_sample/ask.1"]["responses"][0]["updated_at"][:10]
    ids = {name: pseudonym(user["id"]) for name, user in users(running).items()}
    expected = FILE
    for old, new in (
        ("{id: ask.1, state: draft,", f'{{id: ask.1, state: reviewed, reviewer: "{ids["annotator-b"]}, {day}",'),
        ("{id: ask.2, state: draft,", f'{{id: ask.2, state: reviewed, reviewer: "{ids["annotator-a"]}, {day}",'),
        (
            '"**{word}** という語で\\n  五七五の\\n[句]を作ってください。"',
            '"{word}という語を入れて、五七五の句を作ってください。"',
        ),
        (
            "id: answer.1\n    state: draft\n",
            f'id: answer.1\n    state: reviewed\n    reviewer: "{ids["annotator-a"]}, {day}"\n',
        ),
    ):
        assert old in expected
        expected = expected.replace(old, new)
    assert file.read_text(encoding="utf-8") == expected
    assert "annotator-a" not in file.read_text(encoding="utf-8")
    assert "0 lines reviewed" in running.seimai("wordings", "--pull", str(file))  # what is reviewed stays as it is


def test_a_line_that_was_changed_since_is_a_new_record(running: Running, file: Path):
    file.write_text(
        FILE.replace("お願いできますでしょうか", "作ってください").replace("はい。", "はい、どうぞ。"), encoding="utf-8"
    )
    before = file.read_text(encoding="utf-8")
    said = running.seimai("wordings", "--pull", str(file))
    assert "haiku_sample/ask.3: the line was changed or removed since it was pushed" in said
    assert "haiku_sample/answer.2: the line was changed or removed since it was pushed" in said
    after = file.read_text(encoding="utf-8")
    assert "作ってください。'}" in after
    assert after.count("state: draft") == before.count("state: draft") - 3  # ask.1, ask.2 and answer.1 again
    assert "2 drafts, 2 of them pushed now" in running.seimai("wordings", str(file))


def test_new_guidelines_ask_anew_what_nobody_has_answered(running: Running, file: Path):
    older = replace(TASK, questions=TASK.questions[:1])
    with Client(running.url, running.key) as argilla:
        made = opened(argilla, older, argilla.workspace("review"))
        for name in ("haiku_sample/ask.3#0123", "another_file/ask.1#0123"):
            argilla.push(made, [{"external_id": name, "fields": {"text": "文", "place": "所"}}])
        assert "1 records withdrawn" in running.seimai("wordings", str(file))
        assert [record["external_id"] for record in argilla.records(made)] == ["another_file/ask.1#0123"]
        argilla.call("DELETE", f"/datasets/{made}")


def test_guidelines_that_were_changed_in_the_page_are_noticed(running: Running, file: Path):
    before = file.read_text(encoding="utf-8")
    with Client(running.url, running.key) as argilla:
        made = records(argilla)["haiku_sample/ask.1"]["dataset_id"]
        argilla.call("PATCH", f"/datasets/{made}", {"guidelines": "好きに答えてください。"})
        said = running.seimai("wordings", "--pull", str(file), code=1)
        assert "guidelines, fields or questions were changed in the UI" in said
        assert file.read_text(encoding="utf-8") == before
        argilla.call("PATCH", f"/datasets/{made}", {"guidelines": TASK.guidelines})
    running.seimai("wordings", "--pull", str(file))
