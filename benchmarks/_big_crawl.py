"""A crawl of any size that is not there, planned by the engine as it plans those that are, and what a task costs beside its work.

The files are names with sizes, a gigabyte each as Common Crawl's; where planning looks into one it finds a small real WARC. All else
is the engine's own: `web_ja` is planned over them, its work list written, the levels above it laid out, the tasks of its later stages
and of the phases of its surveys counted.
"""

import gzip
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from curation.extract.inputs import InputFile
from curation.gather import Level, levels
from curation.place import Place
from curation.read_shards import shared_rows
from curation.shards import MANIFEST
from curation.sorted_files import FILE_BYTES
from curation.survey import Survey
from curation.work_list import WorkList, incomplete, incomplete_of, written
from recipes.engine import source_read
from recipes.engine.all_read import require_all_read
from recipes.engine.gathering import is_gathered
from recipes.engine.plan import Block, Plan, make
from recipes.engine.recipe_file import find, load
from recipes.engine.run_survey import row_tasks
from recipes.engine.stragglers import usual_pace

STORED, IN_WARC = 2_300, 30_000
"""Bytes of a document in a set, and of its record in a compressed WARC."""
WARC_BYTES = 1_100_000_000
PARTITION_BYTES = 3 << 29
"""Bytes of documents for which the recipe is taken to state a partition; never fewer than 16 of them."""


@dataclass(frozen=True)
class Laid:
    """A stage, or a level or a survey of one: its tasks, the files that these leave (0: a survey's tables), mean bytes of a file."""

    name: str
    tasks: int
    files: int
    bytes: float


def stated(docs: int) -> int:
    """Partitions that a recipe would state for so many documents."""
    return max(16, 1 << max(0, -(-docs * STORED // PARTITION_BYTES) - 1).bit_length())


def files_of(folder: Path, docs: int) -> list[InputFile]:
    """WARC files that would hold so many documents."""
    block = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>page"
    head = b"WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:%d>\r\nContent-Type: application/http\r\n"
    member = gzip.compress(head % 1 + b"Content-Length: %d\r\n\r\n" % len(block) + block + b"\r\n\r\n")
    (small := folder / "small.warc.gz").write_bytes(member * 50)
    size = docs * IN_WARC
    sizes = [min(WARC_BYTES, size - at) for at in range(0, size, WARC_BYTES)]
    return [InputFile(str(small), f"{n:06d}.warc.gz", "warc", bytes_, f"{n}") for n, bytes_ in enumerate(sizes)]


def planned(folder: Path, docs: int, partitions: int) -> tuple[Plan, float]:
    """The plan of web_ja over such a crawl, and the CPU seconds that it took."""
    files = files_of(folder, docs)
    recipe = load(find("web_ja"), [f"partitions={partitions}"], ["crawl/*.warc.gz"])
    began = time.process_time()
    with mock.patch.object(source_read, "find_inputs", return_value=files):
        plan = make(recipe, "web_ja", str(folder / "out"))
    return plan, time.process_time() - began


def laid_out(folder: Path, plan: Plan, docs: int) -> tuple[list[Laid], list[Level]]:
    """Every stage of the plan, were all documents kept, and the levels between the tasks that read and the partitions."""
    found, made = list[Laid](), list[Level]()
    for block in plan.blocks:
        if block.kind == "survey":
            found.append(Laid(block.name, sum(phase.tasks for phase in phases(block, docs)), 0, 0.0))
        elif isinstance(block.read, source_read.SourceRead):
            made = levels(block.tasks, block.partitions) if is_gathered(block) else []
            files = block.tasks * (1 if made else block.partitions)
            found.append(Laid(block.name, block.tasks, files, docs * STORED / files))
            for number, level in enumerate(made, 1):
                files = level.tasks << (level.bits - level.before)
                found.append(Laid(f"{block.name}, level {number}", level.tasks, files, docs * STORED / files))
        else:
            tasks = len(shared_rows([whole_set(folder / "set", docs, block.read.partitions)]))
            files = tasks * -(-docs * STORED // tasks // FILE_BYTES)
            found.append(Laid(block.name, tasks, files, docs * STORED / files))
    return found, made


def phases(block: Block, docs: int) -> list[Any]:
    """The phases of a survey over so many rows."""
    step = block.steps[-1]
    assert isinstance(step, Survey)
    return list(step.phases(docs, row_tasks(block.read.partitions)))  # type: ignore[union-attr]


def whole_set(folder: Path, docs: int, partitions: int) -> str:
    """The folder of a set that says it has so many rows."""
    said = {"partitions": partitions, "columns": ["id"], "rows_out": docs, "bytes": docs * STORED}
    Place(str(folder)).write_json(MANIFEST, said)
    return str(folder)


def beside_work(folder: Path, tasks: int, docs: int) -> dict[str, float]:
    """What so many tasks cost beside their work, each measured on a real work list and real manifests of that many.

    Seconds of the one process that plans, looks what is missing, and holds what was read against the list; milliseconds of a task.
    """
    size = docs * IN_WARC
    files = [f for f in files_of(folder, docs) if f.size]
    made: dict[str, float] = {"tasks": 0.0}

    def took(name: str, what: Callable[[], Any], scale: float = 1.0) -> Any:
        began = time.process_time()
        found = what()
        made[name] = scale * (time.process_time() - began)
        return found

    place = Place(str(folder / "stage"))
    cut = took("plan_s", lambda: source_read.cut(files, -(-size // tasks)))
    work = took("list_s", lambda: WorkList.write(place, cut))
    made["tasks"] = len(cut)
    made["list_mb"] = sum(p.stat().st_size for p in (folder / "stage" / "work").iterdir()) / 1e6
    for rank, units in enumerate(cut):
        told = {"task": rank, "read": written(units), "rest": [], "seconds": 60.0, "rows_in": 1, "rows_out": 1}
        place.write_json(f"tasks/{rank:05d}.json", told)
    some = np.random.default_rng(0).integers(0, len(cut), 20).tolist()
    took("own_units_ms", lambda: [work.units(rank) for rank in some], 1e3 / len(some))
    took("own_missing_ms", lambda: [incomplete_of(place, len(cut), [rank]) for rank in some], 1e3 / len(some))
    took("pace_ms", lambda: usual_pace(place, len(cut)), 1e3)
    missing = took("missing_s", lambda: incomplete(place, len(cut)))
    took("all_read_s", lambda: require_all_read(place, len(cut)))
    if missing:
        raise SystemExit(f"tasks {missing[:5]} are missing, and all have a manifest")
    return made


def printed(rows: list[Laid]) -> Iterator[str]:
    """A line for each stage."""
    for row in rows:
        left = f"{row.files:12,} files of {row.bytes / 1e6:9,.2f} MB" if row.files else f"{'tables':>18}"
        yield f"  {row.name:22} {row.tasks:10,} tasks {left}"
