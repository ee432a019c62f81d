"""A text column as NumPy views, and back: how a compiled kernel reads Arrow's UTF-8 bytes in place.

Arrow keeps a large_string column as one run of bytes and n + 1 offsets into it. Kernels take these two and never a Python string.
"""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Written = tuple[np.ndarray, bool, np.ndarray]

_NOTHING = np.zeros(0, np.uint8)


def text_views(column: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Bytes and offsets of a text column: uint8 [≥ offsets[-1]] and int64 [rows + 1], without a copy for large_string.

    Row r is `bytes[offsets[r] : offsets[r + 1]]`, also for a slice of a longer column; what stands behind a null row is unspecified.
    """
    if column.type != pa.large_string():
        column = column.cast(pa.large_string())
    if len(column) == 0:
        return _NOTHING, np.zeros(1, np.int64)
    _, offsets, data = column.buffers()
    rows = np.frombuffer(offsets, np.int64)[column.offset : column.offset + len(column) + 1]
    return (_NOTHING if data is None else np.frombuffer(data, np.uint8)), rows


def text_array(data: np.ndarray, offsets: np.ndarray, like: pa.Array) -> pa.Array:
    """large_string column of these bytes and offsets, null where `like` is null."""
    validity = pc.is_valid(like).buffers()[1] if like.null_count else None
    buffers = [validity, pa.py_buffer(offsets), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.large_string(), len(like), buffers, like.null_count)


def with_room(rewrite: Callable[[np.ndarray], Written], offsets: np.ndarray) -> tuple[np.ndarray, Written]:
    """Runs a kernel that rewrites a column into a buffer, with more room until it fits: the bytes written, and what it returned.

    The first thing it returns must be the new offsets; a last offset of −1 says that the room was too small. The buffer comes from
    Arrow's pool, which hands warm pages back: fresh ones from the system would cost more than the rewriting.
    """
    size = int(offsets[-1] - offsets[0])
    room = size + size // 16 + 64
    while True:
        out = np.frombuffer(pa.allocate_buffer(room), np.uint8)
        written = rewrite(out)
        if written[0][-1] >= 0:
            return out[: written[0][-1]], written
        room *= 2
