"""The step in a recipe: rows kept and gone, what is said of each, and runs that are the same anywhere."""

import json
from pathlib import Path

import pyarrow as pa
import pytest
import yaml

from curation.decontaminate.step import Decontaminate
from recipes.engine import execute, plan, recipe_file
from recipes.engine.errors import RecipeError
from recipes.engine.explain.command import explain
from recipes.engine.report import render
from recipes.engine.run_folder import open_run
from recipes.engine.verify.command import verify

QUESTION = "玄米を白米にするとき、削り取られた粉のことを何と呼ぶでしょうか。"
PASSAGE = "玄米の表面を覆う層は精米機の中で互いにこすれ合って削られ、細かな粉となって集められる。"
FILLER = "町の米屋では毎朝その日に売る分だけを精米する習わしが続いている。"
STEP = {
    "width": 13,
    "shortest": 8,
    "sets": {"kentei": {"file": "eval/kentei.jsonl", "id": "id", "question": "q", "context": "c"}},
    "reject": {"question": 0.8},
    "report": {"context": 0.8},
}


@pytest.fixture
def recipe(tmp_path):
    """A recipe over three texts: one with a question, one with its passage, one with nothing."""
    (tmp_path / "eval").mkdir()
    (tmp_path / "eval" / "kentei.jsonl").write_text(json.dumps({"id": "k1", "q": QUESTION, "c": PASSAGE}))
    texts = {"question": FILLER + QUESTION + FILLER, "passage": FILLER + PASSAGE, "clean": FILLER}
    pages = [json.dumps({"id": n, "url": f"https://a.example.jp/{n}", "text": t}) for n, t in texts.items()]
    (tmp_path / "pages.jsonl").write_text("\n".join(pages))
    path = tmp_path / "trial.yaml"
    path.write_text(
        yaml.safe_dump(
            {
                "name": "trial", "version": "1", "sources": {"texts": {"jsonl": "pages.jsonl", "licence": "CC0-1.0"}},
                "stages": [
                    {"name": "pages", "read": "texts", "steps": ["minhash"]},
                    {"name": "clean", "read": "pages", "steps": [
                        {"dedup": {"threshold": 0.8}}, {"decontaminate": STEP}, {"cap": {"k": 4, "mode": "one"}}]},
                ],
            }
        ),
        encoding="utf-8",
    )  # fmt: skip
    return path


def made(path, *overrides: str):
    """A finished run of the recipe."""
    out = str(path.parent / "out")
    planned = plan.make(recipe_file.load(path, list(overrides)), path.name, out, base=path.parent)
    execute.run(planned, workers=1)
    return open_run(planned.folder)


def test_a_page_with_a_question_goes_whole_and_says_which(recipe):
    run = made(recipe)
    kept = {r["url"]: r["contamination"] for b in run.release.read(["url", "contamination"]) for r in b.to_pylist()}
    assert kept == {"https://a.example.jp/passage": ["kentei:k1 context 1.00"], "https://a.example.jp/clean": []}
    (gone,) = [r for b in run.release.rejected() for r in b.to_pylist()]
    assert (gone["url"], gone["reason"], gone["step"]) == (
        "https://a.example.jp/question",
        "contaminated",
        "decontaminate",
    )
    assert (gone["value"], gone["threshold"], gone["detail"]) == (1.0, 0.8, "kentei:k1 question 1.00")
    assert QUESTION in gone["text"]
    said = run.release.manifest["benchmarks"]["sets"]["kentei"]
    assert (said["items"], said["sought"], said["reject"], list(said["files"])) == (
        1,
        1,
        {"question": 0.8},
        ["eval/kentei.jsonl"],
    )


def test_another_share_or_another_file_is_another_run(recipe):
    first = plan.make(recipe_file.load(recipe), "t", str(recipe.parent / "out"), base=recipe.parent).fingerprint
    looser = recipe_file.load(recipe, ["clean.decontaminate.reject={question: 0.7}"])
    assert plan.make(looser, "t", str(recipe.parent / "out"), base=recipe.parent).fingerprint != first
    (recipe.parent / "eval" / "kentei.jsonl").write_text(json.dumps({"id": "k2", "q": QUESTION, "c": PASSAGE}))
    assert plan.make(recipe_file.load(recipe), "t", str(recipe.parent / "out"), base=recipe.parent).fingerprint != first


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"width": 3}, "an n-gram has at least 5 characters, not 3"),
        ({"reject": {"questions": 0.5}}, "reject: 'questions' is no part of an item"),
        ({"sets": {"kentei": {"file": "none.jsonl", "question": "q"}}}, "evaluation set 'kentei': there is no file"),
        ({"sets": {"k": {"file": "eval/kentei.jsonl", "question": "x"}}}, "line 1: no text in the field 'x'; fields here: id, q, c"),
        ({"sets": {"kentei": {"file": "eval/kentei.jsonl", "pack": "jsquad"}}}, "no 'data' where items are looked for"),
        ({"sets": {"a:b": {"file": "eval/kentei.jsonl", "question": "q"}}}, "a set's name has neither ':' nor a space"),
        ({"near": {"jaccard": 2}}, "near.jaccard: Input should be less than or equal to 1"),
    ],
)  # fmt: skip
def test_a_mistake_stops_the_recipe_with_its_place(recipe, changed: dict, said: str):
    data = yaml.safe_load(recipe.read_text(encoding="utf-8"))
    data["stages"][1]["steps"][1] = {"decontaminate": STEP | changed}
    recipe.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    with pytest.raises(RecipeError) as found:
        plan.make(recipe_file.load(recipe), recipe.name, str(recipe.parent / "out"), base=recipe.parent)
    assert str(found.value).startswith("trial.yaml, stage 'clean', step 2 (decontaminate)"), str(found.value)
    assert said in str(found.value), str(found.value)


def test_without_a_set_nothing_is_looked_for_and_the_plan_says_so():
    step = Decontaminate(13, 8, {}, {"question": 0.8})
    step.setup()
    batch = pa.record_batch({"text": pa.array([QUESTION, None], pa.large_string())})
    kept, gone = step.split(batch)
    assert (kept.num_rows, gone) == (2, None)
    assert kept["contamination"].to_pylist() == [[], []]
    assert "no evaluation set is named" in step.plan_note()


def test_files_of_an_inherited_recipe_lie_beside_it(recipe, tmp_path_factory, monkeypatch):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.chdir(elsewhere)
    (elsewhere / "mine.yaml").write_text(f"like: {recipe}\nname: mine\n", encoding="utf-8")
    loaded = recipe_file.load(elsewhere / "mine.yaml")
    step = next(s for s in loaded.stages[1].steps if s.name == "decontaminate")
    assert step.with_["sets"]["kentei"]["file"] == str(recipe.parent / "eval" / "kentei.jsonl")


def test_the_report_names_page_item_and_share_and_shows_no_text_unasked(recipe):
    run = made(recipe)
    page = render(run)
    assert "kentei:k1" in page
    assert "https://a.example.jp/question" in page
    assert QUESTION not in page
    assert QUESTION in render(run, samples=True)


def test_explain_tells_a_page_that_was_kept_and_one_that_went(recipe, capsys):
    run = made(recipe)
    explain(run.place.url, "https://a.example.jp/question")
    told = capsys.readouterr().out
    assert "contaminated" in told
    assert "kentei:k1 question 1.00" in told
    assert "measured 1 against the bound 0.8" in told
    explain(run.place.url, "https://a.example.jp/passage")
    assert "kentei:k1 context 1.00" in capsys.readouterr().out


def verified(run, capsys) -> tuple[bool, str]:
    """Whether the independent check passes, and what it prints."""
    passed = verify(run.place.url, None, None, None, None, 1)
    return passed, capsys.readouterr().out


def test_verify_seeks_the_items_again_and_finds_a_page_that_should_have_gone(recipe, capsys):
    passed, said = verified(made(recipe), capsys)
    assert passed, said
    assert "1 evaluation items sought in sampled rows" in said
    loose = made(recipe, "clean.decontaminate.reject={answer: 1.0}", "version='2'")
    manifest = Path(loose.url(loose.chain[-1])) / "manifest.json"
    told = json.loads(manifest.read_text())
    told["benchmarks"]["sets"]["kentei"]["reject"] = {"question": 0.8}
    manifest.write_text(json.dumps(told))
    passed, said = verified(loose, capsys)
    assert not passed
    assert "holds kentei:k1 (question 1.00, at most 0.8)" in said


def test_verify_says_when_a_benchmark_is_no_longer_there(recipe, capsys):
    run = made(recipe)
    (recipe.parent / "eval" / "kentei.jsonl").write_text(json.dumps({"id": "k2", "q": QUESTION, "c": PASSAGE}))
    passed, said = verified(run, capsys)
    assert passed, said
    assert "'kentei' was not sought again: its files are no longer those that the run read" in said
