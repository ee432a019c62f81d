"""How many of the released rows are wrong, from the rows that people looked at.

The figure is about what a trainer receives. Rows that people found wrong are corrected or taken out, so what remains wrong is among
the rows that nobody looked at; those that were looked at tell how many. In each stratum (`annotation/routing.py`) what was answered
is a random part of what was drawn and that of all rows, so a stratum's share of wrong answers holds for its unread rows, and

    rate = Σ_h U_h · (wrong_h / answered_h) / released,      U_h: released rows of the stratum that nobody answered

which is Hájek's estimator with the weights U_h / answered_h: the inclusion probability times the stratum's completion rate, as odds.
Skipped, discarded and unfinished reviews count as not answered. A stratum with unread rows and no answer leaves the whole unknown.

**Interval.** Rows of one seed document are alike, so the unit is the document: the variance is that of the documents' residual totals
(the linearised bootstrap by document). From it follows how many independent rows the sample is worth (n_eff), and the interval is the
binomial one at n_eff with mid-p (Korn & Graubard 1998, with Lancaster's mid-p in place of Clopper and Pearson's tail, since n_eff is
no longer a count); where no error was found, the exact bound of Clopper and Pearson at the effective size by the weights (Kish).
A bootstrap of the rate itself says zero to zero where no error was found, and covers 67 % of the time at an audit of 50 rows
with 5 % errors: docs/judging.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import root_scalar
from scipy.special import betainc, betaincinv
from scipy.stats import t as student

LEAST_EFFECTIVE = 1.0
"""A sample is worth one row at least."""


@dataclass(frozen=True)
class Stratum:
    """What is known of one stratum before anyone answered.

    rows: released rows, those that people corrected included. selected: drawn for review. reviewed: released rows with an answer,
    whatever it is used for; the others are unread.
    """

    rows: int
    selected: int
    reviewed: int

    def __post_init__(self) -> None:
        if not 0 <= self.reviewed <= self.rows:
            raise ValueError(f"a stratum of {self.rows} released rows cannot have {self.reviewed} reviewed ones")


@dataclass(frozen=True)
class Reviews:
    """People's final decisions on rows that may estimate, one a row: settle several answers about a row first.

    stratum: its name. document: what groups rows that are alike (the seed document). wrong: by the recipe's definition of an error.
    All of one length; a row that was skipped, discarded or not finished is left out.
    """

    stratum: Sequence[str]
    document: Sequence[bytes] | Sequence[int]
    wrong: Sequence[bool]

    def __post_init__(self) -> None:
        if not len(self.stratum) == len(self.document) == len(self.wrong):
            raise ValueError("stratum, document and wrong are of one length")


@dataclass(frozen=True)
class ErrorRate:
    """Share of released rows that are wrong, in [0, 1], with its interval; None where it is unknown, and then `unknown` says why.

    answered: rows behind it; wrong: of these. effective: independent rows that the sample is worth. method: of the interval.
    """

    rate: float | None
    low: float | None
    high: float | None
    answered: int
    wrong: int
    effective: float = 0.0
    method: str = ""
    unknown: str = ""


def error_rate(reviews: Reviews, strata: Mapping[str, Stratum], level: float = 0.95) -> ErrorRate:
    """The error rate of the released rows. Raises ValueError for a review of a stratum that is not named.

    >>> error_rate(Reviews(["audit"] * 4, [1, 2, 3, 4], [True, False, False, False]), {"audit": Stratum(104, 5, 4)}).rate
    0.2403846153846154
    """
    names = list(strata)
    if unknown := sorted(set(reviews.stratum) - set(names)):
        raise ValueError(f"reviews of a stratum that is not named: {unknown[0]}")
    place = {name: i for i, name in enumerate(names)}
    of = np.array([place[name] for name in reviews.stratum], np.int64)
    wrong = np.asarray(reviews.wrong, np.float64)
    answered = np.bincount(of, minlength=len(names))
    unread = np.array([s.rows - s.reviewed for s in strata.values()], np.float64)
    released = sum(s.rows for s in strata.values())
    count, errors = len(of), int(wrong.sum())
    if not released:
        return ErrorRate(None, None, None, count, errors, unknown="no row is released")
    if lacking := [name for name, left, n in zip(names, unread, answered, strict=True) if left and not n]:
        left = int(unread[place[lacking[0]]])
        why = f"nobody has answered a row of the stratum '{lacking[0]}', of which {left:,} unread rows are released"
        return ErrorRate(None, None, None, count, errors, unknown=why)
    share = unread / released
    if not share.any():
        return ErrorRate(0.0, 0.0, 0.0, count, errors, float(count), "every released row was reviewed")
    return _estimated(of, _documents(reviews.document), wrong, answered, share, level)


def _documents(documents: Sequence[bytes] | Sequence[int]) -> np.ndarray:
    numbers: dict[bytes | int, int] = {}
    return np.array([numbers.setdefault(d, len(numbers)) for d in documents], np.int64)


def _estimated(
    of: np.ndarray, document: np.ndarray, wrong: np.ndarray, answered: np.ndarray, share: np.ndarray, level: float
) -> ErrorRate:
    weights = np.where(answered > 0, share / np.maximum(answered, 1), 0.0)
    found = np.bincount(of, weights=wrong, minlength=len(share)) / np.maximum(answered, 1)
    rate, whole = float(share @ found), float(share.sum())
    count, errors = len(of), int(wrong.sum())
    kish = whole**2 / float(weights**2 @ answered)
    if not rate:
        high = whole * clopper_pearson(0.0, kish, level)[1]
        return ErrorRate(
            0.0, 0.0, high, count, errors, kish, "no error found: Clopper–Pearson at the weights' effective size"
        )
    residual = np.bincount(document, weights=weights[of] * (wrong - found[of]))
    documents = len(residual)
    variance = float(residual @ residual) * documents / max(1, documents - 1)
    proportion = rate / whole
    spread = proportion * (1 - proportion) * whole**2
    effective = spread / variance if variance > 0 else kish
    freedom = max(1, documents - int((answered > 0).sum()))
    tail = 1 - (1 - level) / 2
    effective *= (student.ppf(tail, max(1, count - 1)) / student.ppf(tail, freedom)) ** 2
    effective = float(np.clip(effective, LEAST_EFFECTIVE, count))
    low, high = mid_p(proportion * effective, effective, level)
    method = "binomial with mid-p at the effective size, by seed document"
    return ErrorRate(rate, whole * low, whole * high, count, errors, effective, method)


def clopper_pearson(errors: float, size: float, level: float) -> tuple[float, float]:
    """Exact interval of a proportion (Clopper & Pearson 1934), for counts that need not be whole.

    >>> [round(x, 4) for x in clopper_pearson(0, 40, 0.95)]
    [0.0, 0.0881]
    """
    tail = (1 - level) / 2
    low = 0.0 if errors <= 0 else float(betaincinv(errors, size - errors + 1, tail))
    high = 1.0 if errors >= size else float(betaincinv(errors + 1, size - errors, 1 - tail))
    return low, high


def mid_p(errors: float, size: float, level: float) -> tuple[float, float]:
    """Mid-p interval of a proportion (Lancaster 1961), for counts that need not be whole: half of the observed probability counts.

    >>> [round(x, 3) for x in mid_p(5, 40, 0.95)]
    [0.047, 0.256]
    """
    tail = (1 - level) / 2

    def at_least(p: float) -> float:
        more = float(betainc(errors, size - errors + 1, p)) if errors > 0 else 1.0
        beyond = float(betainc(errors + 1, size - errors, p)) if errors < size else 0.0
        return (more + beyond) / 2

    low = 0.0 if errors <= 0 else root_scalar(lambda p: at_least(p) - tail, bracket=(0.0, 1.0)).root
    high = 1.0 if errors >= size else root_scalar(lambda p: at_least(p) - (1 - tail), bracket=(0.0, 1.0)).root
    return low, high
