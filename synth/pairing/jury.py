"""Jury: of two answers that both passed, the one that a jury of models decided for, where it did so by the recipe's margin.

Ties, inconsistent verdicts and comparisons that no judge decided are no candidates, nor is an answer of which a verifier could not
tell: a jury ranks what programs let pass, and never overrules them. A decision that follows from other comparisons alone (strengths,
habits of error) and that no judge said of these two answers, in both orders, is none either; what people decided is.
"""

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from curation.provenance import id_words
from synth.pairing.same_prompt import candidates, mixed

if TYPE_CHECKING:
    import polars as pl

STRATEGY = "jury"


def pairs(answers: "pl.DataFrame", decisions: pa.Table, *, margin: float, per_prompt: int, salt: int) -> "pl.DataFrame":
    """Candidates among all answers (`Pool.frame`). decisions: with the columns of `synth.judge.decisions`.

    margin: the least by which the jury leans to the winner, in (0, 1]. per_prompt: pairs of one prompt at most.
    """
    import polars as pl

    side = ("index", "prompt_hi", "prompt_lo", "text_hi", "text_lo")
    last = pl.col("turn") == pl.col("turn").max().over("file", "row")
    mine = answers.lazy().filter(pl.col("of") < 0).select(*side, "id", "turn", "file", "row", "chosen").collect()
    good = mine.filter(last).filter("chosen").unique("id", keep="first", maintain_order=True)
    told = pl.DataFrame(dict(zip(("better", "worse"), _sides(decisions, margin), strict=True)))
    both = told.join(good.select(pl.col("id").alias("better"), *side), on="better").join(
        good.select(pl.col("id").alias("worse"), pl.col(side).name.prefix("r_")), on="worse"
    )
    both = both.filter((pl.col("prompt_hi") == pl.col("r_prompt_hi")) & (pl.col("prompt_lo") == pl.col("r_prompt_lo")))
    hashes = [
        mixed(*(both[name].to_numpy() for name in (f"{r}text_hi", f"{r}text_lo", "prompt_hi"))) for r in ("", "r_")
    ]
    both = both.with_columns(
        pl.Series("h", hashes[0]), pl.Series("r_h", hashes[1]), pl.Series("order", mixed(*hashes, salt=salt))
    ).sort("order", "index", "r_index")
    # two generations may hold the same two texts: one decision about them is enough, whichever it is
    texts = both.with_columns(pl.min_horizontal("h", "r_h").alias("low"), pl.max_horizontal("h", "r_h").alias("high"))
    prompt = ["prompt_hi", "prompt_lo"]
    one = texts.unique([*prompt, "low", "high"], keep="first", maintain_order=True)
    left = one.filter(pl.int_range(pl.len()).over(prompt) < per_prompt)
    better, worse, h, r_h = (left[name].to_numpy() for name in ("index", "r_index", "h", "r_h"))
    return candidates(STRATEGY, better, worse, h, r_h, salt)


def said_by_somebody(decisions: pa.Table, verdicts: pa.Table) -> np.ndarray:
    """Whether a judge's verdict is the decision's, or people decided; bool [decisions]."""
    names = ("comparison", "verdict")
    said = set(zip(*(verdicts.column(name).to_pylist() for name in names), strict=True))
    lines = zip(*(decisions.column(name).to_pylist() for name in (*names, "by")), strict=True)
    return np.array([by == "people" or (comparison, verdict) in said for comparison, verdict, by in lines], bool)


def _sides(decisions: pa.Table, margin: float) -> tuple[np.ndarray, np.ndarray]:
    """First words of the ids of winners and losers, of what was decided by the margin."""
    verdict = np.array(decisions.column("verdict").to_pylist(), object)
    leans = decisions.column("margin").to_numpy()
    win, loss = verdict == "win", verdict == "loss"
    decided = (win & (leans >= margin)) | (loss & (-leans >= margin))
    a, b = (_first(decisions.column(name)) for name in ("a", "b"))
    return np.where(win, a, b)[decided], np.where(win, b, a)[decided]


def _first(ids: pa.ChunkedArray) -> np.ndarray:
    return id_words(ids.combine_chunks())[:, 0] if len(ids) else np.zeros(0, np.uint64)
