"""One WARC record out of a space of bytes (ISO 28500, WARC 1.0 and 1.1; 0.17 and 0.18 read alike).

The frame of a record is its Content-Length, and crawlers get that wrong: counted in characters, or before a rewrite. So a length is
believed only when the next record, or the end, follows it. Where it is wrong, the record ends before the next header that parses: in
a member whose checksum holds the page is kept (`repaired`), elsewhere the record is a fault, because lost bytes look the same.
"""

import re
from typing import NamedTuple

from curation.extract.members import HEAD
from curation.extract.window import BLOCK, Space, Window

MAX_HEAD = 1 << 16
"""Longest header block that is read, WARC or HTTP: 64 KiB, eight times what servers accept."""

_BLANK = re.compile(rb"\r?\n\r?\n")
_END = re.compile(rb"\r?\n\r?\n|\n(?=WARC/\d+\.\d+\r?\n)")
"""Where a header ends: at a blank line; or where another begins, which makes it none (else a page of such lines costs hours)."""
_FOLD = re.compile(r"\r?\n[ \t]+")
_SPACING = b"\r\n\0 \t"
HOLE = 4096
"""So many zero bytes are no spacing: a disk or a power cut left them where something was written."""


class Record(NamedTuple):
    """A record in its space. `block` is None when it is longer than the limit, and `head` then holds its first bytes."""

    at: int
    end: int
    fields: dict[str, str]
    block: memoryview | None
    head: bytes
    size: int
    fault: str | None = None
    repaired: bool = False


def text_of(raw: bytes) -> str:
    """A header as text: UTF-8, or Latin-1 where it is none, as HTTP once said.

    >>> text_of("http://例え.jp/".encode())
    'http://例え.jp/'
    """
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def header_fields(head: bytes) -> list[tuple[str, str]]:
    """(lower-case name, value) of each header line after the first, folded lines joined, lines without a colon left out.

    >>> header_fields(b"WARC/1.0\\r\\nWARC-Type: response\\r\\nX-A: 1\\r\\n 2\\r\\nbroken\\r\\n")
    [('warc-type', 'response'), ('x-a', '1 2')]
    """
    text = text_of(head)
    if "\n " in text or "\n\t" in text:
        text = _FOLD.sub(" ", text)
    pairs = []
    for line in text.split("\n")[1:]:
        name, colon, value = line.partition(":")
        if colon:
            pairs.append((name.strip().lower(), value.strip()))
    return pairs


def record_header(space: Space, at: int) -> tuple[dict[str, str], int] | None:
    """Fields (lower-case names) and length of the record header at `at`, or None when none stands there."""
    head = bytes(space.view(at, 1 << 11))
    first = HEAD.match(head)
    if first is None:
        return None
    end = _END.search(head, first.end() - 1)
    if end is None:
        head = bytes(space.view(at, MAX_HEAD))
        end = _END.search(head, first.end() - 1)
    if end is None or len(end[0]) == 1:
        return None
    return dict(header_fields(head[: end.start()])), end.end()


def _content_length(fields: dict[str, str]) -> int | None:
    value = fields.get("content-length", "")
    return int(value) if value.isascii() and value.isdigit() and len(value) < 18 else None


def after_spacing(space: Space, at: int) -> int:
    """First position at or after `at` that is no line break, NUL or blank."""
    while run := bytes(space.view(at, 64)):
        rest = run.lstrip(_SPACING)
        at += len(run) - len(rest)
        if rest:
            break
    return at


def find_record(space: Space, at: int, stop: int | None = None) -> int | None:
    """First position in [at, stop) where a WARC header with a type and a length begins; None when there is none.

    Not only where a line begins: a crawler that was killed and went on into the same file began in the middle of one.
    """
    while stop is None or at < stop:
        block = bytes(space.view(at, BLOCK))
        if len(block) < 8:
            return None
        place = -1
        while (place := block.find(b"WARC/", place + 1)) >= 0:
            begins = at + place
            if stop is not None and begins >= stop:
                return None
            header = record_header(space, begins)
            if header and "warc-type" in header[0] and _content_length(header[0]) is not None:
                return begins
        at += len(block) - 7
    return None


def _end_of(space: Space, at: int) -> int:
    while step := len(space.view(at, BLOCK)):
        at += step
    return at


def _followed(space: Space, end: int) -> int | None:
    """Position of what follows a record that ends at `end`; None when neither a record's end nor its successor stands there."""
    place = after_spacing(space, end)
    rest = bytes(space.view(place, 16))
    if rest and not HEAD.match(rest) and space.view(end, 4) != b"\r\n\r\n":
        return None
    return place if place - end < HOLE else end


def _too_long_by(space: Space, end: int) -> int:
    """By how many bytes (0 to 3) a length that ends at `end` reaches into the two line breaks that end a record."""
    if space.view(end, 4) != b"\r\n\r\n":
        for over in (1, 2, 3):
            if space.view(end - over, 4) == b"\r\n\r\n":
                return over
    return 0


def record_at(space: Space, at: int, limit: int, sealed: bool) -> Record | None:
    """The record at `at`, or None when only spacing is left there.

    `limit` is the longest block that is held, in bytes; `sealed` says that a checksum vouches for the bytes, so that only
    the length can be wrong. A fault (no header, no length, a length that lies in an unsealed space) reaches to the next record.
    """
    at = after_spacing(space, at)
    if not len(space.view(at, 1)):
        return None
    header = record_header(space, at)
    if header is None:
        return _faulty(space, at, {}, at + 1, "no WARC header stands here")
    fields, skip = header
    begin = at + skip
    size = _content_length(fields)
    if size is None:
        found = fields.get("content-length")
        said = "no Content-Length" if found is None else f"Content-Length: {found[:40]!r} is no number"
        return _faulty(space, at, fields, begin, said)
    block = space.view(begin, size) if size <= limit else None
    head = b"" if block is not None else bytes(space.view(begin, min(size, MAX_HEAD)))
    there = len(block) == size if block is not None else len(space.view(begin + size - 1, 1)) == 1
    end = _followed(space, begin + size) if there else None
    if end is not None:
        over = _too_long_by(space, begin + size) if block is not None else 0
        return Record(
            at, end, fields, block[: size - over] if block and over else block, head, size - over, None, over > 0
        )
    end = find_record(space, begin)
    stop = _end_of(space, begin) if end is None else end
    true = stop - begin
    if not sealed:
        lacking = "the bytes end before" if end is None and stop - begin < size else "no record follows"
        return Record(
            at, stop, fields, None, b"", true, f"Content-Length says {size}, {lacking} it ({true} bytes found)"
        )
    if bytes(space.view(stop - 4, 4)) == b"\r\n\r\n" and true >= 4:
        true -= 4
    if true > limit:
        return Record(at, stop, fields, None, bytes(space.view(begin, MAX_HEAD)), true, None, True)
    return Record(at, stop, fields, space.view(begin, true), b"", true, None, True)


def _faulty(space: Space, at: int, fields: dict[str, str], search: int, said: str) -> Record:
    end = find_record(space, search)
    end = _end_of(space, search) if end is None else end
    return Record(at, end, fields, None, b"", end - at, said)


def is_plain_boundary(window: Window, at: int, dead: set[int], chain: int = 1 << 24) -> bool:
    """Whether records of an uncompressed file follow one another from `at` for `chain` bytes, or to its end.

    A page may itself hold an uncompressed crawl; 16 MiB is longer than the pages that are kept by default. `dead` remembers places
    from which they do not: before a record that is damaged there are thousands, and each would walk to it.
    """
    place, walked = at, list[int]()
    while place - at < chain:
        if place in dead:
            dead.update(walked)
            return False
        walked.append(place)
        header = record_header(window, place)
        size = _content_length(header[0]) if header else None
        if header is None or size is None:
            if place < window.size:
                dead.update(walked)
            return place >= window.size
        end = place + header[1] + size
        if end > window.size:
            dead.update(walked)
            return False
        place = after_spacing(window, end)
    return True


def first_plain_boundary(window: Window, start: int, stop: int, dead: set[int]) -> int | None:
    """First boundary of an uncompressed file in [start, stop). The file's own beginning is always one. dead: places that are none."""
    if start == 0:
        return 0
    while (found := find_record(window, start, stop)) is not None:
        if is_plain_boundary(window, found, dead):
            return found
        start = found + 1
    return None
