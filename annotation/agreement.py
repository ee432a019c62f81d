"""How far people agree beyond chance: coefficients over units that several people answered.

A unit is one thing that at least two people said one value of. Coefficients are those of the literature:

    Krippendorff's α   any number of raters a unit, missing ones too; nominal, ordinal, interval (Krippendorff 2011)
    Gwet's AC1         hardly moved by a prevalent category, where α and κ fall though nearly all agree (Gwet 2008)
    Fleiss' κ          only where every unit has as many raters (Fleiss 1971)
    Cohen's κ          of two raters, only over units that both answered (Cohen 1960)

Intervals are those of the bootstrap by unit: the percentiles of the coefficient over units drawn with replacement.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np

Scale = Literal["nominal", "ordinal", "interval"]
Unit = Mapping[str, float]
"""What each rater said of one thing, as codes; on an ordinal scale codes ascend, on an interval scale they are the values."""

DRAWS = 1000
LEAST_COMMON = 30
"""Units that two raters must share before Cohen's κ of them is told: of fewer it is mostly noise."""
LEAST_UNITS = 5
"""Units from which an interval is drawn: of one or two the bootstrap draws the same again and again, and would seem sure."""


class Estimate(NamedTuple):
    """A coefficient with its 95 % interval over so many units; None where nothing varies.

    No interval of fewer than `LEAST_UNITS`, and where too few draws vary.
    """

    value: float | None
    low: float | None
    high: float | None
    units: int


class PairKappa(NamedTuple):
    """Cohen's κ of two raters over the units that both answered."""

    raters: tuple[str, str]
    kappa: float | None
    units: int


def counted(units: Sequence[Unit]) -> tuple[np.ndarray, np.ndarray]:
    """Distinct values in ascending order, and how many raters gave each value of each unit: int64 [units, values].

    Units of fewer than two raters are left out: nothing can be paired in them.
    """
    kept = [unit for unit in units if len(unit) >= 2]
    values = np.unique([v for unit in kept for v in unit.values()]) if kept else np.zeros(0)
    table = np.zeros((len(kept), len(values)), np.int64)
    for i, unit in enumerate(kept):
        for value, count in Counter(unit.values()).items():
            table[i, np.searchsorted(values, value)] = count
    return values, table


def alpha(units: Sequence[Unit], scale: Scale) -> float | None:
    """Krippendorff's α; 1.0 is full agreement, 0.0 what chance gives. None without two values to tell apart.

    >>> alpha([{"a": 1, "b": 1}, {"a": 2, "b": 2}], "nominal")
    1.0
    """
    values, table = counted(units)
    found = _alphas(_coincidences(table).sum(0, keepdims=True), values, scale)
    return _number(found[0])


def ac1(units: Sequence[Unit]) -> float | None:
    """Gwet's AC1 for any number of raters. None without a unit; 1.0 where everybody says one thing."""
    _, table = counted(units)
    return _number(_gwet(table, np.ones((1, len(table))))[0]) if len(table) else None


def fleiss(units: Sequence[Unit]) -> float | None:
    """Fleiss' κ. None where units differ in their numbers of raters, or nothing varies."""
    _, table = counted(units)
    raters = table.sum(1)
    if not len(table) or len(set(raters.tolist())) > 1:
        return None
    shares = table.sum(0) / table.sum()
    chance = float(shares @ shares)
    seen = float(_agreeing(table).mean())
    return (seen - chance) / (1 - chance) if chance < 1 else None


def cohen(units: Sequence[Unit], one: str, other: str) -> PairKappa:
    """Cohen's κ of two raters, over the units that both answered; None where both say one thing throughout."""
    both = [(unit[one], unit[other]) for unit in units if one in unit and other in unit]
    if not both:
        return PairKappa((one, other), None, 0)
    a, b = (np.array(side) for side in zip(*both, strict=True))
    values = np.unique(np.concatenate([a, b]))
    shares = [np.array([(side == v).mean() for v in values]) for side in (a, b)]
    seen, chance = float((a == b).mean()), float(shares[0] @ shares[1])
    return PairKappa((one, other), (seen - chance) / (1 - chance) if chance < 1 else None, len(both))


def cohens(units: Sequence[Unit], least: int = LEAST_COMMON) -> list[PairKappa]:
    """Cohen's κ of every two raters that share at least so many units."""
    common: Counter[tuple[str, str]] = Counter()
    for unit in units:
        names = sorted(unit)
        common.update((a, b) for i, a in enumerate(names) for b in names[i + 1 :])
    return [cohen(units, *pair) for pair, count in sorted(common.items()) if count >= least]


def alpha_estimate(units: Sequence[Unit], scale: Scale, draws: int = DRAWS, seed: int = 0) -> Estimate:
    """Krippendorff's α with its bootstrap interval by unit."""
    values, table = counted(units)
    each = _coincidences(table)

    def of(weights: np.ndarray) -> np.ndarray:
        return _alphas(np.tensordot(weights, each, 1), values, scale)

    return _bootstrap(of, len(table), draws, seed)


def ac1_estimate(units: Sequence[Unit], draws: int = DRAWS, seed: int = 0) -> Estimate:
    """Gwet's AC1 with its bootstrap interval by unit."""
    _, table = counted(units)
    return _bootstrap(lambda weights: _gwet(table, weights), len(table), draws, seed)


def _bootstrap(of: Callable[[np.ndarray], np.ndarray], units: int, draws: int, seed: int) -> Estimate:
    """A coefficient of weighted units (float64 [draws, units]), and its percentiles over units drawn with replacement."""
    if not units:
        return Estimate(None, None, None, 0)
    value = _number(of(np.ones((1, units)))[0])
    if units < LEAST_UNITS:
        return Estimate(value, None, None, units)
    weights = np.random.default_rng(seed).multinomial(units, np.full(units, 1 / units), draws)
    drawn = of(weights.astype(np.float64))
    drawn = drawn[~np.isnan(drawn)]
    if value is None or len(drawn) < draws / 2:
        return Estimate(value, None, None, units)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Estimate(value, float(low), float(high), units)


def _coincidences(table: np.ndarray) -> np.ndarray:
    """Each unit's matrix of values paired within it, every value counted once in all: float64 [units, values, values]."""
    pairs = table[:, :, None] * table[:, None, :] - np.eye(table.shape[1], dtype=np.int64) * table[:, :, None]
    return pairs / np.maximum(1, table.sum(1) - 1)[:, None, None]


def _alphas(coincidences: np.ndarray, values: np.ndarray, scale: Scale) -> np.ndarray:
    """α of each matrix of coincidences (float64 [draws, values, values]); NaN where nothing varies."""
    often = coincidences.sum(2)
    apart = _distances(often, values, scale)
    total = often.sum(1)
    seen = (coincidences * apart).sum((1, 2))
    chance = (often[:, :, None] * often[:, None, :] * apart).sum((1, 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(chance > 0, 1 - (total - 1) * seen / chance, np.nan)


def _distances(often: np.ndarray, values: np.ndarray, scale: Scale) -> np.ndarray:
    """Squared distances of values; on an ordinal scale by how many answers lie between them."""
    if scale == "nominal":
        return (1 - np.eye(len(values)))[None]
    if scale == "interval":
        return ((values[:, None] - values[None, :]) ** 2)[None]
    middle = np.cumsum(often, 1) - often / 2
    return (middle[:, :, None] - middle[:, None, :]) ** 2


def _agreeing(table: np.ndarray) -> np.ndarray:
    """Share of each unit's pairs of raters who say the same."""
    raters = table.sum(1)
    return (table * (table - 1)).sum(1) / (raters * (raters - 1))


def _gwet(table: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """AC1 of weighted units: float64 [draws]."""
    if table.shape[1] < 2:
        return np.ones(len(weights))
    size = weights.sum(1)
    seen = weights @ _agreeing(table) / size
    shares = weights @ (table / table.sum(1, keepdims=True)) / size[:, None]
    chance = (shares * (1 - shares)).sum(1) / (table.shape[1] - 1)
    return (seen - chance) / (1 - chance)


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
