"""The step `fetch`: rows of a list of ranges become the pages that stand there, and only their bytes are read.

What comes back is never trusted: a range must hold one page's record, whole. Ranges of one file that lie near each other are read
together (`spans`), several requests at a time, given on in order. Bytes read are counted against the bytes of the files that the
ranges lie in, which is what reading them whole would have cost.
"""

import io
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import pyarrow as pa

from curation.document import COLUMNS
from curation.extract.ranges.remote import Missing, Remote
from curation.extract.ranges.spans import Range, Span, spans
from curation.extract.reader import InputError, Row, host_of, origin, without_forgotten
from curation.extract.record_row import RecordRows
from curation.extract.warc_range import read_records
from curation.extract.window import Window
from curation.step import Batch, Columns, Measure, Rejected
from curation.tombstones import Tombstones

_LIST = ("id", "url", "date", "file", "offset", "length")
_FIRST_FILES = 20


class _Read(NamedTuple):
    """A span that was read: its bytes, fewer where the file ends before; what was found instead, in words."""

    span: Span
    data: bytes
    size: int | None
    said: str = ""


class Fetch(Measure):
    """Reads the record of each range: `payload` and what else `warc` gives; the row takes the record's id.

    `base` is where the files of the list begin: `https://data.commoncrawl.org/`, `s3://commoncrawl/`, a folder
    (relative ones begin at the recipe's). Ranges with at most `join_gap` bytes between them are one request of at most
    `most_span` bytes; `at_once` requests run at a time in a task, `requests_per_second` of them at most on this
    machine, whatever the number of workers. A server that is busy is waited for, `patience_minutes` long; then the run
    stops and goes on there when it is started again. None of these changes a row, so none is part of the fingerprint.

    A range past the end of its file, or of a file that is not there, is rejected as `range_missing`; one that holds no record, or
    pieces of one, or several pages, as `record_broken`; what a page is rejected for by `warc` holds here too. Counted: `requests`,
    `retries`, `seconds_waited`, `bytes_read`, `bytes_listed` (of the ranges) and `bytes_whole` (of the `files` they lie in).
    """

    reads = _LIST
    writes = tuple(
        name
        for name in origin("payload")
        if name not in ("source", "file", "offset", "length", "rights_basis", "licence")
    )
    reasons = ("range_missing", "record_broken", "http_status", "revisit", "record_too_large", "forgotten")
    libraries = ("brotli",)
    forgotten: tuple[str, int] = ("", 0)
    """Folder of tombstones, and how many of its files hold (set by the engine): a page is known by its id only here."""
    elsewhere = ("base", "join_gap", "most_span", "requests_per_second", "at_once", "patience_minutes")

    def __init__(
        self,
        base: str,
        join_gap: int,
        most_span: int,
        requests_per_second: float,
        at_once: int = 4,
        patience_minutes: float = 60,
        max_record_bytes: int = 16 << 20,
        batch_rows: int = 1024,
        batch_bytes: int = 32 << 20,
    ):
        super().__init__()
        if not base:
            raise ValueError(
                "base is empty; name where the files of the list begin, e.g. https://data.commoncrawl.org/"
            )
        if min(join_gap, 0) < 0 or most_span < 1 or at_once < 1 or requests_per_second <= 0:
            raise ValueError("join_gap must be at least 0; most_span, at_once and requests_per_second more than 0")
        self.base, self.join_gap, self.most_span = base, join_gap, most_span
        self.requests_per_second, self.at_once, self.patience_minutes = requests_per_second, at_once, patience_minutes
        self.max_record_bytes, self.batch_rows, self.batch_bytes = max_record_bytes, batch_rows, batch_bytes
        self._remote: Remote | None = None
        self._files: dict[str, int | None] = {}

    @property
    def waited(self) -> int:
        """Seconds spent waiting for servers: that the step waits is no standstill."""
        return int(self._remote.waited) if self._remote is not None else 0

    def placed(self, folder: Path) -> None:
        """A relative `base` begins at the recipe's folder."""
        if "://" not in self.base:
            self.base = str((folder / self.base).resolve())

    def setup(self) -> None:
        """Makes what reads ranges; nothing is asked of any server yet."""
        self._files = {}
        self._records = RecordRows(self.max_record_bytes, self.stat_update)
        self._remote = Remote(self.requests_per_second, self.patience_minutes * 60, self.at_once)

    def run(self, data: Iterable[Any], rank: int = 0, world_size: int = 1) -> Iterator[Batch | Rejected]:
        """Batches of pages, closed at `batch_rows` rows or `batch_bytes` bytes of bodies, for the batches of ranges."""
        self.setup()
        gone = Tombstones.open(*self.forgotten) if self.forgotten[1] else Tombstones()
        with ThreadPoolExecutor(self.at_once, "fetch") as pool:
            try:
                for item in data:
                    if isinstance(item, Rejected) or item.num_rows == 0:
                        yield item
                        continue
                    pieces = self._pieces(item, pool)
                    while True:
                        with self.track_time():
                            piece = next(pieces, None)
                            if piece is None:
                                break
                            places, rows = piece
                            made = without_forgotten(gone, pa.RecordBatch.from_pydict(dict(self._made(rows))))
                            made = dict(zip(made.schema.names, made.columns, strict=True))
                            kept, rejected = self.with_verdict(item.take(pa.array(places)), made)
                        self.stat_update("rows", value=len(rows))
                        self.stat_update("kept", value=kept.num_rows)
                        if rejected is not None:
                            yield Rejected(rejected)
                        if kept.num_rows:
                            yield kept
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
        self._count()

    def columns(self, batch: Batch) -> Columns:
        """The pages of a whole batch of ranges at once."""
        rows: list[Row | None] = [None] * batch.num_rows
        with ThreadPoolExecutor(self.at_once) as pool:
            for places, made in self._pieces(batch, pool):
                for place, row in zip(places, made, strict=True):
                    rows[place] = row
        return self._made([row for row in rows if row is not None])

    def _pieces(self, batch: Batch, pool: ThreadPoolExecutor) -> Iterator[tuple[list[int], list[Row]]]:
        """Rows of the batch by their places in it, in pieces of bounded size."""
        values = zip(*(_plain(batch.column(name)) for name in _LIST), strict=True)
        listed = [Row(**dict(zip(_LIST, row, strict=True)), record_type=None) for row in values]
        places, rows, held = list[int](), list[Row](), 0
        asked: list[Range] = []
        for place, row in enumerate(listed):
            fault = self._impossible(row)
            if fault is None:
                asked.append(Range(place, row.file, row.offset, row.length or 0))
                continue
            places.append(place)
            rows.append(fault)
        for read in self._in_order(spans(asked, self.join_gap, self.most_span), pool):
            for one in read.span.ranges:
                row = self._row(listed[one.row], one, read)
                places.append(one.row)
                rows.append(row)
                held += len(row.body) if row.body is not None else 0
                if len(rows) >= self.batch_rows or held >= self.batch_bytes:
                    yield places, rows
                    places, rows, held = [], [], 0
        if rows:
            yield places, rows

    def _impossible(self, row: Row) -> Row | None:
        """The verdict on a row that nothing is asked for; None where something is."""
        if not row.file or row.offset is None or not row.length or row.length < 0 or row.offset < 0:
            return row._replace(
                reason="record_broken", detail="the row names no range: file, offset and length are needed"
            )
        if ".." in row.file.split("/") or ("://" in row.file and not row.file.startswith(f"{self.base.rstrip('/')}/")):
            return row._replace(reason="range_missing", detail=f"{row.file} is not under {self.base}")
        if row.length > self.max_record_bytes + (1 << 17):  # as stored, and a body of that size is refused
            said = "the range, left unread"
            return row._replace(
                reason="record_too_large", value=float(row.length), threshold=float(self.max_record_bytes), detail=said
            )
        return None

    def _in_order(self, wanted: Iterator[Span], pool: ThreadPoolExecutor) -> Iterator[_Read]:
        """The spans as they were read, in their order, some ahead."""
        ahead: deque[Future[_Read]] = deque()
        for span in wanted:
            ahead.append(pool.submit(self._get, span))
            if len(ahead) > self.at_once:
                yield self._taken(ahead.popleft().result())
        while ahead:
            yield self._taken(ahead.popleft().result())

    def _get(self, span: Span) -> _Read:
        assert self._remote is not None
        try:
            data, size = self._remote.get(self._url(span.file), span.start, span.stop)
        except Missing as missing:
            return _Read(span, b"", None, f"{span.file} is not under {self.base} ({missing})")
        return _Read(span, data, size)

    def _url(self, file: str) -> str:
        if "://" in file:
            return file
        if self.base.startswith(("http://", "https://")):
            file = quote(file, safe="/~:@+,=!$&'()*;%")
        return f"{self.base.rstrip('/')}/{file.lstrip('/')}"

    def _taken(self, read: _Read) -> _Read:
        """Remembers a file and its size. Raises InputError when none of the first is there: then the base is wrong."""
        file = read.span.file
        if read.said:
            self._files.setdefault(file, None)
            if len(self._files) == _FIRST_FILES and not any(self._files.values()):
                raise InputError(
                    f"the first {_FIRST_FILES} files of the list are not there, e.g. {self._url(file)}; is 'base: {self.base}' right?"
                )
        elif not self._files.get(file):
            self._files[file] = read.size
        return read

    def _row(self, listed: Row, one: Range, read: _Read) -> Row:
        """The page of one range."""
        if read.said:
            return listed._replace(reason="range_missing", detail=read.said)
        self.stat_update("bytes_listed", value=one.length)
        begin = one.offset - read.span.start
        data = read.data[begin : begin + one.length]
        if len(data) < one.length:
            end = read.span.start + len(read.data)
            said = f"the file ends at byte {end if read.size is None else read.size:,}, the range at {one.offset + one.length:,}"
            return listed._replace(reason="range_missing", detail=f"{one.file}: {said}")
        pages: list[Row] = []
        faults: list[Row] = []
        kinds: list[str] = []
        for found in read_records(Window(io.BytesIO(data), len(data)), one.file, 0, len(data), self.max_record_bytes):
            row = self._records.row(one.file, found._replace(offset=one.offset + found.offset))
            kinds.append(found.record.fields.get("warc-type", "?"))
            if row is not None:
                (faults if row.reason == "record_broken" else pages).append(row)
        if len(pages) == 1 and (not faults or faults[0].offset > pages[0].offset):
            return pages[0]
        if len(pages) > 1:
            said = (
                f"holds {len(pages)} pages, at {', '.join(f'{p.offset:,}' for p in pages[:5])}; a range is one record"
            )
        elif faults:
            said = f"is no whole record: {(faults[0].detail or '').partition(': ')[2]}"
        else:
            said = f"holds no page, but {', '.join(kinds) or 'nothing'}"
        where = f"{one.file}, bytes {one.offset:,} to {one.offset + one.length:,}"
        return listed._replace(reason="record_broken", detail=f"{where}: the range {said}")

    def _made(self, rows: list[Row]) -> Columns:
        """Columns and verdict of rows."""
        columns: Iterable[Any] = zip(*rows, strict=True) if rows else [()] * len(Row._fields)
        read: dict[str, Any] = dict(zip(Row._fields, columns, strict=True))
        read["payload"], read["host"] = read.pop("body"), [host_of(url) for url in read["url"]]
        made = {name: pa.array(read[name], COLUMNS[name].type) for name in self.writes}
        verdict = {"reason": pa.string(), "value": pa.float64(), "threshold": pa.float64(), "detail": pa.string()}
        return made | {name: pa.array(read[name], kind) for name, kind in verdict.items()}

    def _count(self) -> None:
        assert self._remote is not None
        self.stat_update("files", value=sum(size is not None for size in self._files.values()))
        self.stat_update("bytes_whole", value=sum(size or 0 for size in self._files.values()))
        for name, value in (
            ("requests", self._remote.requests),
            ("retries", self._remote.retries),
            ("seconds_waited", self._remote.paused),
            ("bytes_read", self._remote.bytes_read),
        ):
            self.stat_update(name, value=value)


def _plain(column: pa.Array) -> list[Any]:
    """A column of a list as Python values, dates in seconds."""
    return (column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column).to_pylist()
