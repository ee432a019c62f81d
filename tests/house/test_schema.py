"""Every column and reason that a step names stands in curation/document.py, and every step in docs/recipes.md."""

import re
from pathlib import Path

import pytest
import yaml

from curation.document import COLUMNS, REASONS
from recipes.engine.blocks import STEPS, build, step_class

ROOT = Path(__file__).resolve().parents[2]
PRESETS = sorted((ROOT / "curation" / "filters" / "presets").glob("*.yaml"))


def named(step: object) -> set[str]:
    """All columns that a step, or its class, says it touches."""
    return {name for part in ("reads", "writes", "drops", "surveys") for name in getattr(step, part, ())}


@pytest.mark.parametrize("name", STEPS)
def test_columns_and_reasons_of_a_step_are_registered(name: str):
    cls = step_class(name, "here")
    assert named(cls) <= COLUMNS.keys()
    assert set(cls.reasons) <= REASONS.keys()
    assert cls.__doc__, "the class says what it writes and what its parameters mean"


@pytest.mark.parametrize("name", STEPS)
def test_a_step_is_called_by_its_own_name(name: str):
    """A rejected row says `step`: the reader must find that name in the recipe."""
    assert step_class(name, "here").name == name


@pytest.mark.parametrize("preset", PRESETS, ids=lambda p: p.stem)
def test_columns_of_a_preset_are_registered(preset: Path):
    step = build("threshold", {"preset": preset.stem}, "here")
    assert step.reads
    assert named(step) <= COLUMNS.keys()
    assert yaml.safe_load(preset.read_text(encoding="utf-8"))["source"], "a preset says where its thresholds are from"


def test_docs_list_the_steps_that_recipes_may_call():
    table = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(\w+)` \|", table, re.M)
    assert sorted(listed) == sorted(STEPS)


def test_every_reason_is_said_in_both_languages():
    assert all(r.meaning and re.search(r"[ぁ-んァ-ヶ一-龠]", r.meaning_ja) for r in REASONS.values())
