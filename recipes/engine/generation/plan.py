"""A generation planned: everything that can be known before it starts is checked here, and its fingerprint follows from it.

Checked are the policy (models, addresses, origins of imported sets, obligations against the release's target), tasks and their
parameters, wordings, constraints, evaluation sets, imported sets (there, and what their names say) and the columns that seeds
need. Nothing is loaded or started.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recipes.engine.errors import RecipeError
from recipes.engine.generation.engines import INSTALL, EngineChoice, choose
from recipes.engine.generation.fingerprint import asked
from recipes.engine.generation.imports import Import, plan_imports
from recipes.engine.generation.orders import constraints, make_orders
from recipes.engine.generation.paths import check_model, engine_placed
from recipes.engine.generation.seed_plan import seed_plan
from recipes.engine.generation.spec import GenerateSpec, ReleaseSpec
from recipes.engine.generation_policy import check_generation
from recipes.engine.recipe_file import POLICY
from recipes.engine.source_read import hash_of
from synth.engine.content_key import Identity
from synth.import_candidates import ImportOrder
from synth.mixture import MixturePlan
from synth.models import Policy, Ruling, check_release
from synth.obligations import PolicyError, Target
from synth.orders import Order
from synth.seed import SeedPlan

if TYPE_CHECKING:
    from recipes.engine.plan import Block


@dataclass
class Generation:
    """A generation that may start.

    left_out: orders that are not asked because the engine is not installed, and what is missing. rounds: folder of its rounds, of
    which a changed target needs no new ones; url: of its released set. store: folder of the answers, shared by all versions.
    """

    spec: GenerateSpec
    release: ReleaseSpec
    target: Target
    policy: Policy
    engine: EngineChoice
    orders: list[Order]
    imports: list[Import]
    left_out: dict[str, str]
    read: "Block"
    seeds: SeedPlan | None
    mixture: MixturePlan
    where: str
    fingerprint: str = ""
    asked: str = ""
    """Fingerprint of what the rounds depend on."""
    url: str = ""
    rounds: str = ""
    store: str = ""
    policy_hash: str = ""
    """SHA-256 of the policy file: rows carry its rulings."""
    folder: Path = field(default_factory=Path)
    """The recipe's folder, at which relative files of evaluation sets begin."""

    @property
    def name(self) -> str:
        """The recipe's name of it."""
        return self.spec.name


def make(
    spec: GenerateSpec,
    release: ReleaseSpec | None,
    read: "Block",
    where: str,
    folder: Path,
    policy_file: str | None = None,
) -> Generation:
    """Checks a generation and plans it. Raises RecipeError at the first thing that cannot be.

    folder: the recipe's, at which relative files begin (`paths`). policy_file: in place of the project's.
    """
    place = f"{where}, generate '{spec.name}'"
    release = release or ReleaseSpec()
    folder = folder.resolve()
    engine = choose(engine_placed(spec.engine, folder), place)
    target = None if release.target is None else Target(**_target(release.target.model_dump()))
    models = [] if engine.model is None else [engine.model]
    policy_path = folder / policy_file if policy_file else POLICY
    policy = check_generation(place, models, engine.addresses, target, policy_path, engine.called)
    assert target is not None
    check_obligations(engine, policy, target, place)
    check_model(engine, policy, place)
    if engine.missing and spec.without_engine == "fail":
        hint = INSTALL.get(engine.kind or "", "")
        raise RecipeError(f"{place}: engine '{engine.kind}' is not installed here ({engine.missing}); {hint}")
    conduct = constraints(spec.conduct, f"{place}, conduct")
    made, left_out = make_orders(spec, engine, conduct, release.draft_wordings == "allow", folder, place)
    imports = plan_imports(spec, conduct, policy, target, folder, place)
    here = engine.kind is not None and not engine.missing
    generation = Generation(
        spec, release, target, policy, engine if here else EngineChoice(None, {}), made, imports, left_out, read,
        seed_plan(spec, made, read, target, place), _mixture(spec, [*made, *(one.order for one in imports)], place), place,
        folder=folder,
    )  # fmt: skip
    generation.policy_hash = hashlib.sha256(policy_path.read_bytes()).hexdigest()
    generation.asked = asked(generation)
    generation.fingerprint = hash_of([generation.asked, release.model_dump()])
    return generation


def _target(said: dict[str, Any]) -> dict[str, Any]:
    return said | {"notices": tuple(said["notices"])}


def check_obligations(engine: EngineChoice, policy: Policy, target: Target, place: str) -> None:
    """Holds the target against what the named model obliges to, as far as its entries say it without weights."""
    if engine.model is None:
        return
    declared = engine.kind == "server" and bool(engine.addresses)
    rulings: list[Ruling] = [
        policy.of_model(m, r, w) for (m, r, w) in policy.models if m == engine.model and r == engine.revision
    ]
    if not rulings:
        rulings = [policy.of_model(engine.model, engine.revision, "")]
    if declared:
        rulings = [policy.of_author(Identity(engine.model, engine.revision, "", "server", ""))]
        if rulings[0].status == "deny":
            raise RecipeError(f"{place}: {rulings[0].reasons[0]}")
    try:
        check_release(rulings, target)
    except PolicyError as error:
        raise RecipeError(f"{place}: {error}") from error


def _mixture(spec: GenerateSpec, made: Sequence[Order | ImportOrder], place: str) -> MixturePlan:
    """Quotas of the orders that are asked, and the caps."""
    quotas = {o.name: spec.quotas[o.name] for o in made}
    try:
        return MixturePlan({} if spec.in_rows else quotas, quotas if spec.in_rows else {}, **spec.caps.model_dump())
    except ValueError as error:
        raise RecipeError(f"{place}: {error}") from error
