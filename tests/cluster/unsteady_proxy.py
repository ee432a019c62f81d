"""An S3 endpoint that is not always well: a proxy before a good one.

Some requests it answers with 500, 503 or too late, some in halves (the connection ends in the middle of a body), some not at all; or
it refuses what it is told to, until that is over.

python unsteady_proxy.py PORT UPSTREAM_PORT FAULTY_SHARE

/-/counts says how many were unlucky; /-/refuse/ExpiredToken/PUT,POST refuses these methods with 403 from then on, /-/allow nothing.
"""

import http.client
import random
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LATE_SECONDS = 4.0
KINDS = ("500", "503", "late", "cut", "reset")
counts = {"requests": 0, "refused": 0} | dict.fromkeys(KINDS, 0)
refused: dict[str, str] = {}
"""Code of the error by method."""


class Proxy(BaseHTTPRequestHandler):
    """Hands every request on, but for the unlucky ones and those that are refused."""

    protocol_version = "HTTP/1.1"
    upstream, share, luck, lock = 0, 0.0, random.Random(8), threading.Lock()

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.startswith("/-/"):
            self._answer(200, [], self._told(*self.path.split("/")[2:]).encode())
            return
        with self.lock:
            counts["requests"] += 1
            bad = self.luck.random() < self.share
            kind = self.luck.choice(KINDS) if bad else ""
            if bad:
                counts[kind] += 1
        if code := refused.get(self.command):
            counts["refused"] += 1
            self._error(403, code)
        elif kind in ("500", "503"):
            self._error(int(kind), {"500": "InternalError", "503": "SlowDown"}[kind])
        elif kind == "reset":
            self.close_connection = True
        else:
            if kind == "late":
                time.sleep(LATE_SECONDS)
            self._hand_on(body, cut=kind == "cut")

    def _told(self, what: str, *more: str) -> str:
        if what == "refuse":
            refused.update(dict.fromkeys(more[1].split(","), more[0]))
        elif what == "allow":
            refused.clear()
        return repr(counts)

    def _hand_on(self, body: bytes, cut: bool) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.upstream)
        connection.request(self.command, self.path, body, dict(self.headers.items()))
        answer = connection.getresponse()
        content = answer.read()
        dropped = ("connection", "transfer-encoding", "content-length")
        kept = [(k, v) for k, v in answer.getheaders() if k.lower() not in dropped]
        size = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(content))
        self._answer(answer.status, kept, content[: len(content) // 2] if cut else content, size)
        self.close_connection |= cut
        connection.close()

    def _error(self, status: int, code: str) -> None:
        said = f"<Error><Code>{code}</Code><Message>{code}: as it was told to say</Message></Error>".encode()
        self._answer(status, [("Content-Type", "application/xml")], said)

    def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes, size: str | None = None) -> None:
        try:
            self.send_response_only(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", size or str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)
        except (BrokenPipeError, ConnectionResetError):  # who waited too long is gone
            self.close_connection = True

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _any

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


if __name__ == "__main__":
    port, Proxy.upstream, Proxy.share = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    ThreadingHTTPServer(("127.0.0.1", port), Proxy).serve_forever()
