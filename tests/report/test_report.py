"""The report says what the run was, in two languages, in one small file that shows no page text unasked."""

import re
import shutil
from pathlib import Path

import pytest
from made_run import HOSTILE, PROSE, make_run

from curation.dedup.minhash import candidate_probability
from curation.document import COLUMNS
from curation.filters.preset import load_preset
from curation.shards import ShardError
from recipes.engine.errors import RecipeError
from recipes.engine.report import write_report
from recipes.engine.report.decoding import family


@pytest.fixture(scope="module")
def html(made) -> str:
    return Path(write_report(made.folder)).read_text(encoding="utf-8")


def test_it_is_one_file_of_less_than_two_megabytes(made, html):
    assert len(html.encode()) < 2_000_000
    loads = re.findall(r"<(?:link|iframe|object|embed|base)\b|\ssrc=|@import|url\(", re.sub(r"&lt;.*?&gt;", "", html))
    assert loads == [], "nothing is loaded from anywhere"
    assert html.count("<script") == 1, "the language switch is the only script"


def test_counts_of_the_run_are_in_it(made, html):
    for number in (made.rows_in, made.rows_out, *made.rejected.values()):
        assert f"{number:,}" in html
    for reason in made.rejected:
        assert reason in html


def test_every_thresholded_column_has_a_distribution(html):
    rules = [rule for name in ("japanese", "swallow_v1") for rule in load_preset(name).rules]
    numeric = [t for rule in rules for t in rule.tests if COLUMNS[t.column].type != COLUMNS["language"].type]
    assert len(numeric) > 21
    assert html.count('class="distribution"') == len(numeric)
    drawn = html.split('id="rules"')[1].split("</section>")[0]
    assert drawn.count('class="bound"/>') == sum(len(t.keep.bounds) for t in numeric), "each bound is a line"


def test_it_says_everything_in_japanese_and_in_english(html):
    assert html.count('class="ja') == html.count('class="en')
    body = re.sub(r"<(style|script)>.*?</\1>", "", html, flags=re.S)
    only_japanese = re.sub(r'<(\w+) [^>]*class="en[^>]*>.*?</\1>', "", body, flags=re.S)
    assert "残したページ" in only_japanese
    assert "pages kept" not in only_japanese


def test_page_text_and_urls_are_not_in_it_unless_asked(made, html):
    assert PROSE[:8] not in html
    assert "/page/" not in html
    assert "●●●、●●●●" in html
    asked = Path(write_report(made.folder, samples=True)).read_text(encoding="utf-8")
    assert PROSE[:8] in asked
    assert "/page/" in asked
    assert len(asked.encode()) < 2_000_000
    write_report(made.folder)


def test_samples_are_at_most_twenty_a_reason_and_the_same_at_every_call(made):
    first = Path(write_report(made.folder, samples=True)).read_text(encoding="utf-8")
    second = Path(write_report(made.folder, samples=True)).read_text(encoding="utf-8")
    write_report(made.folder)
    assert first == second
    groups = [int(n) for n in re.findall(r'</span><span class="n">(\d+)</span></summary>', first)]
    assert max(groups) == 20
    expected = [min(20, made.rows_out), *(min(20, n) for n in made.rejected.values())]
    assert sorted(groups) == sorted(expected)


def test_hostile_hosts_and_titles_are_escaped(html):
    assert HOSTILE not in html
    assert "&lt;script&gt;" in html
    assert "onerror=" not in re.sub(r"&lt;.*?&gt;", "", html)


def test_a_stage_whose_rows_were_deleted_leaves_a_warning_and_the_counts(made, tmp_path):
    copy = tmp_path / "moved"
    shutil.copytree(Path(made.folder).parent, copy)
    shutil.rmtree(copy / "stages")
    text = Path(write_report(str(copy))).read_text(encoding="utf-8")
    assert 'class="warn"' in text
    assert f"{made.rows_in:,}" in text
    assert f"{made.rejected['not_japanese_bytes']:,}" in text


def test_a_run_that_was_moved_is_found_again(made, tmp_path):
    shutil.copytree(Path(made.folder).parent, tmp_path / "elsewhere")
    text = Path(write_report(str(tmp_path / "elsewhere"))).read_text(encoding="utf-8")
    assert 'class="warn"' not in text


def test_a_folder_without_a_run_is_said_with_the_runs_near_it(made, tmp_path):
    with pytest.raises(RecipeError, match="no finished run here"):
        write_report(str(tmp_path))
    with pytest.raises(RecipeError, match=re.escape(made.folder)):
        write_report(f"{Path(made.folder).parent}/2")


def test_a_release_that_is_gone_is_said(made, tmp_path):
    shutil.copytree(made.folder, tmp_path / "1")
    shutil.rmtree(tmp_path / "1" / "curated")
    with pytest.raises(ShardError, match="no finished shard set"):
        write_report(str(tmp_path / "1"))


def test_a_preset_edited_since_is_not_passed_off_as_the_one_that_decided(made, tmp_path):
    shutil.copytree(Path(made.folder).parent, tmp_path / "r")
    run_json = tmp_path / "r" / "1" / "run.json"
    said = run_json.read_text(encoding="utf-8")
    changed = re.sub(r'("swallow_v1.yaml": ")[0-9a-f]{4}', r"\g<1>ffff", said)
    assert changed != said
    run_json.write_text(changed, encoding="utf-8")
    assert "edited after this run" in Path(write_report(str(tmp_path / "r"))).read_text(encoding="utf-8")


def test_the_curve_is_the_published_one():
    assert candidate_probability(0.8, 14, 8) == pytest.approx(0.924, abs=5e-4)
    assert candidate_probability(0.75, 14, 8) == pytest.approx(0.77, abs=5e-3), "Penedo+24 (FineWeb), figure 3"
    assert candidate_probability(1.0, 14, 8) == 1.0


def test_labels_of_one_encoding_are_one_family():
    assert {family(label) for label in ("Shift_JIS", "x-sjis", "windows-31j", "cp932")} == {"cp932"}
    assert {family(label) for label in ("EUC-JP", "euc_jis_2004", "x-euc-jp")} == {"euc-jp"}


@pytest.mark.parametrize("rows", [0, 3])
def test_a_run_of_no_or_three_rows_has_a_report_too(tmp_path, rows):
    small = make_run(tmp_path / "small", rows=rows)
    text = Path(write_report(small.folder, samples=True)).read_text(encoding="utf-8")
    assert f"{rows} レコードから <b>{small.rows_out} ページ</b>を残した" in text
