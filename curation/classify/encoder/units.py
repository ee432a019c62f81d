"""Fixed units: rows of a task's input that are computed together, cut by their number and their bytes as they come.

A batch of rows ends where a Parquet file or a filter made it end; a unit does not. So the same input gives the same units, and with
them the same batches of an encoder, after a crash too. Rows are not copied: a unit is slices of the batches that it came in.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.step import Batch

ROWS, BYTES = 4096, 32 << 20
"""A unit ends at so many rows, or before its text passes so many bytes; one longer text is a unit alone."""


def units(items: Iterable[Any], rows: int = ROWS, most_bytes: int = BYTES) -> Iterator[list[Batch] | Any]:
    """Lists of slices that are one unit each; what is no batch with rows comes through as it is, in between."""
    unit: list[Batch] = []
    have = size = 0
    for item in items:
        if not isinstance(item, pa.RecordBatch) or item.num_rows == 0:
            yield item
            continue
        long = np.asarray(pc.fill_null(pc.binary_length(item.column("text")), 0), np.int64)
        begin = 0
        for at, length in enumerate(long.tolist()):
            if have and (have == rows or size + length > most_bytes):
                if at > begin:
                    unit.append(item.slice(begin, at - begin))
                yield unit
                unit, have, size, begin = [], 0, 0, at
            have += 1
            size += length
        unit.append(item.slice(begin))
    if unit:
        yield unit
