"""A row of which nothing is left but hashes and counts of bytes, where it was to be forgotten.

Rows in stay rows out plus rows rejected: a forgotten row goes on being counted, under its id, with the place of its record in the
crawl (which nobody here can change) and what deduplication knows of it by hash. Its URL, host, text, title and every measured value
are null.
"""

import numpy as np
import pyarrow as pa

from curation.document import KEY

KEPT = (
    "source",
    "file",
    "offset",
    "length",
    "record_type",
    "form_chars",
    "minhash",
    "cluster_size",
    "cluster_rank",
    "cluster_examples",
)
"""Columns that stay, beside all of 128-bit keys."""
REASON = "forgotten"


def blanked(rows: pa.RecordBatch, gone: np.ndarray) -> pa.RecordBatch:
    """The rows with every column but KEPT and keys null where they are gone; bool [rows]."""
    if not gone.any():
        return rows
    left = pa.array(~gone)
    arrays = []
    for name, column in zip(rows.schema.names, rows.columns, strict=True):
        if name in KEPT or column.type == KEY:
            arrays.append(column)
        else:
            nulls = pa.nulls(len(column), column.type)
            arrays.append(nulls if gone.all() else _where(left, column, nulls))
    return pa.RecordBatch.from_arrays(arrays, schema=rows.schema)


def _where(left: pa.Array, column: pa.Array, nulls: pa.Array) -> pa.Array:
    """The column where `left`, else null; by places, since not every type can be chosen between."""
    at = np.where(np.asarray(left), np.arange(len(column)), len(column))
    return pa.concat_arrays([column, nulls.slice(0, 1)]).take(pa.array(at))
