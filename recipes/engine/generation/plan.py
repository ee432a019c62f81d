"""A generation planned: everything that can be known before it starts is checked here, and its fingerprint follows from it.

Checked are the policy (models, addresses, obligations against the release's target), tasks and their parameters, wordings,
constraints, evaluation sets and the columns that seeds need. Nothing is loaded, started or read but small files of the project.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.source_hash import of_module
from recipes.engine import blocks, code_version
from recipes.engine.errors import RecipeError
from recipes.engine.generation.earlier_sets import base_hashes
from recipes.engine.generation.engines import INSTALL, EngineChoice, choose
from recipes.engine.generation.paths import check_model, engine_placed, task_placed
from recipes.engine.generation.spec import GenerateSpec, ReleaseSpec, TaskOrder
from recipes.engine.generation_policy import check_generation
from recipes.engine.recipe_file import POLICY
from recipes.engine.source_read import hash_of
from synth import chat_forms, orders, wordings
from synth.engine.content_key import Identity
from synth.engine.request import RequestError, Sampling
from synth.mixture import MixturePlan
from synth.models import Policy, Ruling, check_release
from synth.obligations import PolicyError, Target
from synth.orders import Order
from synth.rights import Use
from synth.seed import SeedPlan
from synth.tasks.task import TaskError, instance, task_class
from synth.verify.constraint import Constraint, SpecError, parse

if TYPE_CHECKING:
    from recipes.engine.plan import Block

FORMAT = 1
"""Version of the rounds' and the release's layout; part of every fingerprint."""
SEED_COLUMNS = ("id", "text", "host", "licence", "rights_basis")
"""Columns of a page without which it gives no seed; what its rights are must be known."""
CODE = (
    "synth.answering",
    "synth.candidates",
    "synth.deciding",
    "synth.orders",
    "synth.seed",
    "synth.verify.constraint",
)
LIBRARIES = ("sudachipy", "sudachidict-core", "jsonschema", "datasketch", "regex", "pyyaml")


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
    here = engine.kind is not None and not engine.missing
    conduct = _constraints(spec.conduct, place)
    drafts = release.draft_wordings == "allow"
    made: list[Order] = []
    left_out: dict[str, str] = {}
    for name, order in spec.tasks.items():
        at = f"{place}, task '{name}'"
        if order.answers != "program" and engine.kind is None:
            raise RecipeError(f"{at}: answers: {order.answers} needs an 'engine', and the generation names none")
        one = _order(spec, name, order, conduct, drafts, folder, at)
        if order.answers == "model" and not here:
            left_out[name] = engine.missing
            continue
        if order.answers == "both" and not here:
            one = Order(**{**vars(one), "answers": "program"})
        made.append(one)
    if not made:
        raise RecipeError(f"{place}: only a model could answer these tasks, and {engine.missing} is not installed")
    generation = Generation(
        spec, release, target, policy, engine if here else EngineChoice(None, {}), made, left_out, read,
        _seed_plan(spec, made, read, target, place), _mixture(spec, made, place), place, folder=folder,
    )  # fmt: skip
    generation.policy_hash = hashlib.sha256(policy_path.read_bytes()).hexdigest()
    _check_evaluation_sets(generation)
    generation.asked = _asked(generation)
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
        rulings = [policy.of_model(engine.model, engine.revision, "any")]
    if declared:
        rulings = [policy.of_author(Identity(engine.model, engine.revision, "", "server", ""))]
        if rulings[0].status == "deny":
            raise RecipeError(f"{place}: {rulings[0].reasons[0]}")
    try:
        check_release(rulings, target)
    except PolicyError as error:
        raise RecipeError(f"{place}: {error}") from error


def _constraints(said: list[str | dict[str, Any]], place: str) -> tuple[Constraint, ...]:
    try:
        return tuple(parse({"kind": one} if isinstance(one, str) else one) for one in said)
    except SpecError as error:
        raise RecipeError(f"{place}, conduct: {error}") from error


def _order(
    spec: GenerateSpec,
    name: str,
    order: TaskOrder,
    conduct: tuple[Constraint, ...],
    drafts: bool,
    folder: Path,
    at: str,
) -> Order:
    """An order whose task can be made with its parameters and its wordings."""
    try:
        cls = task_class(order.task or name, at)
        task = cls(**blocks.checked(cls, task_placed(cls, order.with_, folder), at))
        sampling: Mapping[str, Any] = {"max_tokens": 256, "temperature": 0.0} | spec.sampling | order.sampling
        if order.answers != "program" and not {"max_tokens", "temperature"} <= (spec.sampling | order.sampling).keys():
            raise RecipeError(f"{at}: sampling states max_tokens and temperature at least")
        drawn = Sampling(**blocks.checked(Sampling, dict(sampling), f"{at}, sampling"))
        if order.samples > 1 and drawn.temperature == 0:
            raise RecipeError(f"{at}: {order.samples} samples at temperature 0 are one; draw, or say samples: 1")
        words = task.words()
    except (TaskError, RequestError, wordings.WordingError) as error:
        raise RecipeError(f"{at}: {str(error).removeprefix(f'{at}: ')}") from error
    held = tuple(one for one in conduct if one.kind not in task.exempt)
    made = Order(name, task, order.answers, order.samples, drawn, held, order.split, spec.topic_span, drafts)
    left = set(made.words().parts)
    if lacking := [part for part in task.needs() if part not in left]:
        draft = sum(line.state == "draft" for line in words.lines)
        raise RecipeError(
            f"{at}: {draft} of the {len(words.lines)} wordings in {words.group}.yaml are drafts that nobody has reviewed, so there "
            f"is none for '{lacking[0]}'; have them reviewed, or say release: {{draft_wordings: allow}} for one that stays inside"
        )
    _probe(made, spec, at)
    return made


def _probe(order: Order, spec: GenerateSpec, at: str) -> None:
    """Makes a few instances of a task that needs no passage, to see that they can be answered as the recipe says."""
    if order.task.passage:
        return
    try:
        found = [
            instance(order.task, i, f"{spec.salt}/{order.name}", None, order.split, order.words()) for i in range(5)
        ]
    except (TaskError, SpecError) as error:
        raise RecipeError(f"{at}: {error}") from error
    made = [one[0] for one in found if one is not None]
    if order.answers == "program" and made and not any(one.program for one in made):
        raise RecipeError(f"{at}: no program can answer '{order.task.name}'; say answers: model")
    asks = any(turn.open and turn.role == "user" for one in made for turn in one.turns)
    if asks and order.answers != "program" and spec.chat_form not in chat_forms.FORMS:
        known = ", ".join(chat_forms.FORMS)
        raise RecipeError(
            f"{at}: the model writes the user's turn, so the generation names its chat_form: {known} (found {spec.chat_form!r})"
        )


def _seed_plan(spec: GenerateSpec, made: list[Order], read: "Block", target: Target, place: str) -> SeedPlan | None:
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
        return SeedPlan(
            use, target.purpose, tuple(said.lengths), said.per_stratum, said.per_host, said.per_cluster, quality, topics, spec.salt
        )  # fmt: skip
    except ValueError as error:
        raise RecipeError(f"{place}: {error}") from error


def _mixture(spec: GenerateSpec, made: list[Order], place: str) -> MixturePlan:
    quotas = {o.name: spec.tasks[o.name].rows or spec.tasks[o.name].tokens or 0 for o in made}
    in_rows = spec.tasks[made[0].name].rows is not None
    try:
        return MixturePlan({} if in_rows else quotas, quotas if in_rows else {}, **spec.caps.model_dump())
    except ValueError as error:
        raise RecipeError(f"{place}: {error}") from error


def _check_evaluation_sets(generation: Generation) -> None:
    if generation.spec.decontaminate is None:
        return
    for name, one in generation.spec.decontaminate.sets.items():
        if not (path := evaluation_file(generation, one.file)).is_file():
            raise RecipeError(f"{generation.where}: evaluation set '{name}': there is no file {path}")


def evaluation_file(generation: Generation, file: str) -> Path:
    """Where a file of an evaluation set lies; a relative one begins at the recipe's folder."""
    return generation.folder / file


def _asked(g: Generation) -> str:
    """Hash of everything that the rounds depend on: orders and rules, what they read, code, wordings, data, policy, engine."""
    tasks = sorted({type(o.task).__module__ for o in g.orders})
    code = {name: of_module(name) for name in (*CODE, *tasks)}
    libraries = code_version.libraries([*LIBRARIES, *(("xllamacpp",) if g.engine.kind == "llama_cpp" else ())])
    root = Path(orders.__file__).parent
    files = sorted(path for folder in ("prompts", "seeds", "domains") for path in (root / folder).glob("*.yaml"))
    data = {path.name: hashlib.sha256(path.read_bytes()).hexdigest()[:16] for path in files}
    own = {path for order in g.orders for path in order.task.files()}
    data["own"] = hash_of(sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in own))
    sets = g.spec.decontaminate.sets if g.spec.decontaminate is not None else {}
    evaluation: dict[str, Any] = {
        n: hashlib.sha256(evaluation_file(g, s.file).read_bytes()).hexdigest()[:16] for n, s in sets.items()
    }
    said = g.spec.model_dump(by_alias=True)
    release = [g.target.purpose, g.release.draft_wordings]
    evaluation |= {"novelty base": base_hashes(g.spec.novelty.base, g.folder, g.where)}
    engine = [g.engine.kind, sorted(g.left_out)]  # its keys are in `said`, as the recipe has them
    return hash_of(
        [FORMAT, said, release, g.read.fingerprint, code, libraries, data, evaluation, engine, g.policy_hash]
    )
