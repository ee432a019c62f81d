"""The columns of repetition: values worked by hand, HojiChar's own function, and the kernel against plain Python."""

import random

import numpy as np
import pyarrow as pa
import pytest

from curation.features.repetition import COLUMNS, Repetition, repetition
from curation.features.repetition_kernel import LONGEST, measured, of_long_text


def compiled(texts):
    step = Repetition()
    step.setup()
    whole = pa.record_batch({"text": pa.array(["前。", *texts, "後"], pa.large_string())})
    columns = step.columns(whole.slice(1, len(texts)))
    return [
        dict(zip(columns, row, strict=True)) for row in zip(*(c.to_pylist() for c in columns.values()), strict=True)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # 7 bigrams, はは twice; 6 trigrams, all different
        ("はははのはは", {"top_2gram_fraction": 3 / 5, "top_3gram_fraction": 1 / 4, "top_4gram_fraction": 1 / 3}),
        # 12 characters, 8 5-grams: abcde and bcdef twice, so 6 distinct, 2 of them again; √6 → 2 most frequent: 4 of 8
        (
            "abcdefabcdef",
            {
                "duplicate_5gram_fraction": 2 / 6,
                "duplicate_6gram_fraction": 1 / 6,
                "duplicate_7gram_fraction": 0.0,
                "char_5gram_repetition": 4 / 8,
                "top_2gram_fraction": 2 / 11,
            },
        ),
        # one 5-gram, once more than once: every n-gram is the same
        ("あ" * 20, dict.fromkeys(COLUMNS, 1.0)),
        ("米", dict.fromkeys(COLUMNS, 0.0)),
        ("", dict.fromkeys(COLUMNS, 0.0)),
        ("精米機", {"top_2gram_fraction": 1 / 2, "top_3gram_fraction": 1.0, "top_4gram_fraction": 0.0}),
        ("🍣🍶🍣🍶\n🍣", {"top_2gram_fraction": 2 / 5, "top_3gram_fraction": 1 / 4}),
    ],
)
def test_values_worked_by_hand(text, expected):
    (row,) = compiled([text])
    assert {name: row[name] for name in expected} == expected
    assert {name: repetition(text)[name] for name in expected} == expected


@pytest.mark.parametrize("characters", ["あ\n", "ああいう漢\n👨a", "".join(map(chr, range(0x3041, 0x3097)))])
def test_both_ways_equal_plain_python_on_random_text(characters):
    rng = random.Random(7)
    texts = ["".join(rng.choices(characters, k=rng.randint(0, 120))) for _ in range(1500)]
    texts += [text * rng.randint(2, 9) for text in texts[:200]]
    expected = list(map(repetition, texts))
    assert compiled(texts) == expected
    assert [dict(zip(COLUMNS, of_long_text(text).tolist(), strict=True)) for text in texts] == expected


def test_the_kernel_equals_plain_python_on_real_pages(pages):
    some = [page[:20_000] for page in pages[::4]]
    assert compiled(some) == list(map(repetition, some))


def test_character_repetition_equals_hojichar(pages):
    from hojichar.filters.document_filters import CharRepetitionRatioFilter

    theirs = [CharRepetitionRatioFilter.compute_character_repetition_ratio(page[:20_000], 5) for page in pages[::3]]
    assert [row["char_5gram_repetition"] for row in compiled([p[:20_000] for p in pages[::3]])] == theirs


def test_a_text_too_long_for_the_tables_is_measured_by_sorting():
    text = "精米" * (LONGEST // 2 + 1)
    data = np.frombuffer(text.encode(), np.uint8)
    assert measured(data, np.array([0, len(data)]))[1].tolist() == [True]
    long, short = compiled([text, "abcdefabcdef"])
    assert short["duplicate_5gram_fraction"] == 2 / 6
    # two n-grams for each n; of N + 2 characters the one that begins with 精 comes once more for even n
    assert long["top_2gram_fraction"] == (LONGEST // 2 + 1) / (len(text) - 1)
    assert long["top_3gram_fraction"] == (LONGEST // 2) / (len(text) - 2)
    assert [long[f"duplicate_{n}gram_fraction"] for n in range(5, 11)] == [1.0] * 6
    assert long["char_5gram_repetition"] == (LONGEST // 2 - 1) / (len(text) - 4)  # √2 → the most frequent one


def test_a_null_text_gives_nulls_and_an_empty_batch_empty_columns():
    rows = compiled(["米米", None])
    assert rows[0]["top_2gram_fraction"] == 1.0
    assert set(rows[1].values()) == {None}
    assert compiled([]) == []


def test_bytes_that_are_no_utf8_harm_nothing():
    rng = np.random.default_rng(4)
    data = rng.integers(0, 256, 200_000, np.uint8)
    offsets = np.concatenate([[0], np.sort(rng.integers(0, 200_000, 500)), [200_000]]).astype(np.int64)
    fractions, _ = measured(data, offsets)
    assert ((fractions >= 0) & (fractions <= 1)).all()
