"""Writing an index: a run's clusters become its next generation, and a new index takes over from an old one."""

import hashlib
from collections.abc import Callable, Iterable, Mapping

import numpy as np
import pyarrow as pa

from curation.dedup.index import CLUSTERS, EXAMPLES, FORMS, KEPT, Index, IndexRefused
from curation.dedup.key_order import column_keys, distinct_keys, key_array
from curation.dedup.rank_words import rank_words
from curation.document import KEY
from curation.place import Place
from curation.provenance import id_words
from curation.shards import MANIFEST, Table, positions, write_parquet
from curation.step import Batch

LABELS = pa.schema([pa.field("old_label", KEY), pa.field("new_label", KEY), pa.field("forms", pa.int64())])


def stamp_hash(index: Index) -> str:
    """What a run's record says of the index that it used (`files` of its dedup step)."""
    return hashlib.sha256(index.stamp).hexdigest()[:16]


def add_generation(
    url: str,
    parameters: Mapping[str, str],
    run: str,
    members: Table,
    best_rows: Callable[[int], Iterable[tuple[Batch, dict[str, np.ndarray]]]],
    partitions: int,
) -> dict[str, int] | None:
    """Admits a run's clusters as the next generation of an index, which is made when it is not there.

    members: the run's table. best_rows(partition): batches of all rows that have a form key, with id, form_key, minhash and text, and
    what ranks them (as `rank_words` takes it). Returns the numbers of forms, kept nodes and rows; None when this run was admitted
    before. Raises IndexRefused for an index of other parameters.
    """
    index = Index(url)
    index.check(parameters)
    if run in [m["run"] for m in index.manifests]:
        return None
    place = Place(url) / f"{len(index.generations):05d}"
    place.remove()  # what an interrupted call left
    forms, clusters, kept = _from_members(index, members)
    write_parquet(place, "forms.parquet", forms)
    write_parquet(place, "clusters.parquet", clusters)
    order = np.lexsort((kept[:, 1], kept[:, 0]))
    nodes = sum(_write_kept(place, p, kept[order], best_rows(p)) for p in range(partitions))
    if nodes != len(kept):
        raise IndexRefused(f"{url}: {len(kept) - nodes} of {len(kept)} kept rows are not in the set that the run read")
    counts = {"forms": len(forms), "kept": nodes, "rows": int(members.manifest["rows"])}
    place.write_json(MANIFEST, {"format": 1, "run": run, "parameters": dict(parameters), **counts})
    return counts


def _from_members(index: Index, members: Table) -> tuple[pa.Table, pa.Table, np.ndarray]:
    """New forms with label and best id, rows of every cluster, and ids of the rows that stand for new kept nodes [kept, 2]."""
    forms, clusters, kept = [FORMS.empty_table()], [CLUSTERS.empty_table()], [np.zeros((0, 2), np.uint64)]
    for part in sorted({f["partition"] for f in members.manifest["files"]}):
        table = members.read(part)  # by cluster, then by rank
        label, ids, form = (column_keys(table.column(c)) for c in ("cluster", "id", "form_key"))
        keys, at = distinct_keys(form)
        first = np.full(len(keys), len(form), np.int64)
        np.minimum.at(first, at, np.arange(len(form)))
        new = first[~index.known(keys).here]
        forms.append(pa.table([key_array(form[new]), key_array(label[new]), key_array(ids[new])], schema=FORMS))
        kept.append(ids[new[(form[new] == label[new]).all(axis=1)]])
        starts = np.flatnonzero(np.r_[True, (label[1:] != label[:-1]).any(axis=1)]) if len(label) else np.zeros(0, int)
        rows = np.diff(np.r_[starts, len(label)])
        few = np.minimum(rows, EXAMPLES)
        offsets = np.concatenate([[0], np.cumsum(few)]).astype(np.int32)
        taken = np.repeat(starts - offsets[:-1], few) + np.arange(offsets[-1])
        examples = pa.ListArray.from_arrays(pa.array(offsets), key_array(ids[taken]))
        clusters.append(pa.table([key_array(label[starts]), pa.array(rows), examples], schema=CLUSTERS))
    return pa.concat_tables(forms).sort_by("form_key"), pa.concat_tables(clusters), np.concatenate(kept)


def _write_kept(
    place: Place, partition: int, kept: np.ndarray, batches: Iterable[tuple[Batch, dict[str, np.ndarray]]]
) -> int:
    """Writes rank, signature and shingle set of the kept rows of a partition; their number."""
    from curation.dedup.shingle_sets import ShingleWords

    maker, parts = ShingleWords(), [KEPT.empty_table()]
    for batch, fields in batches:
        at = positions(kept, id_words(batch.column("id"))) if len(kept) else np.full(batch.num_rows, -1)
        here = np.flatnonzero(at >= 0)
        if not len(here):
            continue
        words = rank_words(**{name: values[here] for name, values in fields.items()})
        rank = pa.FixedSizeBinaryArray.from_buffers(
            KEPT.field("rank").type, len(here), [None, pa.py_buffer(np.ascontiguousarray(words, ">u8"))]
        )
        rows = batch.take(pa.array(here))
        sets = pa.array(list(maker.of(rows.column("text"))), KEPT.field("shingles").type)
        parts.append(pa.table([rows.column("form_key"), rank, rows.column("minhash"), sets], schema=KEPT))
    table = pa.concat_tables(parts)
    if len(table):
        write_parquet(place, f"kept/{partition:05d}.parquet", table.combine_chunks())
    return len(table)


def write_labels(old: Index, new_url: str) -> pa.Table:
    """Writes NEW/labels.parquet: for each old label the new ones of its forms, and of how many; null for forms that are gone."""
    new = Index(new_url)
    forms, label, _ = old.forms
    known = new.known(forms)
    pairs = pa.table(
        {
            "old_label": key_array(label),
            "new_label": pa.array(key_array(known.label).to_pylist(), KEY, mask=~known.here),
        }
    )
    counted = pairs.group_by(["old_label", "new_label"]).aggregate([([], "count_all")])
    table = counted.rename_columns(["old_label", "new_label", "forms"]).cast(LABELS)
    table = table.sort_by([("old_label", "ascending"), ("forms", "descending"), ("new_label", "ascending")])
    write_parquet(Place(new_url), "labels.parquet", table.combine_chunks())
    return table
