"""Phases from edges to the tables: leaders and components, labels by form, rows with their labels, places in a cluster."""

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa

from curation.dedup import cluster_kernel as kernel
from curation.dedup import cluster_tables
from curation.dedup.clusters import place_rows
from curation.dedup.exchange import read_chunks, read_part, write_part
from curation.dedup.key_order import key_array
from curation.dedup.partitioned.cut import Cut, part_of, starts
from curation.dedup.partitioned.nodes import by_id
from curation.document import COLUMNS
from curation.shards import positions


def cluster(cut: Cut) -> None:
    """Writes the kept node that each node joins, and the smallest ordinal of its component, range by range.

    One task, because a node's fate depends on those of better rank. It reads edges in order and holds 5 bytes a node, 9 beyond 2^32.
    """
    limits = cut.bases()
    nodes = int(limits[-1])
    kind = np.uint32 if nodes <= 1 << 32 else np.uint64
    kept, parent = np.ones(nodes, np.uint8), np.arange(nodes, dtype=kind)
    for part in range(cut.parts):
        first, last = int(limits[part]), int(limits[part + 1])
        leader = np.arange(first, last, dtype=kind)
        for edges in read_chunks(cut.work, "edges", part, width=3):
            a, b = (edges[:, side].astype(np.int64) for side in (0, 1))
            kernel.join_leaders(a, b, kept, first, leader)
            kernel.unite(a, b, parent)
        write_part(cut.work, "leaders", part, leader)
    kernel.flatten(parent)
    for part in range(cut.parts):
        write_part(cut.work, "families", part, parent[limits[part] : limits[part + 1]])


def _of_range(cut: Cut, name: str, task: int, nodes: int) -> np.ndarray:
    kind = np.uint32 if nodes <= 1 << 32 else np.uint64
    return read_part(cut.work, name, task, kind).astype(np.uint64)


def leaders(cut: Cut, task: int) -> None:
    """Tells each form that is not alone to the range of its kept node and of its component's root; completes edges of the range."""
    limits = cut.bases()
    own = np.arange(limits[task], limits[task + 1]).astype(np.uint64)
    forms = read_part(cut.work, "forms_by_rank", task, width=2)
    for name, sent in (("leaders", "joined"), ("families", "kin")):
        of = _of_range(cut, name, task, int(limits[-1]))
        away = np.flatnonzero(of != own)
        cut.exchange(sent).send(task, [(cut.range_of(of[away], limits), np.column_stack([of[away], forms[away]]))])
    ends = cut.exchange("edge_ends").receive(task)
    better = forms[ends[:, 0].astype(np.int64) - limits[task]]
    cut.exchange("edges").send(task, [(cut.part_of(better[:, 0]), np.concatenate([better, ends[:, 1:]], axis=1))])


def labels(cut: Cut, task: int) -> None:
    """Sends the label of each form that joined a node of this range, and the family (smallest form) of each in its components."""
    first = cut.bases()[task]
    forms = read_part(cut.work, "forms_by_rank", task, width=2)
    joined = cut.exchange("joined").receive(task)
    label = forms[joined[:, 0].astype(np.int64) - first]
    cut.exchange("label_of").send(task, [(cut.part_of(joined[:, 1]), np.concatenate([joined[:, 1:], label], axis=1))])
    kin = cut.exchange("kin").receive(task)
    roots = np.unique(kin[:, 0])
    kin = np.concatenate([kin, np.column_stack([roots, forms[roots.astype(np.int64) - first]])])
    kin = kin[np.lexsort(kin.T[::-1])]  # by root, then by form
    at = np.flatnonzero(starts(kin[:, :1]))
    smallest = np.repeat(kin[at, 1:], np.diff(np.r_[at, len(kin)]), axis=0)
    cut.exchange("family_of").send(task, [(cut.part_of(kin[:, 1]), np.concatenate([kin[:, 1:], smallest], axis=1))])


def rows(cut: Cut, task: int, schema: pa.Schema) -> Iterator[pa.Table]:
    """Sends every row of this part of forms, with its label and family, to the part of its label; yields the part's edges."""
    found = cut.exchange("forms").receive(task)
    form = found[:, :2]
    label, family = (_looked_up(form, cut.exchange(name).receive(task)) for name in ("label_of", "family_of"))
    record = np.concatenate([label, found[:, 2:], form, family], axis=1)
    cut.exchange("labelled").send(task, [(cut.part_of(label[:, 0]), record)])
    edges = cut.exchange("edges").receive(task)
    edges = edges[np.lexsort(edges[:, :4].T[::-1])]
    columns = [key_array(edges[:, :2]), key_array(edges[:, 2:4])]
    jaccard = np.ascontiguousarray(edges[:, 4]).view(np.float64).astype(np.float32)
    yield pa.table([*columns, pa.array(jaccard)], schema=schema)


def _looked_up(form: np.ndarray, table: np.ndarray) -> np.ndarray:
    """For each form what the table (form, key) says, or the form itself."""
    table = by_id(table)
    at = positions(table, form)
    return np.where(at[:, None] >= 0, table[at, 2:], form) if len(table) else form


def members(cut: Cut, task: int, schema: pa.Schema) -> Iterator[pa.Table]:
    """Sizes, ranks and examples of the clusters of this part of labels, to the rows; yields their members, best-ranked first."""
    found = cut.exchange("labelled").receive(task)
    found = found[np.lexsort(found[:, :7].T[::-1])]
    new = starts(found[:, :2])
    ids = found[:, 5:7]
    places = place_rows(np.cumsum(new) - 1, np.arange(len(found)))
    target = part_of(ids[:, 0], cut.rows)
    numbers = np.column_stack([places.size, places.rank]).astype(np.uint64)
    cut.exchange("placed").send(task, [(target, np.concatenate([ids, found[:, :2], found[:, 9:], numbers], axis=1))])
    each = np.diff(places.example_offsets)
    pairs = np.concatenate([np.repeat(ids, each, axis=0), ids[places.examples]], axis=1)
    cut.exchange("examples").send(task, [(np.repeat(target, each), pairs)])
    yield cluster_tables.members_table(found[:, :2], places.rank, ids, found[:, 7:9], schema)


def places(cut: Cut, task: int, ids: Iterable[np.ndarray], schema: pa.Schema) -> Iterator[pa.Table]:
    """Yields the place of every row of partition `task`, in order of id; nulls for rows without a form. ids: of all its rows."""
    placed, examples = (by_id(cut.exchange(name).receive(task)) for name in ("placed", "examples"))
    first = np.searchsorted(positions(placed, examples[:, :2]), np.arange(len(placed) + 1)).astype(np.int64)
    for some in ids:
        at = positions(placed, some)
        here = at >= 0
        row = at[here]
        counts = np.zeros(len(some), np.int64)
        counts[here] = first[row + 1] - first[row]
        offsets = np.zeros(len(some) + 1, np.int32)
        np.cumsum(counts, out=offsets[1:])
        taken = np.repeat(first[row] - offsets[:-1][here], counts[here]) + np.arange(offsets[-1])
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
        yield pa.table([key_array(some), *spread], schema=schema)
