"""Reading shard sets as the first step of a stage: one task a partition, rows in order of id.

Equal ids meet here, whichever tasks wrote them: with equal payload one row stays and the rest are `duplicate_id`, with
different payload the first by (payload_digest, file, offset) stays and the rest are `id_collision` (DESIGN rule 3).
Rows that a set has blanked since it was made (`clear_shards.py`) end here as `forgotten`.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.blanked import REASON
from curation.document import KEY
from curation.merge import gathered
from curation.provenance import id_words
from curation.shards import ShardUnion
from curation.step import Batch, Columns, Rejected, Step


class ReadShards(Step):
    """Reads the named columns of one shard set, or of several as one; task i of n reads partitions i, i + n, …"""

    reasons = ("duplicate_id", "id_collision", REASON)

    def __init__(self, urls: Sequence[str], columns: Sequence[str]):
        super().__init__()
        self.urls = list(urls)
        self.wanted = list(columns)
        self._last: tuple[np.ndarray, Any] | None = None
        self._blank = pa.array([], KEY)

    @property
    def partitions(self) -> int:
        """Partitions of each set."""
        return ShardUnion.open(self.urls).partitions

    def run(self, data: Any = None, rank: int = 0, world_size: int = 1) -> Iterator[Batch | Rejected]:
        """Batches of this task's partitions; `data` is not used."""
        shards = ShardUnion.open(self.urls)
        self._blank = pa.array(sorted(shards.blank), KEY)
        extra = [c for c in ("id", "payload_digest") if c not in self.wanted and c in shards.columns]
        mine = range(rank, shards.partitions, world_size)
        for batch in gathered(b for p in mine for b in shards.read([*self.wanted, *extra], p)):
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
