"""The OpenAI wire format, as three kinds of servers speak it: what is sent for a sample, and what an answer means.

The two endpoints are `/v1/chat/completions` and, for raw prompts, `/v1/completions`. All sampling parameters are sent, neutral ones
too, because defaults differ. A dialect names what lies outside OpenAI's own parameters:

    vllm       top_k, min_p, repetition_penalty; structured_outputs {json | choice | regex}
    llama_cpp  top_k, min_p, repeat_penalty; response_format {json_schema}; grammar (a choice or a regex becomes one)
    openai     none of these: a request that needs one is refused
"""

import re
from collections.abc import Mapping
from typing import Any, Literal

import orjson

from synth.engine.grammar import choice_grammar, regex_grammar
from synth.engine.request import Completion, Finish, Job, RequestError, Sampling, Structure

Dialect = Literal["vllm", "llama_cpp", "openai"]

CHAT, RAW = "/v1/chat/completions", "/v1/completions"

_FINISHES: Mapping[str, Finish] = {
    "stop": "stop",
    "eos": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}
ONLY_OPENAI = (
    "this server knows only OpenAI's own parameters (no top_k, min_p, repetition_penalty, template arguments, "
    "choice or regex)"
)
SAY_DIALECT = "say `dialect: vllm` or `dialect: llama_cpp` if it is one"
_CONTEXT = re.compile(r"context (?:length|size)|maximum (?:model )?length|max_model_len", re.I)


class Malformed(Exception):
    """An answer that is not what the wire format says; asking again may help."""


class PromptTooLong(Exception):
    """The server counts more tokens than its context has."""

    def __init__(self, message: str, value: int | None, limit: int | None):
        super().__init__(message)
        self.value, self.limit = value, limit


def unsayable(sampling: Sampling, structure: Structure | None = None) -> str:
    """What of this lies outside OpenAI's own parameters, so that the dialect `openai` cannot ask for it; "" for nothing.

    >>> unsayable(Sampling(max_tokens=8, temperature=0.0), Structure.choice(("ア", "イ"))), unsayable(Sampling(8, 1.0, top_k=40))
    ('a choice', 'top_k')
    """
    if structure is not None and structure.kind != "json_schema":
        return f"a {structure.kind}"
    neutral = {"top_k": 0, "min_p": 0.0, "repetition_penalty": 1.0}
    return next((name for name, value in neutral.items() if getattr(sampling, name) != value), "")


def path(job: Job) -> str:
    """The endpoint that a sample is asked at."""
    return CHAT if job.request.prompt is None else RAW


def body(job: Job, model: str, dialect: Dialect) -> dict[str, Any]:
    """The JSON body that asks for one sample. Raises RequestError for what the dialect cannot say."""
    request, sampling = job.request, job.request.sampling
    made: dict[str, Any] = {
        "model": model,
        "max_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "presence_penalty": sampling.presence_penalty,
        "frequency_penalty": sampling.frequency_penalty,
        "seed": job.seed,
        "stream": False,
    }
    if request.prompt is None:
        made["messages"] = list(request.messages)
        if request.tools:
            made |= {"tools": list(request.tools), "tool_choice": "auto"}
        if sampling.logprobs is not None:
            made |= {"logprobs": True, "top_logprobs": sampling.logprobs}
    else:
        made["prompt"] = request.prompt
        if sampling.logprobs is not None:
            made["logprobs"] = max(1, sampling.logprobs)
    if sampling.stop:
        made["stop"] = list(sampling.stop)
    return made | _beyond_openai(job, dialect)


def _beyond_openai(job: Job, dialect: Dialect) -> dict[str, Any]:
    request, sampling, structure = job.request, job.request.sampling, job.request.structure
    made: dict[str, Any] = {"chat_template_kwargs": dict(request.template)} if request.template else {}
    if structure is not None and structure.kind == "json_schema":
        schema = orjson.loads(str(structure.value))
        if dialect == "vllm":
            made["structured_outputs"] = {"json": schema, "disable_any_whitespace": True}
        else:
            form = {"name": "answer", "strict": True, "schema": schema}
            made["response_format"] = {"type": "json_schema", "json_schema": form}
    if dialect == "openai":
        if (wanted := unsayable(sampling, structure) or ("template arguments" if request.template else "")) != "":
            raise RequestError(f"{ONLY_OPENAI}, and {wanted} is wanted; {SAY_DIALECT}")
        return made
    penalty = "repetition_penalty" if dialect == "vllm" else "repeat_penalty"
    made |= {"top_k": sampling.top_k, "min_p": sampling.min_p, penalty: sampling.repetition_penalty}
    if structure is None or structure.kind == "json_schema":
        return made
    if dialect == "vllm":
        value = list(structure.value) if structure.kind == "choice" else structure.value
        return made | {"structured_outputs": {structure.kind: value}}
    if structure.kind == "choice":
        return made | {"grammar": choice_grammar(tuple(structure.value))}
    return made | {"grammar": regex_grammar(str(structure.value))}


def read(answer: Any, job: Job) -> Completion:
    """The completion that a server's answer holds. Raises Malformed, naming what is missing.

    `seconds`, `attempts` and `at` are the caller's to know.
    """
    try:
        choice = answer["choices"][0]
        usage = answer.get("usage") or {}
        message = choice.get("message") or {"content": choice.get("text")}
        content, calls = message.get("content"), message.get("tool_calls") or []
        finish = _FINISHES[choice["finish_reason"]]
        mean, logprobs = _logprobs(choice.get("logprobs"))
        if not (isinstance(content, str) or (content is None and (calls or choice.get("message") is not None))):
            raise Malformed(f"the answer's content is no text: {content!r:.80}")
        return Completion(
            key=job.key,
            request_key=job.request_key,
            sample=job.sample,
            seed=job.seed,
            text=content or "",
            finish="tool_calls" if calls else finish,
            model=str(answer["model"]),
            prompt_tokens=usage.get("prompt_tokens"),
            completion_tokens=usage.get("completion_tokens"),
            tool_calls=orjson.dumps([_call(c) for c in calls]).decode() if calls else "",
            reasoning=message.get("reasoning_content") or message.get("reasoning"),
            logprob_mean=mean,
            logprobs=logprobs,
        )
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        raise Malformed(f"the answer lacks what the wire format has ({type(error).__name__}: {error})") from None


def refusal(answer: Any, status: int) -> tuple[str, PromptTooLong | None]:
    """What a server says with an error status, and the counts when it says that the prompt is too long."""
    error = answer.get("error", answer) if isinstance(answer, dict) else answer
    said: dict[str, Any] = error if isinstance(error, dict) else {"message": str(error)}
    message = f"status {status}: {said.get('message') or said}"[:500]
    if said.get("type") == "exceed_context_size_error":
        return message, PromptTooLong(message, said.get("n_prompt_tokens"), said.get("n_ctx"))
    if said.get("code") == "context_length_exceeded" or _CONTEXT.search(message):
        counts = [int(n) for n in re.findall(r"(\d[\d_]*) (?:input |output )?tokens", message)]
        limit = min(counts, default=None)
        return message, PromptTooLong(message, max(counts, default=None), limit)
    return message, None


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    """A tool call without the server's own numbering: name and arguments as it wrote them."""
    function = call["function"]
    return {"name": function["name"], "arguments": function["arguments"]}


def _logprobs(found: Any) -> tuple[float | None, str]:
    """Mean log-probability of the drawn tokens, and all of them as JSON; (None, "") where there are none."""
    if not found:
        return None, ""
    rows: list[list[Any]]
    if (content := found.get("content")) is not None:
        rows = [
            [t["token"], t["logprob"], {o["token"]: o["logprob"] for o in t.get("top_logprobs") or ()}] for t in content
        ]
    else:
        tops = found.get("top_logprobs") or [None] * len(found["tokens"])
        rows = [
            list(row) for row in zip(found["tokens"], found["token_logprobs"], (t or {} for t in tops), strict=True)
        ]
    if not rows:
        return None, ""
    return sum(row[1] for row in rows) / len(rows), orjson.dumps(rows).decode()
