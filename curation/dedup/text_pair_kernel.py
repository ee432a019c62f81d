"""Compiled: exact Jaccard similarity of pairs of texts over distinct 5-grams of their normal forms.

`curation.dedup.shingles.jaccard` of two `normal_form`s is the plain reference; `synth.pairing.unlike` says which of the two runs.
"""

import numpy as np
from numba import njit

from curation.dedup import form_kernel, shingle_kernel

LEFT = -1.0
"""Written for a pair with a text whose form the kernel leaves to the reference."""


@njit(cache=True, nogil=True)
def pair_similarity(
    data: np.ndarray, offsets: np.ndarray, table: np.ndarray, start: np.ndarray, pool: np.ndarray, out: np.ndarray
) -> None:
    """Jaccard of texts 2p and 2p + 1 into out[p].

    data: UTF-8 of all texts; offsets int64 [2 pairs + 1]; the others: `kernel_tables`.
    """
    longest = 0
    for i in range(len(offsets) - 1):
        longest = max(longest, offsets[i + 1] - offsets[i])
    points = np.empty(longest + form_kernel.SLACK, np.uint32)
    sets = (
        np.empty(max(1, longest + form_kernel.SLACK), np.uint64),
        np.empty(max(1, longest + form_kernel.SLACK), np.uint64),
    )
    for p in range(len(out)):
        sizes = np.zeros(2, np.int64)
        refused = False
        for side in range(2):
            i = 2 * p + side
            n = form_kernel.form_points(data, offsets[i], offsets[i + 1], table, start, pool, points)
            if n == form_kernel.REFUSED:
                refused = True
                break
            words = sets[side]
            m = shingle_kernel.shingle_hashes(points, n, words)
            words[:m].sort()
            sizes[side] = shingle_kernel.distinct(words[:m])
        if refused:
            out[p] = LEFT
            continue
        x, y = sets[0][: sizes[0]], sets[1][: sizes[1]]
        both = shingle_kernel.shared(x, y)
        either = len(x) + len(y) - both
        out[p] = both / either if either else 1.0
