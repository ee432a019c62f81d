"""The `llama_cpp` engine: a GGUF file loaded into this process, the default on a laptop.

llama.cpp's own server runs inside the process (package `xllamacpp`, wheels for CPUs and GPUs) and answers in its slots side by side.
Twice as many samples as slots are handed to it, so that a slot that ends finds its next prompt waiting. Its address on 127.0.0.1
is locked with a key that nobody knows. Choices and regular expressions become grammars (`synth/engine/grammar.py`).
"""

import mmap
import queue
import secrets
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from synth.engine import wire
from synth.engine.content_key import Identity
from synth.engine.engine import Engine, EngineError
from synth.engine.request import Answer, Fault, FaultKind, Job, RequestError
from synth.messages import for_template
from synth.weights import weigh

STEP = 256
"""Tokens by which llama.cpp counts a context."""


def context_problem(context: int) -> str:
    """Why a context cannot be, in words; "" where it can.

    >>> context_problem(1024), context_problem(300)
    ('', 'context is counted in steps of 256 tokens: say 256 or 512, not 300')
    """
    if context >= STEP and context % STEP == 0:
        return ""
    below = context // STEP * STEP
    near = f"{below} or {below + STEP}" if below >= STEP else f"{STEP}"
    return f"context is counted in steps of {STEP} tokens: say {near}, not {context}"


class LlamaCpp(Engine):
    """Draws samples from a GGUF file.

    path: the file. model, revision: the policy's name of it. licence: its licence text where that does not lie beside it.
    context: tokens of prompt and answer together, a multiple of 256 (llama.cpp counts them in such steps, and would round up in
    silence), for each of `slots` samples at a time. threads: of the CPU; all cores
    when not given (fewer where others work beside it: threads that wait for each other lose more than one core). gpu_layers:
    layers on a GPU, 0 for none. chat_template: a Jinja template in place of the model's own.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        model: str,
        revision: str,
        context: int,
        slots: int = 4,
        licence: str | Path | None = None,
        threads: int | None = None,
        gpu_layers: int = 0,
        chat_template: str | None = None,
    ):
        if (problem := context_problem(context)) or slots < 1:
            raise RequestError(f"llama_cpp: {problem or f'slots must be ≥ 1, not {slots}'}")
        self.path, self.model, self.revision, self.licence = Path(path), model, revision, licence
        self.context = self._context = context
        self.slots, self.threads, self.gpu_layers = slots, threads, gpu_layers
        self.chat_template = chat_template
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[Answer | BaseException] = queue.SimpleQueue()
        self._in_flight = 0
        self._known: Identity | None = None
        self._template = ""
        self._workers: list[threading.Thread] = []

    def identify(self) -> Identity:
        """Hashes the file. Raises EngineError, or ModelFolderError for a file without licence."""
        self.weights = weigh(self.path, self.licence)
        parts = self.path.name.split(".")
        template = "" if self.chat_template is None else _digest(self.chat_template)
        self._known = Identity(
            self.model, self.revision, self.weights.sha256, "llama_cpp", _xllamacpp().__version__,
            quantisation=parts[-2] if len(parts) > 2 else "", chat_template=template, verified=True,
        )  # fmt: skip
        return self._known

    def setup(self) -> Identity:
        """Hashes the file, loads it and starts the workers. Raises EngineError, or ModelFolderError for a file without licence."""
        identity, xllamacpp = self._known or self.identify(), _xllamacpp()
        self._known = None
        self._jobs, self._answers, self._in_flight = queue.SimpleQueue(), queue.SimpleQueue(), 0
        settings = xllamacpp.CommonParams()
        settings.model.path = str(self.path)
        settings.model_alias = {self.model}
        settings.n_ctx, settings.n_parallel = self._context * self.slots, self.slots
        settings.n_gpu_layers = self.gpu_layers
        settings.use_jinja, settings.verbosity, settings.warmup = True, -1, False
        settings.api_keys = [secrets.token_urlsafe(24)]
        if self.threads is not None:
            settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = self.threads
        if self.chat_template is not None:
            settings.chat_template = self.chat_template
        try:
            self._server: Any = xllamacpp.Server(settings)
        except (RuntimeError, ValueError) as error:
            raise EngineError(f"{self.path}: llama.cpp cannot load it: {error}") from error
        self._template = template_of(self.path) if self.chat_template is None else self.chat_template
        self._workers = [threading.Thread(target=self._work, daemon=True) for _ in range(2 * self.slots)]
        for worker in self._workers:
            worker.start()
        return identity

    def room(self) -> int:
        """Twice the slots, less what is in flight."""
        return max(0, 2 * self.slots - self._in_flight)

    def submit(self, job: Job) -> None:
        """Hands the sample to the next free worker."""
        self._in_flight += 1
        self._jobs.put(job)

    def collect(self, timeout: float) -> Sequence[Answer]:
        """Answers since the last call."""
        found: list[Answer] = []
        while True:
            try:
                item = self._answers.get(timeout=timeout) if not found else self._answers.get_nowait()
            except queue.Empty:
                return found
            if isinstance(item, BaseException):
                raise item
            self._in_flight -= 1
            found.append(item)

    def describe(self) -> Mapping[str, Any]:
        """File and settings."""
        return {"file": self.path.name, "context": self.context, "slots": self.slots, "gpu_layers": self.gpu_layers}

    def close(self) -> None:
        """Ends the workers and frees the model; samples in flight are finished first."""
        for _ in self._workers:
            self._jobs.put(None)
        for worker in self._workers:
            worker.join()
        self._workers = []
        self._server = None

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                self._answers.put(self._ask(job))
            except BaseException as error:  # a worker has nobody else to tell
                self._answers.put(error)

    def _ask(self, job: Job) -> Answer:
        began = time.monotonic()
        ask = self._server.handle_chat_completions if job.request.prompt is None else self._server.handle_completions
        try:
            # a template that knows no calls would leave them out of the prompt without a word
            messages = tuple(for_template(job.request.messages, self._template))
            told = replace(job, request=replace(job.request, messages=messages))
            answer = ask(wire.body(told, self.model, "llama_cpp"))
        except RequestError as error:
            return _fault(job, "refused", str(error))
        except RuntimeError as error:
            raise EngineError(f"{self.path}: llama.cpp failed: {error}") from error
        if "error" in answer:
            code = int(answer["error"].get("code") or 500)
            message, too_long = wire.refusal(answer, code)
            if too_long is not None:
                return _fault(job, "prompt_too_long", message, too_long.value, too_long.limit)
            return _fault(job, "refused" if code < 500 else "server_error", message)
        try:
            made = wire.read(answer, job)
        except wire.Malformed as error:
            return _fault(job, "malformed_answer", str(error))
        return replace(made, seconds=round(time.monotonic() - began, 4), at=int(time.time()))


METADATA = 64 << 20
"""Bytes at a GGUF file's head in which its chat template is looked for."""


def template_of(path: Path) -> str:
    """The chat templates that a GGUF file holds (`tokenizer.chat_template` and its variants), one after the other; "" for none.

    A text in GGUF is its type (8), its length (64 bits) and its bytes: the format's specification in the repository of ggml.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        found, at = "", 0
        while (at := data.find(b"tokenizer.chat_template", at, METADATA)) >= 0:
            size = int.from_bytes(data[at - 8 : at], "little")  # of the key, which stands before it like any text
            at += size if 23 <= size <= 100 else 23
            if int.from_bytes(data[at : at + 4], "little") == 8:
                length = int.from_bytes(data[at + 4 : at + 12], "little")
                found += data[at + 12 : at + 12 + min(length, METADATA)].decode(errors="replace")
        return found


def _xllamacpp() -> Any:
    try:
        import xllamacpp
    except ImportError as error:
        raise EngineError("llama_cpp: `uv sync --extra llama_cpp` (the package xllamacpp) is missing") from error
    return xllamacpp


def _fault(job: Job, kind: FaultKind, message: str, value: int | None = None, limit: int | None = None) -> Fault:
    return Fault(job.key, job.request_key, job.sample, kind, message, value, limit, at=int(time.time()))


def _digest(text: str) -> str:
    import hashlib

    return hashlib.sha256(text.encode()).hexdigest()
