"""MinHash signatures: speed against four peers on the same documents, and error against exact similarity.

    uvx nox -s bench -- minhash [--quick]

Speed: our kernels from UTF-8 to signature (normal form included, which peers are spared), and each peer, in turn on rows of
../shared/data/scale, one core, CPU time of the signing alone, best of the rounds. A slow peer gets fewer documents of the same rows;
rates are per byte. The whole step, which writes the SHA-256 key of the form too, is printed beside it and enters no ratio.
Error: pairs of overlapping windows of the same real texts, so that every similarity occurs; exact Jaccard
by Python sets; theory √(mean of J(1 − J)/112).
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from _corpus import DEV, need_corpus

PEERS = {"gaoya": 1.0, "rensa": 0.25, "datatrove": 0.1, "datasketch": 0.1}
"""Peer → share of the documents that it gets."""


def sample(count: int, seed: int = 1) -> pa.Table:
    """Rows spread over all files of the scale set, the same every time."""
    parts = [pq.read_table(path, columns=["text"]) for path in sorted((DEV / "scale").glob("*.parquet"))]
    whole = pa.concat_tables(parts)
    rows = random.Random(seed).sample(range(len(whole)), count)
    text = whole["text"].cast(pa.large_string()).take(pa.array(rows))
    return pa.table({"text": text.combine_chunks()})


def ours(table: pa.Table) -> tuple[float, float]:
    """CPU seconds of the signatures alone, and of the whole step, over the table in batches of 2,000 rows."""
    from numba import njit

    from curation.dedup import form_kernel
    from curation.dedup.minhash import PERMUTATIONS, permutations, text_buffers
    from curation.dedup.normal_form import kernel_tables

    points_of, sign, slack = form_kernel.form_points, form_kernel.sign, form_kernel.SLACK

    @njit
    def sign_all(data, offsets, table, start, pool, a, b, points, signatures):
        for r in range(len(offsets) - 1):
            n = points_of(data, offsets[r], offsets[r + 1], table, start, pool, points)
            if n >= 0:
                sign(points, n, a, b, signatures[r])

    def signatures(text: pa.Array) -> None:
        data, offsets = text_buffers(text)
        points = np.empty(int(np.diff(offsets).max()) + slack, np.uint32)
        out = np.empty((len(text), PERMUTATIONS), np.uint32)
        sign_all(data, offsets, *kernel_tables(), *permutations(1), points, out)

    step = warm_step()
    batches = table.combine_chunks().to_batches(max_chunksize=2000)
    signatures(batches[0].column("text").slice(0, 1))
    started = time.process_time()
    for batch in batches:
        signatures(batch.column("text"))
    alone = time.process_time() - started
    started = time.process_time()
    for batch in batches:
        step.columns(batch)
    return alone, time.process_time() - started


def warm_step():
    """The step with its kernels compiled."""
    from curation.dedup.minhash import MinHash

    step = MinHash()
    step.setup()
    step.columns(pa.RecordBatch.from_arrays([pa.array(["始めに"], pa.large_string())], names=["text"]))
    return step


def peer_rate(python: str, peer: str, file: str, count: int) -> float:
    """Megabytes of text that the peer signs in a CPU second."""
    script = Path(__file__).with_name("_peer_minhash.py")
    environment = os.environ | {"RAYON_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [python, str(script), peer, file, str(count)], env=environment, capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(f"{peer} failed:\n{done.stderr[-2000:]}")
    made = json.loads(done.stdout.splitlines()[-1])
    return made["bytes"] / 1e6 / made["seconds"]


def windows(table: pa.Table, pairs: int, seed: int = 2) -> list[tuple[str, str]]:
    """Pairs of windows of 400 to 1,500 characters of one text, shifted by up to half of their length."""
    rng, texts, found = random.Random(seed), table["text"].to_pylist(), []
    while len(found) < pairs:
        text = rng.choice(texts)
        length = rng.randrange(400, 1500)
        shift = rng.randrange(1, length // 2)
        if len(text) >= length + shift:
            found.append((text[:length], text[shift : shift + length]))
    return found


def error(pairs: list[tuple[str, str]]) -> tuple[float, float]:
    """Root mean square error of the signatures' estimate, and what the theory says it is."""
    from curation.dedup.minhash import PERMUTATIONS, signature_rows
    from curation.dedup.normal_form import normal_form
    from curation.dedup.shingles import jaccard

    step = warm_step()
    sides = [
        pa.RecordBatch.from_arrays([pa.array(side, pa.large_string())], names=["text"])
        for side in zip(*pairs, strict=True)
    ]
    a, b = (signature_rows(step.columns(side)["minhash"]) for side in sides)
    exact = np.array([jaccard(normal_form(x), normal_form(y)) for x, y in pairs])
    estimated = (a == b).mean(axis=1)
    return float(np.sqrt(np.mean((estimated - exact) ** 2))), float(
        np.sqrt(np.mean(exact * (1 - exact)) / PERMUTATIONS)
    )


def main(quick: bool) -> None:
    """Runs everything and prints a line a measurement, then one JSON object."""
    need_corpus("scale")
    python = os.environ.get("SEIMAI_PEER_PYTHON")
    if not python:
        sys.exit(
            "set SEIMAI_PEER_PYTHON to a Python with benchmarks/peers-minhash.txt (`uvx nox -s bench -- minhash` does)"
        )
    count, rounds, pairs = (3000, 1, 1500) if quick else (10_000, 3, 5000)
    table = sample(count)
    megabytes = sum(len(t.encode()) for t in table["text"].to_pylist()) / 1e6
    rates: dict[str, float] = dict.fromkeys(["seimai", "whole step", *PEERS], 0.0)
    with tempfile.NamedTemporaryFile(suffix=".parquet") as file:
        pq.write_table(table, file.name)
        for _ in range(rounds):
            for peer, part in PEERS.items():
                for name, seconds in zip(("seimai", "whole step"), ours(table), strict=True):
                    rates[name] = max(rates[name], megabytes / seconds)
                rates[peer] = max(rates[peer], peer_rate(python, peer, file.name, int(count * part)))
    for name, rate in rates.items():
        print(f"{name:12} {rate:8.2f} MB/s")
    rmse, theory = error(windows(table, pairs))
    print(f"RMSE {rmse:.4f} over {pairs} pairs, theory {theory:.4f}")
    figures = {f"ratio_{peer}": round(rates["seimai"] / rates[peer], 1) for peer in PEERS}
    print(
        json.dumps(
            figures
            | {"rmse": round(rmse, 5), "rmse_theory": round(theory, 5), "documents": count, "pairs": pairs}
            | {"step_mb_s": round(rates["whole step"], 1)}
        )
    )


if __name__ == "__main__":
    main("--quick" in sys.argv[1:])
