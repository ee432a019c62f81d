"""A step that must see all rows before it can look at one: lines that repeat over a site, near-duplicates, the cap.

The engine runs `survey` over the rows that reach the step, stores its tables as shard sets of their own, and only then lets the
rows flow. So what was learnt from all rows is an artefact with a fingerprint, and a task can be run again alone.

A survey is one task, unless `phases` cuts it: then its phases run one after the other, each as tasks of the same executor, and what
one leaves in the work folder the next reads. The work folder is gone when the tables are there.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

import pyarrow as pa

from curation.place import Place
from curation.shards import Table
from curation.step import Batch, Step


class Rows(Protocol):
    """All rows that reach a survey, to be read as often as needed, a few columns at a time."""

    def read(self, columns: Sequence[str], partition: int | None = None) -> Iterator[Batch]:
        """Batches of the named columns, in order of id inside each partition; the same order at every call."""
        ...


@dataclass(frozen=True)
class Phase:
    """One phase of a survey that is cut: its name, and how many tasks it has."""

    name: str
    tasks: int


class _Opened(dict[str, Any]):
    """Tables by name, each opened when it is first asked for: a survey asks for another's before its own is there."""

    def __init__(self, urls: Mapping[str, str]):
        super().__init__()
        self.urls = urls

    def __missing__(self, name: str) -> Any:
        self[name] = Table(self.urls[name])
        return self[name]


class Survey(Step):
    """A step that needs tables made from all rows before it can look at one.

    `surveys` names the columns `survey` reads. `tables` gives each table's schema by name; a table whose first column is `id` is
    partitioned like the rows, any other is one sorted file.
    """

    surveys: tuple[str, ...] = ()
    tables: Mapping[str, pa.Schema] = MappingProxyType({})
    uses: Mapping[str, str] = MappingProxyType({})
    """Tables of an earlier survey step of the stage that this one needs too: table name → step name."""
    table_urls: Mapping[str, str] = MappingProxyType({})
    """Folder of each table, set by the engine between survey and flow."""

    @property
    def needs_survey(self) -> bool:
        """False when the step was given a table that an earlier run made."""
        return True

    @property
    def made(self) -> Mapping[str, Any]:
        """Opened tables by name (`curation.shards.Table`)."""
        if "_made" not in self.__dict__:
            self._made = _Opened(self.table_urls)
        return self._made

    @made.setter
    def made(self, tables: Mapping[str, Any]) -> None:
        """Gives the tables directly, in place of their folders."""
        self._made = tables

    def settle(self, fingerprint: Callable[[], str]) -> None:
        """Called by the plan: the step may change itself; `fingerprint` gives that of the survey's block as the step is now."""

    def phases(self, rows: int, partitions: int) -> Sequence[Phase]:
        """The phases of a survey over so many rows in so many partitions; none where one task calls `survey`."""
        return ()

    def run_phase(self, phase: str, task: int, rows: Rows, work: Place) -> Iterator[tuple[str, pa.Table]]:
        """One task of a phase. What it yields is partition `task` of the named tables, sorted by their first column.

        A task may be run twice: it writes the same files into `work` again.
        """
        raise NotImplementedError(f"{self.name} has no phases")

    @abstractmethod
    def survey(self, rows: Rows) -> Iterator[tuple[str, pa.Table]]:
        """Yields (table name, some of its rows) until every table is complete."""
