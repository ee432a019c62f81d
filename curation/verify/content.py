"""The content hash of rows, written from docs/shards.md."""

import hashlib
import struct
from typing import Any

import pyarrow as pa


def canonical_sum(batch: pa.RecordBatch) -> int:
    """Sum of SHA-256 over the rows' canonical bytes (docs/shards.md), not yet reduced modulo 2^256."""
    columns = [_canonical(batch.column(i)) for i in range(batch.num_columns)]
    return sum(int.from_bytes(hashlib.sha256(b"".join(row)).digest(), "little") for row in zip(*columns, strict=True))


def _canonical(column: pa.Array) -> list[bytes]:
    kind = column.type
    if pa.types.is_timestamp(kind):
        column = column.cast(pa.timestamp("s", kind.tz))  # Parquet has no seconds and gives milliseconds back
    if pa.types.is_timestamp(kind) or pa.types.is_boolean(kind):
        column = column.cast(pa.int64())
    if pa.types.is_floating(kind):
        column = column.cast(pa.float64())
    return [b"\0" if value is None else b"\1" + _value(value) for value in column.to_pylist()]


def _element(value: Any) -> bytes:
    """An element of a list: a key bare, anything else as it would stand in a column."""
    if isinstance(value, bytes) or value is None:
        return value or b""
    return b"\1" + _value(value)


def _value(value: Any) -> bytes:
    if isinstance(value, str):
        raw = value.encode("utf-8", "surrogatepass")
        return len(raw).to_bytes(8, "little") + raw
    if isinstance(value, bytes):
        return value
    if isinstance(value, list):
        return len(value).to_bytes(8, "little") + b"".join(map(_element, value))
    if isinstance(value, float):
        return struct.pack("<d", value)
    return int(value).to_bytes(8, "little", signed=True)
