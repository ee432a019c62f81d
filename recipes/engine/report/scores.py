"""Quality scores in figures: how they are distributed, how far classifiers agree, and what keeping a share of them would keep.

Everything is over rows that have the score, kept or rejected later, so that a threshold can be chosen before it is set. With labels
(`seimai report --labels`) precision and recall stand beside the kept share (`labelled_scores`).
"""

import math
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
import pyarrow as pa

from curation.classify.agreement import in_top, kept_kappa, overlap, spearman
from curation.document import COLUMNS
from recipes.engine.report.fates import Fates
from recipes.engine.report.labelled_scores import LabelledScore
from recipes.engine.run_folder import Run
from recipes.engine.run_rules import RunRule
from recipes.engine.wording import Words, column_words

BINS = 50
POINTS = 101
"""Thresholds of a curve."""
SHARES = (0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7)
"""Kept shares whose thresholds are listed."""
COMPARED = (0.1, 0.3)
"""Top shares for which classifiers are held against each other."""

SCORES = [c.removesuffix("_top") for c in COLUMNS if c.endswith("_top")]
"""Columns that classifiers and ensembles write, higher is better."""

BESIDE = ("quality_group", "quality_bucket", "chars", *(c for c in COLUMNS if c.endswith("_top")))
"""Columns that are read beside the scores."""


@dataclass(frozen=True)
class Choice:
    """A threshold that could be chosen: share of scored rows and of their characters that it keeps."""

    threshold: float
    kept: float
    chars: float | None
    """None where the run did not count characters."""
    decides: bool
    """Whether the recipe decides at it."""


@dataclass
class Score:
    """One score over the run's rows."""

    column: str
    rows: float
    missing: float
    """Released rows that have none."""
    edges: np.ndarray
    kept: np.ndarray
    lost: np.ndarray
    thresholds: np.ndarray
    shares: np.ndarray
    """Share of rows that score at least each of `thresholds`."""
    bounds: list[float]
    """Bounds of the recipe's rules over the column."""
    choices: list[Choice]
    labelled: LabelledScore | None = None

    @property
    def words(self) -> Words:
        """The column in words."""
        return column_words(self.column)

    @property
    def finding(self) -> Words:
        """Where the middle of the rows lies."""
        low, middle, high = (self.at(q) for q in (0.9, 0.5, 0.1))
        return Words(
            f"中央値 {middle:.3f}、中央の 8 割は {low:.3f}〜{high:.3f}",
            f"median {middle:.3f}, eight in ten between {low:.3f} and {high:.3f}",
        )

    def at(self, share: float) -> float:
        """Score that this share of rows reaches or passes."""
        return float(self.thresholds[int(np.searchsorted(-self.shares, -share, side="right")) - 1])


@dataclass(frozen=True)
class Pair:
    """How far two scores agree: rank correlation, and for each of `COMPARED` overlap (Jaccard) and κ of their top shares.

    None where ties at the top are larger than the share, so that a score has no such top.
    """

    first: Words
    second: Words
    rows: float
    spearman: float
    overlap: list[float | None]
    kappa: list[float | None]


@dataclass
class Scores:
    """All scores of a run."""

    scores: list[Score] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)
    groups: list[tuple[str, float, float]] = field(default_factory=list)
    """Groups of an ensemble's buckets, best first: name, rows, rows kept."""

    @property
    def title(self) -> Words:
        """What stands out: how far the first two classifiers agree, or where the only one lies."""
        if self.pairs:
            pair = self.pairs[0]
            ja = f"「{pair.first.ja}」と「{pair.second.ja}」の順位相関は {pair.spearman:.2f}"
            en = f"Ranks by {pair.first.en} and {pair.second.en} correlate at {pair.spearman:.2f}"
            for share, value in zip(COMPARED, pair.overlap, strict=True):
                if value is not None:
                    ja += f"、上位 {100 * share:.0f} % の重なりは {100 * value:.0f} %"
                    en += f"; their top {100 * share:.0f} % overlap by {100 * value:.0f} %"
                    break
            return Words(ja, en)
        score = self.scores[0]
        return Words(f"{score.words.ja}：{score.finding.ja}", f"{score.words.en}: {score.finding.en}")


def score_names(run: Run) -> list[str]:
    """Columns that count as scores in a run: those of classifiers, and what its ensembles rank by."""
    ranked = [c for _, step in run.steps("ensemble") for c in step["with"]["scores"]]
    names = list(dict.fromkeys([*SCORES, *(c for c in ranked if c in COLUMNS)]))
    return sorted(names, key=lambda c: c == "mean_rank")  # what is made of the others stands behind them


def scores(
    rows: Fates, names: list[str], rules: list[RunRule], labelled: dict[str, LabelledScore] | None = None
) -> Scores | None:
    """The scores of a run, by `score_names`; None when no classifier ran. `rows` need `BESIDE` too."""
    values = {c: _values(rows, c) for c in names if c in rows.table.column_names}
    values = {c: v for c, v in values.items() if np.isfinite(v).any()}
    if not values:
        return None
    chars = _values(rows, "chars")
    found = Scores([_score(c, v, chars, rows, rules) for c, v in values.items()])
    for score in found.scores:
        score.labelled = (labelled or {}).get(score.column)
    for a, b in combinations(
        [c for c in values if c != "mean_rank"], 2
    ):  # it is made of the others and agrees by itself
        if (pair := _pair(a, b, values, rows)) is not None:
            found.pairs.append(pair)
    found.groups = _groups(rows)
    return found


def _values(rows: Fates, column: str) -> np.ndarray:
    return rows.table.column(column).combine_chunks().cast(pa.float64()).to_numpy(zero_copy_only=False)


def _score(column: str, values: np.ndarray, chars: np.ndarray, rows: Fates, rules: list[RunRule]) -> Score:
    there = np.isfinite(values)
    value, weight, released = values[there], rows.weight[there], rows.released[there]
    low, high = min(0.0, float(value.min())), max(1.0, float(value.max()))
    edges = np.linspace(low, high, BINS + 1)
    kept, lost = (np.histogram(value[m], edges, weights=weight[m])[0] for m in (released, ~released))
    thresholds = np.linspace(low, high, POINTS)
    bounds = sorted({b for b in _bounds(column, values, rows, rules) if low <= b <= high})
    size = np.where(np.isfinite(chars[there]), chars[there], 0.0) * weight
    wanted = {_threshold_of(value, weight, share) for share in SHARES} - {None}
    listed = sorted({*bounds, *(t for t in wanted if t is not None)}, reverse=True)
    choices = [
        Choice(t, _share(value, weight, t), _share(value, size, t) if size.sum() else None, t in bounds) for t in listed
    ]
    return Score(
        column,
        float(weight.sum()),
        float(rows.weight[rows.released & ~there].sum()),
        edges,
        kept,
        lost,
        thresholds,
        np.array([_share(value, weight, t) for t in thresholds.tolist()]),
        bounds,
        choices,
    )


def _share(value: np.ndarray, weight: np.ndarray, threshold: float) -> float:
    return float(weight[value >= threshold - 1e-6].sum() / weight.sum())


def _threshold_of(value: np.ndarray, weight: np.ndarray, share: float) -> float | None:
    """Lowest score, in thousandths, whose keeping keeps about this share and not more; None where a tie at the top is larger."""
    kept = in_top(value, weight, share)
    return math.floor(1000 * float(value[kept].min()) + 1e-3) / 1000 if kept.any() else None


def _bounds(column: str, values: np.ndarray, rows: Fates, rules: list[RunRule]) -> list[float]:
    """Scores at which the run's rules decide: bounds over the column, and the lowest score in a top share that is kept."""
    found = []
    for test in (t for r in rules for t in r.rule.tests):
        if test.column == column and test.keep.operator in (">=", ">", "between"):
            found.append(float(test.keep.bounds[0]))
        elif test.column == f"{column}_top" and test.keep.operator in ("<=", "<"):
            kept = _values(rows, test.column) <= float(test.keep.bounds[0])
            found += [round(float(values[kept].min()), 3)] if kept.any() else []
    return found


def _pair(a: str, b: str, values: dict[str, np.ndarray], rows: Fates) -> Pair | None:
    both = np.isfinite(values[a]) & np.isfinite(values[b])
    if both.sum() < 2:
        return None
    x, y, w = values[a][both], values[b][both], rows.weight[both]
    tops = [(in_top(x, w, share), in_top(y, w, share)) for share in COMPARED]
    return Pair(
        column_words(a),
        column_words(b),
        float(w.sum()),
        spearman(x, y, w),
        [overlap(m, n, w) if m.any() and n.any() else None for m, n in tops],
        [kept_kappa(m, n, w) if m.any() and n.any() else None for m, n in tops],
    )


def _groups(rows: Fates) -> list[tuple[str, float, float]]:
    names = rows.table.column("quality_group").to_pylist()
    bucket = _values(rows, "quality_bucket")
    best: dict[str, float] = {}
    count: dict[str, list[float]] = {}
    for name, at, weight, kept in zip(
        names, bucket.tolist(), rows.weight.tolist(), rows.released.tolist(), strict=True
    ):
        if name is not None:
            best[name] = max(best.get(name, at), at)
            total = count.setdefault(name, [0.0, 0.0])
            total[0] += weight
            total[1] += weight * kept
    return [(name, count[name][0], count[name][1]) for name in sorted(count, key=lambda n: -best[n])]
