"""File counts, manifests and join traffic of a run over up to 10^10 documents, without the documents.

    uvx nox -s bench -- sizes [--quick] [--docs N …] [--partitions N]

What lays a run out is the engine's own code: levels of gathering, manifests of tasks and the tree above them, rows' tasks, parts and
exchange files of the survey of dedup. Three things are driven for real, at a size that fits:

gather   small sorted files of synthetic rows go through the levels: CPU a row and level, most memory of a task, and the same content.
tree     the task manifests that the last level of each size leaves are written with the fields that it writes, the tree is planted
         above them, and readers of single partitions read what they need: files, bytes, time. At 10^10 documents too.
survey   the phases of dedup over synthetic texts: bytes that each exchange moves for a row.

From these, for each size: tasks, files and manifests of each stage, the most that one task reads of manifests, bytes and requests of
the exchanges, as the same functions of the engine give them. A document's stored bytes (2.3 kB, those of `scale/`) and its share of
a WARC (30 kB, those of Common Crawl) are assumed. `flat_*` is what a layout without gathering and trees would need.
"""

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Iterator
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from cluster import _high_water
from index import CHARS, Rows, old_texts, write_crawl

from curation.content_sum import content_sum
from curation.dedup.exchange import run_bytes
from curation.dedup.keyed_records import parts_for
from curation.dedup.partitioned.cut import RECORDS, Cut
from curation.document import schema
from curation.gather import Gather, Level, is_needed, levels, levels_of
from curation.manifest_tree import planted, task_manifests
from curation.place import Place
from curation.provenance import key
from curation.shards import MANIFEST, ShardSet
from curation.write_shards import WriteShards
from recipes.engine.run_survey import row_tasks

STORED, IN_WARC = 2_300, 30_000
"""Bytes of a document in a set, and of its record in a compressed WARC."""
BANDS, ROWS_A_PART = 14, 1 << 20
TASK_BYTES, MOST_TASKS = 32 << 20, 100_000
"""Bytes of WARC that a task reads, more where there would be more than the most tasks."""
PARTITION_BYTES = 3 << 29
"""Bytes of documents for which the recipe is taken to state a partition; never fewer than 16 of them."""
NAMES = ["id", "source", "url", "file", "offset", "payload_digest", "licence", "text"]
RECEIVERS = {"forms": ("nodes", "rows"), "pairs": ("pairs",), "bands": ("buckets",)}
"""Phases that read an exchange more than once, or by another name than its own."""


def manifest_of(task: int, first: int, last: int, rows: int, groups: int) -> dict[str, Any]:
    """What a task of the last level says: a file for each of its partitions."""
    name = "{:05d}/{:05d}.000.parquet".format
    files = [
        {
            "path": f"data/{name(p, task)}",
            "rows": rows,
            "bytes": rows * STORED,
            "sha256": sha256(b"%d" % p).hexdigest(),
            "partition": p,
        }
        for p in range(first, last)
    ]
    rejected = [
        {"path": f"rejected/{name(g, 0)}", "rows": rows, "bytes": rows * 90, "sha256": sha256(b"r%d" % g).hexdigest()}
        for g in range(groups)
    ]
    steps = [
        {"step": s, "seconds": 1.5, "rows": rows, "kept": rows} for s in ("read_warc", "sniff", "decode", "main_text")
    ]
    told = {"rejected": {"not_text": rows}, "sample_files": [], "licences": {"": rows}, "content": None, "steps": steps}
    told |= {"fused": [], "unreadable": [], "peak_rss_mb": 800, "started": 0.0, "seconds": 60.0, "cpu": 60.0}
    counts = {"rows_in": rows * (len(files) + groups), "rows_out": rows * len(files)}
    return {"task": task, **counts, "files": files, "rejected_files": rejected, **told}


def tree_of(folder: Path, docs: int, tasks: int, partitions: int) -> dict[str, Any]:
    """Writes the manifests of a gathered set and the tree above them; what readers of single partitions read."""
    made = levels(tasks, partitions)
    last, place = made[-1], Place(str(folder))
    each, rows = 1 << (last.bits - last.before), max(1, docs // partitions // last.merged_groups)
    first_tasks = made[0].tasks
    for task in range(last.tasks):
        cut = task // last.merged_groups
        heirs = (
            first_tasks // last.merged_groups if cut == 0 else 0
        )  # rejected files lie where the first level put them
        place.write_json(f"tasks/{task:05d}.json", manifest_of(task, cut * each, (cut + 1) * each, rows, heirs))
    began = time.process_time()
    named = list(task_manifests(place))
    manifest = {"partitions": partitions, "columns": NAMES, "tree": planted(place, named)}
    planting = time.process_time() - began
    place.write_json(MANIFEST, manifest)
    root = (folder / MANIFEST).stat().st_size
    read, bytes_read, seconds = 0, 0, 0.0
    for partition in np.random.default_rng(1).integers(0, partitions, 50).tolist():
        shards, began = ShardSet.open(str(folder)), time.perf_counter()
        files = shards.files(partition)
        seconds = max(seconds, time.perf_counter() - began)
        if len(files) != last.merged_groups:
            raise SystemExit(f"partition {partition} has {len(files)} files, not {last.merged_groups}")
        read, bytes_read = max(read, 1 + shards.tree.files_read), max(bytes_read, root + shards.tree.bytes_read)
    sizes = [p.stat().st_size for p in folder.rglob("*.json")]
    return {
        "manifests": len(sizes),
        "manifest_mb": sum(sizes) / 1e6,
        "largest_kb": max(sizes) / 1e3,
        "read_files": read,
        "read_kb": bytes_read / 1e3,
        "read_ms": 1e3 * seconds,
        "planting_s": planting,
    }


def write_tasks(folder: Path, tasks: int, rows: int) -> int:
    """So many tasks of synthetic rows, each a set of one partition as a crawl's tasks write it. Returns the rows' content."""
    total, letters = 0, np.random.default_rng(0).integers(0x4E00, 0x9FFF, 1 << 16, dtype=np.uint32)
    for task in range(tasks):
        starts = np.random.default_rng(task).integers(0, len(letters) - 2 * CHARS, rows)
        texts = [letters[s : s + 2 * CHARS].tobytes().decode("utf-32-le") for s in starts.tolist()]
        at = range(task * rows, (task + 1) * rows)
        made = [
            {"id": key("sizes", n), "source": "crawl", "url": f"https://example.jp/{n}", "file": f"{task}.warc", "offset": n,
             "payload_digest": key("p", n), "licence": None, "text": text}
            for n, text in zip(at, texts, strict=True)
        ]  # fmt: skip
        batch = pa.RecordBatch.from_pylist(made, schema=schema(NAMES))
        total += content_sum(batch)
        list(WriteShards(str(folder), NAMES, 1).run([batch], task, tasks))
    return total % (1 << 256)


def gathered(answer: Any, folder: Path, made: list[Level]) -> None:
    """All levels over what the tasks wrote, in a process of its own: CPU seconds, and what they add to its memory."""
    few = Place(str(folder / "few"))  # so that libraries are loaded
    write_tasks(folder / "few", 2, 50)
    list(Gather(levels_of(few, 2)[0], few.url, f"{few.url}/made", f"{few.url}/made", NAMES).run(None, 0))
    before, began = _high_water(), time.process_time()
    for number, level in enumerate(made, 1):
        for task in range(level.tasks):
            step = Gather(level, str(folder / str(number - 1)), str(folder / str(number)), str(folder / "end"), NAMES)
            list(step.run(None, task))
    answer.put((time.process_time() - began, (_high_water() - before) / 2**20))


def gathering(tasks: int, rows: int, partitions: int) -> dict[str, Any]:
    """Real rows through the levels."""
    with tempfile.TemporaryDirectory(prefix="seimai-bench-") as name:
        folder = Path(name)
        content = write_tasks(folder / "0", tasks, rows)
        made = levels_of(Place(str(folder / "0")), partitions)
        context = get_context("spawn")
        answer = context.Queue()
        child = context.Process(target=gathered, args=(answer, folder, made))
        child.start()
        seconds, memory = answer.get()
        child.join()
        end = ShardSet(Place(str(folder / str(len(made)))), {"partitions": partitions, "columns": NAMES})
        found = sum(content_sum(batch) for batch in end.read(NAMES)) % (1 << 256)
        files = len(end.files())
    if found != content:
        raise SystemExit("the gathered rows are not those that were written")
    per_row = 1e6 * seconds / (tasks * rows) / len(made)
    return {"files_before": tasks, "files_after": files, "us_a_row_and_level": per_row, "peak_mb": memory}


def moved(docs: int) -> dict[str, float]:
    """Records that each exchange of the survey carries for a row, over synthetic texts of which a third are near others."""
    from curation.dedup.dedup import Dedup

    def texts() -> Iterator[list[str]]:
        for first in range(0, docs, 1 << 12):
            known = old_texts(first, min(docs, first + (1 << 12)))
            yield [known[i - 1][: CHARS - 10] if i % 3 == 2 else text for i, text in enumerate(known)]

    with tempfile.TemporaryDirectory(prefix="seimai-bench-") as name:
        folder, step = Path(name), Dedup(0.8)
        write_crawl(folder / "rows", "sizes", 8, texts())
        rows, work, step.rows_a_part = Rows(folder / "rows"), Place(str(folder / "work")), docs // 8
        for phase in step.phases(docs, rows.partitions):
            for task in range(phase.tasks):
                list(step.run_phase(phase.name, task, rows, work))
        cut = Cut(work, rows.partitions, 8, BANDS)
        return {n: float(cut.exchange(n).counts().sum()) / docs for n in RECORDS if work.names(f"sent/{n}")}


def traffic(docs: int, partitions: int, records: dict[str, float], grouped: bool = True) -> dict[str, float]:
    """Files, bytes and requests of the survey's exchanges for so many documents; `grouped`: as the engine lays them out."""
    parts = parts_for(docs, ROWS_A_PART)
    cut = Cut(Place(""), row_tasks(partitions) if grouped else partitions, parts, BANDS)
    senders = {"forms": cut.rows, "bands": cut.rows, "sets": cut.rows, "best": parts, "asked": parts}
    files = moved_bytes = requests = 0.0
    least = np.inf
    for name, per_row in records.items():
        exchange, tasks = cut.exchange(name), senders.get(name, parts)
        if name == "pairs":
            tasks = cut.tasks["bands"]
        size = per_row * docs * 8 * exchange.width
        runs = max(1.0, np.ceil(size / tasks / (run_bytes(exchange.targets) if grouped else 64 << 20)))
        readings = exchange.targets * len(RECEIVERS.get(name, (name,)))
        files, moved_bytes = files + tasks * runs, moved_bytes + size + tasks * runs * 8 * (exchange.targets + 1)
        requests += 2 * readings * tasks * runs
        if name == "bands":
            least = size / (readings * tasks * runs)
    return {"files": files, "tb": moved_bytes / 1e12, "requests": requests, "band_piece_bytes": float(least)}


def stages(docs: int, stated: int | None) -> tuple[int, int, list[tuple[str, int, int, float]]]:
    """Tasks of the crawl, partitions, and for each stage: name, tasks, files, mean bytes of a file."""
    stored = docs * IN_WARC
    tasks = -(-stored // max(TASK_BYTES, -(-stored // MOST_TASKS)))
    stated = stated or max(16, 1 << max(0, -(-docs * STORED // PARTITION_BYTES) - 1).bit_length())
    partitions = min(stated, 1 << max(0, -(-stored // (8 << 20)) - 1).bit_length())
    rows: list[tuple[str, int, int, float]] = []
    made = levels(tasks, partitions) if is_needed(tasks, partitions) else []
    files = tasks if made else tasks * partitions
    rows.append(("read", tasks, files, docs * STORED / files))
    for number, level in enumerate(made, 1):
        files = level.tasks << (level.bits - level.before)
        rows.append((f"gather {number}", level.tasks, files, docs * STORED / files))
    per_partition = max(1, round(docs * STORED / partitions / (1 << 30)))
    files = partitions * per_partition
    rows.append(("each later", partitions, files, docs * STORED / files))
    return tasks, partitions, rows


def main() -> None:
    """Drives and prints; the last line is one JSON object, of the largest size."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="within about 50 s")
    parser.add_argument("--docs", type=int, nargs="+", default=[10**6, 10**8, 10**10])
    parser.add_argument("--partitions", type=int, help="of the recipe, instead of one for 1.5 GiB of documents")
    given = parser.parse_args()
    real = gathering(*((130, 200, 256) if given.quick else (1000, 2000, 1024)))
    print(
        f"gather: {real['files_before']} sorted files → {real['files_after']}, content the same; "
        f"{real['us_a_row_and_level']:.1f} µs a row and level, a task adds {real['peak_mb']:.0f} MB"
    )
    records = moved(16_000 if given.quick else 100_000)
    said = ", ".join(f"{n} {8 * RECORDS[n][0] * r:.0f}" for n, r in records.items())
    print(f"survey of dedup, bytes a row by exchange: {said}")
    result: dict[str, Any] = {}
    for docs in given.docs:
        tasks, partitions, table = stages(docs, given.partitions)
        print(f"\n{docs:,} documents, {docs * IN_WARC / 1e12:,.2f} TB of WARC, {partitions:,} partitions")
        for name, n, files, size in table:
            print(f"  {name:12} {n:10,} tasks {files:12,} files of {size / 1e6:9,.2f} MB")
        flat = {"flat_files": tasks * partitions, "flat_manifest_reads": tasks * partitions}
        made: dict[str, Any] = {
            "docs": docs,
            "tasks": tasks,
            "partitions": partitions,
            "files": sum(t[2] for t in table),
        }
        if is_needed(tasks, partitions):
            with tempfile.TemporaryDirectory(prefix="seimai-bench-") as folder:
                tree = tree_of(Path(folder), docs, tasks, partitions)
            made |= {k: round(v, 2) for k, v in tree.items()}
            print(
                f"  manifests: {tree['manifests']:,} of {tree['manifest_mb']:.1f} MB, the largest {tree['largest_kb']:.0f} kB; "
                f"who reads a partition reads {tree['read_files']}, {tree['read_kb']:.0f} kB, in {tree['read_ms']:.1f} ms"
            )
        now, before = traffic(docs, partitions, records), traffic(docs, partitions, records, grouped=False)
        print(
            f"  survey of dedup: {now['files']:,.0f} exchange files, {now['tb']:.3f} TB, {now['requests']:,.0f} requests, a piece of "
            f"bands {now['band_piece_bytes']:,.0f} bytes (a task a partition, files of 64 MiB: {before['requests']:,.0f} requests)"
        )
        made |= {f"exchange_{k}": round(v, 3) for k, v in now.items()}
        result = made | flat | {"flat_exchange_requests": round(before["requests"])}
    result |= {
        "gather_us_a_row_and_level": round(real["us_a_row_and_level"], 2),
        "gather_peak_mb": round(real["peak_mb"]),
    }
    print(json.dumps(result | {"peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}))


if __name__ == "__main__":
    main()
