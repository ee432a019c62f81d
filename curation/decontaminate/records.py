"""The records of a benchmark's file, one an item, in any form that a pack may say: JSON, JSON lines, CSV, TSV, XML, Parquet."""

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import orjson

from curation.decontaminate.pack import Layout
from curation.parquet_file import ParquetFile

_NOT_THE_FILE = (
    (b"version https://git-lfs", "a Git LFS pointer, not the file that it stands for; fetch the file itself"),
    (b"PK\x03\x04", "a zip archive; unpack it and name the file inside"),
    (b"<!doctype html", "an HTML page; take the file itself, not the page that shows it"),
    (b"<html", "an HTML page; take the file itself, not the page that shows it"),
)
_OF_PARQUET = b"PAR1"


class RecordError(ValueError):
    """A file that is not as its pack says; the message begins behind the file's name."""


class Record:
    """One item's record: where it stands (`, line 3`), and its values by field."""

    def __init__(self, place: str, value: Any, around: tuple[Any, ...] = ()):
        self.place, self._value, self._around = place, value, around

    def values(self, field: str) -> Iterator[Any]:
        """Values of a field's path; none where the path leads nowhere."""
        if isinstance(self._value, ElementTree.Element):
            yield from ("".join(e.itertext()).strip() for e in self._value.iter(field))
            return
        if not field.startswith("^"):
            yield from _walk(self._value, field)
            return
        for outer in reversed(self._around):
            if found := list(_walk(outer, field[1:])):
                yield from found
                return

    def names(self) -> list[str]:
        """Names of the record's own fields, for errors."""
        if isinstance(self._value, ElementTree.Element):
            return list(dict.fromkeys(e.tag for e in self._value.iter() if e is not self._value))
        return [str(k) for k in self._value] if isinstance(self._value, dict) else []


def records(layout: Layout, content: bytes) -> Iterator[Record]:
    """Records of a file's content, in order. Raises RecordError for content of another form than the layout says, and for none."""
    form = layout.form or "jsonl"
    count = 0
    for record in _BY_FORM[form](layout, _unpacked(content, form)):
        count += 1
        yield record
    if not count:
        raise RecordError(f": no item in it; form {form}" + (f", items {layout.items}" if layout.items else ""))


def _unpacked(content: bytes, form: str) -> bytes:
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise RecordError(f": its gzip is broken ({error})") from None
    head = content[:64].lstrip().lower()
    for sign, said in _NOT_THE_FILE:
        if head.startswith(sign.lower()):
            raise RecordError(f": is {said}")
    if (content[:4] == _OF_PARQUET) != (form == "parquet"):
        is_not = "is Parquet" if content[:4] == _OF_PARQUET else "is no Parquet"
        raise RecordError(f": {is_not}, and its pack says form: {form}")
    return content


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RecordError(f": is not UTF-8 ({error.reason} at byte {error.start:,})") from None


def _json(layout: Layout, content: bytes) -> Iterator[Record]:
    text = _text(content)
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        first = text.lstrip().split("\n", 1)[0]
        lines = "; its first line is JSON by itself, so it is form: jsonl" if _is_json(first) and "\n" in text else ""
        raise RecordError(f": is no JSON document ({error}){lines}") from None
    path = layout.items or "[]"
    if not layout.items and isinstance(document, dict):
        raise RecordError(
            f": is a mapping ({', '.join(document)}), and its pack says no 'items': where in it the list is"
        )
    for number, (value, around) in enumerate(_inside(document, path.split("."), ()), 1):
        yield Record(f", item {number:,}", value, around)


def _is_json(text: str) -> bool:
    try:
        return isinstance(orjson.loads(text), dict)
    except orjson.JSONDecodeError:
        return False


def _inside(value: Any, path: list[str], around: tuple[Any, ...]) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """Items at a path of keys (`key[]`: each of a list) with what they stand in. Raises RecordError where it leads nowhere."""
    if not path:
        yield value, around
        return
    key, each = path[0].removesuffix("[]"), path[0].endswith("[]")
    if key:
        if not isinstance(value, dict) or key not in value:
            found = ", ".join(map(str, value)) if isinstance(value, dict) else f"a {type(value).__name__}"
            raise RecordError(f": no '{key}' where items are looked for ({'.'.join(path)}); found {found or 'nothing'}")
        around, value = (*around, value), value[key]
    if not each:
        yield from _inside(value, path[1:], around)
        return
    if not isinstance(value, list):
        raise RecordError(f": items are looked for at '{path[0]}', which is a {type(value).__name__} and no list")
    for one in value:
        yield from _inside(one, path[1:], around)


def _walk(value: Any, path: str) -> Iterator[Any]:
    """Values at a path below a record; none where it leads nowhere."""
    first, _, rest = path.partition(".")
    key, each = first.removesuffix("[]"), first.endswith("[]")
    if not isinstance(value, dict) or key not in value:
        return
    found = value[key]
    for one in found if each and isinstance(found, list) else [found]:
        if rest:
            yield from _walk(one, rest)
        else:
            yield one


def _jsonl(layout: Layout, content: bytes) -> Iterator[Record]:
    for number, line in enumerate(_text(content).split("\n"), 1):
        if not line.strip():
            continue
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            hint = "; a file that is one JSON document has form: json" if number == 1 and line.strip() in "[{" else ""
            raise RecordError(f", line {number:,}: is no JSON ({error}){hint}") from None
        if not isinstance(value, dict):
            hint = "; a file that is one JSON list has form: json" if isinstance(value, list) else ""
            raise RecordError(f", line {number:,}: is a JSON {type(value).__name__}, and an object is wanted{hint}")
        yield Record(f", line {number:,}", value)


def _table(layout: Layout, content: bytes) -> Iterator[Record]:
    rows = csv.reader(
        io.StringIO(_text(content), newline=""), delimiter="\t" if layout.form == "tsv" else ",", strict=True
    )
    names = layout.columns
    try:
        for row in rows:
            if not row:
                continue
            if names is None:
                names = row
                continue
            if len(row) != len(names):
                said = f"{len(row)} columns, and {len(names)} are wanted ({', '.join(names)})"
                raise RecordError(f", line {rows.line_num:,}: {said}; its pack says form: {layout.form}")
            yield Record(f", line {rows.line_num:,}", dict(zip(names, row, strict=True)))
    except csv.Error as error:
        raise RecordError(f", line {rows.line_num:,}: is no {layout.form} ({error})") from None


def _xml(layout: Layout, content: bytes) -> Iterator[Record]:
    try:
        root = ElementTree.fromstring(content)
    except ElementTree.ParseError as error:
        raise RecordError(f": is no XML ({error})") from None
    for number, element in enumerate(root.iter(layout.items), 1):
        yield Record(f", <{layout.items}> {number:,}", element)


def _parquet(layout: Layout, content: bytes) -> Iterator[Record]:
    import pyarrow as pa

    try:
        table = ParquetFile(io.BytesIO(content)).read()
    except (OSError, pa.ArrowInvalid) as error:
        raise RecordError(f": its Parquet cannot be read ({error})") from None
    for number, row in enumerate(table.to_pylist(), 1):
        yield Record(f", row {number:,}", row)


_BY_FORM = {"json": _json, "jsonl": _jsonl, "csv": _table, "tsv": _table, "xml": _xml, "parquet": _parquet}
