"""Which answers are edited, and the edits as candidates: the part of the edited strategies that is columns."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from synth.pairing.answers import ABOUT
from synth.pairing.same_prompt import candidates, distinct, mixed

if TYPE_CHECKING:
    import polars as pl


def to_edit(answers: "pl.DataFrame", wanted: Mapping[str, int], bits: Mapping[str, int], salt: int) -> "pl.DataFrame":
    """Passing answers that are edited, sorted by where they lie: `index`, file, row, turn and `mask` of the strategies.

    wanted: answers at most for each strategy that edits; bits: of the strategies in the mask. Templates come by turns, so that a
    frequent one does not use up the room. Twins are edited where both are there; refusals where a verifier asks about refusing.
    """
    import polars as pl

    columns = (
        "prompt_hi",
        "prompt_lo",
        "text_hi",
        "text_lo",
        "id",
        "turn",
        "index",
        "file",
        "row",
        "about",
        "twin",
        "template",
    )
    passing = distinct(answers.lazy().filter(pl.col("chosen")).select(columns).collect())
    order = mixed(passing["h"].to_numpy(), salt=salt)
    passing = passing.with_columns(pl.Series("h", order)).sort("h")
    twins = (
        answers.lazy()
        .filter(~pl.col("open"))
        .group_by("twin")
        .agg(pl.col("asked").n_unique().alias("n"))
        .filter((pl.col("n") > 1) & (pl.col("twin") != 0))
        .collect()
    )
    asks = {
        "near_miss": pl.lit(True),
        "twins": ((pl.col("about") & ABOUT["abstention"]) != 0) & pl.col("twin").is_in(twins["twin"].implode()),
        "over_refusal": (pl.col("about") & ABOUT["refusal"]) != 0,
    }
    mask = np.zeros(len(passing), np.int8)
    numbered = passing.with_row_index("at").drop("rank")
    for strategy, most in wanted.items():
        mine = numbered.filter(asks[strategy]).with_columns(pl.int_range(pl.len()).over("template").alias("rank"))
        mask[mine.sort("rank", "h").head(most)["at"].to_numpy()] |= bits[strategy]
    made = passing.with_columns(pl.Series("mask", mask)).filter(pl.col("mask") > 0)
    return made.select("index", "file", "row", "turn", "mask").sort("file", "row", "turn")


def pairs(answers: "pl.DataFrame", strategies: "pl.Series", salt: int) -> "pl.DataFrame":
    """Candidates of the edits that the pool holds. strategies: of each edit, in the order in which the pool read them."""
    import polars as pl

    names = ["text_hi", "text_lo", "prompt_hi"]
    made = answers.lazy().filter(pl.col("of") >= 0).select(*names, "of", "index").collect()
    made = made.with_columns(strategies.alias("strategy"))
    of = answers.select(names)[made["of"].to_numpy()]
    h_of, h_made = (mixed(*(some[name].to_numpy() for name in names)) for some in (of, made))
    found = candidates("near_miss", made["of"].to_numpy(), made["index"].to_numpy(), h_of, h_made, salt)
    # two editors may come to the same text
    return (
        found.with_columns(made["strategy"].cast(found["strategy"].dtype))
        .with_columns(made["text_hi"])
        .unique(["strategy", "chosen", "text_hi"], keep="first", maintain_order=True)
        .drop("text_hi")
    )
