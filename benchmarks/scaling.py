"""Two workers against one on a crawl of one big file and many small ones, and what the engine itself costs at 10,000 tasks.

    uvx nox -s bench -- scaling [--quick]

Scaling: the steps of the quickstart's corpus (web_ja), by the command line. Three fifths of the pages (development corpus, new ids)
stand in one WARC, the others in sixty. Wall seconds of the whole command with one worker and with two, each the least of the repeats;
`speedup_2_workers` is of what the pages add to a run over no page, `speedup_2_workers_whole` of the command as a user sees it. Both
must release the same content.

Overhead: a run of 10,000 tasks in which everything is real but the pages. Each task has a file of one line, so that what is left
is the engine: planning, the work list, handing tasks to two worker processes, steps made anew, a task's files and manifest, its
state being read, the gathering of what they wrote, the joining of manifests. Simulated is how long a task works on its pages: as
one of the first part would for its bytes (`task_work_s`, CPU seconds of the whole run for 32 MiB of its WARCs). Overhead is then
all the time that two workers had, over 10,000 × that. `…_100_workers` says what that becomes where a hundred workers wait for the
one process that plans, hands out and joins: its CPU seconds are not shared.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from _corpus import members, need_corpus

TASK_BYTES = 32 << 20
"""What a task of a large source holds (`recipes.engine.source_read`)."""
RECIPE = """\
name: overhead
version: '1'
partitions: 4
sources: {crawl: {jsonl: in, licence: CC0-1.0}}
stages: [{name: pages, read: crawl, steps: [text_stats]}]
"""


def write_crawl(folder: Path, pages: int, small: int = 60) -> Path:
    """One big WARC with three fifths of the pages, and `small` small ones with the others; none where there are no pages."""
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / "done").exists():
        return folder
    big, each = pages * 3 // 5, max(1, pages * 2 // 5 // small)
    files: dict[str, Any] = {}
    for n, member in enumerate(members(pages)):
        name = "big" if n <= big else f"small-{(n - big - 1) // each:03d}"
        if name not in files:
            files[name] = (folder / f"{name}.warc.gz").open("wb")
        files[name].write(member)
    for file in files.values():
        file.close()
    (folder / "done").touch()
    return folder


def run(crawl: Path, out: Path, workers: int) -> tuple[float, float, dict[str, Any]]:
    """One run of web_ja: wall seconds, CPU seconds, the released set's manifest."""
    shutil.rmtree(out, ignore_errors=True)
    command = [sys.executable, "-m", "recipes.engine.cli", "run", "web_ja", "--in", f"{crawl}/*.warc.gz"]
    compiled = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    began = time.perf_counter()
    with (out.parent / f"{out.name}.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--out", str(out), "--workers", str(workers)], stdout=log, stderr=log, env=compiled
        )
        _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit((out.parent / f"{out.name}.log").read_text())
    (released,) = out.glob("*/curated/manifest.json")
    return wall, used.ru_utime + used.ru_stime, json.loads(released.read_text())


def scaling(cache: Path, work: Path, pages: int, repeats: int) -> dict[str, Any]:
    """Wall seconds with one worker and two, and what a task of 32 MiB costs."""
    nothing, crawl = write_crawl(cache / "scaling-0", 0), write_crawl(cache / f"scaling-{pages}", pages)
    stored = sum(p.stat().st_size for p in crawl.glob("*.warc.gz"))
    biggest = (crawl / "big.warc.gz").stat().st_size
    run(nothing, work / "warm", 2)  # kernels are on disk from here on
    wall: dict[tuple[str, int], float] = {}
    cpu: dict[str, float] = {}
    contents = set()
    for again in range(repeats):
        for name, folder in (("nothing", nothing), ("crawl", crawl)):
            for workers in (1, 2):
                seconds, used, manifest = run(folder, work / f"{name}-{workers}-{again}", workers)
                wall[name, workers] = min(seconds, wall.get((name, workers), seconds))
                if workers == 1:
                    cpu[name] = min(used, cpu.get(name, used))
                if name == "crawl":
                    contents.add((manifest["content"], manifest["rows_out"]))
    if len(contents) != 1:
        raise SystemExit(f"one worker and two released other rows: {contents}")
    one, two = (wall["crawl", n] - wall["nothing", n] for n in (1, 2))
    for n in (1, 2):
        print(
            f"{n} worker{'s' * (n > 1)}: {wall['crawl', n]:.1f} s, of which over no page {wall['nothing', n]:.1f} s; "
            f"{pages} pages, {stored / 1e6:.1f} MB, the biggest file {biggest / 1e6:.1f} MB"
        )
    return {
        "speedup_2_workers": round(one / two, 2),
        "speedup_2_workers_whole": round(wall["crawl", 1] / wall["crawl", 2], 2),
        "records_per_s": round(pages / two, 1),
        "task_work_s": round((cpu["crawl"] - cpu["nothing"]) * TASK_BYTES / stored, 1),
        "pages": pages,
    }


def overhead(work: Path, tasks: int, task_work: float) -> dict[str, Any]:
    """What a run of so many tasks costs beside their work."""
    from recipes.engine import execute
    from recipes.engine.plan import make
    from recipes.engine.progress import Progress
    from recipes.engine.recipe_file import load

    class Clock(Progress):
        """Notes when tasks were all done, and when each block was joined."""

        def __init__(self) -> None:
            super().__init__(2, stream=(work / "overhead.log").open("w"))
            self.at: dict[str, float] = {}

        def update(self, running: dict[int, Any], done: int, more: int = 0) -> None:
            super().update(running, done, more)
            self.at.setdefault(f"{self.name} begun", time.perf_counter())
            self.at[f"{self.name} done"] = time.perf_counter()

        def end(self, rows_in: int, rows_out: int, note: str = "") -> None:
            super().end(rows_in, rows_out, note)
            self.at[f"{self.name} joined"] = time.perf_counter()

    folder = work / "overhead"
    (folder / "in").mkdir(parents=True)
    for n in range(tasks):
        line = json.dumps({"id": str(n), "text": f"{n:05d}番目の頁です。精米は玄米からぬかを取り除く作業です。"})
        (folder / "in" / f"{n:05d}.jsonl").write_text(f"{line:<256}\n")
    (folder / "overhead.yaml").write_text(RECIPE)
    began, busy, clock = time.perf_counter(), time.process_time(), Clock()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    recipe = load(folder / "overhead.yaml")
    plan = make(recipe, "overhead.yaml", str(folder / "out"), task_bytes=257, base=folder)
    planned = time.perf_counter()
    finished = execute.run(plan, workers=2, progress=clock)
    ended, serial = time.perf_counter(), time.process_time() - busy
    after = resource.getrusage(resource.RUSAGE_CHILDREN)  # its workers have ended
    cpu = serial + sum(getattr(after, kind) - getattr(before, kind) for kind in ("ru_utime", "ru_stime"))
    if plan.blocks[0].tasks != tasks or finished["blocks"][-1]["rows_out"] != tasks:
        raise SystemExit(f"{folder}: not {tasks} tasks and rows")
    wall, name = ended - began, "pages.rows"
    each = 2 * wall / tasks
    share, hundred = each / task_work, (serial + 2 * (wall - serial) / 100) / (tasks * task_work / 100)
    print(
        f"{tasks} tasks: {wall:.1f} s for two workers, of which planning {planned - began:.1f} s, the tasks "
        f"{clock.at[f'{name} done'] - planned:.1f} s, gathering and joining "
        f"{clock.at[f'{name} joined'] - clock.at[f'{name} done']:.1f} s; "
        f"CPU of the one process that plans and joins {serial:.1f} s"
    )
    return {
        "overhead_percent_10000_tasks": round(100 * share, 3),
        "overhead_percent_100_workers": round(100 * hundred, 3),
        "overhead_ms_per_task": round(1e3 * each, 2),
        "overhead_cpu_ms_per_task": round(1e3 * cpu / tasks, 2),
        "serial_ms_per_task": round(1e3 * serial / tasks, 2),
        "plan_s": round(planned - began, 2),
        "join_s": round(clock.at[f"{name} joined"] - clock.at[f"{name} done"], 2),
        "tasks": tasks,
    }


def main() -> None:
    """Measures and prints; the last line is one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="1,500 pages once, and 1,000 tasks")
    parser.add_argument("--pages", type=int, help="pages of the crawl")
    parser.add_argument("--repeats", type=int, help="runs of each kind")
    parser.add_argument(
        "--cache", default=os.environ.get("SEIMAI_BENCH_CACHE", f"{tempfile.gettempdir()}/seimai-bench")
    )
    options = parser.parse_args()
    need_corpus("warc")
    quick = options.quick
    with tempfile.TemporaryDirectory(prefix="seimai-scaling-") as name:
        pages, repeats = options.pages or (1_500 if quick else 12_000), options.repeats or (1 if quick else 2)
        figures = scaling(Path(options.cache), Path(name), pages, repeats)
        figures |= overhead(Path(name), 1_000 if quick else 10_000, figures["task_work_s"])
    print(json.dumps(figures | {"quick": quick}))


if __name__ == "__main__":
    main()
