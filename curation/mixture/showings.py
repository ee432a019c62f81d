"""How many showings a cluster is given: by its size, or by a token budget that goes to the best marginal value first."""

from bisect import bisect_right
from dataclasses import dataclass

import numpy as np

from curation.mixture.scaling_law import R_D


def showings(mode: str, size: int, k: int, curve: dict[int, int] | None = None) -> int:
    """Showings that a cluster of `size` rows is given by a mode, in [1, k]; `natural` gives up to k to real copies.

    curve: smallest size → showings, as steps.

    >>> [showings("min_size", n, 4) for n in (1, 3, 9)], showings("one", 9, 4)
    ([1, 3, 4], 1)
    >>> [showings("curve", n, 4, {1: 1, 3: 2, 10: 4, 58: 1}) for n in (2, 3, 40, 10_000)]
    [1, 2, 4, 1]
    """
    if mode in ("one", "budget"):
        return 1
    if mode == "curve":
        assert curve is not None
        steps = sorted(curve)
        return min(k, curve[steps[bisect_right(steps, size) - 1]])
    return min(k, size)


@dataclass(frozen=True)
class BudgetFill:
    """What a token budget gives to each cluster: whether it is shown at all, and its decided row's showings beyond the first."""

    shown: np.ndarray
    extra: np.ndarray
    level: float
    """Marginal value of the last showing that fitted, 0 when all did."""
    tokens: int


def fill_budget(
    budget: float,
    value: np.ndarray,
    base: np.ndarray,
    again: np.ndarray,
    room: np.ndarray,
    debit: np.ndarray,
    labels: np.ndarray,
) -> BudgetFill:
    """Fills `budget` tokens with showings of clusters; arrays over clusters.

    value: worth of a fresh token. base: tokens of one showing of every released row; again: of one more of the decided row. room:
    showings that the decided row may have beyond its first. debit: showings of earlier training, which lower the worth of more.
    labels: uint64 [n, 2]. The r-th showing is worth value · e^(−(debit + r − 1)/R*) a token (scaling_law.py); equal ones are taken
    in the order of a mix of the label, so that a budget's end is no matter of ids. What does not fit ends the filling.

    >>> fill_budget(55, np.array([1.0, 1.1]), np.array([10, 10]), np.array([10, 10]), np.array([3, 3]), np.zeros(2), np.eye(2, 2)
    ...     .astype(np.uint64)).extra.tolist()
    [1, 2]
    """
    n = len(value)
    most = int(room.max(initial=0))
    cluster = np.concatenate([np.arange(n), *[np.flatnonzero(room >= r) for r in range(1, most + 1)]])
    nth = np.concatenate([np.zeros(n, np.int64), *[np.full(int((room >= r).sum()), r) for r in range(1, most + 1)]])
    worth = value[cluster] * np.exp(-(debit[cluster] + nth) / R_D)
    cost = np.where(nth == 0, base[cluster], again[cluster])
    mixed = (labels[:, 0] ^ labels[:, 1]) * np.uint64(0x9E3779B97F4A7C15)
    order = np.lexsort((nth, mixed[cluster], -worth))
    spent = np.cumsum(cost[order])
    fits = int(np.searchsorted(spent, budget, "right"))
    taken = order[:fits]
    counted = np.bincount(cluster[taken], minlength=n)
    level = float(worth[taken[-1]]) if 0 < fits < len(order) else 0.0
    return BudgetFill(counted > 0, np.maximum(counted - 1, 0), level, int(spent[fits - 1]) if fits else 0)
