"""The presets decide as their originals, on real pages and at the edges of their definitions."""

import math

import pyarrow as pa
import pytest

from curation.features.keywords import Keywords, matches
from curation.features.repetition import Repetition
from curation.features.text_stats import TextStats
from curation.features.words import STOP_WORDS, Tokeniser, Words
from curation.filters.preset import load_preset
from curation.filters.threshold import Threshold, rules_broken


def measured(texts: list[str], *steps) -> pa.RecordBatch:
    rows = pa.record_batch({"text": pa.array(texts, pa.large_string())})
    for step in steps:
        step.setup()
        rows, gone = step.split(rows)
        assert gone is None
    return rows


@pytest.fixture(scope="module")
def texts(pages, odd_texts) -> list[str]:
    return [*pages, *odd_texts]


@pytest.fixture(scope="module")
def rows(texts) -> pa.RecordBatch:
    return measured(texts, TextStats(), Repetition(), Keywords())


def hojichar_filters():
    from hojichar.filters import document_filters as original

    return {
        "bbs_comments": original.DiscardBBSComments(),
        "ads": original.DiscardAds(),
        "japanese": original.AcceptJapanese(),
        "rare_kuten": original.DiscardRareKuten(),
        "char_repetition": original.CharRepetitionRatioFilter(),
        "single_character": original.SingleCharacterRepetitionFilter(),
        "ending_ellipsis": original.DiscardTooManyEndingEllipsis(),
        "too_short_lines": original.DiscardTooShortLines(),
    }


def test_hojichars_character_rules_decide_as_hojichar_on_every_page(texts, rows):
    from hojichar import Document

    ours = rules_broken(load_preset("hojichar_default").needing("characters"), rows)
    for rule, original in hojichar_filters().items():
        theirs = [bool(original.apply(Document(text)).is_rejected) for text in texts]
        assert ours[rule].to_pylist() == theirs, rule


def test_hojichars_special_characters_are_its_own(texts, rows):
    pytest.importorskip("fugashi", reason="HojiChar's extras are not installed")
    pytest.importorskip("emoji", reason="HojiChar's extras are not installed")
    from hojichar.filters.document_filters import DiscardTooManySpecialToken

    original = DiscardTooManySpecialToken()
    expected = [original._compute_special_characters_ratio(text) for text in texts]
    assert rows["special_char_fraction"].to_pylist() == expected


def test_a_bare_hyphen_counts_as_a_bulletin_board_as_in_hojichar():
    assert matches("ISBN 978-4-00-310101-8", "hojichar_bbs_matches") == 4
    rows = measured(["-" * 15, "-" * 14], TextStats(), Repetition(), Keywords())
    reasons = Threshold("hojichar_default", only="characters").columns(rows)["reason"].to_pylist()
    assert reasons == ["hojichar_default.bbs_comments", "hojichar_default.japanese"]


def fineweb2_filters():
    """datatrove's filters with FineWeb2's values, over our words: its own tokeniser needs spaCy (see benchmarks/presets.py)."""
    from datatrove.pipeline.filters.fineweb_quality_filter import FineWebQualityFilter
    from datatrove.pipeline.filters.gopher_quality_filter import GopherQualityFilter
    from datatrove.pipeline.filters.gopher_repetition_filter import GopherRepetitionFilter
    from datatrove.utils.word_tokenizers import WordTokenizer

    class OurWords(WordTokenizer):
        tokenise = Tokeniser()

        def word_tokenize(self, text):
            return [word for surface in self.tokenise(text)[0] if (word := surface.strip())]

        def sent_tokenize(self, text):
            raise NotImplementedError

        span_tokenize = sent_tokenize

    words = OurWords()
    top, duplicate = ((2, 0.239), (3, 0.196), (4, 0.172)), zip(range(5, 11), (0.243, 0.225, 0.207, 0.19, 0.175, 0.159))  # noqa: B905
    return (
        GopherRepetitionFilter(0.328, 0, 0, 0, top, tuple(duplicate), language=words),
        FineWebQualityFilter(
            short_line_thr=999, char_duplicates_ratio=0.1, line_punct_thr=0.096, new_line_ratio=0.13, language=words
        ),
        GopherQualityFilter(
            max_avg_word_length=6,
            min_avg_word_length=1,
            stop_words=sorted(STOP_WORDS),
            max_non_alpha_words_ratio=0.759,
            min_stop_words=2,
            language=words,
        ),
    )


DATATROVE_NAMES = {
    "line_punct_ratio": "line_punct",
    "char_dup_ratio": "char_dup",
    "list_ratio": "list_ratio",
    "gopher_short_doc": "short_doc",
    "gopher_long_doc": "long_doc",
    "gopher_below_avg_threshold": "avg_word_length",
    "gopher_above_avg_threshold": "avg_word_length",
    "gopher_too_many_hashes": "hashes",
    "gopher_too_many_ellipsis": "ellipsis",
    "gopher_too_many_bullets": "bullets",
    "gopher_too_many_end_ellipsis": "end_ellipsis",
    "gopher_below_alpha_threshold": "alpha",
    "gopher_enough_stop_words": "stop_words",
    "empty": "line_punct",
}


def test_fineweb2s_rules_give_datatroves_reason_for_every_page(pages, odd_texts):
    from datatrove.data import Document

    texts = [*pages[::2], *odd_texts]
    rows = measured(texts, TextStats(), Words())
    ours = Threshold("fineweb2_jpn").columns(rows)["reason"].to_pylist()
    filters = fineweb2_filters()
    for text, reason in zip(texts, ours, strict=True):
        verdicts = (f.filter(Document(text, id="x")) for f in filters)
        broken = next((v[1] for v in verdicts if v is not True), None)
        expected = broken if broken is None else f"fineweb2_jpn.{DATATROVE_NAMES.get(broken, broken)}"
        assert reason == expected, text[:80]


def swallow_page(**changed: float) -> pa.RecordBatch:
    """A page that every rule of Swallow keeps, each of its values at the bound where quality.py still keeps."""
    at_bound = {
        "chars": 400, "japanese_letters": 400, "max_sentence_chars": 200, "mean_sentence_chars": 20.0,
        "duplicate_paragraph_fraction": 0.30, "duplicate_sentence_fraction": 0.30,
        "duplicate_paragraph_char_fraction": 0.20, "duplicate_sentence_char_fraction": 0.20,
        "top_2gram_fraction": 0.20, "top_3gram_fraction": 0.18, "top_4gram_fraction": 0.16,
        "duplicate_5gram_fraction": 0.15, "duplicate_6gram_fraction": 0.14, "duplicate_7gram_fraction": 0.13,
        "duplicate_8gram_fraction": 0.12, "duplicate_9gram_fraction": 0.11, "duplicate_10gram_fraction": 0.10,
        "hiragana_fraction": 0.2, "katakana_fraction": 0.5, "japanese_fraction": 0.5, "ellipsis_sentence_fraction": 0.2,
    }  # fmt: skip
    page = at_bound | changed
    return pa.record_batch(
        {k: pa.array([v], pa.int32() if isinstance(at_bound[k], int) else pa.float64()) for k, v in page.items()}
    )


def swallow_reason(**changed: float) -> str | None:
    return Threshold("swallow_v1").columns(swallow_page(**changed))["reason"].to_pylist()[0]


def test_swallow_keeps_a_page_at_every_bound():
    assert swallow_reason() is None
    assert swallow_reason(mean_sentence_chars=90.0) is None


@pytest.mark.parametrize("column", swallow_page().schema.names)
def test_swallow_rejects_a_page_just_beyond_one_bound(column):
    value = swallow_page()[column].to_pylist()[0]
    lowest = column in ("chars", "japanese_letters", "mean_sentence_chars", "hiragana_fraction", "japanese_fraction")
    beyond = value + (-1 if lowest else 1) if isinstance(value, int) else math.nextafter(value, 0.0 if lowest else 1.0)
    assert swallow_reason(**{column: beyond}) is not None
    assert load_preset("swallow_v1").columns.count(column) == 1


PROSE = (
    "精米とは、玄米の表面を覆っている糠の層と胚芽を取り除き、白米に仕上げる作業のことである。"
    "昔の農家では、収穫した稲を乾かして籾を落とし、臼と杵を使って少しずつ搗いていた。"
    "川の流れが速い土地では水車が回り、夜のあいだも重い杵が休みなく上下した。\n"
    "明治の終わりになると、動力で動く機械が町の米屋にも置かれるようになった。"
    "削る割合が大きいほど色は白くなるが、そのぶん香りや栄養は失われてしまう。"
    "酒をつくる蔵では、雑味のもとになるたんぱく質を避けるため、粒が半分ほどの大きさになるまで磨くことも珍しくない。\n"
    "家庭で炊くときには、研ぎすぎないように気をつけたい。"
    "最初に注いだ水はすぐに捨て、指先を立てて軽くかき混ぜ、濁りが薄くなったところでやめる。"
    "三十分ほど浸しておけば、芯まで水が行きわたり、ふっくらと炊きあがる。"
    "冷めてからもおいしく食べられるかどうかは、こうした下ごしらえにかかっているのだ。"
    "弁当に詰める朝は、いつもより水を少なめにして、蒸らす時間を長くとるとよい。"
)


def test_swallow_keeps_prose_and_rejects_a_menu():
    menu = "\n".join(["ホーム", "会社概要", "お問い合わせ", "採用情報"] * 40)
    rows = measured([PROSE, menu, "", "。" * 500], TextStats(), Repetition())
    kept, menu_reason, empty, dots = Threshold("swallow_v1").columns(rows)["reason"].to_pylist()
    assert kept is None
    assert menu_reason == "swallow_v1.duplicate_paragraph"
    assert empty == "swallow_v1.letters"
    assert dots is not None


def test_the_preset_japanese_is_the_rule_of_the_language_step():
    from curation.classify.language import is_japanese

    pages = [(language, kana) for language in ("ja", "en", None) for kana in (0.0, 0.009, 0.01, 0.05, 0.099, 0.1, 0.5)]
    rows = pa.record_batch(
        {
            "language": pa.array([language for language, _ in pages], pa.string()),
            "kana_ratio": pa.array([kana for _, kana in pages], pa.float32()),
        }
    )
    kept = [reason is None for reason in Threshold("japanese").columns(rows)["reason"].to_pylist()]
    assert kept == [is_japanese(language, kana) for language, kana in pages]
