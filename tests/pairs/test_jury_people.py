"""People's word on a jury's margins decides which of its verdicts make pairs, and the recount holds them to it."""

import sys
from pathlib import Path

import orjson
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from judging_server import longer, the_first

from recipes.engine.errors import RecipeError
from synth.pairing.check import check_pairs
from synth.pairing.check_rules import unsure


def curves(recipes, function: str = "mathematics") -> None:
    """A file by which people agree with a margin of 2/3 in 76.7 %."""
    said = {
        "kind": "calibration",
        "format": 1,
        "functions": [{"function": function, "points": [[0.5, 0.6], [0.8, 0.9]]}],
    }
    (recipes.folder / "calibration.json").write_bytes(orjson.dumps(said))


def agreeing(recipes, at_least: float) -> None:
    """The strategy asks for so much."""
    recipes.pairs["strategies"]["jury"]["agree"] = {"calibration": "calibration.json", "at_least": at_least}


def test_pairs_are_made_of_margins_with_which_people_agree_often_enough(recipes, court):
    court(long=(longer,), long2=(longer,), first=(the_first,))
    all_of_them = recipes.run()["rows_out"]
    curves(recipes)
    agreeing(recipes, 0.76)
    recipes.version = "2"
    enough = recipes.run()
    assert enough["rows_out"] == all_of_them >= 5
    assert enough["calibration"] | {"curves": 0} == {
        "at_least": 0.76, "decisions": enough["calibration"]["decisions"], "below": 0, "without_curve": 0, "curves": 0,
    }  # fmt: skip
    assert [p for c in check_pairs(str(recipes.folder / "out/2/preference"), sample=0) for p in c.problems] == []
    agreeing(recipes, 0.77)
    recipes.version = "3"
    none = recipes.run()
    assert none["rows_out"] == 0
    assert none["calibration"]["below"] == none["calibration"]["decisions"] > 0
    assert any("people agree with" in note["en"] and "too seldom" in note["en"] for note in none["notes"])


def test_a_function_without_a_curve_makes_no_pair_of_a_jury(recipes, court):
    court(long=(longer,))
    curves(recipes, "reading")
    agreeing(recipes, 0.1)
    made = recipes.run()
    assert made["rows_out"] == 0
    assert made["calibration"]["without_curve"] == made["calibration"]["decisions"] > 0


def test_another_calibration_is_another_set(recipes, court):
    court(long=(longer,))
    curves(recipes)
    agreeing(recipes, 0.5)
    before = recipes.plan().preferences[0].fingerprint
    curves(recipes, "reading")
    assert recipes.plan().preferences[0].fingerprint != before


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"calibration": "nowhere.json", "at_least": 0.7}, "nowhere.json: cannot be read"),
        ({"calibration": "trial.yaml", "at_least": 0.7}, "is no JSON"),
        ({"calibration": "calibration.json", "at_least": 1.5}, "less than or equal to 1"),
        ({"calibration": "calibration.json"}, "at_least"),
    ],
)
def test_a_calibration_that_cannot_be_is_refused(recipes, court, change, told):
    court(long=(longer,))
    curves(recipes)
    recipes.pairs["strategies"]["jury"]["agree"] = change
    with pytest.raises(RecipeError) as error:
        recipes.plan()
    assert told in str(error.value)


@pytest.mark.parametrize(("margin", "wrong"), [(0.5, True), (0.6, True), (0.667, False), (1.0, False), (0.1, True)])
def test_the_recount_knows_the_curve_by_its_own_arithmetic(margin, wrong):
    calibration = {"at_least": 0.75, "curves": {"reading": [[0.5, 0.6], [0.8, 0.9]]}}
    assert bool(unsure({"function": "reading", "margin": margin}, calibration)) == wrong
    assert "no curve" in unsure({"function": "coding", "margin": margin}, calibration)
    assert unsure({"function": "coding", "margin": margin}, None) == ""
