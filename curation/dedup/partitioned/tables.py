"""Phases from labels to the tables: rows with their labels, clusters with their members, the place of every row."""

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa

from curation.dedup import cluster_tables
from curation.dedup.clusters import place_rows
from curation.dedup.exchange import read_part
from curation.dedup.index import Earlier, Index
from curation.dedup.key_order import key_array
from curation.dedup.partitioned.cut import Cut, part_of, starts
from curation.dedup.partitioned.nodes import by_id
from curation.document import COLUMNS
from curation.merge_join import positions


def rows(cut: Cut, task: int, schema: pa.Schema, indexed: bool = False) -> Iterator[pa.Table]:
    """Sends every row of this part of forms, with its label, to the part of its label; yields the part's edges.

    indexed: forms that the index knows have its label, and what rows match is sent to them.
    """
    found = cut.exchange("forms").receive(task)
    form, told = found[:, :2], cut.exchange("label_of").receive(task)
    if indexed:
        known = read_part(cut.work, "known", task, width=6)
        told = np.concatenate([told, known[:, :4]])
        matched = np.concatenate([cut.exchange("matched_of").receive(task), known[:, [0, 1, 4, 5]]])
        here, of = _looked_up(form, matched)
        ids = found[here, 5:7]
        cut.exchange("matched").send(task, [(part_of(ids[:, 0], cut.rows), np.concatenate([ids, of], axis=1))])
    label = _or_itself(form, told)
    record = np.concatenate([label, found[:, 2:], form], axis=1)
    cut.exchange("labelled").send(task, [(cut.part_of(label[:, 0]), record)])
    edges = cut.exchange("edges").receive(task)
    edges = edges[np.lexsort(edges[:, :4].T[::-1])]
    columns = [key_array(edges[:, :2]), key_array(edges[:, 2:4])]
    jaccard = np.ascontiguousarray(edges[:, 4]).view(np.float64).astype(np.float32)
    yield pa.table([*columns, pa.array(jaccard)], schema=schema)


def _looked_up(keys: np.ndarray, table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which keys are in a table of (key, value), in any order, and their values."""
    table = by_id(table)
    at = positions(table, keys)
    here = np.flatnonzero(at >= 0)
    return here, table[at[here], 2:]


def _or_itself(keys: np.ndarray, table: np.ndarray) -> np.ndarray:
    """For each key what the table says, or the key."""
    here, values = _looked_up(keys, table)
    out = keys.copy()
    out[here] = values
    return out


def members(cut: Cut, task: int, schema: pa.Schema, index: Index | None = None) -> Iterator[pa.Table]:
    """Families, sizes, ranks and examples of the clusters of this part of labels, to the rows; yields their members, best first."""
    found = cut.exchange("labelled").receive(task)
    found = found[np.lexsort(found[:, :7].T[::-1])]
    new = starts(found[:, :2])
    ids, cluster, labels = found[:, 5:7], np.cumsum(new) - 1, found[new, :2]
    earlier = Earlier.none(len(labels)) if index is None else index.clusters(labels, task, cut.parts)
    family = _or_itself(labels, cut.exchange("family_of").receive(task))[cluster]
    places = place_rows(cluster, np.arange(len(found)))
    target, before = part_of(ids[:, 0], cut.rows), earlier.rows[cluster]
    rank = places.rank + before
    numbers = np.column_stack([places.size + before, rank]).astype(np.uint64)
    cut.exchange("placed").send(task, [(target, np.concatenate([ids, found[:, :2], family, numbers], axis=1))])
    row, others = cluster_tables.example_ids(places, ids, cluster, earlier)
    cut.exchange("examples").send(task, [(target[row], np.concatenate([ids[row], others], axis=1))])
    yield cluster_tables.members_table(found[:, :2], rank, ids, found[:, 7:9], schema)


def places(cut: Cut, task: int, ids: Iterable[np.ndarray], schema: pa.Schema) -> Iterator[pa.Table]:
    """Yields the place of every row of partition `task`, in order of id; nulls for rows without a form. ids: of all its rows."""
    placed, examples = (by_id(cut.exchange(name).receive(task)) for name in ("placed", "examples"))
    matched = cut.exchange("matched").receive(task)
    first = np.searchsorted(positions(placed, examples[:, :2]), np.arange(len(placed) + 1)).astype(np.int64)
    for some in ids:
        at = positions(placed, some)
        here = at >= 0
        row = at[here]
        counts = np.zeros(len(some), np.int64)
        counts[here] = first[row + 1] - first[row]
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
        taken = cluster_tables.runs(first[row], counts[here])
        kind = COLUMNS["cluster_examples"].type
        of = placed[row]
        lists = pa.ListArray.from_arrays(
            pa.array(offsets), key_array(examples[taken, 2:]), type=kind, mask=pa.array(~here)
        )
        columns = [
            key_array(of[:, 2:4]),
            *(pa.array(of[:, i].astype(np.int64)) for i in (6, 7)),
            lists,
            key_array(of[:, 4:6]),
        ]
        spread = [c if c is lists else cluster_tables.scatter(c, here) for c in columns]
        if "matched" in schema.names:
            old, values = _looked_up(some, matched)
            spread.append(cluster_tables.scatter(key_array(values), np.isin(np.arange(len(some)), old)))
        yield pa.table([key_array(some), *spread], schema=schema)
