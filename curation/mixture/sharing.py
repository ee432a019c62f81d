"""What the cap decides about the rows of some clusters: all of a run's, or those of one part of its labels.

Everything but the budget is a matter of one cluster alone, so a run may be decided part by part with the same result. For the
budget the parts say what each cluster would cost and be worth (`terms`), one task fills it, and each part applies what it got.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from curation.dedup.key_order import distinct_keys
from curation.mixture import verdict as said
from curation.mixture.edges import neighbours
from curation.mixture.exposures import sums_of

REACH_WORDS = 10
"""Words of a row that reaches the cap: id, cluster, form (two each), rank, size, tokens and worth (bits of float64)."""


@dataclass
class Seen:
    """Rows with a cluster that reach the cap; arrays over rows. tokens and worth are float64, keys uint64 [n, 2]."""

    ids: np.ndarray
    cluster: np.ndarray
    form: np.ndarray
    rank: np.ndarray
    size: np.ndarray
    tokens: np.ndarray
    worth: np.ndarray

    @classmethod
    def joined(cls, pieces: Iterable["Seen"]) -> "Seen":
        """All rows of the pieces, in their order."""
        none = cls.of_words(np.zeros((0, REACH_WORDS), np.uint64))
        columns = zip(*(vars(piece).values() for piece in (none, *pieces)), strict=True)
        return cls(*(np.concatenate(column) for column in columns))

    def words(self) -> np.ndarray:
        """The rows as records, uint64 [n, 10]."""
        numbers = [np.column_stack([self.rank, self.size]).astype(np.uint64)]
        numbers += [values[:, None].view(np.uint64) for values in (self.tokens, self.worth)]
        return np.concatenate([self.ids, self.cluster, self.form, *numbers], axis=1)

    @classmethod
    def of_words(cls, words: np.ndarray) -> "Seen":
        """The inverse of `words`."""
        rank, size = (words[:, i].astype(np.int64) for i in (6, 7))
        tokens, worth = (np.ascontiguousarray(words[:, i]).view(np.float64) for i in (8, 9))
        return cls(words[:, :2], words[:, 2:4], words[:, 4:6], rank, size, tokens, worth)


class Sharing:
    """Decides rows: `verdict` (verdict.SHOWN and so on), `repeat`, `jaccard` and `claimant` over rows in (cluster, rank) order.

    seen: the rows. forgotten: bool, which of them no release may hold. labels, debit: distinct clusters and what earlier training has
    shown of each. wanted: showings that the mode asks for, by cluster, in the order of `labels`.
    """

    def __init__(
        self,
        seen: Seen,
        labels: np.ndarray,
        cluster: np.ndarray,
        forgotten: np.ndarray,
        debit: np.ndarray,
        k: int,
    ):
        self.seen, self.labels, self.debit = seen, labels, debit
        self.room = np.maximum(k - debit, 0)
        taken = np.flatnonzero(~forgotten)
        self.order = taken[np.lexsort((seen.rank[taken], cluster[taken]))]
        self.start = np.searchsorted(cluster[self.order], np.arange(len(labels) + 1))
        self.full = np.flatnonzero(np.diff(self.start))
        self.cluster = cluster
        n = len(self.order)
        self.verdict, self.repeat = np.zeros(n, np.int8), np.zeros(n, np.int32)
        self.jaccard, self.claimant = np.zeros(n, np.float32), np.full(n, -1, np.int64)

    @property
    def sizes(self) -> np.ndarray:
        """True sizes of the clusters that have a row here, in the order of `full`."""
        return self.seen.size[self.order[self.start[self.full]]]

    def share(self, wanted: np.ndarray, natural: bool, edges: pa.Table) -> None:
        """Shares each cluster's allowance among its rows. wanted: showings by cluster of `full`."""
        from curation.mixture import allowance

        form_keys, form = distinct_keys(self.seen.form)
        asked = np.ones(len(self.labels), np.int64)
        asked[self.full] = wanted
        near = neighbours(edges, form_keys)
        decided = (self.verdict, self.repeat, self.jaccard, self.claimant)
        allowance.share(self.start, form[self.order], asked, natural, self.room, *near, *decided)

    def terms(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """What `showings.fill_budget` asks, over clusters of `full`: value, base, again, room and debit."""
        first, shown = self.order[self.start[self.full]], self.exposures[self.full]
        base = sums_of(self.repeat * self.seen.tokens[self.order], self.start)[self.full]
        able = np.where(shown > 0, self.room[self.full] - shown, 0)
        return self.seen.worth[first], base, self.seen.tokens[first], able, self.debit[self.full]

    def give(self, shown: np.ndarray, extra: np.ndarray) -> None:
        """Applies a filled budget, over clusters of `full`: more showings of the decided row, or no row of the cluster at all."""
        had = self.exposures[self.full] > 0
        self.repeat[self.start[self.full]] += np.where(had, extra, 0).astype(np.int32)
        out = np.zeros(len(self.labels), bool)
        out[self.full] = ~shown
        out = np.repeat(out, np.diff(self.start)) & (self.verdict == said.SHOWN)
        self.verdict[out], self.repeat[out] = said.OVER_BUDGET, 0

    @property
    def exposures(self) -> np.ndarray:
        """Showings of every cluster of `labels` in one pass, int64."""
        return sums_of(self.repeat, self.start)

    def decided(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """By row, in the order of `seen`: verdict, repeat, Jaccard to the row it is near to, that row's id, showings before."""
        n = len(self.seen.ids)
        verdict, repeat = np.full(n, said.FORGOTTEN, np.int8), np.zeros(n, np.int32)
        jaccard, claimed_by = np.zeros(n, np.float32), np.zeros((n, 2), np.uint64)
        verdict[self.order], repeat[self.order] = self.verdict, self.repeat
        near = self.verdict == said.NEAR_DUPLICATE
        jaccard[self.order] = np.where(near, self.jaccard, 0)
        claimed_by[self.order[near]] = self.seen.ids[self.order[self.claimant[near]]]
        return verdict, repeat, jaccard, claimed_by, self.debit[self.cluster]

    def exposure_counts(self) -> np.ndarray:
        """Distinct (showings now, showings before) of clusters, and how many clusters have them: int64 [n, 3]."""
        now = np.stack([self.exposures[self.full], self.debit[self.full]], axis=1)
        pairs, clusters = np.unique(now, axis=0, return_counts=True)
        return np.column_stack([pairs.reshape(-1, 2), clusters])
