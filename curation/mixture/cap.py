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

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from curation.dedup.key_order import column_keys, distinct_keys
from curation.mixture import allowance_table, cap_parts
from curation.mixture.edges import threshold_of
from curation.mixture.exposures import exposure_notes
from curation.mixture.ledger import Labels, Ledger, LedgerError
from curation.mixture.sharing import Seen, Sharing
from curation.mixture.showings import fill_budget, showings
from curation.mixture.tiers import Tiers
from curation.place import Place
from curation.step import Batch, Columns
from curation.survey import Phase, Rows, Survey

ROWS_IN_MEMORY = 1 << 20
"""Rows up to which the survey is one task, and which a part of a larger one has; a row takes about 0.3 kB."""
MOST_PARTS = 1 << 10


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
        "allowance": allowance_table.SCHEMA,
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
        self.rows_a_part = ROWS_IN_MEMORY
        self._cut = cap_parts.Cut(1, 1)

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

    @property
    def threshold(self) -> float:
        """Jaccard from which the clusters' edges were made, NaN where their table does not say."""
        return threshold_of(self.made["edges"].schema)

    def phases(self, rows: int, partitions: int) -> Sequence[Phase]:
        """None up to `rows_a_part` rows, above that those of `cap_parts`."""
        if rows <= self.rows_a_part:
            return ()
        parts = min(MOST_PARTS, 1 << (-(-rows // self.rows_a_part) - 1).bit_length())
        self._cut = cap_parts.Cut(partitions, parts)
        return cap_parts.planned(self._cut, self.tokens is not None)

    def run_phase(self, phase: str, task: int, rows: Rows, work: Place) -> Iterator[tuple[str, pa.Table]]:
        """One task of a phase of `cap_parts`."""
        columns = {"gather": self.surveys, "places": ("id",)}.get(phase)
        batches = rows.read(columns, task) if columns else iter(())
        yield from cap_parts.CapParts(self, self._cut, work).run(phase, task, batches)

    def survey(self, rows: Rows) -> Iterator[tuple[str, pa.Table]]:
        """Yields `allowance`, one row a row, in the order of rows; then `exposures`, clusters by showings now and before."""
        read = [self.seen(batch) for batch in rows.read(self.surveys)]
        seen = Seen.joined(part for _, _, part in read)
        sharing = self.shared(seen, self.made["edges"].read())
        if self.tokens is not None:
            filled = fill_budget(self.tokens, *sharing.terms(), sharing.labels[sharing.full])
            self.stat_update("budget_tokens", value=filled.tokens)
            sharing.give(filled.shown, filled.extra)
        self.count(sharing)
        decided, first = sharing.decided(), 0
        for ids, member, part in read:
            at = np.where(member, first + np.cumsum(member) - 1, -1)
            first += len(part.ids)
            yield "allowance", allowance_table.allowance_table(ids, at, decided, self.k, self.threshold)
        yield "exposures", cap_parts.exposures_table(sharing.exposure_counts())

    def seen(self, batch: Batch) -> tuple[np.ndarray, np.ndarray, Seen]:
        """Ids of all rows of a batch, which of them have a cluster, and of these what decides about them."""
        member = batch.column("cluster").is_valid()
        kept = batch.filter(member)
        tokens = worth = np.ones(kept.num_rows)
        if self.tokens is not None:
            tokens = kept.column("tokens").fill_null(0).to_numpy(zero_copy_only=False).astype(np.float64)
        if self.tiers is not None:
            worth = self.tiers.worth(kept.column(self.tiers.column))
        ids, cluster, form = (column_keys(kept.column(name)) for name in ("id", "cluster", "form_key"))
        rank, size = (kept.column(name).to_numpy() for name in ("cluster_rank", "cluster_size"))
        whole = column_keys(batch.column("id")), member.to_numpy(zero_copy_only=False)
        return *whole, Seen(ids, cluster, form, rank, size, tokens, worth)

    def shared(self, seen: Seen, edges: pa.Table) -> Sharing:
        """The allowances of the clusters of some rows, shared among them; without what a budget adds or takes."""
        labels, cluster = distinct_keys(seen.cluster)
        debit, gone = np.zeros(len(labels), np.int64), np.zeros(len(seen.form), bool)
        if self.ledger is not None:
            standing = self.ledger.standing(labels, Labels.of(seen.form, seen.cluster))
            debit, gone = standing.charged, standing.forgotten[cluster] | self.ledger.is_forgotten(seen.form)
        sharing = Sharing(seen, labels, cluster, gone, debit, self.k)
        sharing.share(self._wanted(sharing.sizes), self.mode == "natural", edges)
        return sharing

    def _wanted(self, sizes: np.ndarray) -> np.ndarray:
        distinct, place = np.unique(sizes, return_inverse=True)
        return np.array([showings(self.mode, int(n), self.k, self.curve) for n in distinct], np.int64)[place]

    def count(self, sharing: Sharing) -> None:
        """Counts what was decided."""
        exposures = sharing.exposures[sharing.full]
        self.stat_update("showings", value=int(sharing.repeat.sum()))
        self.stat_update("released", value=int((sharing.verdict == 0).sum()))
        self.stat_update("clusters", value=len(exposures))
        self.stat_update("clusters_at_cap", value=int((exposures == self.k).sum()))
