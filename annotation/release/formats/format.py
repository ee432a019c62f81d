"""What a trainer's format is: which rows it takes, what it makes of one, and how its files are written.

A format is a pure function from a canonical row to rows of the trainer. A row that the trainer could only load wrongly is not
written for it (`Unsayable`), and the manifest counts it with the reason; it stays in the release.

**One budget.** A trainer that has no mask for single turns is given prefix rows: of a dialogue with three turns that train, three
rows, each with what came before and one turn to learn. They have one dialogue's split group, each turn trains in exactly one of
them, and so `trained`, the characters that are learnt from, is what the dialogue's own turns have, however many rows they became.
`shown` counts what a trainer reads, repeated prefixes too.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson
import pyarrow as pa

from annotation.release.label_weights import LabelWeights
from annotation.release.row import Row
from curation.document import Reason
from synth.messages import text_of

Json = dict[str, Any]
Messages = list[Json]

JSON = pa.json_()
"""A JSON value as text. `datasets` from 4.7 on reads such a column as values whose keys differ from row to row, without filling the
keys that a row lacks with nulls (a tool's schema would say things that nobody wrote); any other reader sees the text."""

REASONS: dict[str, Reason] = {
    r.name: r
    for r in (
        Reason("tools", "the trainer's format has no place for tools and calls", "この形式にはツールと呼び出しを書く場所がない"),
        Reason("roles", "the trainer wants requests and answers in turn", "依頼と回答が交互でないと読めない形式"),
        Reason("several_turns", "the trainer's format has one request and one answer", "一問一答の形式"),
        Reason("untrained_turns", "it would learn from turns that are not to be learnt from", "学習しない発話まで学習される形式"),
        Reason("text_beside_call", "the trainer's format has a call or words, not both", "呼び出しと文を同時に書けない形式"),
        Reason("no_attributes", "nobody gave the answer any attribute", "属性がつけられていない"),
        Reason("no_spec", "there is nothing to verify an answer by", "回答を検証する条件がない"),
    )
}  # fmt: skip
"""Why a released row is not written in a format."""


class Unsayable(Exception):
    """A row that a format cannot hold; `reason` is one of `REASONS`."""

    def __init__(self, reason: str):
        super().__init__(REASONS[reason].meaning)
        self.reason = reason


class Written(NamedTuple):
    """A row of a trainer. trained, shown: characters that are learnt from, and that are read."""

    row: Json
    trained: int
    shown: int


Settings = Callable[[Mapping[str, Sequence[str]], LabelWeights | None], Mapping[str, str]]
"""Text of further files by name, given the files of each split, relative to the release, and what labelled answers weigh."""


def _nothing(files: Mapping[str, Sequence[str]], weights: LabelWeights | None) -> dict[str, str]:
    return {}


@dataclass(frozen=True)
class Format:
    """A trainer's format.

    kind: of the rows that it takes. trainer: name and version that it was held against. schema: of its Parquet files; None for JSON
    lines. rows: what it makes of a parsed row (`parsed`). settings: what the trainer's own configuration must say.
    """

    name: str
    kind: str
    trainer: str
    schema: pa.Schema | None
    rows: Callable[[Row], Iterator[Written]]
    settings: Settings = field(default=_nothing)

    @property
    def ending(self) -> str:
        """Of its files."""
        return "jsonl" if self.schema is None else "parquet"


def parsed(row: Row) -> Row:
    """A canonical row with its messages and tools as values and its keys in hexadecimal."""
    made = dict(row)
    for name in ("messages", "chosen", "rejected", "completion", "tools"):
        if isinstance(made.get(name), str):
            made[name] = orjson.loads(made[name])
    return made | {"id": row["id"].hex(), "split_group": row["split_group"].hex()}


def prefixes(row: Row) -> Iterator[tuple[str, Messages, Json]]:
    """Each turn that trains, with what came before it: id of the prefix row, messages, the turn. The id is the dialogue's and the
    place.

    >>> turns = [{"role": r, "content": c} for r, c in (("user", "一"), ("assistant", "二"), ("user", "三"), ("assistant", "四"))]
    >>> [(name, len(before)) for name, before, _ in prefixes({"id": "ab", "messages": turns, "train": [1, 3]})]
    [('ab-1', 1), ('ab-3', 3)]
    """
    for at in row["train"]:
        yield f"{row['id']}-{at}", row["messages"][:at], row["messages"][at]


def size(messages: Sequence[Mapping[str, Any]]) -> int:
    """Characters of what is said."""
    return sum(len(text_of(message)) for message in messages)


def plain(messages: Sequence[Mapping[str, Any]]) -> Messages:
    """Messages of which a format keeps role and content alone. Raises Unsayable where one is a call or a tool's result."""
    if any(message.get("tool_calls") or message["role"] == "tool" for message in messages):
        raise Unsayable("tools")
    return [{"role": message["role"], "content": message["content"]} for message in messages]


def without_tools(row: Row) -> None:
    """Raises Unsayable for a row that offers tools."""
    if row["tools"]:
        raise Unsayable("tools")


def dumped(values: Sequence[Any]) -> list[str]:
    """Values as JSON texts."""
    return [orjson.dumps(value).decode() for value in values]


def table(rows: Sequence[Mapping[str, Any]], kind: pa.Schema) -> pa.Table:
    """Rows as a table; JSON columns, also lists of JSON, are given as texts."""
    return pa.table([_column([row[f.name] for row in rows], f.type) for f in kind], schema=kind)


def _column(values: list[Any], kind: pa.DataType) -> pa.Array:
    if kind == JSON:
        return pa.ExtensionArray.from_storage(JSON, pa.array(values, pa.string()))
    if pa.types.is_list(kind) and kind.value_type == JSON:
        lists = pa.array(values, pa.list_(pa.string()))
        inner = pa.ExtensionArray.from_storage(JSON, lists.flatten())
        return pa.ListArray.from_arrays(lists.offsets, inner, type=kind)
    return pa.array(values, kind)
