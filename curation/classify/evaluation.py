"""How well scores tell good from other texts: AUC with an interval, confusion by source, precision and recall by threshold.

Intervals are by resampling pages, not pieces: pieces of one page are alike, and intervals that took them for independent would be
too narrow.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa


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
    positive: np.ndarray, scores: np.ndarray, pages: Sequence[str], resamples: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """2.5th and 97.5th percentile of the AUC over resamples of the pages, all pieces of a page together."""
    page = np.unique(np.array(pages), return_inverse=True)[1]
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(resamples):
        drawn = np.bincount(rng.integers(0, page.max() + 1, page.max() + 1), minlength=page.max() + 1)
        found.append(auc(positive, scores, drawn[page].astype(float)))
    low, high = np.nanpercentile(found, [2.5, 97.5])
    return float(low), float(high)


def confusion(positive: np.ndarray, scores: np.ndarray, threshold: float = 0.5) -> dict[str, int]:
    """Good kept, good lost, other kept and other lost at a threshold (kept: score ≥ threshold)."""
    kept = scores >= threshold
    return {
        "good_kept": int((positive & kept).sum()),
        "good_lost": int((positive & ~kept).sum()),
        "other_kept": int((~positive & kept).sum()),
        "other_lost": int((~positive & ~kept).sum()),
    }


def by_threshold(positive: np.ndarray, scores: np.ndarray, steps: int = 19) -> list[dict[str, Any]]:
    """For thresholds 0.05 … 0.95: kept share, precision and recall, each with its 95 % interval (Wilson 1927)."""
    from scipy.stats import binomtest

    def share(part: int, whole: int) -> list[float] | None:
        if not whole:
            return None
        interval = binomtest(part, whole).proportion_ci(method="wilson")
        return [round(float(v), 4) for v in (part / whole, interval.low, interval.high)]

    made = []
    for threshold in np.linspace(0, 1, steps + 2)[1:-1].tolist():
        kept = scores >= threshold
        good = int((kept & positive).sum())
        made.append(
            {
                "threshold": round(threshold, 3),
                "kept": round(float(kept.mean()), 4),
                "precision": share(good, int(kept.sum())),
                "recall": share(good, int(positive.sum())),
            }
        )
    return made


def reliability(positive: np.ndarray, scores: np.ndarray, bins: int = 10) -> dict[str, float]:
    """Brier score, and expected calibration error over bins of equal width; good and other examples weigh the same in sum."""
    weights = np.where(positive, 0.5 / max(positive.sum(), 1), 0.5 / max((~positive).sum(), 1))
    where = np.minimum((scores * bins).astype(int), bins - 1)
    gaps = np.bincount(where, weights * (positive - scores), minlength=bins)
    return {
        "brier": round(float((weights * (positive - scores) ** 2).sum()), 4),
        "calibration_error": round(float(np.abs(gaps).sum()), 4),
    }


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


def best_heuristic(positive: np.ndarray, texts: Sequence[str]) -> tuple[str, float]:
    """The column that alone tells best, with its AUC in its better direction: chosen with the answers known, in its favour."""
    found = {name: auc(positive, values) for name, values in heuristics(texts).items()}
    name = max(found, key=lambda n: abs(found[n] - 0.5))
    return name, max(found[name], 1 - found[name])
