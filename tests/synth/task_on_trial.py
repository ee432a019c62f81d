"""A generation as a cluster runs it, to be killed: `python task_on_trial.py URL FOLDER PROMPTS N`, through datatrove."""

import functools
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.base import PipelineStep

from curation.step import Rejected
from synth.engine.request import Request, Sampling
from synth.engine.server import Declared, Server
from synth.engine.step import Generate


def engine(url: str) -> Server:
    limits = {"max_concurrency": 8, "attempt_s": 5.0, "deadline_s": 20.0, "dead_after_s": 10.0}
    return Server(url, "tiny", Declared("lab/tiny", "r1"), **limits)


def requests(batch: pa.RecordBatch, n: int):
    for prompt in batch.column("prompt").to_pylist():
        messages = ({"role": "user", "content": prompt},)
        yield Request(prompt.encode(), messages, Sampling(max_tokens=16, temperature=0.8), n)


class Prompts(PipelineStep):
    """Every world_size-th of the prompts, in batches of ten."""

    def __init__(self, count: int):
        super().__init__()
        self.count = count

    def run(self, data=None, rank: int = 0, world_size: int = 1):
        mine = [
            f"prompt {i // 2 if i % 10 == 0 else i}" for i in range(rank, self.count, world_size)
        ]  # a tenth are doubles
        for at in range(0, len(mine), 10):
            yield pa.RecordBatch.from_arrays([pa.array(mine[at : at + 10])], names=["prompt"])


class Rows(PipelineStep):
    """Writes the rows of a task, sorted by id, whole or not at all."""

    def __init__(self, folder: str):
        super().__init__()
        self.folder = folder

    def run(self, data, rank: int = 0, world_size: int = 1):
        batches = [b for b in data if not isinstance(b, Rejected)]
        table = pa.Table.from_batches(batches).sort_by("id")
        temporary = Path(self.folder, f"{rank}.tmp")
        pq.write_table(table, temporary)
        temporary.replace(Path(self.folder, f"{rank}.parquet"))
        yield from ()


def main(url: str, folder: str, count: str, n: str) -> None:
    rows = Path(folder, "rows")
    rows.mkdir(exist_ok=True)
    step = Generate(functools.partial(engine, url), f"{folder}/store", functools.partial(requests, n=int(n)))
    pipeline = [Prompts(int(count)), step, Rows(str(rows))]
    LocalPipelineExecutor(pipeline, tasks=2, workers=1, logging_dir=f"{folder}/log").run()


if __name__ == "__main__":
    main(*sys.argv[1:])
