"""`seimai label`: a sample of what a stage kept, and answers held against the run, through the command."""

import json
from pathlib import Path

import polars as pl
import pytest

from tests.classify.test_train import BAD, GOOD, seimai

RECIPE = """
name: own
version: "1"
partitions: 2
sources:
  crawl: {jsonl: crawl.jsonl, licence: CC0-1.0}
stages:
  - {name: pages, read: crawl}
  - {name: measured, read: pages, steps: [text_stats, fasttext_quality]}
  - name: curated
    read: measured
    steps: [{threshold: {rules: [{name: quality, column: quality, keep: ">= 0.5"}]}}]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of 60 pages, of which a threshold has taken some; one begins like a formula."""
    where = tmp_path_factory.mktemp("label")
    rows = [{"id": str(n), "text": "\n".join((GOOD if n % 2 else BAD) * 3) + str(n)} for n in range(60)]
    rows[0]["text"] = "=HYPERLINK(A1)\n" + rows[0]["text"]
    lines = [
        json.dumps(r | {"url": f"https://h{n % 7}.example.jp/{n}"}, ensure_ascii=False) for n, r in enumerate(rows)
    ]
    (where / "crawl.jsonl").write_text("\n".join(lines))
    (where / "own.yaml").write_text(RECIPE)
    assert seimai("run", "own.yaml", "--workers", "1", cwd=where).returncode == 0
    return where


def test_a_sample_of_a_stage_holds_pages_that_a_threshold_took_later(folder):
    done = seimai("label", "sample", "runs/own", "--out", "s.csv", "--stage", "measured", "--rows", "60", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "s.csv: 60 pages of 60, 7 hosts" in done.stdout
    raw = (folder / "s.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf"), "Excel takes a table without it for Shift_JIS"
    table = pl.read_csv(raw)
    assert table["score"].min() < 0.5 <= table["score"].max()
    assert next(t for t in table["text"] if "HYPERLINK" in t).startswith("'=HYPERLINK"), "no formula for a spreadsheet"
    assert table["weight"].sum() == pytest.approx(60)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--stage", "measure"], "has no stage 'measure'; stages: pages, measured, curated"),
        (["--stage", "pages"], "the rows of stage 'pages' have no column 'quality'"),
        (["--column", "host"], "holds string, and deciles are of numbers"),
        (["--column", "qualty"], "the released rows have no column 'qualty'"),
        (["--rows", "0"], "must be at least 1"),
    ],
)
def test_a_sample_that_cannot_be_drawn_is_refused(folder, options, said):
    done = seimai("label", "sample", "runs/own", "--out", "none.csv", *options, cwd=folder)
    assert done.returncode == 2
    assert said in done.stderr
    assert not (folder / "none.csv").exists()


def test_answers_are_held_against_the_run_and_written_as_one_label_a_page(folder):
    if not (folder / "s.jsonl").exists():
        seimai("label", "sample", "runs/own", "--out", "s.jsonl", "--stage", "measured", "--rows", "20", cwd=folder)
    pages = [json.loads(line) for line in (folder / "s.jsonl").read_text().splitlines()]
    answers = [
        {"id": p["id"], "weight": p["weight"], "who": w, "label": "good" if n % 2 else "bad"}
        for n, p in enumerate(pages[:8])
        for w in "ab"
    ]
    answers[0]["label"] = "good"
    answers += [
        {"id": pages[9]["id"], "label": ""},
        {"id": "f" * 32, "label": "good"},
        {"id": "1.2E+31", "label": "bad"},
    ]
    (folder / "a.jsonl").write_text("\n".join(map(json.dumps, answers)))
    refused = seimai("label", "read", "runs/own", "a.jsonl", cwd=folder)
    assert refused.returncode == 2
    assert "a.jsonl, line 2: " in refused.stderr
    assert "'several: majority'" in refused.stderr
    done = seimai(
        "label",
        "read",
        "runs/own",
        "a.jsonl",
        "--annotator-key",
        "who",
        "--several",
        "majority",
        "--out",
        "l.jsonl",
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    said = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert "pages in the files 11" in said
    assert "answered 9" in said
    assert "of the run bad 3, good 4" in said
    assert "unanswered 1" in said
    assert "not in the run 2" in said
    assert f"{'f' * 32} (a.jsonl, line 18)" in said
    assert "1.2e+31 (a.jsonl, line 19; no row id: that is 32 hexadecimal digits)" in said
    assert "several answers 8 pages; two of them agree in 88 % of 8 pairs, κ 0.75" in said
    assert "tied, left out 1" in said
    assert "without a weight 3: counted as 1 row each" in said
    lines = [json.loads(line) for line in (folder / "l.jsonl").read_text().splitlines()]
    assert [(r["id"], r["label"]) for r in lines] == [
        (p["id"], "good" if n % 2 else "bad") for n, p in enumerate(pages[:8])
    ][1:]
    assert [r["weight"] for r in lines] == [p["weight"] for p in pages[1:8]]


def test_answers_about_another_run_are_refused(folder):
    (folder / "other.jsonl").write_text(json.dumps({"id": "0" * 32, "label": "good"}))
    done = seimai("label", "read", "runs/own", "other.jsonl", cwd=folder)
    assert done.returncode == 2
    assert "other.jsonl: no answer is about a page of" in done.stderr
    wrong = seimai("label", "read", "runs/own", "other.jsonl", "--where", "status", cwd=folder)
    assert "--where status: must be KEY=VALUE" in wrong.stderr


def test_the_report_reads_the_answers_that_label_read_reads(folder):
    done = seimai("label", "sample", "runs/own", "--out", "r.jsonl", "--stage", "measured", "--rows", "30", cwd=folder)
    assert done.returncode == 0, done.stderr
    records = []
    for line in (folder / "r.jsonl").read_text().splitlines():
        page = json.loads(line)
        good = "good" if any(sentence in page["text"] for sentence in GOOD) else "bad"
        answers = [{"values": {"q": {"value": good}}, "user_id": who, "status": "submitted"} for who in "ab"]
        answers.append({"values": {"q": {"value": "bad"}}, "user_id": "c", "status": "draft"})
        records.append({"external_id": page["id"], "weight": page["weight"], "responses": answers})
    (folder / "records.jsonl").write_text("\n".join(map(json.dumps, records)))
    how = ["--id-key", "external_id", "--label-key", "responses.values.q.value", "--annotator-key", "responses.user_id"]
    how += ["--where", "responses.status=submitted"]
    read = seimai("label", "read", "runs/own", "records.jsonl", *how, cwd=folder)
    assert read.returncode == 0, read.stderr
    report = seimai("report", "runs/own", "--labels", "records.jsonl", "--positive", "== good", *how, cwd=folder)
    assert report.returncode == 0, report.stderr
    page = (folder / "runs/own/1/report.html").read_text(encoding="utf-8")
    assert "AUC 1.000" in page.split('id="scores"')[1]
    for options in (how[:2], ["--several", "majority"]):
        alone = seimai("report", "runs/own", *options, cwd=folder)
        assert alone.returncode == 2
        assert "say how the files of --labels are read, and none are named" in alone.stderr
    refused = seimai("report", "runs/own", "--labels", "records.jsonl", "--positive", "== good", cwd=folder)
    assert refused.returncode == 2
    assert "records.jsonl, line 1: no column id; columns: external_id, responses, weight" in refused.stderr
