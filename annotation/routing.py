"""Who looks at which row: routes that draw rows for review, and the probability with which each row is drawn.

People cannot read everything, and what they read must say something about what they did not. So a route draws rows at random with a
stated probability, or takes every row of its condition (probability 1); a row that several routes may draw has the inclusion
probability π = 1 − Π(1 − π_s), since routes draw independently of each other. Rows to which the same routes apply are one stratum:
π is one number in it. A row that no route may draw would never be seen, whatever its errors: then nothing could be said about the
released rows as a whole, and the plan is refused.

What is drawn depends on a row's id, the route's name and the salt, and on nothing else: not on the other rows, their order, or who
asks. Within a stratum rows are pushed in the order of another hash, so that what was answered when a review stops early is a random
part of what was drawn.

Rows are split by hash of their seed document into those whose answers may fit a calibration or a threshold and those whose answers
may estimate (`use`): an estimate from rows that a threshold was tuned on would be too good.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa

from curation.provenance import id_words

ROUTED: dict[str, tuple[pa.DataType, str]] = {
    "review_stratum": (pa.string(), "names of the routes that may draw the row, joined by +"),
    "inclusion": (pa.float64(), "probability with which the row was drawn for review, in (0, 1]"),
    "routes": (pa.list_(pa.string()), "the routes that drew it; empty where none did"),
    "review_order": (pa.uint64(), "place in the queue of its stratum: a random number, lower ones first"),
    "review_use": (pa.string(), "estimate | calibrate: what people's answers about the row may be used for"),
}
"""Columns that `routed` adds, with their meanings."""


class RoutingError(ValueError):
    """Routes that cannot be, or rows that no route may draw."""


@dataclass(frozen=True)
class Route:
    """One way by which rows come to people.

    probability: with which it draws a row of its condition, in (0, 1]. column, at_least, below: the condition, at_least ≤ value <
    below; none is every row. A row without a value (null, NaN) does not meet a condition.
    """

    name: str
    probability: float
    column: str | None = None
    at_least: float | None = None
    below: float | None = None

    def __post_init__(self) -> None:
        if not 0 < self.probability <= 1:
            raise RoutingError(f"route '{self.name}': probability must be in (0, 1], not {self.probability}")
        if (self.column is None) != (self.at_least is None and self.below is None):
            raise RoutingError(f"route '{self.name}': a condition names a column and at_least or below, or neither")
        if not self.name or "+" in self.name:
            raise RoutingError(f"route '{self.name}': a name is not empty and holds no +")

    def applies(self, table: pa.Table) -> np.ndarray:
        """Whether each row meets the condition, bool [rows]. Raises RoutingError for a column that is not there."""
        if self.column is None:
            return np.ones(len(table), bool)
        if self.column not in table.column_names:
            raise RoutingError(
                f"route '{self.name}': no column '{self.column}'; there are {', '.join(table.column_names)}"
            )
        value = pl.Series(table.column(self.column)).cast(pl.Float64).fill_nan(None)
        kept = value.is_not_null()
        if self.at_least is not None:
            kept &= value >= self.at_least
        if self.below is not None:
            kept &= value < self.below
        return kept.fill_null(False).to_numpy()


@dataclass(frozen=True)
class RoutePlan:
    """All routes of a review.

    salt: another one draws other rows. calibrate: share of seed documents whose rows may fit, in [0, 1).
    """

    routes: tuple[Route, ...]
    salt: str
    calibrate: float = 0.0

    def __post_init__(self) -> None:
        names = [route.name for route in self.routes]
        if not names:
            raise RoutingError("a review needs a route")
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise RoutingError(f"two routes are called '{twice[0]}'")
        if not 0 <= self.calibrate < 1:
            raise RoutingError(f"calibrate is a share in [0, 1), not {self.calibrate}")


def routed(rows: pa.Table, plan: RoutePlan, seed: str = "seed_key") -> pa.Table:
    """The rows with the columns of `ROUTED`. `rows` holds `id` and `seed` (16 bytes each; a null seed is the row itself).

    Raises RoutingError where a row has no route: name a route without a condition (an audit) in the recipe.
    """
    ids = _words(rows.column("id"))
    applies = np.stack([route.applies(rows) for route in plan.routes], axis=1)
    _refuse_unreachable(rows, applies)
    probabilities = np.array([route.probability for route in plan.routes])
    inclusion = 1 - np.prod(np.where(applies, 1 - probabilities, 1.0), axis=1)
    drawn = np.stack(
        [uniform(ids, plan.salt, "route", route.name) < route.probability for route in plan.routes], axis=1
    )
    drawn &= applies
    names = [route.name for route in plan.routes]
    seeds = rows.column(seed) if seed in rows.column_names else pa.chunked_array([pa.nulls(len(rows), pa.binary(16))])
    of_seed = _words(pl.Series(seeds).fill_null(pl.Series(rows.column("id"))).to_arrow())
    use = uniform(of_seed, plan.salt, "use") < plan.calibrate
    made = {
        "review_stratum": _joined(names, applies),
        "inclusion": pa.array(inclusion),
        "routes": _lists(names, drawn),
        "review_order": pa.array(_mixed(ids, plan.salt, "order")),
        "review_use": pa.array(["estimate", "calibrate"]).take(pa.array(use.astype(np.int64))),
    }
    for name, values in made.items():
        rows = rows.append_column(pa.field(name, ROUTED[name][0], metadata={"meaning": ROUTED[name][1]}), values)
    return rows


def uniform(words: np.ndarray, *names: str) -> np.ndarray:
    """A number in [0, 1) for each key (uint64 [rows, 2]), a function of the key and the names: 53 random bits."""
    return (_mixed(words, *names) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _mixed(words: np.ndarray, *names: str) -> np.ndarray:
    """64 bits for each key: SplitMix64's finaliser (Steele+14) over both halves, with the names' hash as its stream."""
    digest = hashlib.sha256("\x1f".join(names).encode()).digest()
    stream = np.frombuffer(digest[:16], "<u8")
    mixed = _finalised(words[:, 0] ^ stream[0])
    return _finalised(mixed ^ words[:, 1] ^ stream[1])


def _finalised(z: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        z = z + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def _words(column: pa.ChunkedArray | pa.Array) -> np.ndarray:
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return id_words(whole.cast(pa.binary(16)))


def _refuse_unreachable(rows: pa.Table, applies: np.ndarray) -> None:
    lost = np.flatnonzero(~applies.any(axis=1))
    if len(lost):
        example = rows.column("id")[int(lost[0])].as_py().hex()
        raise RoutingError(
            f"{len(lost):,} of {len(rows):,} rows (first {example}) are drawn by no route, so nothing could be said about them; "
            "add a route without a condition, e.g. audit: {probability: 0.02}"
        )


def _joined(names: Sequence[str], applies: np.ndarray) -> pa.Array:
    """`audit+uncertain` for each row; few different ones."""
    subsets, which = _subsets(names, applies)
    return pa.array(["+".join(some) for some in subsets], pa.string()).take(which)


def _lists(names: Sequence[str], drawn: np.ndarray) -> pa.Array:
    """The names that are on, for each row."""
    subsets, which = _subsets(names, drawn)
    return pa.array(subsets, pa.list_(pa.string())).take(which)


def _subsets(names: Sequence[str], on: np.ndarray) -> tuple[list[list[str]], pa.Array]:
    """The different subsets of the names that rows have, and which one each row has."""
    codes, which = np.unique(on @ (1 << np.arange(len(names))), return_inverse=True)
    return [[name for i, name in enumerate(names) if int(code) >> i & 1] for code in codes], pa.array(which)
