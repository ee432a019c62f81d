"""The table `allowance` of the cap: what became of every row that reached it, and the words of its rejections."""

import numpy as np
import pyarrow as pa

from curation.dedup.key_order import key_array, key_bytes
from curation.document import KEY
from curation.mixture.verdict import NEAR_DUPLICATE, OVER_CAP, REASONS, SHOWN

SCHEMA = pa.schema(
    [
        pa.field("id", KEY),
        pa.field("repeat", pa.int32()),
        pa.field("reason", pa.string()),
        pa.field("value", pa.float64()),
        pa.field("threshold", pa.float64()),
        pa.field("detail", pa.string()),
    ]
)


def allowance_table(
    ids: np.ndarray,
    at: np.ndarray,
    decided: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray],
    k: int,
    threshold: float,
) -> pa.Table:
    """Rows `ids`, decided at their places `at` in the arrays of `Sharing.decided`; −1 for a row without a cluster, shown once.

    threshold: Jaccard from which two rows are near-duplicates, NaN where nobody said.
    """
    here = at >= 0
    verdict, repeat = np.zeros(len(ids), np.int8), np.ones(len(ids), np.int32)
    jaccard, before = np.zeros(len(ids)), np.zeros(len(ids), np.int64)
    claimed_by = np.zeros((len(ids), 2), np.uint64)
    for values, found in zip((verdict, repeat, jaccard, claimed_by, before), decided, strict=True):
        values[here] = found[at[here]]
    near, over = verdict == NEAR_DUPLICATE, verdict == OVER_CAP
    value = np.where(near, np.round(jaccard, 6), float(k))
    bound = np.where(near, threshold, float(k))
    late = over & (before > 0)
    detail = np.full(len(ids), None, object)
    detail[near] = [f"near-duplicate of {key_bytes(words[None]).tobytes().hex()}" for words in claimed_by[near]]
    detail[late] = [f"{n} showings in earlier training" for n in before[late]]
    columns = [
        key_array(ids),
        pa.array(repeat, mask=verdict != SHOWN),
        pa.array(REASONS, pa.string()).take(pa.array(verdict)),
        pa.array(value, mask=~(near | over)),
        pa.array(bound, mask=~(near | over) | np.isnan(bound)),
        pa.array(detail, pa.string()),
    ]
    return pa.table(columns, schema=SCHEMA)
