"""What is written into the index: datasets, records with all that hangs on them, and single changes of each.

Everything here runs in the thread and the transaction of `Store.write`, or of `Store.writing` outside the server.
"""

import hashlib
import json
import math
import sqlite3
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from annotation.server.engine.tokens import TOKENIZER, indexed

SHUFFLE_PRIME = 2**31 - 1
"""Numbers from which queues are made lie below it."""

Values = Mapping[str, Any]


class NoIndex(LookupError):
    """A dataset that has no index here: it was never published, or the file was lost (`seimai review up` makes it again)."""


@dataclass(frozen=True)
class Answered:
    """One annotator's response: its id, whose it is, how it stands, when it changed, and the bare value for each question."""

    response: str
    user: str
    status: str
    updated_at: str
    answers: Values = field(default_factory=dict)


@dataclass(frozen=True)
class Document:
    """A record as the index takes it. None for suggestions, responses or vectors: what the index has of them stays.

    fields: searchable text by field; metadata: value or list by property; suggestions: {value, score, agent, type} by question;
    vectors: by the id of their settings.
    """

    record: str
    status: str
    inserted_at: str
    updated_at: str
    external_id: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    metadata: Values = field(default_factory=dict)
    suggestions: Mapping[str, Values] | None = None
    responses: Sequence[Answered] | None = None
    vectors: Mapping[str, Sequence[float]] | None = None


def number_of(db: sqlite3.Connection, dataset: str) -> int:
    """The number of a dataset's index. Raises NoIndex where there is none."""
    found = db.execute("SELECT id FROM datasets WHERE dataset = ?", (dataset,)).fetchone()
    if found is None:
        raise NoIndex(f"dataset {dataset} has no index here; `seimai review up` makes it from Argilla's database")
    return found[0]


def field_names(db: sqlite3.Connection, number: int) -> list[str]:
    """Names of a dataset's fields, in the order of its full-text columns."""
    return json.loads(db.execute("SELECT fields FROM datasets WHERE id = ?", (number,)).fetchone()[0])


def create(db: sqlite3.Connection, dataset: str, fields: Sequence[str], properties: Mapping[str, bool]) -> None:
    """Makes the index of a dataset; nothing where it is there. properties: whether each metadata property is a number."""
    if db.execute("SELECT 1 FROM datasets WHERE dataset = ?", (dataset,)).fetchone():
        return
    db.execute("INSERT INTO datasets (dataset, fields) VALUES (?, ?)", (dataset, json.dumps(list(fields))))
    number = number_of(db, dataset)
    db.execute(f"CREATE VIRTUAL TABLE text_{number} USING fts5({_columns(fields)}, tokenize={TOKENIZER})")
    db.execute(f"CREATE VIRTUAL TABLE words_{number} USING fts5vocab(text_{number}, row)")
    for name, numeric in properties.items():
        configure(db, dataset, name, numeric)


def drop(db: sqlite3.Connection, dataset: str) -> None:
    """Deletes the index of a dataset; nothing where there is none."""
    found = db.execute("SELECT id FROM datasets WHERE dataset = ?", (dataset,)).fetchone()
    if found is not None:
        db.execute(f"DROP TABLE words_{found[0]}")
        db.execute(f"DROP TABLE text_{found[0]}")
        db.execute("DELETE FROM datasets WHERE id = ?", found)


def configure(db: sqlite3.Connection, dataset: str, name: str, numeric: bool) -> None:
    """Declares a metadata property; values that records already have under its name count from now on as it says."""
    key = _key(db, {}, number_of(db, dataset), ("metadata", name, ""))
    db.execute("UPDATE keys SET numeric = ? WHERE id = ?", (int(numeric), key))
    if numeric:
        rows = db.execute('SELECT rowid, text FROM facts WHERE "key" = ? AND number IS NULL', (key,)).fetchall()
        for rowid, text in rows:
            db.execute("UPDATE facts SET text = ?, number = ? WHERE rowid = ?", (*_cell(text, True), rowid))


def put(db: sqlite3.Connection, dataset: str, documents: Iterable[Document]) -> None:
    """Writes records, in place of what the index had of them. Raises NoIndex."""
    number = number_of(db, dataset)
    names = field_names(db, number)
    numeric = dict(db.execute("SELECT name, numeric FROM keys WHERE dataset = ? AND scope = 'metadata'", (number,)))
    keys: dict[tuple[str, str, str], int] = {}
    marks = ", ".join("?" * (max(1, len(names)) + 1))
    insert = f"INSERT INTO text_{number} (rowid, {_columns(names)}) VALUES ({marks})"
    for doc in documents:
        row = _record(db, number, doc)
        db.execute(f"DELETE FROM text_{number} WHERE rowid = ?", (row,))
        db.execute(insert, (row, *([indexed(doc.fields.get(name) or "") for name in names] or [""])))
        _clear(db, row, "metadata")
        for name, value in doc.metadata.items():
            _facts(db, row, _key(db, keys, number, ("metadata", name, "")), value, bool(numeric.get(name)))
        if doc.suggestions is not None:
            _clear(db, row, "suggestion")
            for question, said in doc.suggestions.items():
                _suggestion(db, keys, number, row, question, said)
        if doc.responses is not None:
            db.execute('DELETE FROM responses WHERE "row" = ?', (row,))
            for response in doc.responses:
                _response(db, row, response)
        if doc.vectors is not None:
            db.execute('DELETE FROM vectors WHERE "row" = ?', (row,))
            packed = [(row, name, struct.pack(f"{len(v)}f", *v)) for name, v in doc.vectors.items()]
            db.executemany('INSERT INTO vectors ("row", settings, value) VALUES (?, ?, ?)', packed)


def change(db: sqlite3.Connection, dataset: str, record: str, **columns: str | None) -> bool:
    """Changes columns of one record (`status`, `external_id`, `updated_at`); False where the index has not got it."""
    for name, value in columns.items():
        if name not in ("status", "external_id", "updated_at", "inserted_at"):
            raise ValueError(f"a record has no '{name}' that can change by itself: status, external_id, updated_at")
        db.execute(f"UPDATE records SET {name} = ? WHERE id = ?", (value, _row(db, dataset, record)))
    return _row(db, dataset, record) is not None


def delete(db: sqlite3.Connection, dataset: str, records: Iterable[str]) -> None:
    """Deletes records and all that hangs on them; ids that are not there are nothing."""
    number = number_of(db, dataset)
    for record in records:
        if (row := _row(db, dataset, record)) is not None:
            db.execute(f"DELETE FROM text_{number} WHERE rowid = ?", (row,))
            db.execute("DELETE FROM records WHERE id = ?", (row,))


def put_response(db: sqlite3.Connection, dataset: str, record: str, response: Answered) -> bool:
    """Writes one response, in place of what it was; False where the index has not got its record."""
    if (row := _row(db, dataset, record)) is None:
        return False
    delete_response(db, response.response)
    _response(db, row, response)
    return True


def delete_response(db: sqlite3.Connection, response: str) -> None:
    """Deletes one response."""
    db.execute("DELETE FROM responses WHERE response = ?", (response,))


def put_suggestion(db: sqlite3.Connection, dataset: str, record: str, question: str, said: Values) -> bool:
    """Writes what is suggested for a question, in place of what was; False where the index has not got the record."""
    if (row := _row(db, dataset, record)) is None:
        return False
    _clear(db, row, "suggestion", question)
    _suggestion(db, {}, number_of(db, dataset), row, question, said)
    return True


def delete_suggestion(db: sqlite3.Connection, dataset: str, record: str, question: str) -> None:
    """Deletes what is suggested for a question."""
    if (row := _row(db, dataset, record)) is not None:
        _clear(db, row, "suggestion", question)


def _columns(names: Sequence[str]) -> str:
    """A full-text table has one column at least, and no name of a user's in its SQL."""
    return ", ".join(f"f{i}" for i in range(max(1, len(names))))


def _row(db: sqlite3.Connection, dataset: str, record: str) -> int | None:
    found = db.execute(
        "SELECT id FROM records WHERE dataset = ? AND record = ?", (number_of(db, dataset), record)
    ).fetchone()
    return found[0] if found else None


def _record(db: sqlite3.Connection, number: int, doc: Document) -> int:
    shuffle = int.from_bytes(hashlib.blake2b(doc.record.encode(), digest_size=8).digest(), "big") % SHUFFLE_PRIME
    return db.execute(
        "INSERT INTO records (dataset, record, external_id, status, inserted_at, updated_at, shuffle)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (dataset, record) DO UPDATE SET external_id = excluded.external_id,"
        " status = excluded.status, inserted_at = excluded.inserted_at, updated_at = excluded.updated_at RETURNING id",
        (number, doc.record, doc.external_id, doc.status, doc.inserted_at, doc.updated_at, shuffle),
    ).fetchone()[0]


def _key(
    db: sqlite3.Connection, known: dict[tuple[str, str, str], int], number: int, what: tuple[str, str, str]
) -> int:
    if what not in known:
        db.execute("INSERT OR IGNORE INTO keys (dataset, scope, name, property) VALUES (?, ?, ?, ?)", (number, *what))
        known[what] = db.execute(
            "SELECT id FROM keys WHERE dataset = ? AND scope = ? AND name = ? AND property = ?", (number, *what)
        ).fetchone()[0]
    return known[what]


def _clear(db: sqlite3.Connection, row: int, scope: str, name: str | None = None) -> None:
    one, bound = (" AND name = ?", (row, scope, name)) if name is not None else ("", (row, scope))
    db.execute(f'DELETE FROM facts WHERE "row" = ? AND "key" IN (SELECT id FROM keys WHERE scope = ?{one})', bound)


def _facts(db: sqlite3.Connection, row: int, key: int, value: Any, numeric: bool = False) -> None:
    for item in value if isinstance(value, list) else [value]:
        if item is not None and not isinstance(item, dict | list):  # a ranking or a span is not searched for
            db.execute("INSERT INTO facts VALUES (?, ?, ?, ?)", (row, key, *_cell(item, numeric)))


def _suggestion(
    db: sqlite3.Connection, keys: dict[tuple[str, str, str], int], number: int, row: int, question: str, said: Values
) -> None:
    for name in ("value", "score", "agent", "type"):
        if said.get(name) is not None:
            _facts(db, row, _key(db, keys, number, ("suggestion", question, name)), said[name])


def _response(db: sqlite3.Connection, row: int, said: Answered) -> None:
    # one response an annotator and record, whatever its id was before
    db.execute('DELETE FROM responses WHERE "row" = ? AND user = ?', (row, said.user))
    values = (said.response, row, said.user, said.status, said.updated_at)
    db.execute("INSERT INTO responses VALUES (?, ?, ?, ?, ?)", values)
    for question, value in said.answers.items():
        for item in value if isinstance(value, list) else [value]:
            if item is not None and not isinstance(item, dict | list):
                db.execute("INSERT INTO answers VALUES (?, ?, ?, ?)", (said.response, question, *_cell(item, False)))


def _cell(value: Any, numeric: bool) -> tuple[str, int | float | None]:
    """The value as text, and as a number where it is one or is declared to be.

    >>> _cell("0012", True), _cell("0012", False), _cell(4, False), _cell("いち", True)
    (('12', 12), ('0012', None), ('4', 4), ('いち', None))
    """
    if numeric and isinstance(value, str):
        try:
            number = float(value)
            value = int(number) if number.is_integer() else number
        except (ValueError, OverflowError):
            return value, None
    if isinstance(value, bool):
        return str(value).lower(), None
    if isinstance(value, int | float) and math.isfinite(value):
        return str(value), value if abs(value) < 2**63 else float(value)
    return str(value), None
