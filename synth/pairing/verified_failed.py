"""Verified against failed: two answers of one model to one prompt, of which verifiers passed one and failed the other.

Both are drawn from the same policy (model, revision and weights), so that a pair tells what the model can do and did not do, not who
wrote it.
"""

from typing import TYPE_CHECKING

from synth.pairing.same_prompt import beside

if TYPE_CHECKING:
    import polars as pl

STRATEGY = "verified_failed"


def pairs(answers: "pl.DataFrame", *, per_prompt: int, salt: int) -> "pl.DataFrame":
    """Candidates among all answers (`Pool.frame`)."""
    import polars as pl

    theirs = pl.col("origin") == 0
    return beside(
        STRATEGY,
        answers,
        theirs & pl.col("chosen"),
        theirs & pl.col("rejected"),
        "model",
        per_prompt=per_prompt,
        salt=salt,
    )
