"""Compiled search for near-copies of items' sentences; imported in `setup()` because numba is heavy.

The references are plain Python: `near_index.sentences` and `band_keys`, `dedup.minhash.signature`, `dedup.shingles.jaccard`.
"""

import numpy as np
from numba import njit, uint32, uint64

from curation.decontaminate.gram_table import GOLDEN
from curation.decontaminate.near_index import BANDS, LEAST_SENTENCE, ROWS
from curation.decontaminate.overlap_kernel import FULL, plain_points
from curation.dedup.form_kernel import REFUSED, form_points, sign
from curation.dedup.shingle_kernel import distinct, shared, shingle_hashes

_GOLDEN = np.uint64(GOLDEN)
_SEED, _PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)


@njit(cache=True, nogil=True)
def near_in(
    points: np.ndarray,
    n: int,
    row: int,
    a: np.ndarray,
    b: np.ndarray,
    least: float,
    filter_bits: int,
    bits: np.ndarray,
    keys: np.ndarray,
    of: np.ndarray,
    shingles: np.ndarray,
    starts: np.ndarray,
    tried: np.ndarray,
    counter: np.ndarray,
    out: np.ndarray,
    count: int,
) -> int:
    """Sentences of items near to one of the compared form points[:n], behind out[:count] (int64 [room, 2]: row, sentence).

    least: Jaccard similarity that a pair has at least. tried [sentences] and counter [1] are scratch that is kept from call to call.
    How many then, or FULL.
    """
    signed = np.empty(len(a), np.uint32)
    begin = 0
    while begin < n:
        end = begin
        while end < n and points[end] != uint32(46) and points[end] != uint32(33) and points[end] != uint32(63):
            end += 1
        if end - begin >= LEAST_SENTENCE:
            counter[0] += 1
            sign(points[begin:end], end - begin, a, b, signed)
            words = np.empty(0, np.uint64)
            for band in range(BANDS):
                h = (_SEED ^ uint64(band)) * _PRIME
                for k in range(band * ROWS, (band + 1) * ROWS):
                    h = (h ^ uint64(signed[k])) * _PRIME
                bit = uint64(h * _GOLDEN) >> uint64(64 - filter_bits)
                if not (bits[bit >> uint64(6)] >> (bit & uint64(63)) & uint64(1)):
                    continue
                at = np.searchsorted(keys, h)
                while at < len(keys) and keys[at] == h:
                    sentence = of[at]
                    at += 1
                    if tried[sentence] == counter[0]:
                        continue
                    tried[sentence] = counter[0]
                    if len(words) == 0:
                        made = np.empty(end - begin, np.uint64)
                        words = made[: shingle_hashes(points[begin:end], end - begin, made)]
                        words.sort()
                        words = words[: distinct(words)]
                    theirs = shingles[starts[sentence] : starts[sentence + 1]]
                    both = shared(words, theirs)
                    if both >= least * (len(words) + len(theirs) - both):
                        if count == len(out):
                            return FULL
                        out[count, 0], out[count, 1] = row, sentence
                        count += 1
        begin = end + 1
    return count


@njit(cache=True, nogil=True)
def near_rows(
    data: np.ndarray,
    offsets: np.ndarray,
    valid: np.ndarray,
    fold: np.ndarray,
    fold_start: np.ndarray,
    fold_pool: np.ndarray,
    points: np.ndarray,
    a: np.ndarray,
    b: np.ndarray,
    least: float,
    filter_bits: int,
    bits: np.ndarray,
    keys: np.ndarray,
    of: np.ndarray,
    shingles: np.ndarray,
    starts: np.ndarray,
    tried: np.ndarray,
    counter: np.ndarray,
    out: np.ndarray,
    refused: np.ndarray,
) -> int:
    """`near_in` over an Arrow text buffer; how many pairs, or FULL. refused[r] is set where the row must take the reference."""
    count = 0
    for r in range(len(offsets) - 1):
        refused[r] = False
        if not valid[r]:
            continue
        n = form_points(data, offsets[r], offsets[r + 1], fold, fold_start, fold_pool, points)
        if n == REFUSED:
            refused[r] = True
            continue
        n = plain_points(points, n)
        count = near_in(
            points, n, r, a, b, least, filter_bits, bits, keys, of, shingles, starts, tried, counter, out, count
        )
        if count == FULL:
            return FULL
    return count
