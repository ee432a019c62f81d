"""Compiled kernels of clustering: band keys, pairs of a bucket, exact Jaccard of pairs, leaders and components.

Nodes are ordinals in rank order, 0 the best-ranked; a pair (a, b) has a < b. The references are the short Python functions in
tests/dedup/test_clusters.py, written from the definitions and not from this file.
"""

import numpy as np
from numba import njit, uint64

from curation.dedup.shingle_kernel import shared


@njit(cache=True, nogil=True)
def band_keys(signatures: np.ndarray, rows: int, out: np.ndarray) -> None:
    """64-bit key of every band: out [bands, nodes] from signatures uint32 [nodes, ≥ bands · rows]. Equal bands, equal keys."""
    for node in range(signatures.shape[0]):
        for band in range(out.shape[0]):
            h = uint64(0x9E3779B97F4A7C15) * uint64(band + 1)
            for r in range(rows):
                h = (h ^ uint64(signatures[node, band * rows + r])) * uint64(0xFF51AFD7ED558CCD)
                h = h ^ (h >> uint64(32))
            out[band, node] = h


@njit(cache=True, nogil=True)
def pack(keys: np.ndarray, same: int, packed: np.ndarray) -> None:
    """The high bits of each key above `same` bits of its row's number."""
    mask = (uint64(1) << uint64(same)) - uint64(1)
    for row in range(len(keys)):
        packed[row] = (keys[row] & ~mask) | uint64(row)


@njit(cache=True, nogil=True)
def settle(keys: np.ndarray, ordinals: np.ndarray, same: int, packed: np.ndarray) -> bool:
    """Puts rows in order of (key, ordinal): packed [n], sorted, holds a key's high bits above `same` bits of row number.

    Only runs of equal bits are looked at, and most have one row. ordinals may be empty: then a row's number is its ordinal. Returns
    whether equal bits mean equal keys everywhere: two keys may share their high bits, by chance.
    """
    mask = (uint64(1) << uint64(same)) - uint64(1)
    different = uint64(0)
    for at in range(1, len(packed)):
        if (packed[at] ^ packed[at - 1]) <= mask:
            different |= keys[packed[at] & mask] ^ keys[packed[at - 1] & mask]
    if len(ordinals) == 0 and different == 0:
        return True
    first, faithful = 0, True
    while first < len(packed):
        last = first + 1
        while last < len(packed) and (packed[last] ^ packed[first]) <= mask:
            last += 1
        if last - first > 1:
            key, equal, ordered = keys[packed[first] & mask], True, True
            for at in range(first + 1, last):
                equal = equal and keys[packed[at] & mask] == key
            if len(ordinals):
                for at in range(first + 1, last):
                    ordered = ordered and ordinals[packed[at] & mask] > ordinals[packed[at - 1] & mask]
            if not (equal and ordered):
                faithful = faithful and equal
                high, rows = packed[first] & ~mask, packed[first:last] & mask
                if len(ordinals):
                    rows = rows[np.argsort(ordinals[rows], kind="mergesort")]
                packed[first:last] = high | rows[np.argsort(keys[rows], kind="mergesort")]
        first = last
    return faithful


@njit(cache=True, nogil=True)
def bucket_pairs(
    packed: np.ndarray,
    same: int,
    faithful: bool,
    keys: np.ndarray,
    start: int,
    best: int,
    signatures: np.ndarray,
    least: int,
    decided: int,
    out_a: np.ndarray,
    out_b: np.ndarray,
) -> tuple[int, int, int, int]:
    """Pairs of one band, from position `start` on: each row with those of its bucket's `best` best-ranked above it.

    packed lists rows by (key, rank) as `settle` leaves it, `faithful` is what it returned. In a bucket of up to `best` rows these are
    all its pairs, in a larger one at most `best` a row, so the work is never quadratic. Rows below `decided` are of an earlier
    generation: no two of them are looked at. Pairs whose signatures agree at fewer than `least` places are dropped; with least 0
    no signature is read. Stops when the output is nearly full. Returns (next position, pairs written, pairs looked at, rows past
    the best of their bucket).
    """
    mask = (uint64(1) << uint64(same)) - uint64(1)
    n, looked, crowded, at = 0, 0, 0, start
    bucket = start
    while bucket > 0 and _one_bucket(packed, mask, faithful, keys, bucket):
        bucket -= 1
    while at < len(packed) and n + best <= len(out_a):
        if at > 0 and not _one_bucket(packed, mask, faithful, keys, at):
            bucket = at
        if bucket < at and np.int64(packed[at] & mask) >= decided:
            crowded += int(at - bucket >= best)
            row = np.int64(
                packed[at] & mask
            )  # again, in here: read before the test, this loop takes eight times as long
            for i in range(bucket, min(at, bucket + best)):
                other = np.int64(packed[i] & mask)
                agree = 0
                if least > 0:
                    for k in range(signatures.shape[1]):
                        agree += np.int64(signatures[other, k] == signatures[row, k])
                looked += 1
                if agree >= least:
                    out_a[n] = other
                    out_b[n] = row
                    n += 1
        at += 1
    return at, n, looked, crowded


@njit(cache=True, nogil=True, inline="always")
def _one_bucket(packed, mask, faithful, keys, at):
    """Whether a position has the key of the one before it."""
    same = (packed[at] ^ packed[at - 1]) <= mask
    if same and not faithful:
        same = keys[packed[at] & mask] == keys[packed[at - 1] & mask]
    return same


@njit(cache=True, nogil=True)
def agreement(signatures: np.ndarray, a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
    """Places at which the signatures of each pair of rows agree."""
    for p in range(len(a)):
        agree = 0
        for k in range(signatures.shape[1]):
            agree += np.int64(signatures[a[p], k] == signatures[b[p], k])
        out[p] = agree


@njit(cache=True, nogil=True)
def pair_jaccard(
    words: np.ndarray, start: np.ndarray, size: np.ndarray, a: np.ndarray, b: np.ndarray, out: np.ndarray
) -> None:
    """Exact Jaccard of pairs of sets: set i is the size[i] values from words[start[i]] on, sorted and distinct. Two empty sets: 1."""
    for p in range(len(a)):
        x = words[start[a[p]] : start[a[p]] + size[a[p]]]
        y = words[start[b[p]] : start[b[p]] + size[b[p]]]
        both = shared(x, y)
        either = len(x) + len(y) - both
        out[p] = both / either if either else 1.0


@njit(cache=True, nogil=True)
def leaders(a: np.ndarray, b: np.ndarray, apart: np.ndarray, leader: np.ndarray, decided: int) -> None:
    """The kept node that each node joins, by rank, into leader [nodes]; a kept node leads itself.

    Edges a < b sorted by (b, a). leader[:decided] is given (an earlier generation) and stays as it is. apart, bool [nodes]: nodes
    that neither lead nor join.
    """
    edge = np.searchsorted(b, decided)
    for node in range(decided, len(leader)):
        leader[node] = node
        while edge < len(b) and b[edge] == node:
            if leader[node] == node and not apart[node] and leader[a[edge]] == a[edge] and not apart[a[edge]]:
                leader[node] = a[edge]
            edge += 1


@njit(cache=True, nogil=True)
def join_leaders(a: np.ndarray, b: np.ndarray, kept: np.ndarray, first: int, leader: np.ndarray) -> None:
    """As `leaders`, for edges that come in pieces: leader is that of the nodes from `first` on, each its own to begin with.

    Edges a < b, all pieces together sorted by (b, a). kept [all nodes] is 1 until a node joins another.
    """
    for edge in range(len(a)):
        node = b[edge]
        if kept[node] and kept[a[edge]]:
            leader[node - first] = a[edge]
            kept[node] = 0


@njit(cache=True, nogil=True)
def unite(a: np.ndarray, b: np.ndarray, parent: np.ndarray) -> None:
    """Unites the components of each edge's ends; parent [nodes] begins as arange, and no node's is ever larger than itself."""
    for edge in range(len(a)):
        x, y = np.int64(a[edge]), np.int64(b[edge])
        while parent[x] != x:
            parent[x] = parent[parent[x]]
            x = np.int64(parent[x])
        while parent[y] != y:
            parent[y] = parent[parent[y]]
            y = np.int64(parent[y])
        if x < y:
            parent[y] = x
        else:
            parent[x] = y


@njit(cache=True, nogil=True)
def flatten(parent: np.ndarray) -> None:
    """Makes every node's parent the smallest ordinal of its component, after `unite`."""
    for node in range(len(parent)):
        parent[node] = parent[parent[node]]


@njit(cache=True, nogil=True)
def examples(order: np.ndarray, start: np.ndarray, most: int, offsets: np.ndarray, out: np.ndarray) -> None:
    """Up to `most` other rows of each row's cluster, best-ranked first.

    order lists rows by (cluster, rank), start[i] is where the cluster of order[i] begins in it; offsets [rows + 1] says where the
    list of each row goes in `out` (min(size − 1, most) long).
    """
    for i in range(len(order)):
        row = order[i]
        other = start[i]
        for at in range(offsets[row], offsets[row + 1]):
            if order[other] == row:
                other += 1
            out[at] = order[other]
            other += 1
