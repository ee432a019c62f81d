"""Sums of a collapsed model's table over characters and their n-grams, for a batch of texts in place.

Features are those of fastText's `Dictionary::getLine` and `addWordNgrams` for a text whose characters are words: each character in
the vocabulary, the end of the line, and the hashes of all runs of two and three, unknown characters included. Row numbers are
collected first and summed later, a thousand at a time, so that the loads from the table do not wait for each other.

The remainder of a hash by the number of buckets is taken by multiplication with the reciprocal (Granlund & Montgomery 1994),
which overlaps with what follows as a division of 64 bits would not.
"""

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from curation.normalise.utf8 import code_point

_MULTIPLIER = np.uint64(116049371)
_AT_ONCE = 1024


@intrinsic
def _high_product(context, a, b):
    """Upper 64 bits of the product of two uint64: one instruction."""

    def build(context, builder, signature, arguments):
        wide = ir.IntType(128)
        left, right = (builder.zext(value, wide) for value in arguments)
        upper = builder.lshr(builder.mul(left, right), ir.Constant(wide, 64))
        return builder.trunc(upper, ir.IntType(64))

    return types.uint64(types.uint64, types.uint64), build


@njit(nogil=True)
def _remainder(x, divisor, reciprocal):
    """x mod divisor for uint64; `reciprocal` is floor((2^64 - 1) / divisor), so the quotient is at most one too small."""
    left = x - _high_product(x, reciprocal) * divisor  # type: ignore[reportCallIssue]
    return left - divisor if left >= divisor else left


@njit(cache=True, nogil=True)
def sum_rows(
    data, bounds, line_break, end_hash, table, characters, end_row, word_count, buckets, row_of_bucket, ngrams
):
    """Sums (float64 [texts, columns]), numbers of features (int64) and of characters that are no white space (int64).

    data, bounds: UTF-8 bytes and int64 offsets. line_break: code point that stands for "\\n", 0 where it is left out like other
    white space. The others are fields of `LinearModel`, and `END_HASH`.
    """
    texts = len(bounds) - 1
    sums = np.zeros((texts, table.shape[1]), np.float64)
    features = np.zeros(texts, np.int64)
    read = np.zeros(texts, np.int64)
    rows = np.empty(_AT_ONCE + 3, np.int64)
    pruned = len(row_of_bucket) > 0
    size = np.uint64(buckets)
    reciprocal = np.uint64(0xFFFFFFFFFFFFFFFF) // size
    for t in range(texts):
        i, end = bounds[t], bounds[t + 1]
        before, last, seen, breaks, n = np.uint64(0), np.uint64(0), 0, 0, 0
        running = True
        while running:
            if i < end:
                lead = data[i]
                if 0xE0 <= lead < 0xF0 and i + 2 < end:  # most of Japanese
                    c = (
                        (np.int64(lead & 0xF) << 12)
                        | (np.int64(data[i + 1] & 0x3F) << 6)
                        | np.int64(data[i + 2] & 0x3F)
                    )
                    i += 3
                else:
                    c, step = code_point(data, i, end)
                    i += step
                    if c <= 32:
                        if c == 10 and line_break > 0:
                            c = line_break
                            breaks += 1
                        elif c == 32 or 9 <= c <= 13 or c == 0:
                            continue
                row, h = np.int64(characters[c, 0]), np.uint64(np.int64(characters[c, 1]))
            else:
                row, h = np.int64(end_row), np.uint64(np.int64(end_hash))
                running = False
            if row >= 0:
                rows[n] = row
                n += 1
            if ngrams > 1 and seen > 0:  # written out: handing arrays to a function costs more than what it would do
                bucket = np.int64(_remainder(last * _MULTIPLIER + h, size, reciprocal))
                if pruned:
                    bucket = np.int64(row_of_bucket[bucket])
                rows[n] = word_count + bucket
                n += bucket >= 0
                if ngrams > 2 and seen > 1:
                    both = (before * _MULTIPLIER + last) * _MULTIPLIER + h
                    bucket = np.int64(_remainder(both, size, reciprocal))
                    if pruned:
                        bucket = np.int64(row_of_bucket[bucket])
                    rows[n] = word_count + bucket
                    n += bucket >= 0
            before, last = last, h
            seen += 1
            if n >= _AT_ONCE:
                _add(sums, t, table, rows, n)
                features[t] += n
                n = 0
        _add(sums, t, table, rows, n)
        features[t] += n
        read[t] = seen - 1 - breaks
    return sums, features, read


@njit(nogil=True)
def _add(sums, t, table, rows, n):
    """Adds n rows of the table to sums[t]; with one column in four sums of their own, so that additions overlap."""
    if table.shape[1] == 1:
        a, b, c, d = 0.0, 0.0, 0.0, 0.0
        whole = n - n % 4
        for k in range(0, whole, 4):
            a += table[rows[k], 0]
            b += table[rows[k + 1], 0]
            c += table[rows[k + 2], 0]
            d += table[rows[k + 3], 0]
        for k in range(whole, n):
            a += table[rows[k], 0]
        sums[t, 0] += (a + b) + (c + d)
        return
    for k in range(n):
        for column in range(table.shape[1]):
            sums[t, column] += table[rows[k], column]
