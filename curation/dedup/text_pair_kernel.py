"""Compiled: exact Jaccard similarity of pairs of texts over distinct 5-grams of their normal forms.

`curation.dedup.shingles.jaccard` of two `normal_form`s is the plain reference; `synth.pairing.unlike` says which of the two runs.
"""

import numpy as np
from numba import njit, uint64

from curation.dedup import form_kernel, shingle_kernel

LEFT = -1.0
"""Written for a pair with a text whose form the kernel leaves to the reference."""


@njit(cache=True, nogil=True)
def pair_similarity(
    data: np.ndarray,
    offsets: np.ndarray,
    table: np.ndarray,
    start: np.ndarray,
    pool: np.ndarray,
    least: float,
    out: np.ndarray,
) -> None:
    """Jaccard of texts 2p and 2p + 1 into out[p]; of pairs that cannot reach `least` what they could at most, which is below it.

    data: UTF-8 of all texts; offsets int64 [2 pairs + 1]; table, start, pool: `kernel_tables`.

    The first text's n shingles go into a hash set, the second's are counted against it: with m distinct ones outside of it the
    similarity is n / (n + m) at most, and counting ends where that is below `least`. Texts that have nothing in common, which are
    most, end after (1 / least − 1) of their length.
    """
    longest = 0
    for i in range(len(offsets) - 1):
        longest = max(longest, offsets[i + 1] - offsets[i])
    points = np.empty(longest + form_kernel.SLACK, np.uint32)
    words = np.empty(max(1, longest + form_kernel.SLACK), np.uint64)
    room = 1
    while room < 4 * len(words):  # both texts' shingles, half full
        room *= 2
    slots = np.empty(room, np.uint64)
    marks = np.zeros(
        room, np.int64
    )  # of the pair that filled a slot: 3p + 1 first text's, 3p + 2 both's, 3p + 3 the second's
    for p in range(len(out)):
        first = form_kernel.form_points(data, offsets[2 * p], offsets[2 * p + 1], table, start, pool, points)
        if first == form_kernel.REFUSED:
            out[p] = LEFT
            continue
        count = shingle_kernel.shingle_hashes(points, first, words)
        second = form_kernel.form_points(data, offsets[2 * p + 1], offsets[2 * p + 2], table, start, pool, points)
        if second == form_kernel.REFUSED:
            out[p] = LEFT
            continue
        bits = uint64(16)
        while (1 << bits) < 2 * (first + second) and (1 << bits) < room:
            bits += uint64(1)
        last = uint64(min(room, 1 << bits) - 1)
        mark = 3 * p + 1
        n = 0
        for i in range(count):
            at = words[i] & last
            while marks[at] >= mark and slots[at] != words[i]:
                at = (at + uint64(1)) & last
            if marks[at] < mark:
                slots[at], marks[at] = words[i], mark
                n += 1
        count = shingle_kernel.shingle_hashes(points, second, words)
        both = more = 0
        for i in range(count):
            at = words[i] & last
            while marks[at] >= mark and slots[at] != words[i]:
                at = (at + uint64(1)) & last
            if marks[at] < mark:
                slots[at], marks[at] = words[i], mark + 2
                more += 1
                if n / (n + more) < least:
                    break
            elif marks[at] == mark:
                marks[at] = mark + 1
                both += 1
        if n + more and n / (n + more) < least:
            out[p] = n / (n + more)
        else:
            out[p] = both / (n + more) if n + more else 1.0
