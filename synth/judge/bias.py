"""How far a judge leans: to the first place, to the longer answer, to its own family; each a mean over comparisons with an interval.

- **Position**: of one comparison's two orders, how much oftener the first place was chosen than the second: 1 where both orders
  chose the first place, −1 where both chose the second, 0 where they chose the same answer. 0 for a judge that does not lean.
- **Length**: how much oftener the judge chose the longer answer than the reference did (people, or the other judges together).
  Longer answers are often better; only what goes beyond the reference is a lean.
- **Own family**: likewise, how much oftener it chose an answer of its own family's model than the reference did.

The unit is the comparison, or what it shares with others (its prompt, its seed document). The interval is the adjusted one of
Agresti & Min (2005) for differences of paired proportions, written for means of values in [−1, 1]: half an observation at either end
and one in the middle are added, so that twenty comparisons that all agree are not certainty; with Student's t at the units' number.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from synth.judge.verdict import Choice

Kind = Literal["position", "length", "own_family"]


class Lean(NamedTuple):
    """A mean over `units` comparisons in [−1, 1], with its 95 % interval; NaN where there was none."""

    mean: float
    low: float
    high: float
    units: int


@dataclass(frozen=True)
class Compared:
    """One comparison as one judge saw it.

    forward, backward: its choice with a first, and with b first; None where it gave none. reference: what the people or the other
    judges chose, None where nobody did. lengths: characters of a and of b. own: which answers its own family wrote: `a`, `b`, or
    None for neither or both. unit: comparisons with the same one count as one (their prompt).
    """

    forward: Choice | None
    backward: Choice | None
    reference: Choice | None
    lengths: tuple[int, int]
    own: Literal["a", "b"] | None
    unit: bytes | int


def leans(compared: Sequence[Compared]) -> dict[Kind, Lean]:
    """All three leans of a judge."""
    return {"position": position(compared), "length": length(compared), "own_family": own_family(compared)}


def position(compared: Sequence[Compared]) -> Lean:
    """How much oftener the first place was chosen than the second, over comparisons with both orders."""
    seen = [
        (((c.forward == "a") - (c.forward == "b") + (c.backward == "b") - (c.backward == "a")) / 2, c.unit)
        for c in compared
        if c.forward is not None and c.backward is not None
    ]
    return lean([value for value, _ in seen], [unit for _, unit in seen])


def length(compared: Sequence[Compared]) -> Lean:
    """How much oftener the longer answer was chosen than the reference chose it."""
    return _beyond(
        compared, [None if (a := c.lengths[0]) == c.lengths[1] else _first(a > c.lengths[1]) for c in compared]
    )


def own_family(compared: Sequence[Compared]) -> Lean:
    """How much oftener its own family's answer was chosen than the reference chose it."""
    return _beyond(compared, [c.own for c in compared])


def _first(is_a: bool) -> Literal["a", "b"]:
    return "a" if is_a else "b"


def _beyond(compared: Sequence[Compared], towards: Sequence[Literal["a", "b"] | None]) -> Lean:
    """Mean excess of the judge's choice of one answer over the reference's, both in {0, ½ for a tie, 1}, over both orders."""
    values: list[float] = []
    units: list[bytes | int] = []
    for one, which in zip(compared, towards, strict=True):
        said: list[Choice] = [c for c in (one.forward, one.backward) if c is not None]
        if which is None or one.reference is None or not said:
            continue
        values.append(sum(_share(c, which) for c in said) / len(said) - _share(one.reference, which))
        units.append(one.unit)
    return lean(values, units)


def _share(chosen: Choice, which: Literal["a", "b"]) -> float:
    return 0.5 if chosen == "tie" else float(chosen == which)


def lean(values: Sequence[float], units: Sequence[bytes | int], level: float = 0.95) -> Lean:
    """Mean of values in [−1, 1] with its adjusted interval; values of one unit are alike and count as their mean.

    >>> round(lean([0.0] * 20, range(20)).high, 2)
    0.09
    """
    if not len(values):
        return Lean(float("nan"), float("nan"), float("nan"), 0)
    from scipy.stats import t as student

    numbers: dict[bytes | int, int] = {}
    of = np.array([numbers.setdefault(unit, len(numbers)) for unit in units])
    mean_of = np.bincount(of, weights=np.asarray(values, np.float64)) / np.bincount(of)
    count = len(mean_of)
    # two observations more: half of one at −1, half at 1, one at 0
    centre = float(mean_of.sum()) / (count + 2)
    variance = (float(mean_of @ mean_of) + 1) / (count + 2) - centre**2
    half = float(student.ppf(1 - (1 - level) / 2, count)) * math.sqrt(max(0.0, variance) / (count + 2))
    return Lean(float(mean_of.mean()), max(-1.0, centre - half), min(1.0, centre + half), count)
