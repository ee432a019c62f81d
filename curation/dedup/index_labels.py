"""What became of an index's labels in another one that takes over from it: a table, made part by part."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from curation.dedup.exchange import Exchange
from curation.dedup.index import WIDTHS, Index
from curation.dedup.index_generation import ROWS_A_PART
from curation.dedup.key_order import key_array
from curation.dedup.keyed_records import parts_for
from curation.dedup.partitioned.cut import part_of, starts
from curation.document import KEY
from curation.place import Place

LABELS = pa.schema([pa.field("old_label", KEY), pa.field("new_label", KEY), pa.field("forms", pa.int64())])


def write_labels(old: Index, new_url: str, rows_a_part: int = ROWS_A_PART) -> tuple[int, int]:
    """Writes NEW/labels.parquet: for each old label the new ones of its forms, and of how many; null for forms that are gone.

    Sorted by old label, then by falling number of forms. Returns its rows, and the number of old forms that are gone.
    """
    new, parts = Index(new_url), parts_for(old.forms, rows_a_part)
    place = Place(new_url)
    work = place / "work"
    work.remove()  # what an interrupted call left
    pairs = Exchange(work, "labels", 5, parts)
    for part in range(parts):
        record = _label_pairs(old, new, part, parts)
        pairs.send(part, [(part_of(record[:, 0], parts), record)])
    rows = gone = 0
    with place.create("labels.parquet") as file, pq.ParquetWriter(file, LABELS, compression="zstd") as out:
        for part in range(parts):
            counted = _counted(pairs.receive(part))
            here = counted[:, 2] == 1
            new_label = key_array(counted[here, 3:5]).take(pa.array(np.cumsum(here) - 1, mask=~here))
            forms = counted[:, 5].astype(np.int64)
            out.write_table(pa.table([key_array(counted[:, :2]), new_label, pa.array(forms)], schema=LABELS))
            rows, gone = rows + len(counted), gone + int(forms[~here].sum())
    work.remove()
    return rows, gone


def _label_pairs(old: Index, new: Index, part: int, parts: int) -> np.ndarray:
    """Old label, 1 and new label (0 and nothing where the form is gone) of every old form of a part of the forms."""
    forms = np.concatenate([np.zeros((0, WIDTHS["forms"]), np.uint64), *old.known_forms(part, parts)])
    known = new.known(forms[:, :2], part, parts)
    label = np.where(known.here[:, None], known.label, np.uint64(0))
    return np.concatenate([forms[:, 2:4], known.here[:, None].astype(np.uint64), label], axis=1)


def _counted(pairs: np.ndarray) -> np.ndarray:
    """Distinct rows and how often each is there; by old label, falling number, then new label with nothing last."""
    ordered = pairs[np.lexsort(pairs.T[::-1])]
    first = np.flatnonzero(starts(ordered))
    counted = np.column_stack([ordered[first], np.diff(np.r_[first, len(ordered)]).astype(np.uint64)])
    old, gone, new = counted[:, :2], 1 - counted[:, 2].astype(np.int64), counted[:, 3:5]
    falling = -counted[:, 5].astype(np.int64)
    return counted[np.lexsort((new[:, 1], new[:, 0], gone, falling, old[:, 1], old[:, 0]))]
