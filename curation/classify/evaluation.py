"""How well scores tell good from other texts: AUC with an interval, confusion, reliability, and the heuristics beside them.

The interval is over groups (hosts, manuals), not over pieces or pages: those of one group are alike, and an interval that took them
for independent would be too narrow. Precision and recall by threshold are `labelled_share`'s, over the same groups.
"""

from collections.abc import Sequence
from math import log, sqrt, tanh
from typing import Any

import numpy as np
import pyarrow as pa

from curation.classify.labelled_share import LARGE, Z, student_quantile, wilson


def auc(positive: np.ndarray, scores: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Chance that a good example scores above another, ties counting half; NaN where there is only one sort of example.

    >>> auc(np.array([True, False, True]), np.array([0.9, 0.5, 0.5]))
    0.75
    """
    weights = np.ones(len(scores)) if weights is None else weights
    order = np.argsort(scores, kind="stable")
    scores, good = scores[order], np.asarray(positive, bool)[order]
    weights = weights[order]
    starts = np.flatnonzero(np.concatenate([[True], scores[1:] != scores[:-1]]))
    above, below = (np.add.reduceat(np.where(side, weights, 0.0), starts) for side in (good, ~good))
    total = above.sum() * below.sum()
    return float((above * (np.cumsum(below) - below / 2)).sum() / total) if total else float("nan")


def auc_interval(
    positive: np.ndarray, scores: np.ndarray, groups: Sequence[Any] | np.ndarray, weights: np.ndarray | None = None
) -> tuple[float, float]:
    """95 % interval of the AUC where examples of one group (a host, a manual) are alike; (NaN, NaN) for a single group.

    The variance is that of the sums over groups of what each example adds to the estimate (structural components of clustered
    data, Obuchowski 1997), the interval Student's with groups − 1 degrees of freedom on the logit scale, so that it stays in [0, 1].
    At 0 or 1, where nothing varies, it is Wilson's with as many draws as the rarer sort has groups of equal size.
    """
    weights = np.ones(len(scores)) if weights is None else weights
    group = np.unique(np.asarray(groups), return_inverse=True)[1]
    count, value = int(group.max()) + 1, auc(positive, scores, weights)
    if count < 2 or np.isnan(value):
        return float("nan"), float("nan")
    student = student_quantile(count - 1)
    sides = [np.where(side, weights, 0.0) for side in (positive, ~positive)]
    if 0.0 < value < 1.0:
        beaten = _beaten(positive, scores, sides)
        added = sides[0] * (beaten[0] - value) / sides[0].sum() + sides[1] * (beaten[1] - value) / sides[1].sum()
        squares, total = np.bincount(group, added, count) ** 2, weights.sum()
        large = np.bincount(group, weights, count) > LARGE * total
        squares[large] = np.maximum(squares, np.bincount(group, added * added, count))[large]
        half = student * sqrt(count / (count - 1) * float(squares.sum())) / (value * (1 - value))
        middle = log(value / (1 - value))
        return 0.5 + 0.5 * tanh((middle - half) / 2), 0.5 + 0.5 * tanh((middle + half) / 2)
    sums = [np.bincount(group, w, count) for w in sides]
    return wilson(value, min(float(s.sum() ** 2 / (s * s).sum()) for s in sums) * (Z / student) ** 2)


def _beaten(positive: np.ndarray, scores: np.ndarray, sides: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """For good examples the share of others below them, for others the share of good ones above them, ties counting half."""
    place = np.unique(scores, return_inverse=True)[1]
    good, other = (np.bincount(place, w) / w.sum() for w in sides)
    below, above = np.cumsum(other) - other / 2, 1 - np.cumsum(good) + good / 2
    return np.where(positive, below[place], 0.0), np.where(positive, 0.0, above[place])


def confusion(positive: np.ndarray, scores: np.ndarray, threshold: float = 0.5) -> dict[str, int]:
    """Good kept, good lost, other kept and other lost at a threshold (kept: score ≥ threshold)."""
    kept = scores >= threshold
    return {
        "good_kept": int((positive & kept).sum()),
        "good_lost": int((positive & ~kept).sum()),
        "other_kept": int((~positive & kept).sum()),
        "other_lost": int((~positive & ~kept).sum()),
    }


def reliability(
    positive: np.ndarray, scores: np.ndarray, weights: np.ndarray | None = None, bins: int = 10
) -> dict[str, float]:
    """Brier score, and expected calibration error over bins of equal width; good and other examples weigh the same in sum."""
    even = evened(positive, weights)
    where = np.minimum((scores * bins).astype(int), bins - 1)
    gaps = np.bincount(where, even * (positive - scores), minlength=bins)
    return {
        "brier": round(float((even * (positive - scores) ** 2).sum()), 4),
        "calibration_error": round(float(np.abs(gaps).sum()), 4),
    }


def evened(positive: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Weights by which good and other examples weigh the same, a half each."""
    weights = np.ones(len(positive)) if weights is None else weights
    good, other = (max(float(weights[side].sum()), 1e-30) for side in (positive, ~positive))
    return np.where(positive, 0.5 * weights / good, 0.5 * weights / other)


def heuristics(texts: Sequence[str]) -> dict[str, np.ndarray]:
    """Every number that the measuring steps say of the texts (text_stats, repetition, kana), by column."""
    from curation.classify.language import Language
    from curation.features.repetition import Repetition
    from curation.features.text_stats import TextStats

    batch = pa.record_batch({"text": pa.array(texts, pa.large_string())})
    found: dict[str, np.ndarray] = {}
    for step in (TextStats(), Repetition(), Language()):
        step.setup()
        for name, column in step.columns(batch).items():
            if not pa.types.is_string(column.type):
                found[name] = np.nan_to_num(column.cast(pa.float64()).to_numpy(zero_copy_only=False))
    return found


def best_heuristic(positive: np.ndarray, texts: Sequence[str], weights: np.ndarray | None = None) -> tuple[str, float]:
    """The column that alone tells best, with its AUC in its better direction: chosen with the answers known, in its favour."""
    found = {name: auc(positive, values, weights) for name, values in heuristics(texts).items()}
    name = max(found, key=lambda n: abs(found[n] - 0.5))
    return name, max(found[name], 1 - found[name])
