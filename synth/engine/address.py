"""One address that speaks the OpenAI wire format: a request sent once, and what its answer means.

An answer is a completion or a fault of its row; what another attempt may heal is raised as `Again`, and what concerns every request
as `EngineError`: a wrong key, an address without the endpoint, a redirect, another model's name.
"""

import time
from typing import TYPE_CHECKING, Any

import orjson

from curation.secrets_left_out import without_secrets
from synth.engine import wire
from synth.engine.engine import EngineError
from synth.engine.request import Answer, Fault, Job
from synth.engine.retries import PUSHED_BACK, RETRIED, Again, retry_after

if TYPE_CHECKING:
    import aiohttp

_LARGEST = 64 << 20
_REFUSED_AT_FIRST = 8
"""Refusals in a row, before any answer, after which the parameters and not the prompts are at fault."""


class Address:
    """A server's address with an open session; used on one event loop.

    url: without `/v1`. answers_as: the model's name that answers must bear. token: API key, or None. seconds: longest wait for an
    answer that has no limit of its own.
    """

    def __init__(self, url: str, answers_as: str, token: str | None, seconds: float):
        import aiohttp

        self._aiohttp = aiohttp
        self.url, self.answers_as, self._token = url.rstrip("/").removesuffix("/v1"), answers_as, token
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=30)
        timeout = aiohttp.ClientTimeout(total=seconds)
        self._session = aiohttp.ClientSession(connector=connector, headers=headers, timeout=timeout)
        self.heard = time.monotonic()
        """When the server last answered anything that was no push-back."""
        self._refused = 0

    def _hidden(self, said: str) -> str:
        """What was said, without the key: servers quote it when they refuse it."""
        return without_secrets(said.replace(self._token, "[key]") if self._token else said)

    async def close(self) -> None:
        """Closes the session and its connections."""
        await self._session.close()

    async def get(self, path: str, *, needed: bool = True) -> Any:
        """JSON at a path; None where there is none and it is not needed. Raises EngineError where it is."""
        try:
            async with self._session.get(self.url + path) as response:
                content = await response.read()
                if response.status == 200:
                    return orjson.loads(content)
                problem = self._hidden(f"status {response.status} {content[:200].decode(errors='replace')}")
        except (self._aiohttp.ClientError, TimeoutError, orjson.JSONDecodeError) as error:
            problem = self._hidden(f"{type(error).__name__}: {error}")
        if needed:
            raise EngineError(f"{self.url}{path}: no OpenAI-compatible server answers here ({problem})")
        return None

    async def ask(self, job: Job, content: bytes, seconds: float) -> Answer:
        """Asks once. Raises Again for what may heal, EngineError for what concerns every request."""
        url = self.url + wire.path(job)
        timeout = self._aiohttp.ClientTimeout(total=max(0.01, seconds))
        try:
            async with self._session.post(url, data=content, timeout=timeout, allow_redirects=False) as response:
                status, wait = response.status, retry_after(response.headers.get("Retry-After"))
                raw = await _body(response)
        except TimeoutError:
            raise Again("deadline", f"no answer after {seconds:.1f} s") from None
        except (self._aiohttp.ClientError, OSError) as error:
            raise Again("server_error", self._hidden(f"{type(error).__name__}: {error}")) from None
        if status in RETRIED:
            said = self._hidden(raw[:200].decode(errors="replace"))
            raise Again("server_error", f"status {status}: {said}", push_back=status in PUSHED_BACK, pause=wait)
        try:
            answer = orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            if status == 200:
                raise Again("malformed_answer", f"not JSON: {error}", push_back=False) from None
            answer = raw[:300].decode(errors="replace")
        self.heard = time.monotonic()
        if status != 200:
            return self._refusal(job, answer, status)
        self._same_model(answer)
        try:
            made = wire.read(answer, job)
            self._refused = -1
            return made
        except wire.Malformed as error:
            raise Again("malformed_answer", str(error), push_back=False) from None

    def _refusal(self, job: Job, answer: Any, status: int) -> Fault:
        """The fault of a request that the server refuses; raises EngineError where it would refuse any."""
        message, too_long = wire.refusal(answer, status)
        message = self._hidden(message)
        if status in (301, 302, 303, 307, 308, 401, 403, 404, 405):
            raise EngineError(f"{self.url}{wire.path(job)}: {message}")
        if too_long is not None:
            return Fault(
                job.key, job.request_key, job.sample, "prompt_too_long", message, too_long.value, too_long.limit,
                at=int(time.time()),
            )  # fmt: skip
        if self._refused >= 0:
            self._refused += 1
            if self._refused >= _REFUSED_AT_FIRST:
                raise EngineError(f"{self.url}: refused the first {self._refused} requests; the last: {message}")
        return Fault(job.key, job.request_key, job.sample, "refused", message, at=int(time.time()))

    def _same_model(self, answer: Any) -> None:
        name = answer.get("model") if isinstance(answer, dict) else None
        if isinstance(answer, dict) and "choices" in answer and name != self.answers_as:
            raise EngineError(
                f"{self.url}: an answer is by model {name!r}, the recipe names {self.answers_as!r}; nothing of it was stored. "
                "If this server names its model otherwise, say so as `answers_as`"
            )


async def _body(response: "aiohttp.ClientResponse") -> bytes:
    """The body of an answer, up to a size that no answer has."""
    parts, size = [], 0
    async for part in response.content.iter_any():
        parts.append(part)
        size += len(part)
        if size > _LARGEST:
            raise Again("malformed_answer", f"an answer of more than {_LARGEST >> 20} MiB", push_back=False)
    return b"".join(parts)
