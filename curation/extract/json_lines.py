"""Lines of a JSON lines file, plain, gzip or zstd, in constant memory; of a plain one also those of a range of bytes.

A line longer than the limit is measured and passed over. A line belongs to the range in which its first byte lies. A damaged stream
gives the lines before the damage, says once what is lost, and goes on where the next member begins: files that were written in parts
or by several threads have many (bgzip, mgzip, pzstd, `cat a.gz b.gz`). Of a single one the rest is lost, as with gzip itself.
"""

from collections.abc import Generator, Iterator
from typing import Any, NamedTuple

from curation.extract.line_index import lines_before
from curation.extract.members import Format, format_of, next_member, whole
from curation.extract.warc_record import HOLE, after_spacing
from curation.extract.window import BLOCK, Damaged, Window

HELD_BYTES = 32 << 20
"""Longest member that is held as a whole."""


class Broken(NamedTuple):
    """A line that is not given: why, and its length in bytes where it was only too long. Also what stands for lines that are lost."""

    said: str
    size: int | None = None


class _Gap(NamedTuple):
    """Stored bytes [at, end) of which nothing can be made, and why."""

    damage: Damaged
    at: int
    end: int

    def broken(self, lines: int, size: int) -> Broken:
        """The gap in a file of so many stored bytes, after so many lines: how many are lost is told by those."""
        said = f"{self.damage} at byte {self.at:,} of {size:,}"
        if self.damage.complete:
            return Broken(f"{said}; lines of this member may hold wrong characters")
        lost = round(lines * (self.end - self.at) / self.at) if self.at else 0
        about = (
            f"about {lost:,} lines, as many as lie in so many bytes before," if lost else "an unknown number of lines"
        )
        on = "" if self.end >= size else f"; reading goes on at byte {self.end:,}"
        return Broken(f"{said}; {about} cannot be read{on}")


def _blocks(window: Window, form: Format | None, at: int) -> Iterator[bytes | _Gap]:
    """Bytes of the file in order, from a place on where it is plain, else inflated.

    A member is inflated to its end before any of it is given, twice where it is long: so its checksum vouches for its lines, and of
    a damaged one only what lies before the next is taken for its own.
    """
    if form is None:
        while block := bytes(window.view(at, BLOCK)):
            yield block
            at += len(block)
        return
    while at < window.size:
        try:
            data, after = whole(form, window, at, HELD_BYTES)
            if data is None:
                after = yield from _sound(form, window, at)
            else:
                yield from (data[i : i + BLOCK] for i in range(0, len(data), BLOCK))
        except Damaged:
            after = next_member(form, window, at + 1, window.size) or window.size
            yield from _damaged(form, window, at, after)
        at = after_spacing(window, after)
        if at - after >= HOLE:
            yield _Gap(Damaged("zero bytes"), after, at)


def _sound(form: Format, window: Window, at: int) -> Generator[bytes, None, int]:
    """A long member's content; returns where it ends. Raises Damaged before it has given anything."""
    for _ in form.pieces(window, at):
        pass
    pieces = form.pieces(window, at)
    while True:
        try:
            yield next(pieces)[0]
        except StopIteration as end:
            return end.value


def _damaged(form: Format, window: Window, at: int, end: int) -> Iterator[bytes | _Gap]:
    """What can be made of a member whose bytes may reach to `end`, then what is lost of it."""
    place = at
    try:
        for piece, place in form.pieces(_Before(window, end), at):  # noqa: B007 (told of the gap)
            yield piece
    except Damaged as damage:
        yield _Gap(damage, place, end)


class _Before(Window):
    """A file as if it ended at a place: a member that was cut short is not read on into the next one."""

    def __init__(self, window: Window, size: int):
        self._window, self.size = window, size

    def view(self, at: int, length: int) -> memoryview:
        """Bytes [at, at + length), none from the place on."""
        return self._window.view(at, max(0, min(length, self.size - at)))


def _begin(window: Window, start: int, index: dict[str, Any] | None) -> tuple[int, int]:
    """Where the first line begins whose first byte is at `start` or after it, and the lines before it."""
    number = lines_before(window, start, index)
    if start == 0 or bytes(window.view(start - 1, 1)) == b"\n":
        return start, number
    found = window.find(b"\n", start, window.size)
    return (window.size, number) if found < 0 else (found + 1, number + 1)


def read_lines(
    window: Window,
    name: str,
    limit: int,
    start: int = 0,
    end: int | None = None,
    index: dict[str, Any] | None = None,
) -> Iterator[tuple[int, bytes | Broken]]:
    """(line number from 0, line without its end or why it is not given) of every line; a byte order mark is taken off.

    `limit` is the longest line given, in bytes. `start` and `end` are a range of a plain file (a compressed one is read whole), and
    `index` is that of its lines, by `line_index.py`. What stands for lost lines counts as one: numbers after it are those of the
    lines that can be read.
    """
    number, parts, size, torn = 0, [], 0, False

    def line() -> bytes | Broken:
        if size > limit:
            return Broken("a line longer than max_record_bytes", size)
        raw = b"".join(parts).strip()
        return raw.removeprefix(b"\xef\xbb\xbf") if number == 0 else raw

    try:
        form, at = format_of(window, name), 0
    except Damaged as damage:
        yield 0, _Gap(damage, 0, window.size).broken(0, window.size)
        return
    if form is None:
        at, number = _begin(window, start, index)
    last = window.size if end is None or form is not None else end
    if form is None and at >= last:
        return
    for block in _blocks(window, form, at):
        if isinstance(block, _Gap):
            yield number, block.broken(number, window.size)
            number += 1
            if not block.damage.complete:
                parts, size, torn = [], 0, True
            continue
        *ends, rest = block.split(b"\n")
        for found in ends:
            size += len(found)
            parts.append(found)
            if not torn or size > limit or _is_whole(parts):
                yield number, line()
                number += 1
            at += size + 1
            parts, size, torn = [], 0, False
            if form is None and at >= last:
                return
        size += len(rest)
        if size <= limit:
            parts.append(rest)
        else:
            parts = []
    if size and (not torn or size > limit or _is_whole(parts)):
        yield number, line()


def _is_whole(parts: list[bytes]) -> bool:
    """Whether the first line after a gap begins there, as an object does; else it is the end of one whose beginning is lost."""
    return b"".join(parts).lstrip()[:1] == b"{"
