"""The check of a release costs what docs/shards.md says: never the square of rows of one label or band, and so many bytes a row."""

import numpy as np
import pytest

from curation.verify import near_copies, similarity
from curation.verify.near_copies import IN_A_BUCKET, Pairs, partners
from curation.verify.rows import Pass, Rows
from curation.verify.sample import draw
from curation.verify.shard_files import Release
from curation.verify.similarity import BANDS, jaccard, joined, shingles


def near(rows: int) -> list[np.ndarray]:
    """Shingles of texts that are all near-copies of one another."""
    text = "".join(chr(0x4E00 + 37 * i % 20000) for i in range(300))
    return [shingles(text + chr(0x3041 + i % 80) + chr(0x3041 + i // 80)) for i in range(rows)]


@pytest.fixture
def compared(monkeypatch) -> list[int]:
    """One element for each pair that is compared."""
    found: list[int] = []

    def counted(a: np.ndarray, b: np.ndarray) -> float:
        found.append(1)
        return jaccard(a, b)

    for module in (similarity, near_copies):
        monkeypatch.setattr(module, "jaccard", counted)
    return found


def test_rows_of_one_label_are_not_compared_with_one_another(compared):
    sets = near(1000)
    assert list(joined(sets, 0.8, np.zeros(1000, np.int64))) == []
    assert not compared
    labels = np.zeros(1000, np.int64)
    labels[7] = 1
    assert len(list(joined(sets, 0.8, labels))) == len(compared) == 999


def test_a_join_of_too_many_candidates_ends():
    assert len(list(joined(near(300), 0.8, most=500))) <= 500 + 300


class Texts:
    """A release of which nothing is read."""

    def rows_at(self, numbers: np.ndarray, columns: list[str]) -> list[tuple[int, dict[str, object]]]:
        return [(int(n), {"text": "米"}) for n in numbers]


def test_of_a_band_that_all_rows_share_each_is_compared_with_64_sampled_ones(compared):
    n, drawn = 3000, 500
    keys = np.stack([np.zeros(n, np.uint64), np.arange(n, dtype=np.uint64)], axis=1)
    bands = np.repeat(np.arange(n, dtype=np.uint32)[:, None], BANDS, axis=1)
    bands[:, 0] = 1
    numbers = np.arange(n)
    ones = np.ones(n, np.int64)
    rows = Rows(keys, keys, keys, ones, ones, ones, keys, bands, ones, numbers)
    sets = dict(enumerate(np.array([[i]], np.uint64)[0] for i in range(drawn)))
    pairs = partners(rows, numbers[:drawn], sets, Texts(), 0.8, numbers[:0])  # type: ignore[arg-type]
    assert isinstance(pairs, Pairs)
    assert len(compared) == (n - drawn) * IN_A_BUCKET
    assert pairs.left_out == (n - drawn) * (drawn - IN_A_BUCKET)


def test_a_released_row_keeps_144_bytes(release):
    from curation.verify.findings import Check

    opened = Release.open(str(release.set), Check("files"))
    assert opened is not None
    passed = Pass(opened, draw(opened, 5, 1).drawn)
    rows = passed.run()
    columns = [getattr(rows, name) for name in Rows.__dataclass_fields__]
    assert (sum(c.nbytes for c in columns) + passed.ids.nbytes) / len(rows) == 144
    assert len(passed.sets) == 5


def test_texts_are_decoded_once_and_some_a_second_time(release, monkeypatch):
    """44 rows in 4 partitions: all texts once, and again at most the files that hold rows with partners."""
    read: list[str] = []
    whole = Release.batches
    again = Release.rows_at
    monkeypatch.setattr(
        Release, "batches", lambda self, columns, rows=1024: _noted(read, whole(self, columns, rows), columns)
    )
    monkeypatch.setattr(
        Release, "rows_at", lambda self, numbers, columns: read.append("some") or again(self, numbers, columns)
    )
    assert release.failed() == {}
    assert read.count("whole") == 1
    assert read.count("some") <= 2


def _noted(read: list[str], batches, columns):
    if columns is None or "text" in columns:
        read.append("whole")
    return batches
