"""What people say of a jury's pairs, from label shards alone: did they prefer the answer that the jury leans to?

A record of a jury's pair holds its function and by how far the jury leant (`metadata`), so no set of pairs is needed: a pair that a
later threshold takes out of the set still tells what the margin is worth. Of several people the majority counts, or whoever settled
the pair (`ballots.py`); an equal split says nothing about which answer is better, nor does 同じ, どちらも悪い or 判断できない where
half of them or more say so.

Rows are split where they are pushed, by hash of their seed document (`review_use`): those that may fit are `fit`, the others are
`held`, on which the curves are tried and which alone estimate error rates. A row that was pushed as both, since a plan was changed
in between, is in neither.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from annotation.ballots import ballots
from annotation.calibrate import Decision
from annotation.errors import ReviewError
from annotation.labels import Labels
from annotation.review_tasks import base

TASK = "preference"
STRATEGY = "jury"
"""Pairs whose margin is a jury's."""

_Row = tuple[str, bytes]


@dataclass
class JudgeDecisions:
    """Decisions of people about pairs that a jury made. source: recipe and set that all of them are of.

    undecided: rows that somebody answered and of which people do not say which answer is better. both_uses: rows that were pushed to
    fit and to estimate.
    """

    source: str
    fit: list[Decision] = field(default_factory=list[Decision])
    held: list[Decision] = field(default_factory=list[Decision])
    undecided: int = 0
    both_uses: int = 0


def judge_decisions(labels: Labels, source: str | None = None) -> JudgeDecisions:
    """Decisions about the pairs of `source`; it may be left out where the shards know one. Raises ReviewError."""
    uses, about = _pushed(labels)
    sources = sorted({name for name, _ in uses})
    if not sources:
        raise ReviewError(
            f"{labels.folder}: no pair of a jury was put before people; `seimai review push RUN --task preference` does"
        )
    if source is None and len(sources) > 1:
        raise ReviewError(
            f"{labels.folder}: pairs of which set? --source one of {', '.join(sources)}; each jury's margin has its own worth"
        )
    found = JudgeDecisions(source or sources[0])
    if found.source not in sources:
        raise ReviewError(f"{labels.folder}: no pair of a jury is of '{source}'; there is {', '.join(sources)}")
    for (row, content), (votes, month) in _votes(labels, found.source, about).items():
        if len(uses[found.source, row]) > 1:
            found.both_uses += 1
        elif votes["a"] == votes["b"] or votes["a"] + votes["b"] <= votes.total() / 2:
            found.undecided += 1
        else:
            said = about[found.source, row, content]
            one = Decision(said["function"], abs(float(said["margin"])), votes["a"] > votes["b"], month)
            (found.fit if uses[found.source, row] == {"calibrate"} else found.held).append(one)
    return found


def _pushed(labels: Labels) -> tuple[dict[_Row, set[str]], dict[tuple[str, bytes, bytes], Mapping[str, Any]]]:
    """Of each row of a jury all uses under which it was ever pushed; of each of its contents what its owner knows of it."""
    uses: dict[_Row, set[str]] = defaultdict(set)
    about: dict[tuple[str, bytes, bytes], Mapping[str, Any]] = {}
    columns = ("event", "task", "source", "row", "content", "use", "metadata")
    for record in labels.read("records", columns).to_pylist():
        if record["event"] != "pushed" or base(record["task"]) != TASK:
            continue
        said = orjson.loads(record["metadata"])
        if said.get("strategy") == STRATEGY and "margin" in said:
            uses[record["source"], record["row"]].add(record["use"])
            about[record["source"], record["row"], record["content"]] = said
    return uses, about


def _votes(
    labels: Labels, source: str, about: Mapping[tuple[str, bytes, bytes], Any]
) -> dict[tuple[bytes, bytes], tuple[Counter[str], str]]:
    """What people prefer of each pair as it was last shown, and the month of the last answer."""
    votes: dict[tuple[bytes, bytes], tuple[Counter[str], str]] = {}
    for (of, task, row), unit in ballots(labels).units.items():
        name = row, unit.record["content"]
        if (of, task) == (source, TASK) and (source, *name) in about and unit.final:
            month = max(f"{answer['given_at']:%Y-%m}" for answer in unit.final)
            votes[name] = Counter(answer["preference"] for answer in unit.final), month
    return votes
