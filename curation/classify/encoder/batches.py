"""Windows of one unit sorted by length and cut into batches within a budget of tokens, so that padding is a few per cent.

A batch is as wide as its longest window; naive batches of crawled pages are half again as many tokens as the pages have. The plan is
a function of the lengths alone: the same unit is computed in the same batches, wherever and however often.
Idea: fairseq's `--max-tokens`.
"""

from collections.abc import Sequence

import numpy as np

_SPREAD = 0.94
"""A batch that is large already ends before a window shorter than this share of its width."""
_LARGE = 10
"""A batch is large from this part of the budget (a tenth): smaller ones cost more to start than padding does."""


def token_batches(lengths: Sequence[int] | np.ndarray, budget: int) -> list[np.ndarray]:
    """Places of the windows batch by batch, longest first; each batch's rows × width ≤ budget, or one window alone.

    >>> [batch.tolist() for batch in token_batches([3, 8, 2, 8], 16)]
    [[1, 3], [0], [2]]
    """
    sizes = np.asarray(lengths)
    order = np.argsort(-sizes, kind="stable")
    falling = -sizes[order]
    batches, begin = [], 0
    while begin < len(order):
        width = -int(falling[begin])
        full = begin + max(1, budget // width)
        large = begin - (-budget // (_LARGE * width))
        ragged = max(large, int(np.searchsorted(falling, -_SPREAD * width, side="right")), begin + 1)
        end = min(full, ragged, len(order))
        batches.append(order[begin:end])
        begin = end
    return batches


def padded_tokens(lengths: Sequence[int] | np.ndarray, batches: Sequence[np.ndarray]) -> int:
    """Tokens that are computed for these batches, padding included.

    >>> padded_tokens([3, 8, 2, 8], token_batches([3, 8, 2, 8], 16))
    21
    """
    sizes = np.asarray(lengths)
    return sum(len(batch) * int(sizes[batch].max()) for batch in batches)
