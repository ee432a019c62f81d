"""The review's report: figures that were worked by hand stand on it, in both languages, and a browser shows it with nothing asked."""

import random
import re
import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from annotation.calibrate import share
from annotation.errors import ReviewError
from annotation.labels import Labels
from annotation.review_plan import ReviewPlan
from recipes.engine.cli import app
from recipes.engine.review.report import Audit, Review, gathered, render, write_report
from tests.annotation.office import answered, item, push
from tests.annotation.test_labels import NOW
from tests.annotation.test_released_errors import pushed, run, said
from tests.report.test_in_browser import CHROMIUM, asked_for, opened

__all__ = ["run"]  # a fixture
POINTS = {"helpfulness": 4, "correctness": 4, "naturalness": 5}


def made(folder: Path) -> Labels:
    """A review under way: 60 pairs, 18 of them for two people, and 40 answers; four people over twelve days."""
    labels, draw = Labels(folder), random.Random(7)
    functions = ("要約", "数学", "短歌")
    pairs = [
        item(n, "よい回答", "わるい回答", people=2 if n < 18 else 1, stratum="close" if n % 3 else "audit",
             about={"margin": f"{n / 60:.3f}", "function": functions[n % 3]})
        for n in range(60)
    ]  # fmt: skip
    for n, record in enumerate(push(labels, "preference", pairs)[:64]):
        chosen = "ab"[record["order"].index(0)]
        right = draw.random() < 0.5 + 0.5 * float(orjson.loads(record["metadata"])["margin"])
        value = chosen if right else draw.choice(("a" if chosen == "b" else "b", "same"))
        at = NOW + timedelta(days=n // 6, seconds=40 * (n % 6))
        answered(labels, record, f"r-{n % 4 + 1:08x}", {"preference": value}, given_at=at)
    quality = [item(100 + n, people=2) for n in range(40)]
    for n, record in enumerate(push(labels, "quality", quality)[:30]):
        for who in (0, 1) if n < 20 else (0,):
            verdict = "good" if draw.random() < 0.8 else "fixable"
            at = NOW + timedelta(days=n // 4, seconds=75 * (n % 4))
            answered(
                labels,
                record,
                f"r-{who + 1:08x}",
                POINTS | {"verdict": verdict, "helpfulness": draw.choice((3, 4, 5))},
                given_at=at,
            )
    return labels


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Labels:
    return made(tmp_path_factory.mktemp("review") / "labels")


@pytest.fixture(scope="module")
def review(labels: Labels) -> Review:
    return gathered(labels, None, "Asia/Tokyo", 600)


def test_what_stands_on_it_is_what_was_done(labels: Labels, review: Review):
    html = render(review, 600)
    assert (review.rows, review.people) == (100, 4)
    assert review.answers == 64 + 50
    assert f"100 行のうち {review.done} 行の確認が済んだ" in html
    assert f"{review.done} of 100 rows are reviewed" in html
    assert sum(one.done for one in review.progress if one.task == "quality") == 20
    assert review.strata == [("preference", "audit"), ("preference", "close"), ("quality", "all")]
    assert sum(sum(counts.values()) for counts in review.people_by_stratum.values()) == 64 + 50
    assert review.people_by_stratum["r-00000001"]["quality", "all"] == 30
    for who in range(1, 5):
        assert f"r-{who:08x}" in html
    assert "10 分を超える間隔は休憩" in html
    assert "正解のある問題" not in html, "no gold question was asked"
    assert "よい回答" not in html, "no text of a row"
    assert "--wrong verdict=fixable,bad" in html
    assert "<script" in html
    assert html.count("<script") == 1


def test_gold_questions_stand_beside_the_work_where_there_are_any(review: Review):
    html = render(replace(review, gold={"r-00000001": share(8, 10)}), 600)
    assert "正解のある問題の正答率" in html
    assert '80.0 % <span class="note">(10)</span>' in html


def test_agreement_on_the_page_is_that_of_the_command(labels: Labels, review: Review):
    html = render(review, 600)
    (verdict,) = [one for one in review.agreement if one.question == "verdict"]
    assert verdict.alpha.units == 20
    assert f'data-value="{verdict.alpha.value:.3f}"' in html
    assert f'data-value="{verdict.ac1.value:.3f}"' in html


def test_the_error_rate_is_that_of_the_audit(run, tmp_path: Path):
    half = ReviewPlan.model_validate({"routes": {"audit": {"probability": 0.5}}})
    labels, records = pushed(run, tmp_path, half)
    labels.append("answers", [said(r, "bad" if n < 2 else "good") for n, r in enumerate(records)])
    (tmp_path / "plan.yaml").write_text("routes: {audit: {probability: 0.5}}")
    audit = Audit(str(run), "quality", "verdict=fixable,bad", None, tmp_path / "plan.yaml")
    html = Path(write_report(labels, tmp_path / "out.html", audit, "Asia/Tokyo", 600)).read_text(encoding="utf-8")
    rate = (40 - len(records)) / 40 * 2 / len(records)
    assert f"出荷する行のうち誤りが残るのは {rate:.2%}" in html
    assert f'<td class="n">40</td><td class="n">{len(records)}</td>' in html


def test_nothing_pushed_makes_no_report(tmp_path: Path):
    with pytest.raises(ReviewError, match="no row is before people"):
        write_report(Labels(tmp_path / "labels"), None, None, "Asia/Tokyo", 600)


def test_hostile_names_are_text(tmp_path: Path):
    labels = Labels(tmp_path / "labels")
    (record,) = push(
        labels,
        "preference",
        [item(0, "a", "b", stratum="<script>x", about={"function": "<img src=x>", "margin": "0.5"})],
    )
    answered(labels, record, "<b>r", {"preference": "a"})
    html = render(gathered(labels, None, "Asia/Tokyo", 600), 600)
    assert "&lt;script&gt;x" in html
    assert not re.search(r"<img|<b>r", html)


def test_the_commands_of_the_office(labels: Labels, tmp_path: Path):
    def seimai(*words: str, code: int = 0) -> str:
        ended = CliRunner().invoke(app, ["review", *words, "--labels", str(labels.folder)], env={"COLUMNS": "200"})
        assert ended.exit_code == code, (ended.output, ended.exception)
        return ended.output

    (tmp_path / "rates.yaml").write_text("rates: {preference: 30, quality: 60}")
    assert "* estimated: the median time" in seimai("workload", "--out", str(tmp_path / "days.csv"))
    days = (tmp_path / "days.csv").read_text("utf-8-sig").splitlines()
    assert days[:2] == ["仮名,仕事,日,回答", "r-00000001,preference,2026-11-26,2"]
    assert sum(int(day.rpartition(",")[2]) for day in days[1:]) == 64 + 50
    assert "r-00000001" in seimai("pay", str(tmp_path / "rates.yaml"), "--out", str(tmp_path / "pay.csv"))
    assert f"全員,合計,,,,,{64 * 30 + 50 * 60}" in (tmp_path / "pay.csv").read_text("utf-8-sig")
    sheet = str(tmp_path / "sheet.xlsx")
    assert "40 rows of quality" in seimai("sheet", sheet, "--task", "quality", "--stratum", "all")
    assert "no new answer" in seimai("take", sheet, "--annotator", "佐藤", "--conflicts", str(tmp_path / "left.csv"))
    assert seimai("report", "--out", str(tmp_path / "report.html")).strip() == str(tmp_path / "report.html")
    assert "--run and --wrong go together" in seimai("report", "--run", "x", code=2)


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium, chromium-browser or google-chrome is installed")
def test_a_browser_shows_the_figures_and_asks_nothing_of_any_server(labels: Labels, tmp_path: Path):
    page = tmp_path / "report.html"
    write_report(labels, page, None, "Asia/Tokyo", 600)
    dom, log = opened(page.as_uri(), tmp_path, f"--screenshot={tmp_path / 'page.png'}", "--window-size=1200,3200")
    assert dom.count("<svg") == 5, "answers a day, by person, agreement, by function, by margin"
    assert "CONSOLE" not in log
    assert asked_for((tmp_path / "net.json").read_text(encoding="utf-8", errors="replace")) == set()
    assert subprocess.run(["file", tmp_path / "page.png"], capture_output=True, text=True, check=False).returncode == 0
