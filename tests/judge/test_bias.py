"""Leans of a judge: by hand where they can be counted, and intervals that hold."""

import math

import numpy as np
import pytest

from synth.judge.bias import Compared, lean, length, own_family, position


def one(forward, backward, reference=None, lengths=(10, 10), own=None, unit=0):
    return Compared(forward, backward, reference, lengths, own, unit)


def test_position_counts_the_first_places_that_were_chosen():
    seen = [
        one("a", "b", unit=0),  # the first place twice: 1
        one("b", "a", unit=1),  # the second twice: −1
        one("a", "a", unit=2),  # the same answer: 0
        one("a", "tie", unit=3),  # the first place once: ½
        one("a", None, unit=4),  # one order: not counted
    ]
    found = position(seen)
    assert (found.mean, found.units) == (pytest.approx(0.5 / 4), 4)
    assert found.low < 0 < found.high


def test_length_counts_only_what_goes_beyond_the_reference():
    seen = [
        one("a", "a", "a", (20, 10), unit=0),  # longer, and people say so too: 0
        one("a", "a", "b", (20, 10), unit=1),  # longer, people the shorter: 1
        one("b", "b", "tie", (10, 30), unit=2),  # longer, people tie: ½
        one("a", "a", "a", (10, 10), unit=3),  # as long: not counted
        one("a", "a", None, (20, 10), unit=4),  # nobody to compare with
    ]
    found = length(seen)
    assert (found.mean, found.units) == (pytest.approx(0.5), 3)


def test_own_family_counts_its_own_answer_against_the_reference():
    seen = [
        one("a", "a", "b", own="a", unit=0),
        one("b", "b", "b", own="a", unit=1),
        one("a", "b", "a", own=None, unit=2),
    ]
    found = own_family(seen)
    assert (found.mean, found.units) == (pytest.approx(0.5), 2)


def test_comparisons_of_one_prompt_are_one_unit():
    many = lean([1.0] * 30 + [0.0] * 30, [0] * 30 + [1] * 30)
    assert (many.mean, many.units) == (0.5, 2)
    assert many.high - many.low > 0.9


def test_agreement_of_a_few_is_not_certainty_and_of_many_nearly_so():
    few, many = lean([0.0] * 10, range(10)), lean([0.0] * 1000, range(1000))
    assert few.high > 0.1 > 0.01 > many.high > 0


def test_nothing_seen_is_nothing_said():
    assert math.isnan(lean([], []).mean)
    assert lean([], []).units == 0


def test_the_interval_holds_in_nineteen_of_twenty_simulated_judges():
    rng = np.random.default_rng(20261126)
    covered = 0
    for _ in range(400):
        seen = rng.choice([1.0, -1.0, 0.0], 80, p=[0.3, 0.1, 0.6])
        found = lean(seen.tolist(), range(80))
        covered += found.low <= 0.2 <= found.high
    assert 0.92 <= covered / 400 <= 0.985
