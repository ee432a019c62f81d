"""When to ask again: which statuses may heal, and how long to wait."""

import time

from curation.provenance import key
from synth.engine.request import FaultKind

RETRIED = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529})
"""HTTP statuses that say "not now" and not "never"."""

PUSHED_BACK = frozenset({429, 503, 529})
"""Those that ask for fewer requests at a time."""

FIRST_S, LONGEST_S = 0.5, 30.0
"""The first pause, which doubles, and the longest, in seconds."""


class Again(Exception):
    """An attempt that failed in a way that another may not; `pause` is how long the server asks to wait, in seconds."""

    def __init__(self, kind: FaultKind, message: str, *, push_back: bool = True, pause: float | None = None):
        super().__init__(message)
        self.kind: FaultKind = kind
        self.push_back, self.pause = push_back, pause


def pause(sample: bytes, attempts: int, asked: float | None) -> float:
    """Seconds before the next attempt: what the server asks for, else twice as long each time, spread by the sample's key.

    A server that keeps asking for no pause at all is not hammered: from the third failure on the own pause is the least.

    >>> 0.25 <= pause(b"a", 1, None) < 0.5, 2.0 <= pause(b"a", 4, None) < 4.0, pause(b"a", 1, 7.0), pause(b"a", 1, 900.0)
    (True, True, 7.0, 30.0)
    >>> pause(b"a", 2, 0.0), pause(b"a", 3, 0.0) >= 1.0, pause(b"a", 5000, None) <= LONGEST_S
    (0.0, True, True)
    """
    spread = 0.5 + int.from_bytes(key("pause", sample, attempts)[:4], "big") / 2**33
    own = min(LONGEST_S, FIRST_S * 2.0 ** min(attempts - 1, 16)) * spread
    if asked is None:
        return own
    return min(LONGEST_S, max(asked, own if attempts > 2 else 0.0))


def retry_after(said: str | None) -> float | None:
    """Seconds of a Retry-After header, given as a number or a date (RFC 9110, 10.2.3); None without one.

    >>> retry_after("12"), retry_after(None), retry_after("Wed, 21 Oct 2015 07:28:00 GMT"), retry_after("soon")
    (12.0, None, 0.0, None)
    """
    if said is None:
        return None
    if said.strip().isdigit():
        return float(said)
    from email.utils import parsedate_to_datetime

    try:
        return max(0.0, parsedate_to_datetime(said).timestamp() - time.time())
    except (TypeError, ValueError):
        return None
