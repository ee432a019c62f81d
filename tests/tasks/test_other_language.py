"""Answers in another language: the right language with another value, the right value in Japanese, half and half."""

import pytest

from synth.tasks.other_language import OtherLanguage, data, times
from synth.tasks.task import TaskError
from synth.tasks.verified import judge
from synth.wordings import wordings


@pytest.mark.parametrize("language", list(data()["languages"]))
def test_program_made_answers_pass_in_every_language(language, made):
    for one, _ in made(OtherLanguage(languages=[language], back=0), 60):
        judged = judge(one, 1, [one.turns[1].answer])
        assert judged.verdict == "pass", (one.turns[1].answer, judged.found)
        assert one.lang == language


def test_a_japanese_answer_fails_where_another_language_was_asked_for(made):
    for one, _ in made(OtherLanguage(back=0), 40):
        value = next(c for c in one.turns[1].checks if c.kind == "keyword_include").keywords[0]
        assert judge(one, 1, [f"お尋ねの件は、案内によると{value}とのことです。"]).verdict == "fail"


def test_a_foreign_answer_fails_where_japanese_was_asked_for(made):
    for one, _ in made(OtherLanguage(back=100), 40):
        value = next(c for c in one.turns[1].checks if c.kind == "keyword_include").keywords[0]
        assert one.lang == "ja"
        assert judge(one, 1, [f"According to the notice, the answer to your question is {value}."]).verdict == "fail"


def test_the_language_is_named_in_the_prompt_and_another_value_fails(made):
    for one, _ in made(OtherLanguage(back=0, languages=["en", "ko"]), 40):
        assert data()["languages"][one.lang] in one.turns[0].content
        wrong = {"en": "It is not written in this notice at all.", "ko": "이 안내에는 적혀 있지 않습니다."}[one.lang]
        assert judge(one, 1, [wrong]).verdict == "fail"


def test_every_fact_is_stated_in_every_language():
    parts = set(wordings("other_language").parts)
    for fact in data()["facts"]:
        assert {f"{fact}_{tongue}" for tongue in ("ask", "ja", *data()["languages"])} <= parts
    for place in data()["places"].values():
        assert place.keys() == {"ja", *data()["languages"]}


def test_a_time_is_right_in_the_ways_that_people_write_it():
    at = times(18, 30)
    assert {"午後6時30分", "18時半", "6:30"} <= set(at["ja"])
    assert {"6:30 p.m.", "18:30"} <= set(at["en"])
    assert {"18 h 30", "18h30"} <= set(at["fr"])
    assert {"9 heures", "9 h"} <= set(times(9, 0)["fr"])
    assert "9 am" in times(9, 0)["en"]
    assert not any("半" in form for form in times(9, 0)["zh"])


def test_languages_can_be_chosen_and_an_unknown_one_is_refused(made):
    assert {one.lang for one, _ in made(OtherLanguage(languages=["fr"], back=0), 9)} == {"fr"}
    with pytest.raises(TaskError, match="there is no language 'pt'; languages are en, zh"):
        OtherLanguage(languages=["pt"])
