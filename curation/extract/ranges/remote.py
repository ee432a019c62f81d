"""A range of a file wherever it lies, with patience: retried, paced, checked against what was asked.

A server that is busy (429, 503, a connection that breaks) is tried again for as long as the patience lasts, at growing pauses or at
the one that it names; every byte that came counts as progress and is not asked for again. An answer that makes no
sense (another range than was asked, 403) is tried a few times. When that is over the run ends with what was found: the
same command goes on there.
"""

import io
import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from curation.extract.inputs import InputError
from curation.extract.ranges.http_ranges import Again, HttpRanges, Missing, Piece
from curation.extract.ranges.object_ranges import ObjectRanges
from curation.extract.ranges.pace import MOST_AHEAD, Clock, Pace

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 120.0
ODD_TRIES = 5
PIECE_SECONDS = 30.0
__all__ = ["Missing", "Remote", "RemoteFile"]


class _Told(Clock):
    """A clock that sleeps in short pieces and tells of each: a worker that waits for an hour must not look dead."""

    def __init__(self, clock: Clock, tell: Callable[[float], None]):
        self._clock, self._tell = clock, tell

    def now(self) -> float:
        return self._clock.now()

    def sleep(self, seconds: float) -> None:
        while seconds > 0:
            piece = min(seconds, PIECE_SECONDS)
            self._clock.sleep(piece)
            self._tell(piece)
            seconds -= piece


class Remote:
    """Ranges of files: `requests`, `retries`, `bytes_read`, and seconds `paused` (a server was busy) and `waited` (in all), count
    what they cost. Threads may share it."""

    def __init__(
        self,
        requests_per_second: float = 10.0,
        patience: float = 3600.0,
        connections: int = 4,
        clock: Clock | None = None,
        pace_folder: Path | None = None,
    ):
        self._clock, self._folder = _Told(clock or Clock(), self._wait), pace_folder
        self._rate, self._patience = requests_per_second, patience
        self._http, self._objects = HttpRanges(connections), ObjectRanges()
        self._paces: dict[str, Pace] = {}
        self._sizes: dict[str, int] = {}
        self._lock = threading.Lock()
        self.requests = self.retries = self.bytes_read = 0
        self.waited = self.paused = 0.0

    def get(self, url: str, start: int, stop: int) -> Piece:
        """Bytes [start, stop) of a file, fewer only where it ends before `stop`; and its size, where that was told.

        Raises Missing for a file that is not there; InputError when the patience is over, a file changes while it is read, or nothing
        can be had from there.
        """
        once = self._http.once if url.startswith(("http://", "https://")) else self._objects.once
        parts: list[bytes] = []
        at = start
        while True:
            piece = self._tried(once, url, at, stop)
            with self._lock:
                self.bytes_read += len(piece.data)
                size = self._size(url, piece.size)
            parts.append(piece.data)
            at += len(piece.data)
            if at >= stop or not piece.data or (size is not None and at >= size):
                return Piece(b"".join(parts), size)

    def size(self, url: str) -> int:
        """Bytes of a file. Raises Missing; InputError where nobody tells."""
        if (known := self._sizes.get(url)) is None:
            known = self.get(url, 0, 1).size
        if known is None:
            raise InputError(f"{url}: the server does not tell the file's size")
        return known

    def _tried(self, once: Callable[[str, int, int], Piece], url: str, at: int, stop: int) -> Piece:
        pace = self._pace(url)
        began, tries, odd = self._clock.now(), 0, 0
        while True:
            if pace is not None:
                pace.turn()
            with self._lock:
                self.requests += 1
            try:
                return once(url, at, stop)
            except Again as again:
                tries += 1
                odd += again.odd
                spent = self._clock.now() - began
                if spent >= self._patience or odd >= ODD_TRIES:
                    raise InputError(
                        f"{url}, bytes {at}-{stop - 1}: {again}; asked {tries} times in {spent:,.0f} s. "
                        "The same command goes on where it stopped"
                    ) from None
                pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(tries - 1, 20)) * random.uniform(0.5, 1.0)
                pause = min(again.after, MOST_AHEAD) if again.after else pause
                if pace is not None and again.busy:
                    pace.hold(pause)  # every worker leaves the server alone; the next turn comes after it
                else:
                    self._clock.sleep(pause)
                with self._lock:
                    self.retries += 1
                    self.paused += pause

    def _wait(self, seconds: float) -> None:
        with self._lock:
            self.waited += seconds

    def _size(self, url: str, size: int | None) -> int | None:
        known = self._sizes.get(url)
        if size is None:
            return known
        if known is not None and known != size:
            raise InputError(f"{url} was {known} bytes long and now is {size}: it changes while it is read")
        self._sizes[url] = size
        return size

    def _pace(self, url: str) -> Pace | None:
        """The host's pace; None for a file of this machine."""
        parts = urlsplit(url)
        if not parts.netloc or parts.scheme in ("", "file", "local", "memory"):
            return None
        host = f"{parts.scheme}://{parts.netloc}"
        with self._lock:
            if host not in self._paces:
                self._paces[host] = Pace(host, self._rate, self._clock, self._folder)
            return self._paces[host]


class RemoteFile(io.RawIOBase):
    """A file that is read by ranges as a seekable one, for Parquet: each read is one request."""

    def __init__(self, remote: Remote, url: str):
        self._remote, self._url, self._at = remote, url, 0
        self._size = remote.size(url)

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Moves to a position."""
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def tell(self) -> int:
        """The position."""
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Reads at most as many bytes as the buffer holds."""
        wanted = min(len(buffer), self._size - self._at)
        if wanted <= 0:
            return 0
        data = self._remote.get(self._url, self._at, self._at + wanted).data
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)
