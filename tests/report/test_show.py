"""Lists come from the registries; the effect of a rule is counted over rows before it decided."""

import json
import re
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from curation.document import COLUMNS, KEY_COLUMNS, REASONS, VERDICT
from curation.filters.preset import load_preset, preset_names
from recipes.engine.blocks import STEPS
from recipes.engine.errors import RecipeError
from recipes.engine.show import show


def shown(capsys, *args) -> str:
    show(*args)
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("what", "names"), [("steps", STEPS), ("columns", COLUMNS), ("reasons", REASONS), ("presets", preset_names())]
)
def test_every_name_of_a_registry_is_listed(capsys, what, names):
    out = shown(capsys, what)
    assert [n for n in names if not re.search(rf"^{re.escape(n)}\b", out, re.M)] == []


def test_recipes_are_listed_with_what_they_are_for(capsys):
    assert re.search(r"web_ja +A Japanese web crawl", shown(capsys, "recipes"))
    assert "stages:" in shown(capsys, "recipes", "web_ja")


def test_a_source_has_the_options_of_its_reader(capsys):
    assert re.search(
        r"jsonl +\.jsonl .*text_key, id_key, url_key, date_key, max_record_bytes",
        " ".join(shown(capsys, "sources").split()),
    )
    assert re.search(r"max_record_bytes +int +16777216", shown(capsys, "sources", "warc"))
    assert "units" not in shown(capsys, "sources")


def test_a_step_in_full_has_its_parameters_and_columns(capsys):
    out = shown(capsys, "steps", "threshold")
    assert re.search(r"preset +str \| None +None", out)
    out = shown(capsys, "steps", "dedup")
    assert re.search(r"threshold +float +required", out)
    assert "cluster_size" in out


def test_a_preset_in_full_has_every_rule_its_bound_and_its_source(capsys):
    out = shown(capsys, "presets", "swallow_v1")
    preset = load_preset("swallow_v1")
    assert [r.name for r in preset.rules if not re.search(rf"^{r.name}\b", out, re.M)] == []
    assert "max_sentence_chars" in out
    assert "≤ 200" in out
    assert "2404.17733" in out


def test_a_column_says_who_writes_it_and_who_decides_on_it(capsys):
    out = shown(capsys, "columns", "chars")
    assert "text_stats" in out
    assert "swallow_v1" in out


def test_an_unknown_name_gets_the_nearest_one():
    with pytest.raises(RecipeError, match="did you mean 'steps'"):
        show("step")
    with pytest.raises(RecipeError, match="did you mean 'swallow_v1'"):
        show("presets", "swalow_v1")
    with pytest.raises(RecipeError, match="did you mean 'main_text'"):
        show("steps", "main_txt")
    with pytest.raises(RecipeError, match="only presets"):
        show("steps", None, "runs/x")


def test_effects_are_counted_over_the_rows_before_the_decision(made, capsys):
    out = shown(capsys, "presets", "swallow_v1", made.folder)
    fates = [f for f in made.rows if f not in ("http_status", "not_japanese_bytes")]
    measured = [row for fate in fates for row in made.rows[fate]]
    assert f"{len(measured):,} rows of stage pages" in out
    alone = sum(row["chars"] < 400 for row in measured)
    assert re.search(rf"^letters +chars ≥ 400 +{alone:,} +{100 * alone / len(measured):.2f} %", out, re.M)
    others = load_preset("swallow_v1").rules[1:]
    assert others[0].name == "duplicate_paragraph"
    long = [r for r in measured if r["chars"] >= 400]
    after = sum(row["duplicate_paragraph_fraction"] > 0.3 for row in long)
    assert re.search(rf"^duplicate_paragraph .* {after:,}$", out, re.M)


def test_effects_come_with_pages_and_masked_text(made, capsys):
    out = shown(capsys, "presets", "swallow_v1", made.folder)
    assert "/page/" in out
    assert "●●●、" in out
    assert made.rows["kept"][0]["text"][:6] not in out


def test_rules_whose_columns_were_not_measured_are_said(made, capsys):
    out = shown(capsys, "presets", None, made.folder)
    assert "fineweb2_jpn on corpus/made 1\nthis run measured none of its columns; before its deciding step" in out
    assert "`words` writes" in out


def test_a_task_that_kept_only_keys_of_what_it_rejected_is_left_out(made, tmp_path, capsys):
    shutil.copytree(Path(made.folder).parent, tmp_path / "r")
    for file in (tmp_path / "r" / "stages").glob("*/rejected/*.parquet"):
        table = pq.read_table(file)
        keys = [*KEY_COLUMNS, *(c.name for c in VERDICT)]
        pq.write_table(table.select([c for c in table.column_names if c in keys]), file)
    out = shown(capsys, "presets", "swallow_v1", str(tmp_path / "r"))
    early = sum(made.rejected[r] for r in ("http_status", "not_japanese_bytes", "japanese.language"))
    assert f"{made.rows_in - early:,} rows of stage pages" in out


def test_rules_that_the_recipe_states_itself_are_counted_too(made, tmp_path, capsys):
    shutil.copytree(Path(made.folder).parent, tmp_path / "r")
    (file,) = (tmp_path / "r").glob("*/run.json")
    about = json.loads(file.read_text())
    (step,) = [
        s for b in about["blocks"] if b["kind"] == "rows" for s in b["own"]["steps"] if s["step"] == "threshold"
    ][-1:]
    step["with"]["rules"] = [{"name": "long", "column": "chars", "keep": "<= 1000"}]
    file.write_text(json.dumps(about))
    measured = [
        row for fate in made.rows if fate not in ("http_status", "not_japanese_bytes") for row in made.rows[fate]
    ]
    alone = sum(row["chars"] > 1000 for row in measured)
    for name in (None, "rules"):
        out = shown(capsys, "presets", name, str(tmp_path / "r"))
        assert "rules (curated.threshold) on corpus/made 1" in out
        assert re.search(rf"^long +chars ≤ 1,000 +{alone:,} ", out, re.M)
    assert ("swallow_v1 on" in out) is False
