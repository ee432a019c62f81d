"""Old rows asked again: how many answers change when guidelines do.

What was asked lies in the label shards, so no run is needed: of the rows that were answered under an earlier version a random share
is put before people under the words of now, and what they say is held against what was said before.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from annotation.errors import ReviewError
from annotation.items import Item
from annotation.labels import Labels, Row
from annotation.questions import Task
from annotation.review_tasks import COMPARED, SLOTS, base
from annotation.routing import uniform


@dataclass(frozen=True)
class Change:
    """Of one question: rows that were answered under both versions, and of these, those whose most frequent answer is another."""

    question: str
    rows: int
    changed: int


def asked_before(labels: Labels, task: Task, since: str, share: float) -> dict[str, list[Item]]:
    """A random share of the rows that were answered under version `since`, by source.

    Raises ReviewError where that is the version of now, or one under which nobody answered.
    """
    if since == task.version:
        raise ReviewError(f"{since} is the version that '{task.name}' has now: there is nothing to ask anew")
    answers = [row for row in labels.answers() if row["task"] == task.name]
    if not any(row["version"] == since for row in answers):
        known = ", ".join(sorted({row["version"] for row in answers} - {task.version})) or "none"
        raise ReviewError(f"nobody answered '{task.name}' under version {since}; answered earlier versions: {known}")
    rows = {(row["row"], row["content"]) for row in answers if row["version"] == since}
    found: dict[tuple[bytes, bytes], Row] = {}
    for record in labels.records().values():
        name = record["row"], record["content"]
        if name in rows and record["task"] == task.name and record["version"] == since:
            found.setdefault(name, record)
    names = sorted(found)
    words = np.frombuffer(b"".join(name[0] for name in names), ">u8").astype(np.uint64).reshape(-1, 2)
    kept = uniform(words, labels.salt, "again", since) < share
    items: dict[str, list[Item]] = defaultdict(list)
    for name, on in zip(names, kept, strict=True):
        if on:
            items[found[name]["source"]].append(item_of(task, found[name]))
    return items


def item_of(task: Task, record: Row) -> Item:
    """The item that a record shows, its answers in the row's own order."""
    fields: dict[str, Any] = orjson.loads(record["fields"])
    order: Sequence[int] = record["order"]
    slots = SLOTS if base(task.name) in COMPARED else ("answer",)
    placed = {answer: fields[slot] for slot, answer in zip(slots, order, strict=False)}
    texts = tuple(placed[i] for i in range(len(order)))
    about = {k: v for k, v in orjson.loads(record["metadata"]).items() if k not in ("source", "stratum", "mirrored")}
    return Item(
        record["row"], record["document"], fields["prompt"], fields.get("tools", ""), texts, tuple(record["answers"]), about,
        record["harmful"], record["people"], record["stratum"], record["inclusion"], record["use"],
    )  # fmt: skip


def changes(labels: Labels, task: Task, since: str) -> list[Change]:
    """What changed from version `since` to that of now, question by question, where a row says the same under both; texts and
    spans are not compared."""
    said: dict[str, dict[str, dict[tuple[bytes, bytes], Counter[str]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(Counter))
    )
    for answer in labels.answers():
        if answer["task"] == task.name and answer["version"] in (since, task.version):
            for question, value in orjson.loads(answer["values"]).items():
                said[question][answer["version"]][answer["row"], answer["content"]][_counted(value)] += 1
    found: list[Change] = []
    for question in task.questions:
        if question.asks in ("text", "span"):
            continue
        then, now = said[question.name][since], said[question.name][task.version]
        both = sorted(then.keys() & now.keys())
        if both:
            found.append(Change(question.name, len(both), sum(_most(then[row]) != _most(now[row]) for row in both)))
    return found


def _counted(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        value = sorted((str(one.get("value")), one.get("rank")) for one in value)
    return orjson.dumps(
        sorted(value) if isinstance(value, list) and value and isinstance(value[0], str) else value
    ).decode()


def _most(counts: Counter[str]) -> tuple[str, ...]:
    """The most frequent values: several where none is alone."""
    most = max(counts.values())
    return tuple(sorted(value for value, count in counts.items() if count == most))
