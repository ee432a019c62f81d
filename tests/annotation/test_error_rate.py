"""The error rate of what is released: weights by hand, intervals against the textbook's, and what cannot be known is not said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from annotation.error_rate import ErrorRate, Reviews, Stratum, clopper_pearson, error_rate, mid_p


def reviews(*groups: tuple[str, int, int]) -> Reviews:
    """(stratum, answered, wrong): every row from a document of its own."""
    stratum = [name for name, answered, _ in groups for _ in range(answered)]
    wrong = [i < bad for _, answered, bad in groups for i in range(answered)]
    return Reviews(stratum, list(range(len(stratum))), wrong)


def known(found: ErrorRate) -> tuple[float, float, float]:
    assert found.rate is not None, found.unknown
    assert found.low is not None
    assert found.high is not None
    return found.rate, found.low, found.high


def test_each_stratum_speaks_for_its_own_unread_rows():
    # audit: 1,000 rows, 20 answered, 1 wrong: 980 unread × 1/20 = 49. disputed: 100 rows, 50 answered, 10 wrong: 50 × 1/5 = 10
    found = error_rate(reviews(("audit", 20, 1), ("disputed", 50, 10)), {
        "audit": Stratum(1000, 25, 20), "disputed": Stratum(100, 60, 50),
    })  # fmt: skip
    assert found.rate == pytest.approx((49 + 10) / 1100)
    rate, low, high = known(found)
    assert low < rate < high
    assert (found.answered, found.wrong) == (70, 11)


def test_what_was_reviewed_is_corrected_and_counts_as_right():
    everything = error_rate(reviews(("disputed", 40, 20)), {"disputed": Stratum(40, 40, 40)})
    assert (everything.rate, everything.low, everything.high) == (0.0, 0.0, 0.0)


def test_a_certain_route_that_was_not_finished_leaves_its_unread_part():
    # drawn with probability 1, four fifths answered, one in eight wrong: 20 unread rows × 1/8
    found = error_rate(reviews(("disputed", 80, 10), ("audit", 30, 0)), {
        "disputed": Stratum(100, 100, 80), "audit": Stratum(900, 40, 30),
    })  # fmt: skip
    assert found.rate == pytest.approx(20 / 8 / 1000)


def test_answers_that_calibrate_correct_rows_and_estimate_nothing():
    # 10 more rows of the stratum were reviewed for calibration: they are corrected, and only fewer are unread
    found = error_rate(reviews(("audit", 20, 2)), {"audit": Stratum(130, 30, 30)})
    assert found.rate == pytest.approx(100 * 0.1 / 130)


def test_a_stratum_that_nobody_answered_leaves_the_whole_unknown():
    found = error_rate(reviews(("audit", 20, 1)), {"audit": Stratum(500, 20, 20), "disputed": Stratum(30, 30, 0)})
    assert (found.rate, found.low, found.high) == (None, None, None)
    assert "nobody has answered a row of the stratum 'disputed', of which 30 unread rows" in found.unknown


def test_an_empty_stratum_needs_no_answer():
    assert error_rate(reviews(("audit", 20, 1)), {"audit": Stratum(500, 20, 20), "disputed": Stratum(0, 0, 0)}).rate


def test_no_error_found_has_the_exact_bound():
    found = error_rate(reviews(("audit", 40, 0)), {"audit": Stratum(1_000_040, 40, 40)})
    exact = binomtest(0, 40).proportion_ci(0.95, method="exact").high
    assert (found.rate, found.low) == (0.0, 0.0)
    assert found.high == pytest.approx(exact, rel=1e-4)


def test_a_plain_random_sample_has_nearly_the_plain_interval():
    found = error_rate(reviews(("audit", 200, 20)), {"audit": Stratum(10_000_200, 200, 200)})
    low, high = mid_p(19.9, 199, 0.95)  # the variance of a sample is taken with n − 1
    assert (found.low, found.high) == (pytest.approx(low, rel=1e-3), pytest.approx(high, rel=1e-3))


def test_errors_that_come_by_document_make_the_interval_wide():
    wrong = [i < 20 for i in range(200)]
    alone = error_rate(Reviews(["a"] * 200, list(range(200)), wrong), {"a": Stratum(10_000, 200, 200)})
    in_fours = error_rate(Reviews(["a"] * 200, [i // 4 for i in range(200)], wrong), {"a": Stratum(10_000, 200, 200)})
    assert in_fours.rate == alone.rate
    assert in_fours.effective == pytest.approx(alone.effective / 4, rel=0.1)
    assert known(in_fours)[2] - known(in_fours)[1] > 1.6 * (known(alone)[2] - known(alone)[1])


def test_exact_and_mid_p_intervals_are_the_textbooks():
    exact = binomtest(5, 40).proportion_ci(0.95, method="exact")
    assert clopper_pearson(5, 40, 0.95) == pytest.approx((exact.low, exact.high))
    # mid-p by its definition: half of the observed probability and all beyond are 2.5 %
    from scipy.stats import binom

    low, high = mid_p(5, 40, 0.95)
    assert binom.sf(5, 40, low) + binom.pmf(5, 40, low) / 2 == pytest.approx(0.025)
    assert binom.cdf(4, 40, high) + binom.pmf(5, 40, high) / 2 == pytest.approx(0.025)


@given(
    st.lists(st.tuples(st.integers(1, 40), st.integers(0, 40), st.integers(0, 500)), min_size=1, max_size=4),
    st.randoms(use_true_random=False),
)
def test_the_rate_lies_in_its_interval_and_the_order_of_reviews_says_nothing(groups, random):
    named = [(str(i), n, min(bad, n)) for i, (n, bad, _) in enumerate(groups)]
    strata = {str(i): Stratum(n + rest, n, n) for i, (n, _, rest) in enumerate(groups)}
    one = reviews(*named)
    found = error_rate(one, strata)
    rate, low, high = known(found)
    assert low <= rate <= high <= 1
    shuffled = list(zip(one.stratum, one.document, one.wrong, strict=True))
    random.shuffle(shuffled)
    again = error_rate(Reviews(*zip(*shuffled, strict=True)), strata)
    assert (again.rate, again.low, again.high) == pytest.approx((found.rate, found.low, found.high))


def test_what_does_not_fit_together_is_said():
    with pytest.raises(ValueError, match="of one length"):
        Reviews(["a"], [1, 2], [True])
    with pytest.raises(ValueError, match="a stratum that is not named: b"):
        error_rate(reviews(("b", 1, 0)), {"a": Stratum(1, 1, 1)})
    with pytest.raises(ValueError, match="cannot have 3 reviewed"):
        Stratum(2, 3, 3)
    assert "no row is released" in error_rate(reviews(), {}).unknown
