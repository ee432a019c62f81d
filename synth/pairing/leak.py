"""How well length alone, or form alone, tells chosen from rejected: what a balanced set must not let a model learn.

A classifier sees the difference of two answers and says which was chosen. It is fitted on four fifths of the prompts and scored
on the rest, five times; its area under the ROC curve is 0.5 where nothing can be told. Two kinds are fitted (logarithmic odds of
each step of difference, and a logistic regression over the measures), and the better one counts.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from synth.pairing.balance import STEPS
from synth.pairing.form import FORMAT

if TYPE_CHECKING:
    import polars as pl

FOLDS = 5
MOST = 8
"""Differences of a measure of form beyond this are one."""
LEAST = 500
"""Pairs of a stratum from which a figure can tell 0.5 from 0.55."""


def strata(pairs: "pl.DataFrame", functions: list[str]) -> list[dict[str, Any]]:
    """A line for each strategy × function: pairs, share of longer chosen ones (equal ones count half), and both areas from LEAST on.

    Columns as `rules.permitted` gives them. functions: names by code.
    """
    lines: list[dict[str, Any]] = []
    import polars as pl

    for strategy, function in sorted(pairs.select("strategy", "function").unique().rows(), key=str):
        some = pairs.filter((pl.col("strategy") == strategy) & (pl.col("function") == function))
        delta = (some["length"] - some["r_length"]).to_numpy()
        line: dict[str, Any] = {"strategy": strategy, "function": functions[int(function)], "pairs": len(some)}
        line |= {
            "longer_chosen": round(float((delta > 0).mean() + (delta == 0).mean() / 2), 4),
            "equal": int((delta == 0).sum()),
        }
        enough = len(some) >= LEAST
        line |= {f"{name}_auc": round(area(some, name), 4) if enough else None for name in ("length", "format")}
        lines.append(line)
    return lines


def area(pairs: "pl.DataFrame", what: str) -> float:
    """Area under the curve, held out by prompt, of the better of two classifiers over `length` or `format`."""
    fold = (pairs["prompt_hi"].to_numpy() % np.uint64(FOLDS)).astype(np.int64)
    if what == "length":
        difference = (pairs["length"] - pairs["r_length"]).to_numpy().astype(np.int64)
        step = np.sign(difference) * np.searchsorted(STEPS, np.abs(difference), side="right")
        both = (pairs["length"] + pairs["r_length"]).to_numpy()
        level = np.floor(np.log2(np.maximum(both, 1))).astype(np.int64)
        cells = np.sign(step) * (np.abs(step) * 64 + level)
        known, cell = np.unique(cells, return_inverse=True)
        features = np.stack([np.sign(known), np.sign(known) * (np.abs(known) // 64) / 5], axis=1)
    else:
        clipped = [np.clip((pairs[n] - pairs[f"r_{n}"]).to_numpy(), -MOST, MOST).astype(np.int64) for n in FORMAT]
        base = 2 * MOST + 1
        cells = sum(
            d * base**i for i, d in enumerate(clipped)
        )  # balanced: the opposite difference has the opposite number
        known, first, cell = np.unique(cells, return_index=True, return_inverse=True)
        counts = np.stack([d[first] for d in clipped], axis=1)
        features = np.concatenate([np.sign(counts), counts / 5], axis=1)
    cell = cell.reshape(-1)
    fits = (lambda n: _odds(known, n), lambda n: features @ _weights(features, n))
    return max(_held_out(fit, cell, len(known), fold) for fit in fits)


def _held_out(fit: Callable[[np.ndarray], np.ndarray], cell: np.ndarray, cells: int, fold: np.ndarray) -> float:
    """fit: from how often each cell is seen to a score of each. cell: of each pair."""
    scores = np.zeros(len(fold))
    for k in range(FOLDS):
        test = fold == k
        if test.any() and not test.all():
            scores[test] = fit(np.bincount(cell[~test], minlength=cells))[cell[test]]
    return roc_area(scores, -scores)


def _odds(known: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Smoothed logarithm of how often a difference is seen over how often its opposite is: antisymmetric, as the task is."""
    at = np.minimum(np.searchsorted(known, -known), len(known) - 1)
    opposite = np.where(known[at] == -known, counts[at], 0)
    return np.where(known == 0, 0.0, np.log((counts + 1) / (opposite + 1)))


def _weights(features: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Logistic regression without an intercept on differences that are all positive examples: ridge, some Newton steps."""
    w = np.zeros(features.shape[1])
    for _ in range(12):
        p = 1 / (1 + np.exp(-np.clip(features @ w, -30, 30)))
        slope = features.T @ (counts * (1 - p)) - w
        bend = (features * (counts * p * (1 - p))[:, None]).T @ features + np.eye(len(w))
        w = w + np.linalg.solve(bend, slope)
    return w


def roc_area(positive: np.ndarray, negative: np.ndarray) -> float:
    """Chance that a positive scores above a negative, ties counted half.

    >>> roc_area(np.array([2.0, 1.0]), np.array([1.0, 0.0])), roc_area(np.zeros(3), np.zeros(3))
    (0.875, 0.5)
    """
    below = np.sort(negative)
    left, right = np.searchsorted(below, positive, side="left"), np.searchsorted(below, positive, side="right")
    return float((left + right).sum() / 2 / max(1, len(positive) * len(negative)))
