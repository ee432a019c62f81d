"""Compiling every kernel once, before the first task: on a machine that never ran the recipe this is most of the first minute.

Kernels are compiled when they are first called and kept on disk. Were that left to the first tasks, all workers would compile the
same kernels side by side, and the wall clock that watches extraction would run meanwhile. So each step sees one small page
first, steps shared out over the workers; where the kernels are on disk already this only loads what is needed anyway. What a step
finds to be unusable when it is loaded (a model with another model's tokenizer) ends the run here, not when earlier stages are done.
"""

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import dill
import pyarrow as pa

from curation.document import COLUMNS
from curation.place import Place
from curation.step import Batch, Decide, Step
from curation.survey import Survey
from curation.write_shards import WriteShards
from recipes.engine.run_survey import write_tables

if TYPE_CHECKING:
    from recipes.engine.plan import Plan

_TEXT = (
    "精米は、玄米からぬかを取り除く作業です。「白さ」だけでなく、味も変わります！\n- 一分づき、②ｶﾅ…\n同じ行\n同じ行\n"
)
_HTML = f'<html lang="ja"><title>米</title><body><nav><a href="/">米</a></nav><p>{_TEXT}</p><table><td>一</td></table></html>'


class WarmUp:
    """Stands in for an executor: task i calls step i once."""

    def __init__(self, steps: Sequence[Step]):
        self.steps = list(steps)
        self.pipeline: list[Any] = []

    @classmethod
    def of(cls, plan: "Plan") -> "WarmUp":
        """All steps of a plan that run here, those that compile longest first."""
        found = [s for b in plan.blocks if b.kind == "rows" and b.needs == "cpu" for s in b.steps]
        steps = sorted(found, key=lambda s: isinstance(s, Decide))  # measuring compiles longest
        others = [s for b in plan.blocks if b.kind == "rows" and b.needs != "cpu" for s in b.steps]
        return cls([*steps, *(s for s in others if type(s).fits is not Step.fits)])

    @property
    def ranks(self) -> list[int]:
        """One task a step."""
        return list(range(len(self.steps)))

    def _run_for_rank(self, rank: int, local_rank: int = 0) -> None:
        step = self.steps[rank]
        if isinstance(getattr(step, "fuse_seconds", None), float):
            step.__dict__["fuse_seconds"] = 3600.0  # of this process's copy: a fuse watches pages, not the compiler
        step.fits()
        if step.needs != "cpu":
            return
        # what is wrong with a step is said when it meets the rows
        with contextlib.suppress(Exception), tempfile.TemporaryDirectory() as folder:
            if isinstance(step, Survey):
                self._look(step, folder)
            step.setup()
            step.columns(_page(step.reads))

    def _look(self, step: Survey, folder: str) -> dict[str, str]:
        """Surveys the page, after the surveys whose tables the step uses; returns the folders of all these tables."""
        urls: dict[str, str] = {}
        for of in set(step.uses.values()):
            earlier = next(s for s in self.steps if isinstance(s, Survey) and (s.stage, s.name) == (step.stage, of))
            urls |= self._look(earlier, folder)
        if step.needs_survey:
            urls |= {name: f"{folder}/{name}" for name in step.tables}
        step.table_urls = urls
        if step.needs_survey:
            write_tables(step, _Page(), Place(folder), 1)
        return urls


def warm_up(pickled: bytes) -> None:
    """Warms up this process for the tasks of a pickled executor, before a clock watches pages: a copy of its steps sees the page."""
    pipeline = dill.loads(pickled).pipeline
    if isinstance(pipeline[-1], WriteShards):
        warm = WarmUp([step for step in pipeline[1:-1] if isinstance(step, Step)])
        for rank in warm.ranks:
            warm._run_for_rank(rank)


class _Page:
    """The page as all rows of a survey."""

    def read(self, columns: Sequence[str], partition: int | None = None) -> Iterator[Batch]:
        """One batch."""
        yield _page(columns)


def _page(columns: Sequence[str]) -> Batch:
    """Two rows of these columns."""
    arrays = {}
    for name in columns:
        kind = COLUMNS[name].type
        arrays[name] = pa.array([_value(name, kind), _value(name, kind)], kind)
    return pa.RecordBatch.from_pydict(arrays)


def _value(name: str, kind: pa.DataType) -> Any:
    if name in ("html", "payload"):
        return _HTML.encode() if name == "payload" else _HTML
    if pa.types.is_fixed_size_binary(kind):
        return bytes(kind.byte_width)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _TEXT if name == "text" else None
    if pa.types.is_timestamp(kind):
        return datetime(2026, 1, 1, tzinfo=UTC)
    return [] if pa.types.is_list(kind) else 0
