"""The wanted ratio of good to bad answers, as trainers are told it beside the rows."""

import orjson
import pytest
import yaml

from annotation.release.label_weights import Labels, LabelWeights, wanted_ratio
from tests.release.made_sets import BETTER, WORSE, labelled, paired, released, say

FORMATS = ["trl_kto", "axolotl_kto", "llama_factory_kto"]


def answers(good: int, bad: int, weight: float = 1.0) -> list[dict]:
    made = [labelled(f"g{i}", [say("user", f"{i}合の米は？")], BETTER, True, weight=weight) for i in range(good)]
    return made + [labelled(f"b{i}", [say("user", f"{i}合の米は？")], WORSE, False) for i in range(bad)]


def told(folder, rows: list[dict], ratio: float | None) -> dict[str, tuple[float, float] | None]:
    """Both weights by format."""
    made = paired(folder / "preference", [], rows)
    said = orjson.loads((made / "manifest.json").read_bytes())
    del said["sets"]["pairs"], said["sets"]["prompts"]
    (made / "manifest.json").write_bytes(orjson.dumps(said | ({"kto": {"ratio": ratio}} if ratio else {})))
    released(folder, [made], FORMATS)
    keys = {
        "trl_kto": ("kto.yaml", "desirable_weight", "undesirable_weight"),
        "axolotl_kto": ("axolotl.yaml", "kto_desirable_weight", "kto_undesirable_weight"),
        "llama_factory_kto": ("train.yaml", "kto_chosen_weight", "kto_rejected_weight"),
    }
    found: dict[str, tuple[float, float] | None] = {}
    for name, (file, good, bad) in keys.items():
        path = folder / "out" / name / file
        said = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else {}
        found[name] = (said[good], said[bad]) if good in said else None
    return found


def test_trainers_are_told_weights_that_make_the_recipes_ratio(tmp_path):
    found = told(tmp_path, answers(6, 2), 1.5)
    assert set(found.values()) == {(1.0, 2.0)}, "6 × 1 over 2 × 2 is 1.5"


def test_without_a_stated_ratio_it_is_that_of_the_rows_weights(tmp_path):
    found = told(tmp_path, answers(2, 6, weight=6.0), None)
    assert set(found.values()) == {(6.0, 1.0)}, "2 × 6 over 6 × 1"


def test_answers_of_one_kind_have_no_weights(tmp_path):
    assert set(told(tmp_path, answers(3, 0), 2.0).values()) == {None}


def test_sets_that_want_different_ratios_leave_it_to_their_rows():
    assert wanted_ratio([{"kto": {"ratio": 2.0}}, {"kto": {"ratio": 2.0}}, {}]) == 2.0
    assert wanted_ratio([{"kto": {"ratio": 2.0}}, {"kto": {"ratio": 1.0}}]) is None
    labels = Labels(None)
    for label, weight in ((True, 1.0), (True, 1.0), (False, 4.0)):
        labels.add({"label": label, "weight": weight})
    assert labels.weights() == LabelWeights(1.0, 4.0)
    assert labels.weights() == pytest.approx((1.0, 4.0))
