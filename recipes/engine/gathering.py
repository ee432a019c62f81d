"""Gathering what very many tasks of a block wrote (`curation/gather.py`), level by level, before the block's set is finished.

    BLOCK.partial/gather/00-read/     what the block's own tasks wrote: a set of one partition, without a manifest
    BLOCK.partial/gather/01-cut/      the first level's; the last level writes into BLOCK.partial itself

Each level is an executor of its own, as the phases of a survey are. When a level is complete, the rows that it read are removed; its
manifests stay until the set is finished, so that a run that goes on knows what is done.
"""

from typing import Any

from curation import gather
from curation.gather import Gather
from curation.place import Place
from recipes.engine.all_read import require_all_read
from recipes.engine.executors import Cluster, LocalExecutor
from recipes.engine.plan import Block
from recipes.engine.source_read import SourceRead

GATHER = "gather"
READ = f"{GATHER}/00-read"


def is_gathered(block: Block) -> bool:
    """Whether a block's tasks are too many to write partitions; never where their rows stay in the partition that they read."""
    anew = isinstance(block.read, SourceRead) or any("id" in step.writes for step in block.steps)
    return block.kind == "rows" and anew and gather.is_needed(block.tasks, block.partitions)


def first_place(block: Block, partial: Place) -> tuple[Place, int]:
    """Where a block's own tasks write, and into how many partitions."""
    return (partial / READ, 1) if is_gathered(block) else (partial, block.partitions)


def gather_rows(block: Block, partial: Place, cluster: Cluster | None, pool: Any) -> None:
    """Runs what is not complete yet of the levels; nothing for a block that is not gathered. The block's own tasks are complete."""
    if not is_gathered(block):
        return
    source = partial / READ
    if not source.exists(gather.LIST):
        require_all_read(source, block.tasks)
    levels = gather.levels_of(source, block.partitions)
    for number, level in enumerate(levels, 1):
        target = partial if number == len(levels) else partial / f"{GATHER}/{number:02d}-cut"
        pipeline = [Gather(level, source.url, target.url, partial.url, block.columns)]
        if cluster is None:
            LocalExecutor(target, pipeline, level.tasks, pool.count).run_watched(pool, lambda running, done: None)
        else:
            cluster.run(target, pipeline, level.tasks, f"{block.name}.gather{number}", "cpu")
        remove_rows(source)
        source = target


def remove_rows(place: Place) -> None:
    """Removes the files that a level has gathered."""
    for folder in ("data", "rejected", "samples"):
        (place / folder).remove()
