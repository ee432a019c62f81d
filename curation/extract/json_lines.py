"""Lines of a JSON lines file, plain, gzip or zstd, in constant memory.

A line longer than the limit is measured and passed over; a stream that breaks off gives the lines before it and says so once.
"""

from collections.abc import Iterator
from typing import NamedTuple

from curation.extract.members import Format, format_of
from curation.extract.warc_record import after_spacing
from curation.extract.window import BLOCK, Damaged, Window


class Broken(NamedTuple):
    """A line that is not given: why, and its length in bytes where it was only too long."""

    said: str
    size: int | None = None


def _blocks(window: Window, form: Format | None) -> Iterator[bytes]:
    """Bytes of the file in order, inflated. Raises Damaged."""
    at = 0
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


def read_lines(window: Window, name: str, limit: int) -> Iterator[tuple[int, bytes | Broken]]:
    """(line number from 0, line without its end or why it is not given) of every line; a byte order mark is taken off.

    `limit` is the longest line given, in bytes.
    """
    number, parts, size = 0, [], 0

    def line() -> bytes | Broken:
        if size > limit:
            return Broken("a line longer than max_record_bytes", size)
        whole = b"".join(parts).strip()
        return whole.removeprefix(b"\xef\xbb\xbf") if number == 0 else whole

    try:
        for block in _blocks(window, format_of(window, name)):
            *ends, rest = block.split(b"\n")
            for end in ends:
                size += len(end)
                parts.append(end)
                yield number, line()
                number, parts, size = number + 1, [], 0
            size += len(rest)
            if size <= limit:
                parts.append(rest)
            else:
                parts = []
        if size:
            yield number, line()
    except Damaged as damage:
        yield number, Broken(f"{damage}; the lines from here on cannot be read")
