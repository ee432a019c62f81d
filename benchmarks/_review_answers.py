"""Push and pull of review records, beside the server's own bulk endpoint driven bare.

push: the same pairs are sent to two datasets of one server, by turns in parts of 1,000: bare as bodies that were made before (500 a
call, the server's limit, nothing but the calls counts), and by `annotation.push` with all that it does: orders, masking, label
shards, comparison with what the server has, small batches. pull: 10,000 records with an answer each, which are
written into the server's database and the index directly, in its own form.
"""

import json
import sqlite3
import tempfile
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from annotation.client import Client
from annotation.datasets import opened
from annotation.items import Item
from annotation.labels import Labels
from annotation.pull import pull
from annotation.push import Order, line_of, push
from annotation.record import records_of
from annotation.review_tasks import task
from annotation.sending import body_of
from annotation.server.engine import writing
from annotation.server.engine.store import Store
from annotation.server.home import Home
from curation.provenance import key

NOW = "2026-11-26 09:00:00.000000"
CHOICES = ("a", "b", "same", "both_bad", "cannot_tell")


def item(n: int, text: Callable[[], str]) -> Item:
    """A pair with running text."""
    prompt = [{"role": "user", "content": text()}]
    about = {"models": "lab/large / lab/small", "strategy": "delta", "function": "dialogue"}
    return Item(key("row", n), key("row", n), prompt, "", (f"{text()}{n}", text()), (key("a", n), key("b", n)), about)


class Pushes(NamedTuple):
    """Seconds by the clock of bare pushes and of ours, and CPU seconds of server and client together in each."""

    bare: float
    ours: float
    cpu_bare: float
    cpu_ours: float


def push_seconds(client: Client, parts: int, size: int, text: Callable[[], str], cpu: Callable[[], float]) -> Pushes:
    """Both ways, by turns in `parts` of `size` pairs, since the machine's load changes. cpu: the server's CPU seconds."""
    of, took = task("preference"), [0.0, 0.0, 0.0, 0.0]
    bare = opened(client, of, client.workspace("bare"), 1)

    def timed(way: int, do: Callable[[], object]) -> None:
        began, spent = time.perf_counter(), time.process_time() + cpu()
        do()
        took[way] += time.perf_counter() - began
        took[way + 2] += time.process_time() + cpu() - spent

    for part in range(parts):
        items = [item(n, text) for n in range(part * size, (part + 1) * size)]
        bodies = [body_of(of, r) for one in items for r in records_of(of, one, "bench/bare", "bare")]
        timed(0, lambda bodies=bodies: client.push(bare, bodies))
        opened(client, of, client.workspace("review"), 1)
        with tempfile.TemporaryDirectory() as folder:
            labels, order = Labels(Path(folder)), Order(of, "bench/preference")
            timed(1, lambda labels=labels, order=order, items=items: push(client, labels, order, items))
            assert len(labels.records()) == size
        _clear(client)
    return Pushes(*took)


def fill_answers(home: Home, client: Client, labels: Labels, count: int, text: Callable[[], str]) -> Callable[[], int]:
    """Opens a dataset; returns what writes `count` records with an answer each into it while the server is stopped."""
    of = task("preference")
    dataset = opened(client, of, client.workspace("review"), 1)
    user = uuid.UUID(client.me["id"]).hex
    order = Order(of, "bench/preference")
    with labels.writing():
        records = [r for n in range(count) for r in records_of(of, item(n, text), order.source, labels.salt)]

    def write() -> int:
        at, store = uuid.UUID(dataset).hex, Store(home.index)
        labels.append("records", [line_of(order, f"review/{of.dataset}-1", r, datetime.now(UTC)) for r in records])
        with sqlite3.connect(home.database) as db:
            for start in range(0, len(records), 2000):
                documents: list[writing.Document] = []
                for n, record in enumerate(records[start : start + 2000], start):
                    name, answer, choice = uuid.uuid4().hex, uuid.uuid4().hex, CHOICES[n % len(CHOICES)]
                    row = (
                        name,
                        json.dumps(record.fields),
                        record.external_id,
                        at,
                        NOW,
                        NOW,
                        json.dumps(record.metadata),
                        "completed",
                    )
                    db.execute(
                        "INSERT INTO records (id, fields, external_id, dataset_id, inserted_at, updated_at, metadata, status)"
                        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row,
                    )  # fmt: skip
                    given = (answer, json.dumps({"preference": {"value": choice}}), "submitted", name, user, NOW, NOW)
                    db.execute(
                        'INSERT INTO responses (id, "values", status, record_id, user_id, inserted_at, updated_at)'
                        " VALUES (?, ?, ?, ?, ?, ?, ?)", given,
                    )  # fmt: skip
                    said = [writing.Answered(answer, user, "submitted", NOW, {"preference": choice})]
                    texts = {k: v if isinstance(v, str) else v[0]["content"] for k, v in record.fields.items()}
                    documents.append(
                        writing.Document(
                            name, "completed", NOW, NOW, record.external_id, texts, record.metadata, {}, said, {}
                        )
                    )
                store.writing(lambda db, rows=documents: writing.put(db, at, rows))
        db.close()
        return len(records)

    return write


def pull_seconds(client: Client, labels: Labels, count: int) -> float:
    """Seconds of a first pull of so many answers."""
    began = time.perf_counter()
    done = pull(client, labels)
    took = time.perf_counter() - began
    assert done.events == {"answered": count}, done.events
    assert not done.edited
    assert len(labels.answers()) == count
    return took


def _clear(client: Client) -> None:
    for made in client.datasets(client.workspace("review")):
        client.call("DELETE", f"/datasets/{made['id']}")
