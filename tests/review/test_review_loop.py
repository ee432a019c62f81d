"""A run's rows before two annotators in the real page (headless Chromium), and what they did there in the label shards."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from annotation.client import Client
from annotation.items import Item
from annotation.push import Order, push
from annotation.review_tasks import task
from curation.provenance import key
from tests.annotation.test_review_records import pair
from tests.review.conftest import ROOT, Running
from tests.review.page import browsed, dataset, shards, signed_in

HAIKU = "古池や\n蛙飛びこむ\n水の音"
ELSEWHERE = "https://pictures.example.jp/kome.png"
EVIL = "<b>太字</b><script>window.hacked=1</script><img src=x onerror='window.hacked=1'> **星**"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with generated rows and pairs, answered by programs."""
    folder = tmp_path_factory.mktemp("run")
    page = {"text": "精米とは、玄米の表面から糠を取り除くことです。", "url": "https://a.example.jp/"}
    (folder / "pages.jsonl").write_bytes(orjson.dumps(page))
    tasks = {
        name: {"rows": rows, "answers": "program"}
        for name, rows in {"mathematics": 12, "refusal": 6, "dialogue": 4}.items()
    }
    strategies = {"near_miss": {"pairs": 30, "answers": 30, "per_answer": 2}}
    recipe = {
        "name": "trial", "version": "1", "sources": {"texts": {"jsonl": "pages.jsonl", "licence": "CC0-1.0"}},
        "stages": [{"name": "pages", "read": "texts", "steps": ["text_stats"]}],
        "generate": [{"name": "instruct", "read": "pages", "novelty": {"threshold": 0.9}, "rounds": {"most": 40}, "tasks": tasks}],
        "pairs": [{
            "name": "preference", "read": "instruct", "strategies": strategies, "caps": {"per_template": 0.5},
            "unlike": {"jaccard": 0.9}, "balance": {"length": False, "format": False}, "kto": {"ratio": 1.0}, "prompts": False,
        }],
        "release": {
            "draft_wordings": "allow", "target": {"model_name": "trial", "purpose": "train_internal", "publish": False},
        },
    }  # fmt: skip
    (folder / "trial.yaml").write_text(yaml.safe_dump(recipe, allow_unicode=True))
    command = [
        sys.executable,
        "-m",
        "recipes.engine.cli",
        "run",
        str(folder / "trial.yaml"),
        "--out",
        str(folder / "out"),
    ]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return folder / "out"


@pytest.fixture(scope="module")
def people(running: Running) -> dict[str, str]:
    """Two annotators, one of each group; passwords."""
    return {name: running.annotator(name) for name in ("kiku", "ume")}


def test_rows_of_a_run_are_pushed_by_a_plan_and_found_there_again(
    running: Running, run: Path, people: dict[str, str], tmp_path: Path
):
    plan = tmp_path / "plan.yaml"
    plan.write_text(
        "routes: {all: {probability: 1.0}}\noverlap: {all: {share: 0.5, people: 2}}\n"
        "harmful: {where: {function: [refusal]}, daily_cap: 3}\n"
    )
    said = running.seimai("push", str(run), "--task", "quality", "--plan", str(plan))
    assert "22 rows, 22 drawn for 'quality'" in said
    assert "3 held back by the daily cap" in said  # of six refusals
    hidden = _metadata(running, "quality")
    assert {r["function"] for r in hidden if r["harmful"]} == {"refusal"}
    assert len(hidden) == 19
    said = running.seimai("push", str(run), "--task", "preference", "--plan", str(plan))
    assert "trial/preference: " in said
    assert "review-1/preference-" in said
    records = [r for r in shards(running).read("records").to_pylist() if r["task"].startswith("preference")]
    pairs = {r["row"] for r in records}
    assert all(len(r["answers"]) == 2 for r in records)
    again = running.seimai("push", str(run), "--task", "preference", "--plan", str(plan))
    assert " 0 records pushed now" in again
    assert len(pairs) >= 10
    assert "few_answers" in running.seimai("push", str(run), "--task", "ranking", "--answers", "3")
    assert "22 records pushed now" in running.seimai("push", str(run), "--task", "correction")


def _metadata(running: Running, name: str) -> list[dict[str, Any]]:
    rows = shards(running).read("records").to_pylist()
    return [json.loads(r["metadata"]) | {"harmful": r["harmful"]} for r in rows if r["task"].startswith(name)]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--task", "taste"), "there is no review task 'taste'"),
        (("--task", "quality", "--set", "other"), "no set 'other' that 'quality' asks about; there is instruct"),
        (("--task", "quality", "--plan", "/nowhere.yaml"), "/nowhere.yaml: cannot be read"),
    ],
)
def test_a_push_that_cannot_be_says_what_would_be_right(running: Running, run: Path, words: tuple[str, ...], said: str):
    code = 2 if "set" in words[-2] else 1
    assert said in running.seimai("push", str(run), *words, code=code)


@browsed
def test_two_people_compare_in_the_page_one_of_them_on_mirrored_records(
    running: Running, run: Path, people: dict[str, str]
):
    by_id = {r["external_id"]: r for r in shards(running).read("records").to_pylist()}
    expected: dict[tuple[str, str], str] = {}
    for who, space in (("kiku", "review-1"), ("ume", "review-2")):
        made = dataset(running, space, "preference")
        with signed_in(running, who, people[who]) as desk:
            for choice in ("a", "b", "same", "both_bad"):
                desk.open(made)
                desk.choose(f"preference_{choice}")
                if choice == "a" and who == "kiku":
                    desk.picture("review-preference")
                answered = desk.submit()
                expected[who, answered["record_id"]] = choice
    running.seimai("pull")
    lines = [r for r in shards(running).read("answers").to_pylist() if r["task"] == "preference"]
    assert len(lines) == 8
    with Client(running.url, running.key) as argilla:
        names = {argilla.call("GET", f"/records/{record}")["external_id"]: c for (_, record), c in expected.items()}
    for line in lines:
        order = by_id[line["external_id"]]["order"]
        own = {"a": "ab"[order[0]], "b": "ab"[order[1]]}
        choice = names[line["external_id"]]
        assert line["preference"] == own.get(choice, choice)


@browsed
def test_texts_are_literal_in_the_page_and_scripts_stay_text(running: Running, people: dict[str, str]):
    prompt = [{"role": "system", "content": "俳句だけを答えます。"}, {"role": "user", "content": f"池で一句。{EVIL}"}]
    poem = Item(key("haiku"), key("haiku"), prompt, "", (HAIKU, EVIL), (key("h", 0), key("h", 1)), {})
    alone = Item(key("evil"), key("evil"), prompt, "", (EVIL,), (key("e"),), {})
    with Client(running.url, running.key) as argilla:
        for of, item in (
            (task("preference", markdown=True), poem),
            (task("preference"), poem),
            (task("safety"), alone),
        ):
            push(argilla, shards(running), Order(of, "made/poems"), [item])
    with signed_in(running, "kiku", people["kiku"]) as desk:
        desk.open(dataset(running, "review", "preference"), "page=1&status=pending&search=蛙飛びこむ")
        desk.page.get_by_text("蛙飛びこむ").first.wait_for()
        seen = desk.page.inner_text("body")
        assert HAIKU in seen  # on three lines
        assert seen.count(EVIL) == 2  # in the request and in an answer, character by character
        desk.picture("review-literal")
        desk.open(dataset(running, "review", "safety"))
        assert desk.page.inner_text("body").count(EVIL) == 2
        assert desk.page.locator("strong", has_text="星").count() == 0
        assert desk.page.evaluate("window.hacked") is None
        desk.open(dataset(running, "review", "preference_markdown"))
        desk.page.locator("strong", has_text="星").first.wait_for()
        assert desk.page.evaluate("window.hacked") is None  # where Markdown is wanted HTML is cleaned


WHERE = """word => {
  const nodes = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (nodes.nextNode()) {
    const at = nodes.currentNode.textContent.indexOf(word);
    if (at < 0 || nodes.currentNode.parentElement.closest("form")) continue;
    const range = document.createRange();
    range.setStart(nodes.currentNode, at);
    range.setEnd(nodes.currentNode, at + word.length);
    const box = range.getBoundingClientRect();
    return {x: box.x, y: box.y + box.height / 2, width: box.width};
  }
}"""
"""Where a word stands in the page."""


@browsed
def test_a_session_lasts_a_week_and_where_it_has_expired_it_is_said(running: Running, people: dict[str, str]):
    made = dataset(running, "review", "preference")
    with signed_in(running, "kiku", people["kiku"]) as desk:
        desk.open(made)
        ends = int(desk.page.evaluate("localStorage.getItem('auth._token_expiration.local')")) / 1000
        assert 6.9 < (ends - time.time()) / 86400 < 7.1
        desk.choose("preference_same")
        old = {"authorization": "Bearer eyJhbGciOiJIUzI1NiJ9.e30.x"}  # a token that the server takes no more
        desk.page.route("**/api/**", lambda r: r.continue_(headers={**r.request.headers, **old}))
        desk.page.locator("form.questions-form button[type=submit]").click()
        desk.page.get_by_text("認証情報が正しくありません").wait_for()
        desk.page.unroute("**/api/**")
        desk.open(made)
        desk.choose("preference_b")
        desk.submit()
    with Client(running.url, running.key) as argilla:
        given = [
            answer for record in argilla.records(made, include=("responses",)) for answer in record["responses"] or ()
        ]
    assert [answer["values"]["preference"]["value"] for answer in given] == ["b"], "the refused one is nowhere"


@browsed
def test_the_page_asks_nothing_of_any_other_server(running: Running, people: dict[str, str]):
    """Neither for Google's fonts, as Argilla's own style sheet wants, nor for a picture that a text in Markdown names."""
    asked: list[str] = []
    of, picture = task("quality", markdown=True), pair(7, texts=(f"![]({ELSEWHERE})",))
    with Client(running.url, running.key) as argilla:
        push(argilla, shards(running), Order(of, "trial/picture"), [picture])
    with signed_in(running, "kiku", people["kiku"]) as desk:
        desk.page.unroute("**/*")
        desk.page.route(
            "**/*", lambda r: r.continue_() if r.request.url.startswith(running.url) else asked.append(r.request.url)
        )
        desk.open(dataset(running, "review", "quality_markdown"))
        desk.page.locator(f'img[src="{ELSEWHERE}"]').wait_for(state="attached")
        desk.page.wait_for_timeout(500)
    assert asked == []


@browsed
def test_a_span_that_is_marked_in_the_page_is_where_it_was_marked(running: Running, people: dict[str, str]):
    text = f"😀😀 {EVIL} 誤り"  # what stands before it is longer for the page, and shorter for the server
    item = Item(key("span"), key("span"), [{"role": "user", "content": "問い"}], "", (text,), (key("s"),), {})
    with Client(running.url, running.key) as argilla:
        push(argilla, shards(running), Order(task("spans"), "made/spans"), [item])
    with signed_in(running, "kiku", people["kiku"]) as desk:
        desk.open(dataset(running, "review", "spans"))
        desk.page.get_by_text("事実の誤り").first.click()
        desk.page.locator(".span-annotation__field--active").wait_for()
        before, at = None, desk.page.evaluate(WHERE, "誤り")
        while at != before:  # until the page has come to rest
            desk.page.wait_for_timeout(200)
            before, at = at, desk.page.evaluate(WHERE, "誤り")
        desk.page.mouse.move(at["x"] + 1, at["y"])
        desk.page.mouse.down()
        desk.page.mouse.move(at["x"] + at["width"] - 1, at["y"], steps=8)
        desk.page.mouse.up()
        desk.page.locator(".span-entity__wrapper").first.wait_for(state="attached")  # it has no size of its own
        desk.choose("complete_marked")
        desk.picture("review-spans")
        desk.submit()
        assert desk.page.evaluate("window.hacked") is None
    running.seimai("pull")
    line = next(r for r in shards(running).read("answers").to_pylist() if r["task"] == "spans")
    (span,) = line["spans"]
    assert text[span["start"] : span["end"]] == "誤り"
    assert span["kind"] == "fact"


@browsed
def test_a_person_rates_ranks_rewrites_changes_and_leaves_in_the_page(running: Running, people: dict[str, str]):
    texts = ("一つ目です。", "二つ目です。", "三つ目です。")
    ranked = pair(1, texts=texts)
    with Client(running.url, running.key) as argilla:
        push(argilla, shards(running), Order(task("ranking", answers=3), "made/ranked"), [ranked])
    running.seimai("annotator", "kiku", "--harmful")
    with signed_in(running, "kiku", people["kiku"]) as desk:
        desk.open(dataset(running, "review", "ranking"))
        places = {t: desk.page.inner_text("body").index(t) for t in texts}
        cards = dict(zip(sorted(texts, key=places.__getitem__), "abc", strict=True))
        for text, box in ((texts[2], 0), (texts[0], 1), (texts[1], 1)):  # the third is best, the others share a box
            desk.rank(cards[text], box)
        desk.choose("usable_good")
        desk.picture("review-ranking")
        desk.submit()
        quality = dataset(running, "review", "quality")
        desk.open(quality)
        desk.choose("verdict_fixable", "helpfulness_4", "correctness_5", "naturalness_3")
        first = desk.submit()
        desk.open(quality, "page=1&status=submitted")
        desk.choose("naturalness_2")
        assert desk.submit()["id"] == first["id"]  # changed, not answered twice
        desk.open(quality)
        desk.submit("button.button--discard")
        desk.open(dataset(running, "review", "correction"))
        desk.choose("decision_rewritten")
        desk.write("rewrite", "答えは、\n三つです。")
        desk.picture("review-correction")
        desk.submit()
        desk.open(dataset(running, "review-harmful", "quality_harmful"))
        assert "人を傷つける内容" in desk.page.inner_text("body")
        desk.choose("skip_distressing")
        desk.picture("review-harmful")
        desk.submit("button.button--discard")
    said = running.seimai("pull")
    lines = shards(running).read("answers").to_pylist()
    by_task: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        by_task.setdefault(line["task"], []).append(line)
    (ranking,) = by_task["ranking"]
    ranks = {r["answer"]: r["rank"] for r in ranking["ranks"]}
    assert ranks == dict(zip(ranked.answers, (2, 2, 1), strict=True))
    rated = {r["status"]: r for r in by_task["quality"]}
    assert {r["question"]: r["points"] for r in rated["submitted"]["ratings"]} == {
        "helpfulness": 4, "correctness": 5, "naturalness": 2,
    }  # fmt: skip
    assert rated["discarded"]["event"] == "discarded"
    (correction,) = by_task["correction"]
    assert json.loads(correction["values"])["rewrite"].replace("\r\n", "\n").strip() == "答えは、\n三つです。"
    (skipped,) = by_task["quality_harmful"]
    assert (skipped["status"], skipped["event"]) == ("skipped", "skipped")
    assert "1 skipped" in said
    said = running.seimai("freeze", "2026-11")
    assert "batch '2026-11': " in said
    assert "a batch '2026-11' is closed already" in running.seimai("freeze", "2026-11", code=1)
