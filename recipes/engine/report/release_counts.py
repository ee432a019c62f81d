"""Counts over the release and by host, made in one streaming pass of a few narrow columns.

Hosts are counted over every row with its fate, because the owner of a crawl wants to see both: who gives most pages, and of whom
hardly any survive. Opt-out signals are counted over released rows: those are the pages that would be trained on.
"""

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from recipes.engine.report.fates import rejected_tables, released_batches
from recipes.engine.run_folder import Run

SIGNALS = ("noai", "noimageai", "noindex", "none", "noarchive", "nosnippet", "nofollow", "unavailable_after")
"""Directives of robots tags that a rights review asks about, the ones against training first."""

ALWAYS_SHOWN = ("noai", "noimageai", "noindex")
"""Directives that are listed also where no page has them."""


@dataclass
class Host:
    """A host's pages: how many came in, how many were released, and what the others were rejected for."""

    name: str
    pages: float = 0.0
    kept: float = 0.0
    reasons: dict[str, float] = field(default_factory=lambda: defaultdict(float))


@dataclass
class ReleaseCounts:
    """Sums over the release (scaled up where only a part was read) and pages by host."""

    chars: float | None
    shown_chars: float | None
    """Characters × repeat: what a model sees in one pass."""
    signals: dict[str, dict[str, float]]
    """Column (`x_robots_tag`, `robots_meta`) → directive → pages."""
    licences: dict[str, float]
    """`licence_link` of released pages."""
    hosts: dict[str, Host]
    sampled: bool
    tokens: float | None = None
    """Tokens as the step `tokens` counted them; None where no row has a count."""

    @property
    def hosts_kept(self) -> int:
        """Hosts with a released page."""
        return sum(h.kept > 0 for h in self.hosts.values())


def release_counts(run: Run) -> ReleaseCounts:
    """Counts over the whole release, or over its first partitions when it is bigger than `fates.COUNTED` rows."""
    wanted = ["host", "chars", "tokens", "repeat", "x_robots_tag", "robots_meta", "licence_link"]
    batches, weight = released_batches(run, wanted)
    chars: float | None = 0.0 if "chars" in run.release.columns else None
    shown, tokens = chars, None
    signals: dict[str, dict[str, float]] = {"x_robots_tag": defaultdict(float), "robots_meta": defaultdict(float)}
    licences: dict[str, float] = defaultdict(float)
    hosts: dict[str, Host] = defaultdict(lambda: Host(""))
    for batch in batches:
        if chars is not None and shown is not None:
            count = batch.column("chars").fill_null(0).to_numpy().astype(np.float64)
            chars += weight * count.sum()
            repeat = batch.column("repeat").fill_null(1).to_numpy() if "repeat" in batch.schema.names else 1
            shown += weight * (count * repeat).sum()
        if "tokens" in batch.schema.names and batch.column("tokens").null_count < batch.num_rows:
            tokens = (tokens or 0.0) + weight * pc.sum(batch.column("tokens")).as_py()
        for name, found in signals.items():
            for said, rows in _counted(batch, name):
                for directive in directives(said):
                    found[directive] += weight * rows
        for said, rows in _counted(batch, "licence_link"):
            licences[said] += weight * rows
        for name, rows in _counted(batch, "host", nulls=True):
            hosts[name].kept += weight * rows
            hosts[name].pages += weight * rows
    sampled = weight > 1
    for block in run.chain:
        for table in rejected_tables(run, block, ["host", "reason"]):
            for row in table.group_by(["host", "reason"]).aggregate([("weight", "sum")]).to_pylist():
                host = hosts[row["host"] or ""]
                host.pages += row["weight_sum"]
                host.reasons[row["reason"]] += row["weight_sum"]
            sampled |= bool(len(table)) and table.column("weight")[0].as_py() > 1
    for name, host in hosts.items():
        host.name = name
    return ReleaseCounts(chars, shown, signals, licences, dict(hosts), sampled, tokens)


def _counted(batch: pa.RecordBatch, name: str, nulls: bool = False) -> list[tuple[str, int]]:
    """Distinct values of a text column and their rows; null as "" where it counts."""
    if name not in batch.schema.names:
        return []
    pairs = ((e["values"], e["counts"]) for e in pc.value_counts(batch.column(name)).to_pylist())
    return [(said or "", rows) for said, rows in pairs if said or nulls]


def directives(said: str) -> set[str]:
    """Directives in a robots tag or meta element, without the robot that they are for.

    >>> sorted(directives("googlebot: noindex, NOFOLLOW, unavailable_after: 25 Jun 2026"))
    ['nofollow', 'noindex', 'unavailable_after']
    """
    found = set()
    for part in said.lower().replace(";", ",").split(","):
        words = [w.strip() for w in part.split(":")]
        found |= {w for w in words if w in SIGNALS}
    return found
