"""Notices, and the tasks that ask about them: extraction, reading, dialogue. Answers by hand, and answers that are almost right."""

import datetime
import json
import re

import pytest

from curation.provenance import key
from synth.tasks import notices
from synth.tasks.dialogue import Dialogue
from synth.tasks.draw import Draw
from synth.tasks.extraction import Extraction
from synth.tasks.multiple_choice import LABELS, MultipleChoice
from synth.tasks.notices import Fact
from synth.tasks.reading import Reading
from synth.tasks.task import TaskError
from synth.tasks.verified import judge, turns_column


def drawn(n: int):
    for i in range(n):
        draw = Draw(key("notice", i), notices.words())
        yield draw, notices.notice(draw)


def test_weekdays_of_dates_are_those_of_the_calendar():
    seen = 0
    for _, notice in drawn(60):
        for year, month, day, weekday in re.findall(r"(\d{4})年(\d+)月(\d+)日（(.)）", notice.text):
            assert datetime.date(int(year), int(month), int(day)).weekday() == "月火水木金土日".index(weekday)
            seen += 1
    assert seen > 50


def test_every_fact_stands_in_its_sentence_and_can_be_asked_for():
    for draw, notice in drawn(60):
        for fact in notice.facts:
            assert fact.text in fact.sentence
            assert notice.subject in notices.ask(draw, notice, fact.name)
            assert fact.text in notices.reply(draw, notice, fact.name)
            assert not notices.remains(notice.without(fact.name).text, fact) or fact.kind != "text"


@pytest.mark.parametrize("text", ["二千八百円です", "2800円", "2,800円", "２８００円", "参加費は2,800 円"])
def test_a_number_remains_in_any_way_of_writing(text):
    assert notices.remains(text, Fact("fee", "number", "2,800円", 2800, "", "円"))


@pytest.mark.parametrize(("text", "left"), [("水曜に休みます", True), ("水の日", False)])
def test_another_name_of_a_value_remains_too(text, left):
    assert notices.remains(text, Fact("holiday", "text", "水曜日", "水曜日", "", others=("水曜",))) is left


def test_extracted_values_are_those_of_the_notice_and_absent_ones_are_null(made):
    absent = 0
    for one, _ in made(Extraction(absent=60), 60):
        answer = json.loads(one.turns[1].answer)
        text = one.turns[0].content
        for name, value in answer.items():
            if value is None:
                absent += 1
            elif isinstance(value, int):
                assert f"{value:,}" in text
            elif re.fullmatch(r"\d{4}-\d\d-\d\d", value):
                day = datetime.date.fromisoformat(value)
                assert f"{day.year}年{day.month}月{day.day}日" in text
            elif not re.fullmatch(r"\d\d:\d\d", value):
                assert value in text, name
    assert absent > 10


def test_an_invented_or_wrong_value_fails(made):
    for one, _ in made(Extraction(absent=100), 30):
        values = json.loads(one.turns[1].answer)
        for name, value in values.items():
            wrong = values | {name: value + 1 if isinstance(value, int) else "2027-12-31"}
            assert judge(one, 1, [json.dumps(wrong, ensure_ascii=False)]).verdict == "fail"
        assert judge(one, 1, ["以下のとおりです。\n" + one.turns[1].answer]).verdict == "fail"


def hidden(instances):
    """Those whose text does not answer."""
    return [
        one
        for one, _ in instances
        if any(c.kind == "abstention" and c.expect == "unknown" for c in one.turns[1].checks)
    ]


def test_an_unanswerable_twin_wants_an_abstention_and_fails_on_the_removed_value(made):
    twins = hidden(made(Reading(unanswerable=100), 80))
    for one in twins:
        abstention = next(c for c in one.turns[1].checks if c.kind == "abstention")
        for form in abstention.leaks:
            assert form not in one.turns[0].content
            assert judge(one, 1, [f"{form}です。"]).verdict == "fail"
        assert judge(one, 1, ["文章からは分かりません。"]).verdict == "pass"
    assert len(twins) > 25


def test_an_answerable_question_fails_on_an_abstention_and_on_another_texts_value(made):
    for one, _ in made(Reading(unanswerable=0, quoted=0), 40):
        assert judge(one, 1, ["分かりません。"]).verdict == "fail"
        assert judge(one, 1, ["9,999円です。"]).verdict == "fail"


def test_a_quotation_that_is_not_in_the_text_fails(made):
    for one, _ in made(Reading(unanswerable=0, quoted=100), 40):
        answer = one.turns[1].answer
        assert judge(one, 1, [answer]).verdict == "pass"
        changed = re.sub(r"「(.{3})", r"「なお\1", answer)
        assert judge(one, 1, [changed]).verdict == "fail", changed


def test_twins_ask_the_same_and_have_one_name_for_novelty(made):
    by_name: dict[str, list] = {}
    for one, _ in made(Reading(unanswerable=100, two=0), 60):
        by_name.setdefault(one.twin, []).append(one)
    pairs = [pair for pair in by_name.values() if len(pair) == 2]
    assert len(pairs) > 20
    for first, second in pairs:
        removed = [s for s in re.findall(r"[^。\n]*。", first.turns[0].content) if s not in second.turns[0].content]
        assert len(removed) == 1
        assert first.template == second.template


def test_each_turn_of_a_dialogue_is_judged_by_itself(made):
    one, _ = made(Dialogue(turns=(3, 3), system=0), 1)[0]
    answers = [t.answer for t in one.turns if t.open]
    places = [i for i, t in enumerate(one.turns) if t.open]
    judged = [judge(one, place, answers[: i + 1]) for i, place in enumerate(places)]
    assert [j.verdict for j in judged] == ["pass"] * len(places)
    wrong = judge(one, places[1], [answers[0], "存じておりますが、お教えできないのだ。"])
    assert wrong.verdict != "pass"
    assert [t["train"] for t in turns_column(one, [judged[0], wrong])][:2] == [True, False]
    assert [turn["turn"] for turn in one.spec()["turns"]] == places


def test_limits_of_parameters_are_said():
    for cls, params in ((Reading, {"two": 120}), (Extraction, {"absent": -1}), (Dialogue, {"turns": (4, 2)})):
        with pytest.raises(TaskError, match="not"):
            cls(**params)


def test_only_the_right_label_passes_and_wrong_answers_are_not_in_the_text(made):
    for one, _ in made(MultipleChoice(), 40):
        right = one.turns[1].answer
        assert [label for label in LABELS if judge(one, 1, [label]).verdict == "pass"] == [right]
        assert judge(one, 1, [f"答えは{right}です。"]).verdict != "pass"
        assert set(one.turns[1].structure.value) == set(LABELS)
