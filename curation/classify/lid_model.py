"""The language model lid.176.ftz as plain arrays, so that a kernel can look n-grams up in place.

fastText keeps the rows of a compressed model as codes of a product quantiser and the surviving n-grams in a hash map. Unpacked,
the rows are 50,000 × 16 numbers (3.2 MB) and the map is a table over all buckets (4 MB): what fits a processor's cache need not be
compressed. The reading follows fastText 0.9.2 (`FastText::loadModel`, `Dictionary::load`, `QuantMatrix::load`, `Model::buildTree`),
whose predictions are the reference that the kernel is held against.
"""

import struct
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

MODEL = Path(__file__).with_name("lid.176.ftz")
"""The packaged model (CC BY-SA 3.0, see lid.176.LICENCE.txt)."""

_MAGIC, _VERSION = 793712314, 12
BUCKETS = 2_000_000
"""Buckets of n-gram hashes: a constant, because the kernel divides by it once an n-gram."""

_HIERARCHICAL_SOFTMAX, _SUPERVISED = 1, 3


class LidModel(NamedTuple):
    """A supervised fastText model with hierarchical softmax and pruned n-grams."""

    labels: tuple[str, ...]
    """Languages, without `__label__`, most frequent in training first."""
    rows: np.ndarray
    """float32 [words + n-grams, dim]: input vectors, words first."""
    row_of_bucket: np.ndarray
    """uint16 [buckets]: row of the n-gram that hashes to the bucket."""
    kept: np.ndarray
    """uint8 [buckets / 8]: one bit a bucket, 1 where its n-gram was not pruned (a quarter of a megabyte, looked at first)."""
    word_table: np.ndarray
    """int32 [2^k]: open addressing by FNV hash, word number or -1."""
    word_bytes: np.ndarray
    """uint8: the words, one after the other."""
    word_bounds: np.ndarray
    """int64 [words + 1]: where each begins in `word_bytes`."""
    nodes: np.ndarray
    """float32 [labels - 1, dim]: output vectors of the inner nodes of the label tree."""
    children: np.ndarray
    """int32 [2 × labels - 1, 2]: left and right child of each node; -1 for leaves (the first `labels` nodes)."""
    shortest: int
    longest: int
    """Lengths of n-grams in characters, both ends included."""


def fnv(word: bytes) -> int:
    """fastText's hash of a word: 32-bit FNV-1a over signed bytes.

    >>> fnv(b""), fnv(b"a")
    (2166136261, 3826002220)
    """
    h = 2166136261
    for b in word:
        h = ((h ^ (b | 0xFFFFFF00 if b & 0x80 else b)) * 16777619) & 0xFFFFFFFF
    return h


@cache
def load(path: Path = MODEL) -> LidModel:
    """Reads a .ftz file, once per process. Raises ValueError for a model of another kind, naming what it has and what is needed."""
    data = path.read_bytes()
    at = 0

    def read(layout: str) -> tuple[Any, ...]:
        nonlocal at
        values = struct.unpack_from("<" + layout, data, at)
        at += struct.calcsize("<" + layout)
        return values

    def array(kind: str, count: int) -> np.ndarray:
        nonlocal at
        values = np.frombuffer(data, kind, count, at)
        at += values.nbytes
        return values

    if len(data) < 8 or read("2i") != (_MAGIC, _VERSION):
        raise ValueError(f"{path}: no fastText model of version {_VERSION} (begins with {data[:8].hex()})")
    _, _, _, _, _, word_ngrams, loss, model, buckets, shortest, longest, _, _ = read("12id")
    if (loss, model, word_ngrams, buckets) != (_HIERARCHICAL_SOFTMAX, _SUPERVISED, 1, BUCKETS):
        needed = f"supervised, hierarchical softmax, single words, {BUCKETS} buckets"
        raise ValueError(f"{path}: needs a model that is {needed}; has {loss=} {model=} {word_ngrams=} {buckets=}")
    entries, words, labels, _, pruned = read("3i2q")
    names, counts = [], []
    for _ in range(entries):
        end = data.index(b"\0", at)
        names.append(data[at:end])
        at = end + 1
        counts.append(read("qb")[0])
    kept = array("<i4", 2 * max(pruned, 0)).reshape(-1, 2)
    if not read("?")[0] or pruned < 0:
        raise ValueError(f"{path}: needs a compressed model (.ftz) with pruned n-grams")
    row_of_bucket = np.zeros(buckets, np.uint16)
    row_of_bucket[kept[:, 0]] = words + kept[:, 1]
    has_row = np.zeros(buckets, np.bool_)
    has_row[kept[:, 0]] = True
    rows = _quantised(read, array)
    if read("?")[0]:
        raise ValueError(f"{path}: needs a plain output matrix, has a compressed one")
    height, width = read("2q")
    nodes = array("<f4", height * width).reshape(height, width)[: labels - 1]
    return LidModel(
        labels=tuple(n.decode().removeprefix("__label__") for n in names[words:]),
        rows=rows,
        row_of_bucket=row_of_bucket,
        kept=np.packbits(has_row, bitorder="little"),
        word_table=_table(names[:words]),
        word_bytes=np.frombuffer(b"".join(names[:words]), np.uint8),
        word_bounds=np.cumsum([0, *map(len, names[:words])]),
        nodes=np.ascontiguousarray(nodes),
        children=_tree(counts[words:]),
        shortest=shortest,
        longest=longest,
    )


def _quantised(read: Callable[[str], tuple[Any, ...]], array: Callable[[str, int], np.ndarray]) -> np.ndarray:
    """Unpacks a `QuantMatrix`: centroids by code, times the centroid of the row's norm where norms are kept apart."""
    has_norm, height, _, size = read("?2qi")
    codes = array("u1", size)

    def centroids() -> np.ndarray:
        dim, parts, part, last = read("4i")
        if last != part:
            raise ValueError("a quantiser whose last part is shorter is not supported")
        return array("<f4", dim * 256).reshape(parts, 256, part)

    table = centroids()
    codes = codes.reshape(height, -1)
    rows = table[np.arange(codes.shape[1]), codes].reshape(height, -1)
    if has_norm:
        norms = array("u1", height)
        rows = rows * centroids()[0, norms]
    return np.ascontiguousarray(rows, np.float32)


def _table(words: list[bytes]) -> np.ndarray:
    size = 1 << (2 * len(words)).bit_length()
    table = np.full(size, -1, np.int32)
    for number, word in enumerate(words):
        place = fnv(word) & (size - 1)
        while table[place] >= 0:
            place = (place + 1) & (size - 1)
        table[place] = number
    return table


def _tree(counts: list[int]) -> np.ndarray:
    """The Huffman tree over labels as fastText builds it; equal counts must fall as they do there."""
    leaves = len(counts)
    weight = [*counts, *[10**15] * (leaves - 1)]
    children = np.full((2 * leaves - 1, 2), -1, np.int32)
    leaf, node = leaves - 1, leaves
    for parent in range(leaves, 2 * leaves - 1):
        for side in (0, 1):
            if leaf >= 0 and weight[leaf] < weight[node]:
                children[parent, side], leaf = leaf, leaf - 1
            else:
                children[parent, side], node = node, node + 1
        weight[parent] = weight[children[parent, 0]] + weight[children[parent, 1]]
    return children
