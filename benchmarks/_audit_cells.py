"""Simulated reviews of known truth: whether the interval of the error rate covers it, and how wide it is beside a bootstrap's.

Fixed before the estimator was chosen. 20,000 rows from seed documents of 1 to 5 rows, errors within a document correlated (0.1);
three strata of 70, 20 and 10 % of the rows, in which errors are 1 : 2 : 4 times as frequent and rows are drawn 1 : 3 : 10 times as
often; a drawn row is answered with probability 0.8. True error over all rows 0, 0.5, 5 and 30 %; audits of 50 and 500 drawn rows.
The truth of a run is the share of released rows that are wrong after those that were answered are corrected.
"""

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import betaincinv

from annotation.error_rate import Reviews, Stratum, error_rate
from annotation.routing import Route, RoutePlan, routed

ROWS, ANSWERED, CORRELATION, SEED = 20_000, 0.8, 0.1, 20261126
SHARES, RISK, OFTEN = np.array([0.7, 0.2, 0.1]), np.array([1.0, 2.0, 4.0]), np.array([1.0, 3.0, 10.0])
ERRORS, AUDITS = (0.0, 0.005, 0.05, 0.3), (50, 500)


class Cell(NamedTuple):
    """One true error rate at one size of audit: shares of runs whose interval covers the truth, and mean widths."""

    error: float
    audit: int
    coverage: float
    bootstrap_coverage: float
    width: float
    bootstrap_width: float
    unknown: int


def cell(error: float, audit: int, runs: int, resamples: int = 500) -> Cell:
    """One cell of the table."""
    rng = np.random.default_rng([SEED, audit, round(1000 * error)])
    seen: list[tuple[bool, bool, float, float]] = []
    unknown = 0
    for run in range(runs):
        stratum, document, wrong = _population(error, rng)
        rows = _routed(stratum, audit, f"run {run}", rng)
        drawn = pc.list_value_length(rows.column("routes")).to_numpy() > 0
        answered = drawn & (rng.random(ROWS) < ANSWERED)
        names = rows.column("review_stratum").to_numpy()
        strata = {
            str(n): Stratum(
                int((names == n).sum()), int((drawn & (names == n)).sum()), int((answered & (names == n)).sum())
            )
            for n in np.unique(names)
        }
        picked = np.flatnonzero(answered)
        found = error_rate(
            Reviews(names[picked].tolist(), document[picked].tolist(), wrong[picked].tolist()), strata, 0.95
        )
        if found.low is None or found.high is None:
            unknown += 1
            continue
        truth = float(wrong[~answered].sum()) / ROWS
        low, high = _bootstrap(stratum[picked], document[picked], wrong[picked], stratum[~answered], resamples, rng)
        seen.append((found.low <= truth <= found.high, low <= truth <= high, found.high - found.low, high - low))
    covered, by_bootstrap, width, of_bootstrap = (float(x) for x in np.array(seen, float).mean(0))
    return Cell(error, audit, covered, by_bootstrap, width, of_bootstrap, unknown)


def figures(cells: list[Cell], runs: int) -> dict[str, Any]:
    """The benchmark's keys: coverage of each cell, and the largest width beside a bootstrap that covers as well.

    Over fewer than 1,000 runs a bootstrap covers as well where that cannot be told from it (two standard errors).
    """
    least = 0.93 - (0.0 if runs >= 1000 else 2 * (0.05 * 0.95 / runs) ** 0.5)
    honest = [c.width / c.bootstrap_width for c in cells if c.bootstrap_coverage >= least and c.bootstrap_width]
    return {
        "audit_coverage": {f"{c.error:g} at {c.audit}": round(c.coverage, 3) for c in cells},
        "width_ratio": round(max(honest), 3) if honest else None,
    }


def _population(error: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Stratum, document and truth of each row: a document's rows share one beta-distributed chance."""
    document = np.repeat(np.arange(ROWS), rng.integers(1, 6, ROWS))[:ROWS]
    stratum = rng.choice(3, ROWS, p=SHARES)
    wrong = np.zeros(ROWS, bool)
    if error:
        luck, chance = rng.random(document[-1] + 1), np.empty(ROWS)
        spread = 1 / CORRELATION - 1
        for h, mean in enumerate(np.minimum(0.95, error * RISK / (SHARES @ RISK))):
            of = stratum == h
            chance[of] = betaincinv(mean * spread, (1 - mean) * spread, luck[document[of]])
        wrong = rng.random(ROWS) < chance
    return stratum, document, wrong


def _routed(stratum: np.ndarray, audit: int, salt: str, rng: np.random.Generator) -> pa.Table:
    """Rows through the project's routes, whose overlap gives the wanted inclusion probabilities."""
    least = audit / float(ROWS * (SHARES @ OFTEN))
    second = 1 - (1 - OFTEN[1] * least) / (1 - least)
    third = 1 - (1 - OFTEN[2] * least) / (1 - OFTEN[1] * least)
    plan = RoutePlan(
        (
            Route("audit", least),
            Route("uncertain", second, "risk", at_least=1),
            Route("disputed", third, "risk", at_least=2),
        ),
        salt,
    )
    ids = pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), ROWS, [None, pa.py_buffer(rng.bytes(16 * ROWS))])
    return routed(pa.table({"id": ids, "risk": pa.array(stratum)}), plan)


def _bootstrap(
    stratum: np.ndarray,
    document: np.ndarray,
    wrong: np.ndarray,
    unread: np.ndarray,
    resamples: int,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """Percentile bootstrap of the same estimate: documents drawn again within each stratum."""
    share = np.bincount(unread, minlength=3) / ROWS
    pairs, of = np.unique(stratum * ROWS + document, return_inverse=True)
    errors, sizes = np.bincount(of, weights=wrong), np.bincount(of)
    total = np.zeros(resamples)
    for h in range(3):
        units = np.flatnonzero(pairs // ROWS == h)
        if len(units):
            again = units[rng.integers(0, len(units), (resamples, len(units)))]
            total += share[h] * errors[again].sum(1) / sizes[again].sum(1)
    low, high = np.quantile(total, [0.025, 0.975])
    return float(low), float(high)
