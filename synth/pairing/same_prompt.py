"""Answers of one prompt put side by side: what strategies whose two answers are there already have in common."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from synth.preference import STRATEGIES

if TYPE_CHECKING:
    import polars as pl

CANDIDATE = ("strategy", "chosen", "rejected", "order")
"""Columns of candidates: strategy by name, indices of the two answers in the pool, and the hash by which all is put into order."""
AT_ONCE = 100_000
"""Answers of the pool that are put side by side at a time, all of a prompt together."""


def mixed(*columns: np.ndarray, salt: int = 0) -> np.ndarray:
    """A 64-bit hash of some columns of integers, row by row: the finaliser of splitmix64 over each in turn.

    >>> mixed(np.array([1, 2], np.uint64)).tolist() == mixed(np.array([1, 2], np.uint64)).tolist()
    True
    """
    out = np.full(len(columns[0]), np.uint64(salt), np.uint64)
    for column in columns:
        out = out + column.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        out = (out ^ (out >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        out = (out ^ (out >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        out = out ^ (out >> np.uint64(31))
    return out


def by_prompts(
    answers: "pl.DataFrame", which: "pl.Expr", columns: "Sequence[str | pl.Expr]"
) -> "Iterator[pl.DataFrame]":
    """Some columns of the answers that are wanted, part by part; a prompt's are in one part."""
    import polars as pl

    parts = max(1, -(-len(answers) // AT_ONCE))
    for part in range(parts):
        mine = pl.col("prompt_hi") % parts == part
        yield answers.lazy().filter(mine & which).select(columns).collect()


def distinct(answers: "pl.DataFrame", *by: str) -> "pl.DataFrame":
    """One answer for each text of a prompt, that with the lowest hash, and `rank`: its number in its group, by hash."""
    import polars as pl

    order = mixed(*(answers[name].to_numpy() for name in ("text_hi", "text_lo", "prompt_hi")))
    # two generations may hold the same answer under the same id: the first one that was read is taken
    sorted_ = answers.with_columns(pl.Series("h", order)).sort("h", "id", "turn", "index")
    one = sorted_.unique(["prompt_hi", "prompt_lo", "text_hi", "text_lo", *by], keep="first", maintain_order=True)
    return one.with_columns(pl.int_range(pl.len()).over("prompt_hi", "prompt_lo", *by).alias("rank"))


def beside(
    strategy: str,
    answers: "pl.DataFrame",
    better: "pl.Expr",
    worse: "pl.Expr",
    *by: str,
    per_prompt: int,
    salt: int,
) -> "pl.DataFrame":
    """Candidates: of each prompt (and `by`) at most so many; its rejected answers by their hash, its chosen ones by turns.

    better, worse: which of the answers may be chosen, and which rejected. A text that is on both sides of a prompt is on neither:
    its verdict depended on something else than the text.
    """
    import polars as pl

    narrow = ["prompt_hi", "prompt_lo", "text_hi", "text_lo", *by, "id", "turn", "index"]
    sides = better.alias("may_be_chosen"), worse.alias("may_be_rejected")
    found = [
        candidates(strategy, *_side_by_side(part, by, per_prompt), salt)
        for part in by_prompts(answers, better | worse, [*narrow, *sides])
    ]
    return pl.concat(found)


_Sides = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def _side_by_side(answers: "pl.DataFrame", by: Sequence[str], per_prompt: int) -> _Sides:
    """Indices of chosen and rejected answers, and the hashes of both."""
    import polars as pl

    text = ["prompt_hi", "prompt_lo", "text_hi", "text_lo"]
    chosen, rejected = (answers.filter(pl.col(f"may_be_{side}")) for side in ("chosen", "rejected"))
    both = chosen.select(text).join(rejected.select(text), on=text, how="semi").unique()
    group = ["prompt_hi", "prompt_lo", *by]
    good = distinct(chosen.join(both, on=text, how="anti"), *by)
    bad = distinct(rejected.join(both, on=text, how="anti"), *by).filter(pl.col("rank") < per_prompt)
    counts = good.group_by(group).agg(pl.len().alias("good"))
    turns = bad.join(counts, on=group).with_columns((pl.col("rank") % pl.col("good")).cast(pl.Int64).alias("turn_of"))
    turn = pl.col("rank").cast(pl.Int64).alias("turn_of")
    pairs = turns.join(
        good.select(*group, turn, pl.col("index").alias("better"), pl.col("h").alias("hc")), on=[*group, "turn_of"]
    )
    better, worse, of_better, of_worse = (pairs[name].to_numpy() for name in ("better", "index", "hc", "h"))
    return better, worse, of_better, of_worse


def candidates(
    strategy: str, chosen: np.ndarray, rejected: np.ndarray, of_chosen: np.ndarray, of_rejected: np.ndarray, salt: int
) -> "pl.DataFrame":
    """Candidates from indices of answers and a hash of each side."""
    import polars as pl

    order = mixed(of_chosen, of_rejected, salt=salt)
    kind = pl.Enum(STRATEGIES)
    return pl.DataFrame(
        {"strategy": pl.repeat(strategy, len(chosen), eager=True, dtype=kind), "chosen": chosen.astype(np.uint32),
         "rejected": rejected.astype(np.uint32), "order": order}
    )  # fmt: skip
