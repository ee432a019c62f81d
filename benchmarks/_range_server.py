"""A server for files on loopback that knows ranges (RFC 9110, 14) and can be told to misbehave, each way that servers do."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

Fault = Callable[[str, int], str | None]
"""(path, number of the request for it from 1) → `429 SECONDS`, `503`, `403`, `truncate`, `drop`, `whole`, `elsewhere`, `nonsense`,
or null."""


class RangeServer:
    """Serves `root` at `url` as long as the context lasts; `asked` holds (path, first byte, stop, status) of every request."""

    def __init__(self, root: Path, fault: Fault | None = None):
        self.root, self.fault = root, fault or (lambda path, n: None)
        self.asked: list[tuple[str, int, int, int]] = []
        self.sent = 0
        self._counts: dict[str, int] = {}
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "RangeServer":
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def nth(self, path: str) -> int:
        """Number of this request for the path."""
        with self._lock:
            self._counts[path] = self._counts.get(path, 0) + 1
            return self._counts[path]

    def told(self, path: str, start: int, stop: int, status: int, sent: int) -> None:
        """Notes a request."""
        with self._lock:
            self.asked.append((path, start, stop, status))
            self.sent += sent

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: Any) -> None:
                """Says nothing."""

            def do_HEAD(self) -> None:
                """Size and ETag."""
                file = server.root / unquote(self.path).lstrip("/")
                if not file.is_file():
                    self._answer(404, b"")
                    return
                self._answer(
                    200, b"", {"Content-Length": str(file.stat().st_size), "ETag": f'"{file.stat().st_size:x}"'}
                )

            def do_GET(self) -> None:
                """The file, or the range that is asked for."""
                file = server.root / unquote(self.path).lstrip("/")
                if not file.is_file():
                    server.told(self.path, 0, 0, 404, 0)
                    self._answer(404, b"not here")
                    return
                size = file.stat().st_size
                asked = self.headers.get("Range")
                start, stop = 0, size
                if asked:
                    first, _, last = asked.removeprefix("bytes=").partition("-")
                    start, stop = int(first), min(size, int(last) + 1 if last else size)
                self._serve(file, size, start, stop, bool(asked), server.fault(self.path, server.nth(self.path)))

            def _serve(self, file: Path, size: int, start: int, stop: int, ranged: bool, fault: str | None) -> None:
                word, _, rest = (fault or "").partition(" ")
                if word.isdigit():
                    server.told(self.path, start, stop, int(word), 0)
                    self._answer(int(word), b"slow down", {"Retry-After": rest} if rest else {})
                    return
                if start >= size:
                    server.told(self.path, start, stop, 416, 0)
                    self._answer(416, b"", {"Content-Range": f"bytes */{size}"})
                    return
                if word == "whole":
                    start, stop, ranged = 0, size, False
                if word == "elsewhere":
                    start, stop = 0, max(1, stop - start)
                with file.open("rb") as handle:
                    handle.seek(start)
                    body = handle.read(stop - start)
                head = {"Content-Range": f"bytes {start}-{stop - 1}/{size}"} if ranged else {}
                if word == "nonsense":
                    head["Content-Range"] = "bytes somewhere"
                if word in ("truncate", "drop"):
                    head["Content-Length"] = str(len(body))
                    body = body[: len(body) // 2] if word == "truncate" else b""
                    self.close_connection = True
                server.told(self.path, start, stop, 206 if ranged else 200, len(body))
                self._answer(206 if ranged else 200, body, head)

            def _answer(self, status: int, body: bytes, head: dict[str, str] | None = None) -> None:
                self.send_response(status)
                for name, value in ({"Content-Length": str(len(body))} | (head or {})).items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

        return Handler
