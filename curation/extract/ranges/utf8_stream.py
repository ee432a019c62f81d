"""Text of lists of ranges as UTF-8, whatever their bytes are."""

import codecs
import io
from typing import Any


class Utf8Stream(io.RawIOBase):
    """A stream of text whose bytes that are no UTF-8 are U+FFFD, so that one of them spoils a value and no list."""

    def __init__(self, stream: Any):
        self._stream, self._decoder, self._held = stream, codecs.getincrementaldecoder("utf-8")("replace"), b""

    def readable(self) -> bool:
        """Always."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Up to so many bytes; none at the end."""
        while not self._held and (raw := self._stream.read(max(size, 4096))):
            self._held = self._decoder.decode(raw).encode()
        if not self._held:
            self._held, self._decoder = (
                self._decoder.decode(b"", final=True).encode(),
                codecs.getincrementaldecoder("utf-8")(),
            )
        given, self._held = (self._held, b"") if size < 0 else (self._held[:size], self._held[size:])
        return given


def text_only(value: Any) -> str | None:
    """A JSON value that is text, a lone surrogate in it replaced; null for any other.

    >>> text_only("a\\ud83d"), text_only(["a"])
    ('a?', None)
    """
    return value.encode(errors="replace").decode() if isinstance(value, str) else None
