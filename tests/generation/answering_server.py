"""A small real server that answers prompts by a function of the request, slowly if wished; what a model does, it only imitates."""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

from aiohttp import web


class AnsweringServer:
    """Serves `/v1/models`, `/v1/chat/completions` and `/v1/completions` on 127.0.0.1 in a thread.

    answers: from a request's body to the text. asked: how often each (prompt, seed) was asked. delay: seconds an answer takes.
    listed: how often its models were asked for. dies_after: answers after which it drops whoever asks anything, as a dead one does.
    """

    def __init__(self, answers: Callable[[dict[str, Any]], str], model: str = "tiny", delay: float = 0.0):
        self.answers, self.model, self.delay = answers, model, delay
        self.asked: Counter[tuple[str, int]] = Counter()
        self.listed = self.at_once = self.most_at_once = self.answered = 0
        self.dies_after: int | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self):
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        return self

    def __exit__(self, *_):
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    async def _start(self):
        app = web.Application()
        app.router.add_get("/v1/models", self._models)
        app.router.add_post("/v1/chat/completions", self._complete)
        app.router.add_post("/v1/completions", self._complete)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"

    def _dead(self, request):
        dead = self.dies_after is not None and self.answered >= self.dies_after
        if dead:
            request.transport.abort()
        return dead

    async def _models(self, request):
        if self._dead(request):
            return web.Response()
        self.listed += 1
        return web.json_response({"data": [{"id": self.model}]})

    async def _complete(self, request):
        body = await request.json()
        if self._dead(request):
            return web.Response()
        self.answered += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return await self._answer(body)
        finally:
            self.at_once -= 1

    async def _answer(self, body):
        prompt = body.get("prompt") or "\n".join(m["content"] for m in body["messages"])
        self.asked[prompt, body["seed"]] += 1
        if self.delay:
            await asyncio.sleep(self.delay)
        text = self.answers(body)
        said = {"text": text} if "prompt" in body else {"message": {"role": "assistant", "content": text}}
        usage = {"prompt_tokens": len(prompt), "completion_tokens": len(text)}
        choice = {"index": 0, "finish_reason": "stop"} | said
        return web.json_response({"model": self.model, "choices": [choice], "usage": usage})
