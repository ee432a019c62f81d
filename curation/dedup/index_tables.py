"""Clustering against an index in memory: the nodes of this run among the kept nodes of earlier ones, and the tables that follow.

Nodes are numbered in rank order over both: first the index's kept nodes, then the run's other forms. Of these the label of those that
the index knows is decided already, so they neither lead nor join; but which rows of this run they are near to is found again, since
the cap shows no two near-duplicates. So the leaders are those of both crawls clustered at once with their generations.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from curation.dedup import cluster_tables
from curation.dedup.clusters import Nodes, cluster_nodes, families, place_rows
from curation.dedup.index import Index, IndexRefused
from curation.dedup.key_order import distinct_keys, key_array
from curation.document import COLUMNS
from curation.merge_join import positions
from curation.survey import Rows


@dataclass
class Numbered:
    """The run's nodes among the kept nodes of the index."""

    index: Index
    nodes: Nodes

    def __post_init__(self) -> None:
        self.known = self.index.known(self.nodes.forms)
        leads = self.known.here & (self.known.label == self.nodes.forms).all(axis=1)
        self.own = np.flatnonzero(~leads)
        """Nodes of the run that are not kept nodes of the index; node own[i] is number `kept` + i."""
        self.old = self.index.all_nodes()
        """The kept nodes of the index, as `Index.nodes` gives them."""
        self.kept = len(self.old)
        self.forms = np.concatenate([self.old[:, :2], self.nodes.forms[self.own]])
        self.decided = np.concatenate([np.zeros(self.kept, bool), self.known.here[self.own]])
        """Which numbers are forms that the index knows and that are no kept node of it."""


def check_seed(index: Index, rows: Rows, partition: int | None = None) -> None:
    """Signatures of two seeds must never be compared, and no column tells the seed: one text is signed again.

    Raises IndexRefused.
    """
    from curation.dedup.minhash import signature
    from curation.dedup.normal_form import normal_form

    for batch in rows.read(["text", "minhash"], partition):
        for text, made in zip(batch.column("text").to_pylist(), batch.column("minhash").to_pylist(), strict=True):
            if text is not None and normal_form(text):
                if made != signature(normal_form(text), index.seed).tobytes():
                    raise IndexRefused(
                        f"{index.place.url}: its signatures were made with seed {index.seed}, those of this run with another; "
                        f"give the step minhash seed {index.seed}"
                    )
                return


def tables(
    ids: np.ndarray, present: np.ndarray, of: Numbered, edges: np.ndarray, schemas: dict[str, pa.Schema]
) -> Iterator[tuple[str, pa.Table]]:
    """Yields `clusters`, in the order of rows, and `members`. edges: verified pairs of numbers, sorted by (b, a)."""
    index, nodes, known, kept = of.index, of.nodes, of.known, of.kept
    leader = cluster_nodes(len(of.forms), edges, np.arange(kept), of.decided)
    family = cluster_tables.smallest_form(of.forms, families(len(of.forms), edges))
    label, family_of = known.label.copy(), known.label.copy()
    matched, named = known.id.copy(), known.here.copy()
    number = kept + np.flatnonzero(~of.decided[kept:])
    fresh, led = of.own[number - kept], leader[number]
    label[fresh], family_of[fresh] = of.forms[led], family[number]
    old = np.flatnonzero(led < kept)
    matched[fresh[old]] = of.old[led[old], 2:4]
    named[fresh[old]] = True
    order = np.lexsort((of.forms[:kept, 1], of.forms[:kept, 0]))
    at = positions(of.forms[:kept][order], known.label)
    touched = np.flatnonzero(known.here & (at >= 0))
    family_of[touched] = family[order[at[touched]]]

    labels, cluster = distinct_keys(label[nodes.of_row])
    earlier = index.clusters(labels)
    places = place_rows(cluster, nodes.row_place)
    size, rank = places.size + earlier.rows[cluster], places.rank + earlier.rows[cluster]
    row_ids = ids[present]
    row, others = cluster_tables.example_ids(places, row_ids, cluster, earlier)
    offsets = np.searchsorted(row, np.arange(len(row_ids) + 1)).astype(np.int32)
    here = pa.array(np.cumsum(present) - 1, mask=~present)
    columns = [
        key_array(label[nodes.of_row]),
        pa.array(size),
        pa.array(rank),
        pa.ListArray.from_arrays(pa.array(offsets), key_array(others), type=COLUMNS["cluster_examples"].type),
        key_array(family_of[nodes.of_row]),
        cluster_tables.scatter(key_array(matched[nodes.of_row][named[nodes.of_row]]), named[nodes.of_row]),
    ]
    yield "clusters", pa.table([key_array(ids), *(c.take(here) for c in columns)], schema=schemas["clusters"])
    of_row = label[nodes.of_row]
    order = np.lexsort((rank, of_row[:, 1], of_row[:, 0]))
    forms = nodes.forms[nodes.of_row]
    yield (
        "members",
        cluster_tables.members_table(of_row[order], rank[order], row_ids[order], forms[order], schemas["members"]),
    )
