"""Evaluation items that a generation's rows are held against: one search, made from what the recipe says."""

from typing import TYPE_CHECKING

from curation.decontaminate.search import BenchmarkSearch
from recipes.engine.errors import RecipeError

if TYPE_CHECKING:
    from recipes.engine.generation.plan import Generation


def benchmark_search(generation: "Generation") -> BenchmarkSearch | None:
    """The search for the items of its evaluation sets, read and checked; None where it names none. Raises RecipeError."""
    said = generation.spec.decontaminate
    if said is None:
        return None
    try:
        made = BenchmarkSearch(
            said.width,
            said.shortest,
            said.sets,
            said.reject,
            said.report,
            said.near,
            generation.folder,
            said.with_answer,
        )
        made.artefacts()
    except (OSError, ValueError) as error:
        raise RecipeError(f"{generation.where}, decontaminate: {error}") from error
    return made
