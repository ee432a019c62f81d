"""The error rate of a released set, from the label shards: which rows people found wrong, and what that says of the unread ones.

An error is what its owner says it is: a question of the review task and the answers that count as wrong (`verdict=fixable,bad`). A
row is wrong where at least half of those who decided say so; it counts once, however many answered. Where somebody settled a
dispute or corrected a sheet, they alone say so. Who could not tell, skipped or discarded has not decided. Rows whose answers may
fit curves (`calibrate`) are reviewed, and estimate nothing: neither those that the plan of now says may, nor those that any push
ever said so of.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import pyarrow as pa

from annotation.ballots import ballots
from annotation.error_rate import ErrorRate, Reviews, Stratum, error_rate
from annotation.errors import ReviewError
from annotation.labels import Labels
from annotation.questions import Task
from annotation.review_tasks import base

UNDECIDED = "cannot_tell"
"""The answer with which people say that they do not know."""


@dataclass(frozen=True)
class Wrong:
    """What counts as an error: a question, and answers to it."""

    question: str
    answers: frozenset[str]

    @classmethod
    def of(cls, said: str, task: Task) -> "Wrong":
        """From `QUESTION=ANSWER,…`. Raises ReviewError where the task has no such question or answer."""
        name, _, rest = said.partition("=")
        asked = {q.name: q for q in task.questions if q.asks in ("label", "rating")}
        if name not in asked:
            raise ReviewError(
                f"--wrong {said}: '{task.name}' asks no '{name}' with answers to choose from; {', '.join(asked)}"
            )
        answers = frozenset(filter(None, rest.split(",")))
        there = [str(value) for value in asked[name].labels or asked[name].points]
        if unknown := sorted(answers - set(there)):
            raise ReviewError(
                f"--wrong {said}: '{unknown[0]}' is no answer to '{name}'; answers are {', '.join(there)}"
            )
        if not answers or answers >= set(there):
            raise ReviewError(f"--wrong {said}: some answers are wrong and others are not, e.g. {name}={there[-1]}")
        return cls(name, answers)


@dataclass(frozen=True)
class Estimated:
    """The rate over the whole set and what is known of each stratum."""

    rate: ErrorRate
    strata: dict[str, Stratum]


def estimated(rows: pa.Table, labels: Labels, task: Task, source: str, wrong: Wrong, level: float = 0.95) -> Estimated:
    """The error rate of a set. rows: all of it, as `annotation.review_plan.placed` gives them; source: its name in the shards.

    Raises ReviewError where rows were pushed in other strata, or with other probabilities, than those of the rows.
    """
    _check_plan(rows, labels, base(task.name), source)
    decided, fitting = _decided(labels, base(task.name), source, wrong), _fitting(labels, source)
    strata: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    found: list[tuple[str, bytes, bool]] = []
    columns = ("id", "seed_key", "review_stratum", "routes", "review_use")
    for row in rows.select(columns).to_pylist():
        counts = strata[row["review_stratum"]]
        counts[0] += 1
        counts[1] += bool(row["routes"])
        if (said := decided.get(row["id"])) is None:
            continue
        counts[2] += 1
        if row["review_use"] == "estimate" and row["routes"] and row["id"] not in fitting:
            found.append((row["review_stratum"], row["seed_key"] or row["id"], said))
    known = {name: Stratum(*counts) for name, counts in sorted(strata.items())}
    reviews = Reviews([s for s, _, _ in found], [d for _, d, _ in found], [w for _, _, w in found])
    return Estimated(error_rate(reviews, known, level), known)


def _check_plan(rows: pa.Table, labels: Labels, task: str, source: str) -> None:
    """Answers of rows that one plan drew say nothing under another one's probabilities."""
    names = ("id", "review_stratum", "inclusion")
    now = {row: place for row, *place in zip(*(rows.column(name).to_pylist() for name in names), strict=True)}
    columns = ["task", "source", "row", "stratum", "inclusion", "use"]
    for record in labels.records(columns).values():
        if record["source"] != source or base(record["task"]) != task or record["use"] not in ("estimate", "calibrate"):
            continue
        place, was = now.get(record["row"]), [record["stratum"], record["inclusion"]]
        if not record["withdrawn"] and place is not None and place != was:
            raise ReviewError(
                f"{labels.folder}: row {record['row'].hex()} was pushed in the stratum '{was[0]}' with probability {was[1]:.4g}, "
                f"and this plan puts it in '{place[0]}' with {place[1]:.4g}. Give the plan that `review push` was given, with the "
                "calibration that it had; if the plan was changed since, push with it first"
            )


def _fitting(labels: Labels, source: str) -> set[bytes]:
    """Rows of a source that were ever pushed with answers that may fit curves."""
    pushed = labels.read("records", ["source", "row", "use"]).to_pylist()
    return {one["row"] for one in pushed if one["source"] == source and one["use"] == "calibrate"}


def _decided(labels: Labels, task: str, source: str, wrong: Wrong) -> dict[bytes, bool]:
    """Whether each decided row is wrong. Answers to a content that was changed since do not count."""
    contents: dict[bytes, set[bytes]] = defaultdict(set)
    for record in labels.records(["task", "source", "row", "content", "reason"]).values():
        if record["source"] == source and base(record["task"]) == task and not record["withdrawn"]:
            contents[record["row"]].add(record["content"])
    decided: dict[bytes, bool] = {}
    for (of, asked, row), unit in ballots(labels).units.items():
        if (of, asked) == (source, task) and unit.record["content"] in contents[row]:
            votes = [said for answer in unit.final for said in _wrong(answer, wrong)]
            if votes:
                decided[row] = 2 * sum(votes) >= len(votes)
    return decided


def _wrong(answer: Mapping[str, Any], wrong: Wrong) -> Iterable[bool]:
    value = orjson.loads(answer["values"]).get(wrong.question)
    if value is not None and value != UNDECIDED:
        yield str(value) in wrong.answers
