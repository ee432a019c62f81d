"""What is said of one row now: its live records, its answers, and which value most people gave."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from annotation.label import STATE
from annotation.labels import BLANK, Labels, Row
from annotation.people import adjudicates
from annotation.questions import Task
from annotation.record import in_own_order

Name = tuple[str, str, bytes, bytes]
"""Task with its variant, version, row, content: what answers must share to be answers to one question."""
COLUMNS = ("external_id", "dataset", "task", "version", "source", "row", "content", "answers", "order", "mirrored", "fields",
           "harmful", "stratum", "people", "use")  # fmt: skip
"""What is read of a record."""


@dataclass
class Unit:
    """A row as it is now. records: live ones; counted: answers that count; states: every answer's last state, counted or not."""

    records: list[Row] = field(default_factory=list[Row])
    counted: list[Row] = field(default_factory=list[Row])
    states: dict[str, int] = field(default_factory=dict[str, int])
    latest: list[Row] = field(default_factory=list[Row])

    @property
    def record(self) -> Row:
        """The record that a sheet shows: the first that was pushed, and no mirror image where there is another."""
        return min(self.records, key=lambda one: bool(one["mirrored"]))

    def most(self, task: Task, record: Row, but: str = "") -> dict[str, Any]:
        """The value of each question that more people gave than any other, in the places of a record; one answer may be left out."""
        said: dict[str, Counter[str]] = defaultdict(Counter)
        for answer in (one for one in self.counted if one["response"] != but):
            for name, value in orjson.loads(answer["values"]).items():
                said[name][orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()] += 1
        own = {name: orjson.loads(value) for name, counts in said.items() if (value := _alone(counts)) is not None}
        return in_places(task, own, record["order"])


def units(labels: Labels, records: Mapping[tuple[str, str], Row]) -> dict[Name, Unit]:
    """Every row that was pushed or answered, with what holds of it now. records: of the label shards, with `COLUMNS`."""
    found: dict[Name, Unit] = defaultdict(Unit)
    for record in records.values():
        # of a forgotten row nothing is left to show, and what is disputed lies before somebody else
        if not record["withdrawn"] and record["fields"] != BLANK and not adjudicates(record["dataset"]):
            found[name_of(record)].records.append(record)
    for answer in labels.answers():
        found[name_of(answer)].counted.append(answer)
    for answer in labels.latest().values():
        unit = found[name_of(answer)]
        unit.latest.append(answer)
        unit.states[answer["response"]] = answer["n"]
    return found


def name_of(row: Mapping[str, Any]) -> Name:
    """The unit that a record, an answer or a line of a sheet belongs to."""
    return row["task"], row["version"], row["row"], row["content"]


def in_places(task: Task, values: Mapping[str, Any], order: Sequence[int]) -> dict[str, Any]:
    """Values of the row's own order in the places of a record: what `in_own_order` undoes."""
    places = sorted(range(len(order)), key=lambda place: order[place])
    return in_own_order(task, values, places)


def stated(states: Mapping[str, int]) -> list[dict[str, Any]]:
    """States as they are kept in `sheets/`."""
    names = [STATE.field(i).name for i in range(STATE.num_fields)]
    return [dict(zip(names, one, strict=True)) for one in sorted(states.items())]


def _alone(counts: Counter[str]) -> str | None:
    ranked: Iterable[tuple[str, int]] = counts.most_common(2)
    (first, often), *other = ranked
    return None if other and other[0][1] == often else first
