"""A survey block's tasks: a step looks over all rows that reach it, and its tables are written before any row flows.

Most surveys are one task (`RunSurvey`). One that is cut into phases runs as many executors, one after the other (`RunPhase`):
phase i keeps its tasks' manifests in `phases/i-NAME`, and what it leaves for the next phases in `work`, until the tables are there.
"""

import resource
import time
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import pyarrow as pa

from curation.place import Place
from curation.read_shards import ReadShards
from curation.shards import write_survey_table, write_table_part
from curation.step import Batch, Rejected, Step
from curation.survey import Phase, Rows, Survey

WORK = "work"
MOST_ROW_TASKS = 1 << 10
"""Tasks that read rows in a phase, at most: every task of a later phase reads a piece of what each of them sent."""


def row_tasks(partitions: int) -> int:
    """Into how many parts the rows of a set are cut for phases: its partitions, several together where there are very many."""
    return min(partitions, MOST_ROW_TASKS)


def phase_place(place: Place, index: int, phase: Phase) -> Place:
    """Where a phase's tasks leave their manifests and logs."""
    return place / f"phases/{index:02d}-{phase.name}"


def write_tables(survey: Survey, rows: Rows, place: Place, partitions: int) -> dict[str, int]:
    """Lets a survey look over the rows and writes each of its tables. Returns their numbers of rows."""
    pieces: dict[str, list[pa.Table]] = {name: [] for name in survey.tables}
    survey.setup()
    for name, table in survey.survey(rows):
        pieces[name].append(table.cast(survey.tables[name]))
    written = {}
    for name, tables in pieces.items():
        whole = pa.concat_tables(tables) if tables else survey.tables[name].empty_table()
        write_survey_table(place, name, whole, partitions)
        written[name] = len(whole)
    return written


class _Look(Step):
    """A survey step with the rows that reach it; `read` makes it the `Rows` of `curation.survey`."""

    def __init__(self, read_urls: Sequence[str], steps: Sequence[Step]):
        super().__init__()
        survey = steps[-1]
        assert isinstance(survey, Survey)
        self.read_urls, self.before, self.survey_step = list(read_urls), list(steps[:-1]), survey
        self.passes: list[int] = []
        """Rows seen by each look over the rows."""

    def columns(self, batch: Batch) -> dict[str, pa.Array]:
        """Nothing: a survey changes no row."""
        return {}

    def read(self, columns: Sequence[str], partition: int | None = None) -> Iterator[Batch]:
        """Rows that reach the survey step, of all partitions or of one part of them (`row_tasks`), as often as it asks."""
        wanted = set(columns)
        for step in reversed(self.before):
            wanted = (wanted - set(step.writes)) | set(step.reads)
        reader = ReadShards(self.read_urls, sorted(wanted | {"id"}))
        data: Iterator[Any] = reader.run()
        if partition is not None:
            many = reader.partitions
            each = many // row_tasks(many)
            part = range(partition * each, (partition + 1) * each)
            data = chain.from_iterable(reader.run(None, p, many) for p in part)
        for step in self.before:
            data = step.run(data)
        self.passes.append(0)
        this = len(self.passes) - 1
        for item in data:
            if not isinstance(item, Rejected):
                self.stat_update("rows", value=item.num_rows)
                self.passes[this] += item.num_rows
                yield item.select(list(columns))

    def told(self, rank: int, started: float, cpu: float, tables: dict[str, Any]) -> dict[str, Any]:
        """What the task's manifest says."""
        counts = {label: int(s.total) for label, s in self.survey_step.stats.stats.items()}
        return {
            "task": rank,
            "rows": max(self.passes, default=0),
            "tables": tables,
            "steps": [{"step": self.survey_step.name, **counts}],
            "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            "seconds": round(time.time() - started, 3),
            "cpu": round(time.process_time() - cpu, 3),
        }


class RunSurvey(_Look):
    """The one task of a survey block: lets the survey step look over all rows, and writes its tables."""

    def __init__(self, read_urls: Sequence[str], steps: Sequence[Step], url: str, partitions: int):
        super().__init__(read_urls, steps)
        self.url, self.partitions = url, partitions

    def run(self, data: Any = None, rank: int = 0, world_size: int = 1) -> Iterator[Any]:
        """Writes every table, then the task's manifest."""
        started, cpu, place = time.time(), time.process_time(), Place(self.url)
        with self.track_time():
            rows = write_tables(self.survey_step, self, place, self.partitions)
        place.write_json(f"tasks/{rank:05d}.json", self.told(rank, started, cpu, rows))
        yield from ()


class RunPhase(_Look):
    """One phase of a survey that is cut: task i calls `run_phase` for i and writes what it yields as partition i of the tables."""

    def __init__(self, read_urls: Sequence[str], steps: Sequence[Step], url: str, index: int, phase: Phase):
        super().__init__(read_urls, steps)
        self.url, self.index, self.phase = url, index, phase

    def run(self, data: Any = None, rank: int = 0, world_size: int = 1) -> Iterator[Any]:
        """Runs the task, writes its part of the tables, then its manifest."""
        started, cpu, place, survey = time.time(), time.process_time(), Place(self.url), self.survey_step
        pieces: dict[str, list[pa.Table]] = {}
        survey.attempt = self.attempt
        with self.track_time():
            survey.setup()
            for name, table in survey.run_phase(self.phase.name, rank, self, place / WORK):
                pieces.setdefault(name, []).append(table.cast(survey.tables[name]))
            tables = {name: write_table_part(place / name, pa.concat_tables(p), rank) for name, p in pieces.items()}
        manifest = self.told(rank, started, cpu, tables)
        phase_place(place, self.index, self.phase).write_json(f"tasks/{rank:05d}.json", manifest)
        yield from ()
