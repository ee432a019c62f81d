"""What ranks a row as five 64-bit words whose order is the rank: −quality, −length, −date and the id.

Words can be sorted, sampled and sent without knowing what they mean, and beyond one machine's memory two rows must compare the
same way everywhere. `clusters.rank_nodes` ranks the same fields as numbers; a test holds the two equal.
"""

import numpy as np

WIDTH = 5
_HALF = 1 << 63


def rank_words(ids: np.ndarray, length: np.ndarray, date: np.ndarray, quality: np.ndarray | None = None) -> np.ndarray:
    """Rank of each row as words, uint64 [rows, 5]: smaller is better. The last two are the id.

    ids: uint64 [rows, 2]; length in characters; date in seconds; quality NaN counts as the worst.

    >>> ids = np.array([[0, 7], [0, 7], [0, 8]], np.uint64)
    >>> words = rank_words(ids, np.array([5, 9, 9]), np.array([0, 0, 1]), np.array([0.5, -0.5, np.nan]))
    >>> (words[0] < words[1]).tolist(), int(np.lexsort(words.T[::-1])[0])
    ([True, False, False, False, False], 0)
    """
    words = np.empty((len(ids), WIDTH), np.uint64)
    words[:, 0] = _descending(np.zeros(len(ids)) if quality is None else quality)
    for place, numbers in ((1, length), (2, date)):
        words[:, place] = (-numbers.astype(np.int64)).view(np.uint64) ^ np.uint64(_HALF)
    words[:, 3:] = ids
    return words


def _descending(quality: np.ndarray) -> np.ndarray:
    """Floats as words in falling order, NaN last."""
    bits = (-np.where(np.isnan(quality), -np.inf, quality) + 0.0).view(np.uint64)  # + 0.0: one zero
    negative = bits >> np.uint64(63) == 1
    return np.where(negative, ~bits, bits | np.uint64(_HALF))


def rank_order(words: np.ndarray) -> np.ndarray:
    """Places of rows in rank order, int64 [rows]."""
    return np.lexsort(words.T[::-1])


def splitters(sample: np.ndarray, ranges: int) -> np.ndarray:
    """Words [ranges − 1, 5] that cut the sample into ranges of about equal size; fewer where the sample is smaller."""
    ordered = sample[rank_order(sample)]
    at = np.unique(np.arange(1, ranges) * len(ordered) // ranges)
    return ordered[at] if len(ordered) else ordered


def ranges_of(words: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    """Range of each row: how many cuts are at or below it, int64 [rows]."""
    both = np.concatenate([cuts, words])
    order = rank_order(both)  # stable: a cut comes before the row that it was taken from
    below = np.empty(len(both), np.int64)
    below[order] = np.cumsum(order < len(cuts))
    return below[len(cuts) :]
