"""An assistant's turn as the message that a trainer reads, and back: calls of tools stand in `tool_calls`, as in the OpenAI API.

What a model or a program says of a call is text (<tool_call>{…}</tool_call>, a JSON list of name and arguments), and verifiers, edits
and the store know it as that. In a row's `messages` a call is a call: a chat template writes `content` as prose, and a model that is
trained on calls in prose learns to talk about them. So where tools are offered, the calls of a turn become `tool_calls`
with `id`, `type` and `function` (`arguments` is a JSON string), and what is said beside them stays in `content`.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from synth.verify.tool_calls import MalformedCall, said_and_calls


def call_id(turn: int, number: int = 0) -> str:
    """Id of a call by its place: turn in the messages and number in the turn. Nine letters and digits, as Mistral's template wants.

    >>> call_id(2)
    'call00200'
    """
    return f"call{turn:03d}{number:02d}"


def spoken(text: str, calls: str = "") -> str:
    """A completion as one text. calls: what the server told apart as a JSON list of name and arguments, "" for nothing.

    >>> spoken("お調べします。", '[{"name": "time", "arguments": "{}"}]')
    'お調べします。\\n<tool_call>{"name": "time", "arguments": "{}"}</tool_call>'
    """
    said = text.strip()
    if not calls or not said:
        return said or calls
    return _beside(said, (json.dumps(call, ensure_ascii=False) for call in json.loads(calls)))


def assistant(text: str, turn: int, tools: bool) -> dict[str, Any]:
    """The message of a turn. turn: its place, from which its calls have their ids. tools: whether the dialogue offers any.

    What looks like a call and cannot be read stays text: it is what was said, and its verifier fails it.

    >>> assistant('[{"name": "weather", "arguments": {"place": "新潟"}}]', 2, tools=True)["tool_calls"][0]["function"]
    {'name': 'weather', 'arguments': '{"place": "新潟"}'}
    """
    if tools:
        try:
            said, calls = said_and_calls(text)
        except MalformedCall:
            said, calls = text, []
        if calls:
            made = [_call(*call, turn, i) for i, call in enumerate(calls)]
            return {"role": "assistant", "content": said, "tool_calls": made}
    return {"role": "assistant", "content": text}


def _call(name: str, arguments: Mapping[str, Any], turn: int, number: int) -> dict[str, Any]:
    function = {"name": name, "arguments": json.dumps(arguments, ensure_ascii=False)}
    return {"id": call_id(turn, number), "type": "function", "function": function}


def text_of(message: Mapping[str, Any]) -> str:
    """What a message says as one text, the way back from `assistant`: calls as a JSON list, or tagged beside other words.

    >>> text_of(assistant('[{"name": "time", "arguments": {}}]', 2, tools=True))
    '[{"name": "time", "arguments": {}}]'
    """
    content = message.get("content")
    said = content if isinstance(content, str) else "" if content is None else json.dumps(content, ensure_ascii=False)
    if not message.get("tool_calls"):
        return said
    calls = [_written(call["function"]) for call in message["tool_calls"]]
    return _beside(said, calls) if said else f"[{', '.join(calls)}]"


def _written(function: Mapping[str, Any]) -> str:
    arguments = function["arguments"]
    arguments = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return f'{{"name": {json.dumps(function["name"], ensure_ascii=False)}, "arguments": {arguments}}}'


def _beside(said: str, calls: Iterable[str]) -> str:
    return "\n".join((said, *(f"<tool_call>{call}</tool_call>" for call in calls)))


def told(messages: str) -> list[dict[str, str]]:
    """Role and whole text of each message of a JSON list: what a page shows of a row.

    >>> told('[{"role": "tool", "tool_call_id": "call00200", "content": "12"}]')
    [{'role': 'tool', 'content': '12'}]
    """
    return [{"role": str(m["role"]), "content": text_of(m)} for m in json.loads(messages)]


def with_objects(messages: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Messages with the arguments of calls as objects in place of JSON strings: what most chat templates want to be given.

    A template that writes `arguments | tojson` would write a string within a string otherwise.
    """
    made: list[dict[str, Any]] = []
    for message in messages:
        one = dict(message)
        if one.get("tool_calls"):
            one["tool_calls"] = [_object(call) for call in one["tool_calls"]]
        made.append(one)
    return made


def _object(call: Mapping[str, Any]) -> dict[str, Any]:
    function = dict(call["function"])
    if isinstance(function["arguments"], str):
        function["arguments"] = json.loads(function["arguments"])
    return {**call, "function": function}


def for_template(messages: Iterable[Mapping[str, Any]], template: str) -> list[dict[str, Any]]:
    """Messages as a chat template can write them: calls as text in `content` where it knows no `tool_calls` and would leave them out.

    >>> call = assistant('[{"name": "time", "arguments": {}}]', 1, tools=True)
    >>> for_template([call], "{% for m in messages %}{{ m.content }}{% endfor %}")[0]["content"]
    '[{"name": "time", "arguments": {}}]'
    """
    if "tool_calls" in template:
        return [dict(message) for message in messages]
    return [
        {**{k: v for k, v in m.items() if k != "tool_calls"}, "content": text_of(m)} if m.get("tool_calls") else dict(m)
        for m in messages
    ]
