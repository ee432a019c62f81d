"""The tables that the survey of `dedup` leaves: verified edges between forms, each row's place in its cluster, and the members."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from curation.dedup.clusters import Nodes, Places, place_rows
from curation.dedup.index import EXAMPLES, Earlier
from curation.dedup.key_order import key_array
from curation.document import COLUMNS

_ROWS_AT_ONCE = 1 << 16


def edges(forms: np.ndarray, pairs: np.ndarray, jaccard: np.ndarray, schema: pa.Schema) -> Iterator[pa.Table]:
    """form_a (the better-ranked), form_b, jaccard of each edge, sorted by both forms. forms: keys of nodes, uint64 [nodes, 2]."""
    a, b = forms[pairs[:, 0]], forms[pairs[:, 1]]
    order = np.lexsort((b[:, 1], b[:, 0], a[:, 1], a[:, 0]))
    for some in _slices(order):
        columns = [key_array(a[some]), key_array(b[some]), pa.array(jaccard[some].astype(np.float32))]
        yield pa.table(columns, schema=schema)


def clusters(
    ids: np.ndarray, present: np.ndarray, nodes: Nodes, leader: np.ndarray, family: np.ndarray, schema: pa.Schema
) -> Iterator[pa.Table]:
    """id, cluster, cluster_size, cluster_rank, cluster_examples, family of every row, in the order of rows.

    ids: uint64 [rows, 2]; present: which rows have a form key (the others get nulls); nodes: of those; leader, family: of nodes.
    """
    places = place_rows(leader[nodes.of_row], nodes.row_place)
    label, family_label = nodes.forms[leader], smallest_form(nodes.forms, family)
    row_ids = ids[present]
    ordinal = np.cumsum(present) - 1
    for some in _slices(np.arange(len(ids))):
        here = present[some]
        row = ordinal[some][here]
        counts = np.zeros(len(some), np.int64)
        counts[here] = np.diff(places.example_offsets)[row]
        offsets = np.zeros(len(some) + 1, np.int32)
        np.cumsum(counts, out=offsets[1:])
        first = places.example_offsets[row[0]] if len(row) else 0
        values = key_array(row_ids[places.examples[first : first + offsets[-1]]])
        kind = COLUMNS["cluster_examples"].type
        columns = [
            key_array(ids[some]),
            scatter(key_array(label[nodes.of_row[row]]), here),
            scatter(pa.array(places.size[row]), here),
            scatter(pa.array(places.rank[row]), here),
            pa.ListArray.from_arrays(pa.array(offsets), values, type=kind, mask=pa.array(~here)),
            scatter(key_array(family_label[nodes.of_row[row]]), here),
        ]
        yield pa.table(columns, schema=schema)


def members(
    ids: np.ndarray, present: np.ndarray, nodes: Nodes, leader: np.ndarray, schema: pa.Schema
) -> Iterator[pa.Table]:
    """cluster, cluster_rank, id, form_key of every row that has a form, sorted by cluster and rank."""
    row_ids, label = ids[present], nodes.forms[leader]
    rank = place_rows(leader[nodes.of_row], nodes.row_place, 0).rank
    of_row = label[nodes.of_row]
    order = np.lexsort((rank, of_row[:, 1], of_row[:, 0]))
    for some in _slices(order):
        yield members_table(of_row[some], rank[some], row_ids[some], nodes.forms[nodes.of_row[some]], schema)


def members_table(
    label: np.ndarray, rank: np.ndarray, ids: np.ndarray, forms: np.ndarray, schema: pa.Schema
) -> pa.Table:
    """The columns of `members` as a table; keys as uint64 [rows, 2]."""
    return pa.table([key_array(label), pa.array(rank), key_array(ids), key_array(forms)], schema=schema)


def smallest_form(forms: np.ndarray, component: np.ndarray) -> np.ndarray:
    """Smallest form key of each node's component, [nodes, 2]."""
    order = np.lexsort((forms[:, 1], forms[:, 0]))[::-1]
    first = np.full(len(forms), -1, np.int64)
    first[component[order]] = order
    return forms[first[component]]


def example_ids(
    places: Places, ids: np.ndarray, cluster: np.ndarray, earlier: Earlier
) -> tuple[np.ndarray, np.ndarray]:
    """Examples of every row: row of each and its id, in order of rows; first those of earlier crawls, up to eight in all.

    places: of the rows; ids: of the rows, uint64 [rows, 2]; cluster: place of each row's cluster in `earlier`.
    """
    old = np.diff(earlier.offsets)[cluster]
    own = np.minimum(np.diff(places.example_offsets), EXAMPLES - old)
    row = np.concatenate([np.repeat(np.arange(len(ids)), many) for many in (old, own)])
    before = earlier.ids[runs(earlier.offsets[cluster], old)]
    others = np.concatenate([before, ids[places.examples[runs(places.example_offsets[:-1], own)]]])
    order = np.argsort(row, kind="stable")
    return row[order], others[order]


def runs(starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """start, start + 1, … of each run, one after the other.

    >>> runs(np.array([5, 0]), np.array([3, 2])).tolist()
    [5, 6, 7, 0, 1]
    """
    ends = np.cumsum(counts)
    return np.repeat(starts - ends + counts, counts) + np.arange(ends[-1] if len(ends) else 0)


def scatter(values: pa.Array, here: np.ndarray) -> pa.Array:
    """Values at the rows that are here, null at the others."""
    return values.take(pa.array(np.cumsum(here) - 1, mask=~here))


def _slices(rows: np.ndarray) -> Iterator[np.ndarray]:
    for at in range(0, len(rows), _ROWS_AT_ONCE):
        yield rows[at : at + _ROWS_AT_ONCE]
