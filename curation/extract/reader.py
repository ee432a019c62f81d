"""The first step of a pipeline: units of input files become record batches, with an origin for every row.

A reader takes the units that the work list gives its task (`curation/work_list.py`), so that any task can be run again alone. It
yields rows that fit, rows that are `Rejected` (a broken record, a revisit, a 404: each still has an id, a file and an offset), and
counts for what is no page. What there is to read is in `curation/extract/inputs.py`, how it is cut in `curation/extract/units.py`.
"""

import re
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from curation.blanked import REASON, blanked
from curation.document import COLUMNS
from curation.extract.inputs import InputError, InputFile, find_inputs
from curation.extract.units import Unit, joined, pieces_of, plan_units, require_same, require_unchanged, splittable
from curation.provenance import Source
from curation.step import Batch, Columns, Rejected, Step
from curation.tombstones import Tombstones
from curation.work_list import WorkList, cut_rest

__all__ = ["READERS", "InputError", "InputFile", "Read", "Row", "Unit", "find_inputs", "plan_units", "splittable"]

READERS: dict[str, str] = {
    "warc": "curation.extract.warc:ReadWarc",
    "parquet": "curation.extract.tables:ReadTable",
    "jsonl": "curation.extract.tables:ReadTable",
    "ranges": "curation.extract.ranges.range_list:ReadRanges",
}
"""Class that reads each kind of unit, as `module:class`, so that naming one imports nothing."""

_HOST = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?(\[[^\]/?#]*\]|[^/?#:]*)")
_DATE = re.compile(r"\d{4}(-\d\d(-\d\d([T ]\d\d:\d\d(:\d\d)?)?)?)?")
_DATE_CHARS, _HOST_CHARS = 64, 256
"""What is remembered must be short: a date with its zone has 35 characters, a name 253 (RFC 1035)."""
_VERDICT = {"reason": pa.string(), "value": pa.float64(), "threshold": pa.float64(), "detail": pa.string()}


class Row(NamedTuple):
    """One row as a reader makes it: the origin columns of `curation/document.py`, the body or text, and why it must go, if it must.

    `date` is in seconds since 1970 (UTC). Columns that are the same for all rows of a source are added by `Read`.
    """

    id: bytes
    url: str | None
    date: int | None
    file: str
    offset: int
    length: int | None
    record_type: str | None
    http_status: int | None = None
    mime_declared: str | None = None
    charset_declared: str | None = None
    mime_identified: str | None = None
    truncated: str | None = None
    payload_digest: bytes | None = None
    payload_bytes: int | None = None
    x_robots_tag: str | None = None
    tdm_header: str | None = None
    body: Any = None
    reason: str | None = None
    value: float | None = None
    threshold: float | None = None
    detail: str | None = None


class Read(Step):
    """Base of the readers: makes batches of rows, splits off the rejected ones, counts both.

    Without a work list, task `rank` reads `units[rank::world_size]`; `source` names the rows and says what rights their owner
    declares. A batch is closed at `batch_rows` rows or `batch_bytes` bytes of bodies, whichever comes first.
    """

    body_column = "payload"
    drops = ("reason", "value", "threshold", "detail")
    forgotten: tuple[str, int] = ("", 0)
    """Folder of tombstones, and how many of its files hold (set by the engine): rows that they are of are rejected, blanked."""
    work: WorkList | None = None
    """What each task reads (set by the engine)."""
    shares: bool = True
    """Whether a task may leave a rest to others (set by the engine)."""
    stop_for: int = 0
    """Above 0 the task ends with the piece that it reads now, and leaves the rest to so many tasks (set while it runs)."""

    def __init__(self, units: list[Unit], source: Source, batch_rows: int = 1024, batch_bytes: int = 32 << 20):
        super().__init__()
        self.units = list(units)
        self.source = source
        self.batch_rows = batch_rows
        self.batch_bytes = batch_bytes
        self.bytes_read = 0
        """Bytes of the files read so far by this task, as stored."""
        self.unreadable: list[tuple[str, str]] = []
        """Files of this task whose beginning gave no row that could be read, each with what was found."""
        self.read: list[Unit] = []
        """What this task has read, once it has ended."""
        self.rest: list[list[Unit]] = []
        """What it leaves to other tasks, shared out."""
        self.ahead = 0
        """Bytes of pieces that it has not begun."""

    @abstractmethod
    def batches(self, unit: Unit) -> Iterator[Batch]:
        """Rows of one unit, in the order of the file: columns of `writes` and of the verdict."""

    def batched(self, rows: Iterator[Row]) -> Iterator[Batch]:
        """Rows in batches."""
        pending: list[Row] = []
        held = 0
        for row in rows:
            pending.append(row)
            held += (len(row.body) if row.body is not None else 0) + len(row.url or "")
            if len(pending) >= self.batch_rows or held >= self.batch_bytes:
                batch = self._batch(pending)
                pending, held = [], 0
                yield batch
        if pending:
            yield self._batch(pending)

    def run(self, data: Iterable[Any] = (), rank: int = 0, world_size: int = 1) -> Iterator[Batch | Rejected]:
        """Batches of the task's units, after whatever was there before."""
        yield from data or ()
        self.setup()
        self.bytes_read = 0
        self.unreadable = []
        gone = Tombstones.open(*self.forgotten) if self.forgotten[1] else Tombstones()
        units = self.work.units(rank) if self.work is not None else self.units[rank::world_size]
        pieces = [piece for unit in units for piece in pieces_of(unit)]
        left, done = sum(piece.stored for piece in pieces), 0
        for unit in require_unchanged(pieces):
            left, done = left - unit.stored, done + 1
            self.ahead = left if self.shares else 0
            yield from self._piece(unit, gone)
            if self.stop_for and self.ahead:
                break
        for unit in {unit.url: unit for unit in pieces[:done]}.values():
            require_same(unit)
        self.read, self.rest = joined(pieces[:done]), cut_rest(pieces[done:], self.stop_for) if pieces[done:] else []

    def _piece(self, unit: Unit, gone: Tombstones) -> Iterator[Batch | Rejected]:
        readable, found = False, ""
        batches = self.batches(unit)
        while True:
            with self.track_time():
                batch = next(batches, None)
                if batch is None:
                    break
                kept, rejected = self.split(without_forgotten(gone, batch))
            self.stat_update("rows", value=batch.num_rows)
            self.stat_update("kept", value=kept.num_rows)
            readable |= kept.num_rows > 0
            del batch
            if rejected is not None:
                readable |= any(reason != "record_broken" for reason in rejected.column("reason").to_pylist())
                found = found or next(filter(None, rejected.column("detail").to_pylist()), "")
                yield Rejected(rejected)
            if kept.num_rows:
                yield kept
        if unit.start == 0 and not readable:
            empty = "the file is empty" if unit.end == 0 else "no page and no text is in it"
            self.unreadable.append((unit.file, found or empty))

    def columns(self, batch: Batch) -> Columns:
        """The columns as they were read; the rows that `rows` gave a reason go."""
        return {name: batch.column(name) for name in (*self.writes, *_VERDICT)}

    def _batch(self, rows: list[Row]) -> Batch:
        read: dict[str, Any] = dict(zip(Row._fields, zip(*rows, strict=True), strict=True))
        read[self.body_column] = read.pop("body")
        return self.assembled(len(rows), read)

    def assembled(self, rows: int, read: Mapping[str, Any]) -> Batch:
        """A batch from columns by name (Python values or Arrow; those that are missing are null), and what all rows share."""
        hosts = [host_of(url) for url in read["url"]] if "url" in read else None
        declared = {
            "source": self.source.name,
            "rights_basis": self.source.rights_basis,
            "licence": self.source.licence,
        }
        arrays = {}
        for name, kind in [*((n, COLUMNS[n].type) for n in self.writes), *_VERDICT.items()]:
            values = hosts if name == "host" else read.get(name)
            if name in declared:
                arrays[name] = pa.repeat(pa.scalar(declared[name], kind), rows)
            elif values is None:
                arrays[name] = pa.nulls(rows, kind)
            else:
                arrays[name] = values if isinstance(values, pa.Array) else pa.array(values, type=kind)
        return pa.RecordBatch.from_pydict(arrays)


def without_forgotten(gone: Tombstones, batch: Batch) -> Batch:
    """The batch with the rows blanked and rejected that have a tombstone."""
    if not len(gone) or not (rows := gone.pages(batch)).any():
        return batch
    reasons = pc.if_else(pa.array(rows), REASON, batch.column("reason"))
    batch = blanked(batch, rows)
    return batch.set_column(batch.schema.get_field_index("reason"), batch.schema.field("reason"), reasons)


def origin(*more: str) -> tuple[str, ...]:
    """Names of the origin columns that a reader writes, and of those that hold its bodies and what else it has, in registry order."""
    made = {*Row._fields, "source", "host", "rights_basis", "licence", *more}
    return tuple(name for name in COLUMNS if name in made)


@lru_cache(maxsize=4096)
def _host(authority: str) -> str | None:
    return authority.lower().rstrip(".") or None


def host_of(url: str | None) -> str | None:
    """Host name of a URL: lower case, no user, no port, no final dot; null where the URL has none, or one of 256 characters or more.

    >>> host_of("https://user@例え.JP:8080/米"), host_of("dns:example.jp"), host_of(None)
    ('例え.jp', None, None)
    """
    found = _HOST.match(url) if url else None
    return _host(found[1]) if found and len(found[1]) < _HOST_CHARS else None


def seconds_of(date: str | None) -> int | None:
    """Seconds since 1970 (UTC) of a WARC-Date or an ISO 8601 date; WARC 1.1 allows it to be cut after any part. Null for no date.

    >>> seconds_of("2026-11-22T20:00:00Z"), seconds_of("2026-11"), seconds_of("昨日")
    (1795377600, 1793491200, None)
    """
    return _seconds_of(date[:_DATE_CHARS]) if date else None


@lru_cache(maxsize=4096)
def _seconds_of(date: str) -> int | None:
    found = _DATE.match(date)
    if found is None:
        return None
    text = found[0]
    try:
        offset = datetime.fromisoformat(date) if len(text) >= 19 else None
    except ValueError:
        offset = None
    try:
        moment = offset or datetime.fromisoformat(text + "-01-01"[: 10 - len(text)] if len(text) < 10 else text)
    except ValueError:
        return None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
