"""Answers of one prompt put side by side: what strategies whose two answers are there already have in common."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import polars as pl

CANDIDATE = ("strategy", "chosen", "rejected", "order")
"""Columns of candidates: strategy by name, indices of the two answers in the pool, and the hash by which all is put into order."""


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


def distinct(answers: "pl.DataFrame", *by: str) -> "pl.DataFrame":
    """One answer for each text of a prompt, that with the lowest hash, and `rank`: its number in its group, by hash."""
    import polars as pl

    order = mixed(*(answers[name].to_numpy() for name in ("text_hi", "text_lo", "prompt_hi")))
    sorted_ = answers.with_columns(pl.Series("h", order)).sort("h", "id", "turn")
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

    text = ["prompt_hi", "prompt_lo", "text_hi", "text_lo"]
    narrow = [*text, *by, "id", "turn", "index"]
    chosen, rejected = (answers.lazy().filter(which).select(narrow).collect() for which in (better, worse))
    both = chosen.select(text).join(rejected.select(text), on=text, how="semi").unique()
    group = ["prompt_hi", "prompt_lo", *by]
    good = distinct(chosen.join(both, on=text, how="anti"), *by)
    bad = distinct(rejected.join(both, on=text, how="anti"), *by).filter(pl.col("rank") < per_prompt)
    counts = good.group_by(group).agg(pl.len().alias("good"))
    turns = bad.join(counts, on=group).with_columns((pl.col("rank") % pl.col("good")).cast(pl.Int64).alias("turn_of"))
    pairs = turns.join(
        good.select(
            *group,
            pl.col("rank").cast(pl.Int64).alias("turn_of"),
            pl.col("index").alias("better"),
            pl.col("h").alias("hc"),
        ),
        on=[*group, "turn_of"],
    )
    return candidates(
        strategy,
        pairs["better"].to_numpy(),
        pairs["index"].to_numpy(),
        pairs["hc"].to_numpy(),
        pairs["h"].to_numpy(),
        salt,
    )


def candidates(
    strategy: str, chosen: np.ndarray, rejected: np.ndarray, of_chosen: np.ndarray, of_rejected: np.ndarray, salt: int
) -> "pl.DataFrame":
    """Candidates from indices of answers and a hash of each side."""
    import polars as pl

    order = mixed(of_chosen, of_rejected, salt=salt)
    return pl.DataFrame(
        {"strategy": pl.repeat(strategy, len(chosen), eager=True, dtype=pl.String), "chosen": chosen.astype(np.int64),
         "rejected": rejected.astype(np.int64), "order": order}
    )  # fmt: skip
