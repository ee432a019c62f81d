"""An epoch schedule: how often each row comes in each stage, and in which order, so that copies of a cluster are far apart.

A row whose cell is planned for p passes in a stage gets whole showings by one draw per cluster: with u uniform in [0, 1) from the
label and the seed, ⌊P + u⌋ − ⌊P₋ + u⌋ passes, P and P₋ the passes up to and before the stage. Over all stages that is ⌊p⌋ or ⌈p⌉, in
the mean just p, and it is charged as ⌈P⌉ − ⌈P₋⌉ whatever the draw was.

In a stage of T showings a cluster's m showings stand at (i + v)/m of the way, i = 0 … m − 1, v uniform from the label and the
seed: any two are about T/m apart, and no order of files, rows or tasks enters.
"""

import numpy as np

_MIX = np.array([0xBF58476D1CE4E5B9, 0x94D049BB133111EB], np.uint64)


def draws(labels: np.ndarray, seed: int, salt: int) -> np.ndarray:
    """A number in [0, 1) for each label (uint64 [n, 2]), the same for the same seed and salt; float64 with 53 random bits."""
    start = np.uint64((seed * 0x9E3779B97F4A7C15 + salt * 0xD6E8FEB86659FD93) % (1 << 64))
    mixed = labels[:, 0] ^ (labels[:, 1] * np.uint64(0x9E3779B97F4A7C15)) ^ start
    for factor in _MIX:
        mixed = (mixed ^ (mixed >> np.uint64(29))) * factor
    mixed ^= mixed >> np.uint64(32)
    return (mixed >> np.uint64(11)).astype(np.float64) / float(1 << 53)


def passes(planned: np.ndarray, draw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whole passes of each row in each stage, and what each is charged as: int64 [stages, rows].

    planned: passes as planned, [stages, rows]. draw: of each row's cluster, [rows].

    >>> shown, charged = passes(np.array([[1.5, 0.5], [1.0, 0.25]]), np.array([0.6, 0.3]))
    >>> shown.tolist(), charged.tolist()
    ([[2, 0], [1, 1]], [[2, 1], [1, 0]])
    """
    upto = np.round(np.cumsum(planned, axis=0), 9)  # what float sums leave above a whole number is no further pass
    shown = np.floor(upto + draw).astype(np.int64)
    charged = np.ceil(upto).astype(np.int64)
    shown = np.minimum(shown, charged)
    before = np.zeros((1, planned.shape[1]), np.int64)
    return np.diff(shown, axis=0, prepend=before), np.diff(charged, axis=0, prepend=before)


def order(showings: np.ndarray, cluster: np.ndarray, draw: np.ndarray, row_key: np.ndarray) -> np.ndarray:
    """The stage's sequence: the row of each showing, int64 [Σ showings].

    showings, cluster, row_key [rows]: how often each row comes, the place of its cluster's label, and a key by which rows of one
    cluster take turns (uint64 [rows, 2], the ids). draw [clusters]: v above.
    """
    rows = np.flatnonzero(showings)
    row = np.repeat(rows, showings[rows])
    nth = np.arange(len(row)) - np.repeat(np.cumsum(showings[rows]) - showings[rows], showings[rows])
    turns = np.lexsort((row_key[row, 1], row_key[row, 0], nth, cluster[row]))
    ordered = cluster[row[turns]]
    first = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(ordered) else np.zeros(0, np.int64)
    sizes = np.diff(np.r_[first, len(ordered)])
    place = np.arange(len(ordered)) - np.repeat(first, sizes)
    at = (place + draw[ordered]) / np.repeat(sizes, sizes)
    return row[turns[np.lexsort((ordered, at))]]
