"""Scores against labels of people or of a judge model: AUC, precision and recall by threshold, each with its 95 % interval.

The labelled pages are found again in the run by id, whether they were released or rejected, with all of its scores; where the sample
says how many rows a page stands for (`weight`), estimates are for all rows. Pages of one host count as alike (`labelled_share`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from curation.classify.answers import Answers, AnswersError, judged
from curation.classify.evaluation import auc, auc_interval
from curation.classify.labelled_share import At, by_threshold
from recipes.engine.classifier.label_read import Labelled, labelled
from recipes.engine.errors import RecipeError
from recipes.engine.run_folder import Run

THRESHOLDS = 41


@dataclass(frozen=True)
class LabelledScore:
    """One score against the labels."""

    pages: int
    """Labelled pages that have the score."""
    lacking: int
    """Labelled pages of the run that have none: what is said here says nothing of them."""
    good: int
    hosts: int
    weighted: bool
    auc: float
    auc_low: float
    auc_high: float
    curve: list[At]
    """At thresholds over the range of the score."""
    _scores: np.ndarray
    _good: np.ndarray
    _weights: np.ndarray
    _hosts: np.ndarray

    def at(self, threshold: float) -> At:
        """What keeping scores from this threshold on does."""
        (one,) = by_threshold(self._scores, self._good, self._weights, self._hosts, np.array([threshold]))
        return one


def labelled_scores(
    run: Run, spec: Answers, columns: Sequence[str], base: Path
) -> tuple[dict[str, LabelledScore], Labelled]:
    """Each score that labelled pages have, against their labels. Raises RecipeError where nothing can be said."""
    if spec.positive is None:
        raise RecipeError("labels: say which are good by --positive, e.g. --positive '>= 3' or --positive '== good'")
    found = labelled(run, spec, base, [*columns, "host", "file"])
    labels = found.labels
    if not labels:
        raise RecipeError(f"{', '.join(spec.files)}: no label is about a page of {run.place.url}")
    try:
        good = judged(spec.positive, labels, found.answered.places)
    except AnswersError as error:
        raise RecipeError(f"labels: {error}") from error
    if len(set(good.values())) < 2:
        sort = "good" if all(good.values()) else "other"
        raise RecipeError(
            f"labels: all {len(good)} are {sort} by --positive '{spec.positive}'; found {', '.join(sorted(set(labels.values())))}"
        )
    made = {}
    for column in columns:
        keys = [k for k in labels if found.rows[k].get(column) is not None and np.isfinite(found.rows[k][column])]
        if len({good[k] for k in keys}) == 2:
            made[column] = _scored(column, keys, found, good)
    if not made:
        raise RecipeError("labels: no labelled page has a score; the run needs a classifier's step")
    return made, found


def _scored(column: str, keys: list[str], found: Labelled, good: dict[str, bool]) -> LabelledScore:
    rows, given = found.rows, found.answered.weights
    scores = np.array([rows[k][column] for k in keys], float)
    truth = np.array([good[k] for k in keys])
    weighted = all(k in given for k in keys)
    weights = np.array([given[k] for k in keys]) if weighted else np.ones(len(keys))
    names = [rows[k].get("host") or rows[k].get("file") or "" for k in keys]
    _, hosts = np.unique(names, return_inverse=True)
    low, high = min(0.0, float(scores.min())), max(1.0, float(scores.max()))
    value = auc(truth, scores, weights)
    bottom, top = auc_interval(truth, scores, hosts, weights)
    curve = by_threshold(scores, truth, weights, hosts, np.linspace(low, high, THRESHOLDS))
    hosts_seen = int(hosts.max()) + 1
    lacking = len(found.labels) - len(keys)
    return LabelledScore(
        len(keys),
        lacking,
        int(truth.sum()),
        hosts_seen,
        weighted,
        value,
        bottom,
        top,
        curve,
        scores,
        truth,
        weights,
        hosts,
    )
