"""`seimai ledger`: begin one, enter what a model was shown, look into it, and forget."""

from rich.console import Console
from rich.table import Table

from curation.dedup.key_order import column_keys, distinct_keys
from curation.mixture.charges import charges_of
from curation.mixture.ledger import Labels, Ledger
from curation.parquet_file import read_parquet
from curation.place import Place
from recipes.engine.errors import RecipeError
from recipes.engine.run_folder import open_run


def new(url: str, k: int) -> None:
    """Begins a ledger with the allowance k."""
    Ledger.open(url, k, create=True)
    Console(highlight=False).print(f"{url}: a ledger with K = {k}", soft_wrap=True, markup=False)


def add(url: str, shown: str, stage: str | None, epochs: int, run_id: str | None) -> None:
    """Enters the stages of a mixture (`seimai mix`), or `epochs` passes over a run's released set as one stage."""
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
        about = run.about
        name = run_id or f"{about['recipe']}@{about['version']}:{about['fingerprint'][:12]}"
    for label, rows in entries:
        fresh = ledger.add(name, label, rows)
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


def forget(url: str, keys: list[str], whole_clusters: bool) -> None:
    """Leaves tombstones for form keys (hexadecimal), or for whole clusters by any of their forms."""
    try:
        raw = [bytes.fromhex(key) for key in keys]
    except ValueError:
        raw = []
    if bad := next((k for k in keys if len(k) != 32 or not raw), None):
        raise RecipeError(f"{bad}: a form key or label is 32 hexadecimal digits (columns form_key, cluster)")
    fresh = Ledger.open(url).forget(raw, whole_clusters=whole_clusters)
    Console(highlight=False).print(f"{url}: {fresh} tombstones more; debits stay", soft_wrap=True, markup=False)
