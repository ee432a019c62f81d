"""Writing a shard set: the sink of every stage, where kept and rejected rows come to rest.

A task keeps its rows until it ends or 128 MiB have come together, sorts them by id and writes one file a partition: a sorted run that
`curation/merge.py` can read (what comes in order goes on in the same file: `sorted_files.py`). Rejected rows keep as much as their
reason's tier says, and each reason keeps its 1,000 rows of smallest sample hash whole, so that a report can show what was lost, the
same rows whatever the number of tasks.
"""

import resource
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from math import ceil, sqrt
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.content_sum import content_sum
from curation.document import COLUMNS, KEY_COLUMNS, REASONS, VERDICT, schema
from curation.parquet_file import write_parquet
from curation.place import Place
from curation.provenance import id_words
from curation.shards import set_schema
from curation.sorted_files import SortedFiles
from curation.step import Batch, Columns, Rejected, Step
from curation.work_list import publish, written

RUN_BYTES = 128 << 20
SAMPLE_ROWS = 1000
SAMPLE_BYTES = 64 << 10


class RowsLost(Exception):
    """A task wrote another number of rows than it read: a bug, and the task's files are not published."""


class WriteShards(Step):
    """Writes the rows of one task; `finish` afterwards joins the tasks' manifests into the set's.

    `columns` are those that every kept row has, `partitions` a power of two, `tiers` the recipe's choice of `full` or `key`
    by reason, `pipeline` the steps before this one (their counts go into the task's manifest), `content` whether the set
    carries the content hash of a release, `samples` how many rows of a reason a task samples at most.
    """

    def __init__(
        self,
        url: str,
        columns: Sequence[str],
        partitions: int,
        tiers: Mapping[str, str] | None = None,
        pipeline: Sequence[Any] = (),
        content: bool = False,
        level: int = 1,
        samples: int = SAMPLE_ROWS,
    ):
        super().__init__()
        self.url, self.partitions, self.tiers = url, partitions, dict(tiers or {})
        self.kept_columns = list(set_schema(columns).names)
        self.pipeline, self.content, self.level, self.samples = list(pipeline), content, level, samples
        self.children: list[int] = []
        """Numbers of the tasks that this one has left its rest to, once it has ended."""

    def columns(self, batch: Batch) -> Columns:
        """Nothing: the sink adds no column."""
        return {}

    def run(self, data: Iterable[Any], rank: int = 0, world_size: int = 1) -> Iterator[Any]:
        """Writes everything and yields nothing."""
        place = Place(self.url)
        # an object's name is its own from the beginning: there a file is what came together, wherever the task ends
        with SortedFiles(place, rank, self.level, goes_on=place.local) as out:
            task = _Task(self, rank, out)
            for item in data:
                with self.track_time():
                    if isinstance(item, Rejected):
                        task.reject(item.batch)
                    elif item.num_rows:
                        task.keep(item)
            with self.track_time():
                task.finish()
        yield from ()


def cpu_seconds() -> float:
    """What this process and its ended children have spent."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return round(own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime, 3)


def peak_mb() -> int:
    """Most memory that this process has had, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


class _Task:
    """The rows of one task on their way to disk."""

    def __init__(self, sink: WriteShards, rank: int, out: SortedFiles):
        self.sink, self.rank, self.place, self.out = sink, rank, Place(sink.url), out
        self.label = out.label
        self.started, self.cpu = time.time(), cpu_seconds()
        self.kept_schema = set_schema(sink.kept_columns)
        self.buffer: list[Batch] = []
        self.buffered = self.rows_out = 0
        self.rejects: list[pa.Table] = []
        self.rejects_bytes = 0
        self.rejected_files: list[dict[str, Any]] = []
        self.rejected: Counter[str] = Counter()
        self.samples: list[pa.Table] = []
        self.fresh_samples = 0
        self.licences: Counter[str] = Counter()
        self.content = 0

    def keep(self, batch: Batch) -> None:
        """Takes kept rows; a full buffer becomes a sorted run."""
        batch = batch.select(self.kept_schema.names).cast(self.kept_schema)
        self.rows_out += batch.num_rows
        self.buffer.append(batch)
        self.buffered += batch.nbytes
        if "licence" in batch.schema.names:
            for entry in batch.column("licence").value_counts().to_pylist():
                self.licences[entry["values"] or ""] += entry["counts"]
        if self.sink.content:
            self.content = (self.content + content_sum(batch)) % (1 << 256)
        if self.buffered >= RUN_BYTES:
            self.flush()

    def flush(self) -> None:
        """Sorts the buffer by id and writes it: a file for each partition that has rows, or on to the one where they follow."""
        if not self.buffer:
            return
        batches, self.buffer, self.buffered = self.buffer, [], 0
        words = np.concatenate([id_words(b.column("id")) for b in batches])
        order = np.lexsort((words[:, 1], words[:, 0]))
        bits = self.sink.partitions.bit_length() - 1
        parts = (words[order, 0] >> np.uint64(64 - bits)).astype(np.int64) if bits else np.zeros(len(order), np.int64)
        bounds = np.searchsorted(parts, np.arange(self.sink.partitions + 1))
        for p in np.flatnonzero(np.diff(bounds)).tolist():
            self.out.add(p, taken(batches, order[bounds[p] : bounds[p + 1]]))

    def reject(self, batch: Batch) -> None:
        """Takes rejected rows as their tier says, and keeps the candidates for the sample."""
        reasons = batch.column("reason")
        for entry in reasons.value_counts().to_pylist():
            reason, n = entry["values"], entry["counts"]
            self.rejected[reason] += n
            rows = batch.filter(pc.equal(reasons, reason)) if n < batch.num_rows else batch
            tier = self.sink.tiers.get(reason) or (REASONS[reason].tier if reason in REASONS else "full")
            self.rejects.append(_shaped(rows, self.sink.kept_columns if tier == "full" else [], short=False))
            self.rejects_bytes += self.rejects[-1].nbytes
            if tier != "full":
                self._sample(_shaped(rows, self.sink.kept_columns, short=True))
        if self.rejects_bytes >= RUN_BYTES:
            self._flush_rejects()

    def _flush_rejects(self) -> None:
        if self.rejects:
            every = schema({*KEY_COLUMNS, *self.sink.kept_columns}, verdict=True).empty_table()
            table = pa.concat_tables([every, *self.rejects], promote_options="default").combine_chunks()
            name = f"rejected/{self.label}.{len(self.rejected_files):03d}.parquet"
            self.rejected_files.append(write_parquet(self.place, name, table, level=self.sink.level))
            self.rejects, self.rejects_bytes = [], 0

    def _sample(self, rows: pa.Table) -> None:
        self.samples.append(rows)
        self.fresh_samples += len(rows)
        if self.fresh_samples >= 4 * SAMPLE_ROWS:
            self.samples, self.fresh_samples = [self._smallest()], 0

    def _smallest(self) -> pa.Table:
        return smallest_samples(pa.concat_tables(self.samples), self.sink.samples)

    def finish(self) -> None:
        """Writes what is left and, last, the task's manifest. Raises RowsLost when the rows do not add up."""
        steps = [s for s in self.sink.pipeline if hasattr(s, "stats")]
        read, rest = getattr(steps[0], "read", []) if steps else [], getattr(steps[0], "rest", []) if steps else []
        if rest:  # another process may do the whole task, or more of it: their files must not have these names
            self.label = self.out.label = f"{self.rank:05d}-{sum(unit.stored for unit in read)}"
        self.flush()
        self.out.close()
        self._flush_rejects()
        sample_files = []
        if self.samples:
            samples = self._smallest().combine_chunks()
            sample_files.append(write_parquet(self.place, f"samples/{self.label}.parquet", samples))
        rows_in = _stat(steps[0], "rows") if steps else self.rows_out + sum(self.rejected.values())
        if rows_in != self.rows_out + sum(self.rejected.values()):
            raise RowsLost(
                f"task {self.rank}: {rows_in} rows in, {self.rows_out} out and {sum(self.rejected.values())} rejected"
            )
        if rest:
            self.place.write_bytes(f"rests/{self.rank:05d}", b"")
        about = {
            "task": self.rank,
            "read": written(read),
            "rest": [written(share) for share in rest],
            "rows_in": rows_in,
            "rows_out": self.rows_out,
            "rejected": dict(sorted(self.rejected.items())),
            "files": self.out.files,
            "rejected_files": self.rejected_files,
            "sample_files": sample_files,
            "licences": dict(self.licences),
            "content": f"{self.content:064x}" if self.sink.content else None,
            "steps": [_step_stats(s) for s in steps],
            "fused": [i.hex() for s in steps for i in getattr(s, "fused", ())],
            "unreadable": [list(u) for s in steps for u in getattr(s, "unreadable", ())],
            "peak_rss_mb": peak_mb(),
            "started": round(self.started, 3),
            "seconds": round(time.time() - self.started, 3),
            "cpu": round(cpu_seconds() - self.cpu, 3),
        }
        if shares := publish(self.place, self.rank, about):
            self.sink.children = steps[0].work.children(self.rank, shares)


def taken(batches: Sequence[Batch], rows: np.ndarray) -> pa.Table:
    """Rows by their number in all batches together. Never are all batches copied into one: fresh memory is what costs."""
    starts = np.cumsum([0, *(b.num_rows for b in batches)])
    if len(rows) and rows[-1] - rows[0] == len(rows) - 1 and (np.diff(rows) == 1).all():
        return pa.Table.from_batches(batches).slice(rows[0], len(rows))
    there = np.argsort(rows, kind="stable")
    bounds = np.searchsorted(rows[there], starts)
    pieces = [
        batch.take(pa.array(rows[there[a:b]] - start))
        for batch, start, (a, b) in zip(batches, starts, pairwise(bounds.tolist()), strict=False)
        if b > a
    ]
    back = np.empty(len(rows), np.int64)
    back[there] = np.arange(len(rows))
    return pa.Table.from_batches(pieces).take(pa.array(back))


def _stat(step: Any, label: str) -> int:
    return int(step.stats[label].total) if label in step.stats.stats else 0


def _step_stats(step: Any) -> dict[str, Any]:
    counts = {label: int(s.total) for label, s in step.stats.stats.items()}
    return {
        "step": step.name,
        "seconds": round(step.stats.time_stats.total, 4),
    } | counts


def step_sums(tasks: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """What each step did in all tasks together, from their manifests."""
    sums: dict[str, Counter[str]] = {}
    for task in tasks:
        for step in task["steps"]:
            sums.setdefault(step["step"], Counter()).update({k: v for k, v in step.items() if k != "step"})
    return [{"step": name, **{k: round(v, 4) for k, v in counts.items()}} for name, counts in sums.items()]


def _shaped(rows: Batch, columns: Sequence[str], *, short: bool) -> pa.Table:
    """Rejected rows in the shape all of them share: key columns, the given columns where the row has them, the verdict."""
    names = schema({*KEY_COLUMNS, *columns}).names
    arrays: dict[str, pa.Array] = {}
    for name in names:
        kind = COLUMNS[name].type
        column = rows.column(name) if name in rows.schema.names else pa.nulls(rows.num_rows, kind)
        if short and kind == pa.large_string():
            column = pc.utf8_slice_codeunits(column, 0, SAMPLE_BYTES // 4)
        arrays[name] = column
    for c in VERDICT:
        present = c.name in rows.schema.names
        arrays[c.name] = rows.column(c.name) if present else pa.repeat(pa.scalar(short, c.type), rows.num_rows)
    return pa.table(arrays)


def samples_of_a_part(parts: int) -> int:
    """Rows of a reason that one of so many tasks must sample where ids, which are hashes, are cut into as many equal parts.

    Of the 1,000 rows of smallest hash a part has 1,000 / parts, give or take the root of that; 16 roots and 40 more never happen.

    >>> samples_of_a_part(1), samples_of_a_part(4), samples_of_a_part(16_384)
    (1000, 543, 45)
    """
    mean = SAMPLE_ROWS / parts
    return min(SAMPLE_ROWS, ceil(mean + 16 * sqrt(mean) + 40))


def smallest_samples(rows: pa.Table, most: int = SAMPLE_ROWS) -> pa.Table:
    """Of every reason's rows the `most` with the smallest sample hash, in their order.

    The hash is a mix of the id's low word, so that it is independent of the partition.
    """
    words = id_words(rows.column("id").combine_chunks())
    mixed = words[:, 1] * np.uint64(0x9E3779B97F4A7C15)
    reason = rows.column("reason").combine_chunks().dictionary_encode().indices.to_numpy()
    order = np.lexsort((words[:, 0], mixed, reason))
    place = np.arange(len(order)) - np.searchsorted(reason[order], reason[order])
    chosen = order[place < most]
    return rows if len(chosen) == len(rows) else rows.take(pa.array(np.sort(chosen)))
