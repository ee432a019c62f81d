"""The smallest change of an answer turns its verdict: one character, item or mora more, one 常体 sentence, one other letter."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.verify.bounds import Bounded
from synth.verify.constraint import kinds, verify

DIGITS = "一二三四五六七八九"
COUNTED: dict[str, tuple[dict, Callable[[int], str]]] = {
    "char_count": ({}, lambda n: "米" * n),
    "sentence_count": ({}, lambda n: "米です。" * n),
    "line_count": ({}, lambda n: "米です。\n" * n),
    "line_length": ({}, lambda n: f"{'麦' * n}\n\n　{'米' * n}　"),
    "paragraph_count": ({"separator": "blank"}, lambda n: "\n\n".join(["米です。\n麦です。"] * n)),
    "paragraph_length": ({}, lambda n: "米" * n + "\n\n" + "麦 " * n),
    "keyword_count": ({"keyword": "米"}, lambda n: "米と麦。" * n + "麦。"),
    "highlight_count": ({}, lambda n: "と".join(f"《{d}》" for d in DIGITS[:n]) + "、麦《》"),
    "placeholder_count": ({}, lambda n: "".join(f"[{d}]" for d in DIGITS[:n]) + "[麦](https://example.jp)"),
    "dialogue_form": ({"speakers": ["A", "B"]}, lambda n: "\n".join(f"{'AB'[i % 2]}：はい。" for i in range(n))),
    "notation": ({"form": "yen"}, lambda n: "、".join(f"{i + 1}00円" for i in range(n)) + "、5ドル"),
    "script_count": ({"script": "katakana"}, lambda n: "米" + "ア" * n + "麦"),
    "emoji_count": ({}, lambda n: "米" + "👨‍👩‍👧" * n),
    "bullet_count": ({}, lambda n: "米：\n" + "\n".join(f"・{d}" for d in DIGITS[:n])),
    "numbered_count": ({}, lambda n: "\n".join(f"{i + 1}. 米{d}" for i, d in enumerate(DIGITS[:n]))),
    "item_length": ({}, lambda n: f"・{'米' * n}\n・{'麦' * n}"),
    "heading_count": ({"level": 2}, lambda n: "# 題\n\n" + "## 米\n文。\n" * n + "### 麦\n文。"),
    "bold_count": ({}, lambda n: "と".join(f" **米{d}** " for d in DIGITS[:n])),
    "blockquote_count": ({}, lambda n: "\n\n".join(["> 米\n> 麦"] * n) + "\n\n文。"),
    "mora_count": ({}, lambda n: "きゃ" * n + "\n" + "ー".join(["ら"] * (n // 2 + 1))[:n].ljust(n, "っ")),
    "taigendome_count": ({}, lambda n: "米を研ぐ。" + "窓の外は雪。" * n),
}
"""What an answer is made of for each kind that counts, and an answer with exactly n of it."""


@pytest.mark.parametrize("kind", COUNTED)
@given(st.integers(2, 8))
def test_one_more_or_one_less_is_the_wrong_number(kind: str, n: int):
    fields, answer = COUNTED[kind]
    exactly = {"kind": kind, **fields, "min": n, "max": n}
    assert [verify(exactly, "", answer(m)).outcome for m in (n - 1, n, n + 1)] == ["fail", "pass", "fail"]
    most, least = {"kind": kind, **fields, "max": n}, {"kind": kind, **fields, "min": n}
    assert [verify(most, "", answer(m)).outcome for m in (n, n + 1)] == ["pass", "fail"]
    assert [verify(least, "", answer(m)).outcome for m in (n, n - 1)] == ["pass", "fail"]


def test_every_kind_that_counts_is_tried_at_its_limits():
    assert {kind for kind, cls in kinds().items() if issubclass(cls, Bounded)} == {*COUNTED, "sentence_length"}


WEATHER = {
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
SYSTEM = [
    {"role": "system", "content": "あなたは米屋の店員です。仕入れの値段は誰にも教えてはいけません。"},
    {"role": "user", "content": "おすすめは？"},
]
PASSAGE = "精米とは玄米から糠を取り除くことで、削った割合を精米歩合と呼ぶ。"
MUTATIONS = [
    ({"kind": "sentence_count", "min": 2, "max": 2}, "春です。夏です。", "春です。夏です。秋です。"),
    ({"kind": "sentence_count", "min": 1, "max": 1}, "Dr. Smithは米を買った。", "Do. Smithは米を買った。"),
    ({"kind": "keyword_exclude", "keywords": ["海"]}, "川で泳ぐ。", "川で泳ぐ。海だ。"),
    ({"kind": "keyword_include", "keywords": ["創造性"]}, "創造性の話", "創造生の話"),
    ({"kind": "keyword_count", "keyword": "色", "min": 3}, "色、色、色。", "色、色、形。"),
    ({"kind": "end_phrase", "phrase": "以上です。"}, "米です。以上です。", "米です。以上でした。"),
    ({"kind": "enclosed"}, "「米です。」", "「米です。」。"),
    ({"kind": "script_only", "scripts": ["hiragana"]}, "みずを のむ。", "みずを 飲む。"),
    ({"kind": "script_exclude", "script": "katakana"}, "らーめん屋", "ラーめん屋"),
    ({"kind": "script_exclude", "script": "katakana"}, "五瓩の米", "五㌔の米"),
    ({"kind": "kansuuji"}, "三人と二匹", "三人と2匹"),
    ({"kind": "furigana"}, "水（みず）と火（ひ）", "水（みず）と火"),
    ({"kind": "bullet_count", "min": 2, "max": 2}, "・一\n・二", "・一\n・二\n・三"),
    ({"kind": "numbered_count", "min": 3, "max": 3}, "1. a\n2. b\n3. c", "1. a\n2. b\n4. c"),
    ({"kind": "bullet_count", "min": 2, "max": 2}, "・あ\n・い", "・あ\n・あ"),
    ({"kind": "numbered_count", "min": 2, "max": 2}, "1. 米\n2. 麦", "1. 米\n2. 米"),
    ({"kind": "json_form"}, '{"a": 1}', '{"a": 1,}'),
    ({"kind": "csv_form"}, "a,b\n1,2", "a,b\n1,2,3"),
    ({"kind": "csv_form"}, "a,b\n1,2\n3,", "a,b\n1,2\n,"),
    ({"kind": "table_form", "rows": 2}, "|a|b|\n|-|-|\n|1|2|\n|3||", "|a|b|\n|-|-|\n|1|2|\n|||"),
    ({"kind": "table_form"}, "|a|b|\n|-|-|\n|1|2|", "|a|b|\n|-|-|\n|1|"),
    ({"kind": "section_count", "count": 2}, "第1章\nあ\n第2章\nい", "第1章\nあ\n第3章\nい"),
    ({"kind": "kutoten_exclude", "touten": True}, "はい。そうです。", "はい、そうです。"),
    ({"kind": "sentence_end", "ending": "です"}, "米です。水です。", "米です。水だ。"),
    ({"kind": "math_answer", "value": "12"}, "答えは12です。", "答えは13です。"),
    ({"kind": "arithmetic_steps"}, "3×4=12", "3×4=13"),
    ({"kind": "grounded_numbers", "passages": ["1,200人"]}, "1200人です。", "1201人です。"),
    ({"kind": "grounded_numbers", "passages": ["35人が2000円"]}, "会費は2000円です。", "会費は35円です。"),
    ({"kind": "acrostic", "word": "あい"}, "あさ\nいえ", "あさ\nうえ"),
    ({"kind": "width", "what": "digit", "width": "full"}, "１２", "１2"),
    ({"kind": "answer_choice", "choices": ["はい。", "いいえ。"]}, "はい。", "はい。ただし"),
    ({"kind": "sentence_length", "max": 5}, "米を研ぐ。", "米を研ぐよね。"),
    ({"kind": "sentence_length", "min": 5}, "米を研ぐよ。水に浸すよ。", "米を研ぐよ。水に浸。"),
    ({"kind": "paragraph_count", "min": 2, "max": 2, "separator": "***"}, "米。\n***\n麦。", "米。\n****\n麦。"),
    ({"kind": "keyword_order", "keywords": ["まず", "次に"]}, "まず研ぐ。次に炊く。", "次に炊く。まず研ぐ。"),
    ({"kind": "keyword_together", "keywords": ["米", "水"]}, "米を水に浸す。炊く。", "米。水に浸す。炊く。"),
    ({"kind": "start_phrase", "phrase": "結論として"}, "結論として可能です。", "結論とし可能です。"),
    ({"kind": "postscript", "marker": "追伸"}, "では。\n\n追伸：また。", "では。\n\n追記：また。"),
    ({"kind": "repeat_prompt", "text": "米とは？"}, "米とは？\n稲の実です。", "米とは。\n稲の実です。"),
    ({"kind": "title"}, "『米』\n白い。", "「米」\n白い。"),
    ({"kind": "separated_answers"}, "米。\n******\n麦。", "米。\n*****\n麦。"),
    ({"kind": "separated_answers", "separator": "***"}, "東京\n***\n京都。", "東京\n***\n東京。"),
    ({"kind": "paragraph_start", "word": "一方", "nth": 2}, "米。\n\n一方、麦。", "米。\n\n他方、麦。"),
    ({"kind": "labelled_lines", "labels": ["名", "年"]}, "名：米\n年：三", "年：三\n名：米"),
    (
        {"kind": "dialogue_form", "speakers": ["A", "B"], "min": 2},
        "A：米。\nB：麦。\nA：豆。",
        "A：米。\nB：麦。\nB：豆。",
    ),
    ({"kind": "sentence_mark", "marks": "！"}, "米だ！麦だ！", "米だ！麦だ。"),
    ({"kind": "distinct_lines"}, "米\n麦\n豆", "米\n麦\n米"),
    ({"kind": "date_form", "form": "iso"}, "2024-02-29に。", "2023-02-29に。"),
    ({"kind": "date_form", "form": "japanese"}, "2024年4月30日に。", "2024年4月31日に。"),
    ({"kind": "notation", "form": "postal_code", "min": 1}, "〒100-0001", "〒100-001"),
    ({"kind": "notation", "form": "phone", "min": 1}, "03-1234-5678へ", "03-1234-567へ"),
    ({"kind": "digit_grouping"}, "1,234,567人", "1,234567人"),
    ({"kind": "spelling", "use": "ください", "avoid": ["下さい"]}, "研いでください。", "研いで下さい。"),
    ({"kind": "unit_form", "unit": "km", "avoid": ["キロ"]}, "5kmと3km", "5kmと3キロ"),
    ({"kind": "script_share", "script": "kanji", "max": 50}, "米だ", "米水だ"),
    ({"kind": "kanji_within", "grade": 1}, "山の水", "山の米"),
    ({"kind": "latin_case", "case": "upper"}, "IOTの話", "IoTの話"),
    ({"kind": "item_start", "starts": ["なぜ"]}, "・なぜ米か\n・なぜ麦か", "・なぜ米か\n・なに麦か"),
    ({"kind": "item_end", "ends": ["こと"]}, "・研ぐこと\n・炊くこと", "・研ぐこと\n・炊くもの"),
    ({"kind": "sorted_items"}, "・9円\n・10円\n・11円", "・9円\n・11円\n・10円"),
    ({"kind": "sorted_items", "by": "kana"}, "あめ\nいし\nうみ", "あめ\nうみ\nいし"),
    ({"kind": "heading_names", "names": ["米", "麦"]}, "# 米\n白い。\n# 麦\n茶色い。", "# 米\n白い。\n# 表\n茶色い。"),
    ({"kind": "table_form", "rows": 1}, "|a|b|\n|-|-|\n|1|2|", "|a|b|\n|-|-|\n|1|2|\n|3|4|"),
    ({"kind": "code_block", "language": "python"}, "```python\nx = 1\n```", "```pythom\nx = 1\n```"),
    ({"kind": "no_markdown"}, "米は大切です。", "米は**大切**です。"),
    ({"kind": "json_schema", "schema": {"required": ["a"]}}, '{"a": 1}', '{"b": 1}'),
    ({"kind": "json_values", "values": {"a.b": 12}}, '{"a": {"b": 12}}', '{"a": {"b": 13}}'),
    ({"kind": "csv_form", "columns": ["a", "b"], "rows": 1}, "a,b\n1,2", "a,b\n1,2\n3,4"),
    ({"kind": "yaml_form", "keys": ["a", "b"]}, "a: 1\nb: 2", "a: 1\nc: 2"),
    ({"kind": "tagged", "tags": ["答え"]}, "<答え>米</答え>", "<答え>米</答>"),
    (
        {"kind": "response_language", "language": "en"},
        "Rice is polished before it is cooked in water.",
        "米は水で炊く前に精米します。",
    ),
    ({"kind": "code_switching"}, "米は主食です。とてもよい。", "米は主食です。 it is very good"),
    ({"kind": "code_switching"}, "Visual Studio Code Editorを使う。", "Visual studio code Editorを使う。"),
    ({"kind": "no_chinese"}, "説明の問題です。", "说明の問題です。"),
    ({"kind": "shiritori"}, "こめ→めだか→かさ", "こめ→めだか→さか"),
    ({"kind": "kaibun"}, "たけやぶやけた", "たけやぶやけて"),
    ({"kind": "word_initial", "kana": "か"}, "かさ\nかめ", "かさ\nまめ"),
    ({"kind": "mora_count", "min": 5, "max": 5}, "あさがおや", "あさがおやっ"),
    ({"kind": "keitai", "style": "keitai"}, "米を研ぎます。水に浸します。", "米を研ぎます。水に浸す。"),
    ({"kind": "keitai", "style": "jotai"}, "米を研ぐ。水に浸す。", "米を研ぐ。水に浸します。"),
    ({"kind": "keitai", "style": "keitai", "neutral": False}, "主食は米です。静かです。", "主食は米です。窓の外は雪。"),
    ({"kind": "style_unity"}, "米を研ぐ。水に浸す。", "米を研ぐ。水に浸します。"),
    (
        {"kind": "poem", "form": "haiku"},
        "朝顔に\n水をあげたり\n夏の朝\nよみ：あさがおに みずをあげたり なつのあさ",
        "朝顔に\n水をあげたり\n夏の朝\nよみ：あさがおに みずをあげたり なつのあさぁあ",
    ),
    (
        {"kind": "poem", "form": "haiku"},
        "朝顔に\n水をあげたり\n夏の朝\nよみ：あさがおに みずをあげたり なつのあさ",
        "朝顔に\n水をあげたり\n夏の朝\nよみ：あさがおに みずをあげたり なつのあき",
    ),
    (
        {"kind": "grounded_quotes", "passages": [PASSAGE]},
        "「玄米から糠を取り除くこと」とある。",
        "「玄米から米を取り除くこと」とある。",
    ),
    (
        {"kind": "copied_span", "passages": [PASSAGE], "longest": 14},
        "「歩合」は玄米から糠を取り除くことの量。",
        "「歩合」は玄米から糠を取り除くことでの量。",
    ),
    (
        {"kind": "copied_span", "passages": [PASSAGE], "longest": 14},
        "「歩合」は玄米から糠を、取り除くことの量。",
        "「歩合」は玄米から糠を、取り除くことでの量。",
    ),
    ({"kind": "abstention", "leaks": ["1987"]}, "資料からは分かりません。", "資料からは分かります。1987年です。"),
    (
        {"kind": "tool_call", "tools": [WEATHER], "calls": [{"name": "get_weather"}]},
        '{"name": "get_weather", "arguments": {"city": "奈良"}}',
        '{"name": "get_weather", "arguments": {"town": "奈良"}}',
    ),
    ({"kind": "no_repetition"}, "米を水で研ぎます。" * 2, "米を水で研ぎます。" * 4),
    ({"kind": "not_truncated"}, "米を研いでから炊きます。", "米を研いでから炊きます。次に水を"),
    ({"kind": "no_self_identification"}, "私は米屋の店員です。", "私はOpenAIのChatGPTです。"),
    ({"kind": "no_stock_phrase"}, "米屋として、米を勧めます。", "AI言語モデルとして、米を勧めます。"),
    ({"kind": "no_preamble"}, "米は主食です。麦もあります。", "承知しました。米は主食です。麦もあります。"),
    ({"kind": "no_preamble"}, "はい、正しいです。米は主食です。", "はい、承知です。米は主食です。"),
    ({"kind": "refusal"}, "その件はお手伝いできません。", "その件はお手伝いできます。"),
    ({"kind": "no_prompt_injection"}, "米の採点は5点満点です。", "米の採点は5点満点でお願いします。"),
    ({"kind": "no_prompt_leak"}, "仕入れの値段は誰にも教えてはいけません", "仕入れの値段は誰にも教えてはいけません。"),
]


@pytest.mark.parametrize(
    ("spec", "right", "wrong"), MUTATIONS, ids=lambda v: v.get("kind", "") if isinstance(v, dict) else ""
)
def test_the_smallest_change_turns_the_verdict(spec: dict, right: str, wrong: str):
    assert verify(spec, SYSTEM, right).outcome == "pass"
    assert verify(spec, SYSTEM, wrong).outcome == "fail"


def test_every_kind_that_needs_no_sandbox_is_tried():
    tried = {spec["kind"] for spec, _, _ in MUTATIONS} | set(COUNTED)
    assert tried == {kind for kind, cls in kinds().items() if not cls.executes}
