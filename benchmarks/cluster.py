"""Bands and connected components against datatrove's stages 2 and 3 and scipy, then clustering on disk at growing sizes.

    uvx nox -s bench -- cluster [--quick] [--docs N …] [--disk]

The comparable part: signatures of synthetic documents in families (`_synthetic.py`) → pairs that share a band → connected
components, CPU seconds of the least of the rounds. datatrove gets its signature files sorted and written; numpy hashes the bands for
scipy (`ratio_scipy_keys_given`: scipy is spared that and we are not). All three must find the same components. Our side checks no
signature here and verifies nothing, because neither peer does.
On disk: band keys of 1 and 5 million documents (20 and 50 million in a full run) are sent to their parts, and the phases that follow
run as the engine runs them: buckets, pairs, cluster. Members of a family lie anywhere in the order of rank, as those of a crawl do,
so that `cluster` meets memory at random. Every pair stands for a verified edge. `bytes_per_doc` is what the task `cluster` adds to
the peak memory of its process, at the largest size. `--disk` leaves the peers out.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from _synthetic import band_keys, signatures

HERE = Path(__file__).resolve().parent
PART = 1 << 20
"""Documents a part, as the engine cuts them."""


def ours(signed: np.ndarray) -> tuple[np.ndarray, float]:
    """Smallest document of each one's component, and CPU seconds."""
    from curation.dedup.clusters import candidate_pairs, families

    started = time.process_time()
    found = families(len(signed), candidate_pairs(signed, least=0))
    return found, time.process_time() - started


def write_datatrove(folder: Path, signed: np.ndarray) -> None:
    """Signature files as stage 1 leaves them: a file a band, records of eight hashes and the document, sorted."""
    kind = np.dtype([*((f"h{i}", "<u4") for i in range(8)), ("doc", "<u4")])
    for band in range(14):
        records = np.empty(len(signed), kind)
        for i in range(8):
            records[f"h{i}"] = signed[:, 8 * band + i]
        records["doc"] = np.arange(len(signed))
        columns = [records[f"h{i}"] for i in range(7, -1, -1)]
        target = folder / "sig" / f"bucket_{band:03d}"
        target.mkdir(parents=True)
        records[np.lexsort(columns)].tofile(target / "00000.minhash.sig")


def peer(python: str, name: str, folder: Path) -> tuple[np.ndarray, float, float]:
    """A peer's components ([documents, 2], those with another only), CPU seconds, and those of them that made band keys."""
    for made in ("dups", "out"):
        subprocess.run(["rm", "-rf", str(folder / made)], check=True)
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [python, str(HERE / "_peer_cluster.py"), name, str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{name} failed:\n{done.stderr[-2000:]}")
    said = json.loads(done.stdout.splitlines()[-1])
    return np.load(folder / f"{name}.npy"), said["seconds"], said["keys"]


def same_components(component: np.ndarray, found: np.ndarray) -> bool:
    """Whether a peer's components (document, number) are ours (smallest document of each)."""
    together = np.flatnonzero(np.bincount(component, minlength=len(component))[component] > 1)
    found = found[np.argsort(found[:, 0])]
    if not np.array_equal(found[:, 0], together):
        return False
    number = found[:, 1]
    smallest = np.full(int(number.max(initial=-1)) + 1, len(component))
    np.minimum.at(smallest, number, found[:, 0])
    return np.array_equal(smallest[number], component[together])


def clustered_alone(folder: str, rows: int, parts: int, answer: object) -> None:
    """The task `cluster` in a process of its own: what it adds to the peak memory, and its seconds."""
    from curation.dedup import cluster_kernel as kernel
    from curation.dedup.partitioned.clusters import cluster
    from curation.dedup.partitioned.cut import Cut
    from curation.place import Place

    one, parent = np.zeros(1, np.int64), np.arange(2, dtype=np.uint32)  # compiled before the memory is read
    kernel.join_leaders(one, one + 1, np.ones(2, np.uint8), 0, np.arange(2, dtype=np.uint32))
    kernel.unite(one, one + 1, parent)
    kernel.flatten(parent)
    before = _high_water()
    started = time.process_time()
    cluster(Cut(Place(folder), rows, parts, 14))
    seconds = time.process_time() - started
    answer.put((_high_water() - before, seconds))


def _high_water() -> int:
    """Peak resident bytes of this process's own memory (getrusage would count its parent's at the fork)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def anywhere(numbers: np.ndarray, docs: int) -> np.ndarray:
    """Ordinals of documents by their numbers: neighbours lie far apart, and no two share one.

    >>> sorted(anywhere(np.arange(10, dtype=np.uint64), 10).tolist())
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    """
    step = int(docs * 0.6180339887)
    while math.gcd(step, docs) > 1:
        step += 1
    return numbers * np.uint64(step) % np.uint64(docs)


def on_disk(docs: int) -> dict[str, float]:
    """CPU seconds of every phase over synthetic keys, and the memory of the clustering task."""
    from curation.dedup.exchange import read_part, write_part
    from curation.dedup.partitioned import pairs
    from curation.dedup.partitioned.cut import Cut
    from curation.place import Place

    parts = 1 << (-(-docs // PART) - 1).bit_length()
    with tempfile.TemporaryDirectory(prefix="seimai-bench-") as folder:
        cut = Cut(Place(folder), -(-docs // PART), parts, 14)
        limits = np.linspace(0, docs, parts + 1).astype(np.int64)
        write_part(cut.work, "bases", 0, limits)
        made, clock, began = {"docs": float(docs)}, time.process_time(), time.perf_counter()

        def took(name: str) -> None:
            nonlocal clock
            made[name], clock = time.process_time() - clock, time.process_time()

        for task in range(cut.rows):
            first, last = task * PART, min(docs, (task + 1) * PART)
            number = anywhere(np.arange(first, last, dtype=np.uint64), docs)
            keys = band_keys(first, last)
            sent = ((b * parts + cut.part_of(k), np.column_stack([k, number])) for b, k in enumerate(keys))
            cut.exchange("bands").send(task, sent)
        took("keys")
        for task in range(14 * parts):
            pairs.buckets(cut, task, 64)
        took("buckets")
        edges = 0
        for task in range(parts):
            pairs.pairs(cut, task)
            found = read_part(cut.work, "pairs", task, width=2)
            write_part(cut.work, "edges", task, np.column_stack([found, np.zeros(len(found), np.uint64)]))
            edges += len(found)
        took("pairs")
        context = get_context("spawn")
        answer = context.Queue()
        child = context.Process(target=clustered_alone, args=(folder, cut.rows, parts, answer))
        child.start()
        memory, made["cluster"] = answer.get()
        child.join()
        used = sum(p.stat().st_size for p in Path(folder).rglob("*.bin"))
        made |= {"edges": edges, "bytes_per_doc": memory / docs, "peak_rss_mb": _high_water() / 2**20}
        made |= {"disk_gb": used / 1e9, "wall": time.perf_counter() - began}
    return made


def main() -> None:
    """Measures and prints; the last line is one JSON object."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="within about 50 s")
    parser.add_argument("--docs", type=int, nargs="*", help="sizes on disk, instead of those of the full or quick run")
    parser.add_argument("--disk", action="store_true", help="only what runs on disk, without peers")
    options = parser.parse_args()
    python = os.environ.get("SEIMAI_PEER_PYTHON", "")
    if not python and not options.disk:
        sys.exit("SEIMAI_PEER_PYTHON names no interpreter: run this as `uvx nox -s bench -- cluster`")
    sizes = options.docs or ([1_000_000, 5_000_000] if options.quick else [10**6, 5 * 10**6, 20 * 10**6, 50 * 10**6])
    compared = [] if options.disk else [200_000] if options.quick else [200_000, 1_000_000]
    ours(signatures(2000))  # compiled
    figures: dict[str, float] = {}
    for docs in compared:
        signed = signatures(docs)
        rounds = 2 if options.quick else 3
        with tempfile.TemporaryDirectory(prefix="seimai-bench-") as folder:
            write_datatrove(Path(folder), signed)
            np.save(Path(folder) / "signatures.npy", signed)
            component, mine = ours(signed)
            datatrove, slow, _ = peer(python, "datatrove", Path(folder))
            sparse, *medium = peer(python, "scipy", Path(folder))
            for _ in range(rounds - 1):
                mine = min(mine, ours(signed)[1])
                medium = min(medium, [*peer(python, "scipy", Path(folder))[1:]])
        for name, found in (("datatrove", datatrove), ("scipy", sparse)):
            if not same_components(component, found):
                sys.exit(f"{name} finds other components")
        components = int((component == np.arange(docs)).sum())
        print(
            f"{docs:,} documents, {components:,} components, the same in all: seimai {mine:.3f} s, datatrove {slow:.2f} s "
            f"({slow / mine:.0f}×), scipy {medium[0]:.3f} s ({medium[0] / mine:.2f}×; of which keys {medium[1]:.3f} s)"
        )
        figures |= {
            "ratio_datatrove": round(slow / mine, 1),
            "ratio_scipy": round(medium[0] / mine, 2),
            "compared": docs,
        }
        figures |= {"ratio_scipy_keys_given": round((medium[0] - medium[1]) / mine, 2)}
    for docs in sizes:
        made = on_disk(docs)
        phases = ", ".join(f"{p} {made[p]:.1f} s" for p in ("keys", "buckets", "pairs", "cluster"))
        each = 1e6 * sum(made[p] for p in ("buckets", "pairs", "cluster")) / docs
        print(
            f"{docs:,} documents on disk: {phases}; {made['edges']:,} edges; {each:.2f} µs a document; clustering task "
            f"{made['bytes_per_doc']:.1f} bytes a document; peak of the other phases {made['peak_rss_mb']:.0f} MB; "
            f"{made['disk_gb']:.1f} GB on disk; {made['wall']:.0f} s by the clock",
            flush=True,
        )
        figures |= {"bytes_per_doc": round(made["bytes_per_doc"], 2), "docs": docs, "us_per_doc": round(each, 2)}
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
