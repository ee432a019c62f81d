"""One page of what is found, in its order; the nearest records of a vector; counts.

With no sort of the reader's own, an annotator's queue is a shuffle: the same whenever that annotator comes back, another for each, so
that several who share a dataset do not all begin with the same record. It stays the same when a record is answered or changed.
"""

import hashlib
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from annotation.server.engine.conditions import Sql, found, matching
from annotation.server.engine.query_text import Query, terms
from annotation.server.engine.writing import SHUFFLE_PRIME

VECTORS_AT_A_TIME = 4096


@dataclass(frozen=True)
class Wanted:
    """What is looked for in the index of this number: a query in a field (None: any), a condition, an order, whose queue it is."""

    number: int
    query: Query | None = None
    field: str | None = None
    condition: Sql = ("1", [])
    order: Sql | None = None
    user: str | None = None


Page = tuple[Sequence[tuple[str, float | None]], int]
"""Records with their score, and how many there are in all."""


def page(db: sqlite3.Connection, wanted: Wanted, offset: int, limit: int) -> Page:
    """Records from `offset` on, `limit` at most.

    A score is BM25's for what a text query says of a record, 1.0 without one, None where the order is asked (as in Elasticsearch).
    """
    where, given = _where(db, wanted)
    source, score, bound, values = "records r", "1.0", given, []
    if wanted.order is not None:
        score, (order, values) = "NULL", wanted.order
    else:
        if (match := _match(db, wanted)) is not None:
            # a left join: `a | -b` also finds what nothing speaks for
            table = f"text_{wanted.number}"
            source += (
                f" LEFT JOIN (SELECT rowid AS id, -bm25({table}) AS said FROM {table} WHERE {table} MATCH ?) USING (id)"
            )
            score, bound = "coalesce(said, 0.0)", [match, *given]
        order = f"{score} DESC, r.id"
        if wanted.user is not None:
            # times a random number for each record and annotator: an affine map modulo a prime of the record's own
            order = f"{score} * ((r.shuffle * ? + ?) % {SHUFFLE_PRIME} + 1) DESC, r.id"
            values = [*_draw(wanted.user)]
    # the count comes with the page: conditions are evaluated once
    columns = f"r.record, {score}, count(*) OVER ()"
    sql = f"SELECT {columns} FROM {source} WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?"
    rows = db.execute(sql, [*bound, *values, limit, offset]).fetchall()
    total = rows[0][2] if rows else db.execute(f"SELECT count(*) FROM records r WHERE {where}", given).fetchone()[0]
    return [(record, said) for record, said, _ in rows], total


def _where(db: sqlite3.Connection, wanted: Wanted) -> Sql:
    sql, bound = wanted.condition
    where, values = f"r.dataset = ? AND ({sql})", [wanted.number, *bound]
    if wanted.query is not None:
        text, more = found(db, wanted.number, wanted.query, wanted.field)
        where, values = f"{where} AND {text}", [*values, *more]
    return where, values


def _match(db: sqlite3.Connection, wanted: Wanted) -> str | None:
    """What scores a record; None for a query that only says what must not occur."""
    said = list(terms(wanted.query))
    return matching(db, wanted.number, said, wanted.field) if said else None


def _draw(user: str) -> tuple[int, int]:
    digest = hashlib.blake2b(user.encode(), digest_size=16).digest()
    factor = int.from_bytes(digest[:8], "big") % (SHUFFLE_PRIME - 1) + 1
    return factor, int.from_bytes(digest[8:], "big") % SHUFFLE_PRIME


def nearest(
    db: sqlite3.Connection,
    wanted: Wanted,
    settings: str,
    target: Sequence[float],
    *,
    without: str | None,
    most: int,
    least_score: float | None,
) -> Page:
    """Records by the cosine of their vector with the target's, compared with all of them; score (1 + cosine) / 2, as in
    Elasticsearch.

    without: a record that is left out. Vectors of length 0, and of another length than the target's, are like nothing.
    """
    where, bound = _where(db, wanted)
    one = 'SELECT r.record, v.value FROM records r JOIN vectors v ON v."row" = r.id AND v.settings = ?'
    rows = db.execute(f"{one} WHERE {where} AND r.record IS NOT ?", [settings, *bound, without])
    aim = np.asarray(target, np.float32)
    length = float(np.linalg.norm(aim))
    names: list[str] = []
    scores: list[np.ndarray] = []
    while length and (batch := rows.fetchmany(VECTORS_AT_A_TIME)):
        batch = [(record, value) for record, value in batch if len(value) == aim.nbytes]
        block = np.frombuffer(b"".join(value for _, value in batch), np.float32).reshape(len(batch), len(aim))
        norms = np.linalg.norm(block, axis=1)
        kept = norms > 0
        names += [record for (record, _), keep in zip(batch, kept, strict=True) if keep]
        scores.append((1 + block[kept] @ aim / (norms[kept] * length)) / 2)
    if not names:
        return [], 0
    flat = np.concatenate(scores)
    order = np.argsort(-flat, kind="stable")[:most]
    best = [(names[i], float(flat[i])) for i in order if least_score is None or flat[i] >= least_score]
    return best, len(best)


def progress(db: sqlite3.Connection, number: int) -> dict[str, int]:
    """Records by status, and `total`."""
    counts = dict(db.execute("SELECT status, count(*) FROM records WHERE dataset = ? GROUP BY status", (number,)))
    return {"total": sum(counts.values()), **counts}


def user_progress(db: sqlite3.Connection, number: int, user: str) -> dict[str, int]:
    """An annotator's own responses by status, and `total`."""
    sql = (
        'SELECT p.status, count(*) FROM responses p JOIN records r ON r.id = p."row" WHERE p.user = ? AND r.dataset = ?'
    )
    counts = dict(db.execute(f"{sql} GROUP BY p.status", (user, number)))
    return {"total": sum(counts.values()), **counts}


def term_counts(db: sqlite3.Connection, key: int | None, most: int) -> tuple[list[tuple[str, int]], int]:
    """The most frequent values of a key with the number of their records, and how many values there are in all."""
    total = db.execute('SELECT count(*) FROM facts WHERE "key" = ?', (key,)).fetchone()[0]
    sql = (
        'SELECT text, count(DISTINCT "row") AS n FROM facts WHERE "key" = ? GROUP BY text ORDER BY n DESC, text LIMIT ?'
    )
    return db.execute(sql, (key, most)).fetchall(), total


def extent(db: sqlite3.Connection, key: int | None) -> tuple[float | None, float | None]:
    """The least and the greatest number of a key; None where it has none."""
    return db.execute('SELECT min(number), max(number) FROM facts WHERE "key" = ?', (key,)).fetchone()
