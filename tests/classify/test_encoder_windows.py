"""How text becomes windows, windows batches, and rows units: what an encoder is given, before there is one."""

import random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.classify.encoder.batches import padded, padded_tokens, token_batches
from curation.classify.encoder.units import units
from curation.classify.encoder.windows import Cutter, WindowPolicy, encoder_of
from curation.step import Rejected

LENGTHS = st.lists(st.integers(1, 60), max_size=80)


def by_character(texts):
    """A tokenizer whose tokens are code points."""
    return [np.array([ord(c) for c in text], np.int64) for text in texts]


def cutter(policy: str, max_tokens: int = 12, most: int = 3) -> Cutter:
    """Windows of ten characters between 1 and 2."""
    return Cutter(by_character, WindowPolicy(policy=policy, max_tokens=max_tokens, most=most), [1], [2])


def said(windows) -> list[tuple[int, str]]:
    """(text, window without its special tokens)."""
    assert all(ids[0] == 1 and ids[-1] == 2 for ids in windows.ids)
    pairs = zip(windows.text.tolist(), windows.ids, strict=True)
    return [(n, "".join(map(chr, ids[1:-1]))) for n, ids in pairs]


TEXT = "一二三四五六七八九十壱弐参肆伍陸漆捌玖拾子丑寅卯辰巳午未申酉戌亥"


def test_the_first_window_is_the_first_tokens():
    assert said(cutter("first").cut([TEXT, "短い"])) == [(0, TEXT[:10]), (1, "短い")]


def test_first_and_last_overlap_where_a_text_has_less_than_two_windows():
    found = said(cutter("first_last").cut([TEXT, TEXT[:13], TEXT[:10]]))
    assert found == [(0, TEXT[:10]), (0, TEXT[-10:]), (1, TEXT[:10]), (1, TEXT[3:13]), (2, TEXT[:10])]


def test_windows_end_to_end_stop_at_the_most():
    assert said(cutter("mean").cut([TEXT, TEXT[:13]])) == [
        (0, TEXT[:10]), (0, TEXT[10:20]), (0, TEXT[20:30]), (1, TEXT[:10]), (1, TEXT[10:13]),
    ]  # fmt: skip


def test_nothing_to_read_gives_no_window():
    made = cutter("first").cut([None, "", " \n\u3000", "米"])
    assert said(made) == [(3, "米")]
    assert np.isnan(made.mean(np.array([0.25]))[:3]).all()
    assert made.mean(np.array([0.25]))[3] == 0.25


def test_a_window_weighs_as_much_as_it_has_tokens():
    made = cutter("mean").cut([TEXT[:13]])  # 12 and 5 tokens, special ones included
    assert made.mean(np.array([0.2, 0.9])) == pytest.approx([(12 * 0.2 + 5 * 0.9) / 17])


def test_a_window_without_room_is_refused():
    with pytest.raises(ValueError, match="max_tokens: 8 leaves no room"):
        Cutter(by_character, WindowPolicy(policy="first", max_tokens=8), [1] * 4, [2] * 4)


@pytest.mark.parametrize("policy", ["first", "first_last", "mean"])
def test_five_megabytes_are_not_tokenised_whole(policy):
    seen = []

    def counting(texts):
        seen.extend(len(t) for t in texts)
        return by_character(texts)

    text = "精米とは、玄米から糠を取り除くことである。" * 90_000
    made = Cutter(counting, WindowPolicy(policy=policy, max_tokens=512, most=16), [1], [2]).cut([text])
    assert sum(seen) < 70_000
    first = "".join(map(chr, made.ids[0][1:-1]))
    assert first == text[:510]
    if policy == "first_last":
        assert "".join(map(chr, made.ids[1][1:-1])) == text[-510:]


@pytest.mark.parametrize("words", [False, True], ids=["byte-level", "wordpiece"])
@pytest.mark.parametrize("policy", ["first", "first_last", "mean"])
def test_windows_of_a_cut_text_are_those_of_the_whole_text(policy, words, scale_rows):
    from tests.classify.tiny_encoder import tokenizer

    texts = [t for t in scale_rows(40) if t.strip()] + ["a" * 9000, "長" * 9000, " x" * 5000]
    made = tokenizer(texts[::2], 2000, words=words)
    room = 62
    cut = Cutter(encoder_of(made), WindowPolicy(policy=policy, max_tokens=64, most=4), [2], [3]).cut(texts)
    got: dict[int, list[list[int]]] = {}
    for n, ids in zip(cut.text.tolist(), cut.ids, strict=True):
        got.setdefault(n, []).append(ids[1:-1].tolist())
    for n, text in enumerate(texts):
        whole = made(text, add_special_tokens=False)["input_ids"]
        if policy == "first":
            want = [whole[:room]]
        elif policy == "mean":
            want = [whole[at : at + room] for at in range(0, min(len(whole), 4 * room), room)]
        else:
            want = [whole[:room]] if len(whole) <= room else [whole[:room], whole[-room:]]
        if words and policy == "first_last" and len(text) >= 9000:
            continue  # one word of 9,000 letters: WordPiece calls it unknown as a whole, and a piece of it too
        assert got[n] == want, text[:50]


@given(LENGTHS, st.integers(1, 300))
def test_each_window_is_in_one_batch_and_no_batch_passes_the_budget(lengths, budget):
    batches = token_batches(lengths, budget)
    assert sorted(i for b in batches for i in b.tolist()) == list(range(len(lengths)))
    for batch in batches:
        width = max(lengths[i] for i in batch)
        assert len(batch) * width <= budget or len(batch) == 1
    assert padded_tokens(lengths, batches) >= sum(lengths)


def test_lengths_of_pages_are_padded_by_less_than_three_per_cent():
    rng = random.Random(0)
    lengths = [min(512, int(rng.lognormvariate(5.6, 0.9)) + 3) for _ in range(4096)]
    naive = sum(32 * max(lengths[at : at + 32]) for at in range(0, 4096, 32))
    ours = padded_tokens(lengths, token_batches(lengths, 16384))
    assert naive > 1.35 * sum(lengths)
    assert ours < 1.03 * sum(lengths)


def test_padding_lies_behind_the_tokens():
    ids, mask = padded([np.array([5, 6, 7]), np.array([8])], 9, 4)
    assert ids.tolist() == [[5, 6, 7, 9], [8, 9, 9, 9]]
    assert mask.tolist() == [[1, 1, 1, 0], [1, 0, 0, 0]]


def batch(texts: list[str | None]) -> pa.RecordBatch:
    return pa.record_batch({"text": pa.array(texts, pa.large_string())})


def texts_of(unit: list[pa.RecordBatch]) -> list[str]:
    return [t for b in unit for t in b.column("text").to_pylist()]


@given(st.lists(st.integers(0, 9), max_size=12), st.integers(1, 7))
def test_units_do_not_depend_on_the_batches_that_rows_came_in(sizes, rows):
    texts = [f"{n}" for n in range(sum(sizes))]
    at, batches = 0, []
    for size in sizes:
        batches.append(batch(texts[at : at + size]))
        at += size
    cut = [texts_of(u) for u in units(batches, rows=rows) if isinstance(u, list)]
    assert cut == [texts[at : at + rows] for at in range(0, len(texts), rows)]


def test_a_unit_ends_before_its_bytes_pass_the_limit_and_one_long_text_is_alone():
    cut = [texts_of(u) for u in units([batch(["ab", "cd", None, "e" * 9, "f"]), batch(["g"])], most_bytes=5)]
    assert cut == [["ab", "cd", None], ["e" * 9], ["f", "g"]]


def test_rejected_rows_come_through():
    gone = Rejected(batch(["x"]))
    assert list(units([gone])) == [gone]
