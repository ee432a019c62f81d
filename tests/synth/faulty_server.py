"""A small real HTTP server that answers as servers do on bad days; what it does is said by the first words of the prompt."""

import asyncio
import json
import threading
import time
from collections import Counter

BODIES = {
    "array": b"[]",
    "null": b"null",
    "surrogate": b'{"model": "tiny", "choices": [{"message": {"content": "\\ud800"}, "finish_reason": "stop"}]}',
    "number": b'{"model": "tiny", "choices": [{"message": {"content": 7}, "finish_reason": "stop"}]}',
    "unfinished": b'{"model": "tiny", "choices": [{"message": {"content": "x"}, "finish_reason": null}]}',
    "deep": b"[" * 100_000,
}
"""Bodies under status 200 that are no answers, each in its own way."""


class FaultyServer:
    """Serves `/v1/models` and `/v1/chat/completions` on 127.0.0.1 in a thread.

    A prompt `429 2 …` is pushed back twice and then answered; `500`, `malformed`, `half`, `reset`, `nothing`, `gzip`, `nothttp`,
    those of `BODIES`, and `later` (which asks for a second's pause) likewise; `hang` and `endless` never end, `flood` sends
    100 MiB; `quote401` refuses with that status and quotes the key;
    `empty`, `no usage`, `long`, `bad utf8`, `wrong model`, `refuse`, `redirect` answer once and for all.
    """

    def __init__(self, model: str = "tiny", limit: int | None = None, delay: float = 0.0):
        self.model, self.limit, self.delay = model, limit, delay
        self.asked: Counter[str] = Counter()
        self.bodies: list[dict] = []
        self.times: list[float] = []
        self.headers: list[dict[str, str]] = []
        self.at_once = self.most_at_once = 0
        self.deaf = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self):
        self._thread.start()
        start = asyncio.start_server(self._serve, "127.0.0.1", 0, limit=1 << 22)
        self._server = asyncio.run_coroutine_threadsafe(start, self._loop).result(5)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Listens no longer and drops every connection."""
        if self._loop.is_running():
            asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(5)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(5)

    async def _end(self):
        self._server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    async def _serve(self, reader, writer):
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                first, *lines = head.strip().split("\r\n")
                headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}
                content = await reader.readexactly(int(headers.get("content-length", 0)))
                method, path, _ = first.split()
                if path == "/v1/models":
                    await self._send(writer, 200, {"data": [{"id": self.model}]})
                elif path == "/v1/chat/completions" and method == "POST":
                    self.headers.append(headers)
                    if not await self._complete(writer, json.loads(content)):
                        return
                else:
                    await self._send(writer, 404, {"error": "no such path"})
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _complete(self, writer, body) -> bool:
        """Answers one request; False when the connection is to be closed."""
        prompt = body["messages"][-1]["content"]
        self.asked[f"{prompt}|{body['seed']}"] += 1
        self.bodies.append(body)
        self.times.append(time.monotonic())
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if self.delay:
                await asyncio.sleep(self.delay)
            if self.limit is not None and self.at_once > self.limit:
                await self._send(writer, 429, {"error": {"message": "too many"}})
                return True
            return await self._act(writer, body, prompt, prompt.split())
        finally:
            self.at_once -= 1

    async def _act(self, writer, body, prompt, words) -> bool:
        tries = self.asked[f"{prompt}|{body['seed']}"]
        times = int(words[1]) if len(words) > 1 and words[1].isdigit() else 10**9
        kind = words[0] if tries <= times else "ok"
        if kind in ("429", "500", "503", "401", "404"):
            await self._send(writer, int(kind), {"error": {"message": "bad day"}}, "Retry-After: 0\r\n")
        elif kind.startswith("quote"):  # `quote401`: refuses, and quotes the key
            said = f"Incorrect key provided: {self.headers[-1]['authorization']}"
            await self._send(writer, int(kind.removeprefix("quote")), {"error": {"message": said}})
        elif kind == "malformed":
            await self._raw(writer, b'{"choices": [{"mess')
        elif kind == "utf8":
            await self._raw(writer, json.dumps(self._answer(body, "X")).encode().replace(b"X", b"\xff\xfe"))
        elif kind in BODIES:
            await self._raw(writer, BODIES[kind])
        elif kind == "later":
            await self._send(writer, 429, {"error": {"message": "later"}}, "Retry-After: 1\r\n")
        elif kind == "gzip":
            await self._raw(writer, b"no gzip at all", extra="Content-Encoding: gzip\r\n")
        elif kind == "nothttp":
            writer.write(b"\x00\x01 this is no HTTP\r\n\r\n")
            await writer.drain()
            return False
        elif kind == "flood":
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in range(100):
                writer.write(b"100000\r\n" + b"a" * (1 << 20) + b"\r\n")
                await writer.drain()
            return False
        elif kind == "half":
            writer.write(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{"choices":')
            await writer.drain()
            return False
        elif kind == "reset":
            writer.transport.abort()
            return False
        elif kind == "nothing":
            return False
        elif kind == "hang":
            await asyncio.sleep(3600)
        elif kind == "endless":
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            while True:
                writer.write(b"4\r\naaaa\r\n")
                await writer.drain()
                await asyncio.sleep(0.05)
        elif kind == "redirect":
            await self._send(writer, 307, {}, "Location: http://127.0.0.1:1/elsewhere\r\n")
        elif kind == "refuse":
            await self._send(writer, 400, {"error": {"message": "no such parameter"}})
        elif kind == "long":
            message = (
                "This model's maximum context length is 1024 tokens. However, your messages have 4000 input tokens."
            )
            await self._send(writer, 400, {"error": {"message": message, "code": 400}})
        elif kind == "wrongmodel":
            await self._send(writer, 200, self._answer(body, "hello") | {"model": "another"})
        elif kind == "nousage":
            await self._send(writer, 200, {**self._answer(body, "hello"), "usage": None})
        elif kind == "nochoices":
            await self._send(writer, 200, {"model": self.model, "choices": []})
        elif kind == "empty":
            await self._send(writer, 200, self._answer(body, ""))
        else:
            await self._send(writer, 200, self._answer(body, f"answer to {prompt} with {body['seed']}"))
        return True

    def _answer(self, body, text):
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        usage = {"prompt_tokens": len(body["messages"][-1]["content"]), "completion_tokens": len(text)}
        return {"model": self.model, "choices": [choice], "usage": usage}

    async def _send(self, writer, status, value, extra=""):
        await self._raw(writer, json.dumps(value).encode(), status, extra)

    async def _raw(self, writer, content, status=200, extra=""):
        head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n{extra}\r\n"
        writer.write(head.encode() + content)
        await writer.drain()
