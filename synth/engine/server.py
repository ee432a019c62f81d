"""The `server` engine: any OpenAI-compatible address, asked with bounded concurrency that adapts, retries and deadlines.

An event loop in a thread of its own does the asking, so the server stays busy while this process verifies and writes. A request that
is pushed back (429, 5xx, a time-out, a broken connection, an answer that is no JSON) is tried again after a pause that doubles, or
as long as the server says; after `deadline_s` it is a fault of its row. What concerns every request ends the run: a wrong key, an
address without the endpoint, another model's name in an answer, a server that has been silent for `dead_after_s`.

A server is *verified* when we started it from a hashed folder (`synth/engine/started_server.py`), else *declared*: the recipe's entry
says which model it is, what `/v1/models` answered is kept beside it, and by default nothing of it may be released.
"""

import asyncio
import os
import queue
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from curation.provenance import key
from synth.engine import wire
from synth.engine.address import Address
from synth.engine.concurrency import Concurrency
from synth.engine.content_key import Identity
from synth.engine.engine import Engine, EngineError
from synth.engine.request import Answer, Fault, FaultKind, Job, RequestError
from synth.engine.retries import Again, pause
from synth.engine.started_server import StartedServer


@dataclass(frozen=True)
class Declared:
    """What the recipe's owner says a server runs: used as its identity, and never verified.

    model: the policy's name; revision: of the weights; adapter, quantisation, chat_template as in `Identity`.
    """

    model: str
    revision: str
    adapter: str = ""
    quantisation: str = ""
    chat_template: str = ""


class Server(Engine):
    """Asks an OpenAI-compatible server.

    url: its address without `/v1`, or a server to be started. model: the name it serves the model under. what: who answers (for a
    started server its own identity is taken). answers_as: the name in its answers where that differs from `model`.
    key_env: environment variable with the API key; never written anywhere. max_concurrency: most requests at a time, ≥ 1; how many
    are really sent adapts to what the server takes. attempt_s: seconds until an attempt counts as lost, > 0; deadline_s: seconds a
    sample may take, pauses and attempts together, > 0; dead_after_s: seconds of silence after which the server is asked
    for something cheap, and counts as gone without an answer to that, > 0. dialect: found out when not given.
    """

    def __init__(
        self,
        url: str | StartedServer,
        model: str,
        what: Declared | None = None,
        *,
        max_concurrency: int = 64,
        attempt_s: float = 300.0,
        deadline_s: float = 900.0,
        dead_after_s: float = 120.0,
        answers_as: str | None = None,
        key_env: str | None = None,
        dialect: wire.Dialect | None = None,
        devices: int = 1,
    ):
        if isinstance(url, str) and what is None:
            raise RequestError(f"server {url}: the recipe must declare which model it runs (model, revision)")
        self.where, self.model, self.what = url, model, what
        self.answers_as, self.key_env = answers_as or model, key_env
        self.dialect: wire.Dialect | None = dialect
        self.attempt_s, self.deadline_s, self.dead_after_s = attempt_s, deadline_s, dead_after_s
        self.concurrency, self.devices = Concurrency(max_concurrency), devices
        self._answers: queue.SimpleQueue[Answer | BaseException] = queue.SimpleQueue()
        self._in_flight = 0
        self._models: Any = None

    def setup(self) -> Identity:
        """Starts the server where it is ours to start, and asks which models it serves. Raises EngineError."""
        self._answers, self._in_flight = queue.SimpleQueue(), 0  # what an earlier use left behind
        self.url = self.where.start() if isinstance(self.where, StartedServer) else self.where
        self.weights = self.where.weights if isinstance(self.where, StartedServer) else None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="server engine", daemon=True)
        self._thread.start()
        try:
            return asyncio.run_coroutine_threadsafe(self._connect(), self._loop).result()
        except BaseException:
            self.close()
            raise

    def room(self) -> int:
        """Twice the present limit, less what is in flight: as many wait here, so that a freed place is filled without delay."""
        return max(0, 2 * int(self.concurrency.limit) - self._in_flight)

    def submit(self, job: Job) -> None:
        """Hands the sample to the event loop."""
        self._in_flight += 1
        self._loop.call_soon_threadsafe(self._begin, job)

    def collect(self, timeout: float) -> Sequence[Answer]:
        """Answers since the last call. Raises EngineError once those that came before it are handed over."""
        found: list[Answer] = []
        while True:
            try:
                item = self._answers.get(timeout=timeout) if not found else self._answers.get_nowait()
            except queue.Empty:
                return found
            if isinstance(item, BaseException):
                if not found:
                    raise item
                self._answers.put(item)
                return found
            self._in_flight -= 1
            found.append(item)

    def state(self) -> Mapping[str, Any]:
        """The present limit of concurrency."""
        return {"limit": int(self.concurrency.limit)}

    def describe(self) -> Mapping[str, Any]:
        """Address, dialect, and what the server said it serves."""
        return {"url": self.url, "dialect": self.dialect, "v1_models": self._models}

    def close(self) -> None:
        """Drops what is in flight, ends the loop, and the server if it is ours."""
        if getattr(self, "_loop", None) is not None and self._loop.is_running():
            asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(timeout=10)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(timeout=10)
            self._loop.close()
        if isinstance(self.where, StartedServer):
            self.where.stop()

    async def _connect(self) -> Identity:
        token = self.where.token if isinstance(self.where, StartedServer) else None
        if self.key_env is not None and (token := os.environ.get(self.key_env)) is None:
            raise EngineError(f"{self.url}: the environment has no {self.key_env}, which is to hold the server's key")
        self._address = Address(self.url, self.answers_as, token, self.attempt_s)
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting: deque[Job] = deque()
        self._fatal = False
        served = await self._address.get("/v1/models")
        self._models = served
        names = [str(m.get("id")) for m in served.get("data", [])] if isinstance(served, dict) else []
        if self.model not in names:
            raise EngineError(f"{self.url}: serves {', '.join(names) or 'no model'}, not {self.model!r}")
        version = await self._version()
        if isinstance(self.where, StartedServer):
            return replace(self.where.identity, engine=f"server/{self.dialect}", version=version)
        assert self.what is not None
        said = self.what
        weights = "declared:" + key("declared", said.model, said.revision, self.model).hex()
        return Identity(
            said.model, said.revision, weights, f"server/{self.dialect}", version, said.adapter, said.quantisation,
            said.chat_template,
        )  # fmt: skip

    async def _version(self) -> str:
        """The server's version where it has one; finds out its dialect on the way."""
        props = await self._address.get("/props", needed=False)
        if isinstance(props, dict) and "build_info" in props:
            self.dialect = self.dialect or "llama_cpp"
            return str(props["build_info"])
        said = await self._address.get("/version", needed=False)
        if isinstance(said, dict) and "version" in said:
            self.dialect = self.dialect or "vllm"
            return str(said["version"])
        self.dialect = self.dialect or "openai"
        return ""

    def _begin(self, job: Job) -> None:
        self._waiting.append(job)
        self._fill()

    def _fill(self) -> None:
        """Sends what waits, as far as the limit allows."""
        while self._waiting and len(self._tasks) < int(self.concurrency.limit) and not self._fatal:
            task = self._loop.create_task(self._answer(self._waiting.popleft()))
            self._tasks.add(task)
            task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._fill()
        if not task.cancelled() and (bug := task.exception()) is not None:
            self._stop(bug)

    async def _end(self) -> None:
        self._fatal = True
        for task in list(getattr(self, "_tasks", ())):
            task.cancel()
        if hasattr(self, "_address"):
            await self._address.close()

    async def _answer(self, job: Job) -> None:
        """One sample until it is answered, a fault, or the run's end."""
        began, attempts = time.monotonic(), 0
        try:
            content = orjson.dumps(wire.body(job, self.model, self.dialect or "openai"))
        except (RequestError, TypeError) as error:
            self._fault(job, "refused", str(error), 1)
            return
        while not self._fatal:
            attempts += 1
            left = self.deadline_s - (time.monotonic() - began)
            sent = time.monotonic()
            try:
                answer = await self._address.ask(job, content, min(left, self.attempt_s))
            except Again as failed:
                if failed.push_back:
                    self.concurrency.pushed_back()
                await self._check_alive(str(failed))
                wait = pause(job.key, attempts, failed.pause)
                if time.monotonic() - began + wait >= self.deadline_s:
                    message = f"no answer within {self.deadline_s:g} s, {attempts} attempts; the last: {failed}"
                    self._fault(job, failed.kind, message, attempts)
                    return
                await asyncio.sleep(wait)
                continue
            except EngineError as error:
                self._stop(error)
                return
            seconds = time.monotonic() - sent
            if isinstance(answer, Fault):
                self._answers.put(replace(answer, attempts=attempts, at=int(time.time())))
                return
            self.concurrency.answered(len(self._tasks), seconds)
            done = replace(answer, seconds=round(seconds, 4), attempts=attempts, at=int(time.time()))
            self._answers.put(done)
            return

    async def _check_alive(self, last: str) -> None:
        """After a long silence, ask for something cheap: one prompt that hangs is a fault of its row, not the server's end."""
        silent = time.monotonic() - self._address.heard
        if silent < self.dead_after_s:
            return
        if await self._address.get("/v1/models", needed=False) is not None:
            self._address.heard = time.monotonic()
        else:
            self._stop(EngineError(f"{self.url}: no answer to anything for {silent:.0f} s; the last: {last}"))

    def _stop(self, error: BaseException) -> None:
        if not self._fatal:
            self._fatal = True
            self._answers.put(error)

    def _fault(self, job: Job, kind: FaultKind, message: str, attempts: int) -> None:
        fault = Fault(job.key, job.request_key, job.sample, kind, message, attempts=attempts, at=int(time.time()))
        self._answers.put(fault)
