"""The README's filter works as it is printed."""

import re
from pathlib import Path

import pyarrow as pa
import pytest
import yaml

from curation import document
from recipes.engine import blocks

ROOT = Path(__file__).resolve().parents[2]


def blocks_of(language: str, readme: str) -> list[str]:
    """Code blocks of one language in a document."""
    return re.findall(rf"^```{language}\n(.*?)^```", (ROOT / readme).read_text(encoding="utf-8"), re.M | re.S)


@pytest.mark.parametrize("readme", ["README.md", "README.ja.md"])
def test_the_filter_of_the_readme_works_as_printed(readme: str, monkeypatch: pytest.MonkeyPatch):
    code, registration = blocks_of("python", readme)
    column, entry = registration.splitlines()
    made = {"Column": document.Column, "pa": pa}
    column = eval(column, made)
    monkeypatch.setitem(document.COLUMNS, column.name, column)
    exec(code, made)
    measure = made["Exclamation"]()
    assert f"{measure.name!r}: ".replace("'", '"') in entry

    (step, decision) = yaml.safe_load(blocks_of("yaml", readme)[0])
    assert step == measure.name
    decide = blocks.build("threshold", decision["threshold"], "README")

    schema = pa.schema([("text", pa.large_string())])
    batch = pa.RecordBatch.from_pydict({"text": ["安い！早い！米です。うまい？", "ご飯を炊く。"]}, schema)
    kept, none = measure.split(batch)
    assert none is None
    kept, rejected = decide.split(kept)
    assert kept["text"].to_pylist() == ["ご飯を炊く。"]
    (gone,) = rejected.to_pylist()
    assert (gone["reason"], gone["value"], gone["threshold"]) == ("rules.shouting", 0.5, pytest.approx(0.3))


@pytest.mark.parametrize("document_name", ["docs/recipes.md"])
def test_the_recipe_in_the_documents_is_one(document_name: str):
    from recipes.engine import spec

    text = blocks_of("yaml", document_name)[0]
    recipe = spec.parse(yaml.safe_load(text), document_name)
    built = [blocks.build(step.name, step.with_, document_name) for stage in recipe.stages for step in stage.steps]
    assert [step.name for step in built] == [step.name for stage in recipe.stages for step in stage.steps]
