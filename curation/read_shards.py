"""Reading shard sets as the first step of a stage, rows in order of id: a task reads a range of ids, a partition or a part of one.

Equal ids meet here, whichever tasks wrote them: with equal payload one row stays and the rest are `duplicate_id`, with
different payload the first by (payload_digest, file, offset) stays and the rest are `id_collision` (DESIGN rule 3).
Rows that a set has blanked since it was made (`clear_shards.py`) end here as `forgotten`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.blanked import REASON
from curation.document import KEY
from curation.extract.units import Unit, pieces_of
from curation.merge import gathered, inside
from curation.provenance import id_words
from curation.shards import ShardUnion
from curation.step import Batch, Columns, Rejected, Step
from curation.work_list import WorkList, cut_rest

TASK_ROWS = 1 << 15
"""Rows of a task at most, on average: a partition that has more is read by several."""
MOST_TASKS = 1 << 10
"""So many tasks are enough for any cluster: partitions are cut no further. Each writes a file, which ought to be large, and is a
manifest, a start and perhaps a job in a queue: at 10^10 rows 32,768 of them a task would make half a million of each."""
_IDS = 1 << 32


def shared_rows(urls: Sequence[str]) -> list[list[Unit]]:
    """The rows of sets as tasks: ranges of ids, whose first 32 bits are cut evenly, as ids are hashes.

    Of a large set a task is a partition, whatever it holds: the recipe states as many as give files of a good size.
    """
    shards = ShardUnion.open(urls)
    count = shards.partitions
    while count * TASK_ROWS < shards.rows and count < MOST_TASKS:
        count *= 2
    stored = sum(one.manifest.get("bytes", 0) for one in shards.sets) // count
    width = _IDS // count
    return [[Unit("", "", "ids", at * width, (at + 1) * width, stored, cut=True)] for at in range(count)]


class ReadShards(Step):
    """Reads the named columns of one shard set, or of several as one; without a work list, task i of n partitions i, i + n, …"""

    reasons = ("duplicate_id", "id_collision", REASON)
    work: WorkList | None = None
    shares: bool = True
    stop_for: int = 0
    """As of `curation.extract.reader.Read`."""

    def __init__(self, urls: Sequence[str], columns: Sequence[str]):
        super().__init__()
        self.urls = list(urls)
        self.wanted = list(columns)
        self.bytes_read = self.ahead = 0
        self.read: list[Unit] = []
        self.rest: list[list[Unit]] = []
        self._last: tuple[np.ndarray, Any] | None = None
        self._blank = pa.array([], KEY)

    @property
    def partitions(self) -> int:
        """Partitions of each set."""
        return ShardUnion.open(self.urls).partitions

    def run(self, data: Any = None, rank: int = 0, world_size: int = 1) -> Iterator[Batch | Rejected]:
        """Batches of this task's rows; `data` is not used."""
        shards = ShardUnion.open(self.urls)
        self._blank = pa.array(sorted(shards.blank), KEY)
        extra = [c for c in ("id", "payload_digest") if c not in self.wanted and c in shards.columns]
        columns, mine = [*self.wanted, *extra], range(rank, shards.partitions, world_size)
        self.bytes_read, self.read, self.rest = 0, [], []
        if self.work is None:
            for batch in gathered(b for p in mine for b in shards.read(columns, p)):
                yield from self._given(batch)
            return
        for unit in self.work.units(rank):
            yield from self._range(shards, columns, unit)

    def _range(self, shards: ShardUnion, columns: list[str], unit: Unit) -> Iterator[Batch | Rejected]:
        """Rows of a range of ids; where the task is to stop, those up to where it is, and the rest is shared out."""
        before, end, done = self.bytes_read, unit.end, 0
        for batch in gathered(shards.read_ids(columns, unit.start, unit.end)):
            passed = 1 + int.from_bytes(batch.column("id")[-1].as_py()[:4])
            if self.stop_for and end == unit.end and self.shares:
                end = passed  # rows whose ids have their first 32 bits in common stay together
            given = batch if passed <= end else inside(batch, unit.start, end)
            done = unit.stored * (passed - unit.start) // (unit.end - unit.start)
            self.bytes_read, self.ahead = before + done, unit.stored - done if self.shares else 0
            if given.num_rows:
                yield from self._given(given)
            if passed > end:
                break
        if end < unit.end:
            self.rest = cut_rest(pieces_of(replace(unit, start=end, stored=unit.stored - done)), self.stop_for)
        self.read.append(replace(unit, end=end, stored=done if self.rest else unit.stored))

    def _given(self, batch: Batch) -> Iterator[Batch | Rejected]:
        with self.track_time():
            kept, rejected = self.split(batch)
        self.stat_update("rows", value=batch.num_rows)
        self.stat_update("kept", value=kept.num_rows)
        if rejected is not None:
            yield Rejected(rejected)
        yield kept.select(self.wanted)

    def columns(self, batch: Batch) -> Columns:
        """Reasons of the rows whose id the row before them has too, and of those that were blanked."""
        reasons = self._repeated(batch)
        if not len(self._blank) or not batch.num_rows:
            return {} if reasons is None else {"reason": reasons}
        gone = pc.is_in(batch.column("id"), value_set=self._blank)
        others = pa.nulls(batch.num_rows, pa.string()) if reasons is None else reasons
        return {"reason": pc.if_else(gone, REASON, others)}

    def _repeated(self, batch: Batch) -> pa.Array | None:
        words = id_words(batch.column("id"))
        same = np.zeros(len(words), bool)
        same[1:] = (words[1:] == words[:-1]).all(axis=1)
        if self._last is not None and len(words):
            same[0] = (words[0] == self._last[0]).all()
        if not same.any():
            self._remember(batch, words, len(words) - 1)
            return None
        reasons: list[str | None] = [None] * len(words)
        first = self._last[1] if self._last is not None else None
        digests = batch.column("payload_digest")
        for i in range(len(words)):
            if same[i]:
                reasons[i] = "duplicate_id" if digests[i].as_py() == first else "id_collision"
            else:
                first = digests[i].as_py()
        self._last = words[-1], first
        return pa.array(reasons, pa.string())

    def _remember(self, batch: Batch, words: np.ndarray, row: int) -> None:
        if row >= 0:
            self._last = words[row], batch.column("payload_digest")[row].as_py()
