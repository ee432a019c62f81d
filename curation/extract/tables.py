"""Tables to rows: Parquet by row group and JSON lines by line, their text already text.

A table's row has no capture behind it, so its identity is the source's name and its id column, or the file's content and the row
number. Never is a file or a row group held whole: Parquet flows in batches, JSON lines are cut from a stream, and a text longer than
`max_record_bytes` is passed over.
"""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import orjson
import pyarrow as pa
from fsspec.core import url_to_fs

from curation.extract.inputs import InputError, content_hash, open_window
from curation.extract.json_lines import Broken, read_lines
from curation.extract.line_index import read_index
from curation.extract.parquet_pages import footer_of
from curation.extract.parquet_rows import (
    Texts,
    Unreadable,
    group_batches,
    is_plain,
    opened,
    unread,
    values,
)
from curation.extract.reader import Read, Row, Unit, origin
from curation.extract.table_values import address, clean, seconds, utf8_of
from curation.provenance import Source, position_id, table_id, table_ids
from curation.step import Batch

BOMB_BYTES, BOMB_RATIO, ROW_BYTES = 1 << 30, 1000, 64
"""A row group that gives more than a gibibyte and 1,000 times its stored bytes, with 64 for each row, is read no further."""

_USUAL = {"id": ("id",), "url": ("url",), "date": ("date", "timestamp")}


class ReadTable(Read):
    """Rows from Parquet and JSON lines (plain, .gz, .zst), with `text` as it stands there.

    `text_key` names the text column. `id_key`, `url_key` and `date_key` name the others; where one is null, the columns `id`, `url`,
    and `date` or `timestamp` are taken if they exist. A row without text is rejected as `null_text`, a line that is no JSON object
    or a row group that cannot be read as `record_broken`, a text over `max_record_bytes` as `record_too_large`. A Parquet file that
    lacks a named column raises InputError. A batch is closed at `batch_rows` rows or `batch_bytes` bytes of text.
    """

    body_column = "text"
    writes = origin("text", "robots_meta", "tdm_meta", "licence_link")  # the last three null: a table has no markup
    reasons = ("null_text", "record_too_large", "record_broken")
    line_index = ""
    """Where the indexes of JSON lines files are that are cut (set by the engine)."""

    def __init__(
        self,
        units: list[Unit],
        source: Source,
        text_key: str = "text",
        id_key: str | None = None,
        url_key: str | None = None,
        date_key: str | None = None,
        max_record_bytes: int = 16 << 20,
        batch_rows: int = 1024,
        batch_bytes: int = 32 << 20,
    ):
        super().__init__(units, source, batch_rows, batch_bytes)
        self.text_key = text_key
        self.given = {"id": id_key, "url": url_key, "date": date_key}
        self.max_record_bytes = max_record_bytes
        self._place: Any = None
        self._content, self._lines = b"", None

    def batches(self, unit: Unit) -> Iterator[Batch]:
        """Rows of the unit: row groups [start, end) of a Parquet file, the lines that begin in bytes [start, end) of JSON lines."""
        before = self.bytes_read
        fs, path = url_to_fs(unit.url)
        try:
            size = int(fs.size(path))
        except FileNotFoundError:
            raise InputError(f"{unit.url} is not there") from None
        self._file = unit.file
        if self._place != (fs, path):
            self._place, self._content, self._lines = (fs, path), b"", None
        if unit.cut and unit.kind == "jsonl" and self._lines is None:
            self._lines = read_index(self.line_index, unit.url)
        if size == 0:
            self.stat_update("files_empty")
        elif unit.kind == "parquet":
            yield from self._parquet(fs, path, unit, before)
        else:
            yield from self.batched(self._json_lines(unit, before))

    def _parquet(self, fs: Any, path: str, unit: Unit, before: int) -> Iterator[Batch]:
        with fs.open(path, "rb") as handle:
            try:
                with unread():
                    table = opened(handle)
                    counts = [max(0, table.metadata.row_group(g).num_rows) for g in range(table.num_row_groups)]
                    named = self._columns_there(table.schema_arrow, unit.url)
                    chunks = footer_of(handle)
                    stored = [sum(c.stored for c in group) for group in chunks]
            except Unreadable as error:
                if unit.start == 0:
                    yield from self.batched(iter([self._broken(0, f"no Parquet file: {error}")]))
                return
            wanted = list(dict.fromkeys(named.values()))
            row, size = sum(counts[: unit.start]), fs.size(path)
            for group in range(unit.start, unit.end):
                stop = row + counts[group]
                held, limit = 0, max(BOMB_BYTES, BOMB_RATIO * min(size, stored[group]))
                try:
                    batches = group_batches(table, handle, group, chunks[group], wanted, self.batch_bytes)
                    while True:
                        with unread():
                            batch = next(batches, None)
                        if batch is None:
                            break
                        for made in self._rows_of(batch, row, named):
                            row += made.num_rows
                            held += made.column("text").nbytes + ROW_BYTES * made.num_rows
                            yield made
                        if held > limit:
                            raise Unreadable(f"its {stored[group]:,} bytes give more than {held:,}")
                    said = f"row group {group} ends before its {counts[group]:,} rows"
                except Unreadable as error:
                    said = f"row group {group} breaks off: {error}"
                yield from self.batched(self._lost(row, stop, said, size))
                row = max(row, stop)
                self.bytes_read = before + sum(stored[unit.start : group + 1])

    def _lost(self, row: int, stop: int, said: str, size: int) -> Iterator[Row]:
        """The rows [row, stop) of a file of so many bytes, which could not be read; one for all where no such file holds so many."""
        if stop - row > max(1024, 8 * size):
            yield self._broken(row, f"{said}; that it has {stop - row:,} more rows is not so")
            return
        yield from (self._broken(lost, said) for lost in range(row, stop))

    def _rows_of(self, batch: Batch, first: int, named: dict[str, str]) -> Iterator[Batch]:
        """A batch of the file, whose first row has the number `first`, as rows with an origin. Raises Unreadable."""
        rest: dict[str, list[Any]] = {}
        with unread():
            texts = Texts(batch.column(named["text"]), self.max_record_bytes)
            replaced = texts.replaced
            for what in ("id", "url", "date"):
                rest[what], bad = (
                    values(batch.column(named[what])) if what in named else ([None] * batch.num_rows, False)
                )
                replaced |= bad
        if replaced:
            self.stat_update("batches_bad_utf8")
        for start, stop in texts.pieces(self.batch_bytes):
            numbers = range(first + start, first + stop)
            with unread():
                read = texts.fields(start, stop)
            read |= {
                "id": self._ids(rest["id"][start:stop], numbers),
                "url": [address(url) for url in rest["url"][start:stop]],
                "date": [seconds(moment) for moment in rest["date"][start:stop]],
                "file": pa.repeat(pa.scalar(self._file, pa.string()), len(numbers)),
                "offset": numbers,
                "record_type": pa.repeat(pa.scalar("row", pa.string()), len(numbers)),
            }
            yield self.assembled(len(numbers), read)

    def _columns_there(self, schema: pa.Schema, url: str) -> dict[str, str]:
        """Which column of the file is the text, id, url and date. Raises InputError for one that is named and missing."""
        named = {"text": self.text_key}
        for what, name in self.given.items():
            usual = next((n for n in _USUAL[what] if n in schema.names), None)
            if name or usual:
                named[what] = name or str(usual)
        for what, name in named.items():
            if name not in schema.names:
                raise InputError(f"{url} has no column '{name}' ({what}_key); its columns: {', '.join(schema.names)}")
        for what in set(named) - {"text"}:
            kind = schema.field(named[what]).type
            if is_plain(kind):
                continue
            if self.given[what]:
                raise InputError(f"{url}: column '{named[what]}' ({what}_key) is {kind}, not one value a row")
            del named[what]
        kind = schema.field(self.text_key).type
        kind = kind.value_type if pa.types.is_dictionary(kind) else kind
        if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)):
            raise InputError(f"{url}: column '{self.text_key}' (text_key) is {kind}, not text")
        return named

    def _json_lines(self, unit: Unit, before: int) -> Iterator[Row]:
        with open_window(unit.url) as window:
            given = (self.max_record_bytes, unit.start, unit.end if unit.cut else None, self._lines)
            for number, line in read_lines(window, unit.file, *given):
                self.bytes_read = before + min(window.bytes_read, unit.end - unit.start)
                if isinstance(line, Broken):
                    yield self._broken(number, line.said, line.size, self.max_record_bytes)
                elif not line:
                    self.stat_update("lines_blank")
                else:
                    yield self._line(number, line)

    def _line(self, number: int, line: bytes) -> Row:
        try:
            found = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            try:  # a lone surrogate is JSON by RFC 8259 and no text; Python's parser lets it through to be replaced
                found = json.loads(line)
            except (ValueError, RecursionError):
                return self._broken(number, f"no JSON: {error}")
        if not isinstance(found, dict):
            return self._broken(number, f"a JSON {type(found).__name__}, not an object")
        text = found.get(self.text_key)
        if text is not None and not isinstance(text, str):
            return self._broken(number, f"'{self.text_key}' is {type(text).__name__}, not text")
        rest = {}
        for what, name in self.given.items():
            rest[what] = next((found[n] for n in ((name,) if name else _USUAL[what]) if found.get(n) is not None), None)
        lacks = clean(f"line {number + 1} has no '{self.text_key}'; its keys: {', '.join(map(str, found))}"[:300])
        return self._row(number, text, rest, None if self.text_key in found else lacks)

    def _row(self, number: int, text: str | None, rest: dict[str, Any], detail: str | None = None) -> Row:
        raw = utf8_of(text) if text is not None else None
        made: dict[str, Any] = {
            "id": self._named(rest.get("id"), number),
            "url": address(rest.get("url")),
            "date": seconds(rest.get("date")),
            "file": self._file,
            "offset": number,
            "length": None,
            "record_type": "row",
        }
        if raw is None:
            return Row(**made, reason="null_text", detail=detail)
        made.update(payload_digest=hashlib.sha256(raw).digest()[:16], payload_bytes=len(raw))
        if len(raw) > self.max_record_bytes:
            made.update(reason="record_too_large", value=len(raw), threshold=self.max_record_bytes)
            return Row(**made)
        return Row(**made, body=raw)

    def _broken(self, number: int, said: str, size: int | None = None, limit: int | None = None) -> Row:
        """A row that could not be read; with `size`, one that is longer than `limit`."""
        detail = f"{self._file}, row {number + 1}: {said}"
        reason = "record_broken" if size is None else "record_too_large"
        value, threshold = (None, None) if size is None else (size, limit)
        return Row(
            self._position(number), None, None, self._file, number, None, "row",
            reason=reason, value=value, threshold=threshold, detail=detail,
        )  # fmt: skip

    def _named(self, name: Any, number: int) -> bytes:
        """Id of a row: by the source and its own id, or by the file and its number."""
        return self._position(number) if name is None else table_id(self.source.name, str(clean(name)))

    def _ids(self, names: list[Any], numbers: range) -> list[bytes]:
        if None in names:
            return [self._named(name, n) for name, n in zip(names, numbers, strict=True)]
        return table_ids(self.source.name, list(map(str, names)))

    def _position(self, number: int) -> bytes:
        if not self._content and self._lines is not None:
            self._content = bytes.fromhex(self._lines["sha256"])
        if not self._content:  # the whole file is read for it, so only where a row has no id of its own
            self._content = content_hash(*self._place)
        return position_id(self.source.name, self._content, number)
