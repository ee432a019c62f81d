"""Filters, sorts and text queries of Argilla as SQL over the index: a condition is a piece of SQL and the values bound to it.

A filter is a tree of And, Terms and Range over one of four scopes: the record's own columns, a metadata property, a question's
suggestion (its value, score, agent or type), an annotator's response (its status, or the value given to a question). A list matches
by any of its items. `pending` is the status of a record that this annotator has not answered.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from argilla_server.search_engine.base import (
    AndFilter,
    Filter,
    FilterScope,
    MetadataFilterScope,
    Order,
    RangeFilter,
    RecordFilterScope,
    ResponseFilterScope,
    SuggestionFilterScope,
    TermsFilter,
)

from annotation.server.engine.query_text import Both, Either, Not, Query, Term, within
from annotation.server.engine.writing import field_names

Sql = tuple[str, list[Any]]
"""A piece of SQL over `records r`, and what is bound to its question marks."""

RECORD_COLUMNS = {
    "id": "r.record", "external_id": "r.external_id", "status": "r.status",
    "inserted_at": "r.inserted_at", "updated_at": "r.updated_at",
}  # fmt: skip
MOST_READINGS = 10
"""Words of the index that one inexact word is read as, the most frequent first (Argilla's `fuzzy_max_expansions`)."""


def filtered(db: sqlite3.Connection, number: int, wanted: Filter) -> Sql:
    """The condition of a filter tree over the index of this number; an empty And is true."""
    if isinstance(wanted, AndFilter):
        return _all(filtered(db, number, part) for part in wanted.filters)
    scope = wanted.scope
    if isinstance(scope, RecordFilterScope):
        return _matches(RECORD_COLUMNS[str(scope.property)], None, wanted, _record_value(str(scope.property)))
    if isinstance(scope, ResponseFilterScope):
        return _response(scope, wanted)
    sql, bound = _matches("f.text", "f.number", wanted)
    return f'r.id IN (SELECT f."row" FROM facts f WHERE f."key" = ? AND {sql})', [key_of(db, number, scope), *bound]


def ordered(db: sqlite3.Connection, number: int, sort: Sequence[Order]) -> Sql:
    """The terms of ORDER BY: records without a value last, of a list the least (ascending) or the greatest, ties as first pushed."""
    parts, bound = [], []
    for order in sort:
        scope, down = order.scope, str(order.order) == "desc"
        if isinstance(scope, RecordFilterScope):
            sql, values = RECORD_COLUMNS[str(scope.property)], []
        elif isinstance(scope, ResponseFilterScope):
            sql, values = _response_value(scope)
        else:
            best = "max" if down else "min"
            sql = f'(SELECT {best}(coalesce(f.number, f.text)) FROM facts f WHERE f."row" = r.id AND f."key" = ?)'
            values = [key_of(db, number, scope)]
        parts.append(f"{sql} {'DESC' if down else 'ASC'} NULLS LAST")
        bound += values
    return ", ".join([*parts, "r.id"]), bound


def found(db: sqlite3.Connection, number: int, query: Query, field: str | None) -> Sql:
    """The condition of a text query, in one field or in whichever."""
    if isinstance(query, Term):
        return f"r.id IN (SELECT rowid FROM text_{number} WHERE text_{number} MATCH ?)", [
            matching(db, number, [query], field)
        ]
    if isinstance(query, Not):
        sql, bound = found(db, number, query.query, field)
        return f"NOT ({sql})", bound
    (left, first), (right, second) = (found(db, number, side, field) for side in (query.left, query.right))
    assert isinstance(query, Both | Either)
    return f"({left} {'AND' if isinstance(query, Both) else 'OR'} {right})", [*first, *second]


def matching(db: sqlite3.Connection, number: int, terms: Iterable[Term], field: str | None) -> str:
    """FTS5's expression for any of these terms. Raises ValueError for a field that the dataset has not got."""
    expression = " OR ".join(f"({term.match(_readings(db, number, term))})" for term in terms)
    if field is None:
        return expression
    names = field_names(db, number)
    if field not in names:
        raise ValueError(f"no field '{field}' can be searched in this dataset; fields are {', '.join(names)}")
    return f"{{f{names.index(field)}}} : ({expression})"


def _readings(db: sqlite3.Connection, number: int, term: Term) -> tuple[str, ...]:
    """Words of the index that an inexact word may be; itself, where it is exact or nothing is near."""
    if not term.edits:
        return ()
    word = term.words[0]
    length = f"length(term) BETWEEN {len(word) - term.edits} AND {len(word) + term.edits}"
    rows = db.execute(f"SELECT term FROM words_{number} WHERE {length} ORDER BY doc DESC, term")
    near = (found for (found,) in rows if within(word, found, term.edits))
    return tuple(found for found, _ in zip(near, range(MOST_READINGS), strict=False))


def _all(parts: Iterable[Sql]) -> Sql:
    made = list(parts)
    return " AND ".join(f"({sql})" for sql, _ in made) or "1", [value for _, bound in made for value in bound]


def key_of(db: sqlite3.Connection, number: int, scope: FilterScope) -> int | None:
    """The key of a scope; None, which equals nothing, where no record has a value for it."""
    if isinstance(scope, MetadataFilterScope):
        what = ("metadata", scope.metadata_property, "")
    elif isinstance(scope, SuggestionFilterScope):
        what = ("suggestion", scope.question, str(scope.property))
    else:
        raise ValueError(f"cannot filter or sort by {scope}")
    one = "SELECT id FROM keys WHERE dataset = ? AND scope = ? AND name = ? AND property = ?"
    row = db.execute(one, (number, *what)).fetchone()
    return row[0] if row else None


def _matches(text: str, number: str | None, wanted: Filter, value: Any = lambda given: given) -> Sql:
    """One column against Terms or Range. Values arrive as text: where the column is a number, they are compared as numbers."""
    if isinstance(wanted, TermsFilter):
        given = [value(str(item)) for item in wanted.values]
        numbers = [n for item in given if (n := _number(item)) is not None] if number else []
        sql = f"{text} IN ({', '.join('?' * len(given))})"
        if numbers:
            sql = f"({sql} OR {number} IN ({', '.join('?' * len(numbers))}))"
        return sql, [*given, *numbers]
    if isinstance(wanted, RangeFilter):
        parts: list[str] = []
        bound: list[Any] = []
        for operator, limit in ((">=", wanted.ge), ("<=", wanted.le)):
            if limit is not None:
                as_number = _number(limit) if number else None
                parts.append(f"{text if as_number is None else number} {operator} ?")
                bound.append(value(limit) if as_number is None else as_number)
        return " AND ".join(parts) or "1", bound
    raise ValueError(f"cannot filter by {wanted}")


def _number(value: object) -> float | None:
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None


def _record_value(column: str) -> Any:
    """How a value is compared with a column of the record: a time in the form it is kept in, an id without its dashes."""
    if column == "id":
        return lambda given: str(given).replace("-", "").lower()
    if column in ("inserted_at", "updated_at"):
        return moment
    return str


def moment(given: object) -> str:
    """A time as the index holds it, from a datetime, its ISO form, or milliseconds since 1970 (as Elasticsearch reads a number).

    >>> moment("2026-11-26T18:00:00+09:00"), moment(0), moment("2026-11-26")
    ('2026-11-26 09:00:00.000000', '1970-01-01 00:00:00.000000', '2026-11-26 00:00:00.000000')
    """
    if (milliseconds := _number(given)) is not None:
        given = datetime.fromtimestamp(milliseconds / 1000, UTC)
    time = given if isinstance(given, datetime) else datetime.fromisoformat(str(given))
    if time.tzinfo is not None:
        time = time.astimezone(UTC).replace(tzinfo=None)
    return time.isoformat(sep=" ", timespec="microseconds")


def _response(scope: ResponseFilterScope, wanted: Filter) -> Sql:
    user = " AND p.user = ?" if scope.user else ""
    whose = [scope.user.id.hex] if scope.user else []
    if scope.question:
        sql, bound = _matches("a.text", "a.number", wanted)
        inner = f'SELECT p."row" FROM answers a JOIN responses p USING (response) WHERE a.question = ? AND {sql}{user}'
        return f"r.id IN ({inner})", [scope.question, *bound, *whose]
    if scope.property != "status" or not isinstance(wanted, TermsFilter):
        raise ValueError(f"cannot filter responses by {wanted}: their status, or the value for a question")
    statuses = [str(status) for status in wanted.values]
    rest = [status for status in statuses if status != "pending"]
    parts: list[Sql] = []
    if "pending" in statuses:
        parts.append((f'r.id NOT IN (SELECT p."row" FROM responses p WHERE 1{user})', whose))
    if rest or not statuses:
        status = f"p.status IN ({', '.join('?' * len(rest))})" if rest else "1"
        parts.append((f'r.id IN (SELECT p."row" FROM responses p WHERE {status}{user})', [*rest, *whose]))
    return " OR ".join(sql for sql, _ in parts), [value for _, bound in parts for value in bound]


def _response_value(scope: ResponseFilterScope) -> Sql:
    """What a record is sorted by: the mean of what annotators (or one) gave to a question, the least of words, or of statuses."""
    user = " AND p.user = ?" if scope.user else ""
    whose = [scope.user.id.hex] if scope.user else []
    if scope.question:
        inner = f'FROM answers a JOIN responses p USING (response) WHERE p."row" = r.id AND a.question = ?{user}'
        return f"(SELECT coalesce(avg(a.number), min(a.text)) {inner})", [scope.question, *whose]
    return f'(SELECT min(p.status) FROM responses p WHERE p."row" = r.id{user})', whose
