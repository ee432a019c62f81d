"""Phases from band keys to verified edges: buckets, distinct pairs, shingle sets, exact Jaccard."""

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa

from curation.dedup import cluster_kernel as kernel
from curation.dedup.clusters import PairCounts, pairs_of_band
from curation.dedup.exchange import read_part, run_bytes, write_part
from curation.dedup.index import Index
from curation.dedup.minhash import PERMUTATIONS, signature_rows
from curation.dedup.partitioned.cut import Cut, distinct_rows, part_of
from curation.dedup.partitioned.nodes import by_id
from curation.dedup.shingle_sets import ShingleSets, ShingleWords, read_sets
from curation.merge_join import positions
from curation.place import Created, Place
from curation.provenance import id_words
from curation.step import Batch

_ROWS_AT_ONCE = 1 << 16


def buckets(cut: Cut, task: int, max_bucket: int, index: Index | None = None) -> PairCounts:
    """Sends the pairs of a band's part of keys to the range of their worse node."""
    records, limits, counts = cut.exchange("bands").receive(task), cut.bases(), PairCounts()
    keys, ordinals = (np.ascontiguousarray(records[:, side]) for side in (0, 1))
    del records
    old = 0
    if index is not None:
        met, kept = index.band_keys(*divmod(task, cut.parts), cut.parts, np.unique(keys), max_bucket)
        keys, ordinals, old = np.concatenate([met, keys]), np.concatenate([kept, ordinals]), len(met)

    def sent() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for a, b in pairs_of_band(keys, ordinals, max_bucket, counts, decided=old):
            yield cut.range_of(ordinals[b], limits), np.column_stack([ordinals[a], ordinals[b]])

    cut.exchange("pairs").send(task, sent())
    return counts


def pairs(cut: Cut, task: int) -> None:
    """Writes the distinct pairs of a range, sorted by (b, a), and asks for the shingle sets of all nodes in them."""
    here = cut.old + task
    found = cut.exchange("pairs").receive(here)
    found = distinct_rows(found[:, ::-1])[:, ::-1]
    write_part(cut.work, "pairs", here, found)
    wanted = np.unique(found)
    target = cut.range_of(wanted, cut.bases())
    cut.exchange("wanted").send(task, [(target, np.column_stack([wanted, np.full(len(wanted), here, np.uint64)]))])


def ask(cut: Cut, task: int, index: Index | None = None) -> None:
    """Asks the rows that stand for the wanted nodes of a range; for those of an old range the index answers."""
    wanted, first = cut.exchange("wanted").receive(task), cut.bases()[task]
    if task < cut.old:
        assert index is not None
        cut.exchange("sets").send(cut.rows + task, _kept_sets(cut, task, index, wanted))
        return
    ids = read_part(cut.work, "ids_by_rank", task, width=2)[wanted[:, 0].astype(np.int64) - first]
    cut.exchange("asked").send(task, [(part_of(ids[:, 0], cut.rows), np.concatenate([ids, wanted], axis=1))])


def _kept_sets(cut: Cut, task: int, index: Index, wanted: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    wanted = wanted[np.argsort(wanted[:, 0], kind="stable")]
    for at in range(0, len(wanted), _ROWS_AT_ONCE):
        some = wanted[at : at + _ROWS_AT_ONCE]
        where = index.nodes(task, some[:, 0])[:, 4:]
        where[:, 0] += np.uint64(cut.rows)
        yield some[:, 1], np.concatenate([some[:, :1], where, index.node_signatures(task, some[:, 0])], axis=1)


def sets(cut: Cut, task: int, batches: Iterable[Batch]) -> int:
    """Writes the wanted shingle sets of partition `task` and tells every range that wants one. batches: id, text, minhash.

    Of as many sets as are held together those that a range wants lie side by side, one for each range that wants it: a range reads a
    few long pieces, where sets in the order of their rows would be a read each. Returns the bytes of text that it read.
    """
    asked = by_id(cut.exchange("asked").receive(task))
    keys = distinct_rows(asked[:, :2])
    first = np.searchsorted(positions(keys, asked[:, :2]), np.arange(len(keys) + 1))
    maker, told, seen = ShingleWords(), [np.zeros((0, 61), np.uint64)], 0
    with cut.work.create(f"shingles/{task:05d}.bin") as file:
        laid = _SideBySide(file, task)
        for batch in batches if len(keys) else ():
            seen += batch.column("text").nbytes
            at = positions(keys, id_words(batch.column("id")))
            here = np.flatnonzero(at >= 0)
            signatures = np.ascontiguousarray(signature_rows(batch.column("minhash"))[here]).view("<u8")
            texts = batch.column("text").take(pa.array(here))
            for key, signature, words in zip(at[here].tolist(), signatures, maker.of(texts), strict=True):
                laid.add(asked[first[key] : first[key + 1], 2:], signature, words)
                if laid.size >= run_bytes(cut.tasks["ranges"]):
                    told.append(laid.written())
        told.append(laid.written())
    records = np.concatenate(told)
    cut.exchange("sets").send(task, [(records[:, 0], records[:, 1:])])
    return seen


class _SideBySide:
    """Sets on their way to a file, grouped by the ranges that want them."""

    def __init__(self, file: Created, task: int):
        self.file, self.task, self.end = file, task, 0
        self.wanted: list[np.ndarray] = []
        self.sets: list[np.ndarray] = []
        self.size = 0

    def add(self, wanted: np.ndarray, signature: np.ndarray, words: np.ndarray) -> None:
        """Holds a set. wanted: (ordinal, range) of every range that wants it."""
        records = np.empty((len(wanted), 61), np.uint64)
        records[:, :2], records[:, 2:4], records[:, 4], records[:, 5:] = (
            wanted[:, ::-1],
            len(self.sets),
            len(words),
            signature,
        )
        self.wanted.append(records)
        self.sets.append(words.copy())
        self.size += words.nbytes

    def written(self) -> np.ndarray:
        """Writes what is held; returns (range, ordinal, file, first word, words, signature) of each, uint64 [n, 61]."""
        records = np.concatenate([np.zeros((0, 61), np.uint64), *self.wanted])
        records = records[np.argsort(records[:, 0], kind="stable")]
        for number in records[:, 3].tolist():
            self.file.write(self.sets[number].data)
        ends = self.end + np.cumsum(records[:, 4], dtype=np.uint64)
        records[:, 2], records[:, 3] = self.task, ends - records[:, 4]
        self.end = int(ends[-1]) if len(ends) else self.end
        self.wanted, self.sets, self.size = [], [], 0
        return records


def verify(cut: Cut, task: int, threshold: float, least: int, index: Index | None = None) -> dict[str, int]:
    """Writes the edges of a range, (a, b, Jaccard) sorted by (b, a), and sends their better ends to where their forms are known.

    Returns how many pairs were compared exactly, how many are edges, and the bytes of shingle sets that were read.
    """
    here = cut.old + task
    found = read_part(cut.work, "pairs", here, width=2)
    held = cut.exchange("sets").receive(here)
    held = held[np.argsort(held[:, 0], kind="stable")]
    a, b = (np.searchsorted(held[:, 0], found[:, side]) for side in (0, 1))
    agree = np.empty(len(found), np.int64)
    kernel.agreement(np.ascontiguousarray(held[:, 4:]).view(np.uint32).reshape(-1, PERMUTATIONS), a, b, agree)
    kept = agree >= least
    found, a, b = found[kept], a[kept], b[kept]
    similarity, read = _jaccard(cut, index, held[:, 1:4], a, b)
    edge = similarity >= threshold
    found, similarity = found[edge], similarity[edge]
    bits, limits = similarity.view(np.uint64), cut.bases()
    write_part(cut.work, "edges", here, np.column_stack([found, bits]))
    forms = read_part(cut.work, "forms_by_rank", here, width=2)[found[:, 1].astype(np.int64) - limits[here]]
    cut.exchange("edge_ends").send(
        task, [(cut.range_of(found[:, 0], limits), np.column_stack([found[:, 0], forms, bits]))]
    )
    return {"pairs_compared": len(a), "pairs_verified": len(found), "shingle_bytes_read": read}


def _jaccard(cut: Cut, index: Index | None, where: np.ndarray, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, int]:
    """Exact Jaccard of pairs of sets, and the bytes read. where: (file, first word, words) of each set; a, b: sets of each pair."""

    def file_of(number: int) -> tuple[Place, str]:
        if number < cut.rows:
            return cut.work, f"shingles/{number:05d}.bin"
        assert index is not None
        return index.set_file(number - cut.rows)

    if not len(a):
        return np.zeros(0), 0
    needed = np.unique(np.concatenate([a, b]))
    with ShingleSets(needed) as held:
        for one, words in read_sets(where[needed], file_of):
            held.add_words(int(needed[one]), words)
        return held.jaccard(np.column_stack([a, b])), 8 * int(where[needed, 2].sum())
