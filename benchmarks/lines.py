"""Heavy lines by sketch and exact recount against an exact count of all lines in memory: the same lines, time and memory.

    uvx nox -s bench -- lines [--quick] [--pages N …]

Synthetic pages of 20 lines, most of them rare and some on a good part of all pages, of 50,000 hosts; they are made as they are read,
and that is part of neither side's figures. Ours: the phases of `line_dedup` (mode cap) in 16 partitions as the engine runs them, each
phase in a process of its own, its tasks one after the other. Peer: polars, one thread, which hashes raw lines (ours makes their
normal forms and leaves its work on disk), keeps (line, host) of every page and groups them once: the shortest way to exact counts
where everything fits. Both must find the same lines with the same counts.
CPU seconds; `peak_mb` is what the hungriest phase adds to its process, `peak_mb_polars` what the peer adds to its own.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

PARTITIONS, LINES, VOCABULARY, HOSTS = 16, 20, 200_000, 50_000
BATCH = 1024


def pages(count: int, partition: int) -> Iterator[pa.RecordBatch]:
    """Pages of one partition: id, text, host, date."""
    from curation.dedup.key_order import key_array

    vocabulary = pa.array([f"これは{i}番目の行であり、どこかのページに立っている。" for i in range(VOCABULARY)])
    for first in range(0, count // PARTITIONS, BATCH):
        n = min(BATCH, count // PARTITIONS - first)
        rng = np.random.default_rng((partition, first))
        drawn = np.minimum(rng.zipf(1.3, n * LINES), VOCABULARY) - 1
        drawn = np.where(drawn >= 1000, rng.integers(0, VOCABULARY, n * LINES), drawn)
        ends = pa.array(np.arange(0, n * LINES + 1, LINES), pa.int32())
        text = pc.binary_join(pa.ListArray.from_arrays(ends, pc.take(vocabulary, pa.array(drawn))), "\n")
        word = (np.uint64(partition) << np.uint64(60)) + np.arange(first, first + n, dtype=np.uint64)
        host = rng.integers(0, HOSTS, n)
        yield pa.record_batch(
            {
                "id": key_array(np.column_stack([word, word])),
                "text": text.cast(pa.large_string()),
                "host": pa.array(host).cast(pa.string()),
                "date": pa.nulls(n, pa.timestamp("s", tz="UTC")),
            }
        )


def high_water() -> int:
    """Peak resident bytes of this process's own memory."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def in_own_process(work: Callable[..., Any], *given: Any) -> Any:
    """What a function returns, from a process of its own."""
    context = get_context("spawn")
    answer = context.Queue()
    child = context.Process(target=_answer, args=(answer, work, *given))
    child.start()
    made = answer.get()
    child.join()
    return made


def _answer(answer: Any, work: Callable[..., Any], *given: Any) -> None:
    answer.put(work(*given))


def tasks(folder: str, parts: int, count: int, phase: str) -> tuple[float, int, list[tuple[str, int, int]]]:
    """The tasks of a phase: CPU seconds without making pages, bytes that they add to the peak memory, rows of the table."""
    from curation.dedup import heavy_lines
    from curation.dedup.line_records import Cut
    from curation.place import Place

    step, making = settings(count), 0.0

    def read(columns: Sequence[str], number: int) -> Iterator[pa.RecordBatch]:
        nonlocal making
        rows = pages(count, number)
        while True:
            started = time.process_time()
            batch = next(rows, None)
            making += time.process_time() - started
            if batch is None:
                return
            yield batch.select(list(columns))

    with tempfile.TemporaryDirectory() as small:  # compiled before the memory is read
        cut = Cut(Place(small), 1, 1, step.depth)
        some = next(pages(100 * PARTITIONS, 0))
        for name, by in heavy_lines.PHASES:
            for at in range(cut.tasks(by)):
                list(heavy_lines.run(step, cut, name, at, lambda columns: iter([some.select(list(columns))])))
    before, started = high_water(), time.process_time()
    cut = Cut(Place(folder), PARTITIONS, parts, step.depth)
    found = []
    for at in range(cut.tasks(dict(heavy_lines.PHASES)[phase])):
        found += [t for _, t in heavy_lines.run(step, cut, phase, at, lambda columns, at=at: read(columns, at))]
    seconds = time.process_time() - started - making
    table = [(r["line"], r["pages"], r["hosts"]) for t in found for r in t.to_pylist()]
    return seconds, high_water() - before, table


def settings(count: int) -> Any:
    """The step: a line is heavy on a two-hundredth of all pages."""
    from curation.dedup.lines import LineDedup

    return LineDedup("cap", min_pages=count // 200, min_hosts=50, min_chars=8, k=4)


def ours(count: int) -> tuple[dict[str, float], float, set[tuple[str, int, int]]]:
    """CPU seconds of every phase, MB of the hungriest phase, the heavy lines."""
    from curation.dedup.heavy_lines import PHASES

    parts = max(1, 1 << (-(-count // (1 << 17)) - 1).bit_length())
    seconds: dict[str, float] = {}
    peak, table = 0, []
    with tempfile.TemporaryDirectory(prefix="seimai-bench-") as folder:
        for phase, _ in PHASES:
            seconds[phase], added, rows = in_own_process(tasks, folder, parts, count, phase)
            peak, table = max(peak, added), table + rows
    return seconds, peak / 2**20, set(table)


def peer(count: int) -> tuple[float, float, set[tuple[str, int, int]]]:
    """CPU seconds, MB, and the heavy lines by polars; lines are told apart by its 64-bit hash."""
    import polars as pl

    seconds, held, line_of = 0.0, [], {}
    least = count // 200
    before = high_water()
    for partition in range(PARTITIONS):
        for batch in pages(count, partition):
            started = time.process_time()
            frame = pl.from_arrow(batch.select(["text", "host"]))
            assert isinstance(frame, pl.DataFrame)
            lines = frame.with_row_index("page").with_columns(pl.col("text").str.split("\n"), pl.col("host").hash())
            lines = lines.explode("text").with_columns(line=pl.col("text").hash()).unique(["page", "line"])
            held.append(lines.select("line", "host"))
            seconds += time.process_time() - started
    started = time.process_time()
    counted = pl.concat(held).group_by("line").agg(pages=pl.len(), hosts=pl.col("host").n_unique())
    heavy = counted.filter((pl.col("pages") >= least) & (pl.col("hosts") >= 50))
    seconds += time.process_time() - started
    added = high_water() - before
    wanted = {r["line"]: (r["pages"], r["hosts"]) for r in heavy.to_dicts()}
    for batch in pages(count, 0):  # how the heavy lines look: on neither side's clock
        text = pl.Series(batch.column("text").to_pylist()).str.split("\n").explode().unique()
        line_of |= {h: t for h, t in zip(text.hash().to_list(), text.to_list(), strict=True) if h in wanted}
    return seconds, added / 2**20, {(line_of[h], *counts) for h, counts in wanted.items()}


def main() -> None:
    """Measures and prints; the last line is one JSON object."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="within about 50 s")
    parser.add_argument("--pages", type=int, nargs="*", help="sizes, instead of those of the full or quick run")
    options = parser.parse_args()
    os.environ |= {"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1"}
    figures: dict[str, float] = {}
    for count in options.pages or ([96_000] if options.quick else [160_000, 640_000, 2_560_000]):
        seconds, peak, found = ours(count)
        slow, peer_peak, expected = in_own_process(peer, count)
        if found != expected:
            sys.exit(f"{count:,} pages: {len(found)} heavy lines here, {len(expected)} in the peer, not the same")
        each = {phase: 1e6 * s / count for phase, s in seconds.items()}
        total = sum(seconds.values())
        print(f"{count:,} pages: " + ", ".join(f"{phase} {us:.2f}" for phase, us in each.items()) + " µs a page")
        print(
            f"  {len(found)} heavy lines, the same in both; seimai {total:.2f} s and {peak:.0f} MB, "
            f"polars {slow:.2f} s and {peer_peak:.0f} MB"
        )
        figures = {
            "ratio_polars": round(slow / total, 2),
            "us_per_page": round(1e6 * total / count, 2),
            "peak_mb": round(peak),
            "peak_mb_polars": round(peer_peak),
            "heavy_lines": len(found),
            "pages": count,
        }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
