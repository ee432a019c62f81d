"""128-bit keys as pairs of uint64 [n, 2] (see `curation.provenance.id_words`): distinct keys, and where a key stands."""

import numpy as np
import pyarrow as pa

from curation.document import KEY
from curation.provenance import id_words


def distinct_keys(words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distinct keys in byte order, [d, 2], and for every key its place among them, int64 [n].

    >>> keys, place = distinct_keys(np.array([[2, 1], [1, 9], [2, 1]], np.uint64))
    >>> keys.tolist(), place.tolist()
    ([[1, 9], [2, 1]], [1, 0, 1])
    """
    order = np.lexsort((words[:, 1], words[:, 0]))
    ordered = words[order]
    new = np.ones(len(words), bool)
    new[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    place = np.empty(len(words), np.int64)
    place[order] = np.cumsum(new) - 1
    return ordered[new], place


def place_of(keys: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Place of each wanted key among distinct sorted keys, int64; −1 where it is not there.

    >>> place_of(np.array([[1, 9], [2, 1], [2, 4]], np.uint64), np.array([[2, 4], [2, 2]], np.uint64)).tolist()
    [2, -1]
    """
    both, place = distinct_keys(np.concatenate([keys, wanted]))
    back = np.full(len(both), -1, np.int64)
    back[place[: len(keys)]] = np.arange(len(keys))
    return back[place[len(keys) :]]


def key_bytes(words: np.ndarray) -> np.ndarray:
    """Keys as bytes, uint8 [n, 16], the inverse of `id_words`."""
    return np.ascontiguousarray(words, ">u8").view(np.uint8).reshape(-1, 16)


def key_array(words: np.ndarray) -> pa.Array:
    """Keys as an Arrow column, no nulls."""
    return pa.FixedSizeBinaryArray.from_buffers(KEY, len(words), [None, pa.py_buffer(key_bytes(words))])


def column_keys(column: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """A key column without nulls as uint64 [n, 2]; also an empty one, which may have no buffer."""
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return id_words(column) if len(column) else np.zeros((0, 2), np.uint64)
