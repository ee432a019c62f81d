"""Phases from rows to band keys: forms, nodes in rank order, ordinals, keys."""

from collections.abc import Iterable, Iterator

import numpy as np

from curation.dedup import cluster_kernel as kernel
from curation.dedup.exchange import read_part, write_part
from curation.dedup.index import Index
from curation.dedup.minhash import signature_rows
from curation.dedup.partitioned.cut import Cut, part_of, starts
from curation.dedup.rank_words import WIDTH, ranges_of, rank_order, rank_words, splitters
from curation.merge_join import positions
from curation.provenance import id_words
from curation.step import Batch

SAMPLE = 1 << 17
"""Rows that cut the ranks into ranges, about: any sample gives the same ordinals, a small one only uneven ranges."""

Ranked = tuple[np.ndarray, dict[str, np.ndarray]]


def forms(cut: Cut, task: int, batches: Iterable[Ranked], rows: int) -> None:
    """Sends form and rank words of every row of partition `task`. batches: (forms, what ranks them); rows: of all partitions."""
    sample = [np.zeros((0, WIDTH), np.uint64)]
    every = np.uint64((1 << max(0, rows // SAMPLE).bit_length()) - 1)

    def sent() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for form, fields in batches:
            words = rank_words(**fields)
            sample.append(words[words[:, 4] & every == 0])  # ids are hashes: a fair sample, and the same at every run
            yield cut.part_of(form[:, 0]), np.concatenate([form, words], axis=1)

    cut.exchange("forms").send(task, sent())
    write_part(cut.work, "samples", task, np.concatenate(sample))


def nodes(cut: Cut, task: int, index: Index | None) -> int:
    """Sends the best-ranked copy of each form of this part to its range of ranks. Returns the number of forms.

    What the index says of forms stays here, their label and best old row (`known`). Its kept nodes have their ordinals in it; its
    other forms get one of the run, since what they are near to in this run must be found again, but their label is decided.
    """
    rows = cut.exchange("forms").receive(task)
    ordered = rows[np.lexsort(rows.T[::-1])]  # by form, then by rank
    best = ordered[starts(ordered[:, :2])]
    forms, decided = len(best), np.zeros(len(best), bool)
    if index is not None:
        said = index.known(best[:, :2], task, cut.parts)
        known = np.concatenate([best[:, :2], said.label, said.id], axis=1)
        write_part(cut.work, "known", task, known[said.here])
        leads = said.here & (said.label == best[:, :2]).all(axis=1)
        best, decided = best[~leads], said.here[~leads]
    sample = np.concatenate([read_part(cut.work, "samples", p, width=WIDTH) for p in range(cut.rows)])
    target = ranges_of(best[:, 2:], splitters(sample, cut.parts))
    cut.exchange("nodes").send(task, [(target, np.column_stack([best, decided.astype(np.uint64)]))])
    return forms


def bases(cut: Cut, index: Index | None) -> None:
    """Writes the first ordinal of every range: those of the index, then those of the run."""
    before = np.zeros(1, np.int64) if index is None else index.starts
    write_part(cut.work, "bases", 0, np.concatenate([before, before[-1] + np.cumsum(cut.exchange("nodes").counts())]))


def ordinals(cut: Cut, task: int) -> None:
    """Sorts a range of nodes by rank: writes their forms, best ids and whether each is decided, in order.

    Sends each ordinal to the row that stands for it.
    """
    found = cut.exchange("nodes").receive(task)
    found = found[rank_order(found[:, 2 : 2 + WIDTH])]
    here = cut.old + task
    ids, number = found[:, 5:7], cut.bases()[here] + np.arange(len(found))
    write_part(cut.work, "forms_by_rank", here, found[:, :2])
    write_part(cut.work, "ids_by_rank", here, ids)
    if cut.old:
        write_part(cut.work, "decided", here, found[:, 2 + WIDTH].astype(np.uint8))
    cut.exchange("best").send(task, [(part_of(ids[:, 0], cut.rows), np.column_stack([ids, number.astype(np.uint64)]))])


def by_id(records: np.ndarray) -> np.ndarray:
    """Records sorted by the id in their first two words; those of one id keep their order."""
    return records[np.lexsort((records[:, 1], records[:, 0]))]


def sign(cut: Cut, task: int, batches: Iterable[Batch], rows: int) -> None:
    """Sends band keys of the rows of partition `task` that stand for a node. batches: id, minhash; rows: permutations in a band."""
    best = by_id(cut.exchange("best").receive(task))

    def sent() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for batch in batches:
            at = positions(best, id_words(batch.column("id")))
            here = np.flatnonzero(at >= 0)
            keys = np.empty((cut.bands, len(here)), np.uint64)
            kernel.band_keys(np.ascontiguousarray(signature_rows(batch.column("minhash"))[here]), rows, keys)
            for band in range(cut.bands):
                records = np.column_stack([keys[band], best[at[here], 2]])
                yield band * cut.parts + cut.part_of(keys[band]), records

    cut.exchange("bands").send(task, sent())
