"""A release that is shared, over pages whose licence nobody knows: only what took a page's topic alone may be in it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from synth.rights import shared_span
from synth.tasks.terms import terms

ROOT = Path(__file__).resolve().parents[2]

PAGES = [
    "鍋に出汁を張り、大根を弱火でゆっくり煮る。大さじ二杯の醤油で味付けをすると、翌日まで味がしみておいしい。下ごしらえの面取りも忘れない。",
    "この献立は、茹でた青菜と炒めた豆腐だけでできる。レシピの分量は二人分なので、小さじ一杯の塩から加減してほしい。中火で手早く仕上げる。",
    "変数の名前は短く、関数は一つのことだけをする。プログラムが大きくなると、設定をデータベースに移したくなるが、まずコマンドを整理したい。",
]


@pytest.fixture
def shared(recipes, tmp_path):
    """Runs a recipe whose target is shared, over web pages of unknown licence, where somebody has reviewed the wordings of `terms`.

    Wordings are files of the project and workers are processes of their own, so the project is copied.
    """
    root = tmp_path / "project"
    for package in ("annotation", "curation", "recipes", "synth"):
        shutil.copytree(ROOT / package, root / package, ignore=shutil.ignore_patterns("__pycache__"))
    wordings = root / "synth" / "prompts" / "terms.yaml"
    draft, reviewed = "state: draft,", 'state: reviewed, reviewer: "someone, 2026-11-26",'
    wordings.write_text(wordings.read_text("utf-8").replace(draft, reviewed), "utf-8")
    recipes.source = {"jsonl": "pages.jsonl", "rights_basis": "著作権法30条の4"}
    recipes.release = {"target": {"model_name": "trial", "purpose": "share", "publish": False}}
    recipes.generate["seeds"] |= {"lengths": [40, 400], "opt_outs_removed": "tester, 2026-11-26"}

    def run(pages, **order):
        rows = [{"text": text, "url": f"https://page{i}.example.jp/"} for i, text in enumerate(pages)]
        (recipes.folder / "pages.jsonl").write_bytes(b"\n".join(map(orjson.dumps, rows)))
        recipes.generate["tasks"] = {"terms": {"answers": "program"} | order}
        command = [sys.executable, "-m", "recipes.engine.cli", "run", str(recipes.write())]
        command += ["--out", str(recipes.folder / "out")]
        said = subprocess.run(
            command, env=os.environ | {"PYTHONPATH": str(root)}, cwd=root, capture_output=True, text=True
        )
        assert said.returncode == 0, said.stdout + said.stderr
        return recipes

    return run


def test_rows_of_a_topic_may_be_shared_and_hold_nothing_of_the_page(shared):
    rows = shared(PAGES, rows=9, **{"with": {"sorts": ["explain", "name", "match"]}}).rows()
    assert len(rows) == 9
    topics = set()
    for row in rows:
        (seed,) = row["seeds"]
        assert (seed["use"], seed["licence"], row["licence_status"]) == ("topic", None, "allow")
        assert seed["topic"] in terms()
        topics.add(seed["topic"])
        assert row["wording_state"] == "reviewed"
        for page in PAGES:
            assert shared_span(page, row["messages"], 12) is None
    assert topics == {"暮らし/料理", "技術/計算機"}


def test_what_a_page_says_in_the_same_words_is_refused_at_the_recipes_span(shared, recipes):
    said = next(what for term, what, _ in terms()["暮らし/料理"] if term == "弱火")
    recipes.generate["topic_span"] = 15
    shared([PAGES[0] + f"弱火とは、{said}のことである。"], rows=6, **{"with": {"sorts": ["explain"]}})
    refused = [r for r in recipes.rows(kind="refused") if r["reason"] == "takes_wording"]
    assert refused
    assert all(said in r["messages"] for r in refused)
    rows = recipes.rows()
    assert rows
    assert not [r for r in rows if said in r["messages"]]


def test_the_terms_are_sound():
    for topic, listed in terms().items():
        names = [term for term, _, _ in listed]
        assert len(names) >= 4
        assert len(set(names)) == len(names)
        for term, what, words in listed:
            assert term not in what, (topic, term)
            assert any(word in what for word in words), (topic, term)
            assert what[-1] not in "。、", (topic, term)
            assert len(set(words)) == len(words)
