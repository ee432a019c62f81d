"""A recipe's orders of tasks: parameters, wordings and sampling held against the task, and a few instances made to try them.

Nothing is loaded or asked. What an engine cannot be asked for (a choice, of a server that knows OpenAI's own parameters alone) is
known before, where the recipe says what it speaks.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from recipes.engine import blocks
from recipes.engine.errors import RecipeError
from recipes.engine.generation.engines import EngineChoice
from recipes.engine.generation.paths import task_placed
from recipes.engine.generation.spec import GenerateSpec, TaskOrder
from synth import chat_forms, wordings
from synth.engine.request import RequestError, Sampling
from synth.engine.wire import SAY_DIALECT, unsayable
from synth.orders import Order
from synth.tasks.task import Instance, TaskError, instance, task_class
from synth.verify.constraint import Constraint, SpecError, parse

PROBES = 5
"""Instances that are made of a task to see what it asks."""


def make_orders(
    spec: GenerateSpec, engine: EngineChoice, conduct: tuple[Constraint, ...], drafts: bool, folder: Path, place: str
) -> tuple[list[Order], dict[str, str]]:
    """The orders that are asked, and by name those that are left out because the engine is not installed. Raises RecipeError.

    drafts: whether wordings that nobody has reviewed may be used. folder: the recipe's.
    """
    here = engine.kind is not None and not engine.missing
    made: list[Order] = []
    left_out: dict[str, str] = {}
    for name, order in spec.tasks.items():
        at = f"{place}, task '{name}'"
        if order.answers != "program" and engine.kind is None:
            raise RecipeError(f"{at}: answers: {order.answers} needs an 'engine', and the generation names none")
        one = _order(spec, name, order, conduct, drafts, folder, at)
        probes = _probe(one, spec, at)
        if order.answers != "program":
            _check_sayable(one, engine, probes, at)
        if order.answers == "model" and not here:
            left_out[name] = engine.missing
            continue
        if order.answers == "both" and not here:
            one = Order(**{**vars(one), "answers": "program"})
        made.append(one)
    if spec.tasks and not made and not spec.imports:
        raise RecipeError(f"{place}: only a model could answer these tasks, and {engine.missing} is not installed")
    return made, left_out


def constraints(said: list[str | dict[str, Any]], place: str) -> tuple[Constraint, ...]:
    """Constraints as a recipe names them, by kind or with their parameters. Raises RecipeError."""
    try:
        return tuple(parse({"kind": one} if isinstance(one, str) else one) for one in said)
    except SpecError as error:
        raise RecipeError(f"{place}: {error}") from error


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
    return made


def _check_sayable(order: Order, engine: EngineChoice, probes: list[Instance], at: str) -> None:
    """A server that is said to know OpenAI's own parameters alone is asked for no more; of another dialect nothing is known yet."""
    if engine.kind != "server" or engine.params.get("dialect") != "openai":
        return
    structures = {turn.structure for one in probes for turn in one.turns if turn.open} or {None}
    for structure in structures:
        if wanted := unsayable(order.sampling, structure):
            raise RecipeError(
                f"{at}: wants {wanted}, which a server of `dialect: openai` cannot be asked for; {SAY_DIALECT}, or leave it out"
            )


def _probe(order: Order, spec: GenerateSpec, at: str) -> list[Instance]:
    """A few instances of a task that needs no passage, made to see that they can be answered as the recipe says."""
    if order.task.passage:
        return []
    try:
        found = [
            instance(order.task, i, f"{spec.salt}/{order.name}", None, order.split, order.words())
            for i in range(PROBES)
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
    return made
