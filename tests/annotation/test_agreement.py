"""Agreement beyond chance: values of the literature, hand calculations, and which answers are paired at all."""

import json
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.agreed import agreement
from annotation.agreement import ac1, ac1_estimate, alpha, alpha_estimate, cohen, cohens, fleiss
from curation.provenance import key

KRIPPENDORFF = """
1 2 3 3 2 1 4 1 2 . . .
1 2 3 3 2 2 4 1 2 5 . 3
. 3 3 3 2 3 4 2 2 5 1 .
1 2 3 3 2 4 4 1 2 5 1 .
"""
"""Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", example C: four observers, twelve units, values missing."""

FLEISS = """
0 0 0 0 14
0 2 6 4 2
0 0 3 5 6
0 3 9 2 0
2 2 8 1 1
7 7 0 0 0
3 2 6 3 0
2 5 3 2 2
6 5 2 1 0
0 2 2 3 7
"""
"""Fourteen raters, ten subjects, five categories: κ = .210."""


def columns(text: str) -> list[dict[str, float]]:
    """Units of a table with a line a rater."""
    lines = [line.split() for line in text.split("\n") if line]
    return [{str(i): float(v) for i, v in enumerate(column) if v != "."} for column in zip(*lines, strict=True)]


def two(table: dict[tuple[int, int], int]) -> list[dict[str, float]]:
    """Units of two raters from how often they said what."""
    return [{"x": float(a), "y": float(b)} for (a, b), count in table.items() for _ in range(count)]


def test_krippendorffs_alpha_is_that_of_his_example():
    units = columns(KRIPPENDORFF)
    assert alpha(units, "nominal") == pytest.approx(0.743, abs=5e-4)
    assert alpha(units, "ordinal") == pytest.approx(0.815, abs=5e-4)
    assert alpha(units, "interval") == pytest.approx(0.849, abs=5e-4)


def test_fleiss_kappa_is_that_of_the_example_and_none_for_unequal_raters():
    rows = [[int(v) for v in line.split()] for line in FLEISS.split("\n") if line]
    units = [
        {f"{k}.{i}": float(k) for k, count in enumerate(row) for i in range(count)} for row in rows
    ]  # who rated does not matter to it
    assert fleiss(units) == pytest.approx(0.210, abs=5e-4)
    assert fleiss(columns(KRIPPENDORFF)) is None


def test_cohens_kappa_by_hand():
    units = two({(1, 1): 20, (1, 0): 5, (0, 1): 10, (0, 0): 15})
    # seen .7; chance .5 · .6 + .5 · .4 = .5
    assert cohen(units, "x", "y").kappa == pytest.approx(0.4)
    assert cohen(units, "x", "y").units == 50
    assert [c.raters for c in cohens(units)] == [("x", "y")]
    assert cohens(units[:29]) == []
    assert cohen([{"x": 1.0, "y": 1.0}], "x", "y").kappa is None


def test_gwets_ac1_stays_high_where_nearly_all_agree_on_one_value():
    units = two({(1, 1): 118, (1, 0): 5, (0, 1): 2})
    # seen 118/125 = .944; mean share of 1 is .972; chance 2 · .972 · .028 = .0544
    assert ac1(units) == pytest.approx((0.944 - 0.054432) / (1 - 0.054432))
    assert cohen(units, "x", "y").kappa == pytest.approx(-0.0234, abs=1e-4)
    assert ac1([{"x": 1.0, "y": 1.0}]) == 1.0
    assert ac1([{"x": 1.0}]) is None


def test_where_nothing_varies_alpha_is_not_known():
    assert alpha([{"x": 1.0, "y": 1.0}] * 5, "nominal") is None
    assert alpha([{"x": 1.0}, {"y": 2.0}], "nominal") is None
    assert alpha_estimate([], "nominal") == (None, None, None, 0)


def test_one_unit_has_no_interval_that_would_seem_sure():
    differ = [{"x": 1.0, "y": 2.0}]
    assert alpha_estimate(differ, "nominal") == (0.0, None, None, 1)
    assert ac1_estimate(differ) == (-1.0, None, None, 1)
    assert ac1_estimate([*differ, {"x": 1.0, "y": 1.0}] * 3).low is not None


@given(st.lists(st.lists(st.integers(0, 3), min_size=2, max_size=4), min_size=2, max_size=8))
def test_alpha_is_the_sum_over_pairs_written_out(said: list[list[int]]):
    """1 − observed disagreement over expected, pair by pair."""
    units = [{str(i): float(v) for i, v in enumerate(values)} for values in said]
    every = [v for values in said for v in values]
    n = len(every)
    observed = sum(
        (a - b) ** 2 / (len(values) - 1) for values in said for i, a in enumerate(values) for j, b in enumerate(values) if i != j
    ) / n  # fmt: skip
    expected = sum((a - b) ** 2 for i, a in enumerate(every) for j, b in enumerate(every) if i != j) / (n * (n - 1))
    found = alpha(units, "interval")
    if expected == 0:
        assert found is None
    else:
        assert found == pytest.approx(1 - observed / expected)


def test_the_interval_of_alpha_covers_what_is_true_of_all_as_often_as_it_says():
    """Raters who say the truth with probability .8 of three values: α of a very large sample is the true one."""
    draw = np.random.default_rng(5)

    def sample(size: int) -> list[dict[str, float]]:
        truth = draw.integers(0, 3, size)
        said = np.where(draw.random((3, size)) < 0.8, truth, draw.integers(0, 3, (3, size)))
        return [{str(r): float(said[r, u]) for r in range(3)} for u in range(size)]

    true = alpha(sample(60_000), "nominal")
    assert true is not None
    covered = 0
    for _ in range(200):
        found = alpha_estimate(sample(60), "nominal", draws=300)
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= true <= found.high
    assert 0.88 <= covered / 200 <= 0.99
    assert ac1_estimate(sample(60), draws=300).units == 60


def answer(row: int, who: str, values: dict[str, Any], **other: Any) -> dict[str, Any]:
    """What an answer says."""
    said = {"task": "preference", "version": "v1", "row": key(row), "content": key("c"), "annotator": who}
    return said | {"given_at": datetime(2026, 11, 26, tzinfo=UTC), "values": json.dumps(values)} | other


def test_preferences_are_measured_as_names_and_as_an_order():
    said = [("a", "a"), ("b", "b"), ("same", "a"), ("both_bad", "a"), ("cannot_tell", "cannot_tell")]
    rows = [answer(n, who, {"preference": v}) for n, pair in enumerate(said) for who, v in zip("xy", pair, strict=True)]
    rows += [answer(9, "x", {"preference": "a"})]  # nobody else answered it
    nominal, ordinal = agreement(rows)
    assert (nominal.scale, nominal.alpha.units, nominal.answers, nominal.raters) == ("nominal", 5, 10, 2)
    codes = {"a": 0.0, "b": 1.0, "same": 2.0, "both_bad": 3.0, "cannot_tell": 4.0}
    assert nominal.alpha.value == alpha([{"x": codes[p], "y": codes[q]} for p, q in said], "nominal")
    assert (ordinal.scale, ordinal.alpha.units) == (
        "ordinal",
        3,
    )  # どちらも悪い and 判断できない have no place in the order
    assert ordinal.alpha.value == alpha([{"x": 0, "y": 0}, {"x": 2, "y": 2}, {"x": 1, "y": 0}], "ordinal")


def test_answers_under_two_versions_or_to_two_texts_are_not_paired():
    rows = [answer(1, "x", {"preference": "a"}), answer(1, "y", {"preference": "a"}, version="v2")]
    rows += [answer(2, "x", {"preference": "a"}), answer(2, "y", {"preference": "a"}, content=key("other"))]
    assert agreement(rows) == []


def test_a_ranking_is_a_comparison_of_each_two_answers_and_months_are_told_apart():
    def ranks(*values: int) -> dict[str, Any]:
        return {"order": [{"value": s, "rank": r} for s, r in zip("abc", values, strict=True)], "usable": "good"}

    october = {"given_at": datetime(2026, 10, 3, tzinfo=UTC)}
    rows = [answer(1, "x", ranks(1, 2, 2), task="ranking"), answer(1, "y", ranks(2, 1, 1), task="ranking")]
    rows += [answer(2, who, ranks(1, 2, 3), task="ranking", **october) for who in "xy"]
    order = next(one for one in agreement(rows) if one.question == "order")
    assert order.alpha.units == 6
    assert {month: one.units for month, one in order.months.items()} == {"2026-10": 3, "2026-11": 3}
    usable = next(one for one in agreement(rows) if one.question == "usable")
    assert usable.alpha.value is None
    assert usable.ac1.value == 1.0
