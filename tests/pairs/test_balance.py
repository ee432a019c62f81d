"""Length and form balanced, caps and quotas, and what length or form alone can tell."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.pairing import balance, choose, leak
from synth.pairing.form import MEASURES


def frame(deltas, strategy="near_miss", function=0, limit=None, lines=None, template=None, base=100) -> pl.DataFrame:
    """Candidates with these differences of length (chosen less rejected)."""
    n = len(deltas)
    made = {
        "strategy": [strategy] * n, "function": [function] * n, "chosen": np.arange(n), "rejected": np.arange(n) + 10_000,
        "order": np.random.default_rng(1).permutation(n).astype(np.uint64), "prompt_hi": np.arange(n).astype(np.uint64),
        "template": np.arange(n) % 50 if template is None else template,
        "fails": np.ones(n, np.int16), "limit": np.zeros(n, np.int8) if limit is None else np.array(limit, np.int8),
    }  # fmt: skip
    made |= {name: np.zeros(n, np.int32) for m in MEASURES for name in (m, f"r_{m}")}
    made |= {"length": base + np.array(deltas), "r_length": np.full(n, base)}
    made |= {} if lines is None else {"lines": np.array(lines)}
    return pl.DataFrame(made)


def longer(found: pl.DataFrame) -> float:
    delta = (found["length"] - found["r_length"]).to_numpy()
    return float((delta > 0).mean() + (delta == 0).mean() / 2)


def test_as_many_longer_as_shorter_ones_are_left():
    found = balance.coupled(frame([10] * 30 + [-10] * 7 + [0] * 5), True, True)
    assert len(found) == 7 + 7 + 5
    assert longer(found) == 0.5


def test_a_couple_is_one_unit():
    found = balance.coupled(frame([10, -10, 0]), True, True)
    assert sorted(found.group_by("unit").len()["len"].to_list()) == [1, 2]


def test_form_is_balanced_with_length():
    found = balance.coupled(frame([10] * 400 + [-10] * 400, lines=[1] * 400 + [0] * 200 + [-1] * 200), True, True)
    assert (found["lines"] > 0).sum() == (found["lines"] < 0).sum() == 200


def test_in_a_large_stratum_what_has_no_mirror_image_is_no_pair():
    found = balance.coupled(frame([10] * 600 + [-300] * 600), True, True)
    assert not len(found)
    small = balance.coupled(frame([10] * 60 + [-300] * 60), True, True)
    assert set(small["round"].to_list()) == {2}, "a small one is coupled by the sign alone"


def test_over_and_under_the_limit_are_drawn_equally_even_without_balancing():
    found = balance.coupled(frame([5] * 40, limit=[1] * 25 + [-1] * 10 + [0] * 5), False, False)
    assert ((found["limit"] == 1).sum(), (found["limit"] == -1).sum(), (found["limit"] == 0).sum()) == (10, 10, 5)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-40, 40), min_size=1, max_size=80))
def test_whatever_comes_in_half_of_what_goes_out_is_longer(deltas):
    found = balance.coupled(frame(deltas), True, True)
    assert not len(found) or longer(found) == pytest.approx(0.5)
    assert found.select("chosen").n_unique() == len(found), "no pair is doubled"


def test_length_alone_tells_a_leaning_set_and_not_a_balanced_one():
    rng = np.random.default_rng(3)
    leaning = frame(rng.normal(12, 20, 3000).astype(int))
    assert leak.area(leaning, "length") > 0.7
    assert leak.area(balance.coupled(leaning, True, True), "length") <= 0.52


def test_form_alone_tells_lists_from_prose():
    lists = frame([0] * 2000, lines=[1] * 1500 + [-1] * 500)
    assert leak.area(lists, "format") == pytest.approx(0.75, abs=0.05)
    assert leak.area(balance.coupled(lists, True, True), "format") <= 0.55


def test_no_template_has_more_than_its_share_of_what_is_left():
    units = balance.coupled(frame([0] * 400, template=[0] * 200 + [i % 30 for i in range(200)]), True, True)
    found, drops = choose.chosen(units, {"near_miss": 300}, 0.05)
    share = found["template"].value_counts()["count"].max() / len(found)
    assert share <= 0.05
    assert len(found) + sum(drops.values()) == 400


def test_pairs_without_a_template_share_none():
    units = balance.coupled(frame([0] * 400, template=[0] * 200 + [1 + i % 100 for i in range(200)]), True, True)
    found, _ = choose.chosen(units, {"near_miss": 400}, 0.05, without=0)
    assert (found["template"] == 0).sum() == 200
    assert len(found) == 400


def test_a_quota_takes_couples_whole():
    units = balance.coupled(frame([10] * 20 + [-10] * 20), True, True)
    found, drops = choose.chosen(units, {"near_miss": 11}, 1.0)
    assert len(found) == 10
    assert longer(found) == 0.5
    assert drops["near_miss", "quota_met"] == 30


def test_too_few_templates_for_the_cap_leave_nothing():
    units = balance.coupled(frame([0] * 100, template=[i % 3 for i in range(100)]), True, True)
    assert len(choose.chosen(units, {"near_miss": 100}, 0.05)[0]) == 0
