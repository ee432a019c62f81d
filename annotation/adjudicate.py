"""Disputed rows before somebody who has not voted on them, each in a workspace of their own, and away again once they are settled.

Whoever settles a row sees what annotators saw, in the same order and under the same words, and nothing of what they said. A row goes
to the one of those who may have it that has fewest rows waiting; who answered, skipped or discarded it is never asked. What was
discarded goes to somebody else, what is no longer disputed and not yet answered is taken back. As with a push, what is meant to be
sent is written to the label shards before it is sent, and a command that was killed goes on when it is given again.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from annotation.again import item_of
from annotation.client import Client, Json
from annotation.datasets import Dataset, check_unedited, name_of, of_review, opened
from annotation.labels import Labels, Row
from annotation.people import ADJUDICATION, adjudicates, adjudicators
from annotation.pull import pull_records
from annotation.questions import Task
from annotation.record import ReviewRecord
from annotation.resolve import Name, Resolved
from annotation.review_tasks import base, task
from annotation.sending import batches, body_of, prefilled
from curation.provenance import key


@dataclass
class Adjudicated:
    """What became of disputed rows. pushed: by pseudonym; waiting: are before somebody already; nobody: may be settled by nobody.

    withdrawn: records that were taken back: no dispute any more (settled), their adjudicator voted on the row (voted) or is one no
    more (left).
    """

    disputed: int = 0
    pushed: Counter[str] = field(default_factory=Counter[str])
    waiting: int = 0
    withdrawn: Counter[str] = field(default_factory=Counter[str])
    nobody: list[Name] = field(default_factory=list[Name])


@dataclass(frozen=True)
class _Lying:
    """A record that lies before somebody who settles, as Argilla has it, and the line that pushed it."""

    who: str
    dataset: Dataset
    record: Json
    line: Row

    @property
    def answered(self) -> bool:
        """Whether it was submitted or discarded."""
        return any(answer["status"] != "draft" for answer in self.record.get("responses") or ())


def adjudicate(client: Client, labels: Labels, resolved: Resolved) -> Adjudicated:
    """Brings the adjudicators' workspaces to what is disputed. resolved: of a pull just before. Raises ReviewError."""
    with labels.writing():
        able = adjudicators(client)
        disputed = set(resolved.disputed)
        done = Adjudicated(len(disputed))
        lying = _lying(client, labels)
        load = Counter(one.who for some in lying.values() for one in some if not one.answered)
        back: list[tuple[_Lying, str]] = []
        chosen: list[tuple[Name, str]] = []
        for name in sorted(disputed | lying.keys()):
            here, unit = lying.get(name, []), resolved.units.get(name)
            met = unit.met if unit is not None else set[str]()
            waiting = 0
            for one in (lain for lain in here if not lain.answered):
                if one.who in met or one.who not in able:
                    back.append((one, "voted" if one.who in met else "left"))
                elif name not in disputed or unit is None or one.line["content"] != unit.record["content"]:
                    back.append((one, "settled"))
                else:
                    waiting += 1
            if name not in disputed or unit is None:
                continue
            if waiting:
                done.waiting += 1
                continue
            had = met | {one.who for one in here}
            may = [who for who, harmful in able.items() if who not in had and (harmful or not unit.record["harmful"])]
            if not may:
                done.nobody.append(name)
                continue
            who = min(may, key=lambda w: (load[w], key("adjudicator", labels.salt, w, name[2])))
            load[who] += 1
            chosen.append((name, who))
        _take_back(client, labels, back, done)
        _send(client, labels, chosen, done)
    return done


def _lying(client: Client, labels: Labels) -> dict[Name, list[_Lying]]:
    """Records in the adjudicators' workspaces, by what they are about."""
    known, found = labels.records(), defaultdict[Name, list[_Lying]](list)
    for dataset in of_review(client):
        if not adjudicates(dataset.workspace):
            continue
        for record in client.records(dataset.id, include=("responses",)):
            line = known.get((f"{dataset.workspace}/{dataset.name}", record["external_id"]))
            if line is not None:
                name = line["source"], base(line["task"]), line["row"]
                found[name].append(_Lying(dataset.workspace.removeprefix(ADJUDICATION), dataset, record, line))
    return found


def _take_back(client: Client, labels: Labels, back: Sequence[tuple[_Lying, str]], done: Adjudicated) -> None:
    at = datetime.now(UTC)
    for dataset, some in _by(back, lambda one: one[0].dataset).items():
        ids = [one.record["id"] for one, _ in some]
        pull_records(client, labels, dataset, ids)
        lines = [{k: v for k, v in one.line.items() if k != "withdrawn"} for one, _ in some]
        labels.append(
            "records",
            [
                line | {"event": "withdrawn", "reason": why, "at": at}
                for line, (_, why) in zip(lines, some, strict=True)
            ],
        )
        client.delete(dataset.id, ids)
        done.withdrawn.update(why for _, why in some)


def _send(client: Client, labels: Labels, chosen: Sequence[tuple[Name, str]], done: Adjudicated) -> None:
    """Writes down what is to be sent, opens datasets, and sends it."""
    pushed = _pushed(labels, {name for name, _ in chosen})
    at, lines = datetime.now(UTC), list[Row]()
    by_place: dict[tuple[str, str], tuple[Task, list[ReviewRecord]]] = {}
    for name, who in chosen:
        line = pushed[name]
        of, workspace = asked_as(line), ADJUDICATION + who
        dataset = name_of(of, 1)
        lines.append(
            {k: v for k, v in line.items() if k != "withdrawn"}
            | {
                "event": "pushed",
                "reason": None,
                "task": of.name,
                "version": of.version,
                "workspace": workspace,
                "dataset": f"{workspace}/{dataset}",
                "at": at,
            }
        )
        by_place.setdefault((workspace, dataset), (of, []))[1].append(_record(of, line, workspace))
    labels.append("records", lines)
    for (workspace, dataset), (of, records) in sorted(by_place.items()):
        made = opened(client, of, client.workspace(workspace), 1)
        check_unedited(client, dataset, made)
        fill = prefilled(client, of, made)
        for sent in batches(client, made, [body_of(of, record, fill) for record in records]):
            done.pushed[workspace.removeprefix(ADJUDICATION)] += sent


def _pushed(labels: Labels, names: Iterable[Name]) -> dict[Name, Row]:
    """The last push of each row before annotators; of two that mirror each other, the one in the drawn order."""
    wanted, found = set(names), dict[Name, Row]()
    for line in labels.records().values():
        name = line["source"], base(line["task"]), line["row"]
        if name in wanted and not adjudicates(line["dataset"]) and not line["mirrored"]:
            found[name] = line
    return found


def asked_as(line: Mapping[str, Any]) -> Task:
    """The task that a pushed record is of, in its language; under the words of now where its own are no more."""
    parts = line["task"].split("_")[1:]
    variants = {
        of.version: of
        for language in ("en", "ja")
        for of in [
            task(
                base(line["task"]),
                language,
                max(2, len(line["answers"])),
                harmful="harmful" in parts,
                markdown="markdown" in parts,
            )
        ]
    }
    return variants.get(line["version"], list(variants.values())[-1])


def _record(of: Task, line: Row, workspace: str) -> ReviewRecord:
    fields, metadata = orjson.loads(line["fields"]), orjson.loads(line["metadata"])
    item = item_of(of, line)
    return ReviewRecord(
        item, line["external_id"], workspace, 1, tuple(line["order"]), False, line["content"], fields, metadata, line["masked"]
    )  # fmt: skip


def _by(found: Iterable[Any], of: Any) -> dict[Any, list[Any]]:
    groups: dict[Any, list[Any]] = defaultdict(list)
    for one in found:
        groups[of(one)].append(one)
    return groups
