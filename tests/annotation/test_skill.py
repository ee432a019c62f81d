"""Annotators' habits: known ones are found again, careful people outvote careless ones, and two people tell nothing."""

import sys
from pathlib import Path

import numpy as np
import pytest

from annotation.errors import ReviewError
from annotation.labels import Labels
from annotation.resolve import Policy, resolve
from annotation.skill import Model, Said, skill
from annotation.skill import _crowdkit as crowdkit
from synth.judge.jury import CLASSES, Ballots
from synth.judge.jury import dawid_skene as of_jury
from tests.annotation.voting import vote

pytestmark = pytest.mark.pandas
BOTH = pytest.mark.parametrize("model", ["dawid_skene", "mace"])


def simulated(accuracies: list[float], rows: int = 400, seed: int = 7) -> tuple[np.ndarray, list[Said]]:
    """Truth of each row (places in CLASSES), and what people of these accuracies say; errors fall on the others alike."""
    draw = np.random.default_rng(seed)
    truth, said = draw.integers(0, 3, rows), list[Said]()
    for who, accuracy in enumerate(accuracies):
        wrong = draw.random(rows) >= accuracy
        values = np.where(wrong, (truth + draw.integers(1, 3, rows)) % 3, truth)
        said += [Said(row, f"r-{who}", CLASSES[value]) for row, value in enumerate(values)]
    return truth, said


def right(chances: dict[int, dict[str, float]], truth: np.ndarray) -> float:
    """Share of rows whose likeliest value is the truth."""
    return float(np.mean([max(of, key=of.__getitem__) == CLASSES[truth[row]] for row, of in chances.items()]))


@BOTH
def test_careful_people_outvote_three_careless_ones(model: Model):
    accuracies = [0.95, 0.9, 0.45, 0.4, 0.4]
    truth, said = simulated(accuracies, 1500)
    found = skill(said, model)
    able = np.array([found.skill[f"r-{n}"] for n in range(5)])
    if model == "mace":  # who does not know, with trust t, is right by chance: the accuracy is t + (1 - t) / 3
        able = able + (1 - able) / 3
    assert able.tolist() == pytest.approx(
        accuracies, abs=0.04
    )  # a rate of .4 of 1,500 rows has a standard error of .013
    votes: dict[object, list[str]] = {}
    for one in said:
        votes.setdefault(one.unit, []).append(one.value)
    most = np.mean([max(sorted(set(v)), key=v.count) == CLASSES[truth[row]] for row, v in enumerate(votes.values())])
    assert right(dict(found.chances), truth) > most + 0.1


def test_dawid_skene_says_what_the_juries_say_where_nobody_is_kin():
    truth, said = simulated([0.85, 0.75, 0.7, 0.65])
    found = skill(said, "dawid_skene")
    verdicts = {f"r-{n}": [one.value for one in said if one.annotator == f"r-{n}"] for n in range(4)}
    panels = of_jury(Ballots(verdicts, {}))  # type: ignore[arg-type]
    same = [
        max(found.chances[row], key=found.chances[row].__getitem__) == panel.verdict for row, panel in enumerate(panels)
    ]
    assert np.mean(same) > 0.97
    assert right(dict(found.chances), truth) > 0.8


@BOTH
def test_the_same_answers_in_another_order_and_under_other_names_say_the_same(model: Model):
    _, said = simulated([0.9, 0.7, 0.6], 80)
    found, turned = skill(said, model), skill(said[::-1], model)
    assert (found.chances, found.skill) == (turned.chances, turned.skill)
    renamed = skill(
        [one._replace(annotator={"r-0": "z", "r-1": "m", "r-2": "a"}[one.annotator]) for one in said], model
    )
    assert [renamed.skill[who] for who in "zma"] == pytest.approx([found.skill[f"r-{n}"] for n in range(3)], abs=0.002)


@BOTH
def test_who_says_one_thing_throughout_is_found_out(model: Model):
    _, said = simulated([0.9, 0.9, 0.9, 0.5], 300)
    said = [one._replace(value="win") if one.annotator == "r-3" else one for one in said]
    found = skill(said, model)
    assert found.skill["r-3"] < min(found.skill[f"r-{n}"] for n in range(3)) - 0.3


def test_crowd_kit_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch):
    _, said = simulated([0.9, 0.7, 0.6], 20)
    monkeypatch.setitem(sys.modules, "crowdkit", None)
    monkeypatch.setattr("annotation.skill._crowdkit", crowdkit.__wrapped__)
    with pytest.raises(ReviewError, match=r"crowd-kit is not installed.*pip install 'seimai\[crowd\]'"):
        skill(said, "mace")


@BOTH
def test_two_people_and_one_value_tell_nothing(model: Model):
    _, said = simulated([0.9, 0.8])
    assert skill(said, model).why == "2 people share rows, 3 are needed to tell whose habits are whose"
    alike = [Said(n, who, "win") for n in range(9) for who in "abc"]
    assert skill(alike, model).why == "everybody says one thing"
    assert skill([], model).chances == {}


def test_habits_settle_what_a_majority_cannot_and_only_where_they_are_sure(tmp_path: Path):
    """r-1 to r-3 agree with each other on 40 rows; r-4 says a throughout. Then r-1 says b against r-4's a."""
    labels = Labels(tmp_path / "labels")
    labels.folder.mkdir()
    for n in range(40):
        vote(labels, n, *["ab"[n % 2]] * 3, "a", people=4)
    line = vote(labels, 99, "b", "cannot_tell", "cannot_tell", "a", people=4)
    assert resolve(labels, Policy("majority")).disputed == [("trial/preference", "preference", line["row"])]
    found = resolve(labels, Policy("dawid_skene", 0.9))
    (one,) = (d for d in found.decisions if d.row == line["row"])
    assert (one.outcome, one.method, one.disputed) == ("b", "dawid_skene", False)
    assert one.posterior is not None
    assert one.posterior > 0.9
    unanimous = next(d for d in found.decisions if d.method == "unanimous")
    assert unanimous.posterior is not None
    assert found.without_model == []
    few = resolve(Labels(tmp_path / "few"), Policy("mace", 0.9))
    assert (few.decisions, few.without_model) == ([], [])
