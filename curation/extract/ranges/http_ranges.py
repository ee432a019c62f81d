"""One range of a file over http(s), and what servers make of the request (RFC 9110, 14 and 15).

Never believed: an answer is held against what was asked. A server may answer less than was asked, something else, the whole file, or
break off; each is told apart here, and what to do about it is decided in `remote`.
"""

import re
import time
import urllib.request
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from curation.extract.inputs import InputError

_CONTENT_RANGE = re.compile(r"bytes\s+(?:(\d+)-(\d+)|\*)/(\d+|\*)", re.I)
_PIECE = 1 << 16
_SLOW_DOWN = {408, 425, 429, 500, 502, 503, 504, 520, 522, 524}
CONNECT_SECONDS, READ_SECONDS = 20.0, 60.0


class Piece(NamedTuple):
    """Bytes from the place that was asked for, as many as came, and the size of the whole file where it was told."""

    data: bytes
    size: int | None


class Missing(Exception):
    """There is no such file: a property of the list's row, not of the moment."""


class Again(Exception):
    """An answer that another try may better: `after` seconds if the server names a pause; `odd` where few tries make sense."""

    def __init__(self, said: str, after: float | None = None, odd: bool = False, busy: bool = False):
        super().__init__(said)
        self.after, self.odd, self.busy = after, odd, busy


class HttpRanges:
    """Ranges of files behind http:// and https://; may be called by several threads. Proxies are those of the environment."""

    def __init__(self, connections: int = 4):
        import urllib3

        self._urllib3 = urllib3
        self._agent = f"seimai/{version('seimai')} (ranges of crawl files)"
        self._timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS)
        never = {"connect": 0, "read": 0, "status": 0, "other": 0, "raise_on_status": False}  # `remote` decides
        self._retries = urllib3.Retry(total=None, redirect=5, respect_retry_after_header=False, **never)
        self._pools: dict[str | None, Any] = {}
        self._connections = connections

    def once(self, url: str, start: int, stop: int) -> Piece:
        """Bytes [start, stop) of a file, fewer where it ends or the answer breaks off. Raises Missing, Again, InputError."""
        headers = {"Range": f"bytes={start}-{stop - 1}", "Accept-Encoding": "identity", "User-Agent": self._agent}
        try:
            answer = self._pool(url).request(
                "GET", url, headers=headers, preload_content=False, decode_content=False,
                retries=self._retries, timeout=self._timeout,
            )  # fmt: skip
        except self._urllib3.exceptions.HTTPError as error:
            raise Again(f"no answer ({type(error).__name__}: {_first_line(error)})") from None
        whole = False
        try:
            piece, whole = self._piece(answer, url, start, stop)
            return piece
        finally:
            if not whole:
                answer.close()  # what is left of it is not wanted
            answer.release_conn()

    def _piece(self, answer: Any, url: str, start: int, stop: int) -> tuple[Piece, bool]:
        status, asked = answer.status, f"bytes {start}-{stop - 1}"
        said = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", "").strip())
        if status == 206:
            if said is None or said[1] is None or said[3] == "*":
                found = answer.headers.get("Content-Range")
                raise Again(f"206 with the Content-Range {found!r} when asked for {asked}", odd=True)
            first, last, size = int(said[1]), int(said[2]), int(said[3])
            if first != start or last >= stop or last < first or last >= size:
                raise Again(f"answered bytes {first}-{last} of {size} when asked for {asked}", odd=True)
            return self._body(answer, last - first + 1, size)
        if status == 416:
            size = int(said[3]) if said is not None and said[3] != "*" else None
            if size is not None and size > start:
                raise Again(f"416 for {asked} of a file of {size} bytes", odd=True)
            return Piece(b"", size), False
        length = answer.headers.get("Content-Length", "")
        if status == 200:
            if start == 0 and length.isdigit() and int(length) <= stop:
                return self._body(answer, int(length), int(length))
            of = f" ({length} bytes)" if length else ""
            raise InputError(
                f"{url}: the server answers with the whole file{of} when asked for {asked}, so ranges cannot be read from it; name a "
                "server or store that can in `base`, or copy the files and read them with the recipe web_ja"
            )
        if status in (404, 410):
            raise Missing(f"{status}")
        if status in _SLOW_DOWN:
            raise Again(
                f"{status} {answer.reason or ''}".strip(), retry_after(answer.headers.get("Retry-After")), busy=True
            )
        if status == 403:  # also what Common Crawl's front answers to a caller that is too fast
            raise Again("403 Forbidden", retry_after(answer.headers.get("Retry-After")), odd=True, busy=True)
        raise InputError(
            f"{url}: the server answers {status} {answer.reason or ''}".rstrip() + f" when asked for {asked}"
        )

    def _body(self, answer: Any, length: int, size: int) -> tuple[Piece, bool]:
        parts, got = [], 0
        try:
            while got < length and (part := answer.read(min(_PIECE, length - got))):
                parts.append(part)
                got += len(part)
        except self._urllib3.exceptions.HTTPError as error:
            if not got:
                raise Again(f"the answer broke off at its beginning ({type(error).__name__})") from None
        if not got:
            raise Again("the answer is empty")
        return Piece(b"".join(parts), size), got == length

    def _pool(self, url: str) -> Any:
        parts = urlsplit(url)
        proxy = urllib.request.getproxies().get(parts.scheme)
        if proxy and urllib.request.proxy_bypass(parts.hostname or ""):
            proxy = None
        if proxy not in self._pools:
            more = {"maxsize": self._connections, "block": True}
            made = self._urllib3.ProxyManager(proxy, **more) if proxy else self._urllib3.PoolManager(**more)
            self._pools[proxy] = made
        return self._pools[proxy]


def retry_after(said: str | None, now: float | None = None) -> float | None:
    """Seconds of a Retry-After header: a number or an HTTP date; None where it says nothing that can be.

    >>> retry_after("120"), retry_after("Thu, 26 Nov 2026 00:00:30 GMT", 1795651200.0), retry_after("soon")
    (120.0, 30.0, None)
    """
    if not said:
        return None
    if said.strip().isdigit():
        return float(said)
    try:
        moment = parsedate_to_datetime(said).timestamp()
    except (TypeError, ValueError):
        return None
    return max(0.0, moment - (time.time() if now is None else now))


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())[:120]
