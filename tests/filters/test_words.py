"""Words: the same as datatrove's, and what is counted over them."""

import pickle
import random
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest

from curation.features.unidic_lite import as_unidic_lite
from curation.features.word_ngrams import gopher_ngrams, repeated_windows
from curation.features.words import Tokeniser, Words, _run, chunks


def batch(texts: Sequence[str | None]) -> pa.RecordBatch:
    """Texts as rows travel."""
    return pa.record_batch({"text": pa.array(texts, pa.large_string())})


@pytest.fixture(scope="module")
def tokenise() -> Tokeniser:
    return Tokeniser()


@pytest.fixture(scope="module")
def step() -> Words:
    made = pickle.loads(pickle.dumps(Words()))
    made.setup()
    return made


def test_a_sentence_counted_by_hand(step):
    # 米 / を / 研ぐ / 。 / 水 / を / 量る / 。 / # / a
    row = {name: column[0].as_py() for name, column in step.columns(batch(["米を研ぐ。水を量る。 #\na"])).items()}
    assert row["words"] == 10
    assert row["non_symbol_words"] == 7
    assert row["mean_word_chars"] == (1 + 1 + 2 + 1 + 1 + 2 + 1) / 7
    assert row["alpha_word_fraction"] == 7 / 10
    assert row["stop_words"] == 1
    assert (row["hashes_per_word"], row["newlines_per_word"], row["ellipses_per_word"]) == (0.1, 0.1, 0.0)
    assert row["noun_fraction"] == 3 / 7  # 米, 水, a of the seven that are no symbols


def test_no_text_no_numbers(step):
    made = step.columns(batch([None, "", " \u3000\n"]))
    assert made["words"].to_pylist() == [None, 0, 0]
    assert made["top_2word_fraction"].to_pylist() == [None, 0.0, 0.0]
    assert made["noun_fraction"].to_pylist() == [None, 0.0, 0.0]


def test_numbers_stay_one_word_as_datatrove_sees_them(tokenise):
    assert tokenise("版2.4と1,234円")[0] == ["版", "2.4", "と", "1,234", "円"]


def test_a_text_of_any_length_is_read(tokenise):
    text = "精米は、玄米を削って白米にすることである。\n" * 4000
    surfaces, parts = tokenise(text)
    assert "".join(surfaces) == text
    assert len(parts) == len(surfaces)


def test_characters_that_sudachi_expands_beyond_its_limit_are_read(tokenise):
    surfaces, _ = tokenise("ﷺ" * 13_000 + "米")
    assert "".join(surfaces) == "ﷺ" * 13_000 + "米"


def test_odd_characters_lose_nothing(tokenise):
    text = "\x00米\ufeff\u200b𠮷野家\U0010ffff\r\n\u2028e\u0301IS_ALPHA"
    assert "".join(tokenise(text)[0]) == text


def test_texts_are_cut_where_datatrove_cuts_them(pages):
    from datatrove.utils.word_tokenizers import chunk_text_on_bytes

    long = [
        "".join(pages)[:100_000],
        "".join(pages)[-150_000:],
        "aあ𠮷é\n" * 20_000,
        "米" * 13_333,
        "米" * 13_334,
        "a",
        "",
    ]
    for text in long:
        assert chunks(text) == chunk_text_on_bytes(text, 40_000)


def plain_top(words: list[str], n: int) -> int:
    grams = [" ".join(words[i : i + n]) for i in range(len(words) - n + 1)]
    if not grams:
        return 0
    gram, count = Counter(grams).most_common(1)[0]
    return len(gram) * count


def plain_duplicate(words: list[str], n: int) -> int:
    seen: set[str] = set()
    characters = i = 0
    while i < len(words) - n + 1:
        gram = "".join(words[i : i + n])
        if gram in seen:
            characters += len(gram)
            i += n
        else:
            seen.add(gram)
            i += 1
    return characters


def plain_windows(words: list[str], n: int) -> int:
    counts = Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
    return sum(count for count in counts.values() if count > 1)


def word_lists(pages: list[str], tokenise: Tokeniser) -> list[list[str]]:
    draw = random.Random(0)
    made = [[draw.choice("ab米") * draw.choice([1, 1, 2]) for _ in range(draw.randrange(60))] for _ in range(300)]
    real = [[w for w in tokenise(page[:3000])[0] if w.strip()] for page in pages[:40]]
    return [[], ["a"], ["米"] * 50, ["a", "bc", "ab", "c"] * 9, *made, *real]


def test_the_kernels_equal_plain_python(pages, tokenise):
    for words in word_lists(pages, tokenise):
        codes, starts = _run(words)
        expected = [plain_top(words, n) for n in (2, 3, 4)] + [plain_duplicate(words, n) for n in range(5, 11)]
        assert gopher_ngrams(codes, starts).tolist() == expected
        assert repeated_windows(codes, starts, 7) == plain_windows(words, 7)


def test_ngrams_by_hand():
    # "米 米" occurs three times in 米米米米: 3 characters with its space, × 3
    tops = gopher_ngrams(*_run(["米"] * 4))[:3]
    assert tops.tolist() == [3 * 3, 5 * 2, 7 * 1]
    # of 15 words of one character, the first 5-gram is new, the second is seen at once and skips 5 words, and so on:
    # 0 new, 1 seen (→ 6), 6 seen (→ 11), 11 is beyond the last window
    assert gopher_ngrams(*_run(["米"] * 15))[3] == 10


def test_word_boundaries_do_not_matter_to_duplicates_as_in_datatrove():
    a, b = ["ab", "c", "d", "e", "f"], ["a", "bc", "d", "e", "f"]
    assert gopher_ngrams(*_run(a + b))[3] == 6


@pytest.mark.parametrize(
    ("given", "tokens"),
    [
        # fugashi 1.5.2 with unidic-lite 1.0.8, by hand
        ([("二百三十五", "名詞")], ["二百", "三十", "五"]),
        ([("千九百八十五", "名詞"), ("年", "名詞")], ["千", "九百", "八十", "五", "年"]),
        ([("一万二千", "名詞")], ["一", "万", "二千"]),
        ([("六", "名詞"), ("十八条", "名詞")], ["六十", "八", "条"]),
        ([("二〇二六", "名詞")], ["二", "〇", "二", "六"]),
        ([("3.14", "名詞")], ["3", ".", "14"]),
        ([("千葉", "名詞")], ["千葉"]),
        ([("あ", "感動詞"), (" ", "空白"), ("\u3000\u3000", "空白")], ["あ", "\u3000", "\u3000"]),
    ],
)
def test_tokens_as_mecab_cuts_them(given, tokens):
    surfaces, parts = zip(*given, strict=True)
    assert as_unidic_lite(surfaces, parts)[0] == tokens


def test_symbols_as_mecab_takes_them():
    # fugashi on f('x'): f 名詞, (' 記号, x 名詞, ') 記号; on C++。: C 名詞, + + 。 補助記号, which are not counted
    assert as_unidic_lite(
        ["f", "(", "'", "x", "'", ")"], ["名詞", "補助記号", "補助記号", "名詞", "補助記号", "補助記号"]
    ) == (
        ["f", "('", "x", "')"],
        2,
        4,
    )
    assert as_unidic_lite(["C++", "。"], ["名詞", "補助記号"]) == (["C", "+", "+", "。"], 1, 1)
    # thirty hyphens: five alone, then the longest unknown word there is
    assert as_unidic_lite(["-" * 30], ["補助記号"]) == (["-"] * 5 + ["-" * 25], 0, 6)


def test_runs_point_at_code_points():
    codes, starts = _run(["𠮷", "", "野家"])
    assert codes.tolist() == [ord("𠮷"), ord("野"), ord("家")]
    assert np.array_equal(starts, [0, 1, 1, 3])
