"""句読点 by majority: the cases of Swallow's own doctests, what is spared, and the kernel against the reference."""

import pytest

from curation.normalise.kutoten import Kutoten, kutoten
from curation.normalise.nfkc import nfkc

SWALLOW = {
    "この文章の句点、読点を修正します。": "この文章の句点、読点を修正します。",
    "この文章の句点，読点を修正します。": "この文章の句点、読点を修正します。",
    "この文章の句点、読点を修正します．": "この文章の句点、読点を修正します。",
    "この文章の句点，読点を修正します．": "この文章の句点、読点を修正します。",
    "Ｈｉ，のように全角の英語が混ざった場合でも、修正します。": "Ｈｉ，のように全角の英語が混ざった場合でも、修正します。",
    "Ｈｉ，のように全角の英語が混ざった場合でも，修正します．": "Ｈｉ，のように全角の英語が混ざった場合でも、修正します。",
    "円周率は３．１４と習いました、修正します。": "円周率は３．１４と習いました、修正します。",
    "円周率は３．１４と習いました，修正します．": "円周率は３．１４と習いました、修正します。",
    "お待ちください．．．": "お待ちください。。。",
    "それは，，，，，": "それは、、、、、",
}
"""Sentences of swallow-corpus `kutoten.py` (2d03507), shortened; its results."""


@pytest.mark.parametrize(("text", "expected"), SWALLOW.items())
def test_swallows_own_cases_come_out_as_there(text, expected, rewritten):
    assert kutoten(text) == expected
    assert rewritten(Kutoten(), [text]) == [expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("あ、い，う", "あ、い，う"),  # one each: a tie changes nothing
        ("あ、い，う，え", "あ、い、う、え"),
        ("サーバー，クッキー，", "サーバー，クッキー，"),  # ー is no letter to Swallow, so nobody votes
        ("値は3，000円，重さは10．5kgです．", "値は3，000円、重さは10．5kgです。"),
        ("1．はじめに\n全部で10．\n終わり．", "1．はじめに\n全部で10。\n終わり。"),
        ("，あ，い，", "、あ、い、"),
        ("Ａ，，あ，い，", "Ａ，，あ、い、"),
        ("漢字），々，〇．", "漢字）、々、〇。"),
        ("", ""),
    ],
)
def test_votes_ties_and_numbers(text, expected, rewritten):
    assert kutoten(text) == expected
    assert rewritten(Kutoten(), [text]) == [expected]


def test_nfkc_before_it_leaves_the_decision_open():
    assert (
        kutoten(nfkc("円周率は３．１４，ＡＢＣ，１．はじめに，これです．")) == "円周率は3.14,ABC,1.はじめに、これです。"
    )


def test_the_kernel_equals_the_reference_and_settles_each_page(random_texts, pages, rewritten):
    texts = random_texts("，．、。，．あア漢字）」Ａ９ａ09aー\n x", 20_000) + pages
    expected = list(map(kutoten, texts))
    made = rewritten(Kutoten(), [*texts, None])
    assert made == [*expected, None]
    assert sum(a != b for a, b in zip(texts, expected, strict=True)) > 1000
