"""How well each annotator does, from nothing but what they said together: habits of error, and the likeliest answer given these.

- Dawid–Skene (1979): each annotator has a table of what they say of which truth, found together with the truth by EM.
- MACE (Hovy+13): each annotator knows the answer, or says something of their own; the chance of the former is their trust.

Both are crowd-kit's (Apache-2.0). Neither can be had from two people: who of them errs is not determined by what they say. Answers
are taken in a fixed order, so the same answers give the same numbers. Single answers help to learn habits and are told a chance too.
"""

import warnings
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from annotation.errors import ReviewError

if TYPE_CHECKING:
    import pandas as pd

Model = Literal["dawid_skene", "mace"]
MODELS: tuple[Model, ...] = ("dawid_skene", "mace")
LEAST_PEOPLE = 3
"""People who must share rows before habits can be told apart."""
ROUNDS = 200


class Said(NamedTuple):
    """One answer: what of, who, what."""

    unit: Hashable
    annotator: str
    value: str


@dataclass(frozen=True)
class Skill:
    """What a model says. chances: of each unit the chance of each value; skill: of each annotator the chance of being right.

    why: empty, or why nothing can be said; then the rest is empty.
    """

    chances: Mapping[Any, Mapping[str, float]] = field(default_factory=dict[Any, Mapping[str, float]])
    skill: Mapping[str, float] = field(default_factory=dict[str, float])
    why: str = ""


def skill(said: Iterable[Said], model: Model) -> Skill:
    """Asks a model. said: answers to one question. Raises ReviewError where crowd-kit is not installed."""
    answers = sorted(said, key=lambda one: (repr(one.unit), one.annotator, one.value))
    by_unit: dict[Hashable, set[str]] = defaultdict(set)
    for one in answers:
        by_unit[one.unit].add(one.annotator)
    sharing = {who for people in by_unit.values() if len(people) > 1 for who in people}
    if len(sharing) < LEAST_PEOPLE:
        return Skill(why=f"{len(sharing)} people share rows, {LEAST_PEOPLE} are needed to tell whose habits are whose")
    values = _numbered(one.value for one in answers)
    if len(values) == 1:
        return Skill(why="everybody says one thing")
    units, people = _numbered(one.unit for one in answers), _numbered(one.annotator for one in answers)
    columns = (
        [units[one.unit] for one in answers],
        [people[one.annotator] for one in answers],
        [values[one.value] for one in answers],
    )
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", DeprecationWarning
        )  # crowd-kit calls pandas in ways that pandas 4 will not have
        chances, able = (_dawid_skene if model == "dawid_skene" else _mace)(_table(columns))
    names = list(values)
    return Skill(
        {unit: {names[v]: round(float(p), 3) for v, p in chances.loc[n].items()} for unit, n in units.items()},
        {who: round(float(able[n]), 3) for who, n in people.items()},
    )


def _numbered(found: Iterable[Any]) -> dict[Any, int]:
    """A number each, in the order in which they come: crowd-kit's MACE mixes up names that come in another order than sorted."""
    numbers: dict[Any, int] = {}
    for one in found:
        numbers.setdefault(one, len(numbers))
    return numbers


def _dawid_skene(table: "pd.DataFrame") -> tuple["pd.DataFrame", Mapping[int, float]]:
    """Chances [units, values]; of each person the chance of saying the truth, whatever it is."""
    model = _crowdkit().DawidSkene(n_iter=ROUNDS).fit(table)
    priors, errors = model.priors_, model.errors_
    able: dict[int, float] = defaultdict(float)
    for (who, value), row in errors.iterrows():
        able[who] += float(row[value] * priors[value])
    return model.probas_, able


def _mace(table: "pd.DataFrame") -> tuple["pd.DataFrame", Sequence[float]]:
    """Chances [units, values]; of each person the chance of knowing the answer."""
    model = _crowdkit().MACE(n_restarts=1)  # its restarts all begin at the same numbers
    model.fit(table)
    weights = model.spamming_  # of not knowing and of knowing; the variational step leaves their sum below 1
    return model.probas_, (weights[:, 1] / weights.sum(1)).tolist()


def _table(columns: tuple[list[int], list[int], list[int]]) -> "pd.DataFrame":
    import pandas as pd

    return pd.DataFrame(dict(zip(("task", "worker", "label"), columns, strict=True)))


@cache
def _crowdkit() -> Any:
    try:
        from crowdkit import aggregation
    except ImportError as error:
        raise ReviewError(
            "crowd-kit is not installed, which tells annotators' habits: `uv run --extra crowd seimai …`, or pip install"
            " 'seimai[crowd]'; `--method majority` needs none"
        ) from error
    return aggregation
