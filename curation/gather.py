"""Gathering what very many tasks wrote: sorted files of a few rows each become files of up to a gigabyte, a partition a folder.

Tasks that read a crawl know nothing of where their rows belong: a row's partition is the high bits of its id. Were each to write a
file a partition, a hundred thousand tasks and 65,536 partitions would make 6.5 billion files. So such a task writes its rows in order
of id as one file (a set of one partition), and levels of further tasks merge and cut:

    a task of a level reads the files of 64 tasks of the level before (of one cut of the ids), merges them in order of id,
    and cuts that into 64 finer cuts; the last level has the partitions

    100,000 tasks, 4,096 partitions:  1,563 tasks merge 64 files each and write 64; 64 × 25 tasks merge 64 and write 64
                                      two levels, 100,032 and 102,400 files

Rows are read and written once a level. A merge holds a piece of each of its files, whatever their size. Manifests are gathered too: a
task sums up those whose rows it is the first to have, so nobody reads all of them. Rejected rows and samples are put together by the
first level. What the last one leaves looks like any other set and has its content hash. A task that is run again writes the same.
"""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from curation.merge import merged
from curation.parquet_file import GROUP_BYTES, GROUP_ROWS, ParquetFile, read_parquet, write_parquet
from curation.place import Place
from curation.provenance import id_words
from curation.shards import set_schema
from curation.sorted_files import SortedFiles
from curation.step import Batch, Columns, Step
from curation.write_shards import RUN_BYTES, RowsLost, cpu_seconds, peak_mb, smallest_samples, step_sums

BITS = 6
"""A level merges the files of 2^6 tasks, and makes 2^6 cuts of them."""
MOST_FILES = 1 << 16
"""Files that the tasks of a set may write at most, one a partition each, before they are gathered."""
MOST_MERGED = 256
"""Files of a partition that a reader may have to merge at most."""
LIST = "tasks.json"
"""The tasks that the first level reads, in order: written when they are complete, so that levels are the same ever after."""
HELD_ROWS = 1 << 14
"""Rows that a merge holds of all its files together, about."""


@dataclass(frozen=True)
class Level:
    """One level: its files come from `groups` tasks for each of the cuts by `before` bits, and are cut by `bits` bits.

    above: bits of the cuts by which the tasks of the level before were told apart; fan: tasks whose files one task merges. The first
    level alone reads what a block's own tasks wrote; a set of one partition has later ones that are cut by no bits either.
    """

    first: bool
    above: int
    before: int
    bits: int
    groups: int
    fan: int

    @property
    def merged_groups(self) -> int:
        """Tasks for each cut that is read."""
        return -(-self.groups // self.fan)

    @property
    def tasks(self) -> int:
        """Tasks of the level."""
        return self.merged_groups << self.before


def is_needed(tasks: int, partitions: int) -> bool:
    """Whether so many tasks would leave too many files, or too many in a partition.

    >>> is_needed(12, 16), is_needed(257, 16), is_needed(100, 1024)
    (False, True, True)
    """
    return tasks > 1 and (tasks > MOST_MERGED or tasks * partitions > MOST_FILES)


def levels(tasks: int, partitions: int, bits_a_level: int = BITS) -> list[Level]:
    """The levels between so many tasks and so many partitions, a power of two.

    >>> [(level.tasks, level.bits) for level in levels(100_000, 4096)]
    [(1563, 6), (1600, 12)]
    >>> [(level.tasks, level.bits) for level in levels(300, 16)]
    [(5, 4)]
    """
    made: list[Level] = []
    above = before = 0
    wanted, groups = partitions.bit_length() - 1, tasks
    fan = 1 << bits_a_level
    while before < wanted or groups > fan:
        bits = min(wanted, before + bits_a_level)
        made.append(Level(not made, above, before, bits, groups, fan))
        above, before, groups = before, bits, made[-1].merged_groups
    return made


def levels_of(place: Place, partitions: int) -> list[Level]:
    """The levels over what the tasks in a place wrote, which are all complete: they are listed there, once."""
    if not place.exists(LIST):
        tasks = sorted((n for n in place.names("tasks") if n.endswith(".json")), key=lambda n: (len(n), n))
        place.write_json(LIST, {"bits": BITS, "tasks": tasks})
    said = place.read_json(LIST)
    return levels(len(said["tasks"]), partitions, said["bits"])


class Gather(Step):
    """The tasks of a level: source is what the level before left, target where this one writes, final the set's own folder."""

    def __init__(self, level: Level, source: str, target: str, final: str, columns: Sequence[str]):
        super().__init__()
        self.level, self.source, self.target, self.final = level, source, target, final
        self.kept_columns = list(set_schema(columns).names)

    def columns(self, batch: Batch) -> Columns:
        """Nothing: rows stay as they are."""
        return {}

    def run(self, data: Any = None, rank: int = 0, world_size: int = 1) -> Iterator[Any]:
        """Merges and cuts what task `rank` reads, and writes its manifest last. Raises RowsLost when rows do not add up."""
        started, cpu, level = time.time(), cpu_seconds(), self.level
        cut, group = divmod(rank, level.merged_groups)
        parent = cut >> (level.before - level.above)
        source, target = Place(self.source), Place(self.target)
        of = range(group * level.fan, min((group + 1) * level.fan, level.groups))
        listed = source.read_json(LIST)["tasks"] if level.first else None
        names = [f"{parent * level.groups + n:05d}.json" if listed is None else listed[n] for n in of]
        tasks = [orjson.loads(raw) for raw in source.read_all([f"tasks/{name}" for name in names])]
        heir = cut == parent << (level.before - level.above)
        inherited = tasks if heir else []
        files = [f for t in tasks for f in t["files"] if f["partition"] == cut]
        with self.track_time(), SortedFiles(target, rank) as out:
            rows, licences = self._merge(source, [f["path"] for f in files], out)
        if rows != (had := sum(f["rows"] for f in files)):
            raise RowsLost(
                f"{self.target}, task {rank}: {had} rows in the files that it reads, {rows} in those that it wrote"
            )
        rejected = sum((Counter(t["rejected"]) for t in inherited), Counter[str]())
        about = {
            "task": rank,
            "rows_in": rows + rejected.total(),
            "rows_out": rows,
            "rejected": dict(sorted(rejected.items())),
            "files": out.files,
            "rejected_files": self._rejected(source, inherited, rank),
            "sample_files": self._samples(source, inherited, rank),
            "licences": dict(licences),
            "content": None,
            "steps": step_sums(inherited),
            "fused": [i for t in inherited for i in t["fused"]],
            "unreadable": [u for t in inherited for u in t["unreadable"]],
            "peak_rss_mb": max([peak_mb(), *(t["peak_rss_mb"] for t in inherited)]),
            "started": round(started, 3),
            "seconds": round(time.time() - started + sum(t["seconds"] for t in inherited), 3),
            "cpu": round(cpu_seconds() - cpu + sum(t["cpu"] for t in inherited), 3),
        }
        target.claim_json(f"tasks/{rank:05d}.json", about)
        yield from ()

    def _merge(self, source: Place, names: list[str], out: SortedFiles) -> tuple[int, Counter[str]]:
        """Merges sorted files and writes them cut. Returns the rows, and their licences."""
        rows, licences = 0, Counter[str]()
        files = [
            ParquetFile(source.fs.open(f"{source.path}/{n}", "rb"), memory_map=False, buffer_size=1 << 20)
            for n in names
        ]
        for table in _gathered(merged(files, self.kept_columns, max(64, min(1024, HELD_ROWS // max(1, len(files)))))):
            words = id_words(table.column("id").combine_chunks())
            bits = self.level.bits
            part = (words[:, 0] >> np.uint64(64 - bits)).astype(np.int64) if bits else np.zeros(len(words), np.int64)
            at = [0, *(np.flatnonzero(np.diff(part)) + 1).tolist(), len(part)]
            for first, last in pairwise(at):
                out.add(int(part[first]), table.slice(first, last - first))
            if "licence" in table.column_names:
                for entry in table.column("licence").value_counts().to_pylist():
                    licences[entry["values"] or ""] += entry["counts"]
            rows += len(table)
        return rows, licences

    def _rejected(self, source: Place, tasks: list[dict[str, Any]], rank: int) -> list[dict[str, Any]]:
        """Rejected rows of these tasks: the first level puts them together in the set's own folder, where they stay."""
        listed = [f for t in tasks for f in t["rejected_files"]]
        if not self.level.first or not listed:
            return listed
        made, held, size, final = list[dict[str, Any]](), list[pa.Table](), 0, Place(self.final)
        for i, file in enumerate(listed):
            held.append(read_parquet(source, file["path"]))
            size += held[-1].nbytes
            if size >= RUN_BYTES or i + 1 == len(listed):
                name = f"rejected/{rank:05d}.{len(made):03d}.parquet"
                made.append(write_parquet(final, name, pa.concat_tables(held).combine_chunks()))
                held, size = [], 0
        return made

    def _samples(self, source: Place, tasks: list[dict[str, Any]], rank: int) -> list[dict[str, Any]]:
        kept: pa.Table | None = None
        for file in (f for t in tasks for f in t["sample_files"]):
            table = read_parquet(source, file["path"])
            kept = smallest_samples(table if kept is None else pa.concat_tables([kept, table]))
        if kept is None:
            return []
        return [write_parquet(Place(self.target), f"samples/{rank:05d}.parquet", kept.combine_chunks())]


def _gathered(batches: Iterator[Batch]) -> Iterator[pa.Table]:
    """The same rows in pieces as large as a row group."""
    held: list[Batch] = []
    rows = size = 0
    for batch in batches:
        held.append(batch)
        rows, size = rows + batch.num_rows, size + batch.nbytes
        if rows >= GROUP_ROWS or size >= GROUP_BYTES:
            yield pa.Table.from_batches(held)
            held, rows, size = [], 0, 0
    if held:
        yield pa.Table.from_batches(held)
