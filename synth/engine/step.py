"""Generation as a step of a datatrove pipeline: prompts flow in as record batches, rows flow out as their answers come.

Each task has an engine of its own (or shares a server), writes into its own shard of the store and reads all shards, so a cluster
works through partitions of prompts in parallel and a task that is started again asks only for what is missing. The window reaches
over batches: nothing waits for the last answer of a batch. Rows leave in the order of their answers; the sink sorts them by id.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pyarrow as pa
from datatrove.pipeline.base import PipelineStep

from curation.provenance import key
from curation.step import Batch, Rejected
from synth.dialogue import schema
from synth.engine.content_key import Identity, canonical
from synth.engine.engine import Engine
from synth.engine.figures import Figures
from synth.engine.generate import generate
from synth.engine.request import Answer, Completion, Fault, Request
from synth.engine.store import Store

WRITES = (
    "id", "answer", "answer_origin", "completion_key", "model", "revision", "weights", "verified", "engine", "sampling", "structure",
    "seed", "sample", "finish", "prompt_tokens", "completion_tokens", "logprob_mean",
)  # fmt: skip
"""Columns that one completion gives its row."""

BATCH_ROWS = 1024


class Generate(PipelineStep):
    """Answers prompts.

    engine: makes the task's engine (a function, since an engine holds threads and cannot travel). store: folder of the store.
    requests: from a batch to its requests, whose ids name the prompt's rows. show: called with the figures once in a while.
    """

    type = "seimai"
    name = "generate"

    def __init__(
        self,
        engine: Callable[[], Engine],
        store: str,
        requests: Callable[[Batch], Iterable[Request]],
        *,
        retry_faults: bool = False,
        show: Callable[[Figures], None] | None = None,
    ):
        super().__init__()
        self.engine, self.store, self.requests = engine, store, requests
        self.retry_faults, self.show = retry_faults, show
        self.figures = Figures()

    def run(self, data: Iterable[Any], rank: int = 0, world_size: int = 1) -> Iterator[Batch | Rejected]:
        """Rows with the columns of `WRITES`; samples that have no answer as rejected rows, with the fault as their reason."""
        engine, beside = self.engine(), list[Rejected]()
        self.figures = Figures(devices=engine.devices)
        kept: list[dict[str, Any]] = []
        with engine as identity, Store(self.store, rank) as store:
            wanted = self._requests(data, beside)
            options: dict[str, Any] = {"faults_since": time.time() if self.retry_faults else None, "show": self.show}
            for request, answers in generate(engine, identity, wanted, store, figures=self.figures, **options):
                yield from beside
                beside.clear()
                faults = [a for a in answers if isinstance(a, Fault)]
                kept += [answer_row(request, a, identity) for a in answers if isinstance(a, Completion)]
                if faults:
                    yield Rejected(_rejected(request, faults))
                if len(kept) >= BATCH_ROWS:
                    yield pa.RecordBatch.from_pylist(kept, schema=schema(WRITES))
                    kept = []
        yield from beside
        if kept:
            yield pa.RecordBatch.from_pylist(kept, schema=schema(WRITES))
        for name in ("requests", "stored", "asked", "completions", "prompt_tokens", "completion_tokens", "retries"):
            self.stat_update(name, value=getattr(self.figures, name))

    def _requests(self, data: Iterable[Any], beside: list[Rejected]) -> Iterator[Request]:
        for item in data:
            if isinstance(item, Rejected):
                beside.append(item)
            else:
                yield from self.requests(item)


def answer_row(request: Request, answer: Completion, identity: Identity) -> dict[str, Any]:
    """What a completion gives its row, by column. Nothing in it is about the run that asked."""
    structure = request.structure
    sampling = {name: getattr(request.sampling, name) for name in request.sampling.__slots__}
    return {
        "id": row_id(request, answer),
        "answer": answer.text,
        "answer_origin": "model",
        "completion_key": answer.key,
        "model": identity.model,
        "revision": identity.revision,
        "weights": identity.weights,
        "verified": identity.verified,
        "engine": f"{identity.engine} {identity.version}".strip(),
        "quantisation": identity.quantisation,
        "adapter": identity.adapter,
        "chat_template": identity.chat_template,
        "sampling": canonical(sampling).decode(),
        "structure": None if structure is None else canonical([structure.kind, structure.value]).decode(),
        "seed": answer.seed,
        "sample": answer.sample,
        "finish": answer.finish,
        "prompt_tokens": answer.prompt_tokens,
        "completion_tokens": answer.completion_tokens,
        "logprob_mean": answer.logprob_mean,
    }


def row_id(request: Request, answer: Answer) -> bytes:
    """Id of a row: of the prompt's row and the sample's key, so that two rows with one prompt stay two."""
    return key("answer", request.id, answer.key)


def _rejected(request: Request, faults: list[Fault]) -> Batch:
    columns = {
        "id": pa.array([row_id(request, f) for f in faults], pa.binary(16)),
        "completion_key": pa.array([f.key for f in faults], pa.binary(16)),
        "stage": pa.array([""] * len(faults), pa.string()),
        "step": pa.array(["generate"] * len(faults), pa.string()),
        "reason": pa.array([f.kind for f in faults], pa.string()),
        "value": pa.array([f.value for f in faults], pa.float64()),
        "threshold": pa.array([f.limit for f in faults], pa.float64()),
        "detail": pa.array([f.message for f in faults], pa.string()),
    }
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))
