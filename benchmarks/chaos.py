"""Runs with one random kill -9 each, then resumed: is the release always the same, and is every row accounted for?

A small recipe (statistics, signatures, deduplication, the cap, a rule; eight files, four partitions) runs by the command line in two
workers. At a random moment (of every second run: after its first stage began, since most of a small run is its start) a random
process of it is killed: the command itself, a worker, or what helps it. Where the run
does not end well by itself the same command is given again. Then the released rows are held against those of a run that nobody
touched, and every manifest's rows in against its rows out and rejected, as its Parquet files say them. Two runs go at a time. With
`--generate` the recipe also scores its pages and makes instruction rows of them, which are held against those of the calm run too.

Printed last: {"runs", "equal_hashes", "lost", "doubled"}; lost and doubled are rows, counted over all runs. A run that hangs for
five minutes counts as a hang, and ends the benchmark with an error. Before that, which processes were killed and what was under way.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

RUNS, QUICK, SEED, HANG_SECONDS, AT_ONCE = 100, 4, 20261127, 300.0, 2
COMPILING_SECONDS = 20.0
RECIPE = """\
name: chaos
version: '1'
partitions: 4
sources: {crawl: {jsonl: in/*.jsonl, licence: CC0-1.0}}
stages:
  - {name: pages, read: crawl, steps: [nfkc, text_stats, minhash]}
  - name: curated
    read: pages
    steps:
      - dedup: {threshold: 0.8}
      - threshold: {rules: [{name: short, column: chars, keep: ">= 40"}]}
      - cap: {k: 2, mode: natural}
"""
GENERATE = """\
generate:
  - name: instruct
    read: curated
    seeds: {lengths: [60, 400], per_stratum: 20, per_host: 40, per_cluster: 4}
    novelty: {threshold: 0.8}
    rounds: {most: 30}
    tasks: {mathematics: {rows: 30, answers: program}, constraints: {rows: 10, answers: program, with: {sort: arrange}}}
release: {draft_wordings: allow, target: {model_name: chaos, purpose: train_internal, publish: false}}
"""


def write_input(folder: Path, generate: bool) -> None:
    """Eight files of pages: random texts, near-copies of them, exact copies, short ones."""
    rng = random.Random(SEED)
    (folder / "in").mkdir()
    letters = "".join(chr(c) for c in range(0x4E00, 0x4E00 + 900)) + "のにをはがでと。、" * 20
    texts: list[str] = []
    for _ in range(1600):
        kind = rng.random()
        if texts and kind < 0.25:
            copied = rng.choice(texts)
            at = rng.randrange(max(1, len(copied)))
            texts.append(copied[:at] + rng.choice(letters) + copied[at + 1 :])
        elif texts and kind < 0.35:
            texts.append(rng.choice(texts))
        else:
            texts.append("".join(rng.choice(letters) for _ in range(rng.choice((20, 300, 900)))))
    for file in range(8):
        rows = [{"id": str(i), "text": texts[i], "url": f"https://example.jp/{i}"} for i in range(file, len(texts), 8)]
        lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
        (folder / "in" / f"{file}.jsonl").write_text(lines, encoding="utf-8")
    scored = RECIPE.replace("text_stats, ", "text_stats, {fasttext_quality: {model: quality_ja}}, ")
    (folder / "chaos.yaml").write_text(scored + GENERATE if generate else RECIPE, encoding="utf-8")


def started(folder: Path, out: Path) -> subprocess.Popen[bytes]:
    """The command, running, its messages kept in a file."""
    command = [sys.executable, "-m", "recipes.engine.cli", "run", str(folder / "chaos.yaml"), "--out", str(out)]
    with (folder / f"{out.name}.log").open("ab") as log:
        return subprocess.Popen([*command, "--workers", "2"], stdout=log, stderr=log, start_new_session=True)


def processes(session: int) -> list[int]:
    """Living processes of a session."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(int(path.parent.name))
    return sorted(found)


def ended(process: subprocess.Popen[bytes]) -> int:
    """The command's exit status. Raises where it hangs."""
    try:
        return process.wait(HANG_SECONDS)
    except subprocess.TimeoutExpired:
        for pid in processes(process.pid):
            os.kill(pid, signal.SIGKILL)
        raise SystemExit(f"a run hung for {HANG_SECONDS:.0f} s: {process.args}") from None


def released(out: Path) -> tuple[list[str], Counter[bytes]]:
    """Content hashes of the released sets, pages first, and ids of the rows in them."""
    folders = [folder for name in ("curated", "instruct") if (folder := out / "1" / name).exists()]
    files = [path for folder in folders for path in sorted(folder.glob("data/**/*.parquet"))]
    ids = [i for path in files for i in pq.read_table(path, columns=["id"])["id"].to_pylist()]
    return [json.loads((f / "manifest.json").read_text())["content"] for f in folders], Counter(ids)


def unaccounted(out: Path) -> int:
    """Rows by which any manifest's rows in differ from its rows out and rejected, as the files say them."""
    wrong = 0
    for path in out.glob("**/manifest.json"):
        manifest = json.loads(path.read_text())
        if "columns" in manifest:
            kept = sum(pq.read_metadata(p).num_rows for p in path.parent.glob("data/**/*.parquet"))
            gone = sum(pq.read_metadata(p).num_rows for p in path.parent.glob("rejected/*.parquet"))
            wrong += abs(manifest["rows_in"] - kept - gone) + abs(manifest["rows_out"] - kept)
    return wrong


def kind_of(process: int, command: int) -> str:
    """What a process of a run is."""
    try:
        words = Path(f"/proc/{process}/cmdline").read_text()
    except OSError:
        return "one that had just ended"
    if process == command:
        return "command"
    return "resource tracker" if "resource_tracker" in words else "worker" if "spawn" in words else "other"


def under_way(out: Path) -> str:
    """What a run is at, as its folder shows it."""
    begun = [p.name.removesuffix(".partial").rpartition("-")[0] or p.stem for p in out.glob("*/*.partial")]
    if begun:
        return begun[0]
    if (out / "1" / "run.json").exists():
        return "report"
    if (out / "stages").exists() and (made := sorted(p.name.rpartition("-")[0] for p in (out / "stages").iterdir())):
        return f"after {made[-1]}"
    return "start"


def at_work(process: subprocess.Popen[bytes], out: Path) -> float:
    """The moment when the first stage began, or the run ended."""
    while not (out / "stages").exists() and process.poll() is None:
        time.sleep(0.01)
    return time.monotonic()


def calm(folder: Path, out: Path) -> tuple[float, float]:
    """A run that nobody touches; returns its seconds, and those from its first stage on."""
    began, process = time.monotonic(), started(folder, out)
    work = at_work(process, out)
    assert not ended(process), (folder / f"{out.name}.log").read_text()
    return time.monotonic() - began, time.monotonic() - work


def rough(folder: Path, out: Path, seconds: float, late: bool, rng: random.Random) -> tuple[str, str, bool]:
    """One run with a kill, resumed until it is done; returns what was killed, what was under way, and whether it was resumed."""
    process = started(folder, out)
    if late:
        at_work(process, out)
    time.sleep(rng.uniform(0.0, seconds))
    living, killed, phase = processes(process.pid), "nothing: it was done", under_way(out)
    if process.poll() is None and living:
        victim = rng.choice(living)
        killed = kind_of(victim, process.pid)
        os.kill(victim, signal.SIGKILL)
    status, again = ended(process), 0
    while status and again < 3:
        status, again = ended(started(folder, out)), again + 1
    if status:
        said = (folder / f"{out.name}.log").read_text()[-2000:]
        raise SystemExit(f"{out}: not done after {again} resumed runs: {said}")
    return killed, phase, again > 0


def measured(runs: int, generate: bool) -> dict[str, Any]:
    """All runs, two at a time."""
    killed, phases, table = Counter[str](), Counter[str](), {"runs": runs, "equal_hashes": 0, "lost": 0, "doubled": 0}
    wrong = done = resumed = 0
    with tempfile.TemporaryDirectory(prefix="seimai-chaos-") as name, ThreadPoolExecutor(AT_ONCE) as pool:
        folder = Path(name)
        write_input(folder, generate)
        for again in range(2):
            untouched = [folder / f"calm-{again}-{i}" for i in range(AT_ONCE)]
            seconds, work = max(pool.map(lambda out: calm(folder, out), untouched))
            if seconds < COMPILING_SECONDS:  # else kernels were compiled, and a run takes less
                break
        content, ids = released(untouched[0])

        def one(run: int) -> tuple[str, str, bool]:
            late = run % 2 == 1
            out, rng = folder / f"run-{run:03}", random.Random(f"{SEED}:{run}")
            return rough(folder, out, work if late else seconds, late, rng)

        for run, (what, phase, again) in enumerate(pool.map(one, range(runs))):
            killed[what] += 1
            phases[phase] += 1
            resumed += again
            now, rows = released(folder / f"run-{run:03}")
            table["equal_hashes"] += now == content
            table["lost"] += sum((ids - rows).values())
            table["doubled"] += sum((rows - ids).values())
            wrong += unaccounted(folder / f"run-{run:03}")
            done += 1
            if done % 10 == 0:
                print(f"{done} runs, {table['equal_hashes']} equal, {dict(killed)}", flush=True)
    print(
        f"a calm run takes {seconds:.1f} s, {work:.1f} from its first stage on, {AT_ONCE} at a time; given again: {resumed} of {runs}"
    )
    print(f"killed: {dict(killed.most_common())}; while: {dict(phases.most_common())}")
    print(f"rows that a manifest does not account for: {wrong}")
    return table | {"lost": table["lost"] + wrong}


def main() -> int:
    """Parses the command line and prints the figures; status 1 where rows differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} runs instead of {RUNS}")
    parser.add_argument("--runs", type=int, help="so many runs")
    parser.add_argument("--generate", action="store_true", help="with a score and a generation")
    given = parser.parse_args()
    table = measured(given.runs or (QUICK if given.quick else RUNS), given.generate)
    print(json.dumps(table))
    return int(table["equal_hashes"] < table["runs"] or table["lost"] > 0 or table["doubled"] > 0)


if __name__ == "__main__":
    sys.exit(main())
