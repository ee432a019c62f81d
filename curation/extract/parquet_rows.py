"""Rows of a Parquet file, a record batch at a time: texts stay where Arrow keeps them and never become Python strings.

Only what a row's identity is made of (id, url, date) passes through Python; a digest is taken of each text in place. Columns of bytes
are read as dictionaries, so that a value that a thousand rows share is held once, and one over the limit is never copied.
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

from curation.extract.parquet_pages import Chunk, pages_of, rows_at_once
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


def opened(
    handle: Any, as_words: list[str] | None = None, metadata: Any = None, buffer: int = 1 << 20
) -> pq.ParquetFile:
    """The file; the columns `as_words`, which are of bytes, are read as dictionaries. buffer: bytes fetched at a time, 0 for all."""
    return pq.ParquetFile(handle, metadata=metadata, read_dictionary=as_words, pre_buffer=False, buffer_size=buffer)


def decoded(column: pa.Array, most_bytes: int) -> pa.Array:
    """A column of a whole row group without its dictionary. Raises Unreadable where that would hold more than `most_bytes`."""
    if not pa.types.is_dictionary(column.type):
        return column
    sizes = pc.binary_length(column.dictionary).take(column.indices) if is_bytes(column.type) else None
    if sizes is not None and (held := pc.sum(sizes).as_py() or 0) > most_bytes:
        raise Unreadable(f"a column of it holds {held:,} bytes")
    return column.dictionary_decode()


def is_bytes(kind: pa.DataType) -> bool:
    """Whether values of a column, or of its dictionary, are texts or bytes of any length."""
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    checks = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view, pa.types.is_binary)
    return any(check(kind) for check in (*checks, pa.types.is_large_binary, pa.types.is_binary_view))


def is_plain(kind: pa.DataType) -> bool:
    """Whether a value of a column is one value, and no larger than an id or an address may be: not a list, a map or a record."""
    return not kind.num_fields and not (pa.types.is_fixed_size_binary(kind) and kind.byte_width > 1 << 16)


def group_batches(
    table: pq.ParquetFile, handle: Any, group: int, chunks: list[Chunk], columns: list[str], most_bytes: int
) -> Iterator[Batch]:
    """Batches of one row group, of at most 1,024 rows and, as far as its pages tell, about `most_bytes` bytes.

    `chunks` are its columns by the footer. Raises Unreadable where a page begins that only a bomb holds (`parquet_pages.py`): the
    rows before it are given.
    """
    schema = table.schema_arrow
    found = {chunk.path: pages_of(handle, chunk) for chunk in chunks if chunk.path in columns}
    rows = rows_at_once(list(found.values()), READ_ROWS, most_bytes)
    words = [name for name, pages in found.items() if pages.as_words and is_bytes(schema.field(name).type)]
    cuts = [(pages.rows, pages.said) for pages in found.values() if pages.rows is not None]
    end, said = min(cuts, default=(None, ""))
    if end:  # read just up to there: no batch may reach into the page
        rows = next(r for r in range(min(rows, end), 0, -1) if not end % r)
    given = 0
    if end != 0:
        for batch in opened(handle, words, table.metadata).iter_batches(rows, [group], columns, use_threads=False):
            yield batch
            given += batch.num_rows
            if given == end:
                break
    if end is not None:
        raise Unreadable(said)


def words_of(column: pa.Array) -> tuple[pa.Array, np.ndarray]:
    """The values of a dictionary's column that are there, each once, and which of them each row has, -1 for none."""
    indices = column.indices.fill_null(-1).to_numpy().astype(np.int64)
    there = indices >= 0
    distinct, back = np.unique(indices[there], return_inverse=True)
    which = np.full(len(indices), -1, np.int64)
    which[there] = back
    return column.dictionary.take(pa.array(distinct, pa.int64())), which


class Texts:
    """A column of texts, as its batch was read; `replaced` says that bytes that are no UTF-8 were replaced in it."""

    def __init__(self, column: pa.Array, most_bytes: int):
        words, self.which = words_of(column if pa.types.is_dictionary(column.type) else column.dictionary_encode())
        words, self.replaced = words.cast(pa.large_string()), False
        try:
            words.validate(full=True)
        except pa.ArrowInvalid:
            words, self.replaced = pa.array(values(words)[0], pa.large_string()), True
        self.most_bytes = most_bytes
        data, offsets = text_views(words)
        self._words, self._data, self._offsets = words, data, offsets.tolist()
        self._digests = [hashlib.sha256(data.data[a:b]).digest()[:16] for a, b in pairwise(self._offsets)]
        self._null = self.which < 0
        self._size = np.where(self._null, 0, np.append(np.diff(offsets), 0)[self.which])
        self._long = self._size > most_bytes

    def pieces(self, most_bytes: int) -> Iterator[tuple[int, int]]:
        """Rows [start, stop), one range after the other, whose texts have about `most_bytes` bytes, or of one row."""
        ends, start = np.cumsum(np.where(self._long, 0, self._size)), 0
        while start < len(ends):
            before = int(ends[start - 1]) if start else 0
            stop = max(start + 1, int(np.searchsorted(ends, before + most_bytes, "right")))
            yield start, stop
            start = stop

    def fields(self, start: int, stop: int) -> dict[str, Any]:
        """What texts give their rows: the text, its digest and size; the verdict on those that are null or too long."""
        which, null, long, size = (a[start:stop] for a in (self.which, self._null, self._long, self._size))
        digest = [self._digests[w] if w >= 0 else None for w in which.tolist()]
        fields: dict[str, Any] = {
            "text": self._copied(which, null | long, np.where(long, 0, size)),
            "payload_digest": pa.array(digest, pa.binary(16)),
            "payload_bytes": pa.array(size, pa.int64(), mask=null),
        }
        if null.any() or long.any():
            reason = np.full(len(which), None, object)
            reason[null], reason[long] = "null_text", "record_too_large"
            fields |= {
                "reason": pa.array(reason, pa.string()),
                "value": pa.array(size, pa.float64(), mask=~long),
                "threshold": pa.array(np.full(len(which), float(self.most_bytes)), mask=~long),
            }
        return fields

    def _copied(self, which: np.ndarray, null: np.ndarray, size: np.ndarray) -> pa.Array:
        """The texts of rows. (Arrow's `take` would first ask for as much memory as all would have with the average value.)"""
        data, places = self._data.data, self._offsets
        text = b"".join(
            [data[places[w] : places[w + 1]] for w, no in zip(which.tolist(), null.tolist(), strict=True) if not no]
        )
        ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(size, dtype=np.int64)])
        valid = pa.array(~null).buffers()[1] if null.any() else None
        return pa.Array.from_buffers(pa.large_string(), len(which), [valid, pa.py_buffer(ends), pa.py_buffer(text)])


def values(column: pa.Array) -> tuple[list[Any], bool]:
    """A column as Python values, timestamps in seconds; and whether bytes that are no UTF-8 were replaced in it.

    What Python has no value for, such as a date in the year 300,000, is null.
    """
    if pa.types.is_dictionary(column.type):
        words, which = words_of(column)
        read, replaced = values(words)
        return [read[w] if w >= 0 else None for w in which.tolist()], replaced
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("s", column.type.tz), safe=False)
    try:
        return column.to_pylist(), False
    except UnicodeDecodeError:
        if not is_bytes(column.type):
            return [_value(one) for one in column], True
        raw = column.cast(pa.large_binary()).to_pylist()
        return [None if v is None else v.decode(errors="replace") for v in raw], True
    except (ValueError, OverflowError, LookupError):
        return [_value(one) for one in column], False


def _value(one: pa.Scalar) -> Any:
    try:
        return one.as_py()
    except (ValueError, OverflowError, LookupError):
        return None
