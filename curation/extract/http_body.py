"""An HTTP response as a crawler stored it: status, headers and the body as the page's author wrote it.

Crawlers disagree on what they store. wget and Heritrix keep the bytes of the wire, chunks and compression included. Common Crawl
stores the body decoded and renames the headers (`X-Crawl-Content-Encoding`, `X-Crawl-Transfer-Encoding`). Others decode and leave
the headers as they were. So a header only says what to try, the bytes say whether it is so, and a page is never lost to a header
that lies: what cannot be decoded stays as it is, and what breaks off is kept up to there, as browsers do (WHATWG Fetch).
"""

import re
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import NamedTuple

from curation.extract.members import zlib_pieces
from curation.extract.warc_record import header_fields
from curation.extract.window import Damaged, Held

_STATUS = re.compile(rb"HTTP/\d(?:\.\d)?[ \t]+(\d{3})\b[^\r\n]*\r?\n")
_BLANK = re.compile(rb"\r?\n\r?\n")
_MEDIA_TYPE = re.compile(r"^\s*([\w!#$&^.+-]+/[\w!#$&^.+*-]+)", re.ASCII)
_CHARSET = re.compile(r"""charset\s*=\s*["']?\s*([^\s"';,]+)""", re.IGNORECASE)
_CHUNK = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\r?\n")
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
_PAGE_TYPES = {"text/html", "application/xhtml+xml", "text/plain"}
_STEP = 1 << 16
_MOST_CODINGS = 8
"""Codings that are taken off, one within the other: servers put on two, and each may give `max_record_bytes` again."""


class TooLarge(Exception):
    """A body that inflates to more than the limit; `seen` is how many bytes it had given when it was stopped."""

    def __init__(self, seen: int, encoding: str):
        super().__init__(f"the {encoding} body inflates to more")
        self.seen = seen


class Response(NamedTuple):
    """A response's status (None when there is no status line), its headers in order, and where its body begins."""

    status: int | None
    headers: list[tuple[str, str]]
    body: int

    def all(self, name: str) -> list[str]:
        """Values of every header of that lower-case name, in order."""
        return [value for key, value in self.headers if key == name]


class Body(NamedTuple):
    """A decoded body; `undone` names the codings that were taken off, `broken` the one that broke off before its end."""

    data: bytes
    undone: tuple[str, ...] = ()
    broken: str | None = None


def parse_response(block: bytes) -> Response:
    """Status line and headers of a response; interim 1xx answers are skipped. Bytes without a status line are all body.

    >>> parse_response(b"HTTP/1.1 100 Continue\\r\\n\\r\\nHTTP/1.1 200 OK\\r\\nServer: a\\r\\n\\r\\nbody")
    Response(status=200, headers=[('server', 'a')], body=55)
    """
    begin = 0
    while line := _STATUS.match(block, begin):
        status = int(line[1])
        blank = _BLANK.search(block, line.end() - 2)
        end = blank.end() if blank else len(block)
        if 100 <= status < 200 and _STATUS.match(block, end):
            begin = end
            continue
        return Response(status, header_fields(block[begin:end]), end)
    return Response(None, [], 0)


def content_type(values: Iterable[str]) -> tuple[str | None, str | None]:
    """(media type in lower case, charset as sent) of the Content-Type headers; the last valid one counts, as in browsers.

    >>> content_type(['text/html; charset="Shift_JIS"']), content_type(["text/html charset=euc-jp;"]), content_type(["html"])
    (('text/html', 'Shift_JIS'), ('text/html', 'euc-jp'), (None, None))
    """
    media, charset = None, None
    for value in values:
        kind = _MEDIA_TYPE.match(value)
        label = _CHARSET.search(value)
        if kind is None and label is None:
            continue
        new = kind[1].lower() if kind else media
        charset = label[1] if label else charset if new == media else None
        media = new
    return media, charset


def dechunk(data: bytes) -> tuple[bytes, bool] | None:
    """(body, whole) of a chunked body (RFC 9112, 7.1); None when the bytes are not chunked.

    `whole` is False where the last chunk is missing; bytes after a broken size line are kept as they stand.

    >>> dechunk("3\\r\\nお\\r\\n6;x=y\\r\\n早う\\r\\n0\\r\\n\\r\\n".encode())[0].decode(), dechunk(b"<html>")
    ('お早う', None)
    """
    parts, at = [], 0
    while size := _CHUNK.match(data, at):
        length = int(size[1], 16)
        at = size.end()
        if length == 0:
            return (b"".join(parts), True) if parts or not data[at:].strip() else None
        part = data[at : at + length]
        parts.append(part)
        at += length
        if len(part) < length or at == len(data):
            return b"".join(parts), False
        if data[at : at + 2] == b"\r\n":
            at += 2
        elif data[at : at + 1] == b"\n":
            at += 1
        elif len(parts) == 1:
            return None
    if not parts:
        return None
    return b"".join([*parts, data[at:]]), False


def _gzip(data: bytes) -> Iterator[bytes]:
    at = 0
    while data[at : at + 2] == b"\x1f\x8b":
        at = yield from _zlib(data, at, 31)


def _deflate(data: bytes) -> Iterator[bytes]:
    # "deflate" means the zlib format (RFC 9110, 8.4.1.2); some servers send it bare.
    wrapped = len(data) > 1 and data[0] & 15 == 8 and (data[0] << 8 | data[1]) % 31 == 0
    yield from _zlib(data, 0, 15 if wrapped else -15)


def _zlib(data: bytes, at: int, window_bits: int) -> Generator[bytes, None, int]:
    pieces = zlib_pieces(Held(data), at, window_bits, _STEP)
    while True:
        try:
            yield next(pieces)[0]
        except StopIteration as stop:
            return stop.value


def _brotli(data: bytes) -> Iterator[bytes]:
    import brotli

    inflater = brotli.Decompressor()
    try:
        piece = inflater.process(data, output_buffer_limit=_STEP)
        while piece or not inflater.can_accept_more_data():
            yield piece
            piece = inflater.process(b"", output_buffer_limit=_STEP)
    except brotli.error as error:
        raise Damaged(f"brotli: {error}") from None
    if not inflater.is_finished():
        raise Damaged("brotli: the bytes end inside the stream", ended=True)


def _zstd(data: bytes) -> Iterator[bytes]:
    import zstandard

    with zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(data, read_across_frames=True) as reader:
        try:
            while piece := reader.read(_STEP):
                yield piece
        except zstandard.ZstdError as error:
            raise Damaged(f"zstd: {error}") from None


_CODINGS: dict[str, Callable[[bytes], Iterator[bytes]]] = {
    "gzip": _gzip, "x-gzip": _gzip, "deflate": _deflate, "br": _brotli, "zstd": _zstd,
}  # fmt: skip


def _inflate(coding: str, data: bytes, limit: int) -> tuple[bytes, bool] | None:
    """(inflated, whole), or None when the bytes are not in that coding. Raises TooLarge."""
    parts, seen, whole = [], 0, True
    try:
        for piece in _CODINGS[coding](data):
            parts.append(piece)
            seen += len(piece)
            if seen > limit:
                raise TooLarge(seen, coding)
    except Damaged as damage:
        # Bare deflate and brotli have no magic: text that was never compressed gives some bytes and then an error.
        if coding in ("br", "deflate") and not damage.ended:
            return None
        whole = False
    return (b"".join(parts), whole) if whole or seen > len(data) // 2 else None


def _is_stored_decoded(coding: str, data: bytes) -> bool:
    """Whether the bytes cannot be in that coding: no magic where the format has one, or readable text."""
    if coding in ("gzip", "x-gzip"):
        return data[:2] != b"\x1f\x8b"
    if coding == "zstd":
        return data[:4] != b"\x28\xb5\x2f\xfd"
    # A compressed byte is a control character once in ten: a page's worth of bytes without one is text.
    return not _CONTROL.search(data, 0, 512)


def _codings(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """(header, coding) in the order in which codings are taken off: transfer before content, the last applied first."""
    transfer, content = [], []
    for name, value in headers:
        kind = name.removeprefix("x-crawl-")
        if kind in ("transfer-encoding", "content-encoding"):
            found = [(name, coding.strip().lower()) for coding in value.split(",")]
            (transfer if kind[0] == "t" else content).extend(c for c in found if c[1] in _CODINGS or c[1] == "chunked")
    return (transfer[::-1] + content[::-1])[:_MOST_CODINGS]


def decode_body(body: bytes, response: Response, limit: int, media_type: str | None = None) -> Body:
    """The body with its transfer and content codings taken off, each only where the bytes are really in it.

    `limit` is the longest body in bytes. Raises TooLarge for a longer one, having held no more than that. A page (`text/html`,
    XHTML, `text/plain`) that is gzip or zstd by its magic is inflated though no header says so.
    """
    undone: list[str] = []
    broken = None
    for name, coding in _codings(response.headers):
        if coding == "chunked":
            made = dechunk(body)
            if name.startswith("x-crawl-") and made is not None and not (made[0] and made[1]):
                made = None
        elif not body or _is_stored_decoded(coding, body):
            made = None
        else:
            made = _inflate(coding, body, limit)
        if made is not None:
            body, whole = made
            undone.append(coding)
            broken = broken if whole else coding
    if media_type in _PAGE_TYPES or media_type is None:
        for coding in ("gzip", "zstd"):
            if body and not _is_stored_decoded(coding, body) and (made := _inflate(coding, body, limit)) is not None:
                body, whole = made
                undone.append(coding)
                broken = broken if whole else coding
    if len(body) > limit:
        raise TooLarge(len(body), "chunked" if undone else "plain")
    return Body(body, tuple(undone), broken)
