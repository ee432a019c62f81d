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
    budget    a token budget, filled with the showings of the best marginal value (scaling_law.py) of all clusters; what does not fit
              even once is rejected as over_budget
In every mode a member that is no near-duplicate of a released row is released on its own, once, from the same allowance.

With a ledger (ledger.py), what earlier training has shown of a cluster comes off its K, and what was forgotten is rejected.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from curation.dedup.key_order import column_keys, distinct_keys, key_array, key_bytes
from curation.document import KEY
from curation.mixture.edges import neighbours, threshold_of
from curation.mixture.exposures import exposure_notes, sums_of
from curation.mixture.ledger import Labels, Ledger, LedgerError
from curation.mixture.showings import fill_budget, showings
from curation.mixture.tiers import Tiers
from curation.step import Batch, Columns
from curation.survey import Rows, Survey

_REASONS = (None, "near_duplicate", "over_cap", "over_budget", "forgotten")
_ROWS_AT_ONCE = 1 << 16


@dataclass
class _Seen:
    """Rows that reach the cap: `ids` of all, `member` which have a cluster; the other arrays are over those."""

    ids: np.ndarray
    member: np.ndarray
    cluster: np.ndarray
    form: np.ndarray
    rank: np.ndarray
    size: np.ndarray
    tokens: np.ndarray
    worth: np.ndarray


class Cap(Survey):
    """Writes `repeat` (showings in one pass, ≥ 1) and rejects `near_duplicate`, `over_cap`, `over_budget` and `forgotten`.

    k: showings that a cluster may have; Σ repeat of a cluster ≤ k less what the ledger has.
    mode: how many of them it gets: one, min_size, curve, natural or budget (see above).
    curve: for mode curve, smallest cluster size → showings, beginning at size 1.
    tokens: for mode budget, tokens of one pass over the released set; rows need the column `tokens`.
    tiers: for mode budget, {column: …, values: {lower bound: worth of a fresh token}}; all are worth 1 without.
    ledger: folder of the ledger of earlier training of the same model, kept with the same k.
    """

    name = "cap"
    reads, writes = ("id",), ("repeat",)
    reasons = ("near_duplicate", "over_cap", "over_budget", "forgotten")
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
        ),
        "exposures": pa.schema(
            [pa.field("exposures", pa.int64()), pa.field("before", pa.int64()), pa.field("clusters", pa.int64())]
        ),
    }

    def __init__(
        self,
        k: int,
        mode: Literal["one", "natural", "min_size", "curve", "budget"],
        curve: dict[int, int] | None = None,
        tokens: float | None = None,
        tiers: Tiers | None = None,
        ledger: str | None = None,
    ):
        super().__init__()
        if k < 1:
            raise ValueError(f"k must be at least 1 showing, not {k}")
        if (mode == "curve") != (curve is not None):
            raise ValueError("mode curve needs a curve (smallest cluster size → showings), and no other mode takes one")
        if curve is not None and (min(curve, default=0) != 1 or min(curve.values()) < 1):
            raise ValueError(f"a curve begins at size 1 and gives at least 1 showing everywhere, not {curve}")
        if (mode == "budget") != (tokens is not None) or (tiers is not None and mode != "budget"):
            raise ValueError("mode budget needs tokens (of one pass), and no other mode takes tokens or tiers")
        if tokens is not None and tokens < 1:
            raise ValueError(f"tokens must be at least 1, not {tokens:g}")
        self.k, self.mode, self.curve, self.tokens, self.tiers = k, mode, curve, tokens, tiers
        self.ledger = None
        if ledger is not None:
            try:
                self.ledger = Ledger.open(ledger, k)
            except LedgerError as error:
                raise ValueError(str(error)) from error
        more = [*(["tokens"] if tokens is not None else []), *([tiers.column] if tiers else [])]
        fixed = ("id", "form_key", "cluster", "cluster_rank", "cluster_size")
        self.surveys = (*fixed, *[c for c in dict.fromkeys(more) if c not in fixed])

    def artefacts(self) -> Mapping[str, bytes]:
        """What the ledger holds, and the tiers: part of the run's fingerprint."""
        held = {} if self.ledger is None else {"ledger": self.ledger.stamp}
        return held | ({} if self.tiers is None else {"tiers": repr(self.tiers).encode()})

    def columns(self, batch: Batch) -> Columns:
        """The row's showings, or why it has none, from the survey's table."""
        return dict(self.made["allowance"].join(batch))

    def manifest_notes(self) -> Mapping[str, Any]:
        """`exposure`: K, most showings of a cluster (earlier training included), and `max_trainer_epochs`."""
        return {"exposure": exposure_notes(self.k, self.made["exposures"].read())}

    def survey(self, rows: Rows) -> Iterator[tuple[str, pa.Table]]:
        """Yields `allowance`, one row a row, in the order of rows; then `exposures`, clusters by showings now and before."""
        from curation.mixture import allowance

        seen = self._read(rows)
        labels, cluster = distinct_keys(seen.cluster)
        form_keys, form = distinct_keys(seen.form)
        debit, gone = self._earlier(labels, seen)
        edges = self.made["edges"].read()
        taken = np.flatnonzero(~gone)
        order = taken[np.lexsort((seen.rank[taken], cluster[taken]))]
        start = np.searchsorted(cluster[order], np.arange(len(labels) + 1))
        full = np.flatnonzero(np.diff(start))
        wanted = np.ones(len(labels), np.int64)
        wanted[full] = self._wanted(seen.size[order[start[full]]])
        room = np.maximum(self.k - debit, 0)
        n = len(order)
        # the place after the last is what a row without a cluster gets, the one after that what a forgotten row gets
        verdict, repeat = np.zeros(n + 2, np.int8), np.ones(n + 2, np.int32)
        verdict[n + 1] = allowance.FORGOTTEN
        jaccard, claimant = np.zeros(n + 2, np.float32), np.full(n + 2, -1, np.int64)
        shared = (verdict[:n], repeat[:n], jaccard[:n], claimant[:n])
        allowance.share(
            start, form[order], wanted, self.mode == "natural", room, *neighbours(edges, form_keys), *shared
        )
        if self.tokens is not None:
            self._fill(verdict[:n], repeat[:n], seen, order, start, full, room, debit, labels)
        exposures = sums_of(repeat[:n], start)
        self._count(verdict, repeat[:n], exposures[full])
        at = np.full(len(seen.ids), n, np.int64)
        members = np.flatnonzero(seen.member)
        at[members] = n + 1
        at[members[order]] = np.arange(n)
        claimed_by = np.append(seen.ids[members[order]], np.zeros((2, 2), np.uint64), axis=0)[claimant]
        decided = verdict, repeat, np.where(verdict == allowance.NEAR_DUPLICATE, jaccard, 0), claimed_by
        before = np.append(debit[cluster[order]], [0, 0])
        yield from self._tables(seen.ids, at, *decided, before, threshold_of(edges))
        yield "exposures", self._exposures(exposures, debit, full)

    def _earlier(self, labels: np.ndarray, seen: _Seen) -> tuple[np.ndarray, np.ndarray]:
        """Showings that each cluster has had, and which rows with a cluster were forgotten."""
        if self.ledger is None:
            return np.zeros(len(labels), np.int64), np.zeros(len(seen.form), bool)
        standing = self.ledger.standing(labels, Labels.of(seen.form, seen.cluster))
        _, cluster = distinct_keys(seen.cluster)
        return standing.charged, standing.forgotten[cluster] | self.ledger.is_forgotten(seen.form)

    def _fill(
        self,
        verdict: np.ndarray,
        repeat: np.ndarray,
        seen: _Seen,
        order: np.ndarray,
        start: np.ndarray,
        full: np.ndarray,
        room: np.ndarray,
        debit: np.ndarray,
        labels: np.ndarray,
    ) -> None:
        """Gives the budget's showings to the decided rows, and rejects rows of clusters that it does not reach."""
        from curation.mixture import allowance

        assert self.tokens is not None
        first, shown = order[start[full]], sums_of(repeat, start)[full]
        base = sums_of(repeat * seen.tokens[order], start)[full]
        able = np.where(shown > 0, room[full] - shown, 0)
        filled = fill_budget(self.tokens, seen.worth[first], base, seen.tokens[first], able, debit[full], labels[full])
        repeat[start[full]] += np.where(shown > 0, filled.extra, 0).astype(np.int32)
        out = np.zeros(len(labels), bool)
        out[full] = ~filled.shown
        out = np.repeat(out, np.diff(start)) & (verdict == allowance.SHOWN)
        verdict[out], repeat[out] = allowance.OVER_BUDGET, 0
        self.stat_update("budget_tokens", value=filled.tokens)

    def _tables(
        self,
        ids: np.ndarray,
        at: np.ndarray,
        verdict: np.ndarray,
        repeat: np.ndarray,
        jaccard: np.ndarray,
        claimed_by: np.ndarray,
        before: np.ndarray,
        threshold: float,
    ) -> Iterator[tuple[str, pa.Table]]:
        """`allowance` in pieces: rows `ids`, decided at their places `at` in the other arrays."""
        from curation.mixture import allowance

        for first in range(0, len(ids), _ROWS_AT_ONCE):
            some = at[first : first + _ROWS_AT_ONCE]
            said = verdict[some]
            near, over = said == allowance.NEAR_DUPLICATE, said == allowance.OVER_CAP
            value = np.where(near, np.round(jaccard[some].astype(np.float64), 6), float(self.k))
            bound = np.where(near, threshold, float(self.k))
            late = over & (before[some] > 0)
            detail = np.full(len(some), None, object)
            detail[near] = [
                f"near-duplicate of {key_bytes(words[None]).tobytes().hex()}" for words in claimed_by[some[near]]
            ]
            detail[late] = [f"{n} showings in earlier training" for n in before[some[late]]]
            columns = [
                key_array(ids[first : first + _ROWS_AT_ONCE]),
                pa.array(repeat[some], mask=said != allowance.SHOWN),
                pa.array(_REASONS, pa.string()).take(pa.array(said)),
                pa.array(value, mask=~(near | over)),
                pa.array(bound, mask=~(near | over) | np.isnan(bound)),
                pa.array(detail, pa.string()),
            ]
            yield "allowance", pa.table(columns, schema=self.tables["allowance"])

    def _exposures(self, exposures: np.ndarray, debit: np.ndarray, full: np.ndarray) -> pa.Table:
        pairs, clusters = np.unique(np.stack([exposures[full], debit[full]], axis=1), axis=0, return_counts=True)
        return pa.table([pairs[:, 0], pairs[:, 1], clusters], schema=self.tables["exposures"])

    def _wanted(self, sizes: np.ndarray) -> np.ndarray:
        distinct, place = np.unique(sizes, return_inverse=True)
        return np.array([showings(self.mode, int(n), self.k, self.curve) for n in distinct], np.int64)[place]

    def _count(self, verdict: np.ndarray, repeat: np.ndarray, exposures: np.ndarray) -> None:
        self.stat_update("showings", value=int(repeat.sum()))
        self.stat_update("released", value=int((verdict[: len(repeat)] == 0).sum()))
        self.stat_update("clusters", value=len(exposures))
        self.stat_update("clusters_at_cap", value=int((exposures == self.k).sum()))

    def _read(self, rows: Rows) -> _Seen:
        none = np.zeros((0, 2), np.uint64)
        parts: list[tuple[np.ndarray, ...]] = [
            (
                none,
                np.zeros(0, bool),
                none,
                none,
                np.zeros(0, np.int64),
                np.zeros(0, np.int64),
                np.zeros(0),
                np.zeros(0),
            )
        ]
        for batch in rows.read(self.surveys):
            here = batch.column("cluster").is_valid()
            kept = batch.filter(here)
            tokens = worth = np.ones(kept.num_rows)
            if self.tokens is not None:
                tokens = kept.column("tokens").fill_null(0).to_numpy(zero_copy_only=False).astype(np.float64)
            if self.tiers is not None:
                worth = self.tiers.worth(kept.column(self.tiers.column))
            parts.append(
                (
                    column_keys(batch.column("id")),
                    here.to_numpy(zero_copy_only=False),
                    column_keys(kept.column("cluster")),
                    column_keys(kept.column("form_key")),
                    kept.column("cluster_rank").to_numpy(),
                    kept.column("cluster_size").to_numpy(),
                    tokens,
                    worth,
                )
            )
        return _Seen(*(np.concatenate(column) for column in zip(*parts, strict=True)))
