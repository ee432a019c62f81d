"""How text becomes windows, windows batches, and rows units: what an encoder is given, before there is one."""

import random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.classify.encoder.batches import padded_tokens, token_batches
from curation.classify.encoder.units import FIRST, parts, units
from curation.classify.encoder.windows import MARGIN, Cutter, WindowPolicy, Windows, encoder_of
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


@given(LENGTHS, st.integers(1, 300))
def test_a_batch_ends_where_the_next_window_does_not_fit_or_is_much_shorter(lengths, budget):
    """The plan, worked out window by window."""
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    want, batch = [], order[:1]
    for i in order[1:]:
        width = lengths[batch[0]]
        full = (len(batch) + 1) * width > budget
        ragged = lengths[i] < 0.94 * width and 10 * len(batch) * width >= budget
        if full or ragged:
            want.append(batch)
            batch = []
        batch.append(i)
    want += [batch] if batch else []
    assert [b.tolist() for b in token_batches(lengths, budget)] == want


def three_windows() -> Windows:
    return Windows.of([np.array([5, 6, 7]), np.array([8]), np.array([3, 4])], [0, 0, 2], 4)


def test_padding_lies_behind_the_tokens():
    ids, mask = three_windows().padded(np.array([0, 1]), 9)
    assert ids.tolist() == [[5, 6, 7], [8, 9, 9]]
    assert mask.tolist() == [[1, 1, 1], [1, 0, 0]]
    assert three_windows().padded(np.array([1]), 9)[0].tolist() == [[8]]


def test_windows_of_texts_cut_in_parts_are_those_of_all_of_them():
    joined = Windows.joined([three_windows(), Windows.of([], [], 2), three_windows()])
    assert [i.tolist() for i in joined.ids] == [[5, 6, 7], [8], [3, 4]] * 2
    assert (joined.text.tolist(), joined.texts) == ([0, 0, 2, 6, 6, 8], 10)
    assert [i.tolist() for i in joined.take(np.array([1, 5])).ids] == [[8], [3, 4]]
    assert Windows.joined([]).texts == 0


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


def test_a_task_s_first_units_are_small_so_that_a_device_begins_early():
    sizes = [sum(b.num_rows for b in u) for u in units([batch(["米"] * 20_000)]) if isinstance(u, list)]
    assert sizes == [FIRST, 512, 1024, 2048, 4096, 4096, 4096, 20_000 - 3 * 4096 - 3840]


def test_a_unit_ends_before_its_windows_may_pass_their_tokens():
    """Sixteen windows of 512 read 8,192 tokens of a text at most, and never more than its bytes."""
    policy = WindowPolicy(policy="mean", max_tokens=512, most=16)
    texts = ["a" * 9000, "b" * 5000, "c" * 3000, "d" * 10_000, "e"]
    cut = [texts_of(u) for u in units([batch(texts)], policy=policy, most_tokens=16_384)]
    assert [[t[0] for t in u] for u in cut] == [["a", "b", "c"], ["d", "e"]]
    first = WindowPolicy(policy="first", max_tokens=512)
    assert len(list(units([batch(texts)], policy=first, most_tokens=16_384))) == 1


@given(st.lists(st.lists(st.one_of(st.none(), st.text(max_size=30)), max_size=9), max_size=6))
def test_parts_of_a_unit_are_its_texts_in_order(batches):
    policy = WindowPolicy(policy="first", max_tokens=8)
    made = list(parts([batch(texts) for texts in batches if texts], policy))
    assert [t for part in made for t in part.to_pylist()] == [t or "" for texts in batches for t in texts]


def test_what_the_tokenizer_holds_at_a_time_is_bounded():
    policy = WindowPolicy(policy="mean", max_tokens=512, most=16)
    made = list(parts([batch(["長" * 9000] * 300), batch(["短"] * 600)], policy))
    reads = (8192 + 2 * MARGIN) * 3
    for part in made:
        assert sum(min(3 * len(t), reads) for t in part.to_pylist()) <= 1 << 18 or len(part) == 1
    assert max(len(part) for part in made) == 128


def test_rejected_rows_come_through():
    gone = Rejected(batch(["x"]))
    assert list(units([gone])) == [gone]
