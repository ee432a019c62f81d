"""Answers from Argilla into the label shards, as events: nothing that was pulled once is changed or lost.

Every answer is read each time and held against what was pulled before, by its id and the time of its last change: Argilla does not
touch a record's time when somebody answers it. What changed is a new line with its event. They are read over REST, which gives
ranks and ties as they were given (`client.py` says what the SDK makes of them), and mapped from the annotator's places to the row's
own order. Personal data in what annotators wrote is masked before it is written.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from annotation.client import Client, Json
from annotation.datasets import Dataset, differences, found_version, of_review
from annotation.errors import ReviewError
from annotation.label import BY_SHEET
from annotation.labels import BLANK, Labels, Row
from annotation.people import pseudonym
from annotation.questions import Task
from annotation.record import in_code_points, in_own_order
from annotation.review_tasks import NAMES, SKIP, base, of_version, variant
from curation.normalise.pii.mask import mask
from curation.tombstones import annotator_key

CHOICES = ("a", "b", "same", "both_bad", "cannot_tell")
"""What a preference may be."""

_OF_RECORD = ("task", "version", "source", "row", "content", "answers", "order", "mirrored", "fields", "at")
"""What is read of a record that was pushed."""


@dataclass
class Pulled:
    """What a pull found. events: new lines by event; late: of them, those after their batch was frozen.

    left: answers that went with an annotator who was deleted, by pseudonym, but for frozen ones. edited: datasets whose words were
    changed in the UI, with what was; gone: datasets that Argilla has no more; strange: records that no push of ours made, with
    answers that were not taken. A list holds sentences.
    """

    answers: int = 0
    events: Counter[str] = field(default_factory=Counter[str])
    late: int = 0
    masked: int = 0
    left: Counter[str] = field(default_factory=Counter[str])
    edited: list[str] = field(default_factory=list[str])
    gone: list[str] = field(default_factory=list[str])
    strange: list[str] = field(default_factory=list[str])


@dataclass(frozen=True)
class _Asked:
    """A dataset with what it asks: its own words, where they are still those of its version."""

    dataset: Dataset
    place: str
    found_version: str

    @property
    def edited(self) -> bool:
        """Whether its words were changed in the UI."""
        return self.found_version != self.dataset.version


def pull(client: Client, labels: Labels) -> Pulled:
    """Appends what changed since the last pull. Raises ReviewError where the server is not reached or the shards are damaged."""
    done = Pulled()
    with labels.writing():
        known, records, frozen = _Known(labels), labels.records(_OF_RECORD), labels.frozen()
        present: set[str] = set()
        rows: list[Row] = []
        for asked in _asked(client):
            present.add(asked.place)
            if asked.edited:
                done.edited.append(f"{asked.place}: {'; '.join(_changes(client, asked)) or 'its words were changed'}")
            found = client.records(asked.dataset.id, include=("responses",))
            rows += _events(asked, found, known, records, frozen, done)
        users = {user["id"] for user in client.call("GET", "/users")["items"]}
        rows += _deletions(known, records, present, {pseudonym(user) for user in users}, frozen, done)
        pushed_to = {row["dataset"] for row in records.values()}
        done.gone = [
            f"{place}: Argilla has this dataset no more; what was pulled from it stays as it was"
            for place in sorted(pushed_to - present)
            if any(row["dataset"] == place and not row["withdrawn"] for row in records.values())
        ]
        labels.append("answers", rows)
    return done


def pull_records(client: Client, labels: Labels, dataset: Dataset, ids: Sequence[str]) -> None:
    """Appends what changed in some records of a dataset (their server's ids), which are about to be deleted. `writing` is held."""
    known, records, frozen, wanted = _Known(labels), labels.records(_OF_RECORD), labels.frozen(), set(ids)
    asked = _Asked(dataset, f"{dataset.workspace}/{dataset.name}", found_version(client, dataset.id))
    found = (client.call("GET", f"/records/{one}") for one in wanted)
    labels.append("answers", list(_events(asked, found, known, records, frozen, Pulled())))


def utc(said: str) -> datetime:
    """A time of the server, which writes UTC without saying so.

    >>> utc("2026-11-26T09:00:00.5").isoformat()
    '2026-11-26T09:00:00.500000+00:00'
    """
    found = datetime.fromisoformat(said)
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


class _Known:
    """The last state of every answer that was pulled, and which of them were met again."""

    def __init__(self, labels: Labels):
        self.latest = labels.latest()
        self.gone = labels.gone
        self.met: set[str] = set()
        self.records: set[tuple[str, str]] = set()


def _asked(client: Client) -> Iterator[_Asked]:
    for dataset in of_review(client):
        if base(dataset.task) in NAMES:
            yield _Asked(dataset, f"{dataset.workspace}/{dataset.name}", found_version(client, dataset.id))


def _changes(client: Client, asked: _Asked) -> list[str]:
    """What is otherwise in an edited dataset than in the task as it is now, where that is the version it was opened for."""
    found = of_version(asked.dataset.task, asked.dataset.version)
    return differences(client, found[0], asked.dataset.id) if found is not None else []


def _events(
    asked: _Asked,
    found: Iterable[Json],
    known: _Known,
    records: Mapping[tuple[str, str], Row],
    frozen: Mapping[str, int],
    done: Pulled,
) -> Iterator[Row]:
    """New lines of the answers of some records."""
    words = variant(asked.dataset.task, "ja", 8)
    for record in found:
        responses = record.get("responses") or ()
        known.records.add((asked.place, record["external_id"]))
        of = records.get((asked.place, record["external_id"]))
        if of is None:
            if responses:
                done.strange.append(
                    f"{asked.place}: record {record['external_id']!r} is of no push in these label shards; its"
                    f" {len(responses)} answers were not taken"
                )
            continue
        for response in () if of["fields"] == BLANK else responses:  # of a forgotten row nothing is taken
            known.met.add(response["id"])
            if known.gone.holds("annotator", annotator_key(pseudonym(response["user_id"]))):
                continue
            done.answers += response["status"] == "submitted"
            before = known.latest.get(response["id"])
            if before is not None and before["updated_at"] == utc(response["updated_at"]):
                continue
            row = _row(asked, words, of, response, before)
            if row is None:
                continue
            row["late"] = response["id"] in frozen
            done.events[row["event"]] += 1
            done.late += row["late"]
            done.masked += row["masked"]
            yield row


def _row(asked: _Asked, words: Task, of: Row, response: Json, before: Row | None) -> Row | None:
    """A line of `answers/`; None for a draft that nobody has submitted yet."""
    given = {name: one["value"] for name, one in (response.get("values") or {}).items()}
    status = response["status"]
    if given.get(SKIP) and status != "draft":
        status = "skipped"
    event = event_of(status, before["status"] if before is not None else None)
    if event is None:
        return None
    masked = mask_texts(words, given)
    values = in_own_order(words, given, of["order"])
    for question in words.questions:
        if question.asks == "span" and isinstance(given.get(question.name), list):
            shown = orjson.loads(of["fields"])[question.field]
            values[question.name] = in_code_points(given[question.name], shown)
    return {
        "response": response["id"], "n": (before["n"] if before is not None else 0) + 1, "event": event, "reason": None,
        "status": status, "external_id": of["external_id"], "task": of["task"], "version": of["version"],
        "dataset": asked.place, "found_version": asked.found_version, "edited_ui": asked.edited, "source": of["source"],
        "row": of["row"], "content": of["content"], "annotator": pseudonym(response["user_id"]), "mirrored": of["mirrored"],
        "given": orjson.dumps(given).decode(), "values": orjson.dumps(values).decode(), "masked": masked,
        "given_at": utc(response["inserted_at"]), "updated_at": utc(response["updated_at"]), "pulled_at": datetime.now(UTC),
        "origin": "argilla", "sheet": None, **typed(words, of, given, values),
    }  # fmt: skip


def event_of(status: str, before: str | None) -> str | None:
    """How an answer came to be what it is; None where nothing happened that counts."""
    if status == "submitted":
        return "edited" if before == "submitted" else "answered"
    if status == "draft":
        return "reopened" if before == "submitted" else None
    return "discarded_after_submission" if before == "submitted" else status


def mask_texts(words: Task, given: Json) -> int:
    """Masks personal data in what was written, in place; how many pieces there were."""
    masked = 0
    for name, value in given.items():
        question = next((q for q in words.questions if q.name == name), None)
        if isinstance(value, str) and (question is None or question.asks == "text"):
            given[name], found = mask(value)
            masked += sum(found.values())
    return masked


def typed(words: Task, of: Row, given: Mapping[str, Any], values: Mapping[str, Any]) -> Row:
    """What later steps count, in columns of its own. given: in the annotator's places; values: in the row's own order."""
    made: Row = {"preference": None, "ranks": [], "ratings": [], "spans": [], "place": None}
    for question in words.questions:
        value = values.get(question.name)
        if question.name == "preference" and value in CHOICES:
            made["preference"] = value
            made["place"] = {"a": "first", "b": "second"}.get(given[question.name])
        elif question.asks == "ranking" and isinstance(value, list):
            answers = dict(zip("abcdefgh", of["answers"], strict=False))
            made["ranks"] = [
                {"answer": answers[one["value"]], "rank": one["rank"]} for one in value if one["value"] in answers
            ]
        elif question.asks == "rating" and isinstance(value, int):
            made["ratings"].append({"question": question.name, "points": value})
        elif question.asks == "span" and isinstance(value, list):
            made["spans"] = [{"start": s["start"], "end": s["end"], "kind": s["label"]} for s in value]
    return made


def _deletions(
    known: _Known,
    records: Mapping[tuple[str, str], Row],
    present: set[str],
    people: set[str],
    frozen: Mapping[str, int],
    done: Pulled,
) -> Iterator[Row]:
    """Answers that were there and are not: deleted with their annotator, with their record, or alone.

    Those of records that we withdrew stay what they were, and so do those of a dataset that is gone as a whole: that is a mishap and
    no decision of an annotator.
    """
    for response, before in known.latest.items():
        name = before["dataset"], before["external_id"]
        of = records.get(name)
        if response in known.met or before["status"] == "deleted" or name[0] not in present:
            continue
        if before["origin"] in BY_SHEET:
            continue  # it came with a spreadsheet and was never there
        if of is None or of["withdrawn"] or of["at"] > before["pulled_at"]:
            continue  # the record was taken back, or is there anew since the answer was pulled
        alone = "response" if name in known.records else "record"
        reason = alone if before["annotator"] in people else "annotator"
        done.events["deleted"] += 1
        at = datetime.now(UTC)
        late = response in frozen
        done.late += late
        if reason == "annotator" and not late:
            done.left[before["annotator"]] += 1
        yield before | {
            "n": before["n"] + 1, "event": "deleted", "reason": reason, "status": "deleted", "late": late, "updated_at": at,
            "pulled_at": at,
        }  # fmt: skip


def freeze(labels: Labels, batch: str) -> int:
    """Closes a batch: every answer that was pulled and is in none yet stays what it is. Returns how many.

    Raises ReviewError for a batch of that name, and where there is nothing to close.
    """
    with labels.writing():
        held = labels.read("frozen", ["batch", "response"]).to_pylist()
        if batch in {row["batch"] for row in held}:
            raise ReviewError(
                f"{labels.folder}: a batch '{batch}' is closed already; a batch is closed once: take another name"
            )
        closed = {row["response"] for row in held}
        at = datetime.now(UTC)
        new = [
            {"batch": batch, "response": response, "n": row["n"], "at": at}
            for response, row in labels.latest(("n",)).items()
            if response not in closed
        ]
        if not new:
            raise ReviewError(f"{labels.folder}: there is no answer that is not in a batch already")
        labels.append("frozen", new)
    return len(new)
