"""Writing a training mixture: the rows of a plan's sources, repeated and ordered as planned, as shards or as an index over shards.

    MIXTURE/
      pretrain/00000.parquet    the stage's sequence, in order; rows with all columns (shards) or where each lies (index)
      charges/pretrain.parquet  what the stage shows of each form and what it is charged (the rows of a ledger's entry)
      mixture.json              written last: the plan, the seed, tokenizer, files, highest exposure, max_trainer_epochs
      unfinished.json, spill/   only while it is written, or where that was cut off: the next `mix` here begins anew

Rows, their repetitions and their order depend on the plan, the sources' rows and the seed alone. In memory are about 100 bytes a
row and showing, which is what limits a mixture on one machine; rows with text are read once a stage, and spilled (spill.py).
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from curation.dedup.key_order import key_array, key_bytes
from curation.document import COLUMNS, schema
from curation.mixture.budget import Stage, distinct_stages
from curation.mixture.cells import BudgetError, Cells
from curation.mixture.exposures import exposure_notes
from curation.mixture.ledger_files import ENTRY, summed
from curation.mixture.schedule import draws, order, passes
from curation.mixture.source_rows import Rows
from curation.mixture.spill import in_order
from curation.parquet_file import write_parquet
from curation.place import Place

SHARD_ROWS = 1 << 16
"""Rows of an output shard."""
_UNFINISHED = "unfinished.json"
_NOT_MIXED = {"minhash", "cluster_examples", "repeat"}
"""Columns that mean nothing of a showing: it is there as often as it is to be shown."""
INDEX = pa.schema(
    [
        pa.field("id", COLUMNS["id"].type),
        pa.field("source", pa.string(), metadata={"meaning": "the source's name in the plan"}),
        pa.field("file", pa.large_string(), metadata={"meaning": "Parquet file that holds the row"}),
        pa.field("row", pa.int64(), metadata={"meaning": "row in that file, from 0"}),
        pa.field("tokens", pa.int32()),
        pa.field("showing", pa.int32(), metadata={"meaning": "which showing of this row in the stage, from 0"}),
    ]
)
"""Columns of an index over shards."""


@dataclass
class Mixture:
    """What is to be written: rows, their showings and charges by stage, and the draws that order them."""

    rows: Rows
    stages: list[str]
    showings: np.ndarray
    charged: np.ndarray
    spread: np.ndarray
    """A draw for each cluster, by which its showings are placed."""


def schedule(rows: Rows, cell: np.ndarray, cells: Cells, plan: Mapping[str, Any], seed: int) -> Mixture:
    """Showings of every row in every stage of a plan.

    Raises BudgetError when the plan is not of these rows, when its stages cannot be folders, and when it would take a cluster past K.
    """
    names = [Stage(s["name"]).name for s in plan["stages"]]
    distinct_stages(names)
    known = [(c["source"], c["tier"], c["repeat"], c["in_pass"], c["debit"], c["tokens"]) for c in plan["cells"]]
    columns = (cells.repeat, cells.in_pass, cells.debit, cells.tokens)
    found = list(zip(cells.source, cells.tier, *(c.tolist() for c in columns), strict=True))
    if known != found:
        raise BudgetError(
            "the shards or the ledger changed since the plan was made (its tokens by source, tier and allowance are others); "
            "run `seimai budget` again"
        )
    showings = np.array([c["showings"] for c in plan["cells"]], np.float64).T
    planned = np.divide(showings, cells.repeat, out=np.zeros_like(showings), where=cells.repeat > 0)
    draw = draws(rows.clusters, seed, 0)
    shown, charged = passes(planned[:, cell], draw[rows.cluster])
    mixture = Mixture(rows, names, shown * rows.repeat, charged * rows.repeat, draws(rows.clusters, seed, 1))
    now, before = _charged(mixture)
    if len(over := np.flatnonzero((now > 0) & (now + before > cells.k))):
        first = over[0]
        raise BudgetError(
            f"the plan would take {len(over):,} cluster{'s' if len(over) > 1 else ''} past K = {cells.k}, e.g. "
            f"{key_bytes(rows.clusters[first][None]).tobytes().hex()} to {now[first] + before[first]} showings "
            f"({before[first]} of earlier training); run `seimai budget` again"
        )
    return mixture


def write(mixture: Mixture, cells: Cells, place: Place, *, as_index: bool, about: Mapping[str, Any]) -> dict[str, Any]:
    """Writes a mixture's stages, then mixture.json with what is said `about` it. Returns the content of mixture.json.

    What an unfinished mixture left in the folder is removed first. Raises BudgetError where something else is in the way.
    """
    _begin(place, mixture.stages)
    stages = []
    for at, name in enumerate(mixture.stages):
        showings = mixture.showings[at]
        sequence = order(showings, mixture.rows.cluster, mixture.spread, mixture.rows.id)
        made = _index(mixture.rows, sequence, place, name) if as_index else _shards(mixture.rows, sequence, place, name)
        tokens = np.bincount(mixture.rows.source, showings * mixture.rows.tokens, len(mixture.rows.sources))
        stages.append(
            {
                "name": name,
                "rows": len(sequence),
                "tokens": int(tokens.sum()),
                "tokens_by_source": {s.name: int(n) for s, n in zip(mixture.rows.sources, tokens, strict=True)},
                "files": made,
                "charges": write_parquet(place, f"charges/{name}.parquet", _charges(mixture, at)),
            }
        )
    written = {"format": 1, **about, "as": "index" if as_index else "shards", "stages": stages}
    written["exposure"] = _exposure(mixture, cells)
    place.write_json("mixture.json", written)
    ended(place)
    return written


def ended(place: Place) -> None:
    """Takes away what marks a mixture as unfinished."""
    if place.exists(_UNFINISHED):
        place.fs.rm_file(f"{place.path}/{_UNFINISHED}")


def _begin(place: Place, stages: list[str]) -> None:
    """Removes what a mixture that was cut off here had written, and says what this one is going to write."""
    if place.exists(_UNFINISHED):
        for name in place.read_json(_UNFINISHED)["folders"]:
            (place / name).remove()
    folders = [*stages, "charges", "spill"]
    if there := [name for name in folders if place.exists(name)]:
        raise BudgetError(f"{place.url}/{there[0]}: is there, and no unfinished mixture left it; give another --out")
    place.write_json(_UNFINISHED, {"folders": folders})


def _charged(mixture: Mixture) -> tuple[np.ndarray, np.ndarray]:
    """Showings that each cluster is charged by the mixture, and those of earlier training where it is, int64."""
    rows, charged = mixture.rows, mixture.charged.sum(axis=0)
    now = np.bincount(rows.cluster, charged, len(rows.clusters)).astype(np.int64)
    before = np.zeros(len(rows.clusters), np.int64)
    some = np.flatnonzero(
        charged
    )  # a row that is forgotten alone has used up the allowance, the others of its cluster have not
    before[rows.cluster[some]] = rows.debit[some]
    return now, before


def _exposure(mixture: Mixture, cells: Cells) -> dict[str, Any]:
    """K, the highest number of showings charged to any cluster with earlier training, and how often all stages may be passed."""
    now, before = _charged(mixture)
    pairs, clusters = np.unique(np.stack([now, before], axis=1), axis=0, return_counts=True)
    return exposure_notes(cells.k, pa.table({"exposures": pairs[:, 0], "before": pairs[:, 1], "clusters": clusters}))


def _charges(mixture: Mixture, at: int) -> pa.Table:
    """The stage's entry for a ledger: one row a form, cluster and source, of all that is shown or charged there."""
    rows = mixture.rows
    # what is shown may be charged to an earlier stage
    some = np.flatnonzero(mixture.charged[at] | mixture.showings[at])
    names = pa.array([s.name for s in rows.sources], pa.string())
    columns = [
        key_array(rows.form[some]),
        key_array(rows.clusters[rows.cluster[some]]),
        names.take(pa.array(rows.source[some])),
        pa.array(mixture.showings[at][some].astype(np.int32)),
        pa.array(mixture.charged[at][some].astype(np.int32)),
    ]
    return summed(pa.table(columns, schema=ENTRY), f"stage '{mixture.stages[at]}'")


def _nth(sequence: np.ndarray) -> np.ndarray:
    """Which showing of its row each place of a sequence is, from 0."""
    by_row = np.argsort(sequence, kind="stable")
    ordered = sequence[by_row]
    first = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(ordered) else np.zeros(0, np.int64)
    nth = np.empty(len(sequence), np.int32)
    nth[by_row] = np.arange(len(ordered)) - np.repeat(first, np.diff(np.r_[first, len(ordered)]))
    return nth


def _index(rows: Rows, sequence: np.ndarray, place: Place, stage: str) -> list[dict[str, Any]]:
    files = pa.array([f"{rows.sources[s].shards.place.url}/{name}" for s, name in rows.files], pa.large_string())
    names = pa.array([s.name for s in rows.sources], pa.string())
    nth, made = _nth(sequence), []
    for shard, first in enumerate(range(0, len(sequence), SHARD_ROWS)):
        some = sequence[first : first + SHARD_ROWS]
        columns = [
            key_array(rows.id[some]),
            names.take(pa.array(rows.source[some])),
            files.take(pa.array(rows.file[some])),
            pa.array(rows.row[some], pa.int64()),
            pa.array(rows.tokens[some].astype(np.int32)),
            pa.array(nth[first : first + SHARD_ROWS]),
        ]
        made.append(write_parquet(place, f"{stage}/{shard:05d}.parquet", pa.table(columns, schema=INDEX)))
    return made


def _shards(rows: Rows, sequence: np.ndarray, place: Place, stage: str) -> list[dict[str, Any]]:
    """Rows with all columns that every source has, read file by file and put in the order of the sequence."""
    columns = set.intersection(*(set(s.shards.columns) for s in rows.sources)) - _NOT_MIXED
    kinds = schema(columns)
    spilled = pa.schema([*kinds, INDEX.field("showing"), pa.field("place", pa.int64())])
    by_file = np.argsort(sequence, kind="stable")  # rows are numbered in the order of sources, files and rows in them
    taken = _taken(rows, sequence, _nth(sequence), by_file, spilled)
    made = []
    for shard, table in enumerate(in_order(taken, len(sequence), place / "spill", spilled, SHARD_ROWS)):
        made.append(write_parquet(place, f"{stage}/{shard:05d}.parquet", table, level=3))
    return made


def _taken(rows: Rows, sequence: np.ndarray, nth: np.ndarray, here: np.ndarray, kinds: pa.Schema) -> Iterator[pa.Table]:
    """The rows at some places of a sequence (sorted by file and row), batch by batch of their files."""
    names = [n for n in kinds.names if n not in ("showing", "place")]
    files = rows.file[sequence[here]]
    bounds = np.flatnonzero(np.r_[True, files[1:] != files[:-1], True]) if len(files) else np.zeros(1, np.int64)
    for start, end in pairwise(bounds.tolist()):
        places = here[start:end]
        wanted = rows.row[sequence[places]]
        source, name = rows.files[files[start]]
        at = 0
        for batch in rows.sources[source].shards.open_file(name).iter_batches(1024, columns=names):
            low, high = np.searchsorted(wanted, [at, at + batch.num_rows])
            if high > low:
                some = places[low:high]
                taken = batch.take(pa.array(wanted[low:high] - at)).select(names)
                extra = [pa.array(nth[some]), pa.array(some)]
                yield pa.Table.from_arrays([*taken.columns, *extra], schema=kinds)
            at += batch.num_rows


def run_name(plan: Mapping[str, Any], seed: int) -> str:
    """Under which name training on a mixture is entered into a ledger: the same for the same plan and seed."""
    said = f"{plan['plan']}:{seed}"
    return f"mix:{hashlib.sha256(said.encode()).hexdigest()[:16]}"
