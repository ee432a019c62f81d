"""The engine's file: its tables and its connections.

One SQLite file in WAL mode, shared by the server and the worker. Calls run in threads, never on the server's event loop: one thread
writes, some read, each with a connection of its own; a forked process opens its own.

    datasets    an index each: its fields in the order of the columns of its full-text table `text_N`
    records     a record each, with a number below 2^31 - 1 from a hash of its id, of which every annotator's queue is made
    keys        what a fact is about: a metadata property, or value, score, agent or type of a question's suggestion
    facts       values, several of one key where the value is a list; `number` where it is one
    responses   who answered a record, and how it stands; `answers` holds the values
    vectors     float32 in the machine's order

What SQLite holds of a time is UTC in Argilla's own form (`2026-11-26 09:00:00.000000`), of an id its 32 hexadecimal digits.
"""

import asyncio
import os
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

READERS = 4
BUSY_MS = 30_000
"""How long a writer waits for the other process's."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS datasets (id INTEGER PRIMARY KEY, dataset TEXT UNIQUE NOT NULL, fields TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS records (
    id INTEGER PRIMARY KEY, dataset INTEGER NOT NULL REFERENCES datasets(id) ON DELETE CASCADE, record TEXT NOT NULL,
    external_id TEXT, status TEXT NOT NULL, inserted_at TEXT NOT NULL, updated_at TEXT NOT NULL, shuffle INTEGER NOT NULL,
    UNIQUE (dataset, record));
CREATE INDEX IF NOT EXISTS records_by_status ON records (dataset, status);
CREATE TABLE IF NOT EXISTS keys (
    id INTEGER PRIMARY KEY, dataset INTEGER NOT NULL REFERENCES datasets(id) ON DELETE CASCADE,
    scope TEXT NOT NULL, name TEXT NOT NULL, property TEXT NOT NULL, numeric INTEGER NOT NULL DEFAULT 0,
    UNIQUE (dataset, scope, name, property));
CREATE TABLE IF NOT EXISTS facts (
    "row" INTEGER NOT NULL REFERENCES records(id) ON DELETE CASCADE, "key" INTEGER NOT NULL, text TEXT, number);
CREATE INDEX IF NOT EXISTS facts_by_row ON facts ("row", "key", number, text);
CREATE INDEX IF NOT EXISTS facts_by_text ON facts ("key", text, "row");
CREATE INDEX IF NOT EXISTS facts_by_number ON facts ("key", number, "row");
CREATE TABLE IF NOT EXISTS responses (
    response TEXT PRIMARY KEY, "row" INTEGER NOT NULL REFERENCES records(id) ON DELETE CASCADE, user TEXT NOT NULL,
    status TEXT NOT NULL, updated_at TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS responses_by_row ON responses ("row", user);
CREATE INDEX IF NOT EXISTS responses_by_user ON responses (user, status, "row");
CREATE TABLE IF NOT EXISTS answers (
    response TEXT NOT NULL REFERENCES responses(response) ON DELETE CASCADE, question TEXT NOT NULL, text TEXT, number);
CREATE INDEX IF NOT EXISTS answers_by_response ON answers (response, question);
CREATE TABLE IF NOT EXISTS vectors (
    "row" INTEGER NOT NULL REFERENCES records(id) ON DELETE CASCADE, settings TEXT NOT NULL, value BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS vectors_by_row ON vectors ("row", settings);
CREATE INDEX IF NOT EXISTS vectors_by_settings ON vectors (settings, "row");
"""


class Store:
    """The file, opened when first needed. `read` and `write` run a function of a connection in a thread."""

    def __init__(self, path: Path):
        self.path = path
        self._local = threading.local()
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="search")
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="index")

    async def read(self, ask: Callable[[sqlite3.Connection], T]) -> T:
        """What a function finds; it sees one state of the file."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self.reading, ask)

    async def write(self, change: Callable[[sqlite3.Connection], T]) -> T:
        """What a function returns that changes the file; all of its changes or none."""
        return await asyncio.get_running_loop().run_in_executor(self._writer, self.writing, change)

    def reading(self, ask: Callable[[sqlite3.Connection], T]) -> T:
        """`read`, in this thread."""
        db = self._connection()
        db.execute("BEGIN")
        try:
            return ask(db)
        finally:
            db.execute("COMMIT")

    def writing(self, change: Callable[[sqlite3.Connection], T]) -> T:
        """`write`, in this thread."""
        db = self._connection()
        db.execute("BEGIN IMMEDIATE")
        try:
            result = change(db)
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        db.execute("COMMIT")
        return result

    def _connection(self) -> sqlite3.Connection:
        db: sqlite3.Connection | None = getattr(self._local, "db", None)
        if db is None:
            db = sqlite3.connect(self.path, timeout=BUSY_MS / 1000, isolation_level=None)
            db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;")
            db.execute("PRAGMA cache_size=-65536")
            db.executescript(SCHEMA)
            self._local.db = db
        return db


_STORES: dict[tuple[int, str], Store] = {}


def store_at(path: Path) -> Store:
    """The one store of a file in this process: threads and connections do not outlive a fork."""
    key = (os.getpid(), str(path))
    if key not in _STORES:
        _STORES[key] = Store(path)
    return _STORES[key]
