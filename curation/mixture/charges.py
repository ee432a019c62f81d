"""What training on a released set enters into a ledger: each form's showings, by source."""

import pyarrow as pa
import pyarrow.compute as pc

from curation.mixture.ledger_files import ENTRY, MOST
from curation.shards import ShardError, ShardSet

_ROWS_AT_ONCE = 1 << 18


def charges_of(shards: ShardSet, epochs: int) -> pa.Table:
    """Showings of every form when a trainer makes `epochs` passes over a released set, columns `ENTRY`.

    A row without a form (no text) shows nothing. Raises ShardError for a set without clusters, for a `repeat` that is no number
    from 1, and for more passes than an entry can hold.
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
            _check(repeat, epochs, f"{shards.place.url}/{name}")
            shown = pc.multiply(repeat, pa.scalar(epochs, repeat.type)) if batch.num_rows else repeat
            keys = [batch.column(c) for c in ("form_key", "cluster", "source")]
            found.append(pa.table([*keys, shown, shown], schema=ENTRY))
    return pa.concat_tables(found) if found else ENTRY.empty_table()


def _check(repeat: pa.Array, epochs: int, where: str) -> None:
    if repeat.null_count or (len(repeat) and pc.min(repeat).as_py() < 1):
        raise ShardError(f"{where}: a released row says how often it is shown, from 1; its 'repeat' has nulls or less")
    if len(repeat) and (most := pc.max(repeat).as_py()) * epochs > MOST:
        raise ShardError(f"{where}: {epochs:,} passes over rows shown {most} times are more than {MOST:,} showings")
