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
_MOST_BUCKETS = 200_000_000
"""A hundred times fastText's default: a table of buckets is made in memory, however few a pruned file has kept."""


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
        """Raises ValueError where matrices are cut off or do not fit the vocabulary; reads nothing of them.

        Kernels and fastText itself read where words, buckets and labels point, and look at no shape.
        """
        reader = _Reader(self._data, self._at, self.path)
        found = reader.pass_over(self.compressed), reader.pass_over(reader.read("?")[0] and self.compressed)
        if reader.at != len(self._data):
            raise ValueError(f"{self.path}: broken: {len(self._data)} bytes, of which the model takes {reader.at}")
        behind = self.arguments["buckets"] if self.kept is None else len(self.kept)
        wanted = (len(self.words) + behind, self.arguments["dim"]), (len(self.labels), self.arguments["dim"])
        if found != wanted:
            said = ", ".join("{}×{} for {}×{}".format(*a, *b) for a, b in zip(found, wanted, strict=True))
            raise ValueError(f"{self.path}: broken: its matrices do not fit its words, n-grams and labels ({said})")

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
        height, width = self._shape(*self.read("2q"))
        return self.array("<f4", height * width).reshape(height, width)

    def quantised(self) -> np.ndarray:
        """A `QuantMatrix`, unpacked: centroids by code, times the centroid of the row's norm where norms are kept apart."""
        has_norm, height, width, size = self.read("?2qi")
        self._shape(height, width)
        codes = self.array("u1", size).reshape(height, -1)
        parts = self._centroids(width)
        rows = np.concatenate([part[codes[:, m]] for m, part in enumerate(parts)], axis=1)
        if has_norm:
            norms = self.array("u1", height)
            rows = rows * self._centroids(1)[0][norms]
        return np.ascontiguousarray(rows, np.float32)

    def pass_over(self, quantised: bool) -> tuple[int, int]:
        """Goes behind a matrix without reading it, and says its shape."""
        if not quantised:
            height, width = self.dense().shape  # in place, so nothing is read
            return height, width
        has_norm, height, width, size = self.read("?2qi")
        self._shape(height, width)
        self.array("u1", size)
        if size != height * len(self._centroids(width)):
            raise ValueError(f"{self.path}: broken: {size} codes for {height} rows")
        if has_norm:
            self.array("u1", height)
            self._centroids(1)
        return height, width

    def _shape(self, height: int, width: int) -> tuple[int, int]:
        if height < 0 or width < 1:
            raise ValueError(f"{self.path}: broken: a matrix of {height} × {width}")
        return height, width

    def _centroids(self, width: int) -> list[np.ndarray]:
        """A `ProductQuantizer`: for each part of a row its 256 centroids; the last part may be shorter."""
        dim, parts, part, last = self.read("4i")
        if dim != width:
            raise ValueError(f"{self.path}: broken: a quantiser of {dim} numbers for rows of {width}")
        if part < 1 or not 1 <= last <= part or part * (parts - 1) + last != dim:
            raise ValueError(
                f"{self.path}: broken: a quantiser of {dim} numbers in {parts} parts of {part}, the last of {last}"
            )
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
    if min(words, labels) < 0 or entries != words + labels:
        raise ValueError(f"{path}: broken: {words} words and {labels} labels in a vocabulary of {entries}")
    _in_ranges(path, arguments)
    names, counts = _entries(reader.name, reader.read, entries)
    if min(counts, default=0) < 0 or sum(counts[words:]) >= 10**15:  # where the library's tree of labels ends
        raise ValueError(f"{path}: broken: words or labels that were seen less than never, or 10^15 times")
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


def _in_ranges(path: Path, arguments: dict[str, Any]) -> None:
    """Raises ValueError where n-grams are read and no bucket is there, or more than a file of this form has."""
    buckets, reads = arguments["buckets"], arguments["word_ngrams"] > 1 or arguments["longest"] > 0
    if not (1 if reads else 0) <= buckets <= _MOST_BUCKETS:
        raise ValueError(f"{path}: broken: n-grams in {buckets} buckets, which must be from 1 to {_MOST_BUCKETS}")


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
