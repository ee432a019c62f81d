"""Precision and recall of a score against labels of a sample, with intervals that know how the sample was drawn.

Labelled pages are drawn evenly over deciles of a score, so each stands for a number of rows (`weight`), and pages of one host are
alike. An estimate is therefore a ratio of weighted sums and its variance is taken over hosts (Taylor linearisation of a ratio,
clusters with replacement; Cochran 1977, section 11.11). Its interval is Wilson's with the sample size that simple drawing would need
for that variance, less what few hosts know of it (effective sample size with Student's quantile; Korn and Graubard 1998, Dean and
Pagano 2015), so it keeps its width at 0 and 1, where resampling would say that it is certain. The report counts hosts so, a model's
card the groups that it holds out.
"""

from dataclasses import dataclass
from math import pi, sqrt, tan

import numpy as np

Z = 1.959963984540054
"""Standard normal quantile of a two-sided 95 % interval."""


LARGE = 0.1
"""Share of all rows from which on a host counts by its pages, where they vary more: it was drawn for certain, they were not."""


@dataclass(frozen=True)
class Share:
    """An estimated share with its 95 % interval, and the effective number of pages behind it; NaN where there are none."""

    value: float
    low: float
    high: float
    pages: float


def student_quantile(freedom: int) -> float:
    """Student's quantile of a two-sided 95 % interval, to 0.2 %: exact for 1 and 2 degrees of freedom.

    From 3 on by Abramowitz & Stegun 26.7.5.

    >>> [round(student_quantile(n), 2) for n in (1, 2, 3, 10, 1000)]
    [12.71, 4.3, 3.18, 2.23, 1.96]
    """
    if freedom < 3:
        p = 0.975
        return 2 * (p - 0.5) / sqrt(2 * p * (1 - p)) if freedom == 2 else tan(pi * (p - 0.5))
    z, n = Z, freedom
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / n**power for power, term in enumerate(terms, start=1))


def wilson(share: float, n: float) -> tuple[float, float]:
    """Wilson's 95 % interval of a share seen in n independent draws (Wilson 1927); (0, 1) for no draw.

    >>> [round(v, 4) for v in wilson(0.8, 50)], wilson(0.5, 0)
    ([0.6696, 0.8876], (0.0, 1.0))
    """
    if n <= 0:
        return 0.0, 1.0
    centre = (share + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z / (1 + Z * Z / n) * sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def share_of(part: np.ndarray, whole: np.ndarray, weights: np.ndarray, hosts: np.ndarray) -> Share:
    """Weighted share of `part` among `whole` (bool arrays of the labelled pages), hosts as numbers from 0.

    >>> even = share_of(np.array([True, True, False, True]), np.ones(4, bool), np.ones(4), np.arange(4))
    >>> even.value, round(even.low, 3), round(even.high, 3)
    (0.75, 0.131, 0.984)
    >>> one_host = share_of(np.array([True, True, False, False]), np.ones(4, bool), np.ones(4), np.array([0, 0, 1, 1]))
    >>> one_host.value, one_host.pages
    (0.5, 1.0)
    """
    w = np.where(whole, weights, 0.0)
    total = w.sum()
    if not total:
        return Share(float("nan"), float("nan"), float("nan"), 0.0)
    value = min(1.0, float((w * part).sum() / total))
    there = np.unique(hosts[whole])
    kish = float(total**2 / (w * w).sum())
    if len(there) < 2:
        n = 1.0  # all of one host: as good as one page
    elif 0.0 < value < 1.0:
        added = w * (part - value)
        squares = np.bincount(hosts, added, hosts.max() + 1) ** 2
        large = np.bincount(hosts, w, hosts.max() + 1) > LARGE * total
        squares[large] = np.maximum(squares, np.bincount(hosts, added * added, hosts.max() + 1))[large]
        variance = len(there) / (len(there) - 1) * float(squares.sum()) / total**2
        n = min(float(value * (1 - value) / variance), float(whole.sum())) if variance > 0 else kish
    else:
        by_host = np.bincount(hosts, w, hosts.max() + 1)
        n = float(total**2 / (by_host * by_host).sum())  # nothing tells hosts apart: as many as there are of equal size
    if len(there) > 1:
        n = max(1.0, n * (Z / student_quantile(len(there) - 1)) ** 2)
    return Share(value, *wilson(value, n), n)


@dataclass(frozen=True)
class At:
    """What keeping scores of at least `threshold` does: share of all rows kept, and precision and recall of it."""

    threshold: float
    kept: float
    precision: Share
    recall: Share


def by_threshold(
    scores: np.ndarray, good: np.ndarray, weights: np.ndarray, hosts: np.ndarray, thresholds: np.ndarray
) -> list[At]:
    """Precision and recall of `score ≥ threshold` for each threshold, over labelled pages; keeping all recalls all, for certain."""
    made = []
    for threshold in thresholds.tolist():
        kept = scores >= threshold - 1e-9
        precision, recall = share_of(good, kept, weights, hosts), share_of(kept, good, weights, hosts)
        if kept.all():
            recall = Share(1.0, 1.0, 1.0, float(len(kept)))
        made.append(At(threshold, float(weights[kept].sum() / weights.sum()), precision, recall))
    return made
