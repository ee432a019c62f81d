"""Content hash of rows: what makes two releases the same, whatever the order of rows, the files and the tasks (DESIGN rule 4)."""

import hashlib
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.normalise.text_column import text_views
from curation.step import Batch


def content_sum(batch: Batch) -> int:
    """Sum modulo 2^256 of SHA-256 over each row's canonical bytes (DESIGN rule 4): independent of order and of files.

    A row's bytes are its columns in schema order: one byte 0 for null or 1, then 8 little-endian bytes for a number or a
    timestamp (floats as float64), 16 raw bytes for a key, and length (8 bytes) plus bytes for text and lists.
    """
    columns = [part for n in batch.schema.names for part in _canonical(batch.column(n))]
    total = 0
    for row in zip(*columns, strict=True):
        total += int.from_bytes(hashlib.sha256(b"".join(row)).digest(), "little")
    return total % (1 << 256)


def _canonical(column: pa.Array) -> list[list[Any]]:
    """Bytes of each row, as lists of parts that follow one another: a text is not copied to stand behind its length."""
    kind = column.type
    if column.null_count == len(column):
        return [[b"\0"] * len(column)]
    if pa.types.is_large_string(kind):
        data, offsets = text_views(column.fill_null("") if column.null_count else column)
        raw = data.data
        return [_numbers(np.diff(offsets).astype("<i8"), column), [raw[a:b] for a, b in pairwise(offsets.tolist())]]
    if pa.types.is_string(kind):
        raw = column.cast(pa.binary()).to_pylist()
        return [[b"\0" if v is None else b"\1" + len(v).to_bytes(8, "little") + v for v in raw]]
    if pa.types.is_fixed_size_binary(kind):
        return [[b"\0" if v is None else b"\1" + v for v in column.to_pylist()]]
    if pa.types.is_list(kind) and not pa.types.is_fixed_size_binary(kind.value_type):
        items = list(map(b"".join, zip(*_canonical(column.flatten()), strict=True)))
        ends = np.cumsum([0, *(len(v or ()) for v in column.to_pylist())]).tolist()
        return [
            [
                b"\0" if v is None else b"\1" + len(v).to_bytes(8, "little") + b"".join(items[a:b])
                for v, (a, b) in zip(column.to_pylist(), pairwise(ends), strict=True)
            ]
        ]
    if pa.types.is_list(kind):
        return [
            [
                b"\0" if v is None else b"\1" + len(v).to_bytes(8, "little") + b"".join(x or b"" for x in v)
                for v in column.to_pylist()
            ]
        ]
    if pa.types.is_floating(kind):
        return [_numbers(column.cast(pa.float64()).fill_null(0.0).to_numpy().astype("<f8"), column)]
    wide, order = (kind, "<u8") if kind == pa.uint64() else (pa.int64(), "<i8")
    return [_numbers(column.cast(wide).fill_null(0).to_numpy().astype(order), column)]


def _numbers(numbers: np.ndarray, column: pa.Array) -> list[bytes]:
    """Eight bytes for each number, behind a byte 1; a byte 0 alone where the column is null."""
    raw = numbers.tobytes()
    if not column.null_count:
        return [b"\1" + raw[i : i + 8] for i in range(0, len(raw), 8)]
    valid = pc.is_valid(column).to_pylist()
    return [b"\1" + raw[8 * i : 8 * i + 8] if ok else b"\0" for i, ok in enumerate(valid)]
