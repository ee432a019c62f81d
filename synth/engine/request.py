"""What is asked of an engine and what comes back: one request, its n samples, and each sample's answer.

A request says everything that shapes its answers, so that its content is its key (`synth/engine/content_key.py`): nothing is left to
an engine's own defaults, which differ (llama.cpp cuts at min_p 0.05 and top_k 40 unless told otherwise, others do not).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

Message = Mapping[str, Any]
"""As in the OpenAI API: `role` (system, user, assistant, tool), `content`, and `tool_calls` or `tool_call_id` where there is one."""

Finish = Literal["stop", "length", "tool_calls", "content_filter"]
"""Why an answer ended: by itself or at a stop string, at `max_tokens` or the context's end, with a call, by the server's filter."""


class RequestError(ValueError):
    """A request that no engine could answer: said before anything is sent."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are drawn. What has a default here is neutral: it changes nothing about the model's own distribution.

    max_tokens: most tokens of an answer, ≥ 1. temperature: 0 is greedy. top_p in (0, 1]; top_k, 0 is off; min_p in [0, 1).
    stop: strings that end an answer and are not part of it. logprobs: how many tokens' log-probabilities to keep at each
    position beside the drawn one's, None for none at all.
    """

    max_tokens: int
    temperature: float
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    repetition_penalty: float = 1.0
    stop: tuple[str, ...] = ()
    logprobs: int | None = None

    def __post_init__(self) -> None:
        bounds = (
            ("max_tokens", self.max_tokens >= 1, "≥ 1"),
            ("temperature", 0 <= self.temperature <= 10, "in [0, 10]"),
            ("top_p", 0 < self.top_p <= 1, "in (0, 1]"),
            ("top_k", self.top_k >= 0, "≥ 0, 0 being off"),
            ("min_p", 0 <= self.min_p < 1, "in [0, 1)"),
            ("repetition_penalty", self.repetition_penalty > 0, "> 0"),
            ("logprobs", self.logprobs is None or 0 <= self.logprobs <= 20, "None or in [0, 20]"),
            ("stop", all(self.stop), "strings that are not empty"),
        )
        for name, holds, right in bounds:
            if not holds:
                raise RequestError(f"sampling: {name} must be {right}, not {getattr(self, name)!r}")


@dataclass(frozen=True, slots=True)
class Structure:
    """The form that an answer is held to while it is drawn: a JSON schema, one of a few strings, or a regular expression.

    json_schema: the schema as JSON text, so that two equal schemas are equal bytes once they are canonical.
    """

    kind: Literal["json_schema", "choice", "regex"]
    value: str | tuple[str, ...]

    def __post_init__(self) -> None:
        if self.kind == "choice" and not (isinstance(self.value, tuple) and self.value and all(self.value)):
            raise RequestError(f"structure: choice wants strings that are not empty, not {self.value!r}")
        if self.kind != "choice" and not isinstance(self.value, str):
            raise RequestError(f"structure: {self.kind} wants one string, not {self.value!r}")

    @classmethod
    def json_schema(cls, schema: Mapping[str, Any]) -> "Structure":
        """A structure from a JSON schema. Raises RequestError when it is no schema (an unknown type, `required` that is no list)."""
        from jsonschema import Draft202012Validator
        from jsonschema.exceptions import SchemaError

        try:
            Draft202012Validator.check_schema(schema)
        except SchemaError as error:
            where = "/".join(map(str, error.absolute_path)) or "the schema"
            raise RequestError(f"structure: no JSON schema: {where}: {error.message}") from None
        return cls("json_schema", orjson.dumps(schema, option=orjson.OPT_SORT_KEYS).decode())

    @classmethod
    def choice(cls, options: Sequence[str]) -> "Structure":
        """The answer is one of these strings."""
        return cls("choice", tuple(options))

    @classmethod
    def regex(cls, pattern: str) -> "Structure":
        """The whole answer matches the pattern."""
        return cls("regex", pattern)


@dataclass(frozen=True, slots=True)
class Request:
    """One prompt and what is wanted of it.

    id: whose request it is (a row's id); not part of its content, so two rows with the same request share its answers.
    messages: the whole conversation so far; or `prompt`, raw text that the model goes on with (no chat template: Magpie's way
    of letting the model write the user's turn). n: samples wanted; each has a seed of its own, derived from the content and its
    number. seed: the recipe's, part of the content. tools: JSON-schema descriptions as in the OpenAI API.
    """

    id: bytes
    messages: tuple[Message, ...]
    sampling: Sampling
    n: int = 1
    seed: int = 0
    tools: tuple[Mapping[str, Any], ...] = ()
    structure: Structure | None = None
    prompt: str | None = None
    template: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Arguments of the model's own chat template, e.g. `enable_thinking`."""

    def __post_init__(self) -> None:
        if (self.prompt is None) == (not self.messages):
            raise RequestError("a request has either messages or a raw prompt")
        if self.n < 1:
            raise RequestError(f"n must be ≥ 1, not {self.n}")
        if self.n > 1 and self.sampling.temperature == 0:
            raise RequestError(f"n = {self.n} at temperature 0 asks the same answer {self.n} times; use n = 1 or draw")
        for i, message in enumerate(self.messages):
            if message.get("role") not in ("system", "user", "assistant", "tool"):
                raise RequestError(
                    f"message {i}: role must be system, user, assistant or tool, not {message.get('role')!r}"
                )


@dataclass(frozen=True, slots=True)
class Job:
    """One sample to be drawn: sample `sample` of a request, under its own key and seed (31 bits)."""

    key: bytes
    request_key: bytes
    sample: int
    seed: int
    request: Request


@dataclass(frozen=True, slots=True)
class Completion:
    """One sample as it came back.

    model: the name that the engine answered with. tool_calls: JSON list as text, "" when there is none. reasoning: what the model
    thought before it answered, where the engine tells it apart; null else. prompt_tokens, completion_tokens: as the engine counted,
    null where it does not say.
    logprob_mean: mean natural log-probability of the drawn tokens, null unless asked. logprobs: JSON list of one
    `[token, logprob, {other: logprob}]` a token, "" unless asked. seconds: from sending to the last byte, the last
    attempt only. attempts: 1 when the first one held. at: Unix seconds when it was complete. Times are about the run, not the row.
    """

    key: bytes
    request_key: bytes
    sample: int
    seed: int
    text: str
    finish: Finish
    model: str
    prompt_tokens: int | None
    completion_tokens: int | None
    tool_calls: str = ""
    reasoning: str | None = None
    logprob_mean: float | None = None
    logprobs: str = ""
    seconds: float = 0.0
    attempts: int = 1
    at: int = 0


FaultKind = Literal["prompt_too_long", "refused", "malformed_answer", "deadline", "server_error"]
"""Why a sample has no answer: the prompt does not fit this context, the engine refuses it, its answer is none, or it gave none."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One sample that has no answer, and why. value, limit: tokens found and allowed for `prompt_too_long`, else null.

    at: Unix seconds when it was given up.
    """

    key: bytes
    request_key: bytes
    sample: int
    kind: FaultKind
    message: str
    value: int | None = None
    limit: int | None = None
    attempts: int = 1
    at: int = 0

    def lasts(self, context: int | None, since: float | None = None) -> bool:
        """Whether asking again would only repeat it, or has been tried already.

        context: tokens of the engine that would be asked, None where it does not say. since: Unix seconds from which a fault is this
        run's own and stays; of an earlier run's, all are asked again but a prompt too long for this context too. None: none is
        of an earlier run, and only a prompt that found a smaller context is asked again.
        """
        if since is not None and self.at >= since:
            return True
        if self.kind == "prompt_too_long" and context is not None and self.limit is not None:
            return self.limit >= context
        return since is None


Answer = Completion | Fault
