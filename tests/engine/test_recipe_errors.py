"""A recipe with a mistake is refused with the place, what was found and what would be right."""

from pathlib import Path

import pytest

from recipes.engine import blocks, recipe_file
from recipes.engine.errors import RecipeError
from recipes.engine.inherited_paths import lists_found
from recipes.engine.plan import make

GOOD = """\
name: test/one
version: 1
sources:
  crawl: {warc: pages.warc.gz, rights_basis: 著作権法30条の4}
stages:
  - name: pages
    read: crawl
    steps: [decode, main_text]
"""


def said(tmp_path: Path, text: str, overrides: list[str] | None = None) -> str:
    """The message with which a recipe is refused, in loading or in planning."""
    path = tmp_path / "bad.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RecipeError) as error:
        make(recipe_file.load(path, overrides), path.name, str(tmp_path / "out"))
    return str(error.value)


def test_an_unknown_key_names_file_stage_and_nearest_key(tmp_path):
    message = said(tmp_path, GOOD.replace("steps:", "step:"))
    assert message == "bad.yaml, stage 'pages': unknown key 'step'; did you mean 'steps'?"


def test_an_unknown_key_at_the_top_and_in_a_source(tmp_path):
    assert "unknown key 'versoin'; did you mean 'version'?" in said(tmp_path, GOOD.replace("version:", "versoin:"))
    assert "source 'crawl': unknown key 'rigths_basis'; did you mean 'rights_basis'?" in said(
        tmp_path, GOOD.replace("rights_basis", "rigths_basis")
    )


def test_an_unknown_step_names_the_nearest(tmp_path):
    message = said(tmp_path, GOOD.replace("main_text", "maintext"))
    assert (
        message == "bad.yaml, stage 'pages', step 2 (maintext): there is no step 'maintext'; did you mean 'main_text'?"
    )


def test_an_unknown_parameter_names_the_nearest(tmp_path):
    message = said(tmp_path, GOOD.replace("main_text", "{main_text: {ruby_: keep}}"))
    assert message == "bad.yaml, stage 'pages', step 2 (main_text): unknown key 'ruby_'; did you mean 'ruby'?"


def test_a_stage_that_reads_nothing_known(tmp_path):
    message = said(tmp_path, GOOD.replace("read: crawl", "read: crawls"))
    assert (
        "stage 'pages' reads 'crawls', which is no source or earlier stage (there are: crawl); did you mean 'crawl'?"
        in message
    )


def test_a_column_that_nobody_wrote_names_the_step_that_would(tmp_path):
    (tmp_path / "pages.warc.gz").touch()
    rule = "{name: nouns, column: noun_fraction, keep: '>= 0.1'}"
    text = GOOD.replace("main_text]", f"main_text, {{threshold: {{rules: [{rule}]}}}}]")
    text = text.replace("pages.warc.gz", f"{tmp_path}/pages.warc.gz")
    assert "no earlier step writes; put before it: `words` writes noun_fraction. Columns here: " in said(tmp_path, text)


def test_partitions_are_a_power_of_two(tmp_path):
    assert "must be a power of two" in said(tmp_path, GOOD + "partitions: 12\n")


@pytest.mark.parametrize("version", ["../elsewhere", "a/b", "stages", "''"])
def test_a_version_is_a_folder_name_and_no_path(tmp_path, version):
    assert "'version': names a folder" in said(tmp_path, GOOD.replace("version: 1", f"version: {version}"))


def test_a_source_without_rights_is_refused(tmp_path):
    message = said(tmp_path, GOOD.replace(", rights_basis: 著作権法30条の4", ""))
    assert "source 'crawl': declares neither 'rights_basis'" in message


def test_a_path_that_does_not_exist(tmp_path):
    message = said(tmp_path, GOOD)
    assert "pages.warc.gz" in message
    assert "source 'crawl'" in message


def test_set_names_stages_and_steps_when_it_misses(tmp_path):
    assert "no stage 'page' (stages: pages); did you mean 'pages'?" in said(
        tmp_path, GOOD, ["page.main_text.ruby=keep"]
    )
    assert "stage 'pages' has no step 'nfkc' (steps: decode, main_text)" in said(tmp_path, GOOD, ["pages.nfkc.x=1"])
    assert "write stage.step.key=value" in said(tmp_path, GOOD, ["pages.main_text.ruby"])


def test_set_that_stops_at_a_step_says_what_to_write(tmp_path):
    assert said(tmp_path, GOOD, ["pages.decode=3"]).endswith("write stage.step.key=value, here pages.decode.KEY=value")
    assert "has no step 'decoed' (steps: decode, main_text); did you mean 'decode'?" in said(
        tmp_path, GOOD, ["pages.decoed.x=3"]
    )


def test_set_names_the_nearest_source_and_its_keys(tmp_path):
    assert "has no source 'crwl' (sources: crawl); did you mean 'crawl'?" in said(
        tmp_path, GOOD, ["sources.crwl.licence=x"]
    )
    assert "a source has no key 'license'" in said(tmp_path, GOOD, ["sources.crawl.license=x"])
    assert "did you mean 'licence'?" in said(tmp_path, GOOD, ["sources.crawl.license=x"])


def test_set_reaches_the_options_of_a_reader(tmp_path):
    path = tmp_path / "good.yaml"
    path.write_text(GOOD, encoding="utf-8")
    recipe = recipe_file.load(path, ["sources.crawl.options.max_record_bytes=9000"])
    assert recipe.sources["crawl"].options == {"max_record_bytes": 9000}
    (tmp_path / "pages.warc.gz").touch()
    assert said(tmp_path, GOOD, ["sources.crawl.options.max_record_byte=9"]) == (
        "bad.yaml, source 'crawl': unknown key 'max_record_byte'; did you mean 'max_record_bytes'?"
    )


@pytest.mark.parametrize("licence", ["NoSuchLicence-9", "CC0", "cc-by-4.0", "MIT AND (", "All rights reserved"])
def test_a_licence_that_spdx_does_not_list_is_refused(tmp_path, licence):
    message = said(tmp_path, GOOD, [f"sources.crawl.licence={licence}"])
    assert f"source 'crawl': licence '{licence}' is not in the SPDX list" in message
    if licence == "CC0":
        assert "did you mean 'CC0-1.0'?" in message


@pytest.mark.parametrize("licence", ["CC-BY-SA-4.0", "LicenseRef-house-terms", "MIT OR Apache-2.0", "GPL-2.0+"])
def test_a_licence_that_spdx_lists_or_leaves_to_the_owner_is_not(tmp_path, licence):
    assert "matches no file" in said(tmp_path, GOOD, [f"sources.crawl.licence={licence}"])


def test_bad_yaml_names_file_and_line(tmp_path):
    assert said(tmp_path, GOOD.replace("[decode, main_text]", "[decode")).startswith("bad.yaml, line 9, column 1: not")


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("{name: long, column: chars, keep: '=< 3'}", "rule 1: keep: '=< 3' is none of '<= 0.3'"),
        ("{name: long, column: chars, kept: '< 3'}", "rule 1: unknown key 'kept'; did you mean 'keep'?"),
    ],
)
def test_a_bad_rule_is_told_in_one_line(tmp_path, rule, told):
    message = said(tmp_path, GOOD.replace("main_text]", f"main_text, {{threshold: {{rules: [{rule}]}}}}]"))
    assert told in message
    assert "pydantic" not in message
    assert "\n" not in message


def test_set_changes_a_parameter_a_version_and_a_source(tmp_path):
    path = tmp_path / "good.yaml"
    path.write_text(GOOD, encoding="utf-8")
    recipe = recipe_file.load(path, ["pages.main_text.ruby=keep", "version=dev", "sources.crawl.licence=CC0-1.0"])
    assert recipe.stages[0].steps[1].with_ == {"ruby": "keep"}
    assert (recipe.version, recipe.sources["crawl"].licence) == ("dev", "CC0-1.0")


def test_a_recipe_that_is_not_there_names_those_that_are():
    with pytest.raises(RecipeError, match=r"no recipe 'web_jaa'. Did you mean 'web_ja'\?"):
        recipe_file.find("web_jaa")
    with pytest.raises(RecipeError, match=r"nowhere.yaml: there is no such recipe file"):
        recipe_file.find("nowhere.yaml")


@pytest.mark.parametrize("name", recipe_file.packaged())
def test_recipes_that_come_with_the_project_are_well_formed(name):
    path = recipe_file.find(name)
    built = [
        blocks.build(step.name, lists_found(step.name, step.with_, path.parent), f"{name}, {stage.name}")
        for stage in recipe_file.load(path).stages
        for step in stage.steps
    ]
    assert "text" in {column for step in built for column in step.writes}


def test_steps_on_bytes_over_files_of_text_name_the_recipe_for_text(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "米"}\n')
    message = said(tmp_path, GOOD.replace("{warc: pages.warc.gz", f"{{jsonl: {tmp_path}/a.jsonl"))
    assert "step 1 (decode): reads the bytes of pages, and these files hold text already" in message
    assert "text_ja" in message


def test_a_stage_of_the_same_name_takes_the_place_of_the_others(tmp_path):
    (tmp_path / "a.yaml").write_text(GOOD, encoding="utf-8")
    more = "like: a\nversion: 2\nstages: [{name: pages, read: crawl, steps: [decode]}, {name: last, read: pages, steps: [nfkc]}]"
    (tmp_path / "b.yaml").write_text(more, encoding="utf-8")
    recipe = recipe_file.load(tmp_path / "b.yaml", None)
    assert [(s.name, [step.name for step in s.steps]) for s in recipe.stages] == [
        ("pages", ["decode"]),
        ("last", ["nfkc"]),
    ]
    assert recipe.version == "2"
    assert recipe.sources["crawl"].rights_basis == "著作権法30条の4"


def test_a_step_that_changes_the_text_after_its_form_key_was_taken(tmp_path):
    stages = "\n  - {name: curated, read: pages, steps: [{line_dedup: {mode: %s, min_pages: 9, min_hosts: 3}}]}\n"
    recipe = GOOD.replace("main_text]", "main_text, minhash]")
    (tmp_path / "pages.warc.gz").touch()
    message = said(tmp_path, recipe + stages % "remove")
    assert "stage 'curated', step 1 (line_dedup): changes the text, and the form key was taken from it" in message
    assert "put 'line_dedup' before 'minhash'" in message
    good = tmp_path / "good.yaml"
    good.write_text(recipe + stages % "measure", encoding="utf-8")
    make(recipe_file.load(good, None), good.name, str(tmp_path / "out"))
