"""An S3 endpoint that is not always well: a proxy before a good one, which answers some requests with 500, 503, or too late.

python unsteady_proxy.py PORT UPSTREAM_PORT FAULTY_SHARE
"""

import http.client
import random
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LATE_SECONDS = 4.0
counts = {"requests": 0, "500": 0, "503": 0, "late": 0}


class Proxy(BaseHTTPRequestHandler):
    """Hands every request on, but for the unlucky ones; /-/counts says how many these were."""

    protocol_version = "HTTP/1.1"
    upstream, share, luck, lock = 0, 0.0, random.Random(8), threading.Lock()

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/-/counts":
            self._answer(200, [], repr(counts).encode())
            return
        with self.lock:
            counts["requests"] += 1
            bad = self.luck.random() < self.share
            kind = self.luck.choice(("500", "503", "late")) if bad else ""
            if bad:
                counts[kind] += 1
        if kind == "late":
            time.sleep(LATE_SECONDS)
        elif kind:
            code = {"500": "InternalError", "503": "SlowDown"}[kind]
            self._answer(
                int(kind), [("Content-Type", "application/xml")], f"<Error><Code>{code}</Code></Error>".encode()
            )
            return
        connection = http.client.HTTPConnection("127.0.0.1", self.upstream)
        connection.request(self.command, self.path, body, dict(self.headers.items()))
        answer = connection.getresponse()
        content = answer.read()
        kept = [
            (k, v)
            for k, v in answer.getheaders()
            if k.lower() not in ("connection", "transfer-encoding", "content-length")
        ]
        size = answer.getheader("Content-Length") if self.command == "HEAD" else None
        self._answer(answer.status, kept, content, size)
        connection.close()

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
