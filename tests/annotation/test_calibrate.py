"""Margins become chances: the curve is the truth where there is one, and a judge that changes is seen."""

import numpy as np
import pytest

from annotation.calibrate import CalibrationError, Decision, calibrate, isotonic, share


def test_pooled_neighbours_are_their_mean():
    # 0, 1, 0, 0, 1 at rising margins: 1, 0, 0 pool to a third
    margins, chances = isotonic(np.array([1.0, 2, 3, 4, 5]), np.array([0.0, 1, 0, 0, 1]))
    assert np.interp([1, 2, 3, 4, 5], margins, chances).tolist() == pytest.approx([0, 1 / 3, 1 / 3, 1 / 3, 1])


@pytest.mark.parametrize("curve", ["isotonic", "platt"])
def test_a_known_curve_is_found_again(curve):
    rng = np.random.default_rng(7)
    margin = rng.uniform(0, 4, 20_000)
    truth = 1 / (1 + np.exp(-margin))
    found = calibrate(
        [Decision("reading", m, bool(a)) for m, a in zip(margin, rng.random(20_000) < truth, strict=True)], curve, 100
    )["reading"]
    at = np.linspace(0.2, 3.8, 20)
    assert np.abs(found.chance(at) - 1 / (1 + np.exp(-at))).max() < 0.04
    assert (np.diff(found.chance(at)) >= 0).all()


def test_each_function_has_its_own_curve_and_few_decisions_have_none():
    some = [Decision("poems", 1.0, i % 2 == 0) for i in range(40)] + [Decision("coding", 1.0, True)] * 3
    found = calibrate(some, "platt", 20)
    assert list(found) == ["poems"]
    assert found["poems"].agreement == share(20, 40)


def test_a_margin_that_says_nothing_has_a_flat_curve():
    rng = np.random.default_rng(1)
    some = [Decision("a", float(m), bool(rng.random() < 0.7)) for m in rng.uniform(0, 1, 2000)]
    found = calibrate(some, "platt", 100)["a"]
    assert found.chance([0.0, 1.0]) == pytest.approx([0.7, 0.7], abs=0.06)


def test_a_judge_that_changed_is_seen_and_one_that_did_not_is_not():
    def months(*counts: tuple[str, int, int]) -> list[Decision]:
        return [Decision("a", 1.0, i < right, month) for month, right, whole in counts for i in range(whole)]

    changed = calibrate(months(("2026-10", 90, 100), ("2026-11", 60, 100)), "platt", 10)["a"]
    same = calibrate(months(("2026-10", 80, 100), ("2026-11", 78, 100)), "platt", 10)["a"]
    assert changed.drift is not None
    assert same.drift is not None
    assert changed.drift < 1e-4 < 0.1 < same.drift
    assert changed.months["2026-11"].share == 0.6
    assert calibrate(months(("2026-10", 8, 10)), "platt", 10)["a"].drift is None


def test_always_right_is_not_certain():
    found = calibrate([Decision("a", 1.0, True)] * 50, "platt", 10)["a"]
    assert 0.95 < found.chance([1.0])[0] < 1
    assert found.agreement.high == 1.0
    assert found.agreement.low > 0.9


def test_what_cannot_be_fitted_is_said():
    with pytest.raises(CalibrationError, match=r"margin -1\.0; a margin is ≥ 0"):
        calibrate([Decision("a", -1.0, True)], "platt", 1)
    with pytest.raises(CalibrationError, match="margin nan"):
        calibrate([Decision("a", float("nan"), True)], "platt", 1)
    with pytest.raises(CalibrationError, match=r"no function has 20 decisions \(the most has 3\)"):
        calibrate([Decision("a", 1.0, True)] * 3, "isotonic", 20)
