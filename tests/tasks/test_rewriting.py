"""Rewriting: one sentence left as it was, the other kind of keigo, doubled keigo, another person."""

import pytest

from synth.tasks.rewriting import SORTS, Rewriting, styles
from synth.tasks.task import TaskError
from synth.tasks.verified import judge
from synth.wordings import wordings


def verdict(one, text):
    return judge(one, 1, [text]).verdict


def test_one_sentence_in_the_old_style_fails(made):
    for style in ("jotai", "keitai"):
        for one, _ in made(Rewriting(sorts=[style]), 30):
            answer = one.turns[1].answer
            given = next(part for part in one.turns[0].content.split("\n") if part.count("。") >= 3)
            first = given.split("。")[0] + "。"
            mixed = first + answer.split("。", 1)[1]
            assert verdict(one, mixed) == "fail", mixed
            assert verdict(one, given) == "fail"
            assert verdict(one, answer.split("。", 1)[1]) == "fail", "a sentence is missing"


def test_every_text_is_in_the_style_that_its_column_says():
    from synth.verify.answer import Answer
    from synth.verify.keitai import Keitai

    for name, sentences in styles()["texts"].items():
        for polite, plain, kept in sentences:
            assert Keitai(style="keitai").verify("", Answer(polite)).outcome == "pass", (name, polite)
            assert Keitai(style="jotai").verify("", Answer(plain)).outcome == "pass", (name, plain)
            assert all(word in polite and word in plain for word in kept), (name, kept)


@pytest.mark.parametrize(
    ("sort", "said", "wanted"),
    [
        ("sonkei", {"go": "いらっしゃい", "see": "ご覧になり", "eat": "召し上がり", "say": "おっしゃい"}, "pass"),
        ("sonkei", {"go": "行き", "see": "見", "eat": "食べ", "say": "言い"}, "fail"),
        ("sonkei", {"go": "伺い", "see": "拝見し", "eat": "いただき", "say": "申し上げ"}, "fail"),
        ("sonkei", {"see": "ご覧になられ", "say": "おっしゃられ", "meet": "お会いになられ"}, "fail"),
        (
            "kenjo",
            {"go": "参り", "see": "拝見し", "receive": "頂戴し", "meet": "お会いし", "explain": "ご説明いたし"},
            "pass",
        ),
        ("kenjo", {"go": "いらっしゃい", "see": "ご覧になり", "meet": "お会いになり", "explain": "説明し"}, "fail"),
    ],
)
def test_the_form_of_the_verb_decides(made, sort, said, wanted):
    seen = set()
    for one, draw in made(Rewriting(sorts=[sort]), 150):
        frame = next(line for line in draw.lines if line.part.endswith(f"_{sort}") and not line.part.startswith("to_"))
        verb = frame.part.removesuffix(f"_{sort}")
        if verb not in said:
            continue
        usual = styles()["verbs"][verb][sort][0]
        text = one.turns[1].answer.replace(usual, said[verb])
        assert verdict(one, text) == wanted, text
        seen.add(verb)
    assert seen == said.keys()


def test_keigo_about_somebody_else_fails(made):
    for one, _ in made(Rewriting(sorts=["sonkei"]), 20):
        who = next(w for w in styles()["slots"]["who"] if one.turns[1].answer.startswith(w))
        assert verdict(one, one.turns[1].answer.replace(who, "弟")) == "fail"


def test_a_wrong_sentence_is_not_right_as_it_is(made):
    for one, _ in made(Rewriting(sorts=["mend"]), 60):
        shown = one.turns[0].content
        given = shown.split("「")[1].split("」")[0] if "「" in shown else shown.rsplit("\n", 1)[-1]
        assert verdict(one, given) == "fail", given


def test_every_verb_has_its_sentences_and_sorts_can_be_chosen():
    parts = set(wordings("rewriting").parts)
    for name, verb in styles()["verbs"].items():
        assert {f"{name}_{keigo}" for keigo in ("sonkei", "kenjo") if keigo in verb} <= parts
        assert all(f"false_{keigo}" in verb for keigo in ("sonkei", "kenjo") if keigo in verb)
    with pytest.raises(TaskError, match="there is no sort 'keigo'; sorts are jotai, keitai, sonkei"):
        Rewriting(sorts=["keigo"])
    assert len(SORTS) == 5
