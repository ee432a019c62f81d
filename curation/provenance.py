"""Where a row comes from: its identity, its source and the rights that the recipe's owner declares for it.

A row's id never depends on task, shard or run (DESIGN rule 3): it is the first 128 bits of SHA-256 over the fields that name the
record in the world. A WET record takes the id of the record it was made from, so both views of one capture are one row.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa


@dataclass(frozen=True)
class Source:
    """A source of rows as the recipe declares it."""

    name: str
    rights_basis: str | None = None
    licence: str | None = None


def key(*parts: str | bytes | int) -> bytes:
    """128-bit key of a tuple of fields, each length-prefixed so that no two tuples share their bytes.

    >>> key("a", "bc") == key("ab", "c")
    False
    """
    digest = hashlib.sha256()
    for part in parts:
        raw = part if isinstance(part, bytes) else str(part).encode("utf-8", "surrogatepass")
        digest.update(len(raw).to_bytes(8, "little") + raw)
    return digest.digest()[:16]


def record_id(record: str) -> bytes:
    """Id of a WARC record from its WARC-Record-ID (`<urn:uuid:…>`, brackets and case do not matter)."""
    return key("record", record.strip().strip("<>").lower())


def capture_id(url: str, date: str, payload_digest: bytes, file: str, offset: int) -> bytes:
    """Id of a WARC record without a WARC-Record-ID."""
    return key("capture", url, date, payload_digest, file, offset)


def table_id(source: str, row: str) -> bytes:
    """Id of a table's row that has an id column."""
    return key("table", source, row)


def table_ids(source: str, rows: Sequence[str]) -> list[bytes]:
    """`table_id` of many rows.

    >>> table_ids("books", ["7", "米"]) == [table_id("books", "7"), table_id("books", "米")]
    True
    """
    head = b"".join(len(part).to_bytes(8, "little") + part for part in (b"table", source.encode()))
    named = (row.encode("utf-8", "surrogatepass") for row in rows)
    return [hashlib.sha256(head + len(raw).to_bytes(8, "little") + raw).digest()[:16] for raw in named]


def position_id(source: str, file_digest: bytes, row: int) -> bytes:
    """Id of a table's row without an id column: the file's content and the row number in it."""
    return key("position", source, file_digest, row)


def id_words(ids: pa.Array) -> np.ndarray:
    """Keys as an array [n, 2] of big-endian uint64 in native order, so that numeric order is byte order. No nulls allowed."""
    if ids.null_count:
        raise ValueError("a key column holds nulls")
    raw = np.frombuffer(ids.buffers()[1], np.uint8)[ids.offset * 16 : (ids.offset + len(ids)) * 16]
    return raw.view(">u8").reshape(-1, 2).astype(np.uint64)


def partition_of(ids: pa.Array, partitions: int) -> np.ndarray:
    """Partition of each key: its highest bits. `partitions` is a power of two.

    >>> partition_of(pa.array([b"\\x00" * 16, b"\\xff" * 16], pa.binary(16)), 8).tolist()
    [0, 7]
    """
    if partitions & (partitions - 1) or partitions < 1:
        raise ValueError(f"partitions must be a power of two, not {partitions}")
    bits = partitions.bit_length() - 1
    high = id_words(ids)[:, 0]
    return (high >> np.uint64(64 - bits)).astype(np.int64) if bits else np.zeros(len(high), np.int64)
