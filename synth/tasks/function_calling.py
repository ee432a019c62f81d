"""Function calling: the calls that a request needs, no call where none is needed, a question where an argument is missing.

Tools and the values that a made-up user asks for are data (`synth/seeds/tools.yaml`), so the right call follows from the request.
Answers are written as the engines give calls, a JSON list of name and arguments; a row has them as `tool_calls`
(`synth/messages.py`). Sorts of dialogue:

    single    one call                          several   two calls in one answer
    result    a call, the tool's result, and an answer that tells it
    ask       an argument is missing: the answer asks for it, the user gives it, then the call
    none      words are enough                  lacking   none of the tools does it: the answer says so and calls nothing
"""

import datetime
import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import yaml

from synth.messages import call_id
from synth.seed import Seed
from synth.tasks.draw import Draw
from synth.tasks.task import Instance, Task, TaskError, Turn, checks
from synth.tasks.values import Value, long_date, value

TOOLS = Path(__file__).parent.parent / "seeds" / "tools.yaml"
Spec = Mapping[str, Any]
CALLED = 2
"""The turn of a call that a tool answers: after the system's and the user's."""


@cache
def tools() -> Mapping[str, Any]:
    """Tools with their parameters, values and results, and what needs no tool."""
    return yaml.safe_load(TOOLS.read_text(encoding="utf-8"))


class FunctionCalling(Task):
    """Dialogues with tools. sorts: those wanted, of `SORTS`; all when not given."""

    name: ClassVar[str] = "function_calling"
    function: ClassVar[str] = "function_calling"
    version: ClassVar[str] = "2"
    group: ClassVar[str] = "function_calling"
    exempt: ClassVar[tuple[str, ...]] = ("code_switching",)

    def __init__(self, *, sorts: Sequence[str] = ()):
        if unknown := sorted(set(sorts) - SORTS.keys()):
            raise TaskError(f"function_calling: there is no sort '{unknown[0]}'; sorts are {', '.join(SORTS)}")
        self.sorts = tuple(sorts) or tuple(SORTS)

    def make(self, draw: Draw, passage: Seed | None) -> Instance:
        """A dialogue of a drawn sort, after a system message that says which day it is."""
        first, last = (datetime.date.fromisoformat(str(day)) for day in tools()["today"])
        today = first + datetime.timedelta(draw.integer(0, (last - first).days))
        system = Turn("system", draw.say("system", today=long_date(today)))
        turns, template, offered = SORTS[draw.one(self.sorts)](draw, today)
        return Instance((system, *turns), template, tools=tuple(_openai(name) for name in offered))


Made = tuple[tuple[Turn, ...], str, list[str]]
"""Turns after the system message, the template, and the names of the tools that are offered."""


def schema(name: str) -> dict[str, Any]:
    """JSON Schema of a tool's parameters."""
    kept = ("type", "format", "pattern", "enum", "description", "minimum", "maximum", "exclusiveMinimum", "minLength")
    said: Mapping[str, Spec] = tools()["tools"][name]["parameters"]
    return {
        "type": "object",
        "properties": {p: {k: s[k] for k in kept if k in s} for p, s in said.items()},
        "required": [p for p, s in said.items() if not s.get("optional")],
        "additionalProperties": False,
    }


def _openai(name: str) -> dict[str, Any]:
    described = {"name": name, "description": tools()["tools"][name]["description"], "parameters": schema(name)}
    return {"type": "function", "function": described}


def _offered(draw: Draw, *needed: str, without: str | None = None) -> list[str]:
    """The tools that are needed among others, in a drawn order."""
    others = [name for name in tools()["tools"] if name not in (*needed, without)]
    return draw.shuffled([*needed, *draw.some(others, draw.integer(1, 3))])


def _values(draw: Draw, name: str, today: datetime.date) -> dict[str, Value]:
    said: Mapping[str, Spec] = tools()["tools"][name]["parameters"]
    return {p: value(draw, s, today) for p, s in said.items() if not s.get("optional")}


def _call(name: str, values: Mapping[str, Value]) -> dict[str, Any]:
    return {"name": name, "arguments": {p: v.data for p, v in values.items()}}


def _texts(values: Mapping[str, Value]) -> dict[str, str]:
    return {p: v.text for p, v in values.items()}


def _spec(offered: Sequence[str], expect: str, **more: Any) -> Spec:
    described = [{**_openai(name)["function"]} for name in offered]
    return {"kind": "tool_call", "tools": described, "expect": expect, **more}


def _calls(offered: Sequence[str], *calls: Spec) -> Turn:
    spec = checks(_spec(offered, "call", calls=list(calls)))
    return Turn("assistant", checks=spec, answer=json.dumps(list(calls), ensure_ascii=False))


def _words(offered: Sequence[str], answer: str, *more: Spec, expect: str = "none", **spec: Any) -> Turn:
    """A turn that is answered in words."""
    made = checks(
        _spec(offered, expect, **spec), *more, {"kind": "keitai", "style": "keitai"}, {"kind": "char_count", "max": 160}
    )
    return Turn("assistant", checks=made, answer=answer)


def _single(draw: Draw, today: datetime.date) -> Made:
    name = draw.one(list(tools()["tools"]))
    values, offered = _values(draw, name, today), _offered(draw, name)
    line = draw.line(f"{name}_ask")
    return (Turn("user", line.fill(**_texts(values))), _calls(offered, _call(name, values))), line.id, offered


def _several(draw: Draw, today: datetime.date) -> Made:
    first = draw.one(list(tools()["tools"]))
    second = draw.one(list(tools()["tools"]))
    values = [_values(draw, first, today), _values(draw, second, today)]
    if first == second and values[0] == values[1]:
        return _single(draw, today)
    offered = _offered(draw, *dict.fromkeys((first, second)))
    asks = [draw.say(f"{n}_ask", **_texts(v)) for n, v in zip((first, second), values, strict=True)]
    line = draw.line("both")
    turn = _calls(offered, _call(first, values[0]), _call(second, values[1]))
    return (Turn("user", line.fill(first=asks[0], second=asks[1])), turn), line.id, offered


def _result(draw: Draw, today: datetime.date) -> Made:
    name = draw.one([n for n, tool in tools()["tools"].items() if "result" in tool])
    values, offered = _values(draw, name, today), _offered(draw, name)
    found = {key: value(draw, said) for key, said in tools()["tools"][name]["result"].items()}
    line = draw.line(f"{name}_ask")
    held = [{"kind": "keyword_include", "keywords": list(v.forms), "least": 1} for v in found.values()]
    given = json.dumps({key: v.data for key, v in found.items()}, ensure_ascii=False)
    said = draw.say(f"{name}_said", **_texts(values), **_texts(found))
    turns = (
        Turn("user", line.fill(**_texts(values))),
        _calls(offered, _call(name, values)),
        Turn("tool", given, extra={"name": name, "tool_call_id": call_id(CALLED)}),
        _words(offered, said, *held),
    )
    return turns, line.id, offered


def _ask(draw: Draw, today: datetime.date) -> Made:
    forgettable = [
        (n, p, s["missing"]) for n, t in tools()["tools"].items() for p, s in t["parameters"].items() if "missing" in s
    ]
    name, parameter, missing = draw.one([one for one in forgettable if f"{one[0]}_lacks_{one[1]}" in draw.words.parts])
    values, offered = _values(draw, name, today), _offered(draw, name)
    line = draw.line(f"{name}_lacks_{parameter}")
    turns = (
        Turn("user", line.fill(**_texts(values))),
        _words(offered, draw.say(f"{name}_which_{parameter}"), expect="ask", missing=missing),
        Turn("user", draw.say("gives", value=values[parameter].text)),
        _calls(offered, _call(name, values)),
    )
    return turns, line.id, offered


def _none(draw: Draw, today: datetime.date) -> Made:
    kind = draw.one(("thanks", "sum", "cost", "word", "word"))
    offered = _offered(draw)
    said: dict[str, Any] = {}
    held: list[Spec] = [{"kind": "response_language", "language": "ja"}]
    if kind in ("sum", "cost"):
        a, b = draw.step(120, 980, 10), draw.step(150, 970, 10)
        said = {"a": a, "b": b, "value": a + b}
        held = [
            {"kind": "math_answer", "value": str(a + b)}
            | ({"unit": ["円"], "unit_required": True} if kind == "cost" else {})
        ]
    elif kind == "word":
        word, opposite = draw.one(tools()["opposites"])
        said = {"word": word, "opposite": opposite}
        held = [{"kind": "keyword_include", "keywords": [opposite]}]
    line = draw.line(f"plain_{kind}_ask")
    turn = _words(offered, draw.say(f"plain_{kind}_reply", **said), *held)
    return (Turn("user", line.fill(**said)), turn), line.id, offered


def _lacking(draw: Draw, today: datetime.date) -> Made:
    name = draw.one(list(tools()["tools"]))
    values, offered = _values(draw, name, today), _offered(draw, without=name)
    line = draw.line(f"{name}_ask")
    answer = draw.say("lacking", what=draw.say(f"{name}_what"))
    turn = _words(offered, answer, {"kind": "refusal", "expect": "refuse"})
    return (Turn("user", line.fill(**_texts(values))), turn), line.id, offered


SORTS: Mapping[str, Callable[[Draw, datetime.date], Made]] = {
    "single": _single, "several": _several, "result": _result, "ask": _ask, "none": _none, "lacking": _lacking,
}  # fmt: skip
"""Sorts of dialogue, each with what makes it."""
