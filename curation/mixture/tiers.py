"""Quality tiers: what a fresh token is worth by a column of its row, as a recipe or a budget states it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.document import COLUMNS


@dataclass(frozen=True)
class Tiers:
    """Quality tiers by a column: lower bound → worth of a fresh token. Rows below the lowest bound, and nulls, are in the lowest.

    Raises ValueError for a worth that is not above 0, and for a column that holds no numbers.
    """

    column: str
    values: Mapping[float, float]

    def __post_init__(self) -> None:
        if not self.values or not all(value > 0 for value in self.values.values()):
            raise ValueError(f"tiers give each lower bound of '{self.column}' a worth above 0, not {dict(self.values)}")
        known = COLUMNS.get(self.column)
        if known is not None and not _numbers(known.type):
            raise ValueError(f"tiers are by a column of numbers, and '{self.column}' holds {known.type}")

    @property
    def bounds(self) -> list[float]:
        """Lower bounds, ascending."""
        return sorted(self.values)

    @property
    def names(self) -> list[str]:
        """Names of the tiers, from the lowest.

        >>> Tiers("quality", {0.5: 2.0, 0: 1.0}).names
        ['quality>=0', 'quality>=0.5']
        """
        return [f"{self.column}>={bound:g}" for bound in self.bounds]

    def of(self, column: pa.Array) -> np.ndarray:
        """Tier of each row, int16. Raises ValueError for a column that holds no numbers."""
        if not _numbers(column.type):
            raise ValueError(f"tiers are by a column of numbers, and '{self.column}' holds {column.type}")
        scores = pc.fill_null(column.cast(pa.float64()), -np.inf).to_numpy(zero_copy_only=False)
        return np.maximum(np.searchsorted(self.bounds, scores, "right") - 1, 0).astype(np.int16)

    def worth(self, column: pa.Array) -> np.ndarray:
        """Worth of a fresh token of each row, float64."""
        return np.array([self.values[bound] for bound in self.bounds])[self.of(column)]


def _numbers(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
