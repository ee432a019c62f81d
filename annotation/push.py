"""Rows before people: what is wanted is held against what Argilla has, and only the difference is done; so a push can be repeated.

What a push means to send is written to the label shards before it is sent. A push that was killed leaves records that are all
known, and the next one sends the rest. Argilla keeps old answers on a record whose text is replaced, so a text is never replaced:
a changed row is a new record, and the old one is pulled, noted as withdrawn, then deleted. Only metadata is updated in place.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from annotation.client import MOST_DELETED, Client, Json
from annotation.daily_cap import room
from annotation.datasets import Dataset, check_unedited, of_review, opened
from annotation.errors import ReviewError
from annotation.items import Item
from annotation.labels import Labels
from annotation.people import adjudicates, members
from annotation.pull import pull_records
from annotation.questions import Task
from annotation.record import ReviewRecord, Unfit, records_of
from annotation.review_tasks import Language, base
from annotation.sending import batches, body_of, prefilled

Say = Callable[[str], None]
PLACED = ("stratum", "inclusion", "use")
"""What a changed plan may change of a record that is there: it is written down again, since estimates rest on it.

So is a record that a push meant to withdraw and did not, since it was killed.
"""


@dataclass
class Pushed:
    """What a push did. rows: that the plan drew; left_out: those that cannot be shown, by reason, a sentence each.

    All else is in records (an overlapped comparison is two). there: were there already; answered: of rows that people answered with
    the same content under an earlier version; waiting: held back by `most`; capped: held back by the daily cap; updated: got other
    metadata; withdrawn: by reason. masked: pieces of personal data. short: workspaces with fewer annotators than records need.
    """

    task: str = ""
    rows: int = 0
    pushed: int = 0
    there: int = 0
    waiting: int = 0
    capped: int = 0
    answered: int = 0
    updated: int = 0
    masked: int = 0
    datasets: list[str] = field(default_factory=list[str])
    short: list[str] = field(default_factory=list[str])
    withdrawn: Counter[str] = field(default_factory=Counter[str])
    left_out: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


@dataclass(frozen=True)
class Order:
    """What is to be pushed. again: version since which rows are asked again. daily_cap: of harmful content, for one person.

    only: whether rows that are not among the items stay where they are (a share of a source, and not all of it).
    """

    task: Task
    source: str
    language: Language = "ja"
    most: int | None = None
    daily_cap: int | None = None
    again: str | None = None
    only: bool = False


class _Found:
    """Records of a task that Argilla has, by (dataset's name, external id)."""

    def __init__(self, client: Client, task: Task):
        found = (d for d in of_review(client) if not adjudicates(d.workspace))
        self.sets = [d for d in found if base(d.task) == base(task.name)]
        self.records: dict[tuple[str, str], Json] = {}
        self.of: dict[tuple[str, str], Dataset] = {}
        for dataset in self.sets:
            for record in client.records(dataset.id, include=("responses",)):
                place = f"{dataset.workspace}/{dataset.name}"
                self.records[place, record["external_id"]] = record
                self.of[place, record["external_id"]] = dataset


def push(client: Client, labels: Labels, order: Order, items: Iterable[Item], say: Say = lambda _: None) -> Pushed:
    """Brings Argilla to what the items are. items: all rows of the source that the plan drew, in the order of their queue.

    Raises ReviewError where a dataset was changed in the UI, where Argilla holds records that these label shards do not know, and
    where the server is not reached or refuses; the same command goes on then.
    """
    done, wanted = Pushed(order.task.name), dict[tuple[str, str], ReviewRecord]()
    with labels.writing():
        for item in items:
            done.rows += 1
            if any(labels.gone.holds(*one) for one in _names(item)):
                done.left_out["forgotten"].append(f"{item.row.hex()}: it, or what it grew from, was to be forgotten")
                continue
            try:
                for record in records_of(order.task, item, order.source, labels.salt, order.language):
                    wanted[place_of(order.task, record), record.external_id] = record
            except Unfit as error:
                done.left_out[error.reason].append(f"{item.row.hex()}: {error}")
        found, known = _Found(client, order.task), labels.records()
        _check_known(client, found, known)
        for dataset in found.sets:
            if dataset.task == order.task.name and dataset.version == order.task.version:
                check_unedited(client, dataset.name, dataset.id)
        if not order.only:
            _withdraw(client, labels, order, found, known, wanted, done)
        before = set() if order.again else _answered_before(order.task, found, known, labels)
        new: list[tuple[tuple[str, str], ReviewRecord]] = []
        placed: list[dict[str, Any]] = []
        for name, record in wanted.items():
            if name in found.records:
                done.there += 1
                pushed = known[name]
                if pushed["withdrawn"] or any(pushed[one] != getattr(record.item, one) for one in PLACED):
                    placed.append(line_of(order, name[0], record, datetime.now(UTC)) | {"again": pushed["again"]})
            elif (record.item.row, record.content) in before:
                done.answered += 1
            else:
                new.append((name, record))
        if placed:
            labels.append("records", placed)
        done.updated = _update_metadata(client, found, wanted)
        _send(client, labels, order, new, done, say)
    return done


def _names(item: Item) -> Iterator[tuple[str, bytes]]:
    """What of an item may have a tombstone."""
    yield from (("row", one) for one in (item.row, *item.answers))
    yield "passage", item.document


def place_of(task: Task, record: ReviewRecord) -> str:
    """Workspace and dataset of a record, as the label shards name it."""
    return f"{record.workspace}/{task.dataset}-{record.needed}"


def _check_known(client: Client, found: _Found, known: Mapping[tuple[str, str], Any]) -> None:
    strange = sorted((name for name in found.records if name not in known), key=str)
    if strange:
        place, name = strange[0]
        raise ReviewError(
            f"{client.url}, {place}: {len(strange)} records (first {name}) are not in these label shards: another folder of"
            " label shards pushed them (name it with --labels), or somebody added them by hand (delete them in Argilla)"
        )


def _answered_before(
    task: Task, found: _Found, known: Mapping[tuple[str, str], Any], labels: Labels
) -> set[tuple[bytes, bytes]]:
    """Rows (with their content) that somebody answered under an earlier version: `review again` asks of them, a push does not."""
    pulled = (row for row in labels.answers() if row["task"] == task.name and row["version"] != task.version)
    return {(row["row"], row["content"]) for row in pulled} | _answered_there(task, found, known)


def _answered_there(task: Task, found: _Found, known: Mapping[tuple[str, str], Any]) -> set[tuple[bytes, bytes]]:
    """Rows of earlier versions that somebody has answered in Argilla."""
    return {
        (known[name]["row"], known[name]["content"])
        for name, record in found.records.items()
        if known[name]["task"] == task.name
        and known[name]["version"] != task.version
        and any(answer["status"] == "submitted" for answer in record.get("responses") or ())
    }


def _withdraw(
    client: Client,
    labels: Labels,
    order: Order,
    found: _Found,
    known: Mapping[tuple[str, str], Any],
    wanted: Mapping[tuple[str, str], ReviewRecord],
    done: Pushed,
) -> None:
    """Takes back records of the source that are no longer wanted: pulled, noted, deleted."""
    rows = {record.item.row: record.content for record in wanted.values()}
    answered = _answered_there(order.task, found, known)
    gone: dict[str, list[tuple[str, str]]] = defaultdict(list)
    why: dict[tuple[str, str], str] = {}
    for name in found.records:
        pushed = known[name]
        if name in wanted or pushed["source"] != order.source or pushed["task"] != order.task.name:
            continue
        same = rows.get(pushed["row"]) == pushed["content"]
        older = pushed["version"] != order.task.version
        if same and (pushed["again"] or (older and (pushed["row"], pushed["content"]) in answered)):
            continue  # asked again on purpose; or answered by some, and the others answer the same words
        why[name] = (
            "older_version" if older and same else "moved" if same else "changed" if pushed["row"] in rows else "gone"
        )
        gone[found.of[name].id].append(name)
    for dataset, names in gone.items():
        for start in range(0, len(names), MOST_DELETED):
            batch = names[start : start + MOST_DELETED]
            pull_records(client, labels, found.of[batch[0]], [found.records[name]["id"] for name in batch])
            at = datetime.now(UTC)
            said = [{k: v for k, v in known[name].items() if k != "withdrawn"} for name in batch]
            events = [
                row | {"event": "withdrawn", "reason": why[name], "at": at}
                for name, row in zip(batch, said, strict=True)
            ]
            labels.append("records", events)
            client.delete(dataset, [found.records[name]["id"] for name in batch])
            for name in batch:
                done.withdrawn[why[name]] += 1
                del found.records[name]


def _update_metadata(client: Client, found: _Found, wanted: Mapping[tuple[str, str], ReviewRecord]) -> int:
    changed: dict[str, list[Json]] = defaultdict(list)
    for name, record in wanted.items():
        there = found.records.get(name)
        if there is not None and (there.get("metadata") or {}) != record.metadata:
            changed[found.of[name].id].append({"external_id": record.external_id, "metadata": record.metadata})
    for dataset, items in changed.items():
        client.push(dataset, items)
    return sum(map(len, changed.values()))


def _send(
    client: Client,
    labels: Labels,
    order: Order,
    new: Sequence[tuple[tuple[str, str], ReviewRecord]],
    done: Pushed,
    say: Say,
) -> None:
    """Opens datasets, writes down what is to be sent, and sends it."""
    kept = list(new) if order.most is None else list(new)[: max(0, order.most)]
    done.waiting = len(new) - len(kept)
    if order.task.name.partition("_")[2].startswith("harmful"):
        if order.daily_cap is None:
            raise ReviewError("harmful content needs a daily cap: `harmful: {daily_cap: N}` in the plan")
        allowed = room(client, order.daily_cap)
        lying = [(name, record) for name, record in kept if allowed.take(record.workspace)]
        done.capped, kept = len(kept) - len(lying), lying
    at, rows = datetime.now(UTC), list[dict[str, Any]]()
    by_place: dict[tuple[str, int], list[ReviewRecord]] = defaultdict(list)
    for (place, _), record in kept:
        by_place[record.workspace, record.needed].append(record)
        rows.append(line_of(order, place, record, at))
        done.masked += record.masked
    ids: dict[tuple[str, int], str] = {}
    for (workspace, needed), _ in by_place.items():
        ids[workspace, needed] = opened(client, order.task, client.workspace(workspace), needed)
        if (there := len(members(client, workspace))) < needed:
            done.short.append(
                f"{workspace} has {there} of {needed} annotators that a record needs: `seimai review annotator`"
            )
    labels.append("records", rows)
    for place, records in by_place.items():
        done.datasets.append(f"{place[0]}/{order.task.dataset}-{place[1]}")
        fill = prefilled(client, order.task, ids[place])
        for sent in batches(client, ids[place], [body_of(order.task, record, fill) for record in records]):
            done.pushed += sent
            say(f"{done.pushed:,} of {len(kept):,} records")


def line_of(order: Order, place: str, record: ReviewRecord, at: datetime) -> dict[str, Any]:
    """A line of `records/` that says a record is pushed. place: workspace and dataset."""
    item = record.item
    return {
        "event": "pushed", "reason": None, "external_id": record.external_id, "task": order.task.name,
        "version": order.task.version, "workspace": record.workspace, "dataset": place, "source": order.source,
        "row": item.row, "answers": list(item.answers), "order": list(record.order), "mirrored": record.mirrored,
        "content": record.content, "fields": orjson.dumps(record.fields).decode(),
        "metadata": orjson.dumps(record.metadata).decode(), "masked": record.masked, "harmful": item.harmful,
        "people": item.people, "stratum": item.stratum, "inclusion": item.inclusion, "use": item.use,
        "document": item.document, "again": order.again, "at": at,
    }  # fmt: skip
