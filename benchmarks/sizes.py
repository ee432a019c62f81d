"""File counts, manifests and join traffic of a run over up to 10^10 documents, without the documents.

    uvx nox -s bench -- sizes [--quick] [--docs N …] [--partitions N]

What lays a run out is the engine's own code (`_big_crawl.py`): `web_ja` planned over a crawl of that size, its work list, levels of
gathering, tasks of later stages and of surveys' phases, manifests of tasks and the tree above them. Driven for real, where it fits:

gather   small sorted files of synthetic rows go through the levels: CPU a row and level, most memory of a task, and the same content.
survey   the phases of dedup over synthetic texts: records, files and requests of each exchange, sets written and read. What is
         calculated for large sizes is calculated for this one too, and has to be what was counted.
beside   stages of 10^3, 10^4 (and 10^5) tasks with their work lists and manifests: what planning, one task and joining cost.
tree     the task manifests that the last level of each size leaves are written with the fields that it writes, the tree is planted
         above them, and readers of single partitions read what they need: files, bytes, time. At 10^10 documents too.

A document's stored bytes (2.3 kB, those of `scale/`), its share of a WARC (30 kB, those of Common Crawl) and the bytes of a shingle
set (15 kB, of 2,000 characters) are assumed. `flat_*` is what a layout without gathering and trees would need.
"""

import argparse
import json
import resource
import tempfile
import time
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from _big_crawl import STORED, beside_work, laid_out, planned, printed, stated
from _survey_traffic import ROWS_A_PART, Moved, moved, require_as_counted, traffic
from cluster import _high_water
from index import CHARS

from curation.content_sum import content_sum
from curation.dedup.keyed_records import parts_for
from curation.dedup.partitioned.cut import RECORDS
from curation.document import schema
from curation.gather import Gather, Level, levels_of
from curation.manifest_tree import planted, task_manifests
from curation.place import Place
from curation.provenance import key
from curation.shards import MANIFEST, ShardSet
from curation.write_shards import WriteShards
from recipes.engine.run_survey import row_tasks

NAMES = ["id", "source", "url", "file", "offset", "payload_digest", "licence", "text"]


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


def tree_of(folder: Path, docs: int, made: list[Level], partitions: int) -> dict[str, Any]:
    """Writes the manifests of a gathered set and the tree above them; what readers of single partitions read."""
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
    manifest = {"partitions": partitions, "columns": NAMES, "rows_out": docs, "tree": planted(place, named)}
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
    of = moved(16_000 if given.quick else 100_000)
    require_as_counted(of)
    said = ", ".join(f"{n} {8 * RECORDS[n][0] * r:.0f}" for n, r in of.records.items())
    print(f"bytes a row by exchange: {said}")
    for tasks in (10**3, 10**4) if given.quick else (10**3, 10**4, 10**5):
        with tempfile.TemporaryDirectory(prefix="seimai-bench-") as folder:
            costs = beside_work(Path(folder), tasks, tasks * 3_000)
        print("beside work:", ", ".join(f"{name} {value:,.4g}" for name, value in costs.items()))
    result: dict[str, Any] = {}
    for docs in given.docs:
        result = sized(docs, given.partitions or stated(docs), of)
    result |= {
        "gather_us_a_row_and_level": round(real["us_a_row_and_level"], 2),
        "gather_peak_mb": round(real["peak_mb"]),
        "task_own_ms": round(costs["own_units_ms"] + costs["own_missing_ms"], 2),
    }
    print(json.dumps(result | {"peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}))


def sized(docs: int, partitions: int, of: Moved) -> dict[str, Any]:
    """Lays out a run over so many documents and prints it; its figures."""
    with tempfile.TemporaryDirectory(prefix="seimai-bench-") as name:
        folder = Path(name)
        plan, seconds = planned(folder, docs, partitions)
        laid, made = laid_out(folder, plan, docs)
        parted, tasks = plan.blocks[0].partitions, plan.blocks[0].tasks
        tree = tree_of(folder / "tree", docs, made, parted) if made else None
    print(f"\n{docs:,} documents, {parted:,} partitions ({partitions:,} of the release), planned in {seconds:.1f} s")
    print(*printed(laid), sep="\n")
    figures: dict[str, Any] = {
        "docs": docs,
        "tasks": tasks,
        "partitions": parted,
        "files": sum(row.files for row in laid),
    }
    figures["tasks_in_all"] = sum(row.tasks for row in laid)
    if tree is not None:
        figures |= {k: round(v, 2) for k, v in tree.items()}
        print(
            f"  manifests: {tree['manifests']:,} of {tree['manifest_mb']:.1f} MB, the largest {tree['largest_kb']:.0f} kB; "
            f"who reads a partition reads {tree['read_files']}, {tree['read_kb']:.0f} kB, in {tree['read_ms']:.1f} ms"
        )
    rows, parts = row_tasks(parted), parts_for(docs, ROWS_A_PART)
    now, flat = traffic(docs, rows, parts, of), traffic(docs, parted, parts, of, grouped=False)
    print(
        f"  survey of dedup: {now['files']:,.0f} exchange files, {now['tb']:.3f} TB, {now['requests']:,.0f} requests, a piece of "
        f"bands {now['band_piece_bytes']:,.0f} bytes (a task a partition, files of 64 MiB: {flat['requests']:,.0f} requests); "
        f"{now['sets_read']:,.0f} sets read by {now['set_requests']:,.0f} requests of {now['set_tb_written']:.2f} TB written, "
        f"{now['scratch_gb']:.1f} GB aside in a task"
    )
    figures |= {f"exchange_{k}": round(v, 3) for k, v in now.items()}
    figures |= {"flat_files": tasks * parted, "flat_manifest_reads": tasks * parted}
    return figures | {"flat_exchange_requests": round(flat["requests"])}


if __name__ == "__main__":
    main()
