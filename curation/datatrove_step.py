"""datatrove's own steps between ours: record batches become `Document`s and come back.

A team that has written datatrove filters keeps them. Each batch becomes documents (`text`, `id` in hexadecimal, the other columns
as metadata), flows through the given steps, and what does not come back is rejected as `filter` with the filter's own reason.

    - datatrove: {step: datatrove.pipeline.filters.URLFilter, arguments: {…}}
"""

import importlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import dill
import pyarrow as pa
from datatrove.data import Document
from datatrove.pipeline.base import PipelineStep

from curation.step import Batch, Columns, Step


def to_documents(batch: Batch, metadata: Iterable[str]) -> Iterator[Document]:
    """One datatrove `Document` a row. A null text becomes an empty one, since datatrove has no null."""
    columns = {name: batch.column(name).to_pylist() for name in metadata}
    ids, texts = batch.column("id").to_pylist(), batch.column("text").to_pylist()
    for i, (key, text) in enumerate(zip(ids, texts, strict=True)):
        yield Document(text=text or "", id=key.hex(), metadata={name: values[i] for name, values in columns.items()})


def from_documents(documents: Iterable[Document]) -> dict[bytes, Document]:
    """Documents by row id, as they came back from a datatrove step."""
    return {bytes.fromhex(d.id): d for d in documents}


class Datatrove(Step):
    """Runs one datatrove step over the rows.

    step: import path of its class, e.g. `datatrove.pipeline.filters.LambdaFilter`, or the step object itself in Python.
    arguments: its parameters. metadata: columns that the step may look at beside `text` (`url` by default).
    """

    reads = ("id", "text")
    reasons = ("filter",)
    libraries = ("datatrove",)

    def __init__(self, step: Any, arguments: dict[str, Any] | None = None, metadata: list[str] | None = None):
        super().__init__()
        self.metadata = ["url"] if metadata is None else list(metadata)
        self.reads = ("id", "text", *self.metadata)
        self.inner = step if isinstance(step, PipelineStep) else _made(step, arguments or {})

    def artefacts(self) -> Mapping[str, bytes]:
        """The datatrove step with its parameters and functions, pickled: another lambda is another step."""
        settings = {k: v for k, v in vars(self.inner).items() if k != "stats"}
        return {"step": dill.dumps((type(self.inner), settings), recurse=True)}

    def columns(self, batch: Batch) -> Columns:
        """Reasons of the rows that the datatrove step did not give back, with its own reason as detail."""
        documents = list(to_documents(batch, self.metadata))
        kept = from_documents(self.inner.run(iter(documents), 0, 1))
        gone = [d.id is not None and bytes.fromhex(d.id) not in kept for d in documents]
        details = [
            str(d.metadata.get("filter_reason") or self.inner.name) if g else None
            for d, g in zip(documents, gone, strict=True)
        ]
        return {
            "reason": pa.array(["filter" if g else None for g in gone], pa.string()),
            "detail": pa.array(details, pa.string()),
        }


def _made(path: str, params: dict[str, Any]) -> PipelineStep:
    module, _, name = path.rpartition(".")
    try:
        cls = getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        if error.name and f"{module}.".startswith(f"{error.name}."):
            raise ValueError(f"no datatrove step '{path}': {error}") from error
        raise ValueError(
            f"datatrove step '{path}' needs the package {error.name}, which is not installed: "
            f"`uv run --with {error.name} seimai …`, or pip install it"
        ) from error
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"no datatrove step '{path}': {error}") from error
    if not (isinstance(cls, type) and issubclass(cls, PipelineStep)):
        raise ValueError(f"'{path}' is no datatrove pipeline step")
    try:
        return cls(**params)
    except ImportError as error:  # datatrove looks for what a step needs when it is made
        raise ValueError(f"datatrove step '{path}': {' '.join(str(error).split())}") from error
    except TypeError as error:
        raise ValueError(f"arguments of datatrove step '{path}': {error}") from error
