"""The key of a completion: a hash of everything that shapes it, so that an edited prompt never meets an old answer.

    request key = hash(identity of the engine and model, messages or raw prompt, tools, structure, sampling, template arguments, seed)
    sample key  = hash(request key, i)
    sample seed = 31 bits of hash(request key, i, "seed")

The identity holds model, revision, weight hash, adapter, quantisation, chat template, engine and its version. How many samples are
wanted is not part of the key: a request that was killed with five of eight answers asks for three, and one that wants
twelve later asks for four. Seeds have 31 bits because servers differ in what they take beyond (llama.cpp reads 2³² − 1 as "random").
"""

from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import orjson

from curation.provenance import key
from synth.engine.request import Job, Request, RequestError, Sampling

KEY_FORMAT = 1
"""Version of the key's layout; part of every key."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What answers: everything about engine and model that may change an answer.

    model: the policy's name of the model. revision: commit or version of its weights. weights: SHA-256 over its files, or
    `declared:…` for a server that was not started from a hashed folder. adapter: the same for a LoRA adapter, "" for none.
    quantisation: of weights and computation, e.g. `Q4_1`, `bfloat16`. chat_template: SHA-256 of a template given in place of the
    model's own, "" for its own (which the weight hash covers). engine, version: e.g. `vllm`, `0.32.0`. verified: we hashed
    the weights and started the engine ourselves.
    """

    model: str
    revision: str
    weights: str
    engine: str
    version: str
    adapter: str = ""
    quantisation: str = ""
    chat_template: str = ""
    verified: bool = False


def canonical(value: Any) -> bytes:
    """A JSON value as bytes: sorted keys, no spaces, UTF-8. Raises RequestError for what JSON cannot hold (a lone surrogate)."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except (orjson.JSONEncodeError, TypeError) as error:
        raise RequestError(f"the request cannot be written as JSON: {error}") from error


def identity_key(identity: Identity) -> bytes:
    """Key of an engine's identity, 128 bits: computed once, part of every request key."""
    return key("identity", KEY_FORMAT, canonical(asdict(identity)))


def request_key(of_identity: bytes, request: Request) -> bytes:
    """Key of a request to an engine, 128 bits."""
    structure = request.structure
    form = None if structure is None else [structure.kind, structure.value]
    said = request.messages if request.prompt is None else request.prompt
    content = [said, request.tools, form, _sampling(request.sampling), dict(request.template), request.seed]
    return key("request", of_identity, canonical(content))


@lru_cache(256)
def _sampling(sampling: Sampling) -> dict[str, Any]:
    """As a mapping, whose keys are sorted when it is written; the requests of a task share a few."""
    return asdict(sampling)


def job(of_request: bytes, request: Request, sample: int) -> Job:
    """Sample `sample` of a request: its own key and seed."""
    seed = int.from_bytes(key("seed", of_request, sample)[:4], "big") & 0x7FFFFFFF
    return Job(key("sample", of_request, sample), of_request, sample, seed, request)
