"""Runs with one random kill -9 each, then resumed: is the release always the same, and is every row accounted for?

A small recipe (statistics, signatures, deduplication, the cap, a rule; eight files, four partitions) runs by the command line in two
workers. At a random moment a random process of the run is killed: the command itself, a worker, or what helps it. Where the run
does not end well by itself the same command is given again. Then the released rows are held against those of a run that nobody
touched, and every manifest's rows in against its rows out and rejected, as its Parquet files say them.

Printed last: {"runs", "equal_hashes", "lost", "doubled"}; lost and doubled are rows, counted over all runs. A run that hangs for
two minutes counts as a hang, and ends the benchmark with an error.
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
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

RUNS, QUICK, SEED, HANG_SECONDS = 100, 4, 20261127, 120.0
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


def write_input(folder: Path) -> None:
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
    (folder / "chaos.yaml").write_text(RECIPE, encoding="utf-8")


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


def released(out: Path) -> tuple[str, Counter[bytes]]:
    """Content hash and ids of the released rows."""
    folder = out / "1" / "curated"
    ids = [
        i for p in sorted(folder.glob("data/**/*.parquet")) for i in pq.read_table(p, columns=["id"])["id"].to_pylist()
    ]
    return json.loads((folder / "manifest.json").read_text())["content"], Counter(ids)


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


def rough(folder: Path, out: Path, seconds: float, rng: random.Random) -> str:
    """One run with a kill, resumed until it is done; returns what was killed, in a word."""
    process = started(folder, out)
    time.sleep(rng.uniform(0.0, seconds))
    living = processes(process.pid)
    if process.poll() is None and living:
        victim = rng.choice(living)
        os.kill(victim, signal.SIGKILL)
        killed = "command" if victim == process.pid else "worker"
    else:
        killed = "nothing"
    status, again = ended(process), 0
    while status and again < 3:
        status, again = ended(started(folder, out)), again + 1
    if status:
        raise SystemExit(
            f"{out}: not done after {again} resumed runs: {(folder / f'{out.name}.log').read_text()[-2000:]}"
        )
    return f"{killed}, resumed" if again else killed


def measured(runs: int) -> dict[str, Any]:
    """All runs, one after the other."""
    rng, table = random.Random(SEED), Counter[str]()
    equal = lost = doubled = wrong = 0
    with tempfile.TemporaryDirectory(prefix="seimai-chaos-") as name:
        folder = Path(name)
        write_input(folder)
        assert not ended(started(folder, folder / "first")), (folder / "first.log").read_text()  # compiles kernels
        began = time.monotonic()
        assert not ended(started(folder, folder / "calm"))
        seconds = time.monotonic() - began
        content, ids = released(folder / "calm")
        for run in range(runs):
            out = folder / f"run-{run:03}"
            table[rough(folder, out, seconds, rng)] += 1
            now, rows = released(out)
            equal += now == content
            lost += sum((ids - rows).values())
            doubled += sum((rows - ids).values())
            wrong += unaccounted(out)
            if (run + 1) % 10 == 0:
                print(f"{run + 1} runs, {equal} equal, {dict(table)}", flush=True)
    print(
        f"a calm run takes {seconds:.1f} s; killed: {dict(table)}; rows that a manifest does not account for: {wrong}"
    )
    return {"runs": runs, "equal_hashes": equal, "lost": lost + wrong, "doubled": doubled}


def main() -> None:
    """Parses the command line and prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} runs instead of {RUNS}")
    parser.add_argument("--runs", type=int, help="so many runs")
    given = parser.parse_args()
    print(json.dumps(measured(given.runs or (QUICK if given.quick else RUNS))))


if __name__ == "__main__":
    main()
