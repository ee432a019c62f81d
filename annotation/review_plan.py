"""Which rows people are to see, and how many people each: a plan, as data.

routes:                                   # annotation/routing.py: who is drawn, with which probability
  audit: {probability: 0.02}
  close: {probability: 0.3, column: margin, below: 0.3}
calibrate: 0.3                            # share of seed documents whose answers may fit curves
calibration: calibration.json             # curves of `seimai review calibrate`, beside the plan: conditions may name people_agree
overlap:                                  # of a route's rows, this share goes to so many people; the rest to one
  audit: {share: 0.1, people: 3}
harmful:                                  # rows that only those see who offered to
  where: {function: [refusal]}
  daily_cap: 40                           # what one of them meets in a day at most
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from annotation.calibrate import CalibrationError
from annotation.calibration_file import read_curves
from annotation.errors import ReviewError
from annotation.routing import Route, RoutePlan, RoutingError, routed, uniform
from annotation.signals import with_signals
from curation.provenance import id_words
from curation.yaml_file import load_yaml


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RouteSpec(_Spec):
    """A route: `probability` with which it draws a row of its condition, in (0, 1]."""

    probability: float
    column: str | None = None
    at_least: float | None = None
    below: float | None = None


class Overlap(_Spec):
    """Of a route's rows `share` goes to `people` persons."""

    share: float = Field(gt=0, le=1)
    people: int = Field(ge=2, le=20)


class Harmful(_Spec):
    """Rows with one of these values in one of these columns are harmful content. daily_cap: of one person."""

    where: dict[str, Annotated[list[str], Field(min_length=1)]] = Field(min_length=1)
    daily_cap: int = Field(ge=1)

    def check(self, columns: Collection[str]) -> None:
        """Raises ReviewError where a column is not there: nothing would be taken for harmful, and nobody would be warned."""
        if unknown := sorted(set(self.where) - set(columns)):
            raise ReviewError(f"plan, harmful.where: no column '{unknown[0]}'; there are {', '.join(sorted(columns))}")

    def holds(self, row: Mapping[str, Any]) -> bool:
        """Whether a row is harmful content."""
        return any(row.get(column) in values for column, values in self.where.items())


class ReviewPlan(_Spec):
    """A plan. calibration: the file of curves, None for none. salt: another one draws other rows."""

    routes: dict[str, RouteSpec] = Field(min_length=1)
    calibrate: float = Field(default=0.0, ge=0, lt=1)
    calibration: Path | None = None
    overlap: dict[str, Overlap] = Field(default_factory=dict)
    harmful: Harmful | None = None
    salt: str = ""

    @model_validator(mode="after")
    def _routed(self) -> "ReviewPlan":
        if unknown := sorted(set(self.overlap) - set(self.routes)):
            raise ValueError(f"overlap '{unknown[0]}' is of no route; routes are {', '.join(self.routes)}")
        return self


EVERYTHING = ReviewPlan(routes={"all": RouteSpec(probability=1.0)})
"""Every row, to one person each."""


def read_plan(path: Path) -> ReviewPlan:
    """A plan from its file. Raises ReviewError that names the file, the place and what would be right."""
    try:
        said = load_yaml(path.read_text(encoding="utf-8"))
        plan = ReviewPlan.model_validate(said)
    except OSError as error:
        raise ReviewError(f"{path}: cannot be read ({error.strerror})") from error
    except yaml.YAMLError as error:
        raise ReviewError(f"{path}: is no YAML: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "plan"
        raise ReviewError(f"{path}, {place}: {first['msg']}") from error
    if plan.calibration is None:
        return plan
    file = path.absolute().parent / plan.calibration
    try:
        read_curves(file)
    except CalibrationError as error:
        raise ReviewError(f"{path}, calibration: {error}") from error
    return plan.model_copy(update={"calibration": file})


def placed(rows: pa.Table, plan: ReviewPlan, salt: str) -> pa.Table:
    """All rows with the columns of `annotation.routing.ROUTED` and `annotation.signals`; `routes` is empty where none drew a row.

    rows: `id`, `seed_key` and the columns that routes name. Raises ReviewError for a route that cannot be.
    """
    try:
        rows = with_signals(rows, None if plan.calibration is None else read_curves(plan.calibration))
        routes = tuple(Route(name, **spec.model_dump()) for name, spec in plan.routes.items())
        return routed(rows, RoutePlan(routes, f"{salt}:{plan.salt}", plan.calibrate))
    except (RoutingError, CalibrationError) as error:
        raise ReviewError(f"plan: {error}") from error


def drawn(rows: pa.Table, plan: ReviewPlan, salt: str) -> pa.Table:
    """Rows of `placed` that some route drew, with `people` as well, in the order of their queue."""
    found = placed(rows, plan, salt)
    salt = f"{salt}:{plan.salt}"
    lists: Sequence[Sequence[str]] = found.column("routes").to_pylist()
    people = np.ones(len(found), np.int32)
    words = (
        id_words(found.column("id").combine_chunks().cast(pa.binary(16))) if len(found) else np.zeros((0, 2), np.uint64)
    )
    for name, overlap in plan.overlap.items():
        of = np.array([name in routes for routes in lists], bool) & (
            uniform(words, salt, "overlap", name) < overlap.share
        )
        people[of] = np.maximum(people[of], overlap.people)
    found = found.append_column("people", pa.array(people))
    return found.filter(pa.array([bool(routes) for routes in lists], pa.bool_())).sort_by("review_order")
