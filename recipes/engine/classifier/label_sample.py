"""`seimai label sample`: pages for people or a judge model to label, drawn evenly over deciles of a score and over hosts.

A random sample of a crawl is mostly its largest hosts and its middling pages; what a threshold needs is labels at every score. Each
page carries how many pages of its decile it stands for (`weight`), so that estimates over the whole crawl stay possible.
What comes back filled in is looked at by `seimai label read`, and read by `train.answers` of a training recipe and by
`seimai report --labels`: by `id`, whatever else has been added.
"""

import hashlib
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import typer

from curation.document import COLUMNS
from curation.shards import ShardSet
from recipes.engine.errors import RecipeError
from recipes.engine.file_systems import on_disk
from recipes.engine.forget.gate import cleared_or_refused
from recipes.engine.run_folder import Run, open_run, rows_of

DECILES = 10
MOST_ROWS = 5_000_000
"""Rows that are drawn from: whole partitions, each a random part of a run, until there are so many."""


def sample(run: str, out: str, rows: int, column: str, chars: int, seed: int, stage: str | None = None) -> None:
    """Writes the sample as JSON lines or CSV: id, url, score, decile, weight, text, and an empty label.

    stage: draws from what this stage kept, before later ones decided; from the released rows without.

    Raises RecipeError where the run has no such stage or column, or `out` is neither .jsonl nor .csv.
    """
    target = on_disk(out, "--out")
    if target.suffix not in (".jsonl", ".csv"):
        raise RecipeError(f"--out {out}: must end in .jsonl or .csv")
    if target.exists():
        raise RecipeError(f"{out} is there already; answers in it would be lost")
    if rows < 1 or chars < 1:
        raise RecipeError(f"--rows and --chars must be at least 1; found {rows} and {chars}")
    cleared_or_refused(run)
    shards, said = _drawn_from(open_run(run), run, stage)
    if missing := [c for c in (column, "text") if c not in shards.columns]:
        raise RecipeError(
            f"{run}: {said} have no column '{missing[0]}'; put a step that writes it into the recipe, or name another by --column"
        )
    if not _is_number(COLUMNS[column].type):
        raise RecipeError(f"--column {column}: holds {COLUMNS[column].type}, and deciles are of numbers")
    keys, seen = _keys(shards, column)
    if keys.is_empty():
        raise RecipeError(f"{run}: none of {said} has a value in '{column}'")
    chosen = drawn(keys, column, rows, seed).with_columns((pl.col("weight") * (shards.rows / seen)).round(4))
    ids = chosen["id"].to_list()
    texts = rows_of(shards, ids, ["url", "text"])
    table = pl.DataFrame(
        {
            "id": [i.hex() for i in ids],
            "url": [_cell(texts[i]["url"], target) for i in ids],
            "score": chosen[column],
            "decile": chosen["decile"],
            "weight": chosen["weight"],
            "text": [_cell((texts[i]["text"] or "")[:chars], target) for i in ids],
            "label": [""] * len(chosen),
        }
    )
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.suffix == ".csv":
        table.write_csv(target, include_bom=True)  # without the mark Excel takes UTF-8 for Shift_JIS
    else:
        table.write_ndjson(target)
    hosts = chosen["group"].n_unique()
    typer.echo(
        f"{out}: {len(table)} pages of {len(keys):,}, {hosts} hosts; fill in 'label', then: seimai label read {run} {out}"
    )


def _drawn_from(run: Run, folder: str, stage: str | None) -> tuple[ShardSet, str]:
    """The set that is drawn from, and what to call its rows."""
    if stage is None:
        return run.release, "the released rows"
    blocks = [b for b in run.chain if b["stage"] == stage]
    if not blocks:
        raise RecipeError(
            f"{folder}: has no stage '{stage}'; stages: {', '.join(dict.fromkeys(b['stage'] for b in run.chain))}"
        )
    shards = run.shard_set(blocks[-1])
    if shards is None:
        raise RecipeError(f"{folder}: the rows of stage '{stage}' were deleted since; run the recipe again")
    return shards, f"the rows of stage '{stage}'"


def _keys(shards: ShardSet, column: str) -> tuple[pl.DataFrame, int]:
    """id, host, file and score of rows that have one, of whole partitions until there are enough; and how many rows were seen."""
    found, seen = [], 0
    names = [c for c in ("id", "host", "file", column) if c in shards.columns]
    for part in range(shards.partitions):
        for batch in shards.read(names, part):
            frame = pl.from_arrow(batch)
            assert isinstance(frame, pl.DataFrame)
            frame = frame.with_columns(pl.lit(None, pl.String).alias(c) for c in ("host", "file") if c not in names)
            found.append(frame.filter(pl.col(column).is_not_null() & pl.col(column).cast(pl.Float64).is_finite()))
            seen += len(frame)
        if seen >= MOST_ROWS:
            break
    return (pl.concat(found) if found else pl.DataFrame()), seen


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_floating(kind) or pa.types.is_integer(kind)


def _cell(text: str | None, target: Path) -> str | None:
    """A page's text for a cell: in CSV one that a spreadsheet would take for a formula begins with an apostrophe."""
    return f"'{text}" if target.suffix == ".csv" and text and text[0] in "=+-@\t\r" else text


def drawn(keys: pl.DataFrame, column: str, rows: int, seed: int) -> pl.DataFrame:
    """Rows of `keys` (id, host, file, the score), as many from each decile as there are, drawn over its hosts.

    A decile's pages of one host are parted at random into √n parts, and part after part gives a page: a host of 400 pages gives some
    20 times as many as one of a single page, and not 400 times. The same seed draws the same rows, whatever their order.

    `weight`: how many pages of its decile a page stands for, which are the part's pages / those drawn of it, divided by the chance
    that the part was drawn at all. Each page has a random number, and a part comes as early as its lowest; given the lowest of the
    first part that was left out, τ, a part of n pages was drawn with the chance 1 − (1 − τ)ⁿ (bottom-k sampling with rank
    conditioning, Cohen & Kaplan 2007). A decile's weights are then brought to the sum of its pages.
    """
    score = keys[column].cast(pl.Float64).to_numpy()
    order = np.lexsort((keys["id"].to_list(), score))
    place = np.empty(len(keys), np.int64)
    place[order] = np.arange(len(keys))
    hashes = [hashlib.blake2b(f"{seed}-{i.hex()}".encode(), digest_size=16).digest() for i in keys["id"]]
    draw, other = np.frombuffer(b"".join(hashes), ">u8").astype(np.uint64).reshape(-1, 2).T
    table = keys.with_columns(
        pl.Series("decile", place * DECILES // len(keys)),
        pl.Series("draw", draw / 2.0**64),
        pl.Series("other", other / 2.0**64),
        pl.coalesce("host", "file").alias("group"),
    ).sort("draw")
    parts = pl.len().over("decile", "group").sqrt().floor()
    table = table.with_columns((pl.col("other") * parts).floor().cast(pl.Int64).alias("part"))
    part = ("decile", "group", "part")
    table = table.with_columns(pl.int_range(pl.len()).over(*part).alias("turn"))
    table = table.sort("decile", "turn", "draw").with_columns(pl.int_range(pl.len()).over("decile").alias("number"))
    each, more = divmod(rows, table["decile"].n_unique())
    firsts = {decile: each + (k < more) for k, decile in enumerate(sorted(table["decile"].unique().to_list()))}
    quota = pl.col("decile").replace_strict(firsts, return_dtype=pl.Int64)
    left_out = pl.col("draw").filter((pl.col("turn") == 0) & (pl.col("number") >= quota)).min().over("decile")
    table = table.with_columns(left_out.fill_null(1.0).alias("limit"), pl.len().over(*part).alias("size"))
    table = table.with_columns(pl.len().over("decile").alias("whole")).filter(pl.col("number") < quota)
    chance = 1 - (1 - pl.col("limit")) ** pl.col("size")
    table = table.with_columns((pl.col("size") / pl.len().over(*part) / chance).alias("weight"))
    return table.with_columns((pl.col("weight") * pl.col("whole") / pl.col("weight").sum().over("decile")).round(4))
