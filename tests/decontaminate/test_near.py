"""Near-misses: items whose sentences were changed a little, by MinHash and held against each other exactly."""

import json
import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.decontaminate.benchmark_file import Item
from curation.decontaminate.column_search import ColumnSearch
from curation.decontaminate.compared_form import compared_form
from curation.decontaminate.item_index import ItemIndex
from curation.decontaminate.near_index import BANDS, NearIndex, NearRule, band_keys, sentences
from curation.decontaminate.search import BenchmarkSearch
from curation.dedup.minhash import signature
from curation.dedup.shingles import jaccard

QUESTION = (
    "太郎さんは庭の池で金魚を四匹飼っていますが、そのうちの二匹は去年の夏祭りで買ったものです。"
    "残りの金魚はどこから来たのでしょうか、二百字以内で説明してください。"
)
CHANGED = (
    "花子さんは庭の池で金魚を五匹飼っていますが、そのうちの三匹は去年の秋祭りで買ったものです。"
    "残りの金魚はどこから来たのでしょうか、三百字以内で説明してください。"
)
OTHER = "明日の会議で使う資料の目次を、見出しが五つになるように考えてください。それぞれの見出しには短い説明を一文ずつ添えてください。"


def search(tmp_path, near: dict) -> BenchmarkSearch:
    """A search for one item."""
    (tmp_path / "e.jsonl").write_text(json.dumps({"q": QUESTION}))
    sets = {"s": {"file": "e.jsonl", "question": "q"}}
    return BenchmarkSearch(13, 8, sets, {"question": 0.9}, near=NearRule.model_validate(near), folder=tmp_path)


def test_a_changed_item_is_told_or_rejects_by_choice(tmp_path):
    text = f"{OTHER}{CHANGED}{OTHER}"
    told = search(tmp_path, {"jaccard": 0.4, "report": {"question": 0.8}}).find_in({"text": text})[0]
    assert (told.worst, [str(o) for o in told.told]) == (None, ["s:1 question 1.00 near"])
    rejecting = search(tmp_path, {"jaccard": 0.4, "reject": {"question": 0.8}}).find_in({"text": text})[0]
    assert rejecting.said() == "s:1 question 1.00 near"


def test_an_item_that_is_there_itself_is_no_near_miss(tmp_path):
    made = search(tmp_path, {"jaccard": 0.5, "reject": {"question": 0.1}, "report": {"question": 0.1}})
    (found,) = made.find(pa.array([QUESTION], pa.large_string()))
    assert [str(o) for o in found.overlaps] == ["s:1 question 1.00"]


def test_the_share_is_that_of_sentences_with_a_partner(tmp_path):
    first, second = sentences(compared_form(QUESTION))
    made = search(tmp_path, {"jaccard": 0.5, "report": {"question": 0.1}})
    (found,) = made.find(pa.array([CHANGED.split("。")[1] + "。"], pa.large_string()))
    assert found.told[0].shares["question"] == pytest.approx(len(second) / (len(first) + len(second)), abs=1e-4)


def test_another_text_is_no_near_miss(tmp_path):
    made = search(tmp_path, {"jaccard": 0.3, "reject": {"question": 0.1}})
    assert not made.find(pa.array([OTHER], pa.large_string()))[0].overlaps


@pytest.mark.parametrize("said", [{"jaccard": 0}, {"jaccard": 1.1}, {"jaccard": 0.5, "reject": {"questions": 0.5}}, {}])
def test_near_rules_out_of_range_are_refused(said: dict):
    with pytest.raises(ValueError, match=r"jaccard|no part of an item"):
        NearRule.model_validate(said)


pieces = st.lists(st.text(st.sampled_from("あいうえお漢字、"), min_size=18, max_size=45), min_size=1, max_size=5)


@settings(max_examples=60, deadline=None)
@given(pieces, st.randoms(use_true_random=False))
def test_the_kernel_finds_the_pairs_that_share_a_band_and_are_similar(texts: list[str], rng):
    own = "。".join(texts)
    index = ItemIndex([Item("s", "1", {"question": ((own,),)})], 13, 8)
    near = NearIndex(index, 0.4)
    page = "".join("漢" if rng.random() < 0.03 else c for c in "。".join(rng.sample(texts, len(texts))))
    expected = set()
    for theirs in sentences(compared_form(page)):
        keys = set(band_keys(signature(theirs)).tolist())
        for number, mine in enumerate(near.sentences):
            if keys & set(band_keys(signature(mine)).tolist()) and jaccard(theirs, mine) >= 0.4:
                expected.add(number)
    found = ColumnSearch(index, near).near(pa.array([None, page], pa.large_string()))
    assert {s for _, s in found.tolist()} == expected
    assert set(found[:, 0].tolist()) <= {1}


def test_bands_are_37_keys_of_three_words_each():
    signed = signature("これは二十文字を超えるくらいには長い文である")
    keys = band_keys(signed)
    assert (len(keys), keys.dtype) == (BANDS, np.uint64)
    other = signed.copy()
    other[5] ^= 1
    assert (band_keys(other) != keys).nonzero()[0].tolist() == [1]


def test_sentences_end_with_their_marks_and_short_ones_are_left_out():
    form = compared_form(
        "短い文。これはとても長い文なので比べることができるはずです！？次の文も同じくらいには長く書いてあるので残ります"
    )
    assert [len(s) >= 20 for s in sentences(form)] == [True, True]
    assert not any(re.search(r"[.!?]", s) for s in sentences(form))
