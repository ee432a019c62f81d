"""Every task stands in the document, and what it shows of a recipe can be read as one."""

import inspect
import re
from pathlib import Path

import yaml

from recipes.engine.generation.spec import GenerateSpec
from recipes.engine.recipe_file import POLICY
from synth.engine.server import Server
from synth.imported import origin_of
from synth.policy_file import load_policy
from synth.tasks.task import TASKS

DOC = Path(__file__).resolve().parents[2] / "docs" / "generation.md"


def shown(heading: str) -> list[dict]:
    """YAML that a section shows, indented or not."""
    text = DOC.read_text(encoding="utf-8")
    section = text[text.index(f"## {heading}") :].split("\n## ")[0]
    return [yaml.safe_load(block) for block in re.findall(r"^ *```yaml\n(.*?)^ *```", section, re.M | re.S)]


def test_every_task_stands_in_the_document():
    text = DOC.read_text(encoding="utf-8")
    table = text[text.index("## Tasks") : text.index("## Engines")]
    assert sorted(re.findall(r"^\| `(\w+)` \|", table, re.M)) == sorted(TASKS)


def test_the_shown_import_is_a_recipes_and_its_origin_a_policys(tmp_path):
    recipe, policy = shown("Imported sets")
    spec = GenerateSpec.model_validate(recipe["generate"][0])
    assert set(spec.imports) == {"house_qa", "sums"}
    whole = yaml.safe_load(POLICY.read_text(encoding="utf-8"))
    whole["data"] += policy["data"]
    (tmp_path / "policy.yaml").write_text(yaml.safe_dump(whole, allow_unicode=True), encoding="utf-8")
    origin = origin_of(spec.imports["house_qa"].origin, load_policy(tmp_path / "policy.yaml"), "publish", "here")
    assert (origin.answer_origin, origin.reviewed) == ("human", "Sato and Tanaka, 2026-10-01")


def test_the_shown_limits_of_a_server_are_its_defaults():
    (said,) = shown("Engines")
    server = said["engine"]["server"]
    defaults = {name: p.default for name, p in inspect.signature(Server.__init__).parameters.items()}
    for name in ("max_concurrency", "attempt_s", "deadline_s", "dead_after_s"):
        assert server[name] == defaults[name], name
