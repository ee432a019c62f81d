"""Rows in memory, taken through minhash, dedup and cap with their tables on disk as the engine lays them out."""

import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from curation.dedup.dedup import Dedup
from curation.dedup.minhash import MinHash
from curation.mixture.cap import Cap
from curation.place import Place
from curation.provenance import key
from curation.shards import Table, write_survey_table
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


@pytest.fixture
def make_pages() -> Callable[..., pa.Table]:
    """`pages`, for tests that name rows or add columns."""
    return pages


@pytest.fixture
def measure() -> Callable[..., pa.Table]:
    """Pages with form key and signature."""
    return lambda table, rows_a_batch=1000: through(MinHash(), table, rows_a_batch)[0]


@pytest.fixture
def capped(run: Callable[..., tuple[pa.Table, pa.Table | None]]) -> Callable[..., tuple[pa.Table, pa.Table | None]]:
    """Clustered pages after the cap: kept with `repeat`, and rejected."""
    return lambda table, **options: run(Cap(**options), table)


@pytest.fixture
def survey_tables() -> Callable[..., tuple[dict[str, pa.Table], dict[str, float]]]:
    """The tables that a survey yields, and its counters."""

    def survey(step: Survey, table: pa.Table) -> tuple[dict[str, pa.Table], dict[str, float]]:
        pieces: dict[str, list[pa.Table]] = {}
        for name, piece in step.survey(Pages(table)):
            pieces.setdefault(name, []).append(piece)
        return {n: pa.concat_tables(p) for n, p in pieces.items()}, {n: s.total for n, s in step.stats.stats.items()}

    return survey


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
