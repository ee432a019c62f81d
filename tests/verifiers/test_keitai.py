"""Sentence styles against labels that were made before the rule, twice, and against a set collected after it was frozen."""

import importlib.util
import re
import sys
from collections import Counter
from pathlib import Path

import pytest

from synth.verify import sentence_style
from synth.verify.constraint import verify
from synth.verify.morphemes import Morphemes
from synth.verify.sentence_style import style_of, style_of_tokens, tokens_of
from synth.verify.sentences import Sentence

ENDS = ["。", "か？", "よね！", "けど。", "、昨日。", "（笑）", "」", "…", "と言う。", "人。", "っけ？", "♪"]
BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def sentences():
    spec = importlib.util.spec_from_file_location("_labelled_sentences", BENCHMARKS / "_labelled_sentences.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["_labelled_sentences"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def kappa(pairs: list[tuple[str, str]]) -> float:
    """Cohen's κ of two labellings."""
    n = len(pairs)
    first, second = (Counter(side) for side in zip(*pairs, strict=True))
    chance = sum(first[label] * second[label] for label in first) / n**2
    return (sum(a == b for a, b in pairs) / n - chance) / (1 - chance)


def test_the_hard_list_alone_is_read_as_labelled(sentences):
    found = sentences.labelled("hard_list", None)
    assert len(found) >= 120
    measured = sentences.graded(found)
    assert measured["macro"] >= 0.98
    assert measured["abstain"] <= 0.05


def test_three_hundred_sentences_of_six_sources(sentences, dev: Path):
    found = sentences.labelled("hard_list", None) + sentences.labelled("referenced", dev)
    labels = Counter(label for _, _, label in found)
    assert len(found) >= 300
    assert len({source for source, _, _ in found}) >= 4
    assert min(labels.values()) >= 60
    measured = sentences.graded(found)
    assert measured["macro"] >= 0.98
    assert measured["abstain"] <= 0.05


def test_the_two_labellings_agree(sentences):
    rows = sentences.rows("hard_list") + sentences.rows("referenced")
    assert kappa([(r["first"], r["second"]) for r in rows]) > 0.95


def test_sentences_collected_after_the_rule_was_frozen(sentences, dev: Path):
    """Natural proportions: few `other`, so their accuracy says little; docs/benchmarks.md gives every figure."""
    measured = sentences.graded(sentences.labelled("after_freeze", dev))
    assert measured["micro"] >= 0.95
    assert measured["abstain"] <= 0.05


def test_the_short_way_to_keitai_agrees_with_the_whole_rule(sentences):
    texts = [text for _, text, _ in sentences.labelled("hard_list", None)]
    texts += [
        f"{a}{b}"
        for a in ("米です", "行きました", "ありませんでした", "これは「です」", "見ますの", "来まして", "ですが")
        for b in ENDS
    ]
    for text in texts:
        whole = Sentence(text, 0, len(text), False, False, False)
        morphemes = Morphemes(text)
        tokens = tokens_of(whole, morphemes)
        slow = style_of_tokens(tokens).style if tokens and tokens[-1].sub != "引用" else None
        if slow is not None and style_of(whole, morphemes).style == "keitai":
            assert slow == "keitai", text


POLITE = [
    "米です",
    "米でした",
    "米でしょう",
    "研ぎます",
    "研ぎました",
    "研ぎましょう",
    "研ぎません",
    "見ます",
    "上げました",
]
NOT_TOLD = [
    "目をさます",
    "はげました",
    "顔をだます",
    "ましまし",
    "これは「です",
    "おはようございます",
    "です人",
    "ませ",
]


def test_what_is_told_without_morphemes_is_what_morphemes_tell(sentences, monkeypatch):
    """です and ます of which the pattern is sure, and words that end like them."""
    texts = [text for _, text, _ in sentences.labelled("hard_list", None)]
    texts += [f"{a}{b}" for a in (*POLITE, *NOT_TOLD) for b in (*ENDS, "ね。", "よ！", "かね？", "")]
    wholes = [Sentence(text, 0, len(text), True, False, False) for text in texts]
    short = [style_of(whole, Morphemes(whole.text)) for whole in wholes]
    told = [sentence_style._PLAINLY_POLITE.search(text) is not None for text in texts]
    assert sum(told) > 60
    monkeypatch.setattr(sentence_style, "_PLAINLY_POLITE", re.compile("(?!)"))
    monkeypatch.setattr(sentence_style, "_MAY_BE_POLITE", re.compile(""))
    for whole, styled, plain in zip(wholes, short, told, strict=True):
        slow = style_of(whole, Morphemes(whole.text))
        assert slow.style == styled.style, whole.text
        assert not plain or slow == styled


def test_one_plain_sentence_among_polite_ones_fails_with_its_place():
    answer = "米を研ぎます。水に浸す。火にかけます。"
    verdict = verify({"kind": "keitai", "style": "keitai"}, "", answer)
    assert verdict.outcome == "fail"
    assert answer[verdict.evidence[0].start : verdict.evidence[0].end] == "水に浸す。"
    assert verify({"kind": "keitai", "style": "keitai"}, "", answer.replace("浸す", "浸します")).outcome == "pass"


def test_code_and_quotations_have_no_style():
    answer = "次のように書きます。\n```\n# 値を返す。\n```\n「返せ。」と言われました。"
    assert verify({"kind": "keitai", "style": "keitai"}, "", answer).outcome == "pass"
