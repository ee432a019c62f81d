"""The records of a range of a WARC file, whatever happened to the file.

A range begins at the first boundary in it and ends at the first boundary at or after its end, so every record of a file is in exactly
one of its ranges. What cannot be read is a record with a fault that reaches to the next one that can; nothing after it is lost.
"""

from collections.abc import Iterator
from typing import NamedTuple

from curation.extract.members import (
    HEAD,
    Damaged,
    Format,
    beginning,
    first_boundary,
    format_of,
    is_boundary,
    next_record,
    whole,
)
from curation.extract.warc_record import (
    MAX_HEAD,
    Record,
    after_spacing,
    first_plain_boundary,
    is_plain_boundary,
    record_at,
    record_header,
)
from curation.extract.window import Held, Inflated, Pieces, Space, Window


class Found(NamedTuple):
    """A record and where it is stored: first byte and number of bytes of its member, or of the record itself if not compressed."""

    offset: int
    length: int
    record: Record


def read_records(window: Window, name: str, start: int, end: int, limit: int) -> Iterator[Found]:
    """Records of the range [start, end) of a file, in order; blocks longer than `limit` bytes are passed over, not held.

    In a file whose members are not cut by record (bgzip), offset and length count bytes of the inflated stream.
    """
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
    at = first_plain_boundary(window, start, end)
    while at is not None and at < window.size:
        if at >= end and is_plain_boundary(window, at):
            return
        record = record_at(window, at, limit, False)
        if record is None:
            return
        yield Found(record.at, record.end - record.at, record)
        at = record.end


def _members(form: Format, window: Window, start: int, end: int, limit: int) -> Iterator[Found]:
    at = first_boundary(form, window, start, end)
    hold = limit + 2 * MAX_HEAD
    while at is not None and (at := after_spacing(window, at)) < window.size:
        if at >= end and is_boundary(form, window, at):
            return
        try:
            data, after = whole(form, window, at, hold)
            if data is None:
                after = yield from _long_member(form, window, at, limit)
            elif at == start == 0 and end >= window.size and spans_members(form, window, data, after):
                yield from _stream(form, window, limit)
                return
            else:
                yield from _in_member(Held(data), at, after, limit)
        except Damaged as damage:
            after = next_record(form, window, at + 1, window.size) or window.size
            header = record_header(Held(beginning(form, window, at, MAX_HEAD)), 0)
            yield _fault(at, after - at, header[0] if header else {}, str(damage))
        at = after


def _in_member(space: Space, at: int, after: int, limit: int) -> Iterator[Found]:
    place = 0
    while (record := record_at(space, place, limit, True)) is not None:
        yield Found(at, after - at, record)
        place = record.end


def _long_member(form: Format, window: Window, at: int, limit: int) -> Iterator[Found]:
    """Records of a member that is too long to be held; its length is known only at its end, so here it is that of the record."""
    space = Inflated(lambda: form.pieces(window, at))
    place = 0
    pending: list[Record] = []
    while (record := record_at(space, place, limit, False)) is not None:
        if pending:
            yield Found(at, 0, pending.pop())
        pending.append(record)
        place = record.end
    after = space.drain()
    if pending:
        yield Found(at, after - at, pending.pop())
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


def _fault(at: int, length: int, fields: dict[str, str], said: str) -> Found:
    return Found(at, length, Record(0, 0, fields, None, b"", length, said))
