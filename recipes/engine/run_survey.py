"""A survey block's one task: a step looks over all rows that reach it, and its tables are written before any row flows."""

import time
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from curation.place import Place
from curation.read_shards import ReadShards
from curation.shards import write_survey_table
from curation.step import Batch, Rejected, Step
from curation.survey import Rows, Survey

HELD_BYTES = 256 << 20
"""What one look over the rows keeps in memory for the next look at the same columns; larger sets are read again."""


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


class RunSurvey(Step):
    """The one task of a survey block: lets the survey step look over all rows, and writes its tables."""

    def __init__(self, read_url: str, steps: list[Step], url: str, partitions: int):
        super().__init__()
        self.read_url, self.before, self.survey_step = read_url, steps[:-1], steps[-1]
        self.url, self.partitions = url, partitions
        self.passes: list[int] = []
        """Rows seen by each look over the rows."""
        self._held: dict[tuple[str, ...], list[Batch]] = {}

    def columns(self, batch: Batch) -> dict[str, pa.Array]:
        """Nothing: a survey changes no row."""
        return {}

    def read(self, columns: Any) -> Iterator[Batch]:
        """Rows that reach the survey step, as often as it asks (the `Rows` of `curation.survey`)."""
        held = self._held.get(tuple(columns))
        if held is not None:
            self.passes.append(sum(b.num_rows for b in held))
            yield from held
            return
        wanted = set(columns)
        for step in reversed(self.before):
            wanted = (wanted - set(step.writes)) | set(step.reads)
        data: Iterator[Any] = ReadShards(self.read_url, sorted(wanted | {"id"})).run()
        for step in self.before:
            data = step.run(data)
        self.passes.append(0)
        this, small = len(self.passes) - 1, list[Batch]()
        room = HELD_BYTES
        for item in data:
            if not isinstance(item, Rejected):
                self.stat_update("rows", value=item.num_rows)
                self.passes[this] += item.num_rows
                batch = item.select(list(columns))
                room -= batch.nbytes
                if room >= 0:
                    small.append(batch)
                else:
                    small.clear()
                yield batch
        if room >= 0:
            self._held = {tuple(columns): small}

    def run(self, data: Any = None, rank: int = 0, world_size: int = 1) -> Iterator[Any]:
        """Writes every table, then the task's manifest."""
        started, cpu, place, survey = time.time(), time.process_time(), Place(self.url), self.survey_step
        assert isinstance(survey, Survey)
        with self.track_time():
            rows = write_tables(survey, self, place, self.partitions)
        counts = {label: int(s.total) for label, s in survey.stats.stats.items()}
        place.write_json(
            f"tasks/{rank:05d}.json",
            {
                "task": rank,
                "rows": max(self.passes, default=0),
                "tables": rows,
                "steps": [{"step": survey.name, **counts}],
                "seconds": round(time.time() - started, 3),
                "cpu": round(time.process_time() - cpu, 3),
            },
        )
        yield from ()
