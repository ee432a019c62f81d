"""Records on their way to Argilla: as it takes them, and as many at a time as it can take while people work on it."""

import time
from collections.abc import Iterator, Sequence

import orjson

from annotation.client import MOST_PUSHED, Client, Json
from annotation.questions import Task
from annotation.record import ReviewRecord, sent_fields
from annotation.review_tasks import base, rewritten

SECONDS = 2.0
"""How long a call may keep the server: annotators wait meanwhile, since Argilla makes records in the loop that serves pages."""
FIRST_BATCH = 100
BATCH_BYTES = 4 << 20


def prefilled(client: Client, task: Task, dataset: str) -> tuple[str, str] | None:
    """(question's id, field): the box that holds a field's text at first."""
    box = rewritten(base(task.name))
    if box is None:
        return None
    questions = client.call("GET", f"/datasets/{dataset}/questions")["items"]
    return next(q["id"] for q in questions if q["name"] == box[0]), box[1]


def body_of(task: Task, record: ReviewRecord, fill: tuple[str, str] | None = None) -> Json:
    """A record as Argilla takes it. fill: (id of a question, field) whose box holds the field's text at first."""
    fields = sent_fields(task, record.fields)
    body: Json = {"external_id": record.external_id, "fields": fields, "metadata": record.metadata}
    if fill is not None:
        body["suggestions"] = [{"question_id": fill[0], "value": record.fields[fill[1]]}]
    return body


def batches(client: Client, dataset: str, bodies: Sequence[Json]) -> Iterator[int]:
    """Sends records, as many at a time as the server takes in `SECONDS`; yields how many were sent each time."""
    size, start = FIRST_BATCH, 0
    while start < len(bodies):
        batch, weight = list[Json](), 0
        for body in bodies[start : start + size]:
            weight += len(orjson.dumps(body))
            if batch and weight > BATCH_BYTES:
                break
            batch.append(body)
        began = time.monotonic()
        client.push(dataset, batch)
        took = time.monotonic() - began
        start += len(batch)
        size = int(min(MOST_PUSHED, max(10, len(batch) * SECONDS / max(took, 1e-3))))
        yield len(batch)
