"""Shingles and exact similarity, with the behaviour of short texts that the specification states."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.dedup.normal_form import normal_form
from curation.dedup.shingle_sets import ShingleSets
from curation.dedup.shingles import jaccard, shingle_words, shingles


def compared(texts: list[str]) -> list[float]:
    """Exact similarity of the first text and each other, by the kernels."""
    with ShingleSets(np.arange(len(texts))) as sets:
        sets.add(np.arange(len(texts)), pa.array(texts, pa.large_string()))
        return sets.jaccard(np.array([[0, i] for i in range(1, len(texts))])).tolist()


@settings(max_examples=80, deadline=None)
@given(st.lists(st.one_of(st.text(max_size=40), st.text("かがﾞ\u3099e\u0301 ", max_size=30)), min_size=2, max_size=5))
def test_kernels_and_sets_of_strings_agree(texts):
    forms = [normal_form(t) for t in texts]
    assert compared(texts) == [jaccard(forms[0], f) for f in forms[1:]]
    assert all(len(shingle_words(f)) == len(shingles(f)) for f in forms)


def distinct_characters(count: int) -> str:
    return "".join(chr(0x4E00 + i) for i in range(count))


@pytest.mark.parametrize(("length", "similarity"), [(120, 111 / 121), (49, 0.8), (48, 39 / 49), (12, 3 / 13)])
def test_one_replaced_character_leaves_n_minus_9_of_n_plus_1(length, similarity):
    text = distinct_characters(length)
    middle = length // 2
    other = text[:middle] + "々" + text[middle + 1 :]
    assert compared([text, other]) == [similarity]


def test_a_text_under_five_characters_is_one_shingle():
    assert compared(["晴れ", "晴れ", "晴", "晴れだ", ""]) == [1.0, 0.0, 0.0, 0.0]
    assert compared(["", " "]) == [1.0]


def test_repeated_shingles_count_once():
    assert compared(["あ" * 5, "あ" * 500]) == [1.0]


def test_pairs_come_back_in_the_order_asked_for():
    a, b, c = distinct_characters(30), distinct_characters(29), "無関係な文章です"
    with ShingleSets(np.array([3, 5, 9])) as sets:
        sets.add(np.array([9, 3]), pa.array([c, a], pa.large_string()))
        sets.add(np.array([5]), pa.array([b], pa.large_string()))
        assert sets.jaccard(np.array([[5, 9], [3, 5], [3, 9]])).tolist() == [0.0, 25 / 26, 0.0]
