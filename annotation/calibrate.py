"""What a judge's margin is worth: how often people agree with it, by function, and whether that holds over time.

A judge says that one answer is better than another, with a margin (how far the jury leans, or how far apart its scores are).
People decided some of the same pairs. From these follows, for each function, the share of pairs in which the judge is right, with
its interval; a curve from margin to the chance that people agree (isotonic: only that more margin never means less agreement;
Platt: a logistic curve, for few decisions); and the agreement of each month beside that of the others. The curve is what routing
and filters use: "send pairs that people would decide otherwise in more than one of four" is a threshold on a chance and not on a
judge's own scale.

Only pairs that people decided count: a tie, 「判断できない」 or 「どちらも悪い」 says nothing about which answer is better.
Rows that fit a curve are never used to estimate the error rate of a release (`review_use` of annotation/routing.py).
`judge_decisions.py` finds the decisions in label shards, `calibration_file.py` keeps the curves.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

Curve = Literal["isotonic", "platt"]


class CalibrationError(ValueError):
    """Decisions that no curve can be fitted to."""


class Share(NamedTuple):
    """A share of `of` decisions, with its 95 % interval (Wilson 1927); all in [0, 1]."""

    share: float
    low: float
    high: float
    of: int


@dataclass(frozen=True)
class Decision:
    """One pair that a judge and people decided. margin: the judge's, ≥ 0. agrees: whether people chose the same answer.

    function: of the row. month: `2026-11`, of people's decision; "" is not counted over time.
    """

    function: str
    margin: float
    agrees: bool
    month: str = ""


@dataclass(frozen=True)
class Calibration:
    """One function's curve. margins ascending, chances their agreement: linear between, constant beyond; what it was fitted to.

    drift: p-value of the agreement being the same in all months (χ² over months of ≥ 5 decisions); None for fewer than two.
    """

    function: str
    curve: Curve
    margins: tuple[float, ...]
    chances: tuple[float, ...]
    agreement: Share
    months: dict[str, Share]
    drift: float | None

    def chance(self, margins: Sequence[float] | np.ndarray) -> np.ndarray:
        """Chance that people agree at each margin, in [0, 1]; NaN for a margin that is NaN."""
        return np.interp(np.asarray(margins, np.float64), self.margins, self.chances)

    def as_dict(self) -> dict[str, Any]:
        """What a manifest and a report hold."""
        said = {
            "function": self.function,
            "curve": self.curve,
            "agreement": self.agreement._asdict(),
            "drift": self.drift,
        }
        return said | {
            "months": {month: share._asdict() for month, share in self.months.items()},
            "points": [list(point) for point in zip(self.margins, self.chances, strict=True)],
        }


def share(part: int, whole: int) -> Share:
    """A share with its Wilson interval.

    >>> [round(x, 3) for x in share(8, 10)[:3]]
    [0.8, 0.49, 0.943]
    """
    from scipy.stats import binomtest

    interval = binomtest(part, whole).proportion_ci(0.95, method="wilson")
    return Share(part / whole, float(interval.low), float(interval.high), whole)


def calibrate(decisions: Sequence[Decision], curve: Curve, least: int) -> dict[str, Calibration]:
    """A curve for each function with at least `least` decisions; the others have none, and their rows stay uncertain.

    Raises CalibrationError for a margin that is negative or no number, and where no function has enough decisions.
    """
    groups: dict[str, list[Decision]] = defaultdict(list)
    for one in decisions:
        if not np.isfinite(one.margin) or one.margin < 0:
            raise CalibrationError(f"a decision of '{one.function}' has the margin {one.margin}; a margin is ≥ 0")
        groups[one.function].append(one)
    made = {name: _fitted(name, some, curve) for name, some in sorted(groups.items()) if len(some) >= least}
    if not made:
        most = max(map(len, groups.values()), default=0)
        raise CalibrationError(
            f"no function has {least} decisions (the most has {most}): review more, or lower the number"
        )
    return made


def _fitted(function: str, decisions: Sequence[Decision], curve: Curve) -> Calibration:
    margin = np.array([d.margin for d in decisions])
    agrees = np.array([d.agrees for d in decisions], np.float64)
    points = isotonic(margin, agrees) if curve == "isotonic" else platt(margin, agrees)
    months = _months(decisions)
    agreement = share(int(agrees.sum()), len(agrees))
    return Calibration(
        function, curve, tuple(points[0].tolist()), tuple(points[1].tolist()), agreement, months, _drift(months)
    )


def isotonic(margin: np.ndarray, agrees: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The non-decreasing curve that is nearest in squares (pool adjacent violators): margins and chances where it bends.

    >>> isotonic(np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.0, 1.0, 0.0, 1.0]))[1].tolist()
    [0.0, 0.5, 0.5, 1.0]
    """
    from scipy.optimize import isotonic_regression

    values, of = np.unique(margin, return_inverse=True)
    count = np.bincount(of).astype(np.float64)
    fit = isotonic_regression(np.bincount(of, weights=agrees) / count, weights=count).x
    bends = np.ones(len(fit), bool)
    bends[1:-1] = (fit[1:-1] != fit[:-2]) | (fit[1:-1] != fit[2:])
    return values[bends], np.clip(fit[bends], 0.0, 1.0)


def platt(margin: np.ndarray, agrees: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Platt's logistic curve with his smoothed targets (Platt 1999), a slope that is not negative, at 33 margins."""
    from scipy.optimize import minimize

    right, wrong = agrees.sum(), len(agrees) - agrees.sum()
    target = np.where(agrees > 0, (right + 1) / (right + 2), 1 / (wrong + 2))

    def loss(ab: np.ndarray) -> float:
        z = ab[0] * margin + ab[1]
        return float((np.logaddexp(0, z) - target * z).sum())

    fit = minimize(
        loss, np.array([0.0, np.log((right + 1) / (wrong + 1))]), method="L-BFGS-B", bounds=[(0, None), (None, None)]
    )
    at = np.linspace(0.0, float(margin.max()) or 1.0, 33)
    return at, 1 / (1 + np.exp(-(fit.x[0] * at + fit.x[1])))


def _months(decisions: Sequence[Decision]) -> dict[str, Share]:
    found: dict[str, list[bool]] = defaultdict(list)
    for one in decisions:
        if one.month:
            found[one.month].append(one.agrees)
    return {month: share(sum(some), len(some)) for month, some in sorted(found.items())}


def _drift(months: dict[str, Share]) -> float | None:
    from scipy.stats import chi2

    counts = [(round(s.share * s.of), s.of) for s in months.values() if s.of >= 5]
    table = np.array([[right, whole - right] for right, whole in counts])
    if len(counts) < 2 or not table.sum(0).all():
        return None
    expected = np.outer(table.sum(1), table.sum(0)) / table.sum()
    return float(chi2.sf(((table - expected) ** 2 / expected).sum(), len(table) - 1))
