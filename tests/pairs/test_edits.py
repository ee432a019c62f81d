"""Minimal edits: nearly every kind of constraint has one, and what is used is proven."""

import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.pairing.edits.edit import difference, editors, proven, verdicts_of
from synth.pairing.edits.style import courteous, plain
from synth.pairing.edits.words import other_values
from synth.verify.audit import goldens
from synth.verify.constraint import kinds, parse
from synth.verify.prompt import Prompt

SANDBOXED = {"code_tests"}
ELSEWHERE = {"abstention", "refusal", "no_self_identification", "script_share"}
"""Made by the strategies twins and over_refusal, or without a natural minimal edit."""


def edited(text: str, *specs: dict, prompt: str = "質問です。") -> dict[str, list[str]]:
    """Proven edits of a passing answer, by the constraint that they break."""
    made = [parse(s) for s in specs]
    asked = Prompt(prompt)
    before = verdicts_of(made, asked, text)
    assert {v.outcome for v in before} == {"pass"}
    return {spec.kind: [p.text for p in proven(made, i, asked, text, before)] for i, spec in enumerate(made)}


def test_all_kinds_but_four_have_an_edit():
    assert set(kinds()) - editors().keys() == ELSEWHERE
    assert len(editors()) >= 30


@pytest.mark.parametrize("kind", sorted(set(editors()) - SANDBOXED))
def test_some_passing_golden_of_the_kind_is_edited_so_that_it_fails(kind):
    tried = Counter()
    for golden in (g for g in goldens() if g.spec.kind == kind and g.wanted == "pass" and g.finish_reason is None):
        before = verdicts_of([golden.spec], golden.prompt, golden.answer)
        for made in proven([golden.spec], 0, golden.prompt, golden.answer, before):
            tried["edited"] += 1
            assert golden.spec.verify(golden.prompt, made.text).outcome == "fail"
            x1, x2, y1, y2 = made.span
            assert golden.answer[:x1] == made.text[:y1]
            assert golden.answer[x2:] == made.text[y2:]
            assert golden.answer[x1:x2] != made.text[y1:y2]
    assert tried["edited"] >= 2


def test_an_edit_that_breaks_a_second_constraint_is_none():
    alone = edited("会費は500円です。", {"kind": "keyword_include", "keywords": ["500円"]})
    both = edited(
        "会費は500円です。",
        {"kind": "keyword_include", "keywords": ["500円"]},
        {"kind": "grounded_numbers", "passages": ["会費は500円、定員は14人です。"]},
    )
    assert any("501" in text for text in alone["keyword_include"])
    assert not any("501" in text for text in both["keyword_include"]), "its number would no longer be in the source"


def test_a_wrong_value_is_taken_from_the_source_where_it_has_another_of_that_shape():
    source = "開催日は5月20日です。締切は3月16日です。定員は20人です。"
    assert other_values("3月16日", source) == ["5月20日"]
    made = edited("締切は3月16日です。", {"kind": "keyword_include", "keywords": ["3月16日"]}, prompt=source)
    assert "締切は5月20日です。" in made["keyword_include"]


@pytest.mark.parametrize(
    ("text", "word", "made"),
    [
        ("脂質、タンパク質、炭水化物。", "タンパク質", "脂質、炭水化物。"),
        ("彼の創造性が光る。", "創造性", "彼のそれが光る。"),
        ("創造性豊かな作品です。", "創造性", "そうぞうせい豊かな作品です。"),
        ("生成サーバー群を増やす。", "サーバー", "生成サーバ群を増やす。"),
    ],
)
def test_a_keyword_goes_missing_as_people_would_write_it(text, word, made):
    asked = f"「{word}」という語を使ってください。"
    assert edited(text, {"kind": "keyword_include", "keywords": [word]}, prompt=asked)["keyword_include"][0] == made


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("植物園は午後6時30分に閉まります。", "午後6時30分"),
        ("美术馆每逢星期二休息。", "星期二"),
        ("60日前までに通知します。", "60日前"),
    ],
)
def test_what_stands_for_a_keyword_leaves_a_sentence(text, word):
    made = edited(text, {"kind": "keyword_include", "keywords": [word]}).get("keyword_include", [])
    assert all(re.search(r"\d", one) for one in made), "another value, and not それに閉まります or ろくれいにち"
    assert not any("それ" in one or "每逢休息" in one for one in made)


def test_kana_of_a_word_that_nobody_asked_for_is_no_worse_answer():
    spec = {"kind": "keyword_include", "keywords": ["お待ちし"]}
    said = edited("私は来週、京都で社長をお待ちします。", spec, prompt="敬語に直してください。待つ")["keyword_include"]
    assert not any("おまちし" in one for one in said)


def test_what_is_no_form_of_a_verb_is_not_written():
    assert plain("走ろう。") is None
    assert courteous("走ろう。") is None
    assert courteous("走る。") == "走ります。"


def test_over_and_under_the_limits_of_character_counts():
    text = "朝は早く起きて、庭の花に水をやります。昼には市場へ出かけ、野菜を買います。"
    spec = {"kind": "char_count", "min": 33, "max": 40, "spaces": "skip", "newlines": "skip"}
    lengths = sorted(map(len, edited(text, spec)["char_count"]))
    assert len(text) == 37
    assert lengths[0] < 33
    assert 40 < lengths[-1] <= 48


def test_one_sentence_in_plain_style_among_polite_ones():
    made = edited("米を研ぎます。水に浸します。火にかけます。", {"kind": "keitai", "style": "keitai"})["keitai"]
    assert made[0] == "米を研ぎます。水に浸す。火にかけます。"


def test_two_items_change_places_and_the_text_stays_as_long():
    made = edited("柿、梨、桃", {"kind": "keyword_order", "keywords": ["柿", "梨", "桃"]})["keyword_order"]
    assert "柿、桃、梨" in made


def test_a_wrong_result_leaves_the_calculation_right():
    text = "3×4=12です。答えは12個です。"
    made = edited(
        text, {"kind": "math_answer", "value": "12", "unit": ["個"]}, {"kind": "arithmetic_steps", "least": 1}
    )
    assert made["math_answer"][0] == "3×4=12です。答えは13個です。"
    assert all(t.endswith("答えは12個です。") for t in made["arithmetic_steps"])


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=12), st.text(max_size=12))
def test_what_differs_is_between_a_common_beginning_and_a_common_end(a, b):
    x1, x2, y1, y2 = difference(a, b)
    assert a[:x1] + b[y1:y2] + a[x2:] == b
    assert (x1, x2 - x1, y2 - y1) == (y1, len(a) - x1 - len(a[x2:]), len(b) - y1 - len(b[y2:]))
