"""Delta: a strong model's answer that passed against a weak model's, ranked by who wrote them as the recipe states it.

The recipe names the two; nothing here finds out which is stronger. The weak one's answer failed, or (where the recipe says so) may
have passed as well: then only the rank tells them apart, the pair has no margin and no stated constraint.
"""

from collections.abc import Collection
from typing import TYPE_CHECKING

from synth.pairing.same_prompt import beside

if TYPE_CHECKING:
    import polars as pl

STRATEGY = "delta"


def pairs(
    answers: "pl.DataFrame",
    *,
    strong: Collection[int],
    weak: Collection[int],
    rejected: Collection[str],
    per_prompt: int,
    salt: int,
) -> "pl.DataFrame":
    """Candidates among all answers (`Pool.frame`).

    strong, weak: codes of the models; rejected: verdicts of the weak one's answers.
    """
    import polars as pl

    good = pl.col("chosen") & pl.col("model").is_in(list(strong))
    wanted = (pl.col("rejected") if "fail" in rejected else pl.lit(False)) | (
        pl.col("chosen") if "pass" in rejected else pl.lit(False)
    )
    bad = wanted & pl.col("model").is_in(list(weak))
    return beside(STRATEGY, answers, good, bad, per_prompt=per_prompt, salt=salt)
