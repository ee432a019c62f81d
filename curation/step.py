"""The step: what every part of a pipeline is, and how rows travel through it.

Rows travel as Arrow record batches inside datatrove's generators. A step is a datatrove `PipelineStep` that declares the columns
it reads and writes, so that a recipe is checked before any data is touched:

- `Measure` returns new columns for a batch;
- `Decide` returns a reason for each row that must go, with the value and the threshold that decided.

A third kind, which needs a table made from all rows first, is in `curation/survey.py`.

Rejected rows flow on to the sink as `Rejected` batches beside the kept ones, so that nothing vanishes between two steps.
"""

import re
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from datatrove.pipeline.base import PipelineStep

from curation.document import COLUMNS

Batch = pa.RecordBatch
Columns = Mapping[str, pa.Array]

_VERDICT_TYPES = {"reason": pa.string(), "value": pa.float64(), "threshold": pa.float64(), "detail": pa.string()}


class Rejected:
    """Rows that a step has rejected: their columns so far plus stage, step, reason, value, threshold and detail."""

    __slots__ = ("batch",)

    def __init__(self, batch: Batch):
        self.batch = batch


class StepError(Exception):
    """A step broke its own contract (a column of another type or length): a bug, never a property of the data."""


class Step(PipelineStep):
    """Columns in, columns out, over record batches.

    `reads` and `writes` name columns of `curation/document.py`; `drops` those that no later step may use; `reasons` the registered
    reasons with which `columns` may reject rows. A parameter of `__init__` is a key of the step in a recipe.
    """

    type = "seimai"
    name: str = ""
    """What a recipe calls the step; the engine numbers a second use in one stage (`threshold2`)."""
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    drops: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    """Distributions outside the project whose version may change what the step makes: part of its fingerprint."""
    elsewhere: tuple[str, ...] = ()
    """Parameters that say where from and how fast, and change no row: no part of its fingerprint."""
    stage: str = ""
    recipe_parameters: Mapping[str, Any] = MappingProxyType({})
    """Parameters as the recipe states them (set by the engine), part of the fingerprint."""
    known_fused: frozenset[bytes] = frozenset()
    """Ids of pages that blew a step's fuse in an earlier run: rejected again without being tried (set by the engine)."""
    needs: str = "cpu"
    """`gpu` where the step's stage says that it needs one (set by the engine)."""
    neighbours: bool = False
    """Whether the rounding of what a row gets may depend on the rows beside it in its task: such a task is not cut on the way."""
    attempt: int = 1
    """1 on a task's first try; above 1 its process died before, and foreign parsers must be called in a process of their own."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "name" not in cls.__dict__:
            cls.name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).lower()

    def placed(self, folder: Path) -> None:
        """Called by the plan before anything is read: relative files of the step begin at this folder, the recipe's."""

    def artefacts(self) -> Mapping[str, bytes]:
        """Content of files outside the project that decide what this step does (a preset, a word list, a table), by name."""
        return {}

    def plan_note(self) -> str:
        """What `seimai plan` says about the consequences of the step's parameters; nothing by default."""
        return ""

    def manifest_notes(self) -> Mapping[str, Any]:
        """What the manifest says of the rows because of this step (the tokenizer, how often they may be shown), by name."""
        return {}

    def fits(self) -> None:
        """Looks at what only loading shows to be unusable, once before a local run's first stage. Raises an error that ends it."""

    def setup(self) -> None:
        """Loads what is heavy (models, compiled kernels), once per task and before the first batch."""

    @abstractmethod
    def columns(self, batch: Batch) -> Columns:
        """New columns for the batch, each as long as it. `reason` (with `value`, `threshold`, `detail`) rejects where not null."""

    def run(self, data: Iterable[Any], rank: int = 0, world_size: int = 1) -> Iterator[Batch | Rejected]:
        """Pipes batches through `columns`; rejected rows of this and of earlier steps flow on beside the kept ones."""
        self.setup()
        for item in data:
            if isinstance(item, Rejected) or item.num_rows == 0:
                yield item
                continue
            with self.track_time():
                kept, rejected = self.split(item)
            self.stat_update("rows", value=item.num_rows)
            self.stat_update("kept", value=kept.num_rows)
            if rejected is not None:
                yield Rejected(rejected)
            if kept.num_rows:
                yield kept

    def split(self, batch: Batch) -> tuple[Batch, Batch | None]:
        """One batch through this step: the kept rows with their new columns, and the rejected rows or None."""
        return self.with_verdict(batch, self.columns(batch))

    def with_verdict(self, batch: Batch, columns: Columns) -> tuple[Batch, Batch | None]:
        """A batch with what `columns` gave for it: the kept rows with their new columns, and the rejected rows or None."""
        made = dict(columns)
        verdict = {name: made.pop(name, None) for name in _VERDICT_TYPES}
        batch = self._with_columns(batch, made)
        reason = verdict["reason"]
        if reason is None or reason.null_count == len(reason):
            return batch, None
        kept = batch.filter(pc.is_null(reason))
        gone = pc.is_valid(reason)
        rejected = batch.filter(gone)
        n = rejected.num_rows
        extra = {
            "stage": pa.repeat(pa.scalar(self.stage, pa.string()), n),
            "step": pa.repeat(pa.scalar(self.name, pa.string()), n),
        }
        for name, kind in _VERDICT_TYPES.items():
            column = verdict[name]
            extra[name] = pa.nulls(n, kind) if column is None else pc.filter(column, gone).cast(kind)
        for name, column in extra.items():
            rejected = rejected.append_column(name, column)
        return kept, rejected

    def _with_columns(self, batch: Batch, made: Columns) -> Batch:
        if set(made) != set(self.writes):
            raise StepError(f"{self.name} declares writes {sorted(self.writes)} and returned {sorted(made)}")
        arrays = {name: batch.column(name) for name in batch.schema.names if name not in self.drops}
        for name, column in made.items():
            column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
            if len(column) != batch.num_rows or column.type != COLUMNS[name].type:
                raise StepError(
                    f"{self.name}: column '{name}' must be {batch.num_rows} × {COLUMNS[name].type}, is {len(column)} × {column.type}"
                )
            arrays[name] = column
        fields = [pa.field(n, COLUMNS[n].type if n in COLUMNS else a.type) for n, a in arrays.items()]
        return pa.RecordBatch.from_arrays(list(arrays.values()), schema=pa.schema(fields))


class Measure(Step):
    """A step that writes columns and decides nothing; faults (unreadable, timeout) may reject with a registered reason."""


class Decide(Step):
    """A step that rejects rows: `columns` returns `reason`, null where the row is kept. What it writes, no other step reads."""


def map_text(function: Callable[[str], Any], column: pa.Array, kind: pa.DataType) -> pa.Array:
    """A pure function of one text over a column: how a step is written that needs no kernel. A null text gives a null."""
    return pa.array(
        (None if text is None else function(text) for text in column.to_pylist()), type=kind, size=len(column)
    )
