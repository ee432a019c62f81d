"""How many requests a server gets at a time: additive increase, multiplicative decrease (Chiu & Jain 1989, as TCP does).

Starting low, the limit doubles a round trip until the server pushes back (429, 503, a time-out), halves then, and from there on
grows by one a round trip. It grows only while it is used in full, so a slow source of prompts does not raise it.
"""

import time


class Concurrency:
    """A limit between 1 and `most`."""

    def __init__(self, most: int, start: int = 4):
        if most < 1:
            raise ValueError(f"max_concurrency must be ≥ 1, not {most}")
        self.most = most
        self.limit = float(min(start, most))
        self._doubling = True
        self._round_trip, self._cut = 1.0, 0.0

    def answered(self, in_flight: int, seconds: float) -> None:
        """An answer came after `seconds`, while `in_flight` requests were out (itself included)."""
        self._round_trip += 0.1 * (seconds - self._round_trip)
        if in_flight >= int(self.limit):
            self.limit = min(self.most, self.limit + (1.0 if self._doubling else 1.0 / self.limit))

    def pushed_back(self) -> None:
        """The server refused for now, or did not answer in time. Halves once a round trip: all that were out say the same."""
        self._doubling = False
        now = time.monotonic()
        if now - self._cut >= min(self._round_trip, 5.0):
            self.limit, self._cut = max(1.0, self.limit / 2), now
