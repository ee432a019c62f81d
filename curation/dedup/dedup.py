"""Near-duplicate clusters of all rows that reach the step: who is a copy of whom, verified, before anything is dropped.

The survey ranks nodes, finds candidate pairs by 14 bands of 8 permutations, verifies each by exact Jaccard over distinct 5-grams
and clusters by rank (clusters.py); the flow then writes each row's cluster, size, rank and examples. Nothing is rejected here:
thresholds may come between clusters and `cap`, and may change, without clustering again (DESIGN, "Order of work").

Up to a million rows and forms of an index the survey is one task that holds 0.6 kB a distinct text in memory (its signature and band
keys; shingle sets are on disk). Beyond that it is cut into phases of partitioned tasks (`partitioned/`) with the same result.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from curation.dedup.index import Index
from curation.dedup.key_order import column_keys
from curation.dedup.keyed_records import parts_for
from curation.dedup.minhash import BANDS, PERMUTATIONS, ROWS, candidate_probability, signature_rows
from curation.dedup.normal_form import FORM_VERSION
from curation.document import COLUMNS, KEY
from curation.place import Place
from curation.step import Batch, Columns
from curation.survey import Phase, Rows, Survey

if TYPE_CHECKING:
    from curation.dedup.clusters import Nodes
    from curation.dedup.index_tables import Numbered

_CLUSTER_COLUMNS = ("cluster", "cluster_size", "cluster_rank", "cluster_examples", "family")
_NO_DATE = -(1 << 62)
ROWS_IN_MEMORY = 1 << 20
"""Rows up to which the survey is one task, and which a part of a larger one has."""
OLD_FORMS_A_ROW = 8
"""Forms of an index that count as one row where a survey is cut into parts: they are read past, not sorted and sent on."""


@dataclass(frozen=True)
class Shape:
    """What a survey in phases is over, and how it is cut: rows, partitions of the set that holds them, parts."""

    rows: int
    partitions: int
    parts: int


class Dedup(Survey):
    """Writes `cluster`, `cluster_size`, `cluster_rank`, `cluster_examples`, `family`; null for rows without a form key.

    threshold: Jaccard similarity from which two texts are near-duplicates, in (0, 1]; 0.8 is the field's value.
    quality: column by which the better of two near-duplicates is chosen first; without it the longer, then the newer one.
    bands, rows: how the 112 permutations are cut; a pair of similarity J is found with probability 1 − (1 − J^rows)^bands.
    max_bucket: in a larger bucket each text is compared with this many best-ranked ones only.
    index: folder of an index of earlier crawls (index.py). Their labels stay, sizes count their rows, and `matched` is written too:
    the earlier row that a row is a copy or near-duplicate of.
    """

    name = "dedup"
    reads, writes, drops = ("id", "form_key"), _CLUSTER_COLUMNS, ("minhash",)

    def __init__(
        self,
        threshold: float,
        quality: str | None = None,
        bands: int = BANDS,
        rows: int = ROWS,
        max_bucket: int = 64,
        index: str | None = None,
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
        self.index = None if index is None else Index.open(index, made_from)
        if self.index is not None:
            self.writes = (*_CLUSTER_COLUMNS, "matched")
        columns = [pa.field(name, COLUMNS[name].type) for name in ("id", *self.writes)]
        edges = [pa.field("form_a", KEY), pa.field("form_b", KEY), pa.field("jaccard", pa.float32())]
        members = [pa.field("cluster", KEY), pa.field("cluster_rank", pa.int64()), pa.field("id", KEY)]
        self.tables = {
            "clusters": pa.schema(columns, metadata=made_from),
            "edges": pa.schema(edges, metadata=made_from),
            "members": pa.schema([*members, pa.field("form_key", KEY)], metadata=made_from),
        }
        self.rows_a_part = ROWS_IN_MEMORY
        self._shape = Shape(0, 1, 1)

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
        return {name: joined[name] for name in self.writes}

    def artefacts(self) -> Mapping[str, bytes]:
        """What the index holds: part of the run's fingerprint."""
        return {} if self.index is None else {"index": self.index.stamp}

    def settle(self, fingerprint: Callable[[], str]) -> None:
        """A crawl that the index holds already, run again, is clustered against the generations before its own, as it was then."""
        if self.index is None:
            return
        whole = self.index
        for generation in range(len(whole.generations) - 1, 0, -1):
            self.index = whole.first(generation)
            if fingerprint() == whole.manifests[generation].get("survey"):
                return
        self.index = whole

    def phases(self, rows: int, partitions: int) -> Sequence[Phase]:
        """None up to `rows_a_part` rows and forms of the index, above that those of `partitioned/`."""
        old, ranges = (0, 0) if self.index is None else (self.index.forms, len(self.index.ranges))
        if rows + old <= self.rows_a_part:
            return ()
        from curation.dedup.partitioned import cut, phases

        parts = parts_for(rows + old // OLD_FORMS_A_ROW, self.rows_a_part)
        self._shape = Shape(rows, partitions, parts)
        return phases.planned(cut.Cut(Place(""), partitions, parts, self.bands, ranges))

    def run_phase(self, phase: str, task: int, rows: Rows, work: Place) -> Iterator[tuple[str, pa.Table]]:
        """One task of a phase of `partitioned/`."""
        from curation.dedup.partitioned import phases

        yield from phases.run(self, self._shape, phase, task, rows, work)

    def survey(self, rows: Rows) -> Iterator[tuple[str, pa.Table]]:
        """Yields `edges` (form_a ranks above form_b; sorted by both), `clusters` in the order of rows, `members` by cluster."""
        from curation.dedup import cluster_tables, clusters

        ids, present, ranked = self._read_rank(rows)
        nodes = clusters.rank_nodes(**ranked)
        if self.index is not None:
            yield from self._survey_against(self.index, rows, ids, present, nodes)
            return
        pairs = self._pairs(self._read_signatures(rows, nodes, present), len(nodes.forms))
        edges, similarity = self._verified(pairs, self._read_similarity(rows, nodes, present, pairs))
        for table in cluster_tables.edges(nodes.forms, edges, similarity, self.tables["edges"]):
            yield "edges", table
        leader = clusters.cluster_nodes(len(nodes.forms), edges)
        family = clusters.families(len(nodes.forms), edges)
        for table in cluster_tables.clusters(ids, present, nodes, leader, family, self.tables["clusters"]):
            yield "clusters", table
        for table in cluster_tables.members(ids, present, nodes, leader, self.tables["members"]):
            yield "members", table

    def _survey_against(
        self, index: Index, rows: Rows, ids: np.ndarray, present: np.ndarray, nodes: "Nodes"
    ) -> Iterator[tuple[str, pa.Table]]:
        """As `survey`, with the kept nodes of the index before those of this run."""
        from curation.dedup import cluster_tables, index_tables

        index_tables.check_seed(index, rows)
        of = index_tables.Numbered(index, nodes)
        own = self._read_signatures(rows, nodes, present)[of.own]
        pairs = self._pairs(np.concatenate([index.all_signatures(), own]), len(nodes.forms), of.kept)
        edges, similarity = self._verified(pairs, self._read_similarity(rows, nodes, present, pairs, of))
        for table in cluster_tables.edges(of.forms, edges, similarity, self.tables["edges"]):
            yield "edges", table
        yield from index_tables.tables(ids, present, of, edges, dict(self.tables))

    def _pairs(self, signatures: np.ndarray, texts: int, decided: int = 0) -> np.ndarray:
        """Candidate pairs, counted; none of two of the first `decided` nodes."""
        from curation.dedup import clusters

        counts, least = clusters.PairCounts(), clusters.least_agreement(self.threshold)
        pairs = clusters.candidate_pairs(signatures, least, self.bands, self.rows, self.max_bucket, counts, decided)
        self.stat_update("texts", value=texts)
        self.stat_update("pairs_in_bands", value=counts.looked_at)
        self.stat_update("crowded_nodes", value=counts.crowded)
        return pairs

    def _verified(self, pairs: np.ndarray, similarity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The pairs that are edges, with their Jaccard, counted."""
        edge = similarity >= self.threshold
        self.stat_update("pairs_compared", value=len(pairs))
        self.stat_update("pairs_verified", value=int(edge.sum()))
        return pairs[edge], similarity[edge]

    @property
    def rank_columns(self) -> list[str]:
        """Columns that tell which row ranks above which."""
        return ["id", "form_key", "form_chars", "date", *([self.quality] if self.quality else [])]

    def ranked(self, batch: Batch) -> tuple[np.ndarray, np.ndarray, np.ndarray, dict[str, np.ndarray]]:
        """Ids of all rows, which of them have a form key, and of these the forms and what ranks them (see `clusters.rank_nodes`)."""
        here = batch.column("form_key").is_valid()
        kept = batch.filter(here)
        date = kept.column("date").cast(pa.timestamp("s", tz="UTC")).cast(pa.int64())
        fields = {
            "ids": column_keys(kept.column("id")),
            "length": kept.column("form_chars").to_numpy(zero_copy_only=False).astype(np.int64),
            "date": date.fill_null(_NO_DATE).to_numpy(zero_copy_only=False),
        }
        if self.quality:
            quality = kept.column(self.quality).cast(pa.float64())
            fields["quality"] = quality.fill_null(float("nan")).to_numpy(zero_copy_only=False)
        present = here.to_numpy(zero_copy_only=False)
        return column_keys(batch.column("id")), present, column_keys(kept.column("form_key")), fields

    def _read_rank(self, rows: Rows) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
        """Ids of all rows, which of them have a form key, and what ranks those that have."""
        none, numbers = np.zeros((0, 2), np.uint64), np.zeros(0, np.int64)
        parts: list[tuple[np.ndarray, ...]] = [(none, np.zeros(0, bool), none, none, numbers, numbers)]
        if self.quality:
            parts[0] += (np.zeros(0),)
        names = ("ids", "length", "date", *(["quality"] if self.quality else []))
        for batch in rows.read(self.rank_columns):
            ids, present, forms, fields = self.ranked(batch)
            parts.append((ids, present, forms, *(fields[n] for n in names)))
        ids, present, forms, *whole = (np.concatenate(column) for column in zip(*parts, strict=True))
        return ids, present, {"forms": forms, **dict(zip(names, whole, strict=True))}

    def _read_signatures(self, rows: Rows, nodes: "Nodes", present: np.ndarray) -> np.ndarray:
        signatures = np.empty((len(nodes.forms), PERMUTATIONS), np.uint32)
        for node, _, batch in _best_copies(rows.read(["minhash"]), nodes, present, np.arange(len(nodes.forms))):
            signatures[node] = signature_rows(batch.column("minhash"))
        return signatures

    def _read_similarity(
        self, rows: Rows, nodes: "Nodes", present: np.ndarray, pairs: np.ndarray, of: "Numbered | None" = None
    ) -> np.ndarray:
        """Exact Jaccard of the pairs. With an index, pairs are of its numbers, and its shingle sets are at hand."""
        from curation.dedup.shingle_sets import ShingleSets, read_sets

        if not len(pairs):
            return np.zeros(0)
        with ShingleSets(np.unique(pairs).astype(np.int64)) as sets:
            wanted, number = sets.nodes, np.arange(len(nodes.forms))
            if of is not None:
                old = wanted[wanted < of.kept]
                for one, words in read_sets(of.old[old, 4:], of.index.set_file):
                    sets.add_words(int(old[one]), words)
                wanted = of.own[wanted[wanted >= of.kept] - of.kept]
                number[of.own] = of.kept + np.arange(len(of.own))
            for node, seen, batch in _best_copies(rows.read(["text"]), nodes, present, wanted):
                self.stat_update("text_bytes_read", value=seen)
                sets.add(number[node], batch.column("text"))
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
