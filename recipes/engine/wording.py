"""Columns, steps, rules and reasons in words, Japanese and English: what the report and the terminal say for a name.

A reason's words stand in `curation/document.py`, a rule's are made from its column and its bound, so that a new preset needs
no entry here; a column or step without one is called by its own name.
"""

import unicodedata
from collections.abc import Mapping
from typing import Any, NamedTuple

from curation.document import REASONS
from curation.extract.inputs import kind_of
from curation.filters.preset import Condition, Rule, Test


class Words(NamedTuple):
    """The same thing said in Japanese and in English."""

    ja: str
    en: str


COLUMN_WORDS: dict[str, Words] = {
    "chars": Words("文字数", "characters"),
    "japanese_letters": Words("日本語文字の数", "Japanese letters"),
    "hiragana_fraction": Words("ひらがなの割合", "share of hiragana"),
    "katakana_fraction": Words("カタカナの割合", "share of katakana"),
    "japanese_fraction": Words("日本語文字の割合", "share of Japanese letters"),
    "mean_sentence_chars": Words("文の平均の長さ（字）", "mean sentence length (characters)"),
    "max_sentence_chars": Words("最長の文（字）", "longest sentence (characters)"),
    "ellipsis_sentence_fraction": Words("…で終わる文の割合", "sentences ending in …"),
    "duplicate_paragraph_fraction": Words("重複する段落の割合", "repeated paragraphs"),
    "duplicate_paragraph_char_fraction": Words("重複する段落の文字の割合", "characters in repeated paragraphs"),
    "duplicate_sentence_fraction": Words("重複する文の割合", "repeated sentences"),
    "duplicate_sentence_char_fraction": Words("重複する文の文字の割合", "characters in repeated sentences"),
    **{
        f"top_{n}gram_fraction": Words(f"最頻の文字 {n}-gram の割合", f"most frequent character {n}-gram")
        for n in (2, 3, 4)
    },
    **{
        f"duplicate_{n}gram_fraction": Words(f"重複する文字 {n}-gram の割合", f"repeated character {n}-grams")
        for n in range(5, 11)
    },
    "char_5gram_repetition": Words("文字 5-gram の反復率", "character 5-gram repetition"),
    "duplicate_line_fraction": Words("重複する行の割合", "repeated lines"),
    "line_punct_fraction": Words("句読点で終わる行の割合", "lines ending in punctuation"),
    "duplicate_line_char_fraction": Words("重複する行の文字の割合", "characters in repeated lines"),
    "bullet_line_fraction": Words("箇条書きの行の割合", "bullet lines"),
    "ellipsis_line_fraction": Words("…で終わる行の割合", "lines ending in an ellipsis"),
    "short_line_fraction": Words("10 字以下の行の割合", "lines of at most 10 characters"),
    "ellipsis_newline_fraction": Words("…直後の改行の割合", "line breaks after an ellipsis"),
    "first_50_kana": Words("冒頭 50 字のかな", "kana in the first 50 characters"),
    "kuten_density": Words("句点の密度", "density of 。"),
    "special_char_fraction": Words("記号・空白・絵文字の割合", "symbols, spaces and emoji"),
    "longest_char_run": Words("同じ文字の最長の連続", "longest run of one character"),
    "hojichar_bbs_matches": Words("掲示板らしさ（一致数）", "bulletin-board matches"),
    "hojichar_ad_matches": Words("広告の語（一致数）", "advertising words"),
    "words": Words("語数", "words"),
    "non_symbol_words": Words("記号でない語の数", "words that are no symbols"),
    "mean_word_chars": Words("語の平均の長さ（字）", "mean word length (characters)"),
    "alpha_word_fraction": Words("文字を含む語の割合", "words with a letter"),
    "stop_words": Words("ストップワードの種類", "distinct stop words"),
    "hashes_per_word": Words("語あたりの #", "# per word"),
    "ellipses_per_word": Words("語あたりの…", "ellipses per word"),
    "newlines_per_word": Words("語あたりの改行", "line breaks per word"),
    **{
        f"top_{n}word_fraction": Words(f"最頻の {n} 語組の文字の割合", f"most frequent word {n}-gram")
        for n in (2, 3, 4)
    },
    **{
        f"duplicate_{n}word_fraction": Words(f"重複する {n} 語組の文字の割合", f"repeated word {n}-grams")
        for n in range(5, 11)
    },
    "noun_fraction": Words("名詞の割合", "share of nouns"),
    "repeated_7word_fraction": Words("重複する 7 語組の割合", "repeated word 7-grams"),
    "language": Words("言語", "language"),
    "language_score": Words("言語の確率", "language probability"),
    "kana_ratio": Words("かなの割合", "share of kana"),
    "quality": Words("品質スコア", "quality score"),
    "quality_2": Words("品質スコア（2）", "quality score (2)"),
    "quality_3": Words("品質スコア（3）", "quality score (3)"),
    **{
        f"quality{n}_top": Words(f"品質{said}の上位からの割合", f"top share by quality{said}")
        for n, said in (("", ""), ("_2", "（2）"), ("_3", "（3）"))
    },
    "mean_rank": Words("平均順位（1 が最良）", "mean rank (1 is best)"),
    "mean_rank_top": Words("平均順位の上位からの割合", "top share by mean rank"),
    "quality_bucket": Words("品質の階級", "quality bucket"),
    "quality_group": Words("品質の組", "quality group"),
    "link_density": Words("リンクの密度", "link density"),
    "boilerplate_lines": Words("定型文の行の数", "boilerplate lines"),
    "boilerplate_char_fraction": Words("定型文の行の文字の割合", "characters in boilerplate lines"),
    "replaced_chars": Words("置き換えた文字", "replaced characters"),
}
"""Columns that a rule may look at, in words."""

STEP_WORDS: dict[str, Words] = {
    "read_warc": Words("WARC を読む", "read WARC"),
    "read_parquet": Words("Parquet を読む", "read Parquet"),
    "read_jsonl": Words("JSONL を読む", "read JSONL"),
    "read_ranges": Words("範囲の一覧を読む", "read lists of ranges"),
    "fetch": Words("範囲を取得", "fetch ranges"),
    "read_shards": Words("同じ id をまとめる", "merge equal ids"),
    "opt_out": Words("オプトアウトを判定", "honour opt-outs"),
    "licensed": Words("公開できるライセンスだけ", "only listed licences"),
    "forget": Words("忘却", "forgotten later"),
    "sniff": Words("日本語の兆候を見る", "sniff for Japanese"),
    "decode": Words("文字コードを復号", "decode"),
    "main_text": Words("本文を抽出", "extract main text"),
    "language": Words("言語を判定", "identify language"),
    "fasttext_quality": Words("品質を判定", "score quality"),
    "encoder_quality": Words("品質を判定（エンコーダー）", "score quality (encoder)"),
    "ensemble": Words("分類器の順位をまとめる", "rank by several classifiers"),
    "edge_lines": Words("ページ両端の行", "lines at the page's edges"),
    "site_lines": Words("サイト共通の行を除く", "drop site-wide lines"),
    "nfkc": Words("文字を正規化", "normalise characters"),
    "kutoten": Words("句読点をそろえる", "unify punctuation"),
    "whitespace": Words("空白を整える", "tidy white space"),
    "mask_personal_data": Words("個人情報をマスク", "mask personal data"),
    "text_stats": Words("本文を測る", "measure text"),
    "repetition": Words("反復を測る", "measure repetition"),
    "words": Words("語を測る", "measure words"),
    "minhash": Words("MinHash 署名", "sign with MinHash"),
    "dedup": Words("近重複をまとめる", "cluster near-duplicates"),
    "line_dedup": Words("定型文の行を調べる", "boilerplate lines"),
    "threshold": Words("閾値で決める", "decide by thresholds"),
    "url_blocklist": Words("URL 一覧で除く", "block URLs"),
    "ng_words": Words("NG ワードで除く", "block words"),
    "decontaminate": Words("評価データを除く", "keep benchmarks out"),
    "cap": Words("提示回数の上限", "cap showings"),
    "datatrove": Words("datatrove のフィルタ", "datatrove filter"),
}
"""Steps in words."""


FUNCTION_WORDS: dict[str, str] = {
    "coding": "プログラミング", "constraint_following": "条件を守る作文", "dialogue": "対話", "domain": "専門分野",
    "explanation": "説明", "extraction": "情報抽出", "function_calling": "関数呼び出し", "mathematics": "数学",
    "multiple_choice": "択一問題", "other_language": "他言語での回答", "poems": "詩歌", "reading": "読解", "refusal": "断り方",
    "rewriting": "書き換え", "summarise": "要約",
}  # fmt: skip
"""Functions of an assistant in Japanese."""
ORIGIN_WORDS = {"model": "モデル", "program": "プログラム", "human": "人", "imported": "取り込み"}
"""Who wrote an answer, in Japanese."""


def function_words(name: str) -> Words:
    """A function of an assistant in words; by its own name where it has none."""
    return Words(FUNCTION_WORDS.get(name, name), name)


def origin_words(said: str) -> Words:
    """Whose answers a pair holds, in words.

    >>> origin_words("program > model").ja
    'プログラム > モデル'
    """
    return Words(" > ".join(ORIGIN_WORDS.get(one, one) for one in said.split(" > ")), said)


def column_words(name: str) -> Words:
    """A column in words."""
    return COLUMN_WORDS.get(name, Words(name, name))


def step_words(step: str) -> Words:
    """A step in words, by its label in the recipe (`threshold2` is a threshold)."""
    return STEP_WORDS.get(step.rstrip("0123456789"), STEP_WORDS.get(step, Words(step, step)))


def reason_words(reason: str, rule: Rule | None = None) -> Words:
    """A reason in words: registered ones as the registry says them, a rule's by what it found.

    >>> reason_words("empty_body")
    Words(ja='本文が空', en='the body is empty')
    """
    if found := REASONS.get(reason):
        return Words(found.meaning_ja, found.meaning)
    return broken_words(rule) if rule is not None else Words(reason, reason)


def broken_words(rule: Rule) -> Words:
    """What a page is like that breaks the rule (all tests of it, where one would do).

    >>> from curation.filters.preset import load_preset
    >>> broken_words(load_preset("swallow_v1").rule("max_sentence")).ja
    '最長の文（字）が 200 を超える'
    >>> broken_words(load_preset("swallow_v1").rule("letters")).en
    'characters below 400'
    """
    said = [_broken(test) for test in rule.tests]
    return Words("、".join(w.ja for w in said), " and ".join(w.en for w in said))


def _broken(test: Test) -> Words:
    label, (operator, bounds) = column_words(test.column), (test.keep.operator, [number(b) for b in test.keep.bounds])
    one = bounds[0]
    said = {
        "<=": Words(f"が {one} を超える", f"above {one}"),
        "<": Words(f"が {one} 以上", f"at least {one}"),
        ">=": Words(f"が {one} 未満", f"below {one}"),
        ">": Words(f"が {one} 以下", f"at most {one}"),
        "==": Words(f"が {one} でない", f"is not {one}"),
        "!=": Words(f"が {one}", f"is {one}"),
        "in": Words(f"が {'・'.join(bounds)} でない", f"is none of {', '.join(bounds)}"),
        "between": Words(f"が {'–'.join(bounds)} の外", f"outside {'–'.join(bounds)}"),
    }[operator]
    return Words(f"{label.ja}{said.ja}", f"{label.en} {said.en}")


def keep_sign(keep: Condition) -> str:
    """What is kept, in signs.

    >>> from curation.filters.preset import condition
    >>> keep_sign(condition("<= 0.30")), keep_sign(condition("between 20 and 90")), keep_sign(condition("in [ja, en]"))
    ('≤ 0.3', '20–90', 'ja, en')
    """
    bounds = [number(b) for b in keep.bounds]
    signs = {"<=": "≤ ", ">=": "≥ ", "==": "= ", "!=": "≠ ", "between": "", "in": ""}
    joint = "–" if keep.operator == "between" else ", "
    return signs.get(keep.operator, f"{keep.operator} ") + joint.join(bounds)


def record_place(row: Mapping[str, Any]) -> str:
    """Where a row was read: its file, and the byte of a record or the line or row of a table.

    The column `offset` counts from 0; lines and rows are called by number from 1, as editors and the readers' messages do.

    >>> record_place({"file": "a.warc.gz", "offset": 1234, "record_type": "response"})
    'a.warc.gz, offset 1,234'
    >>> record_place({"file": "a.jsonl", "offset": 13, "record_type": "row"})
    'a.jsonl, line 14 (offset 13)'
    """
    file, offset = row.get("file"), row.get("offset")
    kind = kind_of(str(file))
    if offset is None:
        return f"{file}"
    if kind in ("jsonl", "parquet"):
        return f"{file}, {'line' if kind == 'jsonl' else 'row'} {offset + 1:,} (offset {offset:,})"
    return f"{file}, offset {offset:,}"


def rule_signs(rule: Rule) -> str:
    """What a rule keeps: each test's column and its bound in signs.

    >>> from curation.filters.preset import load_preset
    >>> rule_signs(load_preset("swallow_v1").rule("letters"))
    'chars ≥ 400'
    """
    return " or ".join(f"{test.column} {keep_sign(test.keep)}" for test in rule.tests)


def number(value: object) -> str:
    """A bound or a measured value as people read it: thousands apart, at most four significant decimals.

    >>> number(4000.0), number(0.30), number(0.12345678), number("ja"), number(None)
    ('4,000', '0.3', '0.1235', 'ja', '–')
    """
    if value is None:
        return "–"
    if not isinstance(value, int | float):
        return str(value)
    if float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.1f}"


def masked(text: str | None, most: int = 80) -> str:
    """The first characters of a text with every letter and digit as ●, white space as one space: its shape, not its words.

    >>> masked("精米は、\\n2時間で　済む。"), masked(None), masked("a" * 99, 3)
    ('●●●、 ●●●● ●●。', '', '●●●…')
    """
    if not text:
        return ""
    shown = " ".join(text[: 4 * most].split())
    hidden = "".join(
        "●" if unicodedata.category(c)[0] in "LNM" else c if c.isprintable() else "·" for c in shown[:most]
    )
    return f"{hidden}…" if len(shown) > most or len(text) > 4 * most else hidden


def one_line(text: object, most: int = 200) -> str:
    """A value on one line, cut to a length; control characters of a hostile page do not reach the terminal.

    >>> one_line("a\\x1b[31m\\nb"), one_line("精米所", 2)
    ('a [31m b', '精米…')
    """
    said = "".join(c if c.isprintable() else " " for c in str(text))
    return said if len(said) <= most else f"{said[:most]}…"
