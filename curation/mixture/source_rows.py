"""Rows of released shards as the planner and the mixture see them: source, quality tier, tokens, showings a pass, cluster.

The rows of all sources are read together, because a cluster that two sources share has one allowance. Sources that were
deduplicated in one run (or against one index) share labels; of sources deduplicated apart two labels that share a form are one
cluster (labels.py). Near-copies that have no form in common meet only in a deduplication over all of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.dedup.key_order import column_keys, distinct_keys
from curation.mixture.cells import BudgetError, Cells
from curation.mixture.labels import Labels
from curation.mixture.ledger import Ledger
from curation.mixture.tiers import Tiers
from curation.shards import ShardSet

TOKENS_STEP = "tokens: {tokenizer: FILE}"


@dataclass(frozen=True)
class SourceRows:
    """Where a source's rows are: a shard set (or those rows of it whose `source` is `rows_of`), its tiers and limits."""

    name: str
    shards: ShardSet
    rows_of: str | None = None
    tiers: Tiers | None = None
    value: float = 1.0
    max_epochs: float = np.inf

    @property
    def tier_names(self) -> list[str]:
        """Names of its tiers; one without a name where it has none."""
        return self.tiers.names if self.tiers else [""]

    def tier_value(self, tier: int) -> float:
        """Worth of a fresh token of a tier."""
        return self.value * (self.tiers.values[self.tiers.bounds[tier]] if self.tiers else 1.0)


@dataclass
class Rows:
    """Rows of all sources; arrays over rows in the order of sources, files and rows in them."""

    sources: list[SourceRows]
    source: np.ndarray
    tier: np.ndarray
    tokens: np.ndarray
    repeat: np.ndarray
    """Showings in one pass; once `cells` has seen all sources together, 0 for what would take its cluster past K in one pass."""
    id: np.ndarray
    """uint64 [rows, 2]."""
    form: np.ndarray
    """Form keys; of a row without one, its id."""
    cluster: np.ndarray
    """Place of each row's label in `clusters`."""
    clusters: np.ndarray
    """Sorted distinct labels, uint64 [clusters, 2], labels that share a form being one; a row without a cluster is one of its own,
    labelled by its id."""
    labels: Labels
    """Today's label of every form and of every label that a source gave."""
    file: np.ndarray
    row: np.ndarray
    debit: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    """Showings of each row's cluster in earlier training, once `cells` has looked into the ledger."""
    files: list[tuple[int, str]] = field(default_factory=list)
    """(source, path in its set) of each file number."""

    def cells(self, k: int, ledger: Ledger | None = None) -> tuple[Cells, np.ndarray]:
        """Rows grouped by source, tier and allowance: the cells, and the cell of each row.

        Rows of forgotten forms and clusters are charged the whole allowance, so that nothing of them can be shown. Where sources
        together would show a cluster more than k times in one pass, those that the plan names first keep their showings.
        """
        self._keep_within(k)
        in_pass = np.bincount(self.cluster, self.repeat, len(self.clusters)).astype(np.int64)
        debit = np.zeros(len(self.clusters), np.int64)
        if ledger is not None:
            standing = ledger.standing(self.clusters, self.labels)
            debit = np.where(standing.forgotten, k, np.minimum(standing.charged, k))
        row_debit = debit[self.cluster]
        if ledger is not None:
            row_debit = np.where(ledger.is_forgotten(self.form), k, row_debit)
        self.debit = row_debit
        columns = [self.source, self.tier, self.repeat, in_pass[self.cluster], row_debit]
        keys = np.stack([c.astype(np.int64) for c in columns], axis=1)
        distinct, cell = np.unique(keys, axis=0, return_inverse=True)
        cell = cell.reshape(-1)
        at = [(self.sources[s], int(t)) for s, t in distinct[:, :2].tolist()]
        return (
            Cells(
                [s.name for s, _ in at],
                [s.tier_names[t] for s, t in at],
                np.bincount(cell, self.tokens * (self.repeat > 0), len(distinct)),
                np.array([s.tier_value(t) for s, t in at]),
                k,
                distinct[:, 2].astype(np.float64),
                distinct[:, 3].astype(np.float64),
                distinct[:, 4].astype(np.float64),
                np.array([s.max_epochs for s, _ in at]),
            ),
            cell,
        )

    def _keep_within(self, k: int) -> None:
        """Lowers `repeat` so that one pass shows no cluster more than k times: in the order of sources, then of ids."""
        in_pass = np.bincount(self.cluster, self.repeat, len(self.clusters))
        over = np.flatnonzero(in_pass[self.cluster] > k)
        order = over[np.lexsort((self.id[over, 1], self.id[over, 0], self.source[over], self.cluster[over]))]
        repeat, cluster = self.repeat[order].astype(np.int64), self.cluster[order]
        before = np.cumsum(repeat) - repeat
        first = np.flatnonzero(np.r_[True, cluster[1:] != cluster[:-1]]) if len(order) else np.zeros(0, np.int64)
        before -= np.repeat(before[first], np.diff(np.r_[first, len(order)]))
        self.repeat = self.repeat.copy()
        self.repeat[order] = np.clip(k - before, 0, repeat)

    @property
    def left_out(self) -> int:
        """Rows that are never shown, because sources that come first show their cluster k times in one pass."""
        return int((self.repeat == 0).sum())


def read_rows(sources: Sequence[SourceRows]) -> Rows:
    """Reads what the planner needs of every row. Raises BudgetError for a source without token counts or without its tier column."""
    _check(sources)
    parts: list[tuple[np.ndarray, ...]] = []
    files: list[tuple[int, str]] = []
    for s, source in enumerate(sources):
        have = set(source.shards.columns)
        wanted = ["id", "tokens", *[c for c in ("form_key", "cluster", "repeat") if c in have]]
        wanted += ["source"] if source.rows_of is not None else []
        wanted += [source.tiers.column] if source.tiers and source.tiers.column not in wanted else []
        for name in source.shards.files():
            at = 0
            for batch in source.shards.open_file(name).iter_batches(1 << 16, columns=wanted):
                row = np.arange(at, at + batch.num_rows)
                at += batch.num_rows
                if source.rows_of is not None:
                    here = pc.fill_null(pc.equal(batch.column("source"), source.rows_of), False)
                    batch, row = batch.filter(here), row[here.to_numpy(zero_copy_only=False)]
                try:
                    parts.append(_columns(batch, source, s, len(files), row))
                except ValueError as error:
                    raise BudgetError(f"source '{source.name}': {source.shards.place.url}/{name}: {error}") from error
            files.append((s, name))
    if not parts:
        raise BudgetError("the sources hold no file of rows")
    source, tier, tokens, repeat, ids, form, label, file, row = (np.concatenate(c) for c in zip(*parts, strict=True))
    labels = Labels.joined(form, label)
    clusters, cluster = distinct_keys(labels.resolve(form, label))
    return Rows(
        list(sources), source, tier, tokens, repeat, ids, form, cluster, clusters, labels, file, row, files=files
    )


def _check(sources: Sequence[SourceRows]) -> None:
    seen: set[tuple[str, str | None]] = set()
    counted: dict[str, tuple[str, str]] = {}
    for source in sources:
        have = set(source.shards.columns)
        url = source.shards.place.url
        if "tokens" not in have:
            raise BudgetError(
                f"source '{source.name}': {url} has no token counts (column 'tokens'); "
                f"add the step `{TOKENS_STEP}` to its recipe, or state `tokens:` in the plan"
            )
        if source.tiers and source.tiers.column not in have:
            raise BudgetError(
                f"source '{source.name}': its tiers are by '{source.tiers.column}', which {url} does not have; "
                f"columns there: {', '.join(sorted(have))}"
            )
        if (url, source.rows_of) in seen or ((url, None) in seen and source.rows_of):
            raise BudgetError(f"source '{source.name}': its rows are another source's already ({url})")
        seen.add((url, source.rows_of))
        tokenizer = source.shards.manifest.get("tokenizer") or {"name": "an unnamed tokenizer", "sha256": ""}
        counted[tokenizer["sha256"]] = source.name, tokenizer["name"]
    if len(counted) > 1:
        said = "; ".join(f"'{source}' by {name} ({digest[:8]})" for digest, (source, name) in counted.items())
        raise BudgetError(f"sources were counted with different tokenizers, so their tokens cannot be added: {said}")


def _columns(batch: pa.RecordBatch, source: SourceRows, s: int, file: int, row: np.ndarray) -> tuple[np.ndarray, ...]:
    n = batch.num_rows
    ids = column_keys(batch.column("id"))
    form = _keys_or(batch, "form_key", ids)
    label = _keys_or(batch, "cluster", ids)
    tokens = pc.fill_null(batch.column("tokens"), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    repeat = np.ones(n, np.int32)
    if "repeat" in batch.schema.names:
        repeat = pc.fill_null(batch.column("repeat"), 1).to_numpy(zero_copy_only=False)
        if n and repeat.min() < 1:
            raise ValueError(f"a row has repeat {repeat.min()}; released rows are shown at least once a pass")
    tier = source.tiers.of(batch.column(source.tiers.column)) if source.tiers else np.zeros(n, np.int16)
    return np.full(n, s, np.int32), tier, tokens, repeat, ids, form, label, np.full(n, file, np.int32), row


def _keys_or(batch: pa.RecordBatch, name: str, ids: np.ndarray) -> np.ndarray:
    """A key column, with the row's id where it is null or missing."""
    if name not in batch.schema.names:
        return ids
    column = batch.column(name)
    keys = ids.copy()
    here = column.is_valid().to_numpy(zero_copy_only=False)
    keys[here] = column_keys(column.filter(pa.array(here)))
    return keys
