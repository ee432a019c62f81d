"""Compressed members: what a crawl file is cut into, so that a reader may begin in its middle.

A WARC file is compressed record by record: each gzip member (RFC 1952) or zstd frame (RFC 8878; IIPC "WARC zstd" for the dictionary
in a first skippable frame) begins with `WARC/`. The magic bytes alone prove nothing, because a page may itself hold a compressed
crawl, so a place is only a *boundary* when members that begin with `WARC/` follow one another from it for longer than an
uncompressed block of the format can be (64 KiB in deflate, 128 KiB in zstd: there the outer format's own bytes would break them),
or up to the end of the file.
"""

import re
from collections.abc import Iterator
from typing import Any, Protocol

from isal import isal_zlib as zlib  # ISA-L's inflater: zlib's interface at twice its speed

from curation.extract.window import BLOCK, Damaged, Inflated, Pieces, Space, Window

HEAD = re.compile(rb"WARC/\d+\.\d+\r?\n")
"""How every WARC record begins."""

_InflateError: type[Exception] = zlib.error  # type: ignore[assignment]  # its stub types the class as an instance
_GZIP, _ZSTD = b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd"
_HEADER = 10
"""Bytes that a member's beginning is known by at most."""
_SURE = 1 << 16
_UNRESERVED = b"".join(re.escape(bytes([flags])) for flags in range(256) if not flags & 8)
"""Descriptors of a zstd frame: bit 3 is reserved (RFC 8878, 3.1.1.1.1)."""
_STEP = 1 << 14
_EMPTY = 1 << 17
"""Bytes of a deflate stream that may give nothing at its beginning: twice the longest header that anybody writes."""


class Format(Protocol):
    """How one compressed format is cut into members."""

    begins: re.Pattern[bytes]
    chain: int

    def pieces(self, window: Window, at: int) -> Pieces:
        """Inflates the member that begins at `at`. Raises Damaged."""
        ...


class Gzip:
    """gzip members."""

    begins = re.compile(  # flags, time, level and system, a name
        _GZIP + rb"(?=.{5}[\x00\x02\x04][\x00-\x0d\xff])(?:[\x00-\x07\x0a-\x1f]|[\x08\x09].{6}[^\x00]{0,1023}\x00)",
        re.DOTALL,
    )
    chain = 1 << 17

    def pieces(self, window: Window, at: int) -> Pieces:
        """Inflates the member at `at`; its CRC-32 and length are verified when it ends."""
        return zlib_pieces(window, at)


def zlib_pieces(
    space: Space, begin: int, window_bits: int = 31, step: int = BLOCK, bytewise: int | None = None
) -> Pieces:
    """Inflates one gzip (31), zlib (15) or bare deflate (-15) stream from `begin`, in pieces of at most `step` bytes.

    `bytewise` is where the stream is fed byte by byte from. Raises Damaged, having given everything before the damage.
    """
    inflater, at, given, fed = zlib.decompressobj(window_bits), begin, 0, begin
    try:
        while not inflater.eof:
            fresh: bytes | memoryview = b""
            if not inflater.unconsumed_tail:
                fed, fresh = at, space.view(at, _STEP if bytewise is None or at < bytewise else 1)
                at += len(fresh)
            piece = inflater.decompress(inflater.unconsumed_tail or fresh, step)
            if piece:
                given += len(piece)
                yield piece, at - len(inflater.unconsumed_tail) - len(inflater.unused_data)
            elif not len(fresh) and not inflater.unconsumed_tail:
                raise Damaged("deflate: the bytes end inside the stream", ended=True)
            elif not given and at - begin > _EMPTY:
                raise Damaged("deflate: a header without an end")
        return at - len(inflater.unused_data)
    except _InflateError as error:
        if bytewise is not None:
            raise Damaged(f"deflate: {error}", complete="checksum" in str(error)) from None
    # zlib gives nothing of what it was fed when that holds an error: once more, then, with less at a time from there on.
    for piece, place in zlib_pieces(space, begin, window_bits, step, fed):
        if given < len(piece):
            yield piece[given:], place
        given = max(0, given - len(piece))
    return at


class Zstd:
    """zstd frames; `dictionary` is the content of the file's dictionary frame, if there is one."""

    begins = re.compile(re.escape(_ZSTD) + rb"[%s]" % _UNRESERVED)
    chain = 1 << 18

    def __init__(self, dictionary: bytes | None = None):
        import zstandard

        self._error = zstandard.ZstdError
        given: dict[str, Any] = {"dict_data": zstandard.ZstdCompressionDict(dictionary)} if dictionary else {}
        self._context = zstandard.ZstdDecompressor(max_window_size=1 << 27, **given)

    def pieces(self, window: Window, at: int) -> Pieces:
        """Inflates the frame at `at` block by block (a block gives 128 KiB at most); a skippable frame gives nothing."""
        head = bytes(window.view(at, 18))
        if is_skippable(head):
            end = at + 8 + int.from_bytes(head[4:8], "little")
            if end > window.size:
                raise Damaged("zstd: the bytes end inside a skippable frame", ended=True)
            return end
        if head[:4] != _ZSTD:
            raise Damaged("zstd: no frame begins here")
        inflater = self._context.decompressobj()
        length, checksum = _frame_header(head)
        kind = last = 0
        while True:
            chunk = window.view(at, length)
            if len(chunk) < length:
                raise Damaged("zstd: the bytes end inside a frame", ended=True)
            at += length
            try:
                piece = inflater.decompress(chunk)
            except self._error as error:
                raise Damaged(f"zstd: {error}") from None
            if piece:
                yield piece, at
            if last:
                return at
            header = int.from_bytes(window.view(at, 3), "little")
            last, kind, size = header & 1, header >> 1 & 3, header >> 3
            if kind == 3 or size > 1 << 17:
                raise Damaged("zstd: a block of a reserved type or size")
            length = 3 + (1 if kind == 1 else size) + (4 if last and checksum else 0)


def is_skippable(head: bytes) -> bool:
    """Whether a zstd skippable frame begins here.

    >>> is_skippable(bytes.fromhex("5d2a4d18 04000000"))
    True
    """
    return len(head) >= 8 and head[1:4] == b"\x2a\x4d\x18" and head[0] >> 4 == 5


def _frame_header(head: bytes) -> tuple[int, bool]:
    """Length of a zstd frame's header with its magic, and whether a checksum ends the frame (RFC 8878, 3.1.1.1)."""
    flags = head[4] if len(head) > 4 else 0
    single = flags >> 5 & 1
    size_bytes = (single, 2, 4, 8)[flags >> 6]
    return 4 + 1 + (1 - single) + (0, 1, 2, 4)[flags & 3] + size_bytes, bool(flags >> 2 & 1)


def format_of(window: Window, name: str) -> Format | None:
    """Format of a file by its first bytes, by the name's ending where those say nothing; None when it is not compressed.

    Raises Damaged when a zstd dictionary frame cannot be read.
    """
    head = bytes(window.view(0, 8))
    if head[:2] == _GZIP[:2] or (not HEAD.match(bytes(window.view(0, 16))) and name.endswith(".gz")):
        return Gzip()
    if head[:4] == _ZSTD:
        return Zstd()
    if is_skippable(head):
        return Zstd(_dictionary(window)) if head[0] == 0x5D else Zstd()
    return Zstd() if name.endswith(".zst") and not HEAD.match(bytes(window.view(0, 16))) else None


def _dictionary(window: Window) -> bytes:
    size = int.from_bytes(window.view(4, 4), "little")
    if size > 16 * BLOCK:
        raise Damaged(f"zstd: a dictionary of {size} bytes")
    raw = bytes(window.view(8, size))
    if raw[:4] != _ZSTD:
        return raw
    packed = Inflated(lambda: Zstd().pieces(window, 8))
    return bytes(packed.view(0, 16 * BLOCK))


def whole(form: Format, window: Window, at: int, hold: int) -> tuple[bytes | None, int]:
    """The member at `at` inflated, and the position after it; (None, 0) when it is longer than `hold`. Raises Damaged."""
    parts, held = [], 0
    pieces = form.pieces(window, at)
    while True:
        try:
            piece, _ = next(pieces)
        except StopIteration as stop:
            return (parts[0] if len(parts) == 1 else b"".join(parts)), stop.value
        held += len(piece)
        if held > hold:
            return None, 0
        parts.append(piece)


def beginning(form: Format, window: Window, at: int, length: int) -> bytes:
    """First bytes of the member at `at`, as many as can be inflated up to `length`; empty where none can."""
    parts, held = [], 0
    try:
        for piece, _ in form.pieces(window, at):
            parts.append(piece)
            held += len(piece)
            if held >= length:
                break
    except Damaged:
        pass
    return b"".join(parts)[:length]


def _beginnings(form: Format, window: Window, at: int, stop: int) -> Iterator[int]:
    """Positions in [at, stop) where a member may begin, by its first bytes. The window may look elsewhere between two of them."""
    while at < stop:
        block = bytes(window.view(at, BLOCK))
        last = len(block) < BLOCK
        over = len(block) if last else len(block) - _HEADER
        for found in form.begins.finditer(block):
            if found.start() < over and at + found.start() < stop:
                yield at + found.start()
        if last:
            return
        at += over


def next_record(form: Format, window: Window, at: int, stop: int) -> int | None:
    """First position in [at, stop) where a member begins whose content begins with `WARC/`; None when there is none."""
    found = _beginnings(form, window, at, stop)
    return next((place for place in found if HEAD.match(beginning(form, window, place, 16))), None)


def next_member(form: Format, window: Window, at: int, stop: int) -> int | None:
    """First position in [at, stop) where a member of any content begins; None when there is none.

    The bytes that begin one stand in compressed data too, once in 16 MiB; what inflates from there for 64 KiB, or to its end with
    the right checksum, is one.
    """
    return next((place for place in _beginnings(form, window, at, stop) if _inflates(form, window, place)), None)


def _inflates(form: Format, window: Window, at: int) -> bool:
    given = 0
    try:
        for piece, _ in form.pieces(window, at):
            given += len(piece)
            if given >= _SURE:
                return True
    except Damaged:
        return False
    return True


def is_boundary(form: Format, window: Window, at: int, dead: set[int]) -> bool:
    """Whether records follow one another from `at` for `form.chain` bytes, or to the end of the file.

    `dead` remembers members from which they do not, so that those before a damaged one do not each walk to it.
    """
    member, walked = at, list[int]()
    while member < window.size:
        walked.append(member)
        try:
            after, far = (None, False) if member in dead else _passed(form, window, member, at)
        except Damaged:
            after, far = None, False
        if far:
            return True
        if after is None:
            dead.update(walked)
            return False
        member = after
    return True


def _passed(form: Format, window: Window, member: int, at: int) -> tuple[int | None, bool]:
    """(position after a member, None where it begins no record; whether it reaches `form.chain` bytes from `at`). Raises Damaged."""
    first = True
    pieces = form.pieces(window, member)
    while True:
        try:
            piece, place = next(pieces)
        except StopIteration as end:
            return end.value, False
        if first and not HEAD.match(piece):
            return None, False
        first = False
        if place - at >= form.chain:
            return place, True


def first_boundary(form: Format, window: Window, start: int, stop: int, dead: set[int]) -> int | None:
    """First boundary in [start, stop): where a reader of that range begins. The file's own beginning is always one."""
    if start == 0:
        return 0
    while (found := next_record(form, window, start, stop)) is not None:
        if is_boundary(form, window, found, dead):
            return found
        start = found + 1
    return None
