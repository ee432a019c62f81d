"""128-bit keys (ids, form keys, labels) as two 64-bit words each, so that millions are sorted and looked up as arrays."""

import numpy as np
import pyarrow as pa

KEY = pa.binary(16)


def words(column: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """A column of 16-byte keys as uint64 [n, 2], in the order of the bytes; 0 where it is null."""
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    made = np.zeros((len(column), 2), np.uint64)
    at = 0
    for chunk in chunks:
        raw = chunk.buffers()[1]
        if len(chunk) and raw is not None:
            first = 16 * chunk.offset
            read = np.frombuffer(raw, np.uint8)[first : first + 16 * len(chunk)].view(">u8").reshape(-1, 2)
            made[at : at + len(chunk)] = read
            made[at : at + len(chunk)][~present(chunk)] = 0
        at += len(chunk)
    return made


def of_bytes(keys: list[bytes]) -> np.ndarray:
    """Keys as uint64 [n, 2]."""
    return np.frombuffer(b"".join(keys), ">u8").astype(np.uint64).reshape(-1, 2)


def hexed(key: np.ndarray) -> str:
    """A key of two words in hexadecimal, as the other commands print it.

    >>> hexed(of_bytes([bytes(range(16))])[0])
    '000102030405060708090a0b0c0d0e0f'
    """
    return key.astype(">u8").tobytes().hex()


def present(column: pa.Array) -> np.ndarray:
    """Which values are not null, bool [n]."""
    return column.is_valid().to_numpy(zero_copy_only=False)


def distinct(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sorted distinct keys, and the place of each key among them, int64 [n]."""
    order = np.lexsort((keys[:, 1], keys[:, 0]))
    ordered = keys[order]
    first = np.ones(len(keys), bool)
    first[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    place = np.empty(len(keys), np.int64)
    place[order] = np.cumsum(first) - 1
    return ordered[first], place


def find(known: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Where each wanted key is in `known` (in any order; the last of equal ones), −1 where it is not."""
    several, place = distinct(np.concatenate([known, wanted]))
    at = np.full(len(several), -1, np.int64)
    at[place[: len(known)]] = np.arange(len(known))
    return at[place[len(known) :]]
