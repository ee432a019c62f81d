"""The records between the phases of `line_dedup`: what they hold, how they are cut, and how many become few before they are sent."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from curation.dedup.exchange import Exchange, read_chunks
from curation.dedup.partitioned.cut import part_of, starts
from curation.dedup.rank_words import WIDTH as RANK
from curation.dedup.rank_words import rank_order
from curation.place import Place

ROW_BITS = 40
"""A page's ordinal is its partition × 2^40 + its place in the partition."""

PAGE = 3
"""Words that `sketch` writes of a page: counted lines, key of the text, key of the host; then its rank words for a cap."""

_PAGES_AT_ONCE = 1 << 14
_COMBINED = 1 << 20

_WIDTHS = {
    "texts": (2, "parts"),  # key of a text, ordinal
    "again": (1, "rows"),  # ordinal of a copy
    "met": (4, "parts"),  # line, host, pages, first ordinal
    "counted": (4, "parts"),  # line, pages, hosts, first ordinal
    "firsts": (2, "rows"),  # line, ordinal
    "best": (1 + RANK, "parts"),  # line, rank words
}
"""Words of the records by name, and what they are cut by."""


@dataclass(frozen=True)
class Cut:
    """A survey over rows in `rows` partitions, whose lines are cut into `parts` (a power of two) by key."""

    work: Place
    rows: int
    parts: int
    depth: int

    def tasks(self, by: str) -> int:
        """How many tasks a phase has that is cut by rows, parts or depth."""
        return {"rows": self.rows, "parts": self.parts, "depth": self.depth}[by]

    def exchange(self, name: str) -> Exchange:
        """Records of that name on their way."""
        width, by = _WIDTHS[name]
        return Exchange(self.work, name, width, self.tasks(by))

    def part_of(self, keys: np.ndarray) -> np.ndarray:
        """Part of each key, int64."""
        return part_of(keys, self.parts)


def held_pages(cut: Cut, part: int, ranked: bool) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """A partition as `sketch` left it: (ordinal of the first page, some pages, keys of their lines). ranked: with rank words."""
    ordinal, width = part << ROW_BITS, PAGE + (RANK if ranked else 0)
    with cut.work.fs.open(f"{cut.work.path}/held/lines/{part:05d}.bin", "rb") as file:
        for pages in read_chunks(cut.work, "pages", part, width=width, rows=_PAGES_AT_ONCE):
            yield ordinal, pages, np.frombuffer(file.read(8 * int(pages[:, 0].sum())), np.uint64)
            ordinal += len(pages)


def partition_of_page(ordinals: np.ndarray) -> np.ndarray:
    """Partition of each page, int64."""
    return (ordinals >> np.uint64(ROW_BITS)).astype(np.int64)


def merged(records: np.ndarray, keys: int) -> np.ndarray:
    """One record for each distinct value of the first `keys` words: the words between added up, the smallest of the last one.

    >>> merged(np.array([[7, 1, 30], [5, 1, 20], [7, 4, 10]], np.uint64), 1).tolist()
    [[5, 1, 20], [7, 5, 10]]
    """
    records = records[np.lexsort(records[:, :keys].T[::-1])]
    at = np.flatnonzero(starts(records[:, :keys]))
    if not len(at):
        return records
    made = records[at]
    for column in range(keys, records.shape[1] - 1):
        made[:, column] = np.add.reduceat(records[:, column], at)
    made[:, -1] = np.minimum.reduceat(records[:, -1], at)
    return made


def combined(batches: Iterable[np.ndarray], keys: int) -> Iterator[np.ndarray]:
    """The records of many batches, `merged` as far as a million are held together."""
    held: list[np.ndarray] = []
    n = 0
    for some in batches:
        held.append(some)
        n += len(some)
        if n >= _COMBINED:
            held, n = [merged(np.concatenate(held), keys)], 0
            if len(held[0]) >= _COMBINED // 2:
                yield held.pop()
    if held:
        yield merged(np.concatenate(held), keys)


def best_ranked(batches: Iterable[np.ndarray], k: int) -> np.ndarray:
    """Of (line, rank words) records the k best-ranked of each line, sorted by line and rank."""
    held: list[np.ndarray] = [np.zeros((0, 1 + RANK), np.uint64)]
    n = 0
    for some in batches:
        held.append(some)
        n += len(some)
        if n >= _COMBINED:
            held, n = [_best_of(np.concatenate(held), k)], 0
    return _best_of(np.concatenate(held), k)


def _best_of(records: np.ndarray, k: int) -> np.ndarray:
    records = records[rank_order(records)]
    first = np.searchsorted(records[:, 0], records[:, 0])
    return records[np.arange(len(records)) - first < k]
