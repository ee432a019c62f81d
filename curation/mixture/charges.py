"""What training on a released set enters into a ledger: each form's showings, by source."""

import pyarrow as pa
import pyarrow.compute as pc

from curation.mixture.ledger import ENTRY
from curation.shards import ShardError, ShardSet

_ROWS_AT_ONCE = 1 << 18


def charges_of(shards: ShardSet, epochs: int) -> pa.Table:
    """Showings of every form when a trainer makes `epochs` passes over a released set, columns `ENTRY`.

    A row without a form (no text) shows nothing. Raises ShardError for a set without clusters.
    """
    if missing := [c for c in ("form_key", "cluster") if c not in shards.columns]:
        raise ShardError(
            f"{shards.place.url}: has no column '{missing[0]}', so its showings cannot be entered; run dedup and cap"
        )
    names = ["form_key", "cluster", "source", *[c for c in ("repeat",) if c in shards.columns]]
    found = []
    for name in shards.files():
        for batch in shards.open_file(name).iter_batches(_ROWS_AT_ONCE, columns=names):
            batch = batch.filter(batch.column("form_key").is_valid())
            repeat = batch.column("repeat") if "repeat" in names else pa.array([1] * batch.num_rows, pa.int32())
            shown = pc.multiply(repeat, pa.scalar(epochs, pa.int32()))
            keys = [batch.column(c) for c in ("form_key", "cluster", "source")]
            found.append(pa.table([*keys, shown, shown], schema=ENTRY))
    return pa.concat_tables(found) if found else ENTRY.empty_table()
