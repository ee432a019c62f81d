"""Near-duplicates in figures: sizes of clusters, what they may be shown, the largest ones, and what the bands can find."""

from collections import Counter
from dataclasses import dataclass, field
from math import log10
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.dedup.minhash import candidate_probability
from curation.provenance import id_words
from recipes.engine.blocks import parameters, step_class
from recipes.engine.report.fates import COUNTED, all_released
from recipes.engine.report.svg import Drawing, compact, decades, polyline
from recipes.engine.run_folder import Run, find_row
from recipes.engine.wording import Words

LARGEST = 8
"""Clusters that are listed."""


@dataclass(frozen=True)
class LargeCluster:
    """One of the largest clusters, by its best-ranked row."""

    label: str
    size: int
    exposures: int
    host: str
    text: str | None


@dataclass
class Clusters:
    """Clusters of all rows that reached the deduplication, and how often released ones are shown in one pass."""

    bands: int
    rows: int
    threshold: float
    k: int | None
    sizes: Counter[int] = field(default_factory=Counter)
    """Size → clusters of that size (scaled up where `sampled`)."""
    exposures: Counter[int] = field(default_factory=Counter)
    """Showings in one epoch → clusters."""
    highest: int | None = None
    """Most showings of a cluster with those of earlier training, where the cap read a ledger."""
    largest: list[LargeCluster] = field(default_factory=list)
    sampled: bool = False
    search: dict[str, int] = field(default_factory=dict)
    """What the search for pairs met, as the survey's manifest counts it (texts, pairs_in_bands, crowded_nodes …); empty without."""

    @property
    def members(self) -> int:
        """Rows in clusters of at least two."""
        return sum(size * n for size, n in self.sizes.items() if size > 1)

    @property
    def total(self) -> int:
        """Rows in all clusters."""
        return sum(size * n for size, n in self.sizes.items())


def clusters(run: Run) -> Clusters | None:
    """The clusters of a run; None when its recipe has no `dedup` step."""
    steps = run.steps("dedup")
    if not steps:
        return None
    given = _with_defaults("dedup", steps[-1][1]["with"])
    caps = run.steps("cap")
    cap = _with_defaults("cap", caps[-1][1]["with"]) if caps else {}
    found = Clusters(given["bands"], given["rows"], given["threshold"], cap.get("k"))
    if (block := run.survey("dedup")) is not None:
        done = [s for s in run.manifest(block).get("steps", ()) if s["step"].rstrip("0123456789") == "dedup"]
        found.search = {label: round(n) for s in done for label, n in s.items() if label != "step"}
    table = run.survey_table("dedup", "clusters")
    best: list[tuple[int, bytes, bytes]] = []
    if table is not None:
        rows, partitions, behind = 0, table.manifest["partitions"], list[pa.Table]()
        for partition in range(partitions):
            if rows >= COUNTED:
                break
            part = table.read(partition)
            rows += len(part)
            if "matched" in part.column_names:
                behind.append(part.select(["id", "cluster", "cluster_size", "cluster_rank"]))
                continue
            first = part.filter(pc.equal(part.column("cluster_rank"), 0))
            found.sizes.update(_counted(first.column("cluster_size")))
            best = sorted([*best, *_largest(first)], reverse=True)[:LARGEST]
        if behind:
            first = _best_here(pa.concat_tables(behind))
            found.sizes, best = Counter(_counted(first.column("cluster_size"))), _largest(first)
        if rows and rows < table.manifest["rows"]:
            found.sampled = True
            found.sizes = Counter({size: round(n * table.manifest["rows"] / rows) for size, n in found.sizes.items()})
    exposures = _exposures(run, found)
    if cap.get("ledger") is not None:
        found.highest = run.manifest(run.chain[-1]).get("exposure", {}).get("highest_exposure")
    found.largest = [_described(run, steps[-1][0], *one, exposures) for one in best]
    return found


def _with_defaults(step: str, given: dict[str, Any]) -> dict[str, Any]:
    known = parameters(step_class(step, "report"))
    return {name: default for name, (_, default) in known.items() if default is not ...} | given


def _best_here(rows: pa.Table) -> pa.Table:
    """The best-ranked row of each cluster: with an index the rows of rank 0 may be an earlier crawl's."""
    ordered = rows.filter(pc.is_valid(rows.column("cluster"))).sort_by(
        [("cluster", "ascending"), ("cluster_rank", "ascending")]
    )
    labels = id_words(ordered.column("cluster").combine_chunks()) if len(ordered) else np.zeros((0, 2), np.uint64)
    new = np.ones(len(labels), bool)
    new[1:] = (labels[1:] != labels[:-1]).any(axis=1)
    return ordered.filter(pa.array(new))


def _counted(column: pa.ChunkedArray) -> dict[int, int]:
    return {e["values"]: e["counts"] for e in pc.value_counts(column).to_pylist()}


def _largest(first: pa.Table) -> list[tuple[int, bytes, bytes]]:
    sizes = first.column("cluster_size").to_numpy()
    at = np.argsort(-sizes, kind="stable")[:LARGEST]
    top = first.take(pa.array(at[sizes[at] > 1]))
    return list(zip(*(top.column(c).to_pylist() for c in ("cluster_size", "cluster", "id")), strict=True))


def _exposures(run: Run, found: Clusters) -> dict[bytes, int]:
    """Showings of each cluster's released rows in one pass; on a big run, of the clusters whose label ends in zero bits."""
    if not {"cluster", "repeat"} <= set(run.release.columns):
        return {}
    part = 1 << max(0, (run.release.rows // COUNTED).bit_length())
    shown: Counter[bytes] = Counter()
    for batch in all_released(run, ["cluster", "repeat"]):
        if part > 1:
            raw = np.frombuffer(batch.column("cluster").buffers()[1], np.uint8)[batch.column("cluster").offset * 16 :]
            last = raw[: len(batch) * 16].reshape(-1, 16)[:, 14:].copy().view(">u2").ravel()
            batch = batch.filter(pa.array(last % part == 0))
        sums = pa.table(batch).group_by("cluster").aggregate([("repeat", "sum")])
        for row in sums.to_pylist():
            if row["cluster"] is not None:
                shown[row["cluster"]] += row["repeat_sum"]
    found.sampled |= part > 1
    found.exposures = Counter({n: many * part for n, many in Counter(shown.values()).items()})
    return dict(shown)


def _described(run: Run, stage: str, size: int, label: bytes, key: bytes, exposures: dict[bytes, int]) -> LargeCluster:
    for shards in (run.release, run.input_of(stage)):
        row = find_row(shards, key, ["host", "text"]) if shards is not None else None
        if row is not None:
            return LargeCluster(label.hex(), size, exposures.get(label, 0), row.get("host") or "", row.get("text"))
    return LargeCluster(label.hex(), size, exposures.get(label, 0), "", None)


def draw_sizes(found: Clusters) -> Drawing:
    """Clusters by size, both axes logarithmic: bins 1, 2, 3–4, 5–8, …"""
    drawing = Drawing(480, 240, Words("クラスタの大きさ", "Cluster sizes"), "bars")
    bins: Counter[int] = Counter()
    for size, n in found.sizes.items():
        bins[(size - 1).bit_length()] += n
    last = max(bins, default=0)
    left, bottom, top, right = 44.0, 200.0, 16.0, 476.0
    most = max(1.0, log10(max(bins.values(), default=1)) * 1.06 + 0.15)
    wide = (right - left) / max(last + 1, 6)
    for mark in decades(1, 10**most):
        y = bottom - (bottom - top) * (log10(mark) + 0.12) / (most + 0.12)
        drawing.line(left, y, right, y, "grid")
        drawing.text(left - 6, y + 4, compact(mark), "tick", "end")
    for power in range(last + 1):
        n, x = bins[power], left + power * wide
        said = "1" if power == 0 else f"{2 ** (power - 1) + 1}–{2**power}" if power > 1 else "2"
        tall = (bottom - top) * (log10(n) + 0.12) / (most + 0.12) if n else 0
        drawing.bar(x + 2, bottom - tall, wide - 4, tall, "kept" if power == 0 else "lost", f"{said}: {n:,}")
        if n:
            drawing.text(
                x + wide / 2, bottom - tall - 5, compact(n) if n >= 10000 else f"{n:,}", "tick strong", "middle"
            )
        drawing.text(x + wide / 2, bottom + 16, said, "tick", "middle")
    drawing.line(left, bottom, right, bottom, "axis")
    drawing.text((left + right) / 2, 236, Words("クラスタの大きさ（ページ）", "cluster size (pages)"), "tick", "middle")
    return drawing


def draw_exposures(found: Clusters) -> Drawing:
    """Clusters by showings in one epoch: before the cap, every page once (grey), and after it; logarithmic."""
    drawing = Drawing(300, 240, Words("1 エポックでの提示回数", "Showings in one epoch"), "bars")
    left, bottom, top, right = 12.0, 200.0, 30.0, 288.0
    last = max([*found.exposures, found.k or 1])
    before = Counter({n: found.sizes[n] for n in range(1, last + 1)})
    if beyond := sum(many for size, many in found.sizes.items() if size > last):
        before[last + 1] = beyond
    places = last + (1 if beyond else 0)
    wide = min(56.0, (right - left) / (places + 0.6))
    most = log10(max([*found.exposures.values(), *before.values(), 1])) + 0.12

    def tall(many: int) -> float:
        return (bottom - top) * (log10(many) + 0.12) / most if many else 0.0

    for n in range(1, places + 1):
        x = left + (n - 1) * wide
        for many, offset, class_ in ((before[n], 3.0, "other"), (found.exposures[n], wide / 2, "kept")):
            drawing.bar(x + offset, bottom - tall(many), wide / 2 - 3, tall(many), class_, f"{many:,}")
        if many := found.exposures[n]:
            drawing.text(x + wide / 2, bottom - tall(max(many, before[n])) - 5, f"{many:,}", "tick strong", "middle")
        elif many := before[n]:
            drawing.text(x + wide / 2, bottom - tall(many) - 5, f"{many:,}", "tick", "middle")
        drawing.text(x + wide / 2, bottom + 16, str(n) if n <= last else f">{last}", "tick", "middle")
    drawing.line(left, bottom, right, bottom, "axis")
    if found.k:
        x = left + found.k * wide
        drawing.line(x, top - 6, x, bottom, "bound")
        drawing.text(x - 5, top - 10, f"K = {found.k}", "tick strong", "end")
    drawing.text((left + right) / 2, 236, Words("1 エポックでの提示回数", "showings in one epoch"), "tick", "middle")
    return drawing


def draw_curve(found: Clusters) -> Drawing:
    """Probability that the bands find a pair, by its Jaccard similarity, with the threshold."""
    drawing = Drawing(300, 240, Words("組を見つける確率", "Probability of finding a pair"), "bars")
    left, bottom, top, right = 40.0, 200.0, 16.0, 290.0

    def at(similarity: float, probability: float) -> tuple[float, float]:
        return left + (right - left) * similarity, bottom - (bottom - top) * probability

    for mark in (0.0, 0.5, 1.0):
        drawing.line(left, at(0, mark)[1], right, at(0, mark)[1], "grid")
        drawing.text(left - 6, at(0, mark)[1] + 4, f"{mark:.0%}", "tick", "end")
    for mark in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
        drawing.text(at(mark, 0)[0], bottom + 16, f"{mark:g}", "tick", "middle")
    tau = found.threshold
    drawing.bar(left, top, at(tau, 0)[0] - left, bottom - top, "zone")
    points = [at(s, candidate_probability(s, found.bands, found.rows)) for s in np.linspace(0, 1, 101).tolist()]
    drawing.add("path", d=polyline(points), class_="curve")
    x, y = at(tau, candidate_probability(tau, found.bands, found.rows))
    drawing.line(x, top, x, bottom, "bound")
    drawing.add("circle", cx=x, cy=y, r=4, class_="dot")
    drawing.text(
        x - 8,
        y - 2 if y > top + 20 else y + 14,
        f"{100 * candidate_probability(tau, found.bands, found.rows):.1f} %",
        "tick strong",
        "end",
    )
    drawing.text(x + 5, bottom - 6, f"τ = {tau:g}", "tick strong")
    drawing.line(left, bottom, right, bottom, "axis")
    drawing.text((left + right) / 2, 236, Words("Jaccard 類似度", "Jaccard similarity"), "tick", "middle")
    return drawing
