"""What the pages of a Parquet column say of themselves, before any is decoded: a kilobyte may decode to terabytes.

A page names its size when inflated (2 GiB at most). A dictionary's value, a run or a common prefix stands for any number of rows, and
a footer that lies about sizes is read like one that does not. So each page's header is looked at: how many rows may be asked for at a
time, and at which row a page begins that only a bomb would hold. Thrift's compact protocol, `PageHeader` of parquet.thrift.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

MOST_PAGE = 256 << 20
MOST_RATIO = 200
"""A page that inflates to more than 256 MiB and more than 200 times its stored bytes is not read: text gives ten, at most."""
_DICTIONARY = 2
_DELTA_BYTES, _WORDS, _COUNTED = 7, (2, 8), (0, 2, 8)
"""Encodings: values with common beginnings, numbers of a dictionary's values, and those that pyarrow reads as a dictionary."""
_LOOK, _LONGEST = 1 << 10, 1 << 24
_DEPTH = 16


class Page(NamedTuple):
    """One page: values in it, bytes stored and inflated, encoding; `longest` where one value may have so many bytes, each of them."""

    values: int
    stored: int
    inflated: int
    encoding: int = 0
    longest: int = 0

    @property
    def bomb(self) -> bool:
        """Whether nobody writes such a page but to hurt."""
        return self.inflated > max(MOST_PAGE, MOST_RATIO * self.stored)

    def bytes_of(self, rows: int) -> int:
        """The most that so many of its values hold."""
        return max(self.inflated, self.longest * min(rows, self.values))


class Chunk(NamedTuple):
    """What the footer says of a column in a row group: its path, values, stored bytes, and where its pages begin."""

    path: str
    values: int
    stored: int
    begin: int


def footer_of(handle: Any) -> list[list[Chunk]]:
    """Columns of each row group of a file. Raises ValueError for what is no footer.

    (pyarrow 26 ends the process where its `RowGroupMetaData.column` meets statistics that do not fit together, as one flipped bit
    leaves them.)
    """
    size = handle.seek(0, 2)
    handle.seek(max(0, size - 8))
    tail = handle.read(8)
    length = int.from_bytes(tail[:4], "little")
    if tail[4:] != b"PAR1" or length > size - 8:
        raise ValueError("no Parquet footer at its end")
    handle.seek(size - 8 - length)
    try:
        about, _ = _struct(handle.read(length), 0, 0)
        return [[_chunk(column[3]) for column in group[1]] for group in about[4]]
    except (LookupError, ValueError, TypeError, AttributeError):
        raise ValueError("its footer cannot be read") from None


def _chunk(said: dict[int, Any]) -> Chunk:
    path = b".".join(said[3]).decode("utf-8", "replace")
    begin, dictionary = said[9], said.get(11) or 0
    begin = dictionary if 0 < dictionary < begin else begin
    return Chunk(path, max(0, said[5]), max(0, said[7]), max(0, begin))


class Pages(NamedTuple):
    """Pages of a column in a row group, up to a row at which they cannot be read further, and why ("" where they can).

    `as_words`: whether the column can be read as a dictionary, whose values are held once.
    """

    pages: list[Page]
    rows: int | None
    said: str
    as_words: bool = True


def pages_of(handle: Any, chunk: Chunk) -> Pages:
    """Reads the headers of a column's pages. handle: the file; chunk: what the footer says of the column."""
    at, end = chunk.begin, chunk.begin + chunk.stored
    rows, dictionary, said = 0, 0, ""
    found: list[Page] = []
    while at < end and rows < chunk.values and not said:
        try:
            header, begin = _header(handle, at)
            kind, page = _page(header)
        except (LookupError, ValueError, TypeError, AttributeError):
            said = f"the header of a page at byte {at:,} cannot be read"
            break
        if page.bomb:
            said = f"a page of {page.stored:,} bytes at byte {at:,} inflates to {page.inflated:,}"
        elif kind == _DICTIONARY:
            dictionary = page.inflated
        else:
            found.append(page)
            rows += page.values
        at = begin + page.stored
    as_words = all(page.encoding in _COUNTED for page in found)
    if not as_words:
        found = [p._replace(longest=dictionary) if p.encoding in _WORDS else p for p in found]
    return Pages(found, rows if said else None, said, as_words)


def rows_at_once(columns: Sequence[Pages], most_rows: int, most_bytes: int) -> int:
    """How many rows may be asked for at a time, so that the pages in which they lie hold about `most_bytes`, or are two.

    Values of a dictionary are not in it: they are counted when their lengths are known.
    """
    pages = [page for column in columns for page in column.pages]
    large = [page for page in pages if page.inflated > most_bytes]
    rows = min([most_rows, *(max(1, most_bytes * page.values // page.inflated) for page in large)])
    allowed = max([most_bytes, *(2 * page.inflated for page in pages)])
    while rows > 1 and sum(_heaviest(column.pages, rows) for column in columns) > allowed:
        rows //= 2
    return rows


def _heaviest(pages: Sequence[Page], rows: int) -> int:
    """Most bytes of the pages in which so many rows lie, wherever they begin."""
    first = held = between = most = 0
    for last, page in enumerate(pages):
        held += page.bytes_of(rows)
        between += pages[last - 1].values if last - 1 > first else 0
        while first < last and between > rows - 2:
            held -= pages[first].bytes_of(rows)
            first += 1
            between -= pages[first].values if first < last else 0
        most = max(most, held)
    return most


def _page(header: dict[int, Any]) -> tuple[int, Page]:
    """Kind of a page by its header, and the page. Raises one of four errors of Python for what is none."""
    kind, inflated, stored = header[1], header[2], header[3]
    said = header.get(5) or header.get(7) or header.get(8) or {}
    encoding, values = said.get(4 if 8 in header else 2, 0), said.get(1, 0)
    if min(inflated, stored, values) < 0:
        raise ValueError
    return kind, Page(values, stored, inflated, encoding, inflated if encoding == _DELTA_BYTES else 0)


def _header(handle: Any, at: int) -> tuple[dict[int, Any], int]:
    """A page's header, and where its bytes begin. Raises LookupError or ValueError for what is none."""
    size = _LOOK
    while True:
        handle.seek(at)
        raw = handle.read(size)
        try:
            header, after = _struct(raw, 0, 0)
            return header, at + after
        except IndexError:
            if len(raw) < size or size >= _LONGEST:
                raise
            size *= 16


def _struct(raw: bytes, at: int, depth: int) -> tuple[dict[int, Any], int]:
    fields: dict[int, Any] = {}
    number = 0
    while (head := raw[at]) & 15:
        at += 1
        if head >> 4:
            number += head >> 4
        else:
            number, at = _whole(raw, at)
        fields[number], at = _value(raw, at, head & 15, depth)
    return fields, at + 1


def _value(raw: bytes, at: int, kind: int, depth: int) -> tuple[Any, int]:
    if depth > _DEPTH:
        raise ValueError
    if kind in (1, 2):
        return kind == 1, at
    if kind == 3:
        return raw[at], at + 1
    if kind in (4, 5, 6):
        return _whole(raw, at)
    if kind == 7:
        return None, at + 8
    if kind == 8:
        size, at = _varint(raw, at)
        if at + size > len(raw):
            raise IndexError
        return raw[at : at + size], at + size
    if kind == 12:
        return _struct(raw, at, depth + 1)
    if kind in (9, 10):
        head, at = raw[at], at + 1
        size, at = _varint(raw, at) if head >> 4 == 15 else (head >> 4, at)
        found = []
        for _ in range(size):
            one, at = (raw[at], at + 1) if head & 15 in (1, 2) else _value(raw, at, head & 15, depth + 1)
            found.append(one)
        return found, at
    raise ValueError  # neither has a map


def _whole(raw: bytes, at: int) -> tuple[int, int]:
    number, at = _varint(raw, at)
    return number >> 1 ^ -(number & 1), at


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = raw[at]
        number |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return number, at
        if shift > 63:
            raise ValueError
