"""A worker's part of the edits, as a datatrove step: edits its share of the passing answers, proves the edits, writes what is proven.

Its file counts when its manifest is there (`tasks/00000.json`); a worker that was killed makes its share again, and only that.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from datatrove.pipeline.base import PipelineStep

from curation.parquet_file import read_parquet, write_parquet
from curation.place import Place
from synth.pairing import near_miss, over_refusal, twins
from synth.pairing.edited import EDIT, Original, original
from synth.pairing.gather import answers_of
from synth.pairing.pool import File
from synth.verify.constraint import Constraint
from synth.wordings import Wordings

WORK = "work.parquet"
"""Which answers are edited: file, row, turn, and for which strategies; written before the first worker starts."""
SHARE = 200
"""Answers of a task."""
MASKS = {"near_miss": 1, "twins": 2, "over_refusal": 4}


@dataclass(frozen=True)
class EditWork:
    """What a worker is told. files: of the answers; conduct: constraints beside an answer's own, for each file.

    strategies: parameters of those that edit (`recipes.engine.pairs.spec`), by name.
    """

    url: str
    files: tuple[File, ...]
    conduct: tuple[tuple[Constraint, ...], ...]
    strategies: Mapping[str, Any]
    words: Wordings


class EditAnswers(PipelineStep):
    """Writes `edits/RANK.parquet` and `tasks/RANK.json`."""

    type = "seimai"
    name = "edit"

    def __init__(self, work: EditWork):
        super().__init__()
        self.work = work

    def run(self, data: Any = None, rank: int = 0, world_size: int = 1) -> Iterator[Any]:
        """Edits this worker's answers; yields nothing. `data` is not used."""
        began, cpu, place = time.monotonic(), time.process_time(), Place(self.work.url)
        made: list[dict[str, Any]] = []
        stale = answers = 0
        for number, row, conduct, mask in self._answers(place, rank):
            answers += 1
            self.stat_update("rows", value=1)
            of = original(row, conduct)
            stale += of is None
            found = [] if of is None else list(self._edits(of, number, mask))
            self.stat_update("kept", value=int(bool(found)))
            made += found
        table = pa.Table.from_pylist([{name: e[name] for name in EDIT.names} for e in made], schema=EDIT)
        file = write_parquet(place, f"edits/{rank:05d}.parquet", table)
        seconds = {"seconds": round(time.monotonic() - began, 3), "cpu": round(time.process_time() - cpu, 3)}
        about = {"task": rank, "answers": answers, "stale": stale, "edits": len(made), "files": [file]}
        place.write_json(f"tasks/{rank:05d}.json", about | seconds)
        yield from ()

    def _answers(self, place: Place, rank: int) -> Iterator[tuple[int, dict[str, Any], Sequence[Constraint], int]]:
        """The share's answers, file by file: number in the list of work, row, conduct of its file, strategies."""
        work = read_parquet(place, WORK).slice(rank * SHARE, SHARE)
        file, row, turn, mask = (work.column(n).to_numpy() for n in ("file", "row", "turn", "mask"))
        for which in np.unique(file).tolist():
            mine = np.flatnonzero(file == which)
            for at, table in answers_of(self.work.files[which], row[mine], turn[mine]):
                for i, answer in zip(at.tolist(), table.to_pylist(), strict=True):
                    yield rank * SHARE + int(mine[i]), answer, self.work.conduct[which], int(mask[mine[i]])

    def _edits(self, of: Original, number: int, mask: int) -> Iterator[dict[str, Any]]:
        said, words = self.work.strategies, self.work.words
        if mask & MASKS["near_miss"]:
            near = said["near_miss"]
            yield from near_miss.edits_of(of, number, kinds=near.kinds, per_answer=near.per_answer)
        if mask & MASKS["twins"]:
            yield from twins.edits_of(of, number, words, per_answer=said["twins"].per_answer)
        if mask & MASKS["over_refusal"]:
            yield from over_refusal.edits_of(of, number, words, per_answer=said["over_refusal"].per_answer)
