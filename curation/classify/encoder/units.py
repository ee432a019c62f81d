"""Fixed units: rows of a task's input that are computed together, cut by their number, their bytes and their tokens as they come.

A batch of rows ends where a Parquet file or a filter made it end; a unit does not. So the same input gives the same units, and with
them the same batches of an encoder, after a crash too. Rows are not copied: a unit is slices of the batches that it came in.
A task's first units are small, so that a device has work before thousands of rows are tokenised.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.classify.encoder.windows import CHARS, MARGIN, WindowPolicy
from curation.step import Batch

FIRST, ROWS = 256, 4096
"""Rows of a task's first unit at most; each next one may have twice as many, until it is this many."""
BYTES, TOKENS = 32 << 20, 8 << 20
"""A unit ends before its text passes so many bytes, or its windows so many tokens; one longer text is a unit alone."""
PART = 1 << 18
"""Tokens that the tokenizer holds at a time, about; each takes some 130 bytes there."""
PART_ROWS = 128
"""Few enough for a first unit to be shared out among several processes."""


def units(
    items: Iterable[Any],
    rows: int = ROWS,
    most_bytes: int = BYTES,
    policy: WindowPolicy | None = None,
    most_tokens: int = TOKENS,
) -> Iterator[list[Batch] | Any]:
    """Lists of slices that are one unit each; what is no batch with rows comes through as it is, in between.

    How many tokens a text's windows have is not known before it is tokenised, so the most that they can have is counted: what the
    policy reads of a text, or one for each byte.
    """
    reads = policy.most_tokens if policy is not None else 0
    unit: list[Batch] = []
    have = size = tokens = number = 0
    for item in items:
        if not isinstance(item, pa.RecordBatch) or item.num_rows == 0:
            yield item
            continue
        begin = 0
        for at, length in enumerate(_bytes(item.column("text")).tolist()):
            most = min(length, reads)
            limit = min(rows, FIRST << min(number, 16))
            if have and (have == limit or size + length > most_bytes or tokens + most > most_tokens):
                if at > begin:
                    unit.append(item.slice(begin, at - begin))
                yield unit
                unit, have, size, tokens, begin, number = [], 0, 0, 0, at, number + 1
            have += 1
            size += length
            tokens += most
        unit.append(item.slice(begin))
    if unit:
        yield unit


def parts(unit: list[Batch], policy: WindowPolicy) -> Iterator[pa.LargeStringArray]:
    """The texts of a unit in parts that are tokenised at a time, in order; null texts as empty ones."""
    reads = (policy.most_tokens + 2 * MARGIN) * CHARS
    held: list[pa.Array] = []
    rows = cost = 0
    for batch in unit:
        text = pc.fill_null(batch.column("text"), "").cast(pa.large_string())
        size = _bytes(text)
        costs = np.minimum(size, reads) + size // 16  # a text that is hardly read still travels
        begin = 0
        for at, price in enumerate(costs.tolist()):
            if rows and (rows == PART_ROWS or cost + price > PART):
                held.append(text.slice(begin, at - begin))
                yield pa.concat_arrays(held)
                held, rows, cost, begin = [], 0, 0, at
            rows += 1
            cost += price
        held.append(text.slice(begin))
    if rows:
        yield pa.concat_arrays(held)


def _bytes(text: pa.Array) -> np.ndarray:
    return np.asarray(pc.fill_null(pc.binary_length(text), 0), np.int64)
