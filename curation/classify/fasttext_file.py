"""A file of fastText (.bin or .ftz) as plain arrays, so that kernels can look words and n-grams up in place.

The reading follows fastText 0.9.2 (`FastText::loadModel`, `Dictionary::load`, `Matrix::load`, `QuantMatrix::load`), whose
predictions are the reference that kernels are held against. The file is mapped, and matrices are read when they are asked for;
nothing in such a file can run.
"""

import mmap
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

MAGIC, VERSION = 793712314, 12
HIERARCHICAL, NEGATIVE_SAMPLING, SOFTMAX, ONE_VS_ALL = 1, 2, 3, 4
"""Losses, as the file numbers them."""
SUPERVISED = 3

_PICKLES = (b"PK\x03\x04", *(b"\x80" + bytes([n]) for n in range(6)))
_ARGUMENTS = (
    *("dim", "window", "epochs", "min_count", "negatives", "word_ngrams", "loss", "model", "buckets", "shortest"),
    *("longest", "update_rate", "sampling"),
)


@dataclass
class FastTextFile:
    """What a supervised model's file holds; matrices are read when they are first asked for.

    `words` and `labels` are as written (labels with their `__label__`), `label_counts` how often each was seen in training;
    `kept` pairs (n-gram's bucket, row behind the words) where n-grams were pruned, None where every bucket has a row.
    """

    path: Path
    arguments: dict[str, Any]
    words: list[bytes]
    labels: list[bytes]
    label_counts: list[int]
    kept: np.ndarray | None
    compressed: bool
    _data: Any
    _at: int

    @cached_property
    def matrices(self) -> tuple[np.ndarray, np.ndarray]:
        """float32 [words + n-grams, dim] and [labels, dim]: input and output vectors; those of a compressed model unpacked.

        Raises ValueError when the file ends before they do.
        """
        reader = _Reader(self._data, self._at, self.path)
        rows = reader.quantised() if self.compressed else reader.dense()
        return rows, reader.quantised() if reader.read("?")[0] and self.compressed else reader.dense()

    def check_whole(self) -> None:
        """Raises ValueError where the file ends before its matrices do or goes on behind them; reads nothing of them."""
        reader = _Reader(self._data, self._at, self.path)
        reader.pass_over(self.compressed)
        reader.pass_over(reader.read("?")[0] and self.compressed)
        if reader.at != len(self._data):
            raise ValueError(f"{self.path}: broken: {len(self._data)} bytes, of which the model takes {reader.at}")

    @property
    def label_names(self) -> list[str]:
        """Labels without `__label__`, most frequent in training first."""
        return [label.decode(errors="replace").removeprefix("__label__") for label in self.labels]


class _Reader:
    """A place in the file, and the values behind it."""

    def __init__(self, data: Any, at: int, path: Path):
        self.data, self.at, self.path = data, at, path

    def read(self, layout: str) -> tuple[Any, ...]:
        """The next values of this struct layout, little-endian."""
        size = struct.calcsize("<" + layout)
        self._need(size)
        values = struct.unpack_from("<" + layout, self.data, self.at)
        self.at += size
        return values

    def array(self, kind: str, count: int) -> np.ndarray:
        """The next `count` numbers, in place."""
        self._need(np.dtype(kind).itemsize * count)
        values = np.frombuffer(self.data, kind, count, self.at)
        self.at += values.nbytes
        return values

    def name(self) -> bytes:
        """The next bytes up to a NUL."""
        end = self.data.find(b"\0", self.at)
        if end < 0:
            self._need(len(self.data))
        found = bytes(self.data[self.at : end])
        self.at = end + 1
        return found

    def dense(self) -> np.ndarray:
        """A `Matrix`."""
        height, width = self.read("2q")
        return self.array("<f4", height * width).reshape(height, width)

    def quantised(self) -> np.ndarray:
        """A `QuantMatrix`, unpacked: centroids by code, times the centroid of the row's norm where norms are kept apart."""
        has_norm, height, width, size = self.read("?2qi")
        codes = self.array("u1", size).reshape(height, -1)
        parts = self._centroids(width)
        rows = np.concatenate([part[codes[:, m]] for m, part in enumerate(parts)], axis=1)
        if has_norm:
            norms = self.array("u1", height)
            rows = rows * self._centroids(1)[0][norms]
        return np.ascontiguousarray(rows, np.float32)

    def pass_over(self, quantised: bool) -> None:
        """Goes behind a matrix without reading it."""
        if not quantised:
            self.dense()  # in place, so nothing is read
            return
        has_norm, height, width, size = self.read("?2qi")
        self.array("u1", size)
        self._centroids(width)
        if has_norm:
            self.array("u1", height)
            self._centroids(1)

    def _centroids(self, width: int) -> list[np.ndarray]:
        """A `ProductQuantizer`: for each part of a row its 256 centroids; the last part may be shorter."""
        dim, parts, part, last = self.read("4i")
        if dim != width:
            raise ValueError(f"{self.path}: broken: a quantiser of {dim} numbers for rows of {width}")
        flat = self.array("<f4", dim * 256)
        sizes = [part] * (parts - 1) + [last]
        starts = [256 * part * m for m in range(parts)]
        return [flat[a : a + 256 * n].reshape(256, n) for a, n in zip(starts, sizes, strict=True)]

    def _need(self, size: int) -> None:
        if size < 0 or self.at + size > len(self.data):
            raise ValueError(f"{self.path}: cut off: {len(self.data)} bytes, and {self.at + size} are needed")


def read_file(path: Path) -> FastTextFile:
    """Opens a supervised fastText model and reads all but its matrices.

    Raises ValueError for a file that is missing, a pickle, cut off, of another version, or a model of another kind.
    """
    if not path.is_file():
        raise ValueError(f"{path}: there is no such model file; give a .bin or .ftz that fastText has written")
    with path.open("rb") as file:
        head = file.read(8)
        if head.startswith(_PICKLES):
            raise ValueError(
                f"{path}: looks like a Python pickle, which could run code and is never loaded; give fastText's .bin or .ftz"
            )
        if len(head) < 8 or struct.unpack("<2i", head) != (MAGIC, VERSION):
            raise ValueError(f"{path}: no fastText model of version {VERSION} (begins with {head.hex() or 'nothing'})")
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    reader = _Reader(data, 8, path)
    arguments = dict(zip(_ARGUMENTS, reader.read("12id"), strict=True))
    if arguments["model"] != SUPERVISED:
        raise ValueError(f"{path}: word vectors, not a classifier: give a model that was trained with labels")
    entries, words, labels, _, pruned = reader.read("3i2q")
    names, counts = _entries(reader.name, reader.read, entries)
    kept = reader.array("<i4", 2 * pruned).reshape(-1, 2) if pruned >= 0 else None
    if kept is not None and pruned and not _within(kept, arguments["buckets"], pruned):
        buckets = arguments["buckets"]
        raise ValueError(
            f"{path}: damaged: pruned n-grams name a bucket outside its {buckets} or a row outside its {pruned}"
        )
    compressed = bool(reader.read("?")[0])
    return FastTextFile(
        path=path,
        arguments=arguments,
        words=names[:words],
        labels=names[words : words + labels],
        label_counts=counts[words:],
        kept=kept,
        compressed=compressed,
        _data=data,
        _at=reader.at,
    )


def _within(kept: np.ndarray, buckets: int, rows: int) -> bool:
    """Whether all pairs (bucket, row) lie in their ranges: kernels read where they point."""
    low, high = kept.min(0), kept.max(0)
    return bool(low.min() >= 0 and high[0] < buckets and high[1] < rows)


def _entries(
    name: Callable[[], bytes], read: Callable[[str], tuple[Any, ...]], count: int
) -> tuple[list[bytes], list[int]]:
    names, counts = [], []
    for _ in range(count):
        names.append(name())
        counts.append(read("qb")[0])
    return names, counts


def fnv(word: bytes) -> int:
    """fastText's hash of a word: 32-bit FNV-1a over signed bytes.

    >>> fnv(b""), fnv(b"a")
    (2166136261, 3826002220)
    """
    h = 2166136261
    for b in word:
        h = ((h ^ (b | 0xFFFFFF00 if b & 0x80 else b)) * 16777619) & 0xFFFFFFFF
    return h
