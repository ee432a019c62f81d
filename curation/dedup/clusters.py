"""From rows to near-duplicate clusters, as functions of arrays (DESIGN, "Near-duplicates and the 4× cap, precisely").

Rows with one form key are copies of one node. Nodes are numbered in rank order, so "better-ranked" is "smaller" from here on and
nothing below depends on the order in which rows came. In rank order a node joins the best-ranked kept node that it has an edge
to, otherwise it is kept; a cluster is a kept node and those that joined it. Unlike a connected component, a cluster has no member
below the threshold to its kept node (on 600 real laws 17 to 22 % of the rows that components drop are).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from curation.dedup import cluster_kernel as kernel
from curation.dedup.key_order import distinct_keys
from curation.dedup.minhash import BANDS, PERMUTATIONS, ROWS

_PAIRS_AT_ONCE = 1 << 22


@dataclass(frozen=True)
class Nodes:
    """Rows and the nodes they are copies of; arrays over rows are in the order in which the rows came."""

    forms: np.ndarray
    """Form key of each node, uint64 [nodes, 2], in rank order."""
    of_row: np.ndarray
    """Node of each row, int64 [rows]."""
    best_row: np.ndarray
    """Best-ranked copy of each node, int64 [nodes]."""
    row_place: np.ndarray
    """Place of each row in the rank order of rows, int64 [rows]."""


def rank_nodes(
    forms: np.ndarray,
    ids: np.ndarray,
    length: np.ndarray,
    date: np.ndarray,
    quality: np.ndarray | None = None,
    generation: np.ndarray | None = None,
) -> Nodes:
    """Nodes of rows, ranked by (generation, −quality, −length, −date, id); a node ranks as its best-ranked copy.

    forms, ids: keys as uint64 [rows, 2]. length in characters; date in seconds, any int64 standing for a missing one; quality
    NaN counts as the worst. Copies that came later rank below every row of an earlier generation, so a form's generation is the
    smallest among its copies, and what a later crawl brings cannot change how earlier forms rank among themselves.
    """
    keys, place = distinct_keys(forms)
    columns = [ids[:, 1], ids[:, 0], -date.astype(np.float64), -length.astype(np.int64)]
    if quality is not None:
        columns.append(-np.where(np.isnan(quality), -np.inf, quality))
    if generation is not None:
        columns.append(generation)
    order = np.lexsort(columns)
    row_place = np.empty(len(order), np.int64)
    row_place[order] = np.arange(len(order))
    best = np.full(len(keys), len(order), np.int64)
    np.minimum.at(best, place, row_place)
    by_rank = np.argsort(best)
    ordinal = np.empty(len(keys), np.int64)
    ordinal[by_rank] = np.arange(len(keys))
    return Nodes(keys[by_rank], ordinal[place], order[best[by_rank]], row_place)


def least_agreement(threshold: float) -> int:
    """Places of 112 at which two signatures must agree to be worth an exact comparison: τ − 5σ of them, rounded up.

    σ = √(τ(1 − τ)/112): a pair at τ is lost with probability 3e-7.

    >>> least_agreement(0.8), least_agreement(1.0)
    (69, 112)
    """
    sigma = math.sqrt(threshold * (1 - threshold) / PERMUTATIONS)
    return max(0, math.ceil(PERMUTATIONS * (threshold - 5 * sigma)))


@dataclass
class PairCounts:
    """What the search for pairs met: pairs that share a band (once a band), and nodes past the best of a crowded bucket."""

    looked_at: int = 0
    crowded: int = 0


def candidate_pairs(
    signatures: np.ndarray,
    least: int,
    bands: int = BANDS,
    rows: int = ROWS,
    max_bucket: int = 64,
    counts: PairCounts | None = None,
    decided: int = 0,
) -> np.ndarray:
    """Distinct pairs of nodes that share a band and agree at `least` places, uint32 [pairs, 2], a < b, sorted by (b, a).

    signatures: uint32 [nodes, 112] in rank order. In a bucket of up to `max_bucket` nodes every pair is looked at, in a larger one
    each node with the `max_bucket` best-ranked only. The first `decided` nodes are of an earlier generation: no two of them are
    a pair.
    """
    counts = counts or PairCounts()
    keys = np.empty((bands, len(signatures)), np.uint64)
    kernel.band_keys(signatures, rows, keys)
    found, fresh, waiting = np.empty(0, np.uint64), list[np.ndarray](), 0
    for band in range(bands):
        for a, b in pairs_of_band(keys[band], None, max_bucket, counts, signatures, least, decided):
            fresh.append((b.astype(np.uint64) << np.uint64(32)) | a.astype(np.uint64))
            waiting += len(a)
            if waiting > _PAIRS_AT_ONCE:
                found, fresh, waiting = _distinct(np.concatenate([found, *fresh])), [], 0
    found = _distinct(np.concatenate([found, *fresh]))
    return np.stack([found & np.uint64(0xFFFFFFFF), found >> np.uint64(32)], axis=1).astype(np.uint32)


def _distinct(words: np.ndarray) -> np.ndarray:
    """Distinct words, sorted (`np.unique` takes five times as long)."""
    words.sort()
    new = np.ones(len(words), bool)
    np.not_equal(words[1:], words[:-1], out=new[1:])
    return words[new]


def sorted_buckets(keys: np.ndarray, ordinals: np.ndarray | None = None) -> tuple[np.ndarray, int, bool]:
    """Rows by (key, ordinal) as words, a key's high bits above so many bits of the row's number (its ordinal where none are given).

    One sort of single words: several times faster than sorting rows by two columns. Third, whether equal high bits mean equal keys.

    >>> packed, bits, _ = sorted_buckets(np.array([1 << 63, 5, 1 << 63], np.uint64), np.array([9, 4, 7], np.uint64))
    >>> (packed & np.uint64((1 << bits) - 1)).tolist()
    [1, 2, 0]
    """
    bits = max(1, int(len(keys) - 1).bit_length())
    packed = np.empty(len(keys), np.uint64)
    kernel.pack(keys, bits, packed)
    packed.sort()
    faithful = kernel.settle(keys, np.empty(0, np.uint64) if ordinals is None else ordinals, bits, packed)
    return packed, bits, faithful


def pairs_of_band(
    keys: np.ndarray,
    ordinals: np.ndarray | None,
    best: int,
    counts: PairCounts,
    signatures: np.ndarray | None = None,
    least: int = 0,
    decided: int = 0,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs (rows of the better and of the worse node, int64) that meet in the buckets of one band, some million at a time.

    keys, ordinals: uint64 of each row (without ordinals a row's number). Up to `best` pairs a node, none of two of
    the first `decided` rows; `counts` is added to.
    """
    packed, bits, faithful = sorted_buckets(keys, ordinals)
    signatures = np.empty((0, 0), np.uint32) if signatures is None else signatures
    room = min(_PAIRS_AT_ONCE, max(best, len(packed) * best))
    at = 0
    while at < len(packed):
        a, b = np.empty(room, np.int64), np.empty(room, np.int64)
        at, n, looked, crowded = kernel.bucket_pairs(
            packed, bits, faithful, keys, at, best, signatures, least, decided, a, b
        )
        counts.looked_at += looked
        counts.crowded += crowded
        yield a[:n], b[:n]


def cluster_nodes(nodes: int, pairs: np.ndarray, earlier: np.ndarray | None = None) -> np.ndarray:
    """Kept node that each node joins, int64 [nodes]; a kept node has itself. pairs: verified edges, sorted by (b, a).

    earlier: the result for the first nodes (a smaller generation), which stays as it is.

    >>> cluster_nodes(4, np.array([[0, 1], [1, 2], [2, 3]])).tolist()
    [0, 0, 2, 2]
    """
    leader = np.empty(nodes, np.int64)
    decided = 0 if earlier is None else len(earlier)
    leader[:decided] = earlier if earlier is not None else 0
    kernel.leaders(pairs[:, 0].astype(np.int64), pairs[:, 1].astype(np.int64), leader, decided)
    return leader


def families(nodes: int, pairs: np.ndarray) -> np.ndarray:
    """Smallest node of each node's connected component, int64 [nodes].

    >>> families(4, np.array([[0, 1], [1, 2]])).tolist()
    [0, 0, 0, 3]
    """
    parent = np.arange(nodes)
    kernel.unite(pairs[:, 0].astype(np.int64), pairs[:, 1].astype(np.int64), parent)
    kernel.flatten(parent)
    return parent


@dataclass(frozen=True)
class Places:
    """Where each row stands in its cluster, all int64 over rows; `examples` is a list a row: values and offsets [rows + 1]."""

    size: np.ndarray
    rank: np.ndarray
    examples: np.ndarray
    example_offsets: np.ndarray


def place_rows(cluster_of_row: np.ndarray, row_place: np.ndarray, most_examples: int = 8) -> Places:
    """Size of each row's cluster, the row's rank in it, and up to eight other rows of it, best-ranked first."""
    rows = len(cluster_of_row)
    order = np.lexsort((row_place, cluster_of_row))
    ordered = cluster_of_row[order]
    first = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if rows else np.zeros(0, np.int64)
    sizes = np.diff(np.r_[first, rows])
    start = np.repeat(first, sizes)
    size, rank = np.empty(rows, np.int64), np.empty(rows, np.int64)
    size[order] = np.repeat(sizes, sizes)
    rank[order] = np.arange(rows) - start
    offsets = np.zeros(rows + 1, np.int64)
    np.cumsum(np.minimum(size - 1, most_examples), out=offsets[1:])
    values = np.empty(offsets[-1], np.int64)
    kernel.examples(order, start, most_examples, offsets, values)
    return Places(size, rank, values, offsets)
