"""Withdrawal from a review: what was to be forgotten goes from the label shards and from Argilla, and is not taken again.

The one change that label shards know beside appending. Of a record its texts and metadata go, and its line stays with hashes: Argilla
may still hold the record, and somebody must know whose it is until it is deleted there too. Lines of answers go whole, those to
forgotten rows and those of a forgotten annotator. `LABELS/forgotten` holds the tombstones of this folder: pulls and pushes ask them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from annotation.client import Client
from annotation.datasets import of_review
from annotation.labels import BLANK, TABLES, Labels
from annotation.people import pseudonym
from annotation.pull import pull_records
from curation.parquet_file import read_parquet, write_parquet
from curation.place import Place
from curation.tombstones import FOLDER, Entry, Tombstones, add, annotator_key

TEXTS = ("fields", "metadata")
"""Columns of a record that say something of what was shown."""


@dataclass
class Withdrawn:
    """What went: records (their texts), lines of answers and of what was made of them; in Argilla, records and answers."""

    records: int = 0
    lines: int = 0
    deleted: int = 0
    responses: int = 0


def held(labels: Labels, gone: Tombstones) -> Withdrawn:
    """How much label shards hold of what is to be forgotten; nothing is changed."""
    return _through(labels, gone, change=False)


def withdraw(labels: Labels, keys: Mapping[str, Sequence[str]], *, by: str, reason: str) -> Withdrawn:
    """Adds these tombstones to the label shards' own, and takes out what they are of. keys: as `curation.tombstones.add` has them."""
    with labels.writing():
        add(f"{labels.folder}/{FOLDER}", keys, by=by, reason=reason)
        labels.__dict__.pop("gone", None)
        return _through(labels, labels.gone, change=True)


def withdraw_from(client: Client, labels: Labels, done: Withdrawn) -> None:
    """Deletes in Argilla the records of forgotten rows, each noted as withdrawn before, and the answers of forgotten annotators."""
    with labels.writing():
        known = labels.records()
        for dataset in of_review(client):
            place = f"{dataset.workspace}/{dataset.name}"
            records = list(client.records(dataset.id, include=("responses",)))
            lost = [r for r in records if known.get((place, r["external_id"]), {}).get("fields") == BLANK]
            if lost:
                pull_records(client, labels, dataset, [r["id"] for r in lost])
                said = [known[place, r["external_id"]] for r in lost]
                about = {"event": "withdrawn", "reason": "forgotten", "at": datetime.now(UTC)}
                labels.append("records", [{k: v for k, v in one.items() if k != "withdrawn"} | about for one in said])
                client.delete(dataset.id, [r["id"] for r in lost])
                done.deleted += len(lost)
            gone = {r["id"] for r in lost}
            for response in (a for r in records if r["id"] not in gone for a in r.get("responses") or ()):
                if labels.gone.holds("annotator", annotator_key(pseudonym(response["user_id"]))):
                    client.call("DELETE", f"/responses/{response['id']}")
                    done.responses += 1


def _through(labels: Labels, gone: Tombstones, *, change: bool) -> Withdrawn:
    done, place = Withdrawn(), Place(str(labels.folder))
    gone = _with_rows(labels, gone)
    for table in TABLES:
        for name in (n for n in place.names(table) if n.endswith(".parquet")):
            path = f"{table}/{name}"
            read = read_parquet(place, path)
            rows = gone.touched(read)
            if "annotator" in read.column_names:
                said = read.column("annotator").to_pylist()
                rows |= np.array(
                    [one is not None and gone.holds("annotator", annotator_key(one)) for one in said], bool
                )
            if table == "records":
                rows &= np.array([one != BLANK for one in read.column("fields").to_pylist()], bool)
            if not rows.any():
                continue
            if table == "records":
                done.records += int(rows.sum())
                left = _blank(read, rows)
            else:
                done.lines += int(rows.sum())
                left = read.filter(pa.array(~rows))
            if change:
                write_parquet(place, path, left, level=3)
    return done


def _with_rows(labels: Labels, gone: Tombstones) -> Tombstones:
    """The tombstones and, as if they had some, the rows of all records that one of them is of (by document, by an answer)."""
    records = labels.read("records", ["row", "answers", "document"])
    rows = records.filter(pa.array(gone.touched(records))).column("row").to_pylist()
    keys = {"row": sorted({one.hex() for one in rows if one is not None})}
    return Tombstones((*gone.entries, Entry(len(gone) + 1, "", "", "", keys)), gone.url) if rows else gone


def _blank(table: pa.Table, rows: np.ndarray) -> pa.Table:
    for name in TEXTS:
        texts = [BLANK if gone else text for text, gone in zip(table.column(name).to_pylist(), rows, strict=True)]
        at = table.column_names.index(name)
        table = table.set_column(at, table.schema.field(at), pa.array(texts, table.schema.field(at).type))
    return table
