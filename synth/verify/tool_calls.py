"""Tool calls: the right function with arguments that its JSON Schema accepts, or rightly none.

Calls are read from the forms that chat templates use: `tool_calls` JSON as OpenAI gives it, <tool_call>{…}</tool_call>, a bare object
{"name", "arguments"}, or a list of them. Arguments may be an object or a JSON string.
"""

import json
import re
from functools import cached_property
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from synth.verify.answer import Answer, folded
from synth.verify.constraint import Constraint
from synth.verify.data_forms import check_schema, equal, strict_json, validator
from synth.verify.markdown import code_blocks
from synth.verify.prompt import Prompt
from synth.verify.schema_patterns import SlowPatternError
from synth.verify.verdict import Evidence, Verdict, abstained, failed, passed

_TAGGED = re.compile(r"<(?:tool_call|function_call)>\s*(.*?)\s*</(?:tool_call|function_call)>", re.S)
_OPEN = re.compile(r"</?(?:tool_call|function_call)>")
_FENCED = re.compile(r"^[ \t]*(```|~~~)(?:json|tool_call)?[ \t]*\n.*?^[ \t]*\1[ \t]*$", re.S | re.M | re.I)


class Tool(Constraint):
    """A tool as the prompt offers it: name, description, JSON Schema of its arguments."""

    name: str = Field(pattern=r"[\w.-]{1,64}")
    description: str = ""
    parameters: dict[str, Any] = Field(default_factory=lambda: {"type": "object", "properties": {}})

    @model_validator(mode="after")
    def _valid(self) -> "Tool":
        check_schema(self.parameters)
        return self


class MalformedCall(ValueError):
    """What looks like a call and cannot be read."""


def calls_of(text: str) -> list[tuple[str, dict[str, Any]]]:
    """Name and arguments of every call in an answer; none where it has no call. Raises MalformedCall with what is wrong.

    >>> calls_of('<tool_call>{"name": "天気", "arguments": {"市": "新潟"}}</tool_call>'), calls_of("新潟は晴れです。")
    ([('天気', {'市': '新潟'})], [])
    """
    return said_and_calls(text)[1]


def said_and_calls(text: str) -> tuple[str, list[tuple[str, dict[str, Any]]]]:
    """What an answer says beside its calls, "" for nothing, and its calls as `calls_of` reads them. Raises MalformedCall."""
    said, parts = _parts(text)
    found: list[tuple[str, dict[str, Any]]] = []
    for part in parts:
        try:
            value = strict_json(part)
        except (ValueError, RecursionError) as error:
            raise MalformedCall(f"no JSON: {error}") from None
        if isinstance(value, dict) and "tool_calls" in value:
            value = value["tool_calls"]
        for call in value if isinstance(value, list) else [value]:
            found.append(_call(call))
    return said, found


def _parts(text: str) -> tuple[str, list[str]]:
    """What stands beside the calls, and the texts that are calls."""
    if tagged := _TAGGED.findall(text):
        rest = _TAGGED.sub("", text).strip()
        if _OPEN.search(rest):
            raise MalformedCall("a <tool_call> that is not closed")
        return rest, tagged
    if "<tool_call>" in text or "<function_call>" in text:
        raise MalformedCall("a <tool_call> that is not closed")
    blocks = [body for language, body in code_blocks(text) if language in ("json", "tool_call", "")]
    if len(blocks) == 1 and re.search(r'"(?:name|tool_calls)"', blocks[0]):
        return _FENCED.sub("", text, count=1).strip(), blocks
    whole = text.strip()
    return ("", [whole]) if whole.startswith(("[", "{")) else (whole, [])


def _call(call: Any) -> tuple[str, dict[str, Any]]:
    call = call.get("function", call) if isinstance(call, dict) else call
    if not isinstance(call, dict) or not isinstance(call.get("name"), str):
        raise MalformedCall("a call without a name")
    arguments = call.get("arguments", call.get("parameters", {}))
    if isinstance(arguments, str):
        try:
            arguments = strict_json(arguments)
        except (ValueError, RecursionError) as error:
            raise MalformedCall(f"arguments are no JSON: {error}") from None
    if not isinstance(arguments, dict):
        raise MalformedCall(f"arguments are no object but {type(arguments).__name__}")
    return call["name"], arguments


class ToolCall(Constraint):
    """The answer calls these functions (`calls`: name and the arguments that are known), and the schema accepts every argument.

    expect: `call`; `none` when no call is needed and the answer is text; `ask` when an argument is missing and the answer asks
    for it (`missing`: words for it, one of them in the sentence that asks). Where no call is wanted, one in a form of
    other templates (get_weather(city="新潟"), Action: get_weather, JSON after a sentence) fails too. ordered: as in `calls`.
    Arguments that the spec does not know may be anything valid.
    """

    kind: ClassVar[str] = "tool_call"
    as_written: ClassVar[bool] = True
    version: ClassVar[int] = 4
    tools: tuple[Tool, ...] = Field(min_length=1)
    expect: Literal["call", "none", "ask"] = "call"
    calls: tuple[dict[str, Any], ...] = ()
    missing: tuple[str, ...] = ()
    ordered: bool = False

    @model_validator(mode="after")
    def _known(self) -> "ToolCall":
        names = [tool.name for tool in self.tools]
        if len(set(names)) < len(names):
            raise ValueError("two tools have one name")
        for call in self.calls:
            if call.get("name") not in names:
                raise ValueError(f"calls name {call.get('name')!r}, which is none of the tools ({', '.join(names)})")
        if (self.expect == "call") != bool(self.calls) or (self.expect == "ask" and not self.missing):
            raise ValueError("expect 'call' needs calls, the others have none; expect 'ask' needs missing")
        return self

    @cached_property
    def _validators(self) -> dict[str, Any]:
        return {tool.name: validator(tool.parameters) for tool in self.tools}

    @cached_property
    def _written(self) -> re.Pattern[str]:
        """A call of a tool inside other text, in the forms of templates that `calls_of` does not read."""
        name = "(?:" + "|".join(re.escape(tool.name) for tool in self.tools) + ")"
        return re.compile(
            rf"[\"']name[\"']\s*:\s*[\"']{name}[\"']|<function[= ][\"']?{name}\b|(?m:^)\s*Action:\s*{name}\b"
            rf"|(?<![\w.]){name}(?:\.call)?\((?:\s*\)|\s*\{{|\s*\w+\s*=|\s*[\"'])"
        )

    def as_json(self) -> dict[str, Any]:
        """As `Constraint.as_json`, under the names that `parse` reads."""
        return {
            **super().as_json(),
            "tools": [t.model_dump(exclude={"hard"}, exclude_defaults=True) for t in self.tools],
        }

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        try:
            made = calls_of(answer.text)
        except MalformedCall as error:
            return failed(Evidence("malformed call", str(error)[:120]))
        if self.expect != "call":
            if made:
                return failed(Evidence("call", made[0][0], "none"))
            if written := self._written.search(answer.text):
                return failed(Evidence("call", written[0][:60], "none", written.start(), written.end()))
            return passed() if self.expect == "none" else self._asks(answer)
        for name, arguments in made:
            if name not in self._validators:
                return failed(Evidence("function", name, " / ".join(self._validators)))
            try:
                error = next(iter(self._validators[name].iter_errors(arguments)), None)
            except SlowPatternError as slow:
                return abstained(Evidence("schema", str(slow)[:200], "a pattern that ends"))
            if error is not None:
                return failed(Evidence(f"{name}: {error.json_path}", error.message[:120]), score=0.5)
        if len(made) != len(self.calls):
            return failed(Evidence("calls", len(made), len(self.calls)), score=0.5 * bool(made))
        rest = list(made)
        for wanted in self.calls:
            hit = next((i for i, call in enumerate(rest) if _is(call, wanted)), None)
            if hit is None or (self.ordered and hit):
                near = json.dumps(rest[0][1], ensure_ascii=False)[:80] if rest else "none"
                return failed(
                    Evidence(str(wanted["name"]), near, json.dumps(wanted, ensure_ascii=False)[:120]), score=0.5
                )
            rest.pop(hit)
        return passed(Evidence("calls", len(made)))

    def _asks(self, answer: Answer) -> Verdict:
        names = [word for word in self.missing if word in answer.folded]
        asking = [s.text for s in answer.sentences if _ASKS.search(s.text) and not _NOT_ASKED.search(s.text)]
        seen = Evidence("asks", "、".join(names) or "nothing", "、".join(self.missing))
        if names and any(word in folded(text) for text in asking for word in names):
            return passed(seen)
        return abstained(seen) if _ASKS.search(answer.text) else failed(seen)


_ASKS = re.compile(r"[?？]|(?:ですか|でしょうか|ましょうか|ますか|ください|下さい|教えて|お願い|伺)")
_NOT_ASKED = re.compile(r"必要は(?:ありません|ない)|ご覧(?:ください|下さい)|ください、|不要です")


def _is(call: tuple[str, dict[str, Any]], wanted: dict[str, Any]) -> bool:
    name, arguments = call
    known = wanted.get("arguments", {})
    return name == wanted["name"] and all(
        key in arguments and equal(arguments[key], value) for key, value in known.items()
    )
