"""Generations that another block of a recipe reads, found by their names."""

import difflib
from collections.abc import Iterable, Sequence

from recipes.engine.errors import RecipeError
from recipes.engine.generation.plan import Generation


def read_by_name(names: Iterable[str], generations: Sequence[Generation], place: str) -> list[Generation]:
    """The generations of these names. Raises RecipeError for one that the recipe has not got."""
    by_name = {g.name: g for g in generations}
    for name in names:
        if name not in by_name:
            near = difflib.get_close_matches(name, by_name, 1)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            there = f"there are: {', '.join(by_name)}" if by_name else "it has none"
            raise RecipeError(f"{place}: reads '{name}', which is no generation of this recipe ({there}){hint}")
    return [by_name[name] for name in names]
