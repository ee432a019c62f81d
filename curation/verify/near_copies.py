"""Near-copies where there should be none: two released texts under two labels, or one label over texts that are not alike.

A sample of rows is drawn by a hash of their ids; its partners are sought inside the sample exactly, and among all released rows by
the checker's own bands. The deduplication finds a pair of similarity J with probability p(J) = 1 − (1 − J^rows)^bands and so
misses some by design; what fails here is a pair that it can hardly have missed (p > 0.999), or more pairs than it can have missed.
"""

import hashlib
from collections import defaultdict
from dataclasses import dataclass, field
from math import exp

import numpy as np
import pyarrow as pa

from curation.verify.findings import Check, share
from curation.verify.normal_form import normal_form
from curation.verify.shard_files import Release
from curation.verify.similarity import band_keys, jaccard, joined, shingles

HARDLY_MISSED = 1e-3


@dataclass(frozen=True)
class Bands:
    """What the deduplication was told: threshold τ, bands and rows a band."""

    tau: float
    bands: int = 14
    rows: int = 8

    def missed(self, similarity: float) -> float:
        """Probability that it did not compare a pair."""
        return (1 - similarity**self.rows) ** self.bands


@dataclass
class Row:
    """A released row in the sample."""

    id: bytes
    form_key: bytes
    label: bytes
    rank: int
    size: int
    sets: np.ndarray

    @property
    def kept(self) -> bool:
        """Whether its text is the one that its cluster is named after."""
        return self.form_key == self.label


@dataclass
class Sample:
    """Rows to look at: the drawn ones, and for labels with several released rows all of these."""

    drawn: dict[bytes, Row] = field(default_factory=dict)
    by_label: dict[bytes, list[Row]] = field(default_factory=lambda: defaultdict(list))


def draw_ids(ids: pa.Array | pa.ChunkedArray, count: int, seed: int) -> set[bytes]:
    """The `count` ids of smallest keyed hash: the same for the same set and seed."""
    key = seed.to_bytes(8, "little")
    mixed = [(hashlib.blake2b(i, digest_size=8, key=key).digest(), i) for i in ids.to_pylist()]
    return {i for _, i in sorted(mixed)[:count]}


def row_of(row: dict[str, object], form: str) -> Row:
    """A row of the sample from its columns and its form."""
    rank, size = row.get("cluster_rank"), row.get("cluster_size")
    made = [int(v) if isinstance(v, int) else -1 for v in (rank, size)]
    return Row(row["id"], row["form_key"], row["cluster"], *made, shingles(form))  # type: ignore[arg-type]


def check_labels(sample: Sample, tau: float) -> Check:
    """Rows of one label are near-copies of its kept row where that is released; else no two differ more than two near-copies can.

    Jaccard distance is a metric, so two members at ≥ τ to one text have J ≥ 2τ − 1 to each other. A row of rank 0 is the kept row.
    """
    check = Check("labels")
    below = compared = 0
    for label, rows in sample.by_label.items():
        kept = next((r for r in rows if r.kept), None)
        head = kept or min(rows, key=lambda r: (r.rank, r.id))
        bound = tau if kept else 2 * tau - 1
        for row in rows:
            if row is head or row.form_key == head.form_key:
                continue
            compared += 1
            if (found := jaccard(row.sets, head.sets)) < bound - 1e-9:
                below += 1
                check.fail(
                    f"rows {head.id.hex()} and {row.id.hex()} have one label {label.hex()} and J = {found:.3f}, "
                    f"below {bound:.3g}"
                )
    for row in sample.drawn.values():
        if row.rank == 0 and not row.kept:
            check.fail(f"row {row.id.hex()}: rank 0 of its cluster, whose label {row.label.hex()} is another text's")
        if row.rank >= row.size >= 0:
            check.fail(f"row {row.id.hex()}: rank {row.rank} in a cluster of {row.size}")
    check.looked_at = compared
    check.notes.append(f"members below τ = {tau:g} to their kept row: {share(below, compared)}")
    return check


def check_pairs(sample: Sample, release: Release, bands: Bands, total: int) -> Check:
    """No two released rows under two labels are near-copies that the deduplication can hardly have missed."""
    check = Check("near-copies", looked_at=len(sample.drawn))
    pairs = _partners(sample, release, bands.tau)
    both_kept = {k: v for k, v in pairs.items() if v[1]}
    for (a, b), (similarity, _) in sorted(both_kept.items(), key=lambda kv: -kv[1][0]):
        if bands.missed(similarity) < HARDLY_MISSED:
            check.fail(f"rows {a.hex()} and {b.hex()} have two labels and J = {similarity:.3f}")
    possible = _missed(release, bands) * (1 - (1 - len(sample.drawn) / max(total, 1)) ** 2)
    if _tail(len(both_kept), possible) < HARDLY_MISSED:
        for (a, b), (similarity, _) in list(both_kept.items())[:5]:
            if bands.missed(similarity) >= HARDLY_MISSED:
                check.fail(f"rows {a.hex()} and {b.hex()} have two labels and J = {similarity:.3f}")
        check.fail(
            f"{len(both_kept)} pairs of kept rows are near-copies; bands like these would miss about {possible:.1f}"
        )
    hit = {i for pair in both_kept for i in pair if i in sample.drawn}
    check.notes.append(
        f"sampled rows with a near-copy (J ≥ {bands.tau:g}) kept beside them: {share(len(hit), len(sample.drawn))}"
    )
    if bystanders := len(pairs) - len(both_kept):
        check.notes.append(
            f"{bystanders} more pairs whose label is of a row that is not released: members of two clusters may be near-copies"
        )
    return check


def _partners(sample: Sample, release: Release, tau: float) -> dict[tuple[bytes, bytes], tuple[float, bool]]:
    """Pairs of rows with two labels and J ≥ tau, at least one drawn: similarity, and whether both are their labels' kept texts."""
    drawn = list({r.form_key + r.label: r for r in sample.drawn.values()}.values())
    found: dict[tuple[bytes, bytes], tuple[float, bool]] = {}
    for a, b, similarity in joined([r.sets for r in drawn], tau):
        _note(found, drawn[a], drawn[b], similarity)
    index: dict[bytes, list[Row]] = defaultdict(list)
    for row in drawn:
        for key in band_keys(row.sets):
            index[key].append(row)
    names = ["id", "form_key", "cluster", "text"]
    for _, batch in release.batches(names):
        for other in batch.to_pylist():
            if other["cluster"] is None or other["text"] is None or other["id"] in sample.drawn:
                continue
            sets = shingles(normal_form(other["text"]))
            met = {r.id: r for key in band_keys(sets) for r in index.get(key, ())}
            for row in met.values():
                if row.label != other["cluster"] and (similarity := jaccard(row.sets, sets)) >= tau:
                    _note(found, row, Row(other["id"], other["form_key"], other["cluster"], -1, -1, sets), similarity)
    return found


def _note(found: dict[tuple[bytes, bytes], tuple[float, bool]], a: Row, b: Row, similarity: float) -> None:
    if a.label != b.label:
        pair = (a.id, b.id) if a.id < b.id else (b.id, a.id)
        found[pair] = similarity, a.kept and b.kept


def _missed(release: Release, bands: Bands) -> float:
    """Near-copies that the bands may have missed, judged by those that they found: Σ q/(1 − q) over rejected near-copies."""
    missed = 0.0
    for batch in release.rejected(["reason", "value"]):
        for reason, value in zip(batch.column("reason").to_pylist(), batch.column("value").to_pylist(), strict=True):
            if reason == "near_duplicate" and value is not None:
                q = bands.missed(value)
                missed += q / (1 - q) if q < 1 else 0.0
    return missed


def _tail(found: int, expected: float) -> float:
    """Probability that a Poisson number of this mean is at least `found`."""
    term = total = exp(-expected)
    for n in range(1, found):
        term *= expected / n
        total += term
    return 1.0 if found == 0 else max(0.0, 1.0 - total)


def check_rejected(release: Release, bands: Bands, kept: dict[bytes, np.ndarray]) -> Check:
    """Rejected near-copies whose text was kept in the sample have just the similarity that is said, to the row that is named."""
    check, below = Check("rejected near-copies"), 0
    names = ["id", "reason", "value", "detail", "text"]
    for batch in release.rejected(names, samples=True):
        for row in batch.to_pylist():
            if row.get("reason") != "near_duplicate" or row.get("text") is None or len(row["text"]) >= CUT:
                continue
            named = bytes.fromhex((row["detail"] or "").removeprefix("near-duplicate of "))
            if named not in kept:
                continue
            check.looked_at += 1
            found = jaccard(shingles(normal_form(row["text"])), kept[named])
            below += found < bands.tau - 1e-9
            if found < bands.tau - 1e-9 or abs(found - row["value"]) > 1e-5:
                check.fail(
                    f"row {row['id'].hex()}: rejected as a near-copy of {named.hex()} at J = {row['value']}, found {found:.6f}"
                )
    check.notes.append(
        f"of these below τ = {bands.tau:g} to the row they are named with: {share(below, check.looked_at)}"
    )
    return check


CUT = (64 << 10) // 4
"""Characters at which the text of a sampled rejected row is cut (docs/shards.md)."""
