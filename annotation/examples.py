"""Answers that people reviewed, as labelled texts that a quality classifier learns from.

A text is what people saw, personal data masked; its label is the decision on one question: a choice, or the median of points. Only
label shards and their decisions are read, so a text that has changed since keeps the label that was given to it. What nobody decided
has no label: 判断できない, no majority, and what waits for somebody who settles it. Gold rows have no decision.

`url` names the document that an answer grew from as a host of its own, so that a training that holds out hosts holds out documents:
two answers about one page are never on both sides. `weight` is how many rows an answer stands for by the plan, and `use` is what
its answers may be used for: where the same run's error rate is estimated too, what estimates it should not train what filters it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from annotation.decision import Decision
from annotation.errors import ReviewError
from annotation.labels import Labels
from annotation.questions import Task
from annotation.review_tasks import base, task
from annotation.votes import CANNOT_TELL

OF_ONE_ANSWER = ("quality", "safety", "correction", "spans")
"""Tasks that ask about one answer, so that what was decided is a label of its text."""
Name = tuple[str, bytes, bytes]
"""Source, row, content."""


@dataclass
class Examples:
    """Lines to be written, and how many answers have no label, by reason."""

    lines: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    left: Counter[str] = field(default_factory=Counter[str])

    @property
    def labels(self) -> Counter[str]:
        """How many lines have each label."""
        return Counter(line["label"] for line in self.lines)


def asked(name: str, question: str | None) -> str:
    """The question whose decisions are labels: the named one, else the task's first. Raises ReviewError for one that gives none."""
    if name not in OF_ONE_ANSWER:
        raise ReviewError(f"--task {name}: a label is of one answer's text; {', '.join(OF_ONE_ANSWER)} ask about one")
    usable = [one.name for one in _questions(task(name))]
    if question is not None and question not in usable:
        raise ReviewError(f"--question {question}: of '{name}' these give labels: {', '.join(usable)}")
    return question or usable[0]


def _questions(of: Task) -> list[Any]:
    return [one for one in of.questions if one.asks in ("label", "rating")]


def examples(
    labels: Labels, decisions: Sequence[Decision], name: str, question: str, *, harmful: bool = False
) -> Examples:
    """Labelled answers, in the order of the decisions. harmful: with those that are harmful content."""
    found, shown = Examples(), _shown(labels, name)
    for one in decisions:
        if one.task != name or one.question != question:
            continue
        record = shown.get((one.source, one.row, one.content))
        text = orjson.loads(record["fields"]).get("answer") if record is not None else None
        if why := _left_out(one, text, harmful=harmful):
            found.left[why] += 1
            continue
        assert record is not None
        found.lines.append({
            "id": one.row.hex(), "url": f"https://{one.document.hex()}.invalid/{one.row.hex()}", "text": text, "label": _label(one),
            "weight": round(1 / record["inclusion"], 6), "use": record["use"], "stratum": record["stratum"], "source": one.source,
            "method": one.method, "people": one.people,
        })  # fmt: skip
    return found


def _left_out(one: Decision, text: str | None, *, harmful: bool) -> str:
    """Why an answer has no label; "" where it has one."""
    if one.harmful and not harmful:
        return "harmful"
    # points hold, whatever else of the row is disputed
    if one.points is None and (one.disputed or one.outcome is None):
        return "undecided"
    if one.outcome == CANNOT_TELL:
        return CANNOT_TELL
    return "" if text else "forgotten"


def _label(one: Decision) -> str:
    return one.outcome if one.points is None else f"{one.points:g}"  # type: ignore[return-value]


def _shown(labels: Labels, name: str) -> Mapping[Name, Mapping[str, Any]]:
    """What was shown of each row of a task, by its content; the last push of it."""
    columns = ("task", "source", "row", "content", "fields", "inclusion", "use", "stratum")
    records = labels.records(columns).values()
    return {(one["source"], one["row"], one["content"]): one for one in records if base(one["task"]) == name}
