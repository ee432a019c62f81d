"""A fuse for foreign parsers: a page that hangs takes its worker down instead of holding it for ever (DESIGN rule 4).

Python cannot interrupt a C loop, so a watchdog thread of the interpreter (faulthandler) prints the stack and ends the process. What
is left of the task is then tried again with every page in a process of its own. The fuse is armed for a run of small pages at once,
because arming starts a thread (about 50 µs).
"""

import faulthandler
import sys
from types import TracebackType

_BYTES = 1 << 20


class Fuse:
    """Ends this process when less than about a megabyte of pages takes longer than `seconds`; a context manager.

    Not armed where standard error is no file (some notebooks); then a page that hangs is found by the engine's own watch.
    """

    def __init__(self, seconds: float, armed: bool = True):
        self.seconds = seconds
        self._left = 0
        self._armed = armed

    def arm(self, size: int) -> None:
        """Starts the clock anew before a page of `size` bytes, unless the pages since the last start were small."""
        if not self._armed:
            return
        self._left -= size + 4096
        if self._left <= 0:
            self._left = _BYTES
            try:
                faulthandler.dump_traceback_later(self.seconds, exit=True, file=sys.__stderr__ or sys.stderr)
            except (AttributeError, RuntimeError, ValueError, OSError):
                self._armed = False

    def __enter__(self) -> "Fuse":
        self._left = 0
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._armed:
            faulthandler.cancel_dump_traceback_later()
