"""Length and form balanced by matching: for every pair whose chosen answer is longer, one of the same stratum where it is shorter.

A model that learns "longer is better", or "lists are better", has learnt what nobody meant. In a stratum (strategy × function) each
pair has a difference of length, in steps that widen, and for each measure of form a sign, or a step; its mirror image has the
opposite ones. Pairs are coupled with a mirror image, as many as there are on the smaller side, and what is left alone is no pair.
Pairs without any difference stand for themselves. Over- and under-limit failures of 文字数 are mirror images of each other too, so
both are drawn equally often whether or not anything else is balanced.

The two pairs of a couple are about as long as each other: where short answers are chosen longer and long ones shorter, length and
difference together tell which was chosen. Strata of fewer than `FEW` candidates, over which nobody could measure as much, are then
coupled whatever their length, and at last by the sign of the difference of length alone: the manifest says how many.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from synth.pairing.form import FORMAT
from synth.pairing.same_prompt import mixed
from synth.preference import STRATEGIES

if TYPE_CHECKING:
    import polars as pl

FEW = 500
STEPS = np.array([1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610])
"""Differences of length at which a wider step begins, in characters."""
FORM_STEPS = np.array([1, 3, 5, 8, 12])
"""Likewise for the measures of form that are counted in steps: line ends and items, of which a list may have few or many."""
STEPPED = ("lines", "items")
ROUNDS = ("length, form and level", "length and form", "sign of length and form", "sign of length")
"""What the two pairs of a couple have opposite, round by round."""


def coupled(candidates: "pl.DataFrame", length: bool, form: bool) -> "pl.DataFrame":
    """The candidates that stand for themselves or have a mirror image, with `unit`: the same number for the two of a couple.

    `round` is the number of the round of ROUNDS in which they were coupled. Columns as `rules.permitted` gives them, sorted by order.
    """
    import polars as pl

    left = candidates.sort("order")
    slim = left.select("strategy", "function").with_columns(**_differences(left, length, form)).with_row_index("at")
    slim = slim.with_columns(pl.len().over("strategy", "function").alias("stratum"))
    found: list[pl.DataFrame] = []
    for number, (by, few) in enumerate(
        ((["fine", "level"], False), (["fine"], True), (["coarse"], True), (["sign"], True))
    ):
        made = _couples(slim.filter(pl.col("stratum") < FEW) if few else slim, by, number)
        found.append(made)
        alone = np.ones(len(left), bool)
        alone[made["at"].to_numpy()] = False
        slim = slim.filter(alone[slim["at"].to_numpy()])
    units = pl.concat(found)
    return left[units["at"].to_numpy()].hstack(units.select("unit", "round").get_columns())


def _differences(frame: "pl.DataFrame", length: bool, form: bool) -> dict[str, Any]:
    """Signed numbers of which a mirror image has the opposite, from fine to coarse, and the level of length, which both share."""
    import polars as pl

    delta = (frame["length"] - frame["r_length"]).to_numpy().astype(np.int64)
    step = np.sign(delta) * np.searchsorted(STEPS, np.abs(delta), side="right")
    limit = np.where(frame["fails"].to_numpy() == 1, frame["limit"].to_numpy(), 0).astype(np.int64)
    signs = np.zeros(len(frame), np.int64)
    for name in FORMAT if form else ():
        difference = (frame[name] - frame[f"r_{name}"]).to_numpy().astype(np.int64)
        steps = np.searchsorted(FORM_STEPS, np.abs(difference), side="right") if name in STEPPED else 1
        digits = 2 * len(FORM_STEPS) + 1 if name in STEPPED else 3
        signs = (
            signs * digits + np.sign(difference) * steps
        )  # balanced digits: the opposite number has the opposite ones
    base = 3 ** (len(FORMAT) - len(STEPPED)) * (2 * len(FORM_STEPS) + 1) ** len(STEPPED)
    on = np.int64(length)
    fine, coarse = (on * step * base + signs) * 3 + limit, (on * np.sign(delta) * base + signs) * 3 + limit
    both = (frame["length"] + frame["r_length"]).to_numpy()
    level = np.floor(np.log2(np.maximum(both, 1))).astype(np.int64) if length else np.zeros(len(frame), np.int64)
    named = {"fine": fine, "coarse": coarse, "sign": on * np.sign(delta) * 3 + limit, "level": level}
    return {name: pl.Series(name, values.astype(np.int32)) for name, values in named.items()}


def _couples(left: "pl.DataFrame", by: list[str], number: int) -> "pl.DataFrame":
    """`at`, `unit` and `round` of couples of mirror images: by[0] opposite, the rest of `by`, strategy and function the same."""
    import polars as pl

    signed, shared = by[0], ["strategy", "function", *by[1:]]
    group = [*shared, "cell"]
    cells = left.with_columns(pl.col(signed).abs().alias("cell"), pl.col(signed).sign().alias("side"))
    cells = cells.with_columns(pl.int_range(pl.len()).over(*group, "side").alias("rank"))
    counts = cells.group_by(group).agg(
        (pl.col("side") > 0).sum().alias("plus"), (pl.col("side") < 0).sum().alias("minus")
    )
    kept = cells.join(counts, on=group, maintain_order="left").filter(
        (pl.col("side") == 0) | (pl.col("rank") < pl.min_horizontal("plus", "minus"))
    )
    coded = kept.select(pl.col("strategy").cast(pl.Enum(STRATEGIES)).to_physical(), *group[1:], "rank")
    unit = mixed(*(column.to_numpy() for column in coded), salt=number)
    return kept.select("at", pl.Series("unit", unit), pl.lit(number).alias("round"))
