"""The columns of text_stats: values worked by hand, the originals they come from, and the kernel against plain Python."""

import random
import re

import numpy as np
import pyarrow as pa
import pytest

from curation.document import COLUMNS
from curation.features.character_classes import character_classes
from curation.features.text_stats import COUNTS, FRACTIONS, TextStats, text_stats
from curation.features.text_stats_kernel import measured

DIFFICULT = "。．！？!?、，・…..- \t\u3000\n\n\r\v\x1c\x85\u2028•あアー漢x1１👨é\x00\U00020000々。\n士Π"


def compiled(texts):
    step = TextStats()
    step.setup()
    whole = pa.record_batch({"text": pa.array(["前。", *texts, "後"], pa.large_string())})
    columns = step.columns(whole.slice(1, len(texts)))
    assert {name: column.type for name, column in columns.items()} == {name: COLUMNS[name].type for name in step.writes}
    return [
        dict(zip(columns, row, strict=True)) for row in zip(*(c.to_pylist() for c in columns.values()), strict=True)
    ]


BY_HAND = [
    # 12 characters; 精 (kanji) は も と め (hiragana) 。 ー (no letter to Swallow) コ ヒ; letters: all but 。 and the break
    (
        "精米はも。\nコーヒーと米",
        {
            "chars": 12,
            "letters": 10,
            "japanese_letters": 9,
            "hiragana_fraction": 3 / 9,
            "katakana_fraction": 2 / 9,
            "kanji_fraction": 3 / 9,
            "japanese_fraction": 9 / 12,
            "lines": 2,
            "sentences": 2,
            "mean_sentence_chars": 5.5,
            "max_sentence_chars": 6,
            "kuten_density": 1 / 12,
            "first_50_kana": 5,
            "short_line_fraction": 1.0,
            "line_punct_fraction": 0.5,
        },
    ),
    # sentences 本当！ and うそ。 ; ？ and the 。 at the head belong to none, so the first paragraph is 本当！うそ。
    (
        "。本当！？うそ。\n本当！うそ。",
        {
            "sentences": 4,
            "duplicate_sentence_fraction": 2 / 4,
            "duplicate_sentence_char_fraction": 6 / 12,
            "duplicate_paragraph_fraction": 1 / 2,
            "duplicate_paragraph_char_fraction": 6 / 12,
            "duplicate_line_fraction": 0.0,
            "duplicate_line_char_fraction": 0.0,
        },
    ),
    # pieces: "", 米, 米, "" → two of four repeat; paragraphs "", 米, "", 米, "" → three of five; full lines 米, 米
    (
        "\n米\n\n米\n",
        {
            "lines": 5,
            "duplicate_line_fraction": 2 / 4,
            "duplicate_paragraph_fraction": 3 / 5,
            "duplicate_line_char_fraction": 1 / 2,
            "line_punct_fraction": 0.0,
        },
    ),
    # visual lines: "• 一", "- 二...", "三…", "四… " ; line breaks "\n": 2, straight after an ellipsis: 1
    (
        "• 一\n- 二...\n三…\u2028四… ",
        {
            "bullet_line_fraction": 2 / 4,
            "ellipsis_line_fraction": 3 / 4,
            "ellipsis_newline_fraction": 1 / 2,
            "ellipsis_sentence_fraction": 1 / 3,
            "special_char_fraction": 12 / 17,
        },
    ),
    ("一\r\n二\r三", {"lines": 2, "bullet_line_fraction": 0.0, "sentences": 2, "max_sentence_chars": 3}),
    ("ーーー！！", {"longest_char_run": 3, "sentences": 1, "max_sentence_chars": 4, "digits": 0}),
    ("a" * 49 + "アア", {"first_50_kana": 1, "letters": 51}),
    ("1１٣", {"digits": 3, "letters": 0}),
    ("あいうえおかきくけこ\nあいうえおかきくけこさ", {"short_line_fraction": 0.5}),
    ("米。 \n米。", {"line_punct_fraction": 0.5}),
    (
        "",
        {
            "chars": 0,
            "lines": 1,
            "sentences": 0,
            "max_sentence_chars": 0,
            "longest_char_run": 0,
            "short_line_fraction": 1.0,
            "kuten_density": 1.0,
            "duplicate_paragraph_fraction": 0.0,
        },
    ),
]


@pytest.mark.parametrize(("text", "expected"), BY_HAND)
def test_values_worked_by_hand(text, expected):
    (row,) = compiled([text])
    assert {name: row[name] for name in expected} == expected
    assert {name: text_stats(text)[name] for name in expected} == expected


def test_the_kernel_equals_plain_python_on_random_text():
    rng = random.Random(3)
    texts = ["".join(rng.choices(DIFFICULT, k=rng.randint(0, 25))) for _ in range(12_000)]
    assert compiled(texts) == list(map(text_stats, texts))


def test_the_kernel_equals_plain_python_on_real_pages(pages):
    assert compiled(pages) == list(map(text_stats, pages))


def test_duplicate_lines_equal_datatroves(pages):
    from datatrove.pipeline.filters.gopher_repetition_filter import find_duplicates

    for text, row in zip(pages, compiled(pages), strict=True):
        pieces = re.compile("\n+").split(text)
        assert row["duplicate_line_fraction"] == (find_duplicates(pieces)[0] / len(pieces) if text else 0.0)
        if full := [line for line in text.split("\n") if line.strip()]:
            assert row["duplicate_line_char_fraction"] == find_duplicates(full)[1] / len(text.replace("\n", ""))


def test_a_null_text_gives_nulls_and_an_empty_batch_empty_columns():
    rows = compiled(["米", None])
    assert rows[0]["chars"] == 1
    assert set(rows[1].values()) == {None}
    assert compiled([]) == []


def test_a_page_of_many_lines_and_sentences_finds_room():
    text = "".join(f"第{n}文。" for n in range(30_000)) + "\n" * 9000 + "最後！" * 9000
    assert compiled([text, "米"]) == [text_stats(text), text_stats("米")]


def test_bytes_that_are_no_utf8_harm_nothing():
    rng = np.random.default_rng(4)
    data = rng.integers(0, 256, 200_000, np.uint8)
    offsets = np.concatenate([[0], np.sort(rng.integers(0, 200_000, 500)), [200_000]]).astype(np.int64)
    counts, fractions = measured(data, offsets, *character_classes())
    assert (counts >= 0).all()
    assert np.isfinite(fractions).all()


def test_each_column_is_written_once():
    assert len(set(COUNTS + FRACTIONS)) == len(COUNTS) + len(FRACTIONS) == 28
