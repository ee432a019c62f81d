"""A program's answer against a model's failing one: what a model that cannot do a task at all can still learn from."""

from typing import TYPE_CHECKING

from synth.pairing.same_prompt import beside

if TYPE_CHECKING:
    import polars as pl

STRATEGY = "program_model"


def pairs(answers: "pl.DataFrame", *, per_prompt: int, salt: int) -> "pl.DataFrame":
    """Candidates among all answers (`Pool.frame`)."""
    import polars as pl

    good = pl.col("chosen") & (pl.col("origin") == 1)
    bad = pl.col("rejected") & (pl.col("origin") == 0)
    return beside(STRATEGY, answers, good, bad, per_prompt=per_prompt, salt=salt)
