"""The shape: specs, what several verdicts say together, one analysis for all, and which pairs are never asked for."""

import json
import time
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.verify.constraint import SpecError, parse, verify, verify_all
from synth.verify.feasibility import conflict, conflicts, require_feasible
from synth.verify.sentences import sentences_of
from synth.verify.verdict import Verdict, combined

SHORT = parse({"kind": "char_count", "max": 10, "spaces": "count", "newlines": "count", "unit": "code_point"})
OUTCOMES = st.builds(Verdict, st.sampled_from(["pass", "fail", "abstain"]), st.just(0.5), hard=st.booleans())


@given(st.lists(OUTCOMES))
def test_fail_comes_before_abstain_and_nothing_checked_is_unverified(verdicts: list[Verdict]):
    hard = [v.outcome for v in verdicts if v.hard]
    wanted = "unverified" if not hard else "fail" if "fail" in hard else None
    said = combined(verdicts)
    assert said == wanted if wanted else said == ("abstain" if "abstain" in [v.outcome for v in verdicts] else "pass")


def test_verdicts_name_their_kind_and_version():
    verdict = verify({"kind": "char_count", "max": 3, "hard": False}, "短く答えて", "米を研ぐ。")
    assert (verdict.outcome, verdict.kind, verdict.version, verdict.hard) == ("fail", "char_count", 4, False)
    assert verdict.evidence[0][:3] == ("characters", 5, "at most 3")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"kind": "keyword_inclde"}, "did you mean 'keyword_include'"),
        ({"kind": "char_count"}, "min, max or both"),
        ({"kind": "char_count", "min": 5, "max": 3}, "min 5 is above max 3"),
        ({"kind": "char_count", "max": -1}, "max: .*greater than or equal to 0"),
        ({"kind": "char_count", "maximum": 5}, "maximum: .*keys are hard, min, max"),
        ({"kind": "keyword_include", "keywords": ["米", " "]}, "found everywhere"),
        ({"kind": "json_schema", "schema": {"type": "objekt"}}, "no valid JSON Schema"),
        ({"kind": "json_schema", "schema": {"$ref": "https://example.jp/s.json"}}, "only references inside it"),
        (
            {"kind": "tool_call", "tools": [{"name": "f", "parameters": {"type": 3}}], "expect": "none"},
            "no valid JSON Schema",
        ),
        ({"kind": "tool_call", "tools": [{"name": "f"}], "calls": [{"name": "g"}]}, "none of the tools"),
        ({"kind": "math_answer", "value": "七つほど"}, "a number or a fraction"),
        ({}, "no constraint is called None"),
    ],
)
def test_a_spec_that_cannot_be_is_said_in_full(spec: dict, message: str):
    with pytest.raises(SpecError, match=message):
        parse(spec)


def test_one_segmentation_serves_all_verifiers(monkeypatch):
    from synth.verify import morphemes

    asked = []
    whole = morphemes.tokeniser
    monkeypatch.setattr(morphemes, "tokeniser", lambda mode="C": asked.append(mode) or whole(mode))
    specs = [
        parse({"kind": "keitai", "style": "keitai"}),
        parse({"kind": "style_unity"}),
        parse({"kind": "taigendome_count", "max": 0}),
    ]
    assert verify_all([SHORT], "", "米を研ぐ。")[0] == "pass"
    assert asked == []
    assert verify_all(specs, "", "米を研ぎます。水に浸します。")[0] == "pass"
    assert asked == []  # です and ます at the end need none
    assert verify_all(specs, "", "米を研ぎます。どうぞご覧ください。")[0] == "pass"
    assert asked == ["C"]


@given(st.text(max_size=80))
def test_sentences_keep_their_places(text: str):
    for s in sentences_of(text):
        assert text[s.start : s.end] == s.text


class _Divides(type(SHORT)):
    kind = ""

    def _judge(self, answer, prompt):
        raise ZeroDivisionError("by nothing")


def test_a_verifier_that_raises_costs_a_run_one_verdict_and_is_seen_everywhere_else():
    broken = _Divides(max=10, hard=False)
    overall, (first, second) = verify_all([broken, SHORT], "", "米を研ぐ。")
    assert (overall, first.outcome, second.outcome, first.hard) == ("abstain", "abstain", "pass", False)
    assert first.evidence[0][:2] == ("verifier error: ZeroDivisionError", "by nothing")
    with pytest.raises(ZeroDivisionError):
        broken.verify("", "米を研ぐ。")


CONFLICTS = [
    ({"kind": "char_count", "max": 10}, {"kind": "char_count", "min": 20}),
    ({"kind": "char_count", "max": 10}, {"kind": "repeat_prompt", "text": "桜について説明してください。"}),
    ({"kind": "char_count", "max": 10}, {"kind": "keyword_count", "keyword": "アプリ", "min": 4}),
    ({"kind": "char_count", "max": 10}, {"kind": "script_count", "script": "kanji", "min": 11}),
    ({"kind": "keyword_exclude", "keywords": ["海"]}, {"kind": "keyword_include", "keywords": ["海岸"]}),
    ({"kind": "keyword_exclude", "keywords": ["ai"]}, {"kind": "start_phrase", "phrase": "ＡＩとは"}),
    ({"kind": "script_only", "scripts": ["hiragana"]}, {"kind": "furigana"}),
    ({"kind": "script_only", "scripts": ["hiragana"]}, {"kind": "script_only", "scripts": ["katakana"]}),
    ({"kind": "script_exclude", "script": "katakana"}, {"kind": "end_phrase", "phrase": "カード、終わり。"}),
    ({"kind": "script_exclude", "script": "kanji"}, {"kind": "script_count", "script": "kanji", "min": 1}),
    ({"kind": "json_form"}, {"kind": "csv_form"}),
    ({"kind": "json_form"}, {"kind": "enclosed"}),
    ({"kind": "no_markdown"}, {"kind": "bold_count", "min": 1}),
    ({"kind": "response_language", "language": "en"}, {"kind": "response_language", "language": "fr"}),
    ({"kind": "response_language", "language": "en"}, {"kind": "script_only", "scripts": ["hiragana"]}),
    ({"kind": "enclosed"}, {"kind": "start_phrase", "phrase": "はい"}),
    ({"kind": "kutoten_exclude", "touten": True}, {"kind": "repeat_prompt", "text": "春、夏、秋。"}),
]


@pytest.mark.parametrize(("a", "b"), CONFLICTS)
def test_a_pair_that_cannot_hold_is_named_in_either_order(a: dict, b: dict):
    why = conflict(parse(a), parse(b))
    assert why
    assert conflict(parse(b), parse(a))
    with pytest.raises(SpecError, match="cannot both hold"):
        require_feasible([parse(a), parse(b)])


def test_pairs_that_can_hold_are_left_alone():
    assert not conflicts(
        parse(spec)
        for spec in [
            {"kind": "char_count", "max": 100},
            {"kind": "keyword_exclude", "keywords": ["海"], "except_in": ["上海"]},
            {"kind": "keyword_include", "keywords": ["上海"]},
            {"kind": "bullet_count", "min": 3},
            {"kind": "no_markdown"},
            {"kind": "kansuuji"},
        ]
    )


def test_no_answer_passes_two_constraints_that_are_said_to_exclude_each_other(all_goldens):
    """Soundness: every pair of golden specs that is called infeasible, against every golden answer of either."""
    specs: dict[str, list] = {}
    for golden in (g for g in all_goldens if not g.spec.executes):
        specs.setdefault(json.dumps(golden.spec.as_json(), sort_keys=True), []).append(golden)
    wrong = []
    for one, other in combinations(specs.values(), 2):
        if why := conflict(one[0].spec, other[0].spec):
            for golden in (g for g in (*one, *other) if g.wanted == "pass"):
                if all(s.verify(golden.prompt, golden.answer).outcome == "pass" for s in (one[0].spec, other[0].spec)):
                    wrong.append((why, golden.answer))
    assert not wrong


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"x": {"type": "string", "pattern": "^(a|aa)+$"}}},
        {"type": "object", "patternProperties": {"^(a|aa)+$": {}}},
        {"type": "object", "patternProperties": {"^(a|aa)+$": {}}, "additionalProperties": False},
    ],
)
def test_a_pattern_that_finds_no_end_abstains(schema: dict):
    endless = "a" * 60 + "!"
    spec = parse({"kind": "json_schema", "schema": schema})
    answer = json.dumps({"x": endless} if "properties" in schema else {endless: 1})
    began = time.process_time()
    verdict = spec.verify("", answer)
    assert time.process_time() - began < 5
    assert verdict.outcome == "abstain"
    assert "takes longer" in str(verdict.evidence[0].found)
    assert spec.verify("", json.dumps({"x": "aaa"} if "properties" in schema else {"aaa": 1})).outcome == "pass"
