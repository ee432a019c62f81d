"""Near-duplicate clusters of all rows that reach the step: who is a copy of whom, verified, before anything is dropped.

The survey ranks nodes, finds candidate pairs by 14 bands of 8 permutations, verifies each by exact Jaccard over distinct 5-grams
and clusters by rank (clusters.py); the flow then writes each row's cluster, size, rank and examples. Nothing is rejected here:
thresholds may come between clusters and `cap`, and may change, without clustering again (DESIGN, "Order of work").
This version holds 0.6 kB a distinct text in memory (its signature and band keys); shingle sets are on disk.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from curation.dedup.key_order import column_keys
from curation.dedup.minhash import BANDS, PERMUTATIONS, ROWS, candidate_probability, signature_rows
from curation.dedup.normal_form import FORM_VERSION
from curation.document import COLUMNS, KEY
from curation.step import Batch, Columns
from curation.survey import Rows, Survey

if TYPE_CHECKING:
    from curation.dedup.clusters import Nodes

_CLUSTER_COLUMNS = ("cluster", "cluster_size", "cluster_rank", "cluster_examples", "family")
_NO_DATE = -(1 << 62)


class Dedup(Survey):
    """Writes `cluster`, `cluster_size`, `cluster_rank`, `cluster_examples`, `family`; null for rows without a form key.

    threshold: Jaccard similarity from which two texts are near-duplicates, in (0, 1]; 0.8 is the field's value.
    quality: column by which the better of two near-duplicates is chosen first; without it the longer, then the newer one.
    bands, rows: how the 112 permutations are cut; a pair of similarity J is found with probability 1 − (1 − J^rows)^bands.
    max_bucket: in a larger bucket each text is compared with this many best-ranked ones only.
    """

    name = "dedup"
    reads, writes, drops = ("id", "form_key"), _CLUSTER_COLUMNS, ("minhash",)

    def __init__(
        self, threshold: float, quality: str | None = None, bands: int = BANDS, rows: int = ROWS, max_bucket: int = 64
    ):
        super().__init__()
        if not 0 < threshold <= 1:
            raise ValueError(f"threshold must be in (0, 1], not {threshold}")
        if bands < 1 or rows < 1 or bands * rows > PERMUTATIONS:
            raise ValueError(f"bands × rows must be between 1 and {PERMUTATIONS}, not {bands} × {rows}")
        if max_bucket < 1:
            raise ValueError(f"max_bucket must be at least 1, not {max_bucket}")
        self.threshold, self.quality, self.bands, self.rows, self.max_bucket = (
            threshold,
            quality,
            bands,
            rows,
            max_bucket,
        )
        self.surveys = ("id", "form_key", "form_chars", "minhash", "date", "text", *([quality] if quality else []))
        made_from = {"normal_form": FORM_VERSION, "threshold": repr(float(threshold)), "bands": f"{bands}x{rows}"}
        columns = [pa.field(name, COLUMNS[name].type) for name in ("id", *_CLUSTER_COLUMNS)]
        edges = [pa.field("form_a", KEY), pa.field("form_b", KEY), pa.field("jaccard", pa.float32())]
        self.tables = {
            "clusters": pa.schema(columns, metadata=made_from),
            "edges": pa.schema(edges, metadata=made_from),
        }

    def plan_note(self) -> str:
        """The S-curve of the bands: how probably a pair of each similarity is found."""
        levels = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
        found = "  ".join(f"{j:g}: {100 * candidate_probability(j, self.bands, self.rows):.1f} %" for j in levels)
        return (
            f"a pair of Jaccard J is compared with probability 1 − (1 − J^{self.rows})^{self.bands}, and joined if J ≥ "
            f"{self.threshold:g}\n{found}"
        )

    def columns(self, batch: Batch) -> Columns:
        """The row's place among all rows, from the survey's table."""
        joined = self.made["clusters"].join(batch)
        return {name: joined[name] for name in _CLUSTER_COLUMNS}

    def survey(self, rows: Rows) -> Iterator[tuple[str, pa.Table]]:
        """Yields `edges` (form_a the better-ranked, form_b, jaccard; sorted by both), then `clusters` in the order of rows."""
        from curation.dedup import cluster_tables, clusters

        ids, present, ranked = self._read_rank(rows)
        nodes = clusters.rank_nodes(**ranked)
        counts = clusters.PairCounts()
        pairs = clusters.candidate_pairs(
            self._read_signatures(rows, nodes, present),
            clusters.least_agreement(self.threshold),
            self.bands,
            self.rows,
            self.max_bucket,
            counts,
        )
        similarity = self._read_similarity(rows, nodes, present, pairs)
        edge = similarity >= self.threshold
        edges, similarity = pairs[edge], similarity[edge]
        for label, value in (
            ("texts", len(nodes.forms)),
            ("pairs_in_bands", counts.looked_at),
            ("pairs_compared", len(pairs)),
            ("pairs_verified", len(edges)),
            ("crowded_nodes", counts.crowded),
        ):
            self.stat_update(label, value=value)
        for table in cluster_tables.edges(nodes.forms, edges, similarity, self.tables["edges"]):
            yield "edges", table
        leader = clusters.cluster_nodes(len(nodes.forms), edges)
        family = clusters.families(len(nodes.forms), edges)
        for table in cluster_tables.clusters(ids, present, nodes, leader, family, self.tables["clusters"]):
            yield "clusters", table

    def _read_rank(self, rows: Rows) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
        """Ids of all rows, which of them have a form key, and what ranks those that have."""
        names = ["id", "form_key", "form_chars", "date", *([self.quality] if self.quality else [])]
        parts: dict[str, list[np.ndarray]] = {name: [] for name in (*names, "present")}
        for batch in rows.read(names):
            here = batch.column("form_key").is_valid()
            parts["id"].append(column_keys(batch.column("id")))
            parts["present"].append(here.to_numpy(zero_copy_only=False))
            kept = batch.filter(here)
            parts["form_key"].append(column_keys(kept.column("form_key")))
            parts["form_chars"].append(kept.column("form_chars").to_numpy(zero_copy_only=False).astype(np.int64))
            date = kept.column("date").cast(pa.timestamp("s", tz="UTC")).cast(pa.int64())
            parts["date"].append(date.fill_null(_NO_DATE).to_numpy(zero_copy_only=False))
            if self.quality:
                quality = kept.column(self.quality).cast(pa.float64())
                parts[self.quality].append(quality.fill_null(float("nan")).to_numpy(zero_copy_only=False))
        empty = {
            "id": np.zeros((0, 2), np.uint64),
            "form_key": np.zeros((0, 2), np.uint64),
            "present": np.zeros(0, bool),
        }
        whole = {n: np.concatenate([empty.get(n, np.zeros(0, np.int64)), *p]) for n, p in parts.items()}
        ranked = {
            "forms": whole["form_key"],
            "ids": whole["id"][whole["present"]],
            "length": whole["form_chars"],
            "date": whole["date"],
        }
        if self.quality:
            ranked["quality"] = whole[self.quality]
        return whole["id"], whole["present"], ranked

    def _read_signatures(self, rows: Rows, nodes: "Nodes", present: np.ndarray) -> np.ndarray:
        signatures = np.empty((len(nodes.forms), PERMUTATIONS), np.uint32)
        for node, _, batch in _best_copies(rows.read(["minhash"]), nodes, present, np.arange(len(nodes.forms))):
            signatures[node] = signature_rows(batch.column("minhash"))
        return signatures

    def _read_similarity(self, rows: Rows, nodes: "Nodes", present: np.ndarray, pairs: np.ndarray) -> np.ndarray:
        from curation.dedup.shingle_sets import ShingleSets

        if not len(pairs):
            return np.zeros(0)
        with ShingleSets(np.unique(pairs).astype(np.int64)) as sets:
            for node, seen, batch in _best_copies(rows.read(["text"]), nodes, present, sets.nodes):
                self.stat_update("text_bytes_read", value=seen)
                sets.add(node, batch.column("text"))
            return sets.jaccard(pairs)


def _best_copies(
    batches: Iterator[Batch], nodes: "Nodes", present: np.ndarray, wanted: np.ndarray
) -> Iterator[tuple[np.ndarray, int, Batch]]:
    """The best-ranked copy of each wanted node as rows stream by: (nodes, bytes of the whole batch, those rows)."""
    node_of_best = np.full(len(present), -1, np.int64)
    node_of_best[np.flatnonzero(present)[nodes.best_row[wanted]]] = wanted
    at = 0
    for batch in batches:
        node = node_of_best[at : at + batch.num_rows]
        at += batch.num_rows
        some = np.flatnonzero(node >= 0)
        yield node[some], batch.nbytes, batch.take(pa.array(some))
