"""Rows with tools: a call is a call in `messages`, a chat template writes it as one, and whoever reads the row finds it."""

import json
import sys
from pathlib import Path

import orjson
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from answering_server import AnsweringServer
from test_models_answer import serve

from synth.generated.rows import check_rows, check_verdicts
from synth.generated.stated import GeneratedSet
from synth.messages import assistant, spoken, text_of, with_objects
from synth.tasks.function_calling import FunctionCalling
from synth.tasks.task import instance
from synth.tasks.verified import judge, said

TEMPLATE = """{%- if tools %}<|im_start|>system
<tools>{% for tool in tools %}
{{ tool | tojson }}{% endfor %}
</tools><|im_end|>
{% endif %}
{%- for m in messages %}<|im_start|>{{ m.role }}
{%- if m.content %}
{{ m.content }}{% endif %}
{%- for call in m.tool_calls or [] %}
<tool_call>
{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}
</tool_call>
{%- endfor %}<|im_end|>
{% endfor %}"""
"""In the manner of the Hermes templates: tools in a system message, calls in tags, arguments as an object."""


@pytest.fixture(scope="module")
def tokenizer():
    """A small tokenizer with a chat template that knows tools."""
    tokenizers = pytest.importorskip("tokenizers")
    transformers = pytest.importorskip("transformers")
    bare = tokenizers.Tokenizer(tokenizers.models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    made = transformers.PreTrainedTokenizerFast(tokenizer_object=bare, unk_token="[UNK]")
    made.chat_template = TEMPLATE
    return made


def orders(recipes, **more):
    recipes.generate["tasks"] = {"function_calling": {"rows": 12, "answers": "program"} | more}


def test_calls_are_tool_calls_with_ids_that_results_name(recipes):
    orders(recipes)
    recipes.run()
    called = answered = 0
    for row in recipes.rows():
        known: set[str] = set()
        for i, message in enumerate(json.loads(row["messages"])):
            for call in message.get("tool_calls", ()):
                assert message["content"] == ""
                assert call["type"] == "function"
                assert isinstance(json.loads(call["function"]["arguments"]), dict)
                assert call["id"].startswith(f"call{i:03d}")
                assert len(call["id"]) == 9
                known.add(call["id"])
                called += 1
            if message["role"] == "tool":
                assert message["tool_call_id"] in known
                answered += 1
        names = {tool["function"]["name"] for tool in json.loads(row["tools"])}
        assert names
    assert called >= 4
    assert answered >= 1


def test_a_chat_template_writes_them_as_calls_and_not_as_prose(recipes, tokenizer):
    orders(recipes)
    recipes.run()
    seen = 0
    for row in recipes.rows():
        messages = json.loads(row["messages"])
        text = tokenizer.apply_chat_template(with_objects(messages), tools=json.loads(row["tools"]), tokenize=False)
        calls = [call["function"] for m in messages for call in m.get("tool_calls", ())]
        assert text.count("<tool_call>") == len(calls)
        for call in calls:
            arguments = json.dumps(json.loads(call["arguments"]), ensure_ascii=False)
            assert f'<tool_call>\n{{"name": "{call["name"]}", "arguments": {arguments}}}\n</tool_call>' in text
            seen += 1
        assert '[{"name"' not in text, "a call as prose"
    assert seen >= 4


def test_a_set_with_tools_is_checked_from_its_bytes(recipes):
    orders(recipes)
    recipes.run()
    found = GeneratedSet.open(str(recipes.folder / "out" / "1" / "instruct"))
    assert [p for check in (check_rows(found), check_verdicts(found)) for p in check.problems] == []
    row = next(r for r in recipes.rows() if "tool_calls" in r["messages"] and r["answer"].startswith("["))
    assert text_of(orjson.loads(row["messages"])[-1]) == row["answer"]


def test_what_a_model_says_is_the_same_row_and_the_next_turn_is_asked_with_its_call(recipes):
    later = []

    def answers(body):
        roles = [m["role"] for m in body["messages"]]
        assert body["tools"]
        if "tool" in roles:
            later.append(body["messages"])
            return "結果はお手元にお届けします。"
        return "お調べします。\n<tool_call>\n" + json.dumps(known[body["messages"][1]["content"]]) + "\n</tool_call>"

    task = FunctionCalling(sorts=["result"])
    known = {}
    for number in range(60):
        one, _ = instance(task, number, "/function_calling")
        known[one.turns[1].content] = json.loads(one.turns[2].answer)[0]
    with AnsweringServer(answers) as server:
        serve(
            recipes, server, function_calling={"rows": 2, "answers": "model", "most": 4, "with": {"sorts": ["result"]}}
        )
        recipes.run()
    assert later
    for _, _, call, result in later:
        assert call["content"] == "お調べします。"
        assert call["tool_calls"][0]["id"] == result["tool_call_id"] == "call00200"
    row = recipes.rows(kind="refused")[0]
    assert row["verdict"] == "fail", "the second answer does not tell the result"
    assert [t["verdict"] for t in row["turns"]] == ["pass", "fail"]


def test_what_cannot_be_read_as_a_call_stays_what_was_said():
    for text in ('[{"name": "weather", "arguments": {"place": ', "新潟は晴れです。", "[]", '{"晴れ": 3}'):
        assert assistant(text, 2, tools=True) == {"role": "assistant", "content": text}
    call = '{"name": "weather", "arguments": {"place": "新潟"}}'
    assert assistant(call, 2, tools=False) == {"role": "assistant", "content": call}


@pytest.mark.parametrize(
    "text",
    [
        '[{"name": "a", "arguments": {}}, {"name": "b", "arguments": {"x": [1, "二"]}}]',
        '確かめます。\n<tool_call>{"name": "a", "arguments": {"x": null}}</tool_call>',
        '確かめます。\n```json\n{"name": "a", "arguments": {"x": 1.5}}\n```\n少々お待ちください。',
    ],
)
def test_a_call_comes_back_from_its_message(text):
    message = assistant(text, 4, tools=True)
    again = assistant(text_of(message), 4, tools=True)
    assert message == again
    assert [call["id"] for call in message["tool_calls"]] == ["call00400", "call00401"][: len(message["tool_calls"])]


def test_calls_that_a_server_tells_apart_stand_beside_what_it_said():
    calls = '[{"name": "a", "arguments": "{\\"x\\": 1}"}]'
    assert spoken("", calls) == calls
    message = assistant(spoken("お調べします。", calls), 2, tools=True)
    assert (message["content"], message["tool_calls"][0]["function"]["arguments"]) == ("お調べします。", '{"x": 1}')


def test_verifiers_read_a_call_out_of_a_message():
    one, _ = instance(FunctionCalling(sorts=["single"]), 0, "test")
    message = said(one, [one.turns[2].answer])[2]
    assert message["tool_calls"]
    assert judge(one, 2, [text_of(message)]).verdict == "pass"
