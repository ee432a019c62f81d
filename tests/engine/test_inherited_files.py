"""Files that a recipe names lie beside the recipe that names them: inherited ones too, and those of a Python recipe."""

from pathlib import Path

import yaml

from recipes.engine import plan, recipe_file

ORDER = {"rows": 1, "answers": "program", "with": {"domains": ["own.yaml", "finance"]}}
OTHER = {
    "name": "other",
    "version": "1",
    "policy": "policy.yaml",
    "sources": {"texts": {"jsonl": "pages.jsonl", "licence": "CC0-1.0"}, "far": "s3://bucket/*.jsonl"},
    "stages": [{"name": "pages", "read": "texts"}, {"name": "more", "read": {"jsonl": ["a.jsonl", "/b.jsonl"]}}],
    "generate": [
        {
            "name": "instruct",
            "read": "pages",
            "engine": {"llama_cpp": {"path": "m.gguf", "model": "lab/m"}},
            "novelty": {"threshold": 0.8, "base": ["out/1/instruct"]},
            "rounds": {"most": 1},
            "decontaminate": {
                "width": 13,
                "shortest": 8,
                "reject": {"question": 0.8},
                "sets": {"q": {"file": "q.jsonl", "question": "q"}},
            },
            "tasks": {"domain": ORDER},
        }
    ],
}


def test_files_of_an_inherited_recipe_lie_beside_it(tmp_path):
    folder, own = tmp_path / "there", tmp_path / "here"
    folder.mkdir()
    own.mkdir()
    (folder / "other.yaml").write_text(yaml.safe_dump(OTHER, allow_unicode=True), encoding="utf-8")
    (own / "mine.yaml").write_text(f"like: {folder}/other.yaml\nname: mine\n", encoding="utf-8")
    recipe = recipe_file.load(own / "mine.yaml")
    assert recipe.sources["texts"].files == [str(folder / "pages.jsonl")]
    assert recipe.sources["far"].files == ["s3://bucket/*.jsonl"]
    assert recipe.sources["more_source"].files == [str(folder / "a.jsonl"), "/b.jsonl"]
    assert recipe.policy == str(folder / "policy.yaml")
    (generation,) = recipe.generate
    assert generation.engine["llama_cpp"] == {"path": str(folder / "m.gguf"), "model": "lab/m"}
    assert generation.novelty.base == [str(folder / "out/1/instruct")]
    assert generation.decontaminate is not None
    assert generation.decontaminate.sets["q"].file == str(folder / "q.jsonl")
    assert generation.tasks["domain"].with_["domains"] == [str(folder / "own.yaml"), "finance"]


def test_a_recipe_that_comes_with_the_project_may_be_inherited_from_anywhere(tmp_path, monkeypatch):
    (tmp_path / "mine.yaml").write_text("like: quickstart\nname: mine\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    recipe = recipe_file.load(Path("mine.yaml"))
    assert plan.make(recipe, "mine.yaml", str(tmp_path / "out"), base=tmp_path).generations


def test_files_of_a_python_recipe_lie_beside_it(tmp_path, monkeypatch):
    (tmp_path / "r.py").write_text(
        "from recipes.engine.spec import Recipe, Stage\n"
        "sources = {'t': {'jsonl': 'pages.jsonl', 'licence': 'CC0-1.0'}}\n"
        "recipe = Recipe(name='r', version='1', sources=sources, stages=[Stage(name='pages', read='t')])\n"
    )
    monkeypatch.chdir("/")
    assert recipe_file.load(tmp_path / "r.py").sources["t"].files == [str(tmp_path / "pages.jsonl")]
