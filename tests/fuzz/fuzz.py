"""Damaged inputs, recipes and manifests against the readers and the command: `uvx nox -s fuzz`, and `-- --long` for 20,000 of them.

Cases run in processes of their own. One that computes for ten seconds, holds a gibibyte more than before or ends its process is a
finding, and so is an error that is none of ours, and a row that is lost. `--case warc.gz:1207` runs one again with its traceback.
"""

import argparse
import itertools
import json
import os
import random
import select
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(Path(__file__).parent), str(ROOT)]

SHORT_SECONDS, LONG_CASES, WHOLE_EVERY = 50.0, 20_000, 400
HANG_SECONDS, RUN_SECONDS, MOST_BYTES = 10.0, 60.0, 1 << 30
WEIGHTS = {
    "warc": 3, "warc.gz": 3, "warc.zst": 2, "wet.gz": 2, "wat.gz": 2, "ranges.csv": 2, "parquet": 4, "jsonl": 3, "jsonl.gz": 2,
    "recipe": 3, "run": 3,
}  # fmt: skip
"""How many cases of each kind of twenty-nine."""

RECIPE = """\
name: fuzz
version: '1'
partitions: 2
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


def finished_run(folder: Path) -> None:
    """A small run to be damaged: `fuzz.yaml`, `in/` and `out/` in the folder."""
    rng = random.Random(7)
    (folder / "in").mkdir()
    letters = "".join(map(chr, range(0x4E00, 0x4F00))) + "のにをはがでと。、" * 9
    texts = ["".join(rng.choices(letters, k=rng.choice((20, 90, 300)))) for _ in range(40)]
    texts += rng.sample(texts, 10)
    for file in range(2):
        rows = [{"id": str(i), "text": texts[i], "url": f"https://example.jp/{i}"} for i in range(file, len(texts), 2)]
        (folder / "in" / f"{file}.jsonl").write_text(
            "\n".join(json.dumps(r, ensure_ascii=False) for r in rows), "utf-8"
        )
    (folder / "fuzz.yaml").write_text(RECIPE, "utf-8")
    command = [
        sys.executable,
        "-m",
        "recipes.engine.cli",
        "run",
        str(folder / "fuzz.yaml"),
        "--out",
        str(folder / "out"),
    ]
    ended = subprocess.run([*command, "--workers", "1"], capture_output=True, text=True, cwd=ROOT)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def one(subject: Any, kind: str, number: int, folder: Path) -> dict[str, Any]:
    """A case by its number: the class of our error, what was wrong, and how much memory it took."""
    before = _resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    try:
        named, wrong = subject.case(random.Random(f"{kind}:{number}"), folder)
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        named, wrong = "", f"{type(error).__name__}: {str(error)[:300]} ({Path(last.filename).name}:{last.lineno})"
    if (grown := _resident("VmHWM") - before) > MOST_BYTES:
        wrong = wrong or f"memory grew by {grown >> 20} MiB"
    return {"kind": kind, "number": number, "named": named, "wrong": wrong, "grown": grown}


def _resident(what: str, process: str = "self") -> int:
    """Bytes that a process holds, or held at most."""
    text = Path(f"/proc/{process}/status").read_text()
    return int(next(line for line in text.splitlines() if line.startswith(what)).split()[1]) << 10


def serve(made: Path) -> None:
    """A worker's life: takes `kind number` from standard input, answers a line of JSON."""
    from subjects import subjects

    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    makers, known = dict(subjects(made)), dict[str, Any]()
    with tempfile.TemporaryDirectory(
        prefix="case-", dir=made
    ) as name:  # gone with it, also where this process is killed
        for line in sys.stdin:
            kind, number = line.split()
            known[kind] = known.get(kind) or makers[kind]()
            answers.write(json.dumps(one(known[kind], kind, int(number), Path(name))) + "\n")


class Worker:
    """A process that runs one case after the other, and what it does now."""

    def __init__(self, made: Path, log: Any):
        words = [sys.executable, str(Path(__file__)), "--serve", str(made)]
        self.process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, bufsize=1
        )
        self.cases = 0
        self.now: tuple[str, int] | None = None

    def give(self, kind: str, number: int) -> None:
        """Begins a case."""
        assert self.process.stdin is not None
        self.now, self.began, self.computed = (kind, number), time.monotonic(), self._seconds()
        self.process.stdin.write(f"{kind} {number}\n")

    def _seconds(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")

    def stuck(self) -> str:
        """Why the case must be ended; "" while it may go on. The first cases of a process load what they need."""
        kind = self.now[0] if self.now else ""
        most = (RUN_SECONDS if kind in ("run", "whole") else HANG_SECONDS) + (90.0 if self.cases < 30 else 0.0)
        if self.process.poll() is not None:
            return f"the process ended with {self.process.returncode}"
        try:
            computed, held = self._seconds() - self.computed, _resident("VmRSS", str(self.process.pid))
        except (OSError, StopIteration):
            return "the process ended"
        if held > 3 * MOST_BYTES:
            return f"the process holds {held >> 20} MiB"
        waited = time.monotonic() - self.began  # a busy machine gives little: the clock alone says nothing
        return f"hangs: {computed:.0f} s computed in {waited:.0f}" if computed > most or waited > 6 * most else ""

    def end(self) -> None:
        """Ends the process."""
        self.process.kill()
        self.process.communicate()


def cases(count: int | None, first: int) -> Iterator[tuple[str, int]]:
    """Kinds and numbers in turn, so that whenever it stops every kind had its share."""
    turn = [kind for kind, weight in WEIGHTS.items() for _ in range(weight)]
    random.Random(1).shuffle(turn)
    numbers = dict.fromkeys((*WEIGHTS, "whole"), first)
    for at, kind in enumerate(itertools.islice(itertools.cycle(turn), count), 1):
        for one in (kind, "whole") if at % WHOLE_EVERY == 0 else (kind,):
            yield one, numbers[one]
            numbers[one] += 1


def fuzzed(todo: Iterator[tuple[str, int]], seconds: float, workers: int, made: Path, keep: Path) -> dict[str, Any]:
    """Runs cases until there are no more or the time is over; prints findings as they come and returns the table."""
    counts: dict[str, Counter[str]] = {kind: Counter() for kind in (*WEIGHTS, "whole")}
    findings: list[dict[str, Any]] = []
    end, largest = time.monotonic() + seconds, 0
    with (keep / "stderr.txt").open("a") as log:
        pool = [Worker(made, log) for _ in range(workers)]
        while True:
            for at, worker in enumerate(pool):
                if worker.now is None:
                    following = next(todo, None) if time.monotonic() < end else None
                    if following is not None:
                        worker.give(*following)
                elif why := worker.stuck():
                    kind, number = worker.now
                    findings.append(_told({"kind": kind, "number": number, "wrong": why}, counts))
                    worker.end()
                    pool[at] = Worker(made, log)
            busy = [w for w in pool if w.now is not None]
            if not busy:
                break
            ready, _, _ = select.select([w.process.stdout for w in busy], [], [], 0.5)
            for worker in (w for w in busy if w.process.stdout in ready):
                assert worker.process.stdout is not None
                line = worker.process.stdout.readline()
                if not line:
                    worker.process.wait()
                    continue
                answer = json.loads(line)
                worker.now, worker.cases = None, worker.cases + 1
                largest = max(largest, answer["grown"])
                counts[answer["kind"]]["cases"] += 1
                counts[answer["kind"]]["named"] += bool(answer["named"])
                if answer["wrong"]:
                    findings.append(_told(answer, counts))
        for worker in pool:
            worker.end()
    (keep / "findings.json").write_text(json.dumps(findings, indent=1, ensure_ascii=False))
    for kind, count in counts.items():
        print(
            f"{kind:12} {count['cases']:6} cases, {count['named']:6} ended by an error of ours, {count['wrong']:4} findings"
        )
    total = sum(c["cases"] for c in counts.values())
    return {"cases": total, "findings": len(findings), "peak_growth_mb": largest >> 20}


def _told(found: dict[str, Any], counts: dict[str, Counter[str]]) -> dict[str, Any]:
    counts[found["kind"]]["wrong"] += 1
    print(f"{found['kind']}:{found['number']}: {found['wrong']}", flush=True)
    return found


def main() -> int:
    """Parses the command line; status 1 where something was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--long", action="store_true", help=f"{LONG_CASES:,} cases however long they take, not a minute's worth"
    )
    parser.add_argument("--cases", type=int, help="so many")
    parser.add_argument("--kinds", nargs="+", help="only of these kinds", choices=[*WEIGHTS, "whole"])
    parser.add_argument("--first", type=int, default=0, help="number of the first of each kind")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--keep", type=Path, help="folder for findings.json and what workers print")
    parser.add_argument("--case", metavar="KIND:NUMBER", help="runs one case here and leaves its files")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.serve)
        return 0
    keep = given.keep or Path(tempfile.mkdtemp(prefix="seimai-fuzz-found-"))
    keep.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="seimai-fuzz-run-") as name:
        made = Path(name)
        if not given.case or given.case.startswith("run:"):
            finished_run(made)
        if given.case:
            from subjects import subjects

            kind, _, number = given.case.partition(":")
            subject = dict(subjects(made))[kind]()
            print(keep, subject.case(random.Random(f"{kind}:{number}"), keep))
            return 0
        count = given.cases or (LONG_CASES if given.long else None)
        todo = (one for one in cases(count, given.first) if not given.kinds or one[0] in given.kinds)
        table = fuzzed(todo, 1e9 if count else SHORT_SECONDS, given.workers, made, keep)
        print(json.dumps(table))
    return 1 if table["findings"] else 0


if __name__ == "__main__":
    sys.exit(main())
