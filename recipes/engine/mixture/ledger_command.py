"""`seimai ledger`: begin one, enter what a model was shown, look into it, and forget."""

from collections.abc import Iterator

import pyarrow as pa
from rich.console import Console
from rich.table import Table

from curation.dedup.key_order import column_keys, distinct_keys
from curation.mixture.charges import charges_of
from curation.mixture.labels import Labels
from curation.mixture.ledger import Ledger
from curation.parquet_file import read_parquet
from curation.place import Place
from recipes.engine.errors import RecipeError
from recipes.engine.run_folder import open_run


def new(url: str, k: int) -> None:
    """Begins a ledger with the allowance k; one that is there already is left as it is, and said to be so."""
    there = Place(url).exists("ledger.json")
    ledger = Ledger.open(url, k, create=True)
    said = f"{url}: a ledger with K = {k}"
    if there:
        entries = len(ledger.entries())
        said = (
            f"{url}: is there already, with K = {k} and {entries} entr{'y' if entries == 1 else 'ies'}; nothing to do"
        )
    Console(highlight=False).print(said, soft_wrap=True, markup=False)


def add(url: str, shown: str, stage: str | None, epochs: int, run_id: str | None) -> None:
    """Enters all stages of a mixture (`seimai mix`) or none, or `epochs` passes over a run's released set as one stage."""
    ledger = Ledger.open(url)
    place, console = Place(shown), Console(highlight=False)
    if place.exists("mixture.json"):
        about = place.read_json("mixture.json")
        entries = [(s["name"], read_parquet(place, s["charges"]["path"])) for s in about["stages"]]
        name = run_id or about["run"]
        if stage is not None or epochs != 1:
            raise RecipeError(f"{shown}: a mixture has its own stages and epochs; --stage and --epochs are for a run")
    else:
        if epochs < 1:
            raise RecipeError(
                f"--epochs {epochs}: whole passes, at least 1; fractions of one are `seimai mix`'s business"
            )
        run = open_run(shown)
        entries = [(stage or "train", charges_of(run.release, epochs))]
        name = run_id or run.training
    for (label, rows), fresh in zip(entries, ledger.add_all(name, entries), strict=True):
        said = f"{len(rows):,} forms entered" if fresh else "entered already, nothing to do"
        console.print(f"{name}, stage {label}: {said}", soft_wrap=True, markup=False)


def show(url: str) -> None:
    """Prints a ledger's entries, and how many clusters (by their labels then) have how many showings."""
    ledger, console = Ledger.open(url), Console(highlight=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("run", overflow="fold")
    table.add_column("stage")
    for column in ("forms", "showings", "charged"):
        table.add_column(column, justify="right")
    for entry in ledger.entries():
        counts = [f"{entry[c]:,}" for c in ("rows", "showings", "charged")]
        table.add_row(entry["run"], entry["stage"], *counts)
    console.print(f"K = {ledger.k}")
    console.print(table)
    labels = [column_keys(rows.column("cluster")) for _, rows in ledger.rows()]
    if not labels:
        return
    import numpy as np

    clusters, _ = distinct_keys(np.concatenate(labels))
    standing = ledger.standing(clusters, Labels(clusters, clusters))
    for charged, many in zip(*np.unique(standing.charged, return_counts=True), strict=True):
        console.print(f"{many:,} clusters with {charged} of {ledger.k} showings")


def forget(url: str, keys: list[str], whole_clusters: bool, run: str | None) -> None:
    """Leaves tombstones for form keys (hexadecimal), or for whole clusters as the ledger and the run `run`, if given, know them."""
    try:
        raw = [bytes.fromhex(key) for key in keys]
    except ValueError:
        raw = []
    if bad := next((k for k in keys if len(k) != 32 or not raw), None):
        raise RecipeError(f"{bad}: a form key or label is 32 hexadecimal digits (columns form_key, cluster)")
    if run is not None and not whole_clusters:
        raise RecipeError("--in says of a run what else is in the keys' clusters; it goes with --clusters")
    ledger, console = Ledger.open(url), Console(highlight=False, soft_wrap=True)
    members = _Members(run) if run is not None else ()
    fresh = ledger.forget(raw, whole_clusters=whole_clusters, members=members)
    console.print(f"{url}: {fresh} key{'' if fresh == 1 else 's'} more forgotten; debits stay", markup=False)
    known = ledger.clusters_of(raw, members)
    more = "; of its cluster only this key is known: --in RUN says what else is in it" if whole_clusters else ""
    for key in (k for k in raw if k not in known):
        said = f"{key.hex()}: in no entry, so nothing of it was shown as far as this ledger knows{more}"
        console.print(said, style="yellow", markup=False)


class _Members:
    """Forms and clusters of all rows that reached the deduplication of a run, part by part, as often as they are asked for."""

    def __init__(self, run: str):
        table = open_run(run).survey_table("dedup", "members")
        if table is None:
            raise RecipeError(f"{run}: has no table of clusters' members (no dedup step, or the table was deleted)")
        self._table = table

    def __iter__(self) -> Iterator[pa.Table]:
        for part in sorted({f["partition"] for f in self._table.manifest["files"]}):
            yield self._table.read(part).select(["form_key", "cluster"])
