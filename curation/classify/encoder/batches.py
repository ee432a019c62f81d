"""Windows of one unit sorted by length and cut into batches within a budget of tokens, so that padding is a few per cent.

A batch is as wide as its longest window; naive batches of crawled pages are half again as many tokens as the pages have. The plan is
a function of the lengths alone: the same unit is computed in the same batches, wherever and however often.
Idea: fairseq's `--max-tokens`.
"""

from collections.abc import Sequence

import numpy as np

_SPREAD = 0.94
"""A batch that is large already ends before a window shorter than this share of its width."""
_LARGE = 0.1
"""Share of the budget from which a batch is large: smaller ones cost more to start than padding does."""


def token_batches(lengths: Sequence[int] | np.ndarray, budget: int) -> list[np.ndarray]:
    """Places of the windows batch by batch, longest first; each batch's rows × width ≤ budget, or one window alone.

    >>> [batch.tolist() for batch in token_batches([3, 8, 2, 8], 16)]
    [[1, 3], [0], [2]]
    """
    sizes = np.asarray(lengths)
    order = np.argsort(-sizes, kind="stable")
    batches, begin = [], 0
    for at in range(1, len(order) + 1):
        width = sizes[order[begin]]
        if at < len(order):
            full = (at + 1 - begin) * width > budget
            ragged = sizes[order[at]] < _SPREAD * width and (at - begin) * width >= _LARGE * budget
            if not (full or ragged):
                continue
        batches.append(order[begin:at])
        begin = at
    return batches


def padded_tokens(lengths: Sequence[int] | np.ndarray, batches: Sequence[np.ndarray]) -> int:
    """Tokens that are computed for these batches, padding included.

    >>> padded_tokens([3, 8, 2, 8], token_batches([3, 8, 2, 8], 16))
    21
    """
    sizes = np.asarray(lengths)
    return sum(len(batch) * int(sizes[batch].max()) for batch in batches)


def padded(windows: Sequence[np.ndarray], pad: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Windows side by side as int64 [rows, width], and the mask that is 1 where a token is and 0 on padding behind it."""
    ids = np.full((len(windows), width), pad, np.int64)
    mask = np.zeros((len(windows), width), np.int64)
    for row, window in enumerate(windows):
        ids[row, : len(window)] = window
        mask[row, : len(window)] = 1
    return ids, mask
