"""Lists of ranges as they lie: the columnar index (Parquet), CSV, WAT; each as columns with the names used here.

Of an index only the columns are read that are needed, and of a row group first those that decide: an index of Common
Crawl is some 200 GB, and nine row groups in ten hold no Japanese page. A WAT file says of each record of a WARC file
where it is; the WARC file is the one that lies beside it in Common Crawl's layout (`…/wat/NAME.warc.wat.gz` → `…/warc/NAME.warc.gz`).
"""

import io
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pc_csv
import pyarrow.parquet as pq
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from curation.extract.inputs import InputError
from curation.extract.parquet_rows import Unreadable, decoded, is_bytes, opened, unread
from curation.extract.ranges.remote import Remote, RemoteFile
from curation.extract.ranges.utf8_stream import Utf8Stream, text_only
from curation.extract.ranges.wanted import Wanted
from curation.extract.units import Unit
from curation.extract.warc_range import read_records
from curation.extract.window import Window

NAMES: dict[str, tuple[str, ...]] = {
    "file": ("warc_filename", "filename", "file"),
    "offset": ("warc_record_offset", "offset"),
    "length": ("warc_record_length", "length"),
    "url": ("url",),
    "date": ("fetch_time", "date", "timestamp"),
    "status": ("fetch_status", "http_status", "status"),
    "mime": ("content_mime_detected", "mime_identified"),
    "mime_declared": ("content_mime_type", "mime_declared", "mime"),
    "languages": ("content_languages", "languages"),
    "truncated": ("content_truncated", "truncated"),
}
"""What a list may say, and how its columns are called: in Common Crawl's index first, then elsewhere."""

NEEDED = ("file", "offset", "length")
WAT_ROWS = 4096
MOST_BYTES = 1 << 30
"""Longest column of a row group that is held; Common Crawl's have a tenth of it."""
_NUMBERS = ("offset", "length", "status")


class Listed(NamedTuple):
    """Wanted rows of a list: their numbers in it, and their columns by the names of `NAMES`, those that the list has."""

    numbers: pa.Array
    columns: dict[str, pa.Array]
    unwanted: dict[str, int]


class Unread(NamedTuple):
    """A row, or all from it on, that cannot be read, in words."""

    number: int
    said: str


def read_list(remote: Remote, unit: Unit, wanted: Wanted, named: Mapping[str, str]) -> Iterator[Listed | Unread]:
    """Wanted rows of a list file, a row group or some thousand rows at a time. Raises InputError when it lacks a column."""
    name = unit.file.lower()
    if not name.endswith((".parquet", ".pq")) and ".wat" not in name.rsplit("/", 1)[-1]:
        yield from _csv(lambda: _opened(remote, unit.url), unit.url, name, wanted, named)
        return
    with _opened(remote, unit.url) as handle:
        if name.endswith((".parquet", ".pq")):
            yield from _parquet(handle, unit.url, wanted, named)
        else:
            yield from _chosen(_wat(handle, unit.file), unit.url, wanted, {})


def _opened(remote: Remote, url: str) -> Any:
    fs, path = url_to_fs(url)
    return fs.open(path, "rb") if isinstance(fs, LocalFileSystem) else RemoteFile(remote, url)


def _there(have: list[str], url: str, wanted: Wanted, named: Mapping[str, str]) -> dict[str, str]:
    """Which column of the list says what. Raises InputError for one that is needed or named, and not there."""
    found = {}
    for what, usual in NAMES.items():
        name = named.get(what) or next((n for n in usual if n in have), None)
        if name is not None and name in have:
            found[what] = name
        elif what in NEEDED or what in named or (what in wanted.columns and what != "mime"):
            how = f"'{named[what]}' (columns: {what})" if what in named else f"for {what} ({', '.join(usual)})"
            or_else = (
                f"; set {what}: null to take what is listed, whatever its {what}" if what in wanted.columns else ""
            )
            raise InputError(f"{url} has no column {how}; its columns: {', '.join(have)}{or_else}")
    if "mime" in wanted.columns and not {"mime", "mime_declared"} & found.keys():
        raise InputError(f"{url} has no column for mime; its columns: {', '.join(have)}; set mime: null to take all")
    return found


def _parquet(handle: Any, url: str, wanted: Wanted, named: Mapping[str, str]) -> Iterator[Listed | Unread]:
    try:
        with unread():
            table = opened(handle, buffer=0)
            schema = table.schema_arrow
            found = _there(schema.names, url, wanted, named)
            words = [name for name in found.values() if is_bytes(schema.field(name).type)]
            table = opened(handle, words, table.metadata, buffer=0)
    except Unreadable as error:
        yield Unread(0, f"no Parquet file: {error}")
        return
    deciding = list(_deciding(wanted, found)) or ["file"]
    first = 0
    for group in range(table.num_row_groups):
        rows = max(0, table.metadata.row_group(group).num_rows)
        try:
            with unread():
                seen = _columns(table, group, {what: found[what] for what in deciding}, url)
                rows = len(seen[deciding[0]])  # the footer's own number may be any
            mask, unwanted = wanted.mask(_mimes(seen), rows)
            if not mask.any():
                yield Listed(pa.array([], pa.int64()), {}, unwanted)
            else:
                others = {w: n for w, n in found.items() if w not in seen and w != "languages"}
                with unread():
                    more = _columns(table, group, others, url)
                    if any(len(column) != rows for column in more.values()):
                        raise Unreadable("its columns are of different lengths")
                yield _filtered(first, {**seen, **more}, mask, unwanted)
        except Unreadable as error:
            yield Unread(first, f"row group {group} ({rows:,} rows) breaks off: {error}")
        first += rows


def _deciding(wanted: Wanted, found: Mapping[str, str]) -> Iterator[str]:
    for what in wanted.columns:
        if what in found:
            yield what
        if what == "mime" and "mime" not in found:
            yield "mime_declared"


def _mimes(columns: dict[str, pa.Array]) -> dict[str, pa.Array]:
    """What decides by media type is what the crawler detected; where the list does not say, what the server declared."""
    return (
        columns
        if "mime" in columns or "mime_declared" not in columns
        else {**columns, "mime": columns["mime_declared"]}
    )


def _columns(table: pq.ParquetFile, group: int, names: Mapping[str, str], url: str) -> dict[str, pa.Array]:
    read = table.read_row_group(group, columns=list(names.values()), use_threads=False) if names else None
    return {} if read is None else {what: _typed(what, read.column(name), url, name) for what, name in names.items()}


def _typed(what: str, column: Any, url: str, name: str) -> pa.Array:
    """A column as whole numbers, text or dates. Raises InputError for a type that cannot be."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    array = decoded(array, MOST_BYTES)
    if what in _NUMBERS:
        if pa.types.is_integer(array.type):
            return array.cast(pa.int64())
        if pa.types.is_string(array.type) or pa.types.is_large_string(array.type) or pa.types.is_null(array.type):
            text = pc.utf8_trim_whitespace(array.cast(pa.string()))
            whole = pc.match_substring_regex(text, r"^-?[0-9]{1,18}$")
            return pc.if_else(whole, text, pa.scalar(None, pa.string())).cast(pa.int64())
        raise InputError(f"{url}: column '{name}' ({what}) is {array.type}, not whole numbers")
    if what == "date" and pa.types.is_timestamp(array.type):
        return array.cast(pa.timestamp("s"), safe=False).cast(pa.int64())
    try:
        return array.cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise InputError(f"{url}: column '{name}' ({what}) is {array.type}, not text") from None


def _filtered(first: int, columns: dict[str, pa.Array], mask: Any, unwanted: dict[str, int]) -> Listed:
    rows = pc.indices_nonzero(pa.array(mask))
    numbers = pc.add(rows.cast(pa.int64()), first)
    return Listed(numbers, {what: column.take(rows) for what, column in columns.items()}, unwanted)


def _chosen(
    batches: Iterator[tuple[int, pa.RecordBatch] | Unread], url: str, wanted: Wanted, named: Mapping[str, str]
) -> Iterator[Listed | Unread]:
    """Wanted rows of batches that are there whole."""
    for item in batches:
        if isinstance(item, Unread):
            yield item
            continue
        first, batch = item
        found = _there(batch.schema.names, url, wanted, named)
        columns = {what: _typed(what, batch.column(name), url, name) for what, name in found.items()}
        mask, unwanted = wanted.mask(_mimes(columns), batch.num_rows)
        yield _filtered(first, columns, mask, unwanted)


def _csv(
    opening: Callable[[], Any], url: str, name: str, wanted: Wanted, named: Mapping[str, str]
) -> Iterator[Listed | Unread]:
    """Rows of a CSV (.tsv: by tabs) with a line of names; all columns are read as text, so that one bad number is one bad row."""
    plain = name.removesuffix(".gz").removesuffix(".zst")
    packed = "gzip" if name.endswith(".gz") else "zstd" if name.endswith(".zst") else None
    bad: list[Unread] = []

    def skipped(row: Any) -> str:
        bad.append(
            Unread(row.number or 0, f"{row.actual_columns} values where there are {row.expected_columns} columns")
        )
        return "skip"

    def opened(types: dict[str, pa.DataType]) -> Any:
        stream: Any = pa.PythonFile(io.BufferedReader(opening(), 4 << 20), mode="r")
        stream = pa.PythonFile(Utf8Stream(pa.CompressedInputStream(stream, packed) if packed else stream), mode="r")
        parse = pc_csv.ParseOptions(delimiter="\t" if plain.endswith(".tsv") else ",", invalid_row_handler=skipped)
        convert = pc_csv.ConvertOptions(column_types=types, strings_can_be_null=True, null_values=[""])
        return pc_csv.open_csv(stream, pc_csv.ReadOptions(use_threads=False, block_size=4 << 20), parse, convert)

    def batches() -> Iterator[tuple[int, pa.RecordBatch] | Unread]:
        first = 0
        try:
            with unread():
                names = opened({}).schema.names
                bad.clear()
                found = iter(opened(dict.fromkeys(names, pa.string())))
            while True:
                with unread():
                    batch = next(found, None)
                if batch is None:
                    break
                yield first, batch
                first += batch.num_rows
        except Unreadable as error:
            yield Unread(first, f"cannot be read on: {error}")
        yield from bad

    yield from _chosen(batches(), url, wanted, named)


def _wat(handle: Any, file: str) -> Iterator[tuple[int, pa.RecordBatch] | Unread]:
    """Records of the WARC file that a WAT file describes; the length of each reaches to the next one."""
    of = file.replace("/wat/", "/warc/").replace(".warc.wat", ".warc")
    size = handle.seek(0, io.SEEK_END)
    first, rows = 0, list[dict[str, Any]]()
    last: dict[str, Any] | None = None
    for number, found in enumerate(read_records(Window(handle, size), file, 0, size, 16 << 20)):
        if found.record.fault is not None:
            yield Unread(number, f"at byte {found.offset}: {found.record.fault}")
            continue
        row = _described(found.record, of)
        if row is None:
            continue
        if last is not None:
            if row["offset"] > last["offset"]:
                last["length"] = row["offset"] - last["offset"]
            if last.pop("kind") in ("response", "resource"):
                rows.append(last)
        last = row
        if len(rows) >= WAT_ROWS:
            yield first, pa.RecordBatch.from_pylist(rows, _WAT)
            first, rows = first + len(rows), []
    if last is not None and last.pop("kind") in ("response", "resource"):
        rows.append(last)
    if rows:
        yield first, pa.RecordBatch.from_pylist(rows, _WAT)


_WAT = pa.schema(
    [(n, pa.int64() if n in _NUMBERS else pa.string()) for n in (*NEEDED, "url", "date", "status", "mime_declared")]
)


def _described(record: Any, file: str) -> dict[str, Any] | None:
    """Where the record is that one of a WAT file is about; None for what is no description."""
    if record.block is None or record.fields.get("warc-type") != "metadata":
        return None
    try:
        said = json.loads(bytes(record.block))
        container, envelope = said["Container"], said["Envelope"]
        header = envelope["WARC-Header-Metadata"]
        offset, length = int(container["Offset"]), int(container.get("Gzip-Metadata", {}).get("Deflate-Length", 0))
        kind, url, date = (text_only(header.get(f"WARC-{name}")) for name in ("Type", "Target-URI", "Date"))
        answer = envelope.get("Payload-Metadata", {}).get("HTTP-Response-Metadata", {})
        status = str(answer.get("Response-Message", {}).get("Status"))
        mime = next((v for k, v in answer.get("Headers", {}).items() if k.lower() == "content-type"), None)
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError):
        return None
    if max(abs(offset), abs(length)) >= 1 << 63:
        return None
    return {
        "kind": kind,
        "file": file,
        "offset": offset,
        "length": length,
        "url": url,
        "date": date,
        "status": int(status) if status.isascii() and status.isdigit() and len(status) < 5 else None,
        "mime_declared": mime.split(";")[0].strip().lower() if (mime := text_only(mime)) else None,
    }
