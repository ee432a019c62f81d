"""Labelled answers: every answer that verifiers decided, with true or false and a weight that makes the wanted ratio.

A label says what verifiers say of the answer itself; an answer that lost a comparison and passed is true all the same. Where no
verifier could tell, the recipe may let a jury's rubric say it: true from one score on, false up to another, none between. A text that
passed and failed for one prompt has no label. The ratio Σ weight of true : Σ weight of false is the recipe's: the side that has too
little of it is weighted up, the other keeps weight 1, and no row is dropped.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from synth.pairing.answers import key_of
from synth.pairing.same_prompt import by_prompts, distinct

if TYPE_CHECKING:
    import polars as pl


class Labelled(NamedTuple):
    """answers: their indices in the pool; ids (uint8 [n, 16]), label, weight of each; about: counts and weights for the manifest."""

    answers: np.ndarray
    ids: np.ndarray
    label: np.ndarray
    weight: np.ndarray
    about: dict[str, Any]


def labelled(
    answers: "pl.DataFrame", pairs: "pl.DataFrame", ratio: float, accepted: Mapping[int, bool] | None = None
) -> Labelled:
    """All answers of the pool that may be on a side, the edits that pairs reject, and answers that judges accept or refuse.

    ratio: wanted weight of true over false. accepted: what judges say of rows of which no verifier could tell, by the first word of
    the row's id; of a row's turns they saw the last.
    """
    import polars as pl

    used = pl.col("index").is_in(pairs["rejected"].cast(pl.UInt32).implode()) & (pl.col("of") >= 0)
    group = ["prompt_hi", "prompt_lo", "text_hi", "text_lo"]
    wanted, said = pl.col("chosen") | pl.col("rejected") | used, accepted or {}
    if said:
        words = pl.Series("id", list(said), dtype=pl.UInt64)
        wanted |= pl.col("open") & pl.col("id").is_in(words.implode())
    index, label, ids, contradictory = list[np.ndarray](), list[np.ndarray](), list[np.ndarray](), 0
    for mine in by_prompts(answers, wanted, [*group, "id", "turn", "index", "passed", "open"]):
        if said:
            judged = pl.col("id").replace_strict(
                list(said), list(said.values()), default=False, return_dtype=pl.Boolean
            )
            mine = mine.with_columns(pl.when("open").then(judged).otherwise("passed").alias("passed"))
        texts = [mine.filter(side).select(group).unique() for side in (pl.col("passed"), ~pl.col("passed"))]
        both = texts[0].join(texts[1], on=group, how="semi")
        kept = distinct(mine.join(both, on=group, how="anti"))
        contradictory += len(both)
        index.append(kept["index"].to_numpy())
        label.append(kept["passed"].to_numpy())
        ids.append(_ids(kept.select(group).to_numpy()))
    return _weighted(np.concatenate(index), np.concatenate(label), np.concatenate(ids), contradictory, ratio)


def _ids(words: np.ndarray) -> np.ndarray:
    """Ids of answers by the words of the keys of prompt and text, uint8 [n, 16]."""
    raw = words.astype(">u8").tobytes()
    made = b"".join(key_of(b"labelled", raw[at : at + 32]) for at in range(0, len(raw), 32))
    return np.frombuffer(made, np.uint8).reshape(-1, 16)


def _weighted(index: np.ndarray, label: np.ndarray, ids: np.ndarray, contradictory: int, ratio: float) -> Labelled:
    """The labels with weights that make the ratio."""
    good, bad = int(label.sum()), int((~label).sum())
    up, down = 1.0, 1.0
    if good and bad:
        down = good / (ratio * bad)
        if down < 1:
            up, down = 1 / down, 1.0
    weight = np.where(label, up, down)
    about = {
        "true": good,
        "false": bad,
        "contradictory": contradictory,
        "ratio": ratio,
        "weight_true": round(up, 6),
        "weight_false": round(down, 6),
    }
    return Labelled(index, ids, label, weight, about)
