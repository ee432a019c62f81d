"""Items found in texts: planted in every way that must not hide them, told apart by part, by the kernel as by the plain search."""

import json
import random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.decontaminate.benchmark_file import Item
from curation.decontaminate.column_search import ColumnSearch
from curation.decontaminate.compared_form import compared_form
from curation.decontaminate.gram_table import gram_table
from curation.decontaminate.item_index import ItemIndex
from curation.decontaminate.overlaps import covered, read_overlap
from curation.decontaminate.search import BenchmarkSearch

QUESTION = "玄米を白米にするとき、削り取られた粉のことを何と呼ぶでしょうか。"
ANSWER = "米糠と呼び、漬物の床に使われてきました。"
PASSAGE = "玄米の表面を覆う層は精米機の中で互いにこすれ合って削られ、細かな粉となって集められる。"
LONG = "朝から雨が降り続いている。" * 40
RULES = {"question": 0.8, "question+answer": 0.5}


@pytest.fixture
def search(tmp_path) -> BenchmarkSearch:
    """A search for two items, one of them with a question of 10 characters and an answer of 2."""
    rows = [
        {"id": "k1", "q": QUESTION, "a": ANSWER, "c": PASSAGE},
        {"id": "k2", "q": "雨季は何月からか。", "a": "六月", "c": None},
        {"id": "k3", "q": "雨は？", "a": "はい", "c": None},
    ]
    (tmp_path / "e.jsonl").write_text("\n".join(json.dumps(r, ensure_ascii=False) for r in rows))
    sets = {"kentei": {"file": "e.jsonl", "id": "id", "question": "q", "answer": "a", "context": "c"}}
    return BenchmarkSearch(13, 8, sets, RULES, {"context": 0.8, "answer": 0.8}, folder=tmp_path)


def said(search: BenchmarkSearch, text: str) -> list[str]:
    """What a text holds, as columns say it."""
    (found,) = search.find(pa.array([text], pa.large_string()))
    return [str(o) for o in found.overlaps]


@pytest.mark.parametrize(
    "planted",
    [
        QUESTION,
        f"{LONG}{QUESTION}{LONG}",
        QUESTION.translate({ord("、"): "，", ord("。"): "．"}),
        "玄米（げんまい）を白米（はくまい）にするとき、削り取（けずりと）られた粉《こな》のことを何と呼ぶでしょうか。",
        "\n".join(QUESTION[i : i + 7] for i in range(0, len(QUESTION), 7)),
        "　".join(QUESTION),
        "\u200b".join(QUESTION),
        f"| {QUESTION[:9]} | {QUESTION[9:]} |",
        QUESTION.replace("でしょうか", "て゛しょうか"),
        "玄米を白米にするとき､削り取られた粉のことを何と呼ふ\u3099でしょうか｡",
    ],
)
def test_an_item_is_found_however_it_is_written(search: BenchmarkSearch, planted: str):
    assert said(search, planted) == ["kentei:k1 question 1.00"]


def test_question_answer_both_and_passage_alone_are_told_apart(search: BenchmarkSearch):
    texts = [
        QUESTION + "わかりません。",
        ANSWER,
        PASSAGE,
        QUESTION + ANSWER,
        QUESTION[:20] + "？" + ANSWER,
        "何もない。",
    ]
    found = search.find(pa.array(texts, pa.large_string()))
    assert [[str(o) for o in one.overlaps] for one in found] == [
        ["kentei:k1 question 1.00"],
        ["kentei:k1 answer 1.00"],
        ["kentei:k1 context 1.00"],
        ["kentei:k1 question 1.00 answer 1.00"],
        ["kentei:k1 question 0.65 answer 1.00"],
        [],
    ]
    worst = [one.worst for one in found]
    assert [w and (w.parts, w.share, w.least) for w in worst] == [
        ("question", 1.0, 0.8), None, None, ("question+answer", 1.0, 0.5), ("question+answer", 0.6452, 0.5), None,
    ]  # fmt: skip


def test_a_text_under_the_width_is_found_whole_and_its_short_answer_beside_it(search: BenchmarkSearch):
    assert said(search, "雨季は何月から") == []
    assert said(search, "問一、雨季は何月からか。") == ["kentei:k2 question 1.00"]
    assert said(search, "問一、雨季は\n何月からか。答えは六月。") == ["kentei:k2 question 1.00 answer 1.00"]
    assert said(search, "答えは六月。雨は？") == [], "too short to say anything by themselves"
    looked = search.note()["sets"]["kentei"]
    assert (looked["items"], looked["sought"]) == (3, 2)
    assert looked["texts"] == {"question": 2, "answer": 1, "context": 1}
    assert looked["skipped"] == {"question": 1, "answer": 2, "context": 0}


def test_a_short_question_is_found_where_its_answer_stands_beside_it_and_nowhere_else(tmp_path):
    rows = [
        {"q": "電気で走る車は？", "a": "電気自動車"},
        {"q": "雨は何なの？", "a": "水"},
        {"q": "雨は何？", "a": "水"},
    ]
    (tmp_path / "e.jsonl").write_text("\n".join(json.dumps(r, ensure_ascii=False) for r in rows))
    sets = {"s": {"file": "e.jsonl", "question": "q", "answer": "a"}}
    made = BenchmarkSearch(13, 10, sets, {"question": 0.95}, folder=tmp_path, with_answer=5)
    assert said(made, "問：電気で走る車は？\n１．自転車 ２．電気自動車 ３．馬車") == ["s:1 question 1.00 answer 1.00"]
    assert said(made, "答えは電気自動車。電気で走る　車は？") == ["s:1 question 1.00 answer 1.00"]
    assert said(made, "電気で走る車は電気自動車である。") == [], "a fact is no question"
    assert said(made, "電気で走る車は？とても静かだ。" + LONG + "電気自動車という。") == []
    assert said(made, "雨は何？水だ。") == [], "three characters say nothing, whatever stands beside them"
    looked = made.note()["sets"]["s"]
    assert (looked["sought"], looked["with_answer"], looked["skipped"]) == (2, 2, {"question": 1, "answer": 3})
    found, where = made.find_in({"prompt": "次に答えて。電気で走る車は？", "answer": "電気自動車です。"})
    assert (found.said(), where) == ("s:1 question 1.00 answer 1.00", {"s:1": ["prompt", "answer"]})
    without = BenchmarkSearch(13, 10, sets, {"question": 0.95}, folder=tmp_path)
    assert said(without, "電気で走る車は？電気自動車") == []
    with pytest.raises(ValueError, match="with_answer: is 5 to shortest"):
        BenchmarkSearch(13, 10, sets, {"question": 0.95}, with_answer=4)


def test_the_share_is_that_of_the_characters_in_whole_n_grams(search: BenchmarkSearch):
    form = compared_form(QUESTION)
    assert len(form.rstrip(".")) == 31
    cut = QUESTION[:17] + "●" + QUESTION[18:]  # two stretches of 17 and 13 characters are left whole
    (found,) = search.find(pa.array([cut], pa.large_string()))
    assert found.overlaps[0].shares["question"] == round(30 / 31, 4)
    assert said(search, QUESTION[:12] + "●" + QUESTION[12:20]) == []


def test_a_pair_of_sentences_is_there_only_with_both(tmp_path):
    first, second = "机の上に白い皿と赤い林檎が並べて置かれています。", "テーブルに果物を載せた食器がいくつかあります。"
    (tmp_path / "e.jsonl").write_text(json.dumps({"s1": first, "s2": second}))
    sets = {"nli": {"file": "e.jsonl", "question": ["s1", "s2"]}}
    made = BenchmarkSearch(13, 8, sets, {"question": 0.8}, {"question": 0.4}, folder=tmp_path)
    alone, both = made.find(pa.array([first, f"{second}{LONG}{first}"], pa.large_string()))
    assert (alone.worst, [str(o) for o in alone.told]) == (None, ["nli:1 question 0.51"])
    assert both.worst is not None


def test_a_passage_of_several_questions_names_each_of_them(tmp_path):
    rows = [{"q": f"{i}番目の問題に書かれている答えは何でしょうか。", "c": PASSAGE} for i in "一二三"]
    (tmp_path / "e.jsonl").write_text("\n".join(json.dumps(r) for r in rows))
    sets = {"s": {"file": "e.jsonl", "question": "q", "context": "c"}}
    made = BenchmarkSearch(13, 8, sets, {"context": 0.5}, folder=tmp_path)
    (found,) = made.find(pa.array([PASSAGE], pa.large_string()))
    assert found.said(2) == "s:1 context 1.00; s:2 context 1.00; 1 more"


def test_the_sides_of_a_generated_row_are_searched_apart_and_decided_together(search: BenchmarkSearch):
    found, where = search.find_in({"prompt": f"次に答えて。{QUESTION}", "answer": f"はい。{ANSWER}"})
    assert found.said() == "kentei:k1 question 1.00 answer 1.00"
    assert where == {"kentei:k1": ["prompt", "answer"]}
    half = search.find_in({"prompt": QUESTION[:16], "answer": QUESTION[16:]})[0]
    assert half.worst is None, "halves on two sides are no item"


def test_nulls_malformed_texts_and_marks_are_searched_like_all_others(search: BenchmarkSearch):
    odd = QUESTION.replace("でしょうか", "でしょうか\u0301")
    data = pa.array([None, "", odd, QUESTION, None], pa.large_string())
    assert [len(one.overlaps) for one in search.find(data)] == [0, 0, 1, 1, 0]
    assert [len(one.overlaps) for one in search.find(data.slice(2, 2))] == [1, 1]
    raw = b"\xff\xfe\x80\xe3" + QUESTION.encode()
    offsets = np.array([0, len(raw)], np.int64)
    broken = pa.Array.from_buffers(pa.large_string(), 1, [None, pa.py_buffer(offsets), pa.py_buffer(raw)])
    assert len(search.find(broken)[0].overlaps) == 1


@pytest.mark.parametrize(
    ("width", "shortest", "said"),
    [(4, 5, "at least 5 characters, not 4"), (13, 14, "is 5 to width"), (13, 4, "is 5 to width")],
)
def test_widths_out_of_range_are_refused(width: int, shortest: int, said: str):
    with pytest.raises(ValueError, match=said):
        BenchmarkSearch(width, shortest, {}, {})


def test_no_hash_decides_where_two_n_grams_share_one(monkeypatch):
    pool = np.array([1, 2, 3, 4, 5, 6, 7, 8], np.uint32)
    monkeypatch.setattr("curation.decontaminate.gram_table._MULTIPLIERS", (0, 0x9E3779B97F4A7C15))
    at = np.array(
        [0, 3], np.int64
    )  # with multiplier 0 only the last code point counts: 5 and 8 differ, so take equal ends
    pool[7] = 5
    made = gram_table(pool, at, np.array([0, 1]), np.array([0, 0]), 5)
    assert int(made.multiplier) == 0x9E3779B97F4A7C15
    monkeypatch.setattr("curation.decontaminate.gram_table._MULTIPLIERS", (0,))
    with pytest.raises(RuntimeError, match="collide under every multiplier"):
        gram_table(pool, at, np.array([0, 1]), np.array([0, 0]), 5)


def by_kernel(index: ItemIndex, text: str) -> set[tuple[int, int]]:
    """Matches of a text by the kernel."""
    return {(t, p) for _, t, p in ColumnSearch(index, None).matches(pa.array([text], pa.large_string())).tolist()}


few = st.text(st.sampled_from("あいう漢(か)|。\u3099"), max_size=40)


@settings(max_examples=200, deadline=None)
@given(st.lists(few, min_size=1, max_size=6), few, st.integers(5, 9))
def test_the_kernel_finds_what_the_plain_search_finds(texts: list[str], page: str, width: int):
    index = ItemIndex([Item("s", str(i), {"question": ((t,),)}) for i, t in enumerate(texts)], width, 5)
    for text in (page, "".join(texts), page.join(texts)):
        assert by_kernel(index, text) == index.matches(compared_form(text))


def test_it_finds_them_in_long_and_repetitive_texts_too():
    rng = random.Random(5)
    texts = ["".join(rng.choices("あいうえお漢字", k=rng.randint(5, 60))) for _ in range(300)]
    index = ItemIndex([Item("s", str(i), {"question": ((t,),)}) for i, t in enumerate(texts)], 7, 5)
    for text in ("".join(rng.choices("あいうえお漢字", k=20_000)), "あ" * 30_000, texts[0] * 500):
        assert by_kernel(index, text) == index.matches(compared_form(text))


def test_more_matches_than_there_is_room_for_at_first_are_found():
    texts = [f"{i:05d}{'あいうえおかきくけこさしすせそ' * 3}" for i in range(800)]
    index = ItemIndex([Item("s", str(i), {"question": ((t,),)}) for i, t in enumerate(texts)], 13, 8)
    found = ColumnSearch(index, None).matches(pa.array(["あいうえおかきくけこさしすせそ" * 3], pa.large_string()))
    _, text, chars = covered(index, found)
    assert len(found) == 800 * 33
    assert (len(text), set(chars.tolist())) == (800, {45})


def test_batches_and_order_change_nothing(search: BenchmarkSearch):
    texts = [QUESTION, LONG, ANSWER + PASSAGE, "", LONG + QUESTION + ANSWER] * 3
    whole = search.find(pa.array(texts, pa.large_string()))
    assert whole == [search.find(pa.array([t], pa.large_string()))[0] for t in texts]


@pytest.mark.parametrize("said", ["", "s:1", "question 1.00", "s:1 part 0.5"])
def test_what_is_no_overlap_is_not_read_as_one(said: str):
    with pytest.raises(ValueError, match="names no part"):
        read_overlap(said)


def test_every_item_of_real_benchmarks_is_found_in_its_own_text(dev):
    sets = {
        "jcq": {"pack": "jcommonsenseqa", "file": "jglue_jcommonsenseqa_valid-v1.3.json.gz"},
        "mif": {"pack": "m_ifeval_ja", "file": "m_ifeval_ja.jsonl"},
    }
    made = BenchmarkSearch(13, 8, sets, {"question": 0.8}, folder=dev / "benchmarks")
    items = [i for i in made.benchmarks.items if len(compared_form(i.parts["question"][0][0])) >= 9]
    found = made.find(pa.array([f"問: {i.parts['question'][0][0]} 答: " for i in items], pa.large_string()))
    assert len(items) > 1100
    assert not [i.name for i, one in zip(items, found, strict=True) if i.name not in {o.name for o in one.overlaps}]
