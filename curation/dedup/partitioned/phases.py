"""Which phase does what, for the survey of `dedup`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from curation.dedup import index_tables
from curation.dedup.clusters import least_agreement
from curation.dedup.key_order import column_keys
from curation.dedup.partitioned import clusters, nodes, pairs, tables
from curation.dedup.partitioned.cut import Cut
from curation.place import Place
from curation.survey import Phase, Rows

if TYPE_CHECKING:
    from curation.dedup.dedup import Dedup, Shape

PHASES = (
    ("forms", "rows"),
    ("nodes", "parts"),
    ("bases", "one"),
    ("ordinals", "parts"),
    ("sign", "rows"),
    ("buckets", "bands"),
    ("pairs", "parts"),
    ("ask", "ranges"),
    ("sets", "rows"),
    ("verify", "parts"),
    ("cluster", "one"),
    ("leaders", "ranges"),
    ("labels", "ranges"),
    ("rows", "parts"),
    ("members", "parts"),
    ("places", "rows"),
)
"""Phases in order, and what cuts them into tasks."""


def planned(cut: Cut) -> list[Phase]:
    """The phases with their numbers of tasks."""
    return [Phase(name, cut.tasks[by]) for name, by in PHASES]


def run(step: "Dedup", shape: "Shape", phase: str, task: int, rows: Rows, work: Place) -> Iterator[tuple[str, Any]]:
    """One task of a phase: yields (table, some of its partition `task`). shape: what `Dedup.phases` was told and chose."""
    index = step.index
    cut = Cut(work, shape.partitions, shape.parts, step.bands, 0 if index is None else len(index.ranges))
    counts: dict[str, int] = {}
    made: Iterator[pa.Table] = iter(())
    table = {"rows": "edges", "members": "members", "places": "clusters"}.get(phase, "")
    if phase == "forms":
        if index is not None:
            index_tables.check_seed(index, rows, task)
        nodes.forms(cut, task, (step.ranked(b)[2:] for b in rows.read(step.rank_columns, task)), shape.rows)
    elif phase == "nodes":
        counts["texts"] = nodes.nodes(cut, task, index)
    elif phase == "bases":
        nodes.bases(cut, index)
    elif phase == "ordinals":
        nodes.ordinals(cut, task)
    elif phase == "sign":
        nodes.sign(cut, task, rows.read(["id", "minhash"], task), step.rows)
    elif phase == "buckets":
        met = pairs.buckets(cut, task, step.max_bucket, index)
        counts |= {"pairs_in_bands": met.looked_at, "crowded_nodes": met.crowded}
    elif phase == "pairs":
        pairs.pairs(cut, task)
    elif phase == "ask":
        pairs.ask(cut, task, index)
    elif phase == "sets":
        counts["text_bytes_read"] = pairs.sets(cut, task, rows.read(["id", "text", "minhash"], task))
    elif phase == "verify":
        counts |= pairs.verify(cut, task, step.threshold, least_agreement(step.threshold), index)
    elif phase == "cluster":
        clusters.cluster(cut)
    elif phase == "leaders":
        clusters.leaders(cut, task, index)
    elif phase == "labels":
        clusters.labels(cut, task, index)
    elif phase == "rows":
        made = tables.rows(cut, task, step.tables[table], index is not None)
    elif phase == "members":
        made = tables.members(cut, task, step.tables[table], index)
    elif phase == "places":
        ids = (column_keys(b.column("id")) for b in rows.read(["id"], task))
        made = tables.places(cut, task, ids, step.tables[table])
    for part in made:
        yield table, part
    for label, value in counts.items():
        step.stat_update(label, value=value)
