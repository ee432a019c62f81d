"""How far two judgements of the same rows agree: rank correlation of scores, overlap of what each would keep, Cohen's κ of labels.

Rows may stand for several (a sample, strata): `weights` are how many, 1 each without.
"""

from collections.abc import Sequence

import numpy as np


def ranks(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Share of all weight that is lower, ties counting half, in (0, 1): float64.

    >>> ranks(np.array([0.2, 0.1, 0.2, 0.9]), np.ones(4)).tolist()
    [0.5, 0.125, 0.5, 0.875]
    """
    found, place = np.unique(values, return_inverse=True)
    mass = np.bincount(place, weights, len(found))
    return ((np.cumsum(mass) - mass / 2) / mass.sum())[place]


def spearman(a: np.ndarray, b: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Rank correlation in [−1, 1], ties at their middle rank; NaN where one of both is constant or there are no two rows.

    >>> round(spearman(np.array([1, 2, 3, 4]), np.array([1, 3, 2, 9])), 6)
    0.8
    """
    w = np.ones(len(a)) if weights is None else np.asarray(weights, float)
    if len(a) < 2:
        return float("nan")
    x, y = ranks(a, w), ranks(b, w)
    x, y = x - np.average(x, weights=w), y - np.average(y, weights=w)
    spread = np.sqrt((w * x * x).sum() * (w * y * y).sum())
    return float((w * x * y).sum() / spread) if spread > 0 else float("nan")


def in_top(values: np.ndarray, weights: np.ndarray, share: float) -> np.ndarray:
    """Which rows are in the top share of all weight, at most so much: bool. Ties are in it whole or not at all.

    >>> in_top(np.array([0.9, 0.5, 0.5, 0.1]), np.ones(4), 0.5).tolist()
    [True, False, False, False]
    """
    found, place = np.unique(values, return_inverse=True)
    mass = np.bincount(place, weights, len(found))
    at_least = np.cumsum(mass[::-1])[::-1]
    return (at_least <= share * mass.sum() * (1 + 1e-12))[place]


def overlap(a: np.ndarray, b: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Weight in both sets / weight in either (Jaccard), for bool arrays of the same rows; NaN where both are empty.

    >>> overlap(np.array([True, True, False]), np.array([True, False, True]))
    0.3333333333333333
    """
    w = np.ones(len(a)) if weights is None else np.asarray(weights, float)
    either = w[a | b].sum()
    return float(w[a & b].sum() / either) if either else float("nan")


def cohen_kappa(counts: np.ndarray) -> float | None:
    """Cohen's κ of a square table of counts (rows: one judge, columns: the other); None where chance alone agrees wholly.

    >>> round(cohen_kappa(np.array([[20, 5], [10, 15]])), 6)
    0.4
    """
    share = counts / counts.sum() if counts.sum() else np.full(counts.shape, np.nan)
    chance = float((share.sum(axis=0) * share.sum(axis=1)).sum())
    return (float(np.trace(share)) - chance) / (1 - chance) if chance < 1 - 1e-12 else None


def kappa(pairs: Sequence[tuple[str, str]]) -> float | None:
    """Cohen's κ of pairs of labels; None where there are no pairs, or only one label.

    >>> kappa([("a", "a"), ("b", "b"), ("a", "b"), ("b", "a")])
    0.0
    """
    names = sorted({label for pair in pairs for label in pair})
    if len(names) < 2:
        return None
    counts = np.zeros((len(names), len(names)))
    for a, b in pairs:
        counts[names.index(a), names.index(b)] += 1
    return cohen_kappa(counts)


def kept_kappa(a: np.ndarray, b: np.ndarray, weights: np.ndarray | None = None) -> float | None:
    """Cohen's κ of two decisions to keep, for bool arrays of the same rows."""
    w = np.ones(len(a)) if weights is None else np.asarray(weights, float)
    return cohen_kappa(np.array([[w[(a == x) & (b == y)].sum() for y in (False, True)] for x in (False, True)]))
