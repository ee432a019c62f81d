"""Records sorted by a key, in files that are cut by it: any part of the keys is read from them by itself, a piece at a time.

A record is a fixed number of 64-bit words, the first (or the first two) its key; file p of `partitions` holds the p-th range of the
keys' high words. Behind its records a file says where each 1,024th of all keys starts, so a reader that cuts the keys into other
parts than the writer did reads its own range only. Both numbers of parts are powers of two up to 1,024.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from curation.merge_join import positions
from curation.place import Place

CELLS = 1 << 10
"""Finest cut of the keys, and so the largest number of parts: every task reads a piece from each task before it."""
_BITS = CELLS.bit_length() - 1


def parts_for(rows: int, rows_a_part: int) -> int:
    """Number of parts for so many rows: a power of two, at most 1,024.

    >>> parts_for(0, 10), parts_for(10, 10), parts_for(31, 10), parts_for(1 << 30, 10)
    (1, 1, 4, 1024)
    """
    return min(CELLS, 1 << (max(1, -(-rows // rows_a_part)) - 1).bit_length())


def write_keyed(place: Place, name: str, partition: int, partitions: int, records: np.ndarray) -> None:
    """Writes one partition of a named table of records, uint64 [n, width], sorted by key and all of this partition's keys."""
    cells = CELLS // partitions
    cell = (records[:, 0] >> np.uint64(64 - _BITS)).astype(np.int64) - partition * cells
    with place.create(f"{name}/{partition:05d}.bin") as file:
        file.write(np.ascontiguousarray(records, "<u8").data)
        file.write(np.searchsorted(cell, np.arange(cells + 1)).astype("<u8").tobytes())


def read_keyed(
    place: Place, name: str, width: int, partitions: int, part: int, parts: int, rows: int = 1 << 16
) -> Iterator[np.ndarray]:
    """Records of part `part` of `parts` of the keys, sorted, at most `rows` at a time; no empty piece."""
    first, last, cells = part * CELLS // parts, (part + 1) * CELLS // parts, CELLS // partitions
    for partition in range(first // cells, -(-last // cells)):
        with place.fs.open(f"{place.path}/{name}/{partition:05d}.bin", "rb") as file:
            file.seek(-8 * (cells + 1), 2)
            starts = np.frombuffer(file.read(8 * (cells + 1)), "<u8").tolist()
            at, end = (starts[min(max(0, c - partition * cells), cells)] for c in (first, last))
            file.seek(8 * width * at)
            while at < end:
                n = min(rows, end - at)
                yield np.frombuffer(file.read(8 * width * n), "<u8").astype(np.uint64, copy=False).reshape(-1, width)
                at += n


def wanted_records(pieces: Iterable[np.ndarray], wanted: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Of streamed records those whose key is wanted, and which: (places among the wanted, records).

    wanted: keys, uint64 [n, 2], sorted and distinct.

    >>> pieces = [np.array([[1, 5, 70], [1, 6, 71]], np.uint64), np.array([[1, 6, 72]], np.uint64)]
    >>> [(at.tolist(), r[:, 2].tolist()) for at, r in wanted_records(pieces, np.array([[1, 4], [1, 6]], np.uint64))]
    [([1], [71]), ([1], [72])]
    """
    if not len(wanted):
        return
    for records in pieces:
        at = positions(wanted, records[:, :2])
        here = at >= 0
        yield at[here], records[here]
