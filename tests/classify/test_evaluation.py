"""Measures of a classifier, against hand calculations."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.classify.evaluation import auc, auc_interval, by_threshold, confusion, reliability
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


def test_the_interval_holds_the_value_and_widens_where_pieces_come_from_few_pages():
    rng = np.random.default_rng(0)
    good = np.arange(400) % 2 == 0
    page_effect = rng.normal(size=20)[np.arange(400) // 20]
    scores = good * 1.0 + page_effect * 0.5 + rng.normal(size=400) * 0.3
    by_page = auc_interval(good, scores, [str(n // 20) for n in range(400)], 300)
    by_piece = auc_interval(good, scores, [str(n) for n in range(400)], 300)
    value = auc(good, scores)
    assert by_page[0] < value < by_page[1]
    assert by_page[1] - by_page[0] > by_piece[1] - by_piece[0]


def test_confusion_counts_a_score_at_the_threshold_as_kept():
    scores = np.array([0.5, 0.4, 0.5, 0.1])
    assert confusion(GOOD, scores, 0.5) == {"good_kept": 1, "good_lost": 1, "other_kept": 1, "other_lost": 1}


def test_precision_has_wilsons_interval():
    good = np.arange(20) < 12
    (half,) = [t for t in by_threshold(good, np.where(np.arange(20) < 10, 0.9, 0.1)) if t["threshold"] == 0.5]
    assert half["kept"] == 0.5
    assert half["precision"] == [1.0, 0.7225, 1.0]  # Wilson for 10 of 10: 10 / (10 + 1.96²)
    assert half["recall"][0] == pytest.approx(10 / 12, abs=1e-4)


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
