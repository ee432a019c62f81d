"""One page's story: where it is from, each value beside each bound, and why it was kept or not."""

import re

import pytest
from rich.console import Console

from recipes.engine.errors import RecipeError
from recipes.engine.explain.command import explain, tell
from recipes.engine.explain.story import Story
from recipes.engine.run_folder import open_run


def said(capsys, *args) -> str:
    explain(*args)
    return capsys.readouterr().out


def test_a_kept_page_by_its_url(made, capsys):
    row = made.rows["kept"][0]
    out = said(capsys, made.folder, row["url"])
    assert out.startswith(row["url"])
    assert row["id"].hex() in out
    assert "KEPT  released in curated, shown 1× in one pass" in out
    assert f"{row['file']}, offset {row['offset']:,}, 900 bytes stored" in out
    assert f"{row['encoding']}, decided by {row['encoding_evidence']}" in out
    assert re.search(rf"✓ +letters +chars +{row['chars']:,} +≥ 400", out)
    assert row["cluster"].hex() in out


def test_a_page_that_broke_a_rule_shows_which_and_by_how_much(made, capsys):
    row = made.rows["swallow_v1.letters"][0]
    out = said(capsys, made.folder, row["id"].hex())
    assert "REJECTED  in stage curated, step threshold: swallow_v1.letters" in out
    assert f"measured {row['chars']:,} against the bound 400" in out
    assert re.search(rf"✗ +letters +chars +{row['chars']:,} +≥ 400 +← decided", out)
    assert out.count("← decided") == 1


def test_a_near_duplicate_kept_as_a_key_gets_its_values_from_what_its_stage_had_read(made, capsys):
    row = made.rows["near_duplicate"][0]
    out = said(capsys, made.folder, row["id"].hex())
    assert "near_duplicate" in out
    assert "measured 0.91 against the bound 0.8" in out
    assert re.search(rf"chars +{row['chars']:,} ", out)
    assert "its values are from what the stage had read" in out


def test_a_page_rejected_early_is_told_with_its_reason_in_words(made, capsys):
    out = said(capsys, made.folder, made.rows["http_status"][0]["url"])
    assert "REJECTED  in stage pages, step read_warc: http_status" in out
    assert "HTTP ステータスが 200 ではない" in out


def test_eight_digits_of_an_id_are_enough(made, capsys):
    row = made.rows["japanese.language"][0]
    out = said(capsys, made.folder, row["id"].hex()[:8].upper())
    assert row["id"].hex() in out
    assert "japanese.language" in out


def test_a_url_is_found_with_the_other_scheme_a_slash_or_a_fragment(made, capsys):
    row = next(r for r in made.rows["kept"] if r["host"] == "komeya.example.jp")
    for form in (row["url"].replace("https://", "http://"), f"{row['url']}#top", f"{row['url']}/"):
        assert row["id"].hex() in said(capsys, made.folder, form)


def test_a_page_that_was_never_there_is_said_with_the_nearest_urls(made, capsys):
    with pytest.raises(RecipeError, match=r"Nearest URLs: https://komeya\.example\.jp/page/"):
        explain(made.folder, "https://komeya.example.jp/page/0.htm")
    with pytest.raises(RecipeError, match="has an id that begins with 00000000ff"):
        explain(made.folder, "00000000ff")


def test_it_fits_a_hundred_columns_and_hides_the_text(made, capsys):
    row = made.rows["kept"][0]
    out = said(capsys, made.folder, row["url"])
    assert all(len(line) <= 100 for line in out.splitlines())
    assert row["text"][:6] not in out


def test_control_characters_do_not_reach_the_terminal(made, capsys):
    out = said(capsys, made.folder, made.rows["kept"][0]["url"])
    assert "\x1b" not in out


def test_a_page_is_found_by_its_file_and_offset(made, capsys):
    row = made.rows["kept"][0]
    assert row["id"].hex() in said(capsys, made.folder, f"{row['file']}:{row['offset']}")
    assert row["id"].hex() in said(capsys, made.folder, f"/data/crawl/{row['file']}:{row['offset']}")
    with pytest.raises(RecipeError, match="FILE:OFFSET nosuch"):
        explain(made.folder, "nosuch.warc.gz:1")


def test_a_page_whose_extraction_was_given_up_is_not_told_as_an_empty_text(made, capsys):
    run = open_run(made.folder)
    row = {"id": bytes(16), "file": "a.jsonl", "offset": 13, "extraction": "body", "text": "", "cluster": bytes(16)}
    verdict = {"stage": "pages", "step": "main_text", "reason": "too_deep"}
    tell(Console(width=100), run, Story(row | {"cluster_size": 1}, run.chain[0], verdict))
    out = capsys.readouterr().out
    assert "given up; there is no text" in out
    assert "characters" not in out
    assert "(no URL) a.jsonl, line 14 (offset 13)" in out
    assert re.search(r"size +1 row *$", out, re.M)
