"""Columns of numbers that are filled piece by piece and lie in memory once, for numpy and polars alike.

A frame made of many pieces is copied when they are put together, and then both are there. Here pieces are written into one array a
column, which polars reads where it lies. Room that is asked for and not used costs nothing: no page of it is ever touched.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    import polars as pl


class GrownColumns:
    """types: dtype of each column by name."""

    def __init__(self, types: Mapping[str, Any]):
        self._arrays = {name: np.empty(0, kind) for name, kind in types.items()}
        self._room = self._rows = 0

    def __len__(self) -> int:
        return self._rows

    def __getitem__(self, name: str) -> np.ndarray:
        """What is in a column now; not to be written to."""
        return self._arrays[name][: self._rows]

    def expect(self, rows: int) -> None:
        """Makes room for so many rows more, so that nothing need be moved for them."""
        if self._rows + rows > self._room:
            self._room = self._rows + rows
            for name, old in self._arrays.items():
                self._arrays[name] = np.empty(self._room, old.dtype)
                self._arrays[name][: self._rows] = old[: self._rows]

    def add(self, part: Mapping[str, np.ndarray]) -> None:
        """Adds rows: an array for each column, all as long."""
        more = len(next(iter(part.values())))
        if self._rows + more > self._room:
            self.expect(max(more, self._rows))
        for name, array in self._arrays.items():
            array[self._rows : self._rows + more] = part[name]
        self._rows += more

    def frame(self) -> "pl.DataFrame":
        """The rows of now as a frame over the same memory; rows that come later are not in it."""
        import polars as pl

        found = pl.from_arrow(pa.table({name: pa.array(self[name]) for name in self._arrays}))
        assert isinstance(found, pl.DataFrame)
        return found
