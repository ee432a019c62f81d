"""Summaries: what a program sees of good and bad ones."""

import pytest

from synth.tasks.summarise import Summarise
from synth.tasks.task import TaskError
from synth.tasks.verified import judge

GOOD = {
    "keitai": "精米は玄米の糠を落とす作業で、新しいうちに食べると香りを楽しめます。",
    "jotai": "精米は玄米の糠を落とす作業で、新しいうちに食べると香りを楽しめる。",
}


@pytest.fixture
def about_rice(made, passages):
    """Instances about the passage on rice, with a sentence that fits their style and length."""
    found = []
    for one, _ in made(Summarise(share=(30, 40)), 90):
        if passages[0].text not in one.turns[0].content:
            continue
        style = next((c.style for c in one.turns[1].checks if c.kind == "keitai"), "keitai")
        length = next(c for c in one.turns[1].checks if c.kind == "char_count")
        if length.within(len(GOOD[style])):
            found.append((one, GOOD[style]))
    assert len(found) >= 5
    return found


def test_a_good_summary_passes(about_rice):
    for one, text in about_rice:
        judged = judge(one, 1, [text], "stop")
        assert judged.verdict == "pass", [(v.kind, v.evidence) for v in judged.found if v.outcome != "pass"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text, source: text * 9,
        lambda text, source: text.replace("新しいうちに", "30日のうちに"),
        lambda text, source: "承知しました。以下に要約します。\n" + text,
        lambda text, source: "Polished rice keeps for two weeks in summer and smells good while it is fresh.",
    ],
    ids=["too long", "a number of its own", "a preamble", "English"],
)
def test_a_bad_summary_fails(about_rice, passages, spoil):
    for one, text in about_rice:
        assert judge(one, 1, [spoil(text, passages[0].text)], "stop").verdict == "fail"


def test_a_copy_fails_where_own_words_were_asked_for(about_rice, passages):
    asked = [one for one, _ in about_rice if any(c.kind == "copied_span" for c in one.turns[1].checks)]
    assert asked
    for one in asked:
        copy = passages[0].text[:60].rsplit("。", 1)[0] + "。"
        assert "copied_span" in {v.kind for v in judge(one, 1, [copy], "stop").found if v.outcome == "fail"}


def test_limits_are_said_in_the_prompt(made):
    for one, _ in made(Summarise(), 30):
        length = next(c for c in one.turns[1].checks if c.kind == "char_count")
        for limit in (length.min, length.max):
            assert limit is None or f"{limit}字" in one.turns[0].content


def test_a_share_that_is_none_is_refused():
    with pytest.raises(TaskError, match="share is two percentages"):
        Summarise(share=(50, 20))
