"""Personal data once more: texts of dialogues masked at release, and what verifiers said held against what is left.

Seeds were masked before anything grew from them; what a model or a person wrote may hold a number all the same. Where something is
masked, the row is verified again: a 100-character answer is no longer one, or a call no longer the call that was asked for, if its
verdict changes. Such a row is left out. What people wrote must pass; of everything else the verdict must be what it was.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from annotation.release.row import Row
from curation.normalise.pii.mask import mask
from synth.engine.content_key import canonical
from synth.messages import text_of
from synth.tasks.task import read_spec
from synth.verify.constraint import Constraint, SpecError, parse, verify_all

Messages = list[dict[str, Any]]
TURNS = {
    "chat": ("messages",),
    "preference": ("messages", "chosen", "rejected"),
    "answer": ("messages", "completion"),
    "prompt": ("messages",),
}
"""Columns of each kind that hold messages."""


def cleaned(kind: str, row: Row) -> tuple[Row, int]:
    """The row with personal data masked in all its messages, and how many pieces there were."""
    made, count = dict(row), 0
    for column in TURNS[kind]:
        messages, pieces = masked_messages(orjson.loads(row[column]))
        if pieces:
            made[column], count = canonical(messages).decode(), count + pieces
    return made, count


def masked_messages(messages: Iterable[Mapping[str, Any]]) -> tuple[Messages, int]:
    """Messages with personal data masked in what is said and in the arguments of calls, and how many pieces there were.

    >>> masked_messages([{"role": "user", "content": "電話は03-1234-5678です"}])
    ([{'role': 'user', 'content': '電話は【電話番号】です'}], 1)
    """
    made, count = Messages(), 0
    for message in messages:
        one = dict(message)
        for name in ("content", "tool_calls"):
            if one.get(name):
                one[name], pieces = _masked(one[name])
                count += pieces
        made.append(one)
    return made, count


def _masked(value: Any) -> tuple[Any, int]:
    """A JSON value with its texts masked. Arguments of calls are JSON in a text, of which the values are masked."""
    if isinstance(value, str):
        text, found = mask(value)
        return text, found.total()
    if isinstance(value, list):
        parts = [_masked(one) for one in value]
        return [one for one, _ in parts], sum(n for _, n in parts)
    if not isinstance(value, dict):
        return value, 0
    made, count = {}, 0
    for name, one in value.items():
        if name == "arguments" and isinstance(one, str):
            said, pieces = _masked(orjson.loads(one))
            said = orjson.dumps(said).decode() if pieces else one
        else:
            said, pieces = _masked(one)
        made[name], count = said, count + pieces
    return made, count


def verdicts(kind: str, row: Row) -> tuple[str, ...]:
    """What verifiers say of each text of a row that has a spec: pass | fail | abstain | unverified. Raises SpecError."""
    if kind == "prompt" or not row["spec"]:
        return ()
    spec = orjson.loads(row["spec"])
    if kind == "chat":
        messages = orjson.loads(row["messages"])
        return tuple(
            verify_all(asked, messages[:turn], text_of(messages[turn]))[0]
            for turn, asked in sorted(read_spec(spec).items())
        )
    before, asked = orjson.loads(row["messages"]), tuple(parse(one) for one in spec)
    return tuple(_verdict(asked, before, orjson.loads(row[column])) for column in TURNS[kind][1:])


def _verdict(asked: Sequence[Constraint], before: Messages, said: Messages) -> str:
    return verify_all(asked, before, text_of(said[0]))[0]


def same_verdicts(kind: str, row: Row, other: Row) -> str:
    """How what verifiers say of two forms of a row differs, in words; "" where it does not."""
    try:
        was, now = verdicts(kind, row), verdicts(kind, other)
    except (SpecError, orjson.JSONDecodeError, KeyError, IndexError) as error:
        return f"its spec cannot be read: {error}"
    return "" if was == now else f"verifiers said {', '.join(was)} and say {', '.join(now)} of what is left"
