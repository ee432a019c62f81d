"""`seimai label sample`: pages for people or a judge model to label, drawn evenly over deciles of a score and over hosts.

A random sample of a crawl is mostly its largest hosts and its middling pages; what a threshold needs is labels at every score. Each
page carries how many pages of its decile it stands for (`weight`), so that estimates over the whole crawl stay possible.
What comes back filled in is read by `train.answers` of a training recipe: by `id`, whatever else has been added.
"""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import typer

from recipes.engine.errors import RecipeError
from recipes.engine.run_folder import open_run

DECILES = 10


def sample(run: str, out: str, rows: int, column: str, chars: int, seed: int) -> None:
    """Writes the sample as JSON lines or CSV: id, url, score, decile, weight, text, and an empty label.

    Raises RecipeError where the run has no such column, or `out` is neither .jsonl nor .csv.
    """
    target = Path(out)
    if target.suffix not in (".jsonl", ".csv"):
        raise RecipeError(f"--out {out}: must end in .jsonl or .csv")
    if target.exists():
        raise RecipeError(f"{out} is there already; answers in it would be lost")
    if rows < 1 or chars < 1:
        raise RecipeError(f"--rows and --chars must be at least 1; found {rows} and {chars}")
    release = open_run(run).release
    if column not in release.columns:
        raise RecipeError(
            f"{run}: the released rows have no column '{column}'; put a step that writes it into the recipe, or name another "
            "by --column"
        )
    keys = pl.concat([pl.from_arrow(b) for b in release.read(["id", "host", "file", column])])  # type: ignore[type-var]
    keys = keys.filter(pl.col(column).is_not_null())
    if keys.is_empty():
        raise RecipeError(f"{run}: no released row has a value in '{column}'")
    chosen = drawn(keys, column, rows, seed)
    ids = set(chosen["id"].to_list())
    texts: dict[bytes, Any] = {}
    for batch in release.read(["id", "url", "text"]):
        texts |= {r["id"]: r for r in batch.to_pylist() if r["id"] in ids}
    table = pl.DataFrame(
        {
            "id": [i.hex() for i in chosen["id"]],
            "url": [texts[i]["url"] for i in chosen["id"]],
            "score": chosen[column],
            "decile": chosen["decile"],
            "weight": chosen["weight"],
            "text": [texts[i]["text"][:chars] for i in chosen["id"]],
            "label": [""] * len(chosen),
        }
    )
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.suffix == ".csv":
        table.write_csv(target)
    else:
        table.write_ndjson(target)
    hosts = chosen["group"].n_unique()
    typer.echo(
        f"{out}: {len(table)} pages of {len(keys):,}, {hosts} hosts; fill in 'label' and name the file in train.answers"
    )


def drawn(keys: pl.DataFrame, column: str, rows: int, seed: int) -> pl.DataFrame:
    """Rows of `keys` (id, host, file, the score), as many from each decile as there are, host after host within a decile.

    The same seed draws the same rows, whatever their order. `weight` is pages in the decile / pages drawn from it.
    """
    score = keys[column].cast(pl.Float64).to_numpy()
    order = np.lexsort((keys["id"].to_list(), score))
    place = np.empty(len(keys), np.int64)
    place[order] = np.arange(len(keys))
    draw = [hashlib.blake2b(f"{seed}-{i.hex()}".encode(), digest_size=8).hexdigest() for i in keys["id"]]
    table = keys.with_columns(
        pl.Series("decile", place * DECILES // len(keys)),
        pl.Series("draw", draw),
        pl.coalesce("host", "file").alias("group"),
    ).sort("draw")
    table = table.with_columns(pl.int_range(pl.len()).over("decile", "group").alias("turn"))
    table = table.sort("decile", "turn", "draw").with_columns(pl.int_range(pl.len()).over("decile").alias("number"))
    each, more = divmod(rows, table["decile"].n_unique())
    firsts = {decile: each + (k < more) for k, decile in enumerate(sorted(table["decile"].unique().to_list()))}
    quota = pl.col("decile").replace_strict(firsts, return_dtype=pl.Int64)
    sizes = pl.len().over("decile")
    table = table.with_columns(sizes.alias("size")).filter(pl.col("number") < quota)
    return table.with_columns((pl.col("size") / pl.len().over("decile")).round(4).alias("weight"))
