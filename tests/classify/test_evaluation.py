"""Measures of a classifier, against hand calculations."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm, t

from curation.classify.evaluation import auc, auc_interval, confusion, evened, reliability
from curation.classify.labelled_share import by_threshold, student_quantile, wilson
from curation.classify.model_card import Calibration
from curation.classify.train import calibrated

GOOD = np.array([True, True, False, False])


def test_auc_of_three_right_pairs_in_four_is_three_quarters():
    assert auc(GOOD, np.array([0.9, 0.4, 0.5, 0.1])) == 0.75


def test_a_tie_counts_half():
    assert auc(GOOD, np.array([0.5, 0.5, 0.5, 0.5])) == 0.5


def test_one_sort_of_example_has_no_auc():
    assert np.isnan(auc(np.array([True, True]), np.array([0.1, 0.2])))


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5), st.integers(0, 3)), min_size=2, max_size=30))
def test_auc_with_weights_is_that_of_rows_written_out_so_often(rows):
    good, score, weight = (np.array(column) for column in zip(*rows, strict=True))
    written = np.repeat(np.arange(len(rows)), weight)
    pairs = [
        (score[i] > score[j]) + 0.5 * (score[i] == score[j]) for i in written for j in written if good[i] > good[j]
    ]
    found = auc(good, score.astype(float), weight.astype(float))
    assert np.isnan(found) if not pairs else found == pytest.approx(np.mean(pairs))


def test_the_interval_holds_the_value_and_widens_where_pieces_come_from_few_groups():
    rng = np.random.default_rng(0)
    good = np.arange(400) % 2 == 0
    group_effect = rng.normal(size=20)[np.arange(400) // 20]
    scores = good * 1.0 + group_effect * 0.5 + rng.normal(size=400) * 0.3
    by_group = auc_interval(good, scores, np.arange(400) // 20)
    by_piece = auc_interval(good, scores, np.arange(400))
    value = auc(good, scores)
    assert by_group[0] < value < by_group[1]
    assert by_group[1] - by_group[0] > by_piece[1] - by_piece[0]


@pytest.mark.parametrize("groups", [5, 15, 40])
def test_intervals_of_the_auc_hold_the_truth_as_often_as_they_say(groups: int):
    rng, inside = np.random.default_rng(groups), 0
    group, good = np.repeat(np.arange(groups), 40), np.tile(np.arange(40) % 2 == 0, groups)
    true = norm.cdf(2.0 / np.sqrt(2 * (0.5**2 + 1)))  # of two pieces of different groups
    for _ in range(300):
        scores = good * 2.0 + rng.normal(size=groups)[group] * 0.5 + rng.normal(size=len(group))
        low, high = auc_interval(good, scores, group)
        inside += low <= true <= high
    assert inside / 300 >= 0.92, inside
    assert groups == 5 or inside / 300 <= 0.99, "of five groups each is so large that it counts by its pieces too"


def test_an_auc_of_one_keeps_the_width_that_so_few_groups_leave_and_one_group_has_no_interval():
    good, scores = np.tile(GOOD, 5), np.tile(GOOD * 1.0, 5)
    low, high = auc_interval(good, scores, np.repeat(np.arange(5), 4))
    assert (low, high) == pytest.approx(wilson(1.0, 5 * (1.959964 / t.ppf(0.975, 4)) ** 2), rel=1e-3)
    assert np.isnan(auc_interval(good, scores, np.zeros(20))).all()


@pytest.mark.parametrize("freedom", [1, 2, 3, 5, 12, 60, 5000])
def test_student_s_quantile_is_scipy_s(freedom: int):
    assert student_quantile(freedom) == pytest.approx(t.ppf(0.975, freedom), rel=2e-3)


def test_confusion_counts_a_score_at_the_threshold_as_kept():
    scores = np.array([0.5, 0.4, 0.5, 0.1])
    assert confusion(GOOD, scores, 0.5) == {"good_kept": 1, "good_lost": 1, "other_kept": 1, "other_lost": 1}


def test_precision_has_wilsons_interval_less_what_few_groups_know():
    good, scores = np.arange(20) < 12, np.where(np.arange(20) < 10, 0.9, 0.1)
    (half,) = by_threshold(scores, good, np.ones(20), np.arange(20), np.array([0.5]))
    assert half.kept == 0.5
    draws = 10 * (1.959964 / t.ppf(0.975, 9)) ** 2  # of 10 groups that have a kept piece
    assert (half.precision.value, half.precision.high) == pytest.approx((1.0, 1.0))
    assert half.precision.low == pytest.approx(draws / (draws + 1.959964**2), abs=1e-3)
    assert half.recall.value == pytest.approx(10 / 12)
    (pairs,) = by_threshold(scores, good, np.ones(20), np.arange(20) // 2, np.array([0.5]))
    assert pairs.precision.low < half.precision.low, "two pieces of a group are worth less than two groups"


def test_both_sorts_weigh_the_same_whatever_their_numbers():
    weights = evened(np.array([True, False, False, False]), np.array([5.0, 1.0, 1.0, 2.0]))
    assert weights.tolist() == [0.5, 0.125, 0.125, 0.25]


def test_a_score_that_says_its_own_frequency_has_no_calibration_error():
    assert reliability(GOOD, np.full(4, 0.5)) == {"brier": 0.25, "calibration_error": 0.0}
    assert reliability(GOOD, np.array([1.0, 1.0, 0.0, 0.0])) == {"brier": 0.0, "calibration_error": 0.0}


@pytest.mark.parametrize("method", ["isotonic", "platt"])
def test_calibration_mends_scores_that_are_too_sure(method: str):
    rng = np.random.default_rng(0)
    truth = rng.random(4000)
    good = rng.random(4000) < truth
    sure = truth**3 / (truth**3 + (1 - truth) ** 3)  # the odds, cubed
    mended = calibrated(sure, good, method).apply(sure)
    assert reliability(good, mended)["calibration_error"] < 0.03 < reliability(good, sure)["calibration_error"]
    assert (np.diff(mended[np.argsort(sure)]) >= -1e-9).all()
    assert auc(good, mended) == pytest.approx(auc(good, sure), abs=0.01)


def test_a_score_that_is_no_number_stays_none_whatever_the_calibration():
    for calibration in (
        Calibration(),
        Calibration(method="platt", slope=2.0),
        Calibration(method="isotonic", scores=[0.0, 1.0], probabilities=[0.1, 0.9]),
    ):
        assert np.isnan(calibration.apply(np.array([np.nan]))).all()
