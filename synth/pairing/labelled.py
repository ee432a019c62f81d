"""Labelled answers: every answer that verifiers decided, with true or false and a weight that makes the wanted ratio.

A label says what verifiers say of the answer itself; an answer that lost a comparison and passed is true all the same. A text that
passed and failed for one prompt has no label. The ratio Σ weight of true : Σ weight of false is the recipe's: the side that has
too little of it is weighted up, the other keeps weight 1, and no row is dropped.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from synth.pairing.answers import key_of
from synth.pairing.same_prompt import distinct

if TYPE_CHECKING:
    import polars as pl


class Labelled(NamedTuple):
    """answers: their indices in the pool; ids, label, weight of each; about: counts and weights for the manifest."""

    answers: np.ndarray
    ids: list[bytes]
    label: np.ndarray
    weight: np.ndarray
    about: dict[str, Any]


def labelled(answers: "pl.DataFrame", pairs: "pl.DataFrame", ratio: float) -> Labelled:
    """All answers of the pool that may be on a side, and the edits that pairs reject. ratio: wanted weight of true over false."""
    import polars as pl

    used = pl.col("index").is_in(pairs["rejected"].implode()) & (pl.col("of") >= 0)
    group = ["prompt_hi", "prompt_lo", "text_hi", "text_lo"]
    lines = answers.lazy().filter(pl.col("chosen") | pl.col("rejected") | used)
    mine = lines.select(*group, "id", "turn", "index", "passed").collect()
    both = mine.group_by(group).agg(pl.col("passed").n_unique().alias("n")).filter(pl.col("n") > 1)
    kept = distinct(mine.join(both, on=group, how="anti"))
    label = kept["passed"].to_numpy()
    good, bad = int(label.sum()), int((~label).sum())
    up, down = 1.0, 1.0
    if good and bad:
        down = good / (ratio * bad)
        if down < 1:
            up, down = 1 / down, 1.0
    weight = np.where(label, up, down)
    words = np.stack([kept[name].to_numpy() for name in group], axis=1).astype(">u8").tobytes()
    ids = [key_of(b"labelled", words[32 * i : 32 * i + 32]) for i in range(len(kept))]
    about = {
        "true": good,
        "false": bad,
        "contradictory": len(both),
        "ratio": ratio,
        "weight_true": round(up, 6),
        "weight_false": round(down, 6),
    }
    return Labelled(kept["index"].to_numpy().astype(np.int64), ids, label, weight, about)
