"""An index of earlier crawls: what it weighs, what adding a crawl costs, and what a new crawl against it costs in phases.

    uvx nox -s bench -- index [--quick] [--docs N …]

Synthetic texts of 200 characters with real normal forms, signatures and shingle sets. The first crawl is all distinct texts, so every
one is a kept node: the heaviest index there is. The second has a quarter as many rows: three in ten copies of old texts, two in ten
near-copies (J = .95), the rest new. Each step is a process of its own, one after the other, with CPU seconds and peak memory; the
index and the phases are cut into parts of 65,536 rows whatever their size, so memory must not grow with it. The same crawl is
clustered in phases without an index too, where it is all new; with it every copy and near-copy must match an old text.
No peer: none of datatrove, NeMo Curator and text-dedup keeps verified clusters from one crawl to the next.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from cluster import _high_water

PARTITIONS = 8
ROWS_A_PART = 1 << 16
CHARS = 200


class Rows:
    """Rows in Parquet files, one a partition, as a shard set gives them."""

    def __init__(self, folder: Path):
        self.folder = folder

    def read(self, columns: Sequence[str], partition: int | None = None) -> Iterator[pa.RecordBatch]:
        """Batches of the columns, in order of id."""
        for p in range(PARTITIONS) if partition is None else (partition,):
            yield from pq.ParquetFile(self.folder / f"{p}.parquet").iter_batches(1024, columns=list(columns))


def old_texts(first: int, last: int) -> list[str]:
    """Texts first … last − 1 of an endless row, each alone."""
    points = np.random.default_rng(first).integers(0x4E00, 0x9FFF, (last - first, CHARS), dtype=np.uint32)
    return [row.tobytes().decode("utf-32-le") for row in points]


def write_crawl(folder: Path, name: str, made: Iterator[list[str]]) -> None:
    """Signs texts and writes them by partition, ordered by id; the id says which text it is."""
    from curation.dedup.minhash import MinHash
    from curation.provenance import key, partition_of

    sign, number, parts = MinHash(), 0, [[] for _ in range(PARTITIONS)]
    sign.setup()
    for texts in made:
        ids = pa.array([key(name, number + i) for i in range(len(texts))], pa.binary(16))
        number += len(texts)
        batch = pa.RecordBatch.from_arrays([ids, pa.array(texts, pa.large_string())], names=["id", "text"])
        signed = {**dict(zip(batch.schema.names, batch.columns, strict=True)), **sign.columns(batch)}
        table = pa.table(signed | {"date": pa.nulls(len(texts), pa.timestamp("s", tz="UTC"))})
        of = partition_of(ids, PARTITIONS)
        for p in range(PARTITIONS):
            parts[p].append(table.filter(pa.array(of == p)))
    folder.mkdir()
    for p, tables in enumerate(parts):
        pq.write_table(pa.concat_tables(tables).sort_by("id"), folder / f"{p}.parquet", row_group_size=4096)


def make_crawls(folder: Path, docs: int) -> None:
    """Both crawls, and the members of the first: every text a cluster."""
    from curation.dedup.dedup import Dedup
    from curation.dedup.key_order import column_keys
    from curation.dedup.keyed_records import parts_for
    from curation.dedup.partitioned.cut import part_of
    from curation.place import Place
    from curation.shards import join_table_parts, write_table_part

    step = 1 << 12
    write_crawl(folder / "old", "old", (old_texts(i, min(docs, i + step)) for i in range(0, docs, step)))

    def second() -> Iterator[list[str]]:
        for i in range(0, docs // 4, step):
            many = min(step, docs // 4 - i)
            known, own = old_texts(i, min(docs, i + step))[:many], old_texts(docs + 1 + i, docs + 1 + i + many)
            near = [t[: CHARS - 10] for t in known]
            yield [known[j] if j % 10 < 3 else near[j] if j % 10 < 5 else own[j] for j in range(many)]

    write_crawl(folder / "new", "new", second())
    columns = list(Rows(folder / "old").read(["form_key", "id"]))
    table = pa.Table.from_batches(columns)
    zero = pa.array(np.zeros(len(table), np.int64))
    made = pa.table([table["form_key"], zero, table["id"], table["form_key"]], schema=Dedup(0.8).tables["members"])
    made, parts, place = made.sort_by("cluster"), parts_for(docs, ROWS_A_PART), Place(str(folder / "members"))
    of = part_of(column_keys(made["cluster"])[:, 0], parts)
    files = [write_table_part(place, made.filter(pa.array(of == p)), p) for p in range(parts)]
    join_table_parts(place, made.schema, files)


def add(folder: Path, index: str) -> dict[str, float]:
    """Adds the first crawl to a new index."""
    from curation.dedup.dedup import Dedup
    from curation.dedup.index_generation import add_generation
    from curation.shards import Table

    rows, look = Rows(folder / "old"), Dedup(0.8)

    def ranked(partition: int) -> Iterator[tuple[pa.RecordBatch, dict[str, np.ndarray]]]:
        for batch in rows.read(["id", "form_key", "form_chars", "date", "minhash", "text"], partition):
            yield batch, look.ranked(batch)[3]

    made_with = {"normal_form": "seimai-nf/1", "threshold": "0.8", "bands": "14x8", "seed": "1"}
    members = Table(str(folder / "members"))
    add_generation(str(folder / index), made_with, "first", members, ranked, PARTITIONS, ROWS_A_PART)
    return {}


def cluster(folder: Path, indexed: bool) -> dict[str, float]:
    """Clusters the second crawl in phases; CPU seconds of each, and what was found."""
    from curation.dedup.dedup import Dedup
    from curation.place import Place

    step = Dedup(0.8, index=str(folder / "index") if indexed else None)
    rows, docs = Rows(folder / "new"), sum(pq.read_metadata(folder / "new" / f"{p}.parquet").num_rows for p in range(8))
    step.rows_a_part = min(docs - 1, ROWS_A_PART)
    work, made, matched = Place(str(folder / f"work{indexed}")), {}, 0
    for phase in step.phases(docs, PARTITIONS):
        started = time.process_time()
        for task in range(phase.tasks):
            for name, table in step.run_phase(phase.name, task, rows, work):
                if name == "clusters" and indexed:
                    matched += len(table) - table["matched"].null_count
        made[phase.name] = time.process_time() - started
    return {**made, "docs": docs, "matched": matched}


def alone(what: Callable[..., dict[str, float]], *arguments: Any) -> dict[str, float]:
    """Runs a step in a process of its own: what it returns, its CPU seconds, and what it adds to the peak memory, in MB.

    It runs over a few rows first, so that neither has the loading of kernels in it.
    """
    context = get_context("spawn")
    answer = context.Queue()
    child = context.Process(target=_told, args=(answer, what, *arguments))
    child.start()
    made = answer.get()
    child.join()
    return made


def _told(answer: Any, what: Callable[..., dict[str, float]], *arguments: Any) -> None:
    folder, *options = arguments
    what(folder / "few", *(f"warm-{o}" if isinstance(o, str) else o for o in options))
    before, started = _high_water(), time.process_time()
    made = what(*arguments)
    answer.put({**made, "cpu": time.process_time() - started, "peak_mb": (_high_water() - before) / 2**20})


def weights(index: Path, docs: int) -> dict[str, float]:
    """Bytes a node of every kind of file."""
    from curation.dedup.index import WIDTHS

    names = {name: f"held/{name}" if name in ("kept", "signatures") else name for name in WIDTHS} | {
        "sets": "held/sets"
    }
    return {n: sum(f.stat().st_size for f in (index / "00000" / at).rglob("*.bin")) / docs for n, at in names.items()}


def measured(docs: int) -> dict[str, float]:
    """All steps over one size, printed."""
    with tempfile.TemporaryDirectory(prefix="seimai-bench-") as work:
        folder = Path(work)
        make_crawls(folder, docs)
        (folder / "few").mkdir()
        make_crawls(folder / "few", 400)
        add(folder / "few", "index")
        added = alone(add, folder, "index")
        weight = weights(folder / "index", docs)
        with_index, fresh = alone(cluster, folder, True), alone(cluster, folder, False)
    rows = int(with_index["docs"])
    if with_index["matched"] != sum(j % 10 < 5 for i in range(0, rows, 1 << 12) for j in range(min(1 << 12, rows - i))):
        raise SystemExit(f"{with_index['matched']} rows match an old one, not those that were planted")
    print(f"{docs:,} kept nodes: " + ", ".join(f"{n} {b:.0f}" for n, b in weight.items()) + " bytes each")
    print(f"  add: {1e6 * added['cpu'] / docs:.1f} µs a node, peak {added['peak_mb']:.0f} MB")
    for said, of in (("against the index", with_index), ("without one", fresh)):
        print(f"  {rows:,} rows {said}: {1e6 * of['cpu'] / rows:.1f} µs a row, peak {of['peak_mb']:.0f} MB")
    for phase in list(fresh)[:16]:
        print(
            f"    {phase:9} {1e6 * with_index[phase] / rows:7.2f} µs a row, {1e6 * fresh[phase] / rows:7.2f} without an index"
        )
    own = sum(b for n, b in weight.items() if n != "sets")
    return {
        "docs": docs,
        "bytes_a_node": round(own, 1),
        "add_us_a_node": round(1e6 * added["cpu"] / docs, 1),
        "add_peak_mb": round(added["peak_mb"]),
        "row_us_against_index": round(1e6 * with_index["cpu"] / rows, 1),
        "row_us_without": round(1e6 * fresh["cpu"] / rows, 1),
        "peak_mb_against_index": round(with_index["peak_mb"]),
    }


def main() -> None:
    """Measures every size; the last line is one JSON object: the largest, and the memory of the smallest beside it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--docs", type=int, nargs="+")
    given = parser.parse_args()
    made = [measured(docs) for docs in given.docs or ([10_000, 30_000] if given.quick else [250_000, 1_000_000])]
    print(json.dumps(made[-1] | {"add_peak_mb_smallest": made[0]["add_peak_mb"], "docs_smallest": made[0]["docs"]}))


if __name__ == "__main__":
    main()
