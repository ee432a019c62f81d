"""A polite rate: so many requests a second to one host, counted over all processes of this machine.

Workers share a small file with the time of the next free turn; each takes it and moves it on, under the system's lock. A server that
asks for a pause (429, 503, Retry-After) moves it for all of them. On a cluster the rate is each machine's.
"""

import contextlib
import fcntl
import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

MOST_AHEAD = 3600.0
"""Seconds: a turn farther ahead than the longest pause is a leftover of a changed clock."""


class Clock:
    """Wall-clock seconds and sleep, so that a test may let minutes pass in no time."""

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Waits."""
        time.sleep(max(0.0, seconds))


class Pace:
    """Turns at one host, `per_second` of them a second; `folder` holds the shared file (by default the user's temporary one)."""

    def __init__(self, host: str, per_second: float, clock: Clock, folder: Path | None = None):
        if per_second <= 0:
            raise ValueError(f"requests_per_second must be more than 0, not {per_second}")
        self._step, self._clock = 1.0 / per_second, clock
        folder = folder or Path(tempfile.gettempdir()) / f"seimai-pace-{os.getuid()}"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = folder / hashlib.sha256(host.encode()).hexdigest()[:16]

    def turn(self) -> None:
        """Waits for a free turn and takes it."""
        with self._locked() as held:
            now = self._clock.now()
            at = max(now, held.read(now))
            held.write(at + self._step)
        if at > now:
            self._clock.sleep(at - now)

    def hold(self, seconds: float) -> None:
        """Leaves the host alone for so long: no turn of any process comes before."""
        with self._locked() as held:
            now = self._clock.now()
            held.write(max(held.read(now), now + min(seconds, MOST_AHEAD)))

    @contextlib.contextmanager
    def _locked(self) -> Iterator["_Held"]:
        handle = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield _Held(handle)
        finally:
            os.close(handle)


class _Held:
    """The file with the next free turn, while it is locked."""

    def __init__(self, handle: int):
        self._handle = handle

    def read(self, now: float) -> float:
        raw = os.pread(self._handle, 64, 0)
        try:
            at = float(raw)
        except ValueError:
            return now
        return at if at <= now + MOST_AHEAD else now

    def write(self, at: float) -> None:
        raw = f"{at:.6f}".encode()
        os.ftruncate(self._handle, len(raw))
        os.pwrite(self._handle, raw, 0)
