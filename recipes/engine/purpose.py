"""What a recipe's pages are for, and what follows: shared or published is only what stands under a licence that the policy lists.

Where a recipe says `purpose: share` or `publish`, its last stage gets the step `licensed` before the cap, with the policy's licences
of kind `open` and `public` (DESIGN rule 8). A source of which no row could ever pass is refused when the recipe is checked.
"""

from pathlib import Path
from typing import Any

from recipes.engine.errors import RecipeError
from recipes.engine.recipe_file import POLICY
from recipes.engine.spec import Recipe, Stage, StepSpec
from synth.obligations import PolicyError
from synth.policy_file import load_policy

STEP = "licensed"
OPEN = ("open", "public")
"""Kinds of licence, in the policy, under which pages may leave the house."""


def for_purpose(recipe: Recipe, where: str, base: Path) -> Recipe:
    """The recipe with the step that its purpose asks for. Raises RecipeError for a source or a step that does not fit the purpose."""
    if recipe.purpose == "train_internal":
        return recipe
    path = base / recipe.policy if recipe.policy else POLICY
    try:
        policy = load_policy(path)
    except PolicyError as error:
        raise RecipeError(f"{where}: {error}") from error
    allow = sorted(licence for licence, entry in policy.documents.items() if entry["kind"] in OPEN)
    for name, source in recipe.sources.items():
        if source.licence and source.licence not in allow:
            raise RecipeError(
                f"{where}, source '{name}': licence {source.licence} is not one that {path.name} lists as open or public, so "
                f"nothing of it may enter a release whose purpose is '{recipe.purpose}'; leave the source out, or say "
                "purpose: train_internal"
            )
        if not source.licence and not recipe.licence_links:
            raise RecipeError(
                f"{where}, source '{name}': declares no licence, so nothing of it may enter a release whose purpose is "
                f"'{recipe.purpose}'. Give the source its licence, let the pages' own licence links count (licence_links: true), or "
                "say purpose: train_internal"
            )
    last = recipe.stages[-1]
    return recipe.model_copy(update={"stages": [*recipe.stages[:-1], _licensed(last, recipe, allow, where)]})


def _licensed(stage: Stage, recipe: Recipe, allow: list[str], where: str) -> Stage:
    """The stage with the step; one that it has already may allow no more than the policy does."""
    for step in stage.steps:
        if step.name == STEP and (more := sorted(set(step.with_.get("allow", ())) - set(allow))):
            raise RecipeError(f"{where}, stage '{stage.name}', step '{STEP}': {more[0]} is not open by the policy")
    if any(step.name == STEP for step in stage.steps):
        return stage
    params: dict[str, Any] = {"allow": allow, "links": recipe.licence_links}
    step = StepSpec(name=STEP, with_=params)
    at = next((i for i, one in enumerate(stage.steps) if one.name == "cap"), len(stage.steps))
    return stage.model_copy(update={"steps": [*stage.steps[:at], step, *stage.steps[at:]]})
