"""Lines of a JSON lines file, plain, gzip or zstd, in constant memory; of a plain one also those of a range of bytes.

A line longer than the limit is measured and passed over; a stream that breaks off gives the lines before it and says so once. A line
belongs to the range in which its first byte lies.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from curation.extract.line_index import lines_before
from curation.extract.members import Format, format_of
from curation.extract.warc_record import after_spacing
from curation.extract.window import BLOCK, Damaged, Window


class Broken(NamedTuple):
    """A line that is not given: why, and its length in bytes where it was only too long."""

    said: str
    size: int | None = None


def _blocks(window: Window, form: Format | None, at: int) -> Iterator[bytes]:
    """Bytes of the file in order, from a place on where it is plain, else inflated. Raises Damaged."""
    if form is None:
        while block := bytes(window.view(at, BLOCK)):
            yield block
            at += len(block)
        return
    while at < window.size:
        pieces = form.pieces(window, at)
        try:
            while True:
                yield next(pieces)[0]
        except StopIteration as stop:
            at = after_spacing(window, stop.value)


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
    `index` is that of its lines, by `line_index.py`.
    """
    number, parts, size = 0, [], 0

    def line() -> bytes | Broken:
        if size > limit:
            return Broken("a line longer than max_record_bytes", size)
        whole = b"".join(parts).strip()
        return whole.removeprefix(b"\xef\xbb\xbf") if number == 0 else whole

    try:
        form, at = format_of(window, name), 0
        if form is None:
            at, number = _begin(window, start, index)
        last = window.size if end is None or form is not None else end
        if form is None and at >= last:
            return
        for block in _blocks(window, form, at):
            *ends, rest = block.split(b"\n")
            for found in ends:
                size += len(found)
                parts.append(found)
                yield number, line()
                at += size + 1
                number, parts, size = number + 1, [], 0
                if form is None and at >= last:
                    return
            size += len(rest)
            if size <= limit:
                parts.append(rest)
            else:
                parts = []
        if size:
            yield number, line()
    except Damaged as damage:
        yield number, Broken(f"{damage}; the lines from here on cannot be read")
