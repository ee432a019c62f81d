"""What people are asked about, whatever it comes from: a request, and one answer, two, or several in the row's own order."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from curation.provenance import key
from synth.messages import call_id

Json = dict[str, Any]


class Unreadable(ValueError):
    """A row that nobody can be asked about: the message says why."""


@dataclass(frozen=True)
class Item:
    """row: its id. texts and answers (their ids): in the row's own order. about: what only owners see. harmful: plan's word.

    stratum, inclusion, use, people, document: as the plan drew it (annotation/review_plan.py).
    """

    row: bytes
    document: bytes
    prompt: Sequence[Mapping[str, Any]]
    tools: str
    texts: tuple[str, ...]
    answers: tuple[bytes, ...]
    about: Mapping[str, str]
    harmful: bool = False
    people: int = 1
    stratum: str = "all"
    inclusion: float = 1.0
    use: str = "estimate"


def of_answer(row: Mapping[str, Any]) -> Item:
    """From a generated row (synth/dialogue.py). Raises Unreadable."""
    messages = _json(row, "messages")
    about = _about(row, models=[row.get("model") or row["answer_origin"]], verdicts=[row["verdict"]])
    text = shown(messages[-1]) if messages else ""
    return Item(row["id"], seed_of(row), messages[:-1], _tools(row), (text,), (row["id"],), about)


def of_pair(row: Mapping[str, Any]) -> Item:
    """From a preference pair (synth/preference.py): chosen, rejected. Raises Unreadable."""
    sides = ("chosen", "rejected")
    models = [row[f"{side}_model"] or row[f"{side}_origin"] for side in sides]
    about = _about(row, models=models, verdicts=[row[f"{side}_verdict"] for side in sides])
    texts = ["\n\n".join(map(shown, _json(row, side))) for side in sides]
    answers = tuple(row[f"{side}_id"] for side in sides)
    return Item(
        row["id"], row["document"] or row["id"], _json(row, "prompt"), _tools(row), tuple(texts), answers, about
    )


def of_prompt(rows: Sequence[Mapping[str, Any]], count: int) -> Item | None:
    """From generated rows of one prompt: `count` of their different answers, drawn by hash; None where there are fewer.

    Its id is that of the prompt and the answers, so another answer makes another row. Raises Unreadable.
    """
    different: dict[str, Mapping[str, Any]] = {}
    for row in sorted(rows, key=lambda r: r["id"]):
        different.setdefault(row["answer"].strip(), row)
    taken = sorted(different.values(), key=lambda r: key("ranked", r["prompt_key"], r["id"]))[:count]
    if len(taken) < count:
        return None
    return of_ranked(taken)


def of_ranked(rows: Sequence[Mapping[str, Any]]) -> Item:
    """From generated rows of one prompt whose answers are ranked, in this order. Raises Unreadable."""
    items, first = [of_answer(row) for row in rows], rows[0]
    about = _about(first, [r.get("model") or r["answer_origin"] for r in rows], [r["verdict"] for r in rows])
    ids, texts = tuple(item.row for item in items), tuple(item.texts[0] for item in items)
    row = key("ranking", first["prompt_key"], *ids)
    return Item(row, items[0].document, items[0].prompt, items[0].tools, texts, ids, about)


def seed_of(row: Mapping[str, Any]) -> bytes:
    """The document that a generated row grew from; the row itself where it grew from none."""
    digests = [seed["digest"] for seed in row.get("seeds") or () if seed["kind"] == "document" and seed["digest"]]
    return digests[0] if digests else row["id"]


def shown(message: Mapping[str, Any]) -> str:
    """A turn as people read it: its text, and calls of tools one a line.

    >>> shown({"role": "assistant", "tool_calls": [{"function": {"name": "tenki", "arguments": '{"at": "京都"}'}}]})
    '▶ tenki({"at": "京都"})'
    """
    lines = [message["content"]] if message.get("content") else []
    for call in message.get("tool_calls") or ():
        said = call.get("function", call)
        arguments = said.get("arguments", "")
        if not isinstance(arguments, str):
            arguments = orjson.dumps(arguments).decode()
        lines.append(f"▶ {said.get('name', '')}({arguments})")
    return "\n".join(lines)


_CALL = re.compile(r"^▶ ([^\s(]+)\((.*)\)$")


def written(text: str, turn: int) -> Json:
    """An assistant's turn from what a person wrote in the form of `shown`: lines of calls become calls again. turn: its place.

    Raises Unreadable where the arguments of a call are no JSON object.

    >>> written('お調べします。\\n▶ tenki({"at": "京都"})', 1)["tool_calls"][0]["function"]
    {'name': 'tenki', 'arguments': '{"at":"京都"}'}
    >>> written("晴れです。", 1)
    {'role': 'assistant', 'content': '晴れです。'}
    """
    said, calls = list[str](), list[Json]()
    for line in text.splitlines():
        if (found := _CALL.match(line.strip())) is None:
            said.append(line)
            continue
        try:
            arguments = orjson.loads(found[2])
        except orjson.JSONDecodeError as error:
            raise Unreadable(f"▶ {found[1]}(…): its arguments are no JSON: {error}") from error
        if not isinstance(arguments, dict):
            raise Unreadable(f"▶ {found[1]}(…): its arguments are no JSON object")
        function = {"name": found[1], "arguments": orjson.dumps(arguments).decode()}
        calls.append({"id": call_id(turn, len(calls)), "type": "function", "function": function})
    if not calls:
        return {"role": "assistant", "content": text}
    return {"role": "assistant", "content": "\n".join(said).strip(), "tool_calls": calls}


def _json(row: Mapping[str, Any], column: str) -> list[Json]:
    try:
        found = orjson.loads(row[column])
    except (orjson.JSONDecodeError, TypeError) as error:
        raise Unreadable(f"{column} is no JSON") from error
    if not isinstance(found, list) or not all(isinstance(m, dict) and isinstance(m.get("role"), str) for m in found):
        raise Unreadable(f"{column} is no list of messages")
    return found


def _tools(row: Mapping[str, Any]) -> str:
    """Tools as people read them: name, purpose, arguments."""
    if not row.get("tools"):
        return ""
    try:
        tools = [tool.get("function", tool) for tool in orjson.loads(row["tools"])]
    except (orjson.JSONDecodeError, AttributeError, TypeError) as error:
        raise Unreadable("tools is no list of tools") from error
    said = []
    for tool in tools:
        arguments = orjson.dumps(tool.get("parameters", {}), option=orjson.OPT_INDENT_2).decode()
        said.append(f"{tool.get('name', '')}：{tool.get('description', '')}\n{arguments}")
    return "\n\n".join(said)


def _about(row: Mapping[str, Any], models: Sequence[str | None], verdicts: Sequence[str | None]) -> Json:
    """What only owners see; terms, so that they can be filtered by."""
    margin = row.get("margin")
    said = {name: row.get(name) for name in ("function", "domain", "strategy")}
    said |= {"models": " / ".join(m or "?" for m in models), "verdicts": " / ".join(v or "?" for v in verdicts)}
    said["margin"] = None if margin is None else f"{margin:.3f}"
    return {name: value for name, value in said.items() if value}
