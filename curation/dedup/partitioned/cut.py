"""How a survey is cut, and the records that go from phase to phase."""

from dataclasses import dataclass

import numpy as np

from curation.dedup.exchange import Exchange, read_part
from curation.dedup.rank_words import WIDTH
from curation.place import Place

RECORDS: dict[str, tuple[int, str]] = {
    "forms": (2 + WIDTH, "parts"),  # form, rank words: every row
    "nodes": (2 + WIDTH, "parts"),  # form, rank words: the best copy of every form
    "best": (3, "rows"),  # id, ordinal
    "bands": (2, "bands"),  # band key, ordinal
    "pairs": (2, "ranges"),  # ordinals, the better first
    "wanted": (2, "ranges"),  # ordinal, range that wants its set
    "asked": (4, "rows"),  # id, ordinal, range
    "sets": (
        4 + 56,
        "ranges",
    ),  # ordinal, file that holds its set (the index's after the tasks'), first word, words; signature
    "edge_ends": (4, "ranges"),  # ordinal of the better node, form of the worse, Jaccard
    "edges": (5, "parts"),  # forms, the better-ranked first, Jaccard
    "joined": (3, "ranges"),  # ordinal of the kept node, form that joined it
    "kin": (3, "ranges"),  # ordinal of the component's root, form in it
    "label_of": (4, "parts"),  # form, its label
    "matched_of": (4, "parts"),  # form, id of the best row of the old node that it joined
    "family_of": (4, "parts"),  # form, its family
    "labelled": (2 + WIDTH + 2, "parts"),  # label, rank words, form: every row
    "matched": (4, "rows"),  # id, id of the old row that it is a copy or near-duplicate of
    "placed": (8, "rows"),  # id, label, family, size, rank
    "examples": (4, "rows"),  # id, id of another row of its cluster
}
"""Words of the records by name, and what they are cut by."""


@dataclass(frozen=True)
class Cut:
    """A survey over rows in `rows` partitions, cut into `parts` (a power of two) by keys and by ranks, and `bands` times as many.

    old: ranges of an index's kept nodes, before those of the run: range `old` + i is the i-th of the run.
    """

    work: Place
    rows: int
    parts: int
    bands: int
    old: int = 0

    @property
    def tasks(self) -> dict[str, int]:
        """Number of tasks, or of targets, by what cuts them."""
        ranges = self.old + self.parts
        return {"one": 1, "rows": self.rows, "parts": self.parts, "ranges": ranges, "bands": self.parts * self.bands}

    def exchange(self, name: str) -> Exchange:
        """Records of that name on their way."""
        width, by = RECORDS[name]
        return Exchange(self.work, name, width, self.tasks[by])

    def part_of(self, high: np.ndarray) -> np.ndarray:
        """Part of keys by their high words, int64."""
        return part_of(high, self.parts)

    def bases(self) -> np.ndarray:
        """First ordinal of every range and, last, the number of nodes, int64 [old + parts + 1]."""
        return read_part(self.work, "bases", 0, np.int64)

    def range_of(self, ordinals: np.ndarray, bases: np.ndarray) -> np.ndarray:
        """Range of each ordinal, int64."""
        return np.searchsorted(bases, ordinals.astype(np.int64), "right") - 1


def part_of(high: np.ndarray, parts: int) -> np.ndarray:
    """Part of each key: the highest bits of its high word; parts is a power of two.

    >>> part_of(np.array([0, 1 << 63], np.uint64), 4).tolist()
    [0, 2]
    """
    bits = parts.bit_length() - 1
    return (high >> np.uint64(64 - bits)).astype(np.int64) if bits else np.zeros(len(high), np.int64)


def distinct_rows(words: np.ndarray) -> np.ndarray:
    """Distinct rows of a matrix of words, sorted by their first column first.

    >>> distinct_rows(np.array([[2, 1], [1, 9], [2, 1]], np.uint64)).tolist()
    [[1, 9], [2, 1]]
    """
    ordered = words[np.lexsort(words.T[::-1])]
    return ordered[starts(ordered)]


def starts(ordered: np.ndarray) -> np.ndarray:
    """Which rows of a sorted matrix differ from the row before them, bool."""
    new = np.ones(len(ordered), bool)
    new[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    return new
