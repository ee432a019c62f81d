"""Near ranges of one file, read together: a request costs more than the few kilobytes between two captures."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple


class Range(NamedTuple):
    """Bytes [offset, offset + length) of a file that row `row` of a batch asks for."""

    row: int
    file: str
    offset: int
    length: int


class Span(NamedTuple):
    """Bytes [start, stop) of a file, and the ranges in them."""

    file: str
    start: int
    stop: int
    ranges: tuple[Range, ...]


def spans(ranges: Iterable[Range], gap: int, most: int) -> Iterator[Span]:
    """Spans that hold all ranges, in order of (file, offset); ranges with at most `gap` bytes between them are read together.

    No span is longer than `most` bytes unless one range is. Ranges that overlap, or are the same, share their bytes.

    >>> near = [Range(0, "a", 100, 50), Range(1, "a", 160, 40), Range(2, "a", 900, 10), Range(3, "b", 0, 10)]
    >>> [(s.file, s.start, s.stop, len(s.ranges)) for s in spans(near, gap=10, most=1000)]
    [('a', 100, 200, 2), ('a', 900, 910, 1), ('b', 0, 10, 1)]
    """
    held: list[Range] = []
    start = stop = 0
    for one in sorted(ranges, key=lambda r: (r.file, r.offset, r.length, r.row)):
        end = max(stop, one.offset + one.length)
        if held and (one.file != held[0].file or one.offset > stop + gap or end - start > most):
            yield Span(held[0].file, start, stop, tuple(held))
            held = []
        if not held:
            start, end = one.offset, one.offset + one.length
        held.append(one)
        stop = end
    if held:
        yield Span(held[0].file, start, stop, tuple(held))
