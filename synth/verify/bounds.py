"""A spec's limits on a count: at least, at most, or both."""

from functools import cached_property
from typing import Any

from pydantic import Field, model_validator

from synth.verify.constraint import Constraint
from synth.verify.verdict import Evidence, Verdict, decided, passed


class Bounded(Constraint):
    """A constraint on a count: `min` ≤ count ≤ `max`, both ends included; one of them must be given."""

    min: int | None = Field(None, ge=0)
    max: int | None = Field(None, ge=0)

    @model_validator(mode="after")
    def _limits(self) -> Any:
        if self.min is None and self.max is None:
            raise ValueError("min, max or both must be given")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min} is above max {self.max}")
        return self

    def within(self, count: float) -> bool:
        """Whether a count lies in the limits."""
        return (self.min is None or count >= self.min) and (self.max is None or count <= self.max)

    @cached_property
    def wanted(self) -> str:
        """The limits in words."""
        if self.min == self.max:
            return f"exactly {self.min}"
        return " and ".join(
            [f"at least {self.min}"] * (self.min is not None) + [f"at most {self.max}"] * (self.max is not None)
        )

    def counted(self, what: str, *counts: int, places: tuple[Evidence, ...] = ()) -> Verdict:
        """The verdict on a count; several counts are the readings that the wording allows (see `verdict.decided`)."""
        if len(counts) == 1 and self.within(counts[0]):
            return passed(Evidence(what, counts[0], self.wanted), *places)
        distinct = sorted(set(counts))
        found = distinct[0] if len(distinct) == 1 else "–".join(map(str, (distinct[0], distinct[-1])))
        nearest = min((self._distance(c) for c in distinct), default=0)
        limit = max(self.min or 0, self.max or 0, 1)
        return decided(
            map(self.within, distinct),
            Evidence(what, found, self.wanted),
            *places,
            score=max(0.0, 1 - nearest / limit) * 0.99,
        )

    def _distance(self, count: int) -> int:
        return max((self.min or 0) - count, count - self.max if self.max is not None else 0, 0)
