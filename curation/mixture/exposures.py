"""Exposures: how often clusters are shown, and what a manifest says of it."""

from typing import Any

import numpy as np
import pyarrow as pa


def sums_of(values: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Sum of each cluster's rows, int64; 0 for one without rows."""
    return np.diff(np.concatenate([[0], np.cumsum(values)])[start]).astype(np.int64)


def exposure_notes(k: int, exposures: pa.Table) -> dict[str, Any]:
    """What a manifest says of showings: K, the highest number of any cluster, and `max_trainer_epochs`.

    exposures: clusters by showings of one pass and of earlier training. A trainer that makes e passes shows a cluster before + e ×
    now times, so e may be floor((K − before) / now) of the tightest cluster: floor(K / highest) where nothing was shown before.
    """
    rows = [r for r in exposures.to_pylist() if r["exposures"]]
    most = max((r["exposures"] + r["before"] for r in rows), default=0)
    epochs = min(((k - r["before"]) // r["exposures"] for r in rows), default=None)
    return {"k": k, "highest_exposure": most, "max_trainer_epochs": epochs}
