"""Heavy lines through the real engine: the same rows however the survey is cut, every row accounted for, and what the report says."""

import gzip
import json
import random
import re
import sys
from pathlib import Path

import pytest

from curation.dedup.heavy_lines import PHASES
from curation.dedup.lines import LineDedup
from curation.dedup.minhash import MinHash
from curation.shards import ShardSet, Table
from recipes.engine.explain.command import explain
from recipes.engine.report import write_report

sys.path.insert(0, str(Path(__file__).parent))
from steps_on_trial import KilledLineDedup
from test_runs import accounted, done, recipe

FOOTER = "本サイトの記事・写真の無断転載を禁じます。"
GIVEN = {"min_pages": 10, "min_hosts": 5, "min_chars": 8}


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """120 pages of 12 hosts, most with a footer, some with nothing else."""
    monkeypatch.setattr("recipes.engine.plan.PARTITION_BYTES", 2048)
    rng, rows = random.Random(6), []
    for i in range(120):
        body = [f"第{i}話の{k}段落目で、{rng.choice('精米酒糠籾')}の話をする。" for k in range(rng.randrange(1, 9))]
        text = FOOTER if i % 40 == 7 else "\n".join([*body, FOOTER] if i % 4 else body)
        rows.append({"id": str(i), "text": text, "url": f"https://h{i % 12}.example.jp/{i}"})
    folder = tmp_path / "in"
    folder.mkdir()
    for name, part in (("a", rows[::2]), ("b", rows[1::2])):
        lines = "\n".join(json.dumps(r, ensure_ascii=False) for r in part)
        (folder / f"{name}.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    return f"{folder}/*.jsonl.gz"


def test_phases_and_killed_tasks_release_the_rows_that_one_task_releases(files, tmp_path):
    made = {}
    for name, rows_a_part, killed in (("one", 1000, ()), ("cut", 20, ()), ("rough", 20, tuple(p for p, _ in PHASES))):
        step = KilledLineDedup(rows_a_part, killed, mode="cap", k=2, **GIVEN)
        made[name] = done(recipe(files, ["whitespace"], [step], [MinHash()]), tmp_path / name)
        accounted(tmp_path / name)
    assert made["one"]["content"] == made["cut"]["content"] == made["rough"]["content"]
    (path,) = (tmp_path / "cut" / "stages").glob("measured.line_dedup-*/manifest.json")
    survey = json.loads(path.read_text())
    assert survey["tables"] == {"heavy_lines": 1}
    assert survey["tasks"] > 20
    assert survey["steps"][0]["heavy_lines"] == 1
    assert not list(tmp_path.glob("cut/stages/measured.line_dedup-*/work")), "what lay between the phases is gone"
    texts = [
        r["text"] for b in ShardSet.open(str(tmp_path / "cut" / "1" / "curated")).read(["text"]) for r in b.to_pylist()
    ]
    assert sum(FOOTER in t for t in texts) == 2


def test_emptied_pages_are_rejected_and_the_report_says_what_went(files, tmp_path, capsys):
    manifest = done(recipe(files, ["whitespace"], [LineDedup("remove", **GIVEN)]), tmp_path / "out")
    assert manifest["rejected"] == {"only_boilerplate": 3}
    assert manifest["rows_in"] == manifest["rows_out"] + 3
    accounted(tmp_path / "out")
    run = str(tmp_path / "out" / "1")
    (table,) = (tmp_path / "out" / "stages").glob("measured.line_dedup-*/heavy_lines")
    (line,) = Table(str(table)).read().to_pylist()
    assert (line["line"], line["hosts"]) == (FOOTER, 9), "every fourth page has none, and so have three hosts"
    with_footer = 90 - 3 + 1  # three pages are the footer alone, and copies of a page are one
    assert line["pages"] == with_footer
    html = Path(write_report(run)).read_text(encoding="utf-8")
    section = re.search(r'<section id="boilerplate">.*?</section>', html, re.S)[0]
    assert "1 line of at least 8 characters stands on at least 10 pages of at least 5 hosts." in section
    assert "87 were taken out of the text. 3 pages of nothing else were rejected." in section
    assert "Copies of other pages (2) were not counted again." in section
    assert FOOTER not in html, "text is masked unless it is asked for"
    assert FOOTER in Path(write_report(run, samples=True)).read_text(encoding="utf-8")
    explain(run, "https://h1.example.jp/1")
    assert re.search(r"boilerplate +1 line, \d+\.\d % of the characters; 1 removed", capsys.readouterr().out)


def test_a_hostile_line_stays_text_in_the_report(tmp_path):
    hostile = '<script>document.title="owned"</script>'
    lines = [{"id": str(i), "text": f"{hostile}\n{i} 頁", "url": f"https://h{i}.jp/"} for i in range(9)]
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps(r) for r in lines))
    step = LineDedup("remove", min_pages=9, min_hosts=9)
    done(recipe(f"{tmp_path}/a.jsonl", ["whitespace"], [step]), tmp_path / "out")
    html = Path(write_report(str(tmp_path / "out" / "1"), samples=True)).read_text(encoding="utf-8")
    assert "&lt;script&gt;document.title=" in html
    assert html.count("<script") == 1, "the language switch is the only script"


def test_measuring_changes_no_text(files, tmp_path):
    done(recipe(files, ["whitespace"], [LineDedup("measure", **GIVEN)]), tmp_path / "out")
    rows = [r for b in ShardSet.open(str(tmp_path / "out" / "1" / "measured")).read() for r in b.to_pylist()]
    assert len(rows) == 120
    assert sum(r["boilerplate_lines"] for r in rows) == sum(FOOTER in r["text"] for r in rows) == 90
    assert {r["boilerplate_char_fraction"] for r in rows if r["text"] == FOOTER} == {1.0}
    html = Path(write_report(str(tmp_path / "out" / "1"))).read_text(encoding="utf-8")
    assert "They were measured; no text was changed." in html
