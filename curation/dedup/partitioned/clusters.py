"""Phases from edges to labels: leaders and components, then labels and families by form."""

from collections.abc import Callable

import numpy as np

from curation.dedup import cluster_kernel as kernel
from curation.dedup.exchange import read_chunks, read_part, write_part
from curation.dedup.index import Index
from curation.dedup.partitioned.cut import Cut, starts


def cluster(cut: Cut) -> None:
    """Writes the kept node that each node joins, and the smallest ordinal of its component, range by range.

    One task, because a node's fate depends on those of better rank. It reads edges in order and holds 5 bytes a node, 9 beyond 2^32.
    Of an index's nodes it holds those that have an edge (8 bytes more), numbered before the run's; they are all kept. Nodes of the
    run whose label is decided neither lead nor join.
    """
    limits = cut.bases()
    decided, nodes = int(limits[cut.old]), int(limits[-1])
    met = _old_ends(cut, decided)
    shift = decided - len(met)
    kind, own = (np.uint32 if many <= 1 << 32 else np.uint64 for many in (nodes, nodes - shift))
    kept, parent = np.ones(nodes - shift, np.uint8), np.arange(nodes - shift, dtype=own)

    def ordinals(numbers: np.ndarray) -> np.ndarray:
        if not decided:
            return numbers
        numbers = numbers.astype(np.int64)
        if not len(met):
            return (numbers + shift).astype(kind)
        return np.where(numbers < len(met), met[np.minimum(numbers, len(met) - 1)], numbers + shift).astype(kind)

    for part in range(cut.old, cut.old + cut.parts):
        first, last = (int(limit) - shift for limit in limits[part : part + 2])
        leader = np.arange(first, last, dtype=own)
        if cut.old:
            kept[first:last] = 1 - read_part(cut.work, "decided", part, np.uint8)
        for edges in read_chunks(cut.work, "edges", part, width=3):
            a, b = (edges[:, side].astype(np.int64) for side in (0, 1))
            a = np.where(a < decided, np.searchsorted(met, a), a - shift)
            kernel.join_leaders(a, b - shift, kept, first, leader)
            kernel.unite(a, b - shift, parent)
        write_part(cut.work, "leaders", part, ordinals(leader))
    kernel.flatten(parent)
    for part in range(cut.old, cut.old + cut.parts):
        write_part(cut.work, "families", part, ordinals(parent[limits[part] - shift : limits[part + 1] - shift]))
    for part in range(cut.old):
        first, last = np.searchsorted(met, limits[part : part + 2])
        kin = np.column_stack([met[first:last], ordinals(parent[first:last])])
        write_part(cut.work, "old_families", part, kin.astype(np.uint64))


def _old_ends(cut: Cut, decided: int) -> np.ndarray:
    """Ordinals of the index's nodes that have an edge, sorted, int64; an edge's worse end is never one."""
    met = np.zeros(0, np.int64)
    for part in range(cut.old, cut.old + cut.parts) if decided else ():
        for edges in read_chunks(cut.work, "edges", part, width=3):
            better = edges[:, 0].astype(np.int64)
            met = np.union1d(met, better[better < decided])
    return met


def _others(cut: Cut, name: str, task: int, limits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ordinals of a range whose leader, or whose component's root, is another node, and that node."""
    if task < cut.old:
        none = np.zeros((0, 2), np.uint64)
        own, of = (none if name == "leaders" else read_part(cut.work, "old_families", task, width=2)).T
    else:
        own = np.arange(limits[task], limits[task + 1]).astype(np.uint64)
        of = read_part(cut.work, name, task, np.uint32 if limits[-1] <= 1 << 32 else np.uint64).astype(np.uint64)
    return own[of != own], of[of != own]


def _forms_of(cut: Cut, index: Index | None, task: int) -> Callable[[np.ndarray], np.ndarray]:
    """Forms of ordinals of a range, which are the run's or the index's."""
    if task < cut.old:
        assert index is not None
        return lambda ordinals: index.nodes(task, ordinals)[:, :2]
    forms, first = read_part(cut.work, "forms_by_rank", task, width=2), cut.bases()[task]
    return lambda ordinals: forms[ordinals.astype(np.int64) - first]


def leaders(cut: Cut, task: int, index: Index | None = None) -> None:
    """Tells each form that is not alone to the range of its kept node and of its component's root; completes edges of the range."""
    limits, forms = cut.bases(), _forms_of(cut, index, task)
    for name, sent in (("leaders", "joined"), ("families", "kin")):
        own, of = _others(cut, name, task, limits)
        cut.exchange(sent).send(task, [(cut.range_of(of, limits), np.column_stack([of, forms(own)]))])
    ends = cut.exchange("edge_ends").receive(task)
    better = forms(ends[:, 0])
    cut.exchange("edges").send(task, [(cut.part_of(better[:, 0]), np.concatenate([better, ends[:, 1:]], axis=1))])


def labels(cut: Cut, task: int, index: Index | None = None) -> None:
    """Sends the label of each form that joined a node of this range, and the family (smallest form) of each in its components.

    Of an old range also the id of the old node's best row, which the form's rows name as `matched`.
    """
    forms = _forms_of(cut, index, task)
    joined = cut.exchange("joined").receive(task)
    target, form = cut.part_of(joined[:, 1]), joined[:, 1:]
    cut.exchange("label_of").send(task, [(target, np.concatenate([form, forms(joined[:, 0])], axis=1))])
    if task < cut.old:
        assert index is not None
        ids = index.nodes(task, joined[:, 0])[:, 2:4]
        cut.exchange("matched_of").send(task, [(target, np.concatenate([form, ids], axis=1))])
    kin = cut.exchange("kin").receive(task)
    roots = np.unique(kin[:, 0])
    kin = np.concatenate([kin, np.column_stack([roots, forms(roots)])])
    kin = kin[np.lexsort(kin.T[::-1])]  # by root, then by form
    at = np.flatnonzero(starts(kin[:, :1]))
    smallest = np.repeat(kin[at, 1:], np.diff(np.r_[at, len(kin)]), axis=0)
    cut.exchange("family_of").send(task, [(cut.part_of(kin[:, 1]), np.concatenate([kin[:, 1:], smallest], axis=1))])
