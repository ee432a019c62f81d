"""Label shards as a push and a pull leave them, written down: who said what of which row."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from annotation.items import Item
from annotation.labels import Labels
from annotation.people import ADJUDICATION
from annotation.push import Order, line_of
from annotation.record import records_of
from annotation.review_tasks import task
from tests.annotation.test_labels import NOW, answer
from tests.annotation.test_review_records import pair

SOURCE = "trial/preference"
SLOTS = "abcdefgh"


def put(labels: Labels, item: Item, name: str = "preference", minutes: int = 0, **other: Any) -> dict[str, Any]:
    """Pushes a row; the line of its first record."""
    of = task(name, answers=max(2, len(item.texts)))
    dataset = f"{of.name}-{other.get('version', of.version)}"
    lines = [
        line_of(Order(of, SOURCE), f"{record.workspace}/{dataset}-{record.needed}", record, NOW) | other
        for record in records_of(of, item, SOURCE, labels.salt)
    ]
    labels.append("records", [line | {"at": NOW + timedelta(minutes=minutes)} for line in lines])
    return lines[0]


def say(labels: Labels, line: Mapping[str, Any], who: str, values: Mapping[str, Any], **other: Any) -> None:
    """An answer to a row, in the row's own order."""
    of = {name: line[name] for name in ("task", "version", "source", "row", "content", "dataset", "external_id")}
    name = f"{line['row'].hex()}-{who}-{other.get('version', '')}-{other.get('dataset', '')}"
    labels.append("answers", [answer(name, **of | {"annotator": who, "values": json.dumps(values)} | other)])


def vote(labels: Labels, n: int, *said: str, people: int = 3) -> dict[str, Any]:
    """A pair that so many people compare, and what r-1, r-2, … prefer."""
    line = put(labels, pair(n, people=people))
    for number, value in enumerate(said, 1):
        say(labels, line, f"r-{number}", {"preference": value})
    return line


def settle(labels: Labels, line: Mapping[str, Any], who: str, values: Mapping[str, Any], **other: Any) -> None:
    """What somebody says in their workspace of disputes."""
    say(labels, line, who, values, dataset=f"{ADJUDICATION}{who}/{line['task']}-{line['version']}-1", **other)


def ranks(**places: int) -> dict[str, Any]:
    """A ranking as an answer holds it."""
    return {"order": [{"value": slot, "rank": rank} for slot, rank in places.items()], "usable": "good"}
