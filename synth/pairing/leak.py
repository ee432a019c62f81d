"""How well length alone, or form alone, tells chosen from rejected: what a balanced set must not let a model learn.

A classifier sees the difference of two answers and says which was chosen. It is fitted on four fifths of the prompts and scored on the
rest, five times; its area under the ROC curve is 0.5 where nothing can be told. Two kinds are fitted (logarithmic odds of
each step of difference, and a logistic regression over the measures), and the better one counts.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from synth.pairing.balance import STEPS
from synth.pairing.form import FORMAT

if TYPE_CHECKING:
    import polars as pl

FOLDS = 5
LEAST = 500
"""Pairs of a stratum from which a figure can tell 0.5 from 0.55."""


def strata(pairs: "pl.DataFrame", functions: list[str]) -> list[dict[str, Any]]:
    """A line for each strategy × function: pairs, share of longer chosen ones (equal ones count half), and both areas from LEAST on.

    Columns as `rules.permitted` gives them. functions: names by code.
    """
    lines: list[dict[str, Any]] = []
    for (strategy, function), some in sorted(pairs.group_by("strategy", "function"), key=lambda kv: str(kv[0])):
        delta = (some["length"] - some["r_length"]).to_numpy()
        line: dict[str, Any] = {"strategy": strategy, "function": functions[int(function)], "pairs": len(some)}
        line |= {"longer_chosen": round(float((delta > 0).mean() + (delta == 0).mean() / 2), 4), "equal": int((delta == 0).sum())}
        enough = len(some) >= LEAST
        line |= {f"{name}_auc": round(area(some, name), 4) if enough else None for name in ("length", "format")}
        lines.append(line)
    return lines


def area(pairs: "pl.DataFrame", what: str) -> float:
    """Area under the curve, held out by prompt, of the better of two classifiers over `length` or `format`."""
    names = ["length"] if what == "length" else list(FORMAT)
    difference = np.stack([(pairs[n] - pairs[f"r_{n}"]).to_numpy() for n in names], axis=1).astype(np.float64)
    fold = (pairs["prompt_hi"].to_numpy() % np.uint64(FOLDS)).astype(np.int64)
    if what == "length":
        step = np.sign(difference[:, 0]) * np.searchsorted(STEPS, np.abs(difference[:, 0]), side="right")
        level = np.floor(np.log2(np.maximum((pairs["length"] + pairs["r_length"]).to_numpy(), 1)))
        cells, features = (step * 64 + np.sign(step) * level).astype(np.int64), np.stack([np.sign(step), step / 5], axis=1)
    else:
        signs = np.sign(difference).astype(np.int64)
        cells, features = (signs * 3 ** np.arange(len(names))).sum(axis=1), np.concatenate([signs, difference / 5], axis=1)
    return max(_held_out(lambda train: _odds(cells[train]), cells, fold), _held_out(lambda train: _weights(features[train]), features, fold))


def _held_out(fit: Any, seen: np.ndarray, fold: np.ndarray) -> float:
    scores = np.zeros(len(fold))
    for k in range(FOLDS):
        test = fold == k
        if test.any() and not test.all():
            scores[test] = fit(np.flatnonzero(~test))(seen[test])
    return roc_area(scores, -scores)


def _odds(cells: np.ndarray) -> Any:
    """Smoothed logarithm of how often a difference is seen over how often its opposite is: antisymmetric, as the task is."""
    seen, counts = np.unique(cells, return_counts=True)
    known = np.unique(np.concatenate([seen, -seen]))
    plus = np.zeros(len(known))
    plus[np.searchsorted(known, seen)] = counts
    minus = plus[::-1]  # known is symmetric around 0
    value = np.log((plus + 1) / (minus + 1))

    def score(some: np.ndarray) -> np.ndarray:
        at = np.minimum(np.searchsorted(known, some), len(known) - 1)
        return np.where(known[at] == some, value[at], 0.0) if len(known) else np.zeros(len(some))

    return score


def _weights(features: np.ndarray) -> Any:
    """Logistic regression without an intercept on differences that are all positive examples: ridge, some Newton steps."""
    w = np.zeros(features.shape[1])
    for _ in range(20):
        p = 1 / (1 + np.exp(-np.clip(features @ w, -30, 30)))
        slope = features.T @ (1 - p) - w
        bend = (features * (p * (1 - p))[:, None]).T @ features + np.eye(len(w))
        w = w + np.linalg.solve(bend, slope)
    return lambda some: some @ w


def roc_area(positive: np.ndarray, negative: np.ndarray) -> float:
    """Chance that a positive scores above a negative, ties counted half.

    >>> roc_area(np.array([2.0, 1.0]), np.array([1.0, 0.0])), roc_area(np.zeros(3), np.zeros(3))
    (0.875, 0.5)
    """
    below = np.sort(negative)
    left, right = np.searchsorted(below, positive, side="left"), np.searchsorted(below, positive, side="right")
    return float((left + right).sum() / 2 / max(1, len(positive) * len(negative)))

