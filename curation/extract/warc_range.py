"""The records of a range of a WARC file, whatever happened to the file.

A range begins at the first boundary in it and ends at the first boundary at or after its end, so every record of a file is in exactly
one of its ranges. What cannot be read is a record with a fault that reaches to the next one that can; nothing after it is lost.
"""

from collections.abc import Generator, Iterator
from typing import NamedTuple

from curation.extract.members import (
    HEAD,
    Format,
    beginning,
    first_boundary,
    format_of,
    is_boundary,
    next_record,
    whole,
)
from curation.extract.warc_record import (
    HOLE,
    MAX_HEAD,
    Record,
    after_spacing,
    first_plain_boundary,
    is_plain_boundary,
    record_at,
    record_header,
)
from curation.extract.window import Damaged, Held, Inflated, Pieces, Window


class Found(NamedTuple):
    """A record and where it is stored: first byte and number of bytes of its member, or of the record if not compressed."""

    offset: int
    length: int | None
    record: Record


def read_records(window: Window, name: str, start: int, end: int, limit: int) -> Iterator[Found]:
    """Records of the range [start, end) of a file, in order; blocks longer than `limit` bytes are passed over, not held.

    In a file whose members are not cut by record (bgzip), offset and length count bytes of the inflated stream.
    """
    if start >= end:
        return
    try:
        form = format_of(window, name)
    except Damaged as damage:
        yield _fault(0, window.size, {}, str(damage))
        return
    if form is None:
        yield from _plain(window, start, end, limit)
    else:
        yield from _members(form, window, start, end, limit)


def _plain(window: Window, start: int, end: int, limit: int) -> Iterator[Found]:
    dead: set[int] = set()
    at = first_plain_boundary(window, start, end, dead)
    while at is not None and at < window.size:
        at = yield from _past_hole(window, at)
        if at >= end and is_plain_boundary(window, at, dead):
            return
        record = record_at(window, at, limit, False)
        if record is None:
            return
        yield Found(record.at, record.end - record.at, record)
        at = record.end


def _members(form: Format, window: Window, start: int, end: int, limit: int) -> Iterator[Found]:
    dead: set[int] = set()
    at = first_boundary(form, window, start, end, dead)
    while at is not None and at < window.size:
        if (at := (yield from _past_hole(window, at))) >= window.size:
            return
        if at >= end and is_boundary(form, window, at, dead):
            return
        try:
            data, after = whole(form, window, at, limit + 2 * MAX_HEAD)
        except Damaged:
            data, after = None, 0
        if data is None:
            after = yield from _unheld(form, window, at, limit)
        elif at == start == 0 and end >= window.size and spans_members(form, window, data, after):
            yield from _stream(form, window, limit)
            return
        else:
            space, place = Held(data), 0
            while (record := record_at(space, place, limit, True)) is not None:
                yield Found(at, after - at, record)
                place = record.end
        at = after


def _unheld(form: Format, window: Window, at: int, limit: int) -> Generator[Found, None, int]:
    """Records of a member that is too long to be held, or damaged; returns where the next member begins.

    Of several records in one member only the last has a length, because the member's end is not known before.
    """
    space = Inflated(lambda: form.pieces(window, at))
    place, last = 0, None
    try:
        while (record := record_at(space, place, limit, False)) is not None:
            if last is not None:
                yield Found(at, None, last)
            last, place = record, record.end
        after = space.drain()
        damage = None
    except Damaged as found:
        damage = found
        after = next_record(form, window, at + 1, window.size) or window.size
    if last is not None:
        yield Found(at, None if damage else after - at, last)
    if damage is not None:
        try:
            header = record_header(space, place)
        except Damaged:
            header = None
        yield _fault(at, after - at, header[0] if header else {}, str(damage), place)
    return after


def spans_members(form: Format, window: Window, data: bytes, after: int) -> bool:
    """Whether the last record of the first member `data` goes on in the next one, as in files cut by size (bgzip)."""
    following = beginning(form, window, after, 16)
    if not following or HEAD.match(following) or not HEAD.match(data):
        return False
    space, place, last = Held(data), 0, None
    while (record := record_at(space, place, len(data), True)) is not None:
        last, place = record, record.end
    return last is not None and (last.repaired or last.fault is not None)


def _stream(form: Format, window: Window, limit: int) -> Iterator[Found]:
    def joined() -> Pieces:
        at = 0
        while (at := after_spacing(window, at)) < window.size:
            at = yield from form.pieces(window, at)
        return at

    space = Inflated(joined)
    place = 0
    try:
        while (record := record_at(space, place, limit, False)) is not None:
            yield Found(record.at, record.end - record.at, record)
            place = record.end
    except Damaged as damage:
        yield _fault(place, 0, {}, f"{damage}; what follows in this file has no place to begin at")


def _past_hole(window: Window, at: int) -> Generator[Found, None, int]:
    """Where spacing ends that begins at `at`; a fault where it is so many zero bytes that something was written there once."""
    after = after_spacing(window, at)
    if after - at >= HOLE:
        yield _fault(at, after - at, {}, f"{after - at:,} zero bytes, where something was written once")
    return after


def _fault(at: int, length: int, fields: dict[str, str], said: str, place: int = 0) -> Found:
    return Found(at, length, Record(place, place, fields, None, b"", length, said))
