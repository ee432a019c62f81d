"""Recipes that are no YAML, that are bombs, or that are like themselves: one line each, with the file and the place."""

import pytest
import yaml

from curation.yaml_file import load_yaml, yaml_fault
from recipes.engine import recipe_file
from recipes.engine.errors import RecipeError
from recipes.engine.mixture.budget_file import load as load_budget

BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join([f'*{chr(97 + i)}'] * 10)}]\n" for i in range(9)
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BOMB, "its aliases stand for more than 100,000 values"),
        ("[" * 5000, "nested deeper than 300 levels"),
        ("a: &a [*a]", "line 1, column 4: not YAML: an alias stands inside what it names"),
        ("name: a\nname: b", "line 2, column 1: not YAML: the key 'name' stands here for the second time"),
        ("when: 2026-13-45", "line 1, column 7: not YAML: '2026-13-45' is no timestamp"),
        ("n: !!int many", "'many' is no int"),
        ("n: " + "9" * 5000, "is no int"),
        ('name: "\\ud83d"', "line 1, column 7: not YAML: half of a pair of surrogates stands here"),
        ("like: bad", "like: bad.yaml is like this recipe itself"),
        ("like: [1]", "like: names another recipe, not '[1]'"),
        ("like: null", "like: names another recipe, not 'None'"),
        ("like: web_jaa", "like: no recipe 'web_jaa'"),
    ],
)
def test_what_is_wrong_is_said_with_the_file(tmp_path, text, said):
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(RecipeError) as raised:
        recipe_file.load(path)
    assert str(raised.value).startswith("bad.yaml")
    assert said in str(raised.value)


@pytest.mark.parametrize("text", [BOMB, "[" * 100_000, "- " * 100_000, "a: 1\na: 2"])
def test_a_budget_that_libyaml_would_die_of_is_said_to_be_one(tmp_path, text):
    (tmp_path / "budget.yaml").write_text(text)
    with pytest.raises(RecipeError, match=r"budget\.yaml: not YAML"):
        load_budget(tmp_path / "budget.yaml")


def test_aliases_and_merges_that_are_meant_are_read():
    assert load_yaml("base: &b {x: 1, y: 2}\nmore: {<<: *b, y: 3}") == {
        "base": {"x": 1, "y": 2},
        "more": {"x": 1, "y": 3},
    }
    assert load_yaml("") is None
    with pytest.raises(yaml.YAMLError) as raised:
        load_yaml("a: *b")
    assert yaml_fault(raised.value, "f") == "f, line 1, column 4: not YAML: found undefined alias 'b'"


@pytest.mark.parametrize(
    ("stages", "said"),
    [
        ("[{name: p, read: c, steps: [5]}]", "a step is a name"),
        ("[{name: p, read: c, steps: [{}]}]", "stage 'p', step 1"),
        ("[{name: p, read: c, steps: [{nfkc: 3}]}]", "parameters of step 'nfkc' must be"),
        ("3", "'stages'"),
        ("[{name: [p], read: c}]", "stage '['p']'"),
    ],
)
def test_a_change_on_the_command_line_to_what_is_no_recipe_names_the_recipe(tmp_path, stages, said):
    path = tmp_path / "bad.yaml"
    path.write_text(f"name: a\nversion: 1\nsources: {{c: {{jsonl: x, licence: CC0-1.0}}}}\nstages: {stages}\n")
    with pytest.raises(RecipeError) as raised:
        recipe_file.load(path, ["p.nfkc.x=1"])
    assert said in str(raised.value) or "--set" in str(raised.value)
