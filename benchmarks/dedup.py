"""The whole deduplication, rows in and unique rows out, against datatrove's four stages; what it finds, against an exact join.

    uvx nox -s bench -- dedup [--quick]

Rows of ../shared/data/scale as Parquet. Ours: a recipe of minhash, dedup and cap (K = 1), every drop verified by exact Jaccard;
theirs: signatures, buckets, cluster, filter, which verify nothing. Both read and write Parquet and are charged the CPU time of their
processes and children less that of a run over no row. --quick takes every row of a tenth of the laws and .NET pages, a full run all
100,000 rows.
Found: all pairs of different forms with J ≥ .8 among the laws and .NET pages of the run (`_true_pairs.py`); the share of them that
are edges of our run, the mean of 1 − (1 − J^8)^14 over the same pairs, the same for J ≥ .85, and the share of which datatrove keeps
at most one. A run is one draw of 112 permutations, and pairs of one family are found or missed together: the candidate recall is
the mean over 30 draws (seeds) of the share of pairs that meet in a band, with the run's own printed beside it. A full run clusters
the same rows in phases of partitioned tasks too, in four parts, and prints what each phase costs.
False drops: dropped rows whose exact Jaccard to the row that they are said to be near is below .8 (all rows by the
kernel, some by Python sets of strings).
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from _true_pairs import true_pairs
from curate import timed

HERE = Path(__file__).resolve().parent
DEV = HERE.parent.parent / "shared" / "data"
TAU = 0.8
SEEDS = 30
RECIPE = """
name: bench/dedup
version: "1"
sources: {rows: {parquet: "%s/*.parquet", licence: CC0-1.0}}
stages:
  - {name: signed, read: rows, steps: [minhash]}
  - {name: unique, read: signed, steps: [{dedup: {threshold: 0.8}}, {cap: {k: 1, mode: one}}]}
"""


IN_PHASES = """
from curation.dedup.dedup import Dedup
from curation.mixture.cap import Cap
from curation.dedup.minhash import MinHash
from recipes.engine.spec import Recipe, SourceSpec, Stage

dedup = Dedup(0.8)
dedup.rows_a_part = %d
recipe = Recipe(name="bench/phases", version="1", sources={"rows": SourceSpec(parquet="%s/*.parquet", licence="CC0-1.0")}, stages=[
    Stage(name="signed", read="rows", steps=[MinHash()]), Stage(name="unique", read="signed", steps=[dedup, Cap(k=1, mode="one")]),
])
"""


def corpus(quick: bool) -> pa.Table:
    """Rows with id and text; `manual` marks those of sources where near-duplicates are."""
    whole = pa.concat_tables(pq.read_table(p) for p in sorted((DEV / "scale").glob("*.parquet")))
    names = whole["id"].to_pylist()
    manual = [n.startswith(("shibacow/", "zfhrp6/")) for n in names]
    table = whole.select(["id", "text"]).append_column("manual", pa.array(manual))
    if not quick:
        return table
    page = [n.rpartition("#")[0].rpartition("/")[2] for n in names]  # a law's snapshots have one file name
    chosen = [m and zlib.crc32(p.encode()) % 10 == 0 for m, p in zip(manual, page, strict=True)]
    return table.filter(pa.array(chosen))


def written(table: pa.Table, folder: Path) -> Path:
    """The rows as a Parquet file in a folder of their own."""
    folder.mkdir()
    pq.write_table(table.select(["id", "text"]), folder / "rows.parquet", row_group_size=5000)
    return folder


def ours(rows: Path, out: Path) -> float:
    """One run of the recipe: CPU seconds."""
    shutil.rmtree(out, ignore_errors=True)
    recipe = out.with_suffix(".yaml")
    recipe.write_text(RECIPE % rows)
    return timed([sys.executable, "-m", "recipes.engine.cli", "run", str(recipe), "--out", str(out)])[0]


def in_phases(rows: Path, out: Path, docs: int) -> str:
    """Runs the recipe with `dedup` cut into four parts, prints the cost of every phase, and returns the content hash."""
    recipe = out.with_suffix(".py")
    recipe.write_text(IN_PHASES % (-(-docs // 4), rows))
    timed([sys.executable, "-m", "recipes.engine.cli", "run", str(recipe), "--out", str(out)])
    (survey,) = (out / "stages").glob("unique.dedup-*")
    for phase in sorted((survey / "phases").iterdir()):
        tasks = [json.loads(p.read_text()) for p in (phase / "tasks").glob("*.json")]
        cpu, most = sum(t["cpu"] for t in tasks), max(t["peak_rss_mb"] for t in tasks)
        print(
            f"  {phase.name:12} {len(tasks):3} tasks {cpu:7.2f} CPU s {1e6 * cpu / docs:8.2f} µs a row, peak {most} MB"
        )
    return json.loads((out / "1" / "unique" / "manifest.json").read_text())["content"]


def datatrove(python: str, rows: Path, out: Path) -> float:
    """One run of datatrove's four stages: CPU seconds."""
    shutil.rmtree(out, ignore_errors=True)
    return timed([python, str(HERE / "_peer_dedup.py"), str(rows), str(out)])[0]


def edges_and_drops(out: Path) -> tuple[set[tuple[bytes, bytes]], list[tuple[bytes, bytes]]]:
    """Forms of every verified edge (smaller first), and of every dropped row (its id, that of the row it is near)."""
    from recipes.engine.run_folder import open_run

    run = open_run(str(out))
    table = run.survey_table("dedup", "edges")
    forms = zip(*(table.read().column(c).to_pylist() for c in ("form_a", "form_b")), strict=True)
    dropped = []
    for batch in run.release.rejected(["id", "reason", "detail"]):
        for row in batch.to_pylist():
            if row["reason"] != "near_duplicate":
                sys.exit(f"a row was dropped as {row['reason']}")
            dropped.append((row["id"], bytes.fromhex(row["detail"].rpartition(" ")[2])))
    return {(min(p), max(p)) for p in forms}, dropped


def false_drops(texts: dict[bytes, str], dropped: list[tuple[bytes, bytes]], by_sets: int) -> int:
    """Drops whose exact Jaccard is below the threshold: all by the kernel, the first `by_sets` by Python sets of strings."""
    from curation.dedup.cluster_kernel import pair_jaccard
    from curation.dedup.normal_form import normal_form
    from curation.dedup.shingle_sets import ShingleWords
    from curation.dedup.shingles import jaccard

    names = sorted({i for pair in dropped for i in pair})
    place = {name: at for at, name in enumerate(names)}
    sets = list(ShingleWords().of(pa.array([texts[n] for n in names], pa.large_string())))
    size = np.array([len(s) for s in sets], np.int64)
    made = np.empty(len(dropped))
    a, b = (np.array([place[p[side]] for p in dropped], np.int64) for side in (0, 1))
    pair_jaccard(np.concatenate(sets), np.concatenate([[0], np.cumsum(size)[:-1]]), size, a, b, made)
    exact = np.array([jaccard(normal_form(texts[x]), normal_form(texts[y])) for x, y in dropped[:by_sets]])
    if not np.array_equal(exact, made[:by_sets]):
        sys.exit("the kernel and Python sets disagree about a Jaccard")
    return int((made < TAU).sum())


def found(table: pa.Table, edges: set[tuple[bytes, bytes]], kept: set[str]) -> dict[str, float]:
    """Recall of edges and of datatrove over the true pairs of the table's marked rows."""
    from curation.dedup.minhash import candidate_probability
    from curation.dedup.normal_form import form_key, normal_form

    marked = table.filter(table["manual"])
    keys = [form_key(normal_form(t)) for t in marked["text"].to_pylist()]
    rows = list({k: i for i, k in reversed(list(enumerate(keys)))}.values())  # the first row of each form
    texts = marked["text"].cast(pa.large_string()).take(pa.array(rows)).combine_chunks()
    pairs, similarity = true_pairs(texts, TAU)
    ids = marked["id"].to_pylist()
    hit = np.array([tuple(sorted((keys[rows[a]], keys[rows[b]]))) in edges for a, b in pairs.tolist()])
    one = np.array([not (ids[rows[a]] in kept and ids[rows[b]] in kept) for a, b in pairs.tolist()])
    theory = np.mean([candidate_probability(j) for j in similarity.tolist()])
    drawn = candidates(texts, pairs)
    near = similarity >= 0.85
    print(f"{len(pairs):,} true pairs among {len(rows):,} forms; J ≥ .85: {int(near.sum()):,}")
    print(
        f"edges of this run: {hit.mean():.4f}, J ≥ .85 {hit[near].mean():.4f}; candidates over {SEEDS} seeds: "
        f"{drawn.mean():.4f} ± {drawn.mean(axis=1).std():.4f}"
    )
    return {
        "candidate_recall": round(float(drawn.mean()), 4),
        "candidate_recall_theory": round(float(theory), 4),
        "candidate_recall_85": round(float(drawn[:, near].mean()), 4),
        "recall_datatrove": round(float(one.mean()), 4),
        "true_pairs": len(pairs),
    }


def candidates(texts: pa.Array, pairs: np.ndarray) -> np.ndarray:
    """Which pairs share a band, for each of 30 draws of the permutations: bool [seeds, pairs]."""
    from curation.dedup.minhash import BANDS, ROWS, MinHash, signature_rows

    named, at = np.unique(pairs, return_inverse=True)
    batch = pa.RecordBatch.from_arrays([texts.take(pa.array(named))], names=["text"])
    found = []
    for seed in range(1, SEEDS + 1):
        step = MinHash(seed)
        step.setup()
        bands = signature_rows(step.columns(batch)["minhash"]).reshape(-1, BANDS, ROWS)
        a, b = bands[at.reshape(pairs.shape)[:, 0]], bands[at.reshape(pairs.shape)[:, 1]]
        found.append((a == b).all(axis=2).any(axis=1))
    return np.array(found)


def main(quick: bool) -> None:
    """Runs everything and prints; the last line is one JSON object."""
    if not (DEV / "scale").exists():
        sys.exit(f"this benchmark reads {DEV}/scale, which is not there")
    python = os.environ.get("SEIMAI_PEER_PYTHON")
    if not python:
        sys.exit("SEIMAI_PEER_PYTHON names no interpreter: run this as `uvx nox -s bench -- dedup`")
    from curation.provenance import table_id

    table = corpus(quick)
    with tempfile.TemporaryDirectory(prefix="seimai-bench-") as work:
        folder = Path(work)
        nothing, rows = written(table.slice(0, 0), folder / "none"), written(table, folder / "rows")
        ours(nothing, folder / "warm")  # compiled kernels are in the cache from here on
        idle = min(ours(nothing, folder / "o0") for _ in range(2))
        mine = min(ours(rows, folder / "o1") for _ in range(2)) - idle
        theirs = datatrove(python, rows, folder / "p1") - datatrove(python, nothing, folder / "p0")
        edges, dropped = edges_and_drops(folder / "o1")
        content = json.loads((folder / "o1" / "1" / "unique" / "manifest.json").read_text())["content"]
        if not quick and in_phases(rows, folder / "o2", len(table)) != content:
            sys.exit("phases release other rows than one task")
        final = [pq.read_table(p, columns=["id"]) for p in (folder / "p1" / "final").glob("*.parquet")]
        subprocess.run(["rm", "-rf", str(folder / "o1"), str(folder / "p1")], check=True)
    kept = {i for part in final for i in part["id"].to_pylist()}
    by_id = dict(zip((table_id("rows", i) for i in table["id"].to_pylist()), table["text"].to_pylist(), strict=True))
    wrong = false_drops(by_id, dropped, 100 if quick else 2000)
    megabytes = sum(len(t.encode()) for t in by_id.values()) / 1e6
    print(
        f"{len(table):,} rows, {megabytes:.0f} MB: seimai {mine:.2f} CPU s, datatrove {theirs:.1f}: {theirs / mine:.1f}×"
    )
    print(
        f"seimai keeps {len(table) - len(dropped):,}, datatrove {len(kept):,}; {wrong} of {len(dropped):,} drops are false"
    )
    figures = {"ratio_datatrove": round(theirs / mine, 1), **found(table, edges, kept), "false_drops": wrong}
    figures |= {"rows": len(table), "cpu_s": round(mine, 2), "start_up_cpu_s": round(idle, 2), "dropped": len(dropped)}
    print(json.dumps(figures))


if __name__ == "__main__":
    main("--quick" in sys.argv[1:])
