"""What `seimai check` says about a recipe that generates: models, addresses and release are held against the policy first.

A stage that generates calls this before anything is loaded, started or read.
"""

from collections.abc import Iterable
from pathlib import Path

from recipes.engine.errors import RecipeError
from recipes.engine.recipe_file import POLICY
from synth.models import Policy
from synth.obligations import PolicyError, Target
from synth.policy_file import load_policy


def check_generation(
    where: str,
    models: Iterable[str],
    addresses: Iterable[str] = (),
    target: Target | None = None,
    policy: str | Path = POLICY,
    called: Iterable[str] = (),
) -> Policy:
    """Refuses denied or unlisted models (generators, judges, reward models), addresses of denied providers, and no target.

    called: names by which servers are asked for them. Raises RecipeError with the entry's reason; returns the policy for the run.
    """
    try:
        known = load_policy(policy)
        known.check_named(models)
        for address in addresses:
            known.check_host(address)
        for name in called:
            known.check_called(name, "the server")
    except PolicyError as error:
        raise RecipeError(f"{where}: {error}") from error
    if target is None:
        raise RecipeError(
            f"{where}: the recipe's release has no `target` (model_name, purpose, publish, notices, licence, signoffs); "
            "what may be released depends on it"
        )
    return known
