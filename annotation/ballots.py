"""Whose answers count for a row: the votes of those who were asked, and the answer of whoever settled it.

A vote is an answer that counts now (`Labels.answers`), one a person, to the content that was last put before people, under the
newest version of the guidelines under which the row was answered. Who corrects a sheet has seen what others said: like an
adjudicator's, their answer settles the row, unless they had voted on it; then it is their own vote, which they changed.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from annotation.labels import Labels, Row
from annotation.people import adjudicates
from annotation.review_tasks import base

Name = tuple[str, str, bytes]
"""What is decided about: source, task, row."""

_RECORD = ("task", "version", "source", "row", "content", "answers", "people", "document", "harmful", "metadata")
_HAD = ("task", "source", "row", "annotator", "dataset", "status", "origin")


@dataclass
class Unit:
    """One row before it is decided. record: its last push. votes: the answer of each person; settled: that of who settled it.

    live: whether it lies before annotators. answered: whose answers count, also of those whom the policy leaves out. met: everybody
    who ever had it as an annotator and answered, skipped or discarded it; voted: those of them who ever submitted an answer.
    pushed: the place of its last push under each version among all pushes.
    """

    record: Row
    votes: dict[str, Row] = field(default_factory=dict[str, Row])
    settled: Row | None = None
    live: bool = False
    answered: set[str] = field(default_factory=set[str])
    met: set[str] = field(default_factory=set[str])
    voted: set[str] = field(default_factory=set[str])
    pushed: dict[str, int] = field(default_factory=dict[str, int])

    @property
    def version(self) -> str:
        """Under which the answers that count were given."""
        return next(iter(self.votes.values()), self.settled or self.record)["version"]

    @property
    def final(self) -> list[Row]:
        """The answers that decide: that of who settled it alone, else all votes."""
        return list(self.votes.values()) if self.settled is None else [self.settled]


@dataclass
class Ballots:
    """Every row that was pushed, with its answers. own_votes: rows settled by somebody who had voted on them: not taken."""

    units: dict[Name, Unit] = field(default_factory=dict[Name, Unit])
    own_votes: list[Name] = field(default_factory=list[Name])


def ballots(labels: Labels, excluded: Collection[str] = ()) -> Ballots:
    """Answers by row. excluded: annotators whose votes do not count."""
    units = _pushed(labels)
    _who_had_it(labels, units)
    found, votes = Ballots(units), defaultdict[Name, list[Row]](list)
    settling = labels.adjudications()
    for answer in labels.answers():
        unit = _about_now(answer, units)
        if unit is not None and _settles(answer) and answer["annotator"] not in unit.voted:
            settling.append(answer)
        elif unit is not None:
            votes[name_of(answer)].append(answer)
    for name, answers in votes.items():
        _vote(units[name], answers, excluded)
    for answer in sorted(settling, key=_given):
        if (unit := _about_now(answer, units)) is None:
            continue
        if answer["annotator"] in unit.voted:
            found.own_votes.append(name_of(answer))
        else:
            unit.settled = answer
    return found


def name_of(row: Mapping[str, Any]) -> Name:
    """What a record or an answer is about."""
    return row["source"], base(row["task"]), row["row"]


def _pushed(labels: Labels) -> dict[Name, Unit]:
    """Every row with its last push."""
    units: dict[Name, Unit] = {}
    pushed = defaultdict[Name, dict[str, int]](dict)
    live = set[tuple[Name, bytes]]()
    for place, record in enumerate(labels.records(_RECORD).values()):
        name = name_of(record)
        units[name] = Unit(record)
        if not record["withdrawn"] and not adjudicates(record["dataset"]):
            live.add((name, record["content"]))
        pushed[name][record["version"]] = place
    for name, unit in units.items():
        unit.live, unit.pushed = (name, unit.record["content"]) in live, pushed[name]
    return units


def _who_had_it(labels: Labels, units: Mapping[Name, Unit]) -> None:
    for line in labels.read("answers", _HAD).to_pylist():
        unit = units.get(name_of(line))
        if unit is not None and not _settles(line):
            unit.met.add(line["annotator"])
            unit.voted |= {line["annotator"]} if line["status"] == "submitted" else set()


def _vote(unit: Unit, answers: Sequence[Row], excluded: Collection[str]) -> None:
    """The last answer of each person under the newest version under which there are answers."""
    newest = max((a["version"] for a in answers), key=lambda version: (unit.pushed.get(version, -1), version))
    for answer in sorted(answers, key=_given):
        if answer["version"] == newest:
            unit.answered.add(answer["annotator"])
            if answer["annotator"] not in excluded:
                unit.votes[answer["annotator"]] = answer


def _about_now(answer: Row, units: Mapping[Name, Unit]) -> Unit | None:
    """The row that an answer is about, where it is about what the row says now."""
    unit = units.get(name_of(answer))
    return unit if unit is not None and unit.record["content"] == answer["content"] else None


def _settles(answer: Row) -> bool:
    """Whether it was asked for to settle what others had answered: in a workspace of disputes, or by a sheet to be corrected."""
    return adjudicates(answer["dataset"]) or answer["origin"] == "correction"


def _given(answer: Row) -> tuple[datetime, str]:
    return answer["updated_at"], answer["response"]
