"""Rows of a Parquet file, a record batch at a time: texts stay where Arrow keeps them and never become Python strings.

Only what a row's identity is made of (id, url, date) passes through Python; a digest is taken of each text in place.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curation.normalise.text_column import text_views
from curation.step import Batch
from curation.store_error import is_store_error

READ_ROWS = 1024


class Unreadable(Exception):
    """Bytes that Arrow cannot make values of, in words."""


@contextmanager
def unread() -> Iterator[None]:
    """What Arrow and Python raise at bytes that are no values, as Unreadable; what a file system raises passes."""
    try:
        yield
    except (OSError, pa.ArrowException, ValueError, TypeError, LookupError, OverflowError, MemoryError) as error:
        if is_store_error(error):
            raise
        raise Unreadable(" ".join(f"{error or type(error).__name__}".split())[:300]) from None


def group_batches(table: pq.ParquetFile, group: int, columns: list[str], most_bytes: int) -> Iterator[Batch]:
    """Batches of one row group, of at most 1,024 rows and, going by the group's average, about `most_bytes` bytes."""
    meta = table.metadata.row_group(group)
    stored = sum(c.total_uncompressed_size for c in map(meta.column, range(meta.num_columns)) if _top(c) in columns)
    rows = min(READ_ROWS, max(16, int(most_bytes / max(1.0, stored / max(1, meta.num_rows)))))
    yield from table.iter_batches(rows, [group], columns, use_threads=False)


def stored_bytes(table: pq.ParquetFile, start: int, stop: int) -> int:
    """Bytes of the row groups [start, stop) as stored."""
    groups = (table.metadata.row_group(g) for g in range(start, stop))
    return sum(g.column(c).total_compressed_size for g in groups for c in range(g.num_columns))


def text_column(column: pa.Array) -> tuple[pa.Array, bool]:
    """The column as large_string, and whether bytes that are no UTF-8 were replaced in it."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    column = column.cast(pa.large_string())
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        return pa.array(values(column)[0], pa.large_string()), True
    return column, False


def values(column: pa.Array) -> tuple[list[Any], bool]:
    """A column as Python values, timestamps in seconds; and whether bytes that are no UTF-8 were replaced in it.

    What Python has no value for, such as a date in the year 300,000, is null.
    """
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("s", column.type.tz), safe=False)
    try:
        return column.to_pylist(), False
    except UnicodeDecodeError:
        raw = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
        if not (
            pa.types.is_string(raw.type) or pa.types.is_large_string(raw.type) or pa.types.is_string_view(raw.type)
        ):
            return [_value(one) for one in raw], True
        replaced = (None if v is None else v.decode(errors="replace") for v in raw.cast(pa.large_binary()).to_pylist())
        return list(replaced), True
    except (ValueError, OverflowError, LookupError):
        return [_value(one) for one in column], False


def _value(one: pa.Scalar) -> Any:
    try:
        return one.as_py()
    except (ValueError, OverflowError, LookupError):
        return None


def text_fields(text: pa.Array, most_bytes: int) -> dict[str, Any]:
    """What a column of texts gives its rows: the text, its digest and size; the verdict on those that are null or too long."""
    data, offsets = text_views(text)
    size = np.diff(offsets)
    null = np.zeros(len(text), bool) if not text.null_count else text.is_null().to_numpy(zero_copy_only=False)
    long = (size > most_bytes) & ~null
    raw, ends = data.data, offsets.tolist()
    digest = [hashlib.sha256(raw[a:b]).digest()[:16] for a, b in pairwise(ends)]
    fields: dict[str, Any] = {
        "text": text,
        "payload_digest": pa.array(digest, pa.binary(16), mask=null),
        "payload_bytes": pa.array(size, pa.int64(), mask=null),
    }
    if null.any() or long.any():
        reason = np.full(len(text), None, object)
        reason[null], reason[long] = "null_text", "record_too_large"
        fields |= {
            "text": pc.if_else(pa.array(~long), text, pa.scalar(None, pa.large_string())),
            "reason": pa.array(reason, pa.string()),
            "value": pa.array(size, pa.float64(), mask=~long),
            "threshold": pa.array(np.full(len(text), float(most_bytes)), mask=~long),
        }
    return fields


def _top(column: Any) -> str:
    return column.path_in_schema.partition(".")[0]
