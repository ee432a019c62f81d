"""Bytes by position: a file, an inflated stream or bytes at hand, all looked at through `view(position, length)`.

A reader that must skip a 300 MB record, step back after a length that lied, or look past the end of its range needs positions,
not a stream; a crawl file needs constant memory. A window gives both: it keeps about a mebibyte around the last look.
"""

from collections.abc import Callable, Generator
from typing import IO, Protocol

BLOCK = 1 << 20
"""Bytes fetched at a time: large enough that calls cost nothing beside inflating, small beside a worker's memory."""

BEHIND = 1 << 18
"""Bytes of an inflated stream that are kept behind the last look: to step back over a record whose length lied costs nothing then."""

Pieces = Generator[tuple[bytes, int], None, int]
"""Inflated pieces of at most `BLOCK` bytes, each with the position in the file after it; returns the position after the last."""


class Damaged(Exception):
    """Bytes that cannot be inflated, in words; `ended` where they only break off, `complete` where only their sum is wrong."""

    def __init__(self, said: str, ended: bool = False, complete: bool = False):
        super().__init__(said)
        self.ended, self.complete = ended, complete


class Space(Protocol):
    """Bytes that can be looked at by position."""

    def view(self, at: int, length: int) -> memoryview:
        """Bytes [at, at + length), fewer where the space ends; empty at or after the end."""
        ...


class Held:
    """Bytes at hand as a space."""

    __slots__ = ("data",)

    def __init__(self, data: bytes):
        self.data = memoryview(data)

    def view(self, at: int, length: int) -> memoryview:
        """Bytes [at, at + length) without a copy."""
        return self.data[at : at + length]


class Window:
    """A seekable binary file as a space; reads forward in blocks and counts what it read in `bytes_read`."""

    def __init__(self, handle: IO[bytes], size: int):
        self.size = size
        self.bytes_read = 0
        self._handle = handle
        self._data = memoryview(b"")
        self._base = 0

    def __enter__(self) -> "Window":
        return self

    def __exit__(self, *_: object) -> None:
        self._handle.close()

    def view(self, at: int, length: int) -> memoryview:
        """Bytes [at, at + length); a seek and a read only where the kept block does not hold them."""
        skip = at - self._base
        if skip < 0 or (skip + length > len(self._data) and self._base + len(self._data) < self.size):
            self._fetch(at, length)
            skip = at - self._base
        return self._data[skip : skip + length]

    def _fetch(self, at: int, length: int) -> None:
        if at >= self.size:
            self._base, self._data = at, memoryview(b"")
            return
        skip = at - self._base
        kept = bytes(self._data[skip:]) if 0 <= skip < len(self._data) else b""
        self._handle.seek(at + len(kept))
        wanted = max(BLOCK, length - len(kept))
        parts = [kept]
        while wanted > 0 and (part := self._handle.read(wanted)):
            parts.append(part)
            wanted -= len(part)
            self.bytes_read += len(part)
        self._base, self._data = at, memoryview(b"".join(parts))

    def find(self, needle: bytes, at: int, stop: int) -> int:
        """Position of the first `needle` that begins in [at, stop), or -1."""
        while at < stop:
            block = bytes(self.view(at, min(BLOCK, stop - at + len(needle) - 1)))
            if (place := block.find(needle)) >= 0:
                return at + place
            if len(block) < len(needle):
                return -1
            at += len(block) - len(needle) + 1
        return -1


class Inflated:
    """An inflated stream as a space: forward in constant memory; a look back beyond the kept bytes inflates from the start again."""

    def __init__(self, start: Callable[[], Pieces]):
        self._start = start
        self._rewind()

    def _rewind(self) -> None:
        self._pieces = self._start()
        self._data = b""
        self._base = 0
        self._damage: Damaged | None = None
        self.end: int | None = None
        """Position in the file after the stream; None until it was read to its end."""

    def view(self, at: int, length: int) -> memoryview:
        """Bytes [at, at + length) of the inflated stream. fewer where it breaks. Raises Damaged at and after the break."""
        if at < self._base:
            self._rewind()
        if at + length > self._base + len(self._data):
            self._inflate(at, at + length)
            if self._damage is not None and at >= self._base + len(self._data):
                raise self._damage
        skip = at - self._base
        return memoryview(self._data)[skip : skip + length] if skip >= 0 else memoryview(b"")

    def _inflate(self, at: int, until: int) -> None:
        skip = max(0, min(at - BEHIND - self._base, len(self._data)))
        parts, position = [self._data[skip:]], self._base + len(self._data)
        self._base += skip
        while position < until and self.end is None and self._damage is None:
            try:
                piece, _ = next(self._pieces)
            except StopIteration as stop:
                self.end = stop.value
                break
            except Damaged as damage:
                self._damage = damage
                break
            position += len(piece)
            if position <= at - BEHIND:
                parts, self._base = [], position
            else:
                parts.append(piece)
        self._data = b"".join(parts)

    def drain(self) -> int:
        """Reads to the end of the stream and returns the position in the file after it. Raises Damaged."""
        while self.end is None:
            self.view(self._base + len(self._data), BLOCK)
        return self.end
