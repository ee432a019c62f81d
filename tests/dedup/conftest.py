"""Rows in memory, taken through minhash, dedup and cap with their tables on disk as the engine lays them out."""

import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from curation.dedup.dedup import Dedup
from curation.dedup.index_generation import add_generation
from curation.dedup.key_order import column_keys
from curation.dedup.minhash import MinHash
from curation.dedup.normal_form import FORM_VERSION
from curation.dedup.partitioned.cut import part_of
from curation.mixture.cap import Cap
from curation.place import Place
from curation.provenance import key, partition_of
from curation.shards import Table, join_table_parts, write_survey_table, write_table_part
from curation.survey import Survey


class Pages:
    """Pages with the columns that dedup reads; `read` gives them in batches of `rows_a_batch`, ordered by id."""

    def __init__(self, table: pa.Table, rows_a_batch: int = 1000):
        self.table, self.rows_a_batch = table, rows_a_batch

    def read(self, columns: Sequence[str], partition: int | None = None) -> Iterator[pa.RecordBatch]:
        yield from self.table.select(list(columns)).to_batches(max_chunksize=self.rows_a_batch)


def pages(texts: Sequence[str | None], names: Sequence[str] | None = None, **columns: pa.Array) -> pa.Table:
    """A table of pages named by `names` (row i is named str(i) without them), sorted by id."""
    ids = [key("test", name) for name in (names or list(map(str, range(len(texts)))))]
    made = {
        "id": pa.array(ids, pa.binary(16)),
        "text": pa.array(texts, pa.large_string()),
        "date": pa.nulls(len(texts), pa.timestamp("s", tz="UTC")),
    }
    return pa.table(made | columns).sort_by("id")


def through(
    step: MinHash | Survey, table: pa.Table, rows_a_batch: int = 1000
) -> tuple[pa.Table | None, pa.Table | None]:
    """Kept and rejected rows of a step; None where there are none."""
    step.setup()
    kept, rejected = [], []
    for batch in table.to_batches(max_chunksize=rows_a_batch):
        a, b = step.split(batch)
        kept.append(a)
        rejected += [b] if b is not None else []
    return pa.Table.from_batches(kept) if kept else None, pa.Table.from_batches(rejected) if rejected else None


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., tuple[pa.Table, pa.Table | None]]:
    """Runs a survey over a table and lets the rows flow; the tables are written and opened as the engine does."""
    made: dict[str, Table] = {}
    count = iter(range(1000))

    def survey(
        step: Survey, table: pa.Table, rows_a_batch: int = 1000, partitions: int = 4
    ) -> tuple[pa.Table, pa.Table | None]:
        folder = Place(str(tmp_path / str(next(count))))
        step.made = {name: made[name] for name in step.uses}
        pieces: dict[str, list[pa.Table]] = {name: [] for name in step.tables}
        for name, piece in step.survey(Pages(table, rows_a_batch)):
            pieces[name].append(piece.cast(step.tables[name]))
        for name, parts in pieces.items():
            write_survey_table(
                folder, name, pa.concat_tables(parts) if parts else step.tables[name].empty_table(), partitions
            )
        step.made = {**step.made, **{name: Table(f"{folder.path}/{name}") for name in step.tables}}
        made.update({name: step.made[name] for name in step.tables})
        return through(step, table, rows_a_batch)

    return survey


@pytest.fixture
def clustered(run: Callable[..., tuple[pa.Table, pa.Table | None]]) -> Callable[..., pa.Table]:
    """Texts, or pages, with their clusters."""

    def cluster(
        texts: Sequence[str | None] | pa.Table, threshold: float = 0.8, rows_a_batch: int = 1000, **options: object
    ) -> pa.Table:
        table = texts if isinstance(texts, pa.Table) else pages(texts)
        measured, _ = through(MinHash(), table, rows_a_batch)
        kept, rejected = run(Dedup(threshold, **options), measured, rows_a_batch)
        assert rejected is None
        return kept

    return cluster


@pytest.fixture(scope="session")
def make_pages() -> Callable[..., pa.Table]:
    """`pages`, for tests that name rows or add columns."""
    return pages


@pytest.fixture(scope="session")
def measure() -> Callable[..., pa.Table]:
    """Pages with form key and signature."""
    return lambda table, rows_a_batch=1000: through(MinHash(), table, rows_a_batch)[0]


@pytest.fixture
def capped(run: Callable[..., tuple[pa.Table, pa.Table | None]]) -> Callable[..., tuple[pa.Table, pa.Table | None]]:
    """Clustered pages after the cap: kept with `repeat`, and rejected."""
    return lambda table, **options: run(Cap(**options), table)


def survey_in_memory(step: Survey, table: pa.Table) -> tuple[dict[str, pa.Table], dict[str, float]]:
    """The tables that a survey yields as one task, empty ones too, and its counters."""
    pieces: dict[str, list[pa.Table]] = {name: [step.tables[name].empty_table()] for name in step.tables}
    for name, piece in step.survey(Pages(table)):
        pieces[name].append(piece)
    return {n: pa.concat_tables(p) for n, p in pieces.items()}, {n: s.total for n, s in step.stats.stats.items()}


@pytest.fixture
def survey_tables() -> Callable[..., tuple[dict[str, pa.Table], dict[str, float]]]:
    """`survey_in_memory`."""
    return survey_in_memory


@pytest.fixture(scope="session")
def random_cluster_tables(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[pa.Table, Callable[..., pa.Table], set[frozenset]]:
    """Sliding windows over random text, so that each is near some others and not all: rows, a cap over them, and their edges."""
    rng = random.Random(11)
    texts = []
    for _ in range(5):
        letters = "".join(chr(rng.randrange(0x4E00, 0x9FFF)) for _ in range(320))
        texts += [letters[at : at + 180 + rng.randrange(30)] for at in (rng.randrange(60) for _ in range(9))]
    texts += texts[::4]
    measured, _ = through(MinHash(), pages(texts))
    step = Dedup(0.8)
    tables: dict[str, list[pa.Table]] = {name: [] for name in step.tables}
    for name, piece in step.survey(Pages(measured)):
        tables[name].append(piece)
    edges = pa.concat_tables(tables["edges"])
    folder = Place(str(tmp_path_factory.mktemp("random")))
    write_survey_table(folder, "edges", edges, 4)
    rows = measured.join(pa.concat_tables(tables["clusters"]).drop(["cluster_examples"]), "id").sort_by("id")

    def cap(step: Cap, table: pa.Table) -> pa.Table:
        step.made = {"edges": Table(f"{folder.path}/edges")}
        made = [piece for name, piece in step.survey(Pages(table)) if name == "allowance"]
        return pa.concat_tables(made) if made else step.tables["allowance"].empty_table()

    return rows, cap, {frozenset((r["form_a"], r["form_b"])) for r in edges.to_pylist()}


class Partitioned:
    """Pages in partitions by id, as a shard set gives them."""

    def __init__(self, table: pa.Table, partitions: int):
        table = table.sort_by("id").combine_chunks()
        part = partition_of(table.column("id").combine_chunks(), partitions)
        self.parts = [table.filter(pa.array(part == p)) for p in range(partitions)]

    def read(self, columns: Sequence[str], partition: int | None = None) -> Iterator[pa.RecordBatch]:
        for part in self.parts if partition is None else [self.parts[partition]]:
            yield from part.select(list(columns)).to_batches(max_chunksize=7)


def survey_in_phases(
    step: Dedup, table: pa.Table, folder: Path, partitions: int, rows_a_part: int, order: random.Random | None = None
) -> tuple[dict[str, pa.Table], dict[str, float]]:
    """Runs every task of every phase (in any order, some twice, with `order`), or the one task; the tables and the counters."""
    rows, work = Partitioned(table, partitions), Place(str(folder))
    step.rows_a_part = rows_a_part
    made: dict[str, dict[int, list[pa.Table]]] = {name: {} for name in step.tables}
    if not (phases := step.phases(len(table), partitions)):
        return survey_in_memory(step, table)
    for phase in phases:
        tasks = list(range(phase.tasks))
        if order is not None:
            order.shuffle(tasks)
            tasks += order.sample(tasks, min(3, len(tasks)))  # killed after it had written, and run again
        for task in tasks:
            parts: dict[str, list[pa.Table]] = {}
            for name, part in step.run_phase(phase.name, task, rows, work):
                parts.setdefault(name, []).append(part)
            for name, found in parts.items():
                made[name][task] = found
    whole = {
        name: pa.concat_tables([t for task in sorted(parts) for t in parts[task]] or [step.tables[name].empty_table()])
        for name, parts in made.items()
    }
    return whole, {n: s.total for n, s in step.stats.stats.items()}


@pytest.fixture
def in_phases() -> Callable[..., tuple[dict[str, pa.Table], dict[str, float]]]:
    """`survey_in_phases`: what a survey that is cut yields, and its counters."""
    return survey_in_phases


class Crawls:
    """Crawls that are clustered one after the other, each against the index of those before it, and admitted to it.

    rows_a_part: of the survey's phases (None: in memory); index_rows_a_part, partitions: how the index and the rows are cut.
    """

    def __init__(
        self, folder: Path, rows_a_part: int | None = None, index_rows_a_part: int = 1000, partitions: int = 1
    ):
        self.folder, self.url, self.number = folder, str(folder / "index"), 0
        self.rows_a_part, self.index_rows_a_part, self.partitions = rows_a_part, index_rows_a_part, partitions
        self.counts: dict[str, float] = {}

    def cluster(
        self, table: pa.Table, order: random.Random | None = None, **options: object
    ) -> tuple[Dedup, dict[str, pa.Table]]:
        """The step against the index as it is (none for the first crawl), and its tables."""
        step = Dedup(**{"threshold": 0.7, "index": self.url if self.number else None, **options})
        if self.rows_a_part is None:
            tables, self.counts = survey_in_memory(step, table)
        else:
            work = self.folder / f"work{self.number}"
            tables, self.counts = survey_in_phases(step, table, work, self.partitions, self.rows_a_part, order)
        return step, tables

    def add(self, table: pa.Table, order: random.Random | None = None, **options: object) -> dict[str, pa.Table]:
        """Clusters a crawl and admits it; its tables."""
        step, tables = self.cluster(table, order, **options)
        members = Place(str(self.folder / f"members{self.number}"))
        label = column_keys(tables["members"].column("cluster"))
        of = part_of(label[:, 0], 2 * self.partitions)
        files = [
            write_table_part(members, tables["members"].filter(pa.array(of == p)), p)
            for p in range(2 * self.partitions)
        ]
        join_table_parts(members, step.tables["members"], files)
        rows = Partitioned(table, self.partitions)

        def ranked(partition: int) -> Iterator[tuple[pa.RecordBatch, dict[str, np.ndarray]]]:
            for batch in rows.read(table.column_names, partition):
                _, here, _, fields = step.ranked(batch)
                yield batch.filter(pa.array(here)), fields

        made_with = {"normal_form": FORM_VERSION, "threshold": repr(step.threshold), "bands": "14x8", "seed": "1"}
        run, cut = f"run {self.number}", self.index_rows_a_part
        assert add_generation(self.url, made_with, run, Table(members.url), ranked, self.partitions, cut) is not None
        self.number += 1
        return tables


class BothAtOnce(Dedup):
    """The survey over rows of several crawls whose generations are given."""

    generation_of: dict[bytes, int]

    def _read_rank(self, rows):
        ids, present, ranked = super()._read_rank(rows)
        words = [bytes(np.ascontiguousarray(i, ">u8")) for i in ranked["ids"]]
        return ids, present, ranked | {"generation": np.array([self.generation_of[w] for w in words])}


@pytest.fixture(scope="session")
def start_crawls(tmp_path_factory) -> Callable[..., Crawls]:
    """Crawls with an index in a folder of their own."""
    return lambda **cut: Crawls(tmp_path_factory.mktemp("crawls"), **cut)


@pytest.fixture
def admit(tmp_path) -> Callable[..., dict[str, pa.Table]]:
    """Clusters a crawl (against the index from its second on) and adds it to the index `tmp_path / "index"`; the crawl's tables."""
    return Crawls(tmp_path).add


@pytest.fixture(scope="session")
def at_once() -> Callable[..., pa.Table]:
    """The clusters of several crawls at once, with the generations that an index gives them."""

    def clusters(tables: Sequence[pa.Table], **options: object) -> pa.Table:
        step = BothAtOnce(**{"threshold": 0.7, **options})
        step.generation_of = {i: n for n, table in reversed(list(enumerate(tables))) for i in table["id"].to_pylist()}
        return survey_in_memory(step, pa.concat_tables(tables).sort_by("id"))[0]["clusters"]

    return clusters
