"""The language model lid.176.ftz as plain arrays, so that a kernel can look n-grams up in place.

fastText keeps the rows of a compressed model as codes of a product quantiser and the surviving n-grams in a hash map. Unpacked,
the rows are 50,000 × 16 numbers (3.2 MB) and the map is a table over all buckets (4 MB): what fits a processor's cache need not be
compressed. The label tree follows fastText 0.9.2 (`Model::buildTree`), whose predictions are the reference that the kernel is held
against; the file is read in `fasttext_file`.
"""

from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from curation.classify.fasttext_file import HIERARCHICAL, fnv, read_file

MODEL = Path(__file__).with_name("lid.176.ftz")
"""The packaged model (CC BY-SA 3.0, see lid.176.LICENCE.txt)."""

BUCKETS = 2_000_000
"""Buckets of n-gram hashes: a constant, because the kernel divides by it once an n-gram."""


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


@cache
def load(path: Path = MODEL) -> LidModel:
    """Reads a .ftz file, once per process. Raises ValueError for a model of another kind, naming what it has and what is needed."""
    file = read_file(path)
    loss, word_ngrams, buckets = (file.arguments[key] for key in ("loss", "word_ngrams", "buckets"))
    if (loss, word_ngrams, buckets) != (HIERARCHICAL, 1, BUCKETS):
        needed = f"hierarchical softmax, single words, {BUCKETS} buckets"
        raise ValueError(f"{path}: needs a model that is {needed}; has {loss=} {word_ngrams=} {buckets=}")
    if not file.compressed or file.kept is None:
        raise ValueError(f"{path}: needs a compressed model (.ftz) with pruned n-grams")
    words, kept = len(file.words), file.kept
    row_of_bucket = np.zeros(buckets, np.uint16)
    row_of_bucket[kept[:, 0]] = words + kept[:, 1]
    has_row = np.zeros(buckets, np.bool_)
    has_row[kept[:, 0]] = True
    rows, nodes = file.matrices
    return LidModel(
        labels=tuple(file.label_names),
        rows=rows,
        row_of_bucket=row_of_bucket,
        kept=np.packbits(has_row, bitorder="little"),
        word_table=_table(file.words),
        word_bytes=np.frombuffer(b"".join(file.words), np.uint8),
        word_bounds=np.cumsum([0, *map(len, file.words)]),
        nodes=np.ascontiguousarray(nodes[: len(file.labels) - 1]),
        children=_tree(file.label_counts),
        shortest=file.arguments["shortest"],
        longest=file.arguments["longest"],
    )


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
