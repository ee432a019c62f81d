"""The plan of a generation's passages: columns that the stage must keep, and what the recipe says that a seed is."""

from typing import TYPE_CHECKING

from recipes.engine.errors import RecipeError
from recipes.engine.generation.spec import GenerateSpec
from synth.obligations import Target
from synth.orders import Order
from synth.passage import Prose
from synth.rights import Use
from synth.seed import SeedPlan

if TYPE_CHECKING:
    from recipes.engine.plan import Block

SEED_COLUMNS = ("id", "text", "host", "licence", "rights_basis")
"""Columns of a page without which it gives no seed; what its rights are must be known."""


def seed_plan(spec: GenerateSpec, made: list[Order], read: "Block", target: Target, place: str) -> SeedPlan | None:
    """What is asked of passages; None where no order grows from one. Raises RecipeError."""
    wanting = [o.name for o in made if o.task.passage]
    if not wanting:
        return None
    if spec.seeds is None:
        raise RecipeError(f"{place}: '{wanting[0]}' grows from passages, and the generation says no 'seeds'")
    if missing := [c for c in SEED_COLUMNS if c not in read.columns]:
        raise RecipeError(f"{place}: seeds need the column '{missing[0]}', which stage '{read.name}' does not keep")
    said = spec.seeds
    if len(said.quality) > 1 or (said.quality and next(iter(said.quality)) not in read.columns):
        raise RecipeError(
            f"{place}: seeds: quality is one column of stage '{read.name}' and its least value, not {said.quality}"
        )
    uses = {o.task.use for o in made if o.task.passage}
    use: Use = "topic" if uses == {"topic"} else "derives"
    quality = next(iter(said.quality.items()), None)
    topics = None if said.topics is None else tuple(said.topics)
    try:
        prose = None if said.prose is None else Prose(**said.prose.model_dump())
        return SeedPlan(
            use, target.purpose, tuple(said.lengths), said.per_stratum, said.per_host, said.per_cluster, quality, topics, spec.salt,
            prose, said.opt_outs_removed is not None,
        )  # fmt: skip
    except ValueError as error:
        raise RecipeError(f"{place}: {error}") from error
