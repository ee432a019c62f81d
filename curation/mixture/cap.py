"""The repetition cap: no near-duplicate cluster is shown more than K times, and which of its rows are shown how often.

Repeating data up to about four times is nearly as good as new data (Muennighoff+23), so K = 4 is the usual value; it is a
parameter and has no default here. Rows that reach this step are those that every threshold before it has passed: the decided row
of a cluster is its best-ranked one of these, not the kept node that may have failed.

Modes, for a cluster of true size n (all copies counted, also those that a threshold rejected since):
    one       1 showing
    min_size  min(n, K): popular pages more often
    curve     min(K, curve at n): quality by cluster size, since very large clusters are boilerplate; FineWeb2's rehydration values
              for Japanese are {1: 1, 3: 2, 6: 3, 10: 4, 30: 3, 38: 2, 58: 1} (curation-peers, section 3)
    natural   up to K real copies, each shown once
In every mode a member that is no near-duplicate of a released row is released on its own, once, from the same allowance.
"""

from bisect import bisect_right
from collections.abc import Iterator
from typing import Literal

import numpy as np
import pyarrow as pa

from curation.dedup.key_order import column_keys, distinct_keys, key_array, key_bytes, place_of
from curation.document import KEY
from curation.step import Batch, Columns
from curation.survey import Rows, Survey

_REASONS = (None, "near_duplicate", "over_cap")
_ROWS_AT_ONCE = 1 << 16


def showings(mode: str, size: int, k: int, curve: dict[int, int] | None = None) -> int:
    """Showings that a cluster of `size` rows is given by a mode, in [1, k]; `natural` gives up to k to real copies.

    curve: smallest size → showings, as steps.

    >>> [showings("min_size", n, 4) for n in (1, 3, 9)], showings("one", 9, 4)
    ([1, 3, 4], 1)
    >>> [showings("curve", n, 4, {1: 1, 3: 2, 10: 4, 58: 1}) for n in (2, 3, 40, 10_000)]
    [1, 2, 4, 1]
    """
    if mode == "one":
        return 1
    if mode == "curve":
        assert curve is not None
        steps = sorted(curve)
        return min(k, curve[steps[bisect_right(steps, size) - 1]])
    return min(k, size)


class Cap(Survey):
    """Writes `repeat` (showings in one pass, ≥ 1) and rejects `near_duplicate` and `over_cap`; Σ repeat of a cluster ≤ k.

    k: showings that a cluster may have.
    mode: how many of them it gets: one, min_size, curve or natural (see above).
    curve: for mode curve, smallest cluster size → showings, beginning at size 1.
    """

    name = "cap"
    reads, writes, reasons = ("id",), ("repeat",), ("near_duplicate", "over_cap")
    surveys = ("id", "form_key", "cluster", "cluster_rank", "cluster_size")
    uses = {"edges": "dedup"}  # noqa: RUF012 - Survey declares it
    tables = {  # noqa: RUF012 - Survey declares it
        "allowance": pa.schema(
            [
                pa.field("id", KEY),
                pa.field("repeat", pa.int32()),
                pa.field("reason", pa.string()),
                pa.field("value", pa.float64()),
                pa.field("threshold", pa.float64()),
                pa.field("detail", pa.string()),
            ]
        )
    }

    def __init__(
        self, k: int, mode: Literal["one", "natural", "min_size", "curve"], curve: dict[int, int] | None = None
    ):
        super().__init__()
        if k < 1:
            raise ValueError(f"k must be at least 1 showing, not {k}")
        if (mode == "curve") != (curve is not None):
            raise ValueError("mode curve needs a curve (smallest cluster size → showings), and no other mode takes one")
        if curve is not None and (min(curve, default=0) != 1 or min(curve.values()) < 1):
            raise ValueError(f"a curve begins at size 1 and gives at least 1 showing everywhere, not {curve}")
        self.k, self.mode, self.curve = k, mode, curve

    def columns(self, batch: Batch) -> Columns:
        """The row's showings, or why it has none, from the survey's table."""
        return dict(self.made["allowance"].join(batch))

    def survey(self, rows: Rows) -> Iterator[tuple[str, pa.Table]]:
        """Yields `allowance`, one row a row, in the order of rows."""
        from curation.mixture import allowance

        ids, member, clusters, forms, rank, size = self._read(rows)
        edges = self.made["edges"].read()
        cluster_keys, cluster = distinct_keys(clusters)
        form_keys, form = distinct_keys(forms)
        order = np.lexsort((rank, cluster))
        start = np.searchsorted(cluster[order], np.arange(len(cluster_keys) + 1))
        wanted = self._wanted(size[order[start[:-1]]])
        n = len(order)
        verdict, repeat = (
            np.zeros(n + 1, np.int8),
            np.ones(n + 1, np.int32),
        )  # the last is what a row without a cluster gets
        jaccard, claimant = np.zeros(n + 1, np.float32), np.full(n + 1, -1, np.int64)
        share_of = (verdict[:n], repeat[:n], jaccard[:n], claimant[:n])
        allowance.share(
            start, form[order], wanted, self.mode == "natural", self.k, *_neighbours(edges, form_keys), *share_of
        )
        self._count(verdict[:n], repeat[:n], start)
        at = np.full(len(ids), n, np.int64)
        at[np.flatnonzero(member)[order]] = np.arange(n)
        claimed_by = np.append(ids[np.flatnonzero(member)[order]], np.zeros((1, 2), np.uint64), axis=0)[claimant]
        threshold = _threshold(edges)
        for first in range(0, len(ids), _ROWS_AT_ONCE):
            some = at[first : first + _ROWS_AT_ONCE]
            near, over = verdict[some] == allowance.NEAR_DUPLICATE, verdict[some] == allowance.OVER_CAP
            value = np.where(near, np.round(jaccard[some].astype(np.float64), 6), float(self.k))
            bound = np.where(near, threshold, float(self.k))
            detail = [f"near-duplicate of {key_bytes(words[None]).tobytes().hex()}" for words in claimed_by[some[near]]]
            columns = [
                key_array(ids[first : first + _ROWS_AT_ONCE]),
                pa.array(repeat[some], mask=near | over),
                pa.array(_REASONS, pa.string()).take(pa.array(verdict[some])),
                pa.array(value, mask=~(near | over)),
                pa.array(bound, mask=~(near | over) | np.isnan(bound)),
                pa.array(detail, pa.string()).take(pa.array(np.cumsum(near) - 1, mask=~near)),
            ]
            yield "allowance", pa.table(columns, schema=self.tables["allowance"])

    def _wanted(self, sizes: np.ndarray) -> np.ndarray:
        distinct, place = np.unique(sizes, return_inverse=True)
        return np.array([showings(self.mode, int(n), self.k, self.curve) for n in distinct], np.int64)[place]

    def _count(self, verdict: np.ndarray, repeat: np.ndarray, start: np.ndarray) -> None:
        self.stat_update("showings", value=int(repeat.sum()))
        self.stat_update("released", value=int((verdict == 0).sum()))
        exposures = np.add.reduceat(repeat, start[:-1]) if len(repeat) else np.zeros(0, np.int64)
        self.stat_update("clusters", value=len(exposures))
        self.stat_update("clusters_at_cap", value=int((exposures == self.k).sum()))

    @staticmethod
    def _read(rows: Rows) -> tuple[np.ndarray, ...]:
        """Ids of all rows, which of them are in a cluster, and for these cluster, form key, rank and size."""
        parts: list[tuple[np.ndarray, ...]] = []
        none = np.zeros((0, 2), np.uint64)
        parts.append((none, np.zeros(0, bool), none, none, np.zeros(0, np.int64), np.zeros(0, np.int64)))
        for batch in rows.read(Cap.surveys):
            here = batch.column("cluster").is_valid()
            kept = batch.filter(here)
            parts.append(
                (
                    column_keys(batch.column("id")),
                    here.to_numpy(zero_copy_only=False),
                    column_keys(kept.column("cluster")),
                    column_keys(kept.column("form_key")),
                    kept.column("cluster_rank").to_numpy(),
                    kept.column("cluster_size").to_numpy(),
                )
            )
        return tuple(np.concatenate(column) for column in zip(*parts, strict=True))


def _neighbours(edges: pa.Table, form_keys: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Edges between forms that are here, as (start [forms + 1], neighbour, jaccard) by form, both ways."""
    a, b = (place_of(form_keys, column_keys(edges.column(name))) for name in ("form_a", "form_b"))
    jaccard = edges.column("jaccard").to_numpy()
    here = (a >= 0) & (b >= 0)
    source, target = np.concatenate([a[here], b[here]]), np.concatenate([b[here], a[here]])
    order = np.argsort(source, kind="stable")
    start = np.searchsorted(source[order], np.arange(len(form_keys) + 1))
    return start, target[order], np.concatenate([jaccard[here]] * 2).astype(np.float32)[order]


def _threshold(edges: pa.Table) -> float:
    """The threshold that the edges were made with, NaN where the table does not say."""
    return float((edges.schema.metadata or {}).get(b"threshold", b"nan"))
