"""Function calling: calls that are almost right, calls where none is needed, and questions that are not asked."""

import json

import jsonschema
import pytest

from synth.tasks.function_calling import SORTS, FunctionCalling, tools
from synth.tasks.task import TaskError
from synth.tasks.verified import judge, said


def last(one):
    return len(one.turns) - 1


def answers(one):
    return [turn.answer for turn in one.turns if turn.open]


def test_every_argument_follows_from_the_request(made):
    for one, _ in made(FunctionCalling(sorts=["single"]), 80):
        asked = one.turns[1].content
        (call,) = json.loads(one.turns[2].answer)
        for name, argument in call["arguments"].items():
            parameter = tools()["tools"][call["name"]]["parameters"][name]
            if "values" in parameter:
                assert argument in asked
            elif "arguments" in parameter:
                texts = [text for text, value in parameter["arguments"] if value == argument]
                assert texts[0] in asked, (asked, argument)
            elif isinstance(argument, int):
                assert f"{argument:,}" in asked
            elif argument[4:5] == "-":
                month, day = int(argument[5:7]), int(argument[8:])
                assert f"{month}月{day}日" in asked or "明日" in asked or "あさって" in asked
            else:
                hour, minute = map(int, argument.split(":"))
                shown = (
                    "正午" if argument == "12:00" else f"{hour % 12 if hour > 12 else hour}時{'30分' if minute else ''}"
                )
                assert shown in asked, (asked, argument)


def test_tomorrow_is_the_day_after_the_date_in_the_system_message(made):
    seen = 0
    for one, _ in made(FunctionCalling(sorts=["single"]), 200):
        call = json.loads(one.turns[2].answer)[0]
        if "明日" in one.turns[1].content and "date" in call["arguments"] and "明日は" not in str(call):
            today = one.turns[0].content.partition("2027年")[2]
            month, day = int(today.partition("月")[0]), int(today.partition("月")[2].partition("日")[0])
            following = tuple(int(part) for part in call["arguments"]["date"].split("-")[1:])
            assert following in ((month, day + 1), (month + 1, 1))
            seen += 1
    assert seen


@pytest.mark.parametrize(
    "spoil",
    [
        lambda call: {**call, "arguments": {**call["arguments"], "unit": "celsius"}},
        lambda call: {**call, "arguments": dict(list(call["arguments"].items())[1:])},
        lambda call: {**call, "name": call["name"] + "s"},
        lambda call: {
            **call,
            "arguments": {k: v + 1 if isinstance(v, int) else v + "0" for k, v in call["arguments"].items()},
        },
    ],
    ids=["an argument too many", "one missing", "another function", "other values"],
)
def test_a_call_that_is_almost_right_fails(made, spoil):
    for one, _ in made(FunctionCalling(sorts=["single"]), 20):
        calls = json.loads(one.turns[2].answer)
        assert judge(one, 2, [json.dumps([spoil(calls[0])], ensure_ascii=False)]).verdict == "fail"
        assert judge(one, 2, ["かしこまりました。すぐにお調べします。"]).verdict == "fail"


def test_arguments_as_text_and_calls_in_tags_are_calls_too(made):
    one, _ = made(FunctionCalling(sorts=["single"]), 1)[0]
    (call,) = json.loads(one.turns[2].answer)
    as_text = json.dumps([{**call, "arguments": json.dumps(call["arguments"])}])
    tagged = f"<tool_call>\n{json.dumps(call)}\n</tool_call>"
    assert [judge(one, 2, [text]).verdict for text in (as_text, tagged)] == ["pass", "pass"]


def test_one_of_two_calls_is_not_enough(made):
    two = [one for one, _ in made(FunctionCalling(sorts=["several"]), 30) if "both" in one.template]
    assert len(two) > 20
    for one in two:
        calls = json.loads(one.turns[2].answer)
        assert len(calls) == 2
        assert judge(one, 2, [json.dumps(calls[:1])]).verdict == "fail"
        assert judge(one, 2, [json.dumps(calls[::-1])]).verdict == "pass"


def test_a_missing_argument_is_asked_for_and_not_invented(made):
    for one, _ in made(FunctionCalling(sorts=["ask"]), 40):
        call = one.turns[4].answer
        assert judge(one, 2, [call]).verdict == "fail", "the call before the value was given"
        assert judge(one, 2, ["承知しました。そのように手配します。"]).verdict == "fail"
        assert judge(one, 4, [one.turns[2].answer, call]).verdict == "pass"


def test_where_no_call_is_needed_a_call_fails(made):
    for one, _ in made(FunctionCalling(sorts=["none", "lacking"]), 40):
        name = one.tools[0]["function"]["name"]
        assert judge(one, last(one), [json.dumps([{"name": name, "arguments": {}}])]).verdict == "fail"


def test_a_tool_that_is_not_there_is_not_promised(made):
    for one, _ in made(FunctionCalling(sorts=["lacking"]), 20):
        assert judge(one, 2, ["承知しました。すぐに手配いたします。"]).verdict == "fail"


def test_an_answer_after_a_result_tells_it(made):
    for one, _ in made(FunctionCalling(sorts=["result"]), 20):
        call = answers(one)[0]
        assert one.turns[3].role == "tool"
        assert judge(one, 4, [call, "お調べしましたが、結果はのちほどお知らせします。"]).verdict == "fail"


def test_a_booking_number_is_a_name_and_a_sum_of_money_has_its_unit(made):
    told = [one for one, _ in made(FunctionCalling(sorts=["result"]), 200) if "book_restaurant" in one.template]
    assert told
    for one in told:
        number = json.loads(one.turns[3].content)["number"]
        assert f"{number}" in one.turns[4].answer
        assert f"{number:,}" not in one.turns[4].answer
    costs = [one for one, _ in made(FunctionCalling(sorts=["none"]), 100) if "plain_cost" in one.template]
    assert costs
    for one in costs:
        assert "円" in one.turns[2].answer
        assert judge(one, 2, [one.turns[2].answer.replace("円", "")]).verdict == "fail"


def test_a_result_names_the_call_that_it_answers(made):
    for one, _ in made(FunctionCalling(sorts=["result"]), 20):
        messages = said(one, answers(one))
        (call,) = messages[2]["tool_calls"]
        assert messages[2]["content"] == ""
        assert messages[3]["tool_call_id"] == call["id"]
        assert messages[3]["name"] == call["function"]["name"]


def test_tools_are_valid_schemas_and_the_needed_one_is_among_them(made):
    for one, _ in made(FunctionCalling(), 60):
        for tool in one.tools:
            jsonschema.Draft202012Validator.check_schema(tool["function"]["parameters"])
        offered = {tool["function"]["name"] for tool in one.tools}
        for check in (c for turn in one.turns for c in turn.checks if c.kind == "tool_call"):
            assert {call["name"] for call in check.calls} <= offered


def test_sorts_can_be_chosen_and_an_unknown_one_is_refused(made):
    assert len({len(one.turns) for one, _ in made(FunctionCalling(), 60)}) == 2
    with pytest.raises(TaskError, match="there is no sort 'singles'; sorts are single, several"):
        FunctionCalling(sorts=["singles"])
    assert set(SORTS) == {"single", "several", "result", "ask", "none", "lacking"}
