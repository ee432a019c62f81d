"""A worker's part of reading, as a datatrove step: the answers of one file of a generation as narrow columns, in a file of its own.

It counts when its manifest is there (`tasks/00000.json`), and a changed quota, cap or balance reads nothing anew.
"""

import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pyarrow.parquet as pq
from datatrove.pipeline.base import PipelineStep

from curation.place import Place
from synth.pairing.answers import NARROW
from synth.pairing.narrow import NAMES, SCHEMA, narrow
from synth.pairing.pool import File


class ReadAnswers(PipelineStep):
    """Writes `answers/RANK.parquet` (columns of `narrow.SCHEMA`) and `tasks/RANK.json`; task RANK reads files[RANK]."""

    type = "seimai"
    name = "read answers"

    def __init__(self, url: str, files: tuple[File, ...], audited: frozenset[str], drafts: bool):
        super().__init__()
        self.url, self.files, self.audited, self.drafts = url, files, audited, drafts

    def run(self, data: Any = None, rank: int = 0, world_size: int = 1) -> Iterator[Any]:
        """Reads this worker's file; yields nothing. `data` is not used."""
        began, cpu, place = time.monotonic(), time.process_time(), Place(self.url)
        unused, seen, judged = Counter[str](), 0, 0
        path = f"answers/{rank:05d}.parquet"
        with (
            place.create(path) as file,
            pq.ParquetWriter(
                file, SCHEMA, compression="lz4", use_dictionary=list(NAMES), write_statistics=False
            ) as out,
        ):
            for first, rows in self.files[rank].batches(NARROW):
                made, why = narrow(rows, first, self.audited, self.drafts)
                out.write_table(made)
                unused += why
                seen += len(rows)
                judged += len(made)
                self.stat_update("rows", value=len(rows))
                self.stat_update("kept", value=len(made))
        files = [{"path": path, "rows": judged, "bytes": file.size, "sha256": file.sha256}]
        seconds = {"seconds": round(time.monotonic() - began, 3), "cpu": round(time.process_time() - cpu, 3)}
        about = {"task": rank, "rows": seen, "unused": dict(unused), "files": files}
        place.write_json(f"tasks/{rank:05d}.json", about | seconds)
        yield from ()
