"""The deduplication's verified edges as `cap` walks them: the neighbours of each normal form."""

import numpy as np
import pyarrow as pa

from curation.dedup.key_order import column_keys, place_of


def neighbours(edges: pa.Table, form_keys: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Edges between forms that are here, as (start [forms + 1], neighbour, jaccard) by form, both ways."""
    a, b = (place_of(form_keys, column_keys(edges.column(name))) for name in ("form_a", "form_b"))
    jaccard = edges.column("jaccard").to_numpy()
    here = (a >= 0) & (b >= 0)
    source, target = np.concatenate([a[here], b[here]]), np.concatenate([b[here], a[here]])
    order = np.argsort(source, kind="stable")
    start = np.searchsorted(source[order], np.arange(len(form_keys) + 1))
    return start, target[order], np.concatenate([jaccard[here]] * 2).astype(np.float32)[order]


def threshold_of(schema: pa.Schema) -> float:
    """The threshold that the edges of a table were made with, NaN where its schema does not say."""
    return float((schema.metadata or {}).get(b"threshold", b"nan"))
