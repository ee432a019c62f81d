"""Writing an index: a run's clusters become its next generation, part by part.

    members  by label  → forms, examples   the best row of every form; sizes and examples of every cluster
    forms    by form   → ids               forms that the index does not know; ids of rows that stand for new kept nodes
    nodes    by row    → ranks             rank words and signatures of these rows, a sample of the ranks; their shingle sets stay
    kept     by rank   → bands             kept nodes in rank order, which gives them their ordinals
    bands    by key                        band keys of the kept nodes, sorted

One part is in memory at a time: about 262,144 rows, more where there would be over 1,024 parts. What lies between the steps is in
`work`, and gone when the manifest is written; an interrupted call begins again.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from curation.dedup.cluster_tables import runs
from curation.dedup.exchange import Exchange, read_chunks, read_part, write_part
from curation.dedup.index import EXAMPLES, FORMAT, WIDTHS, Index, IndexRefused
from curation.dedup.key_order import column_keys, distinct_keys
from curation.dedup.keyed_records import parts_for, write_keyed
from curation.dedup.minhash import PERMUTATIONS, signature_rows
from curation.dedup.partitioned.cut import part_of, starts
from curation.dedup.rank_words import WIDTH, ranges_of, rank_order, rank_words, splitters
from curation.merge_join import positions
from curation.place import Place
from curation.provenance import id_words
from curation.shards import MANIFEST, Table
from curation.step import Batch

ROWS_A_PART = 1 << 18
_SAMPLE = 1 << 17
_NODE = WIDTH + 2 + 3 + WIDTHS["signatures"]
"""Words of a node on its way: rank words (the last two its id), form, where its set lies, signature."""
_WORDS = {"forms": 6, "clusters": 3, "examples": 4, "ids": 2, "ranks": _NODE, "bands": 2}

BestRows = Callable[[int], Iterable[tuple[Batch, dict[str, np.ndarray]]]]


def stamp_hash(index: Index) -> str:
    """What a run's record says of the index that it used (`files` of its dedup step)."""
    return hashlib.sha256(index.stamp).hexdigest()[:16]


def add_generation(
    url: str,
    parameters: Mapping[str, str],
    run: str,
    members: Table,
    best_rows: BestRows,
    partitions: int,
    rows_a_part: int = ROWS_A_PART,
    survey: str | None = None,
) -> dict[str, int] | None:
    """Admits a run's clusters as the next generation of an index, which is made when it is not there.

    members: the run's table. best_rows(partition): batches of all rows that have a form key, with id, form_key, minhash and text, and
    what ranks them (as `rank_words` takes it). Returns the numbers of forms, kept nodes and rows; None when this run was admitted
    before. survey: fingerprint of the run's deduplication, by which the same crawl is known when it is run again. Raises IndexRefused
    for an index of other parameters.
    """
    index = Index(url)
    index.check(parameters)
    if run in [m["run"] for m in index.manifests]:
        return None
    place = Place(url) / f"{len(index.generations):05d}"
    place.remove()  # what an interrupted call left
    rows = int(members.manifest["rows"])
    bands, band_rows = map(int, parameters["bands"].split("x"))
    making = _Generation(index, place, parts_for(rows, rows_a_part), partitions, bands, band_rows)
    making.members(members)
    forms, wanted = making.forms()
    found = sum(making.nodes(p, best_rows(p), rows) for p in range(partitions))
    if found != wanted:
        raise IndexRefused(f"{url}: {wanted - found} of {wanted} kept rows are not in the set that the run read")
    ranges = making.kept()
    making.band_keys()
    making.work.remove()
    counts = {"forms": forms, "kept": found, "rows": rows}
    cut = {"partitions": making.parts, "ranges": ranges, "set_files": partitions}
    place.write_json(
        MANIFEST, {"format": FORMAT, "run": run, "survey": survey, "parameters": dict(parameters), **counts, **cut}
    )
    return counts


@dataclass(frozen=True)
class _Generation:
    """A generation that is being made: `parts` of keys and ranks, `partitions` of the rows."""

    index: Index
    place: Place
    parts: int
    partitions: int
    bands: int
    band_rows: int

    @property
    def work(self) -> Place:
        return self.place / "work"

    def _sent(self, name: str) -> Exchange:
        targets = {"ids": self.partitions, "bands": self.parts * self.bands}.get(name, self.parts)
        return Exchange(self.work, name, _WORDS[name], targets)

    def members(self, members: Table) -> None:
        """Sends forms with label and best id, writes rows and examples of every cluster."""
        tables = sorted({f["partition"] for f in members.manifest["files"]})
        for task, table in enumerate(tables):
            part = members.read(table)  # by cluster, then by rank
            label, ids, form = (column_keys(part.column(c)) for c in ("cluster", "id", "form_key"))
            keys, at = distinct_keys(form)
            best = np.full(len(keys), len(form), np.int64)
            np.minimum.at(best, at, np.arange(len(form)))
            record = np.concatenate([keys, label[best], ids[best]], axis=1)
            self._sent("forms").send(task, [(part_of(keys[:, 0], self.parts), record)])
            first = np.flatnonzero(starts(label))
            rows = np.diff(np.r_[first, len(label)])
            taken = runs(first, np.minimum(rows, EXAMPLES))
            sizes = np.column_stack([label[first], rows.astype(np.uint64)])
            for name, records in (
                ("clusters", sizes),
                ("examples", np.concatenate([label[taken], ids[taken]], axis=1)),
            ):
                self._sent(name).send(task, [(part_of(records[:, 0], self.parts), records)])
        for name in ("clusters", "examples"):
            for part in range(self.parts):
                write_keyed(self.place, name, part, self.parts, _by_key(self._sent(name).receive(part)))

    def forms(self) -> tuple[int, int]:
        """Writes the forms that the index does not know, sends the ids of kept ones; the number of both."""
        forms = wanted = 0
        for part in range(self.parts):
            found = _by_key(self._sent("forms").receive(part))
            found = found[~self.index.known(found[:, :2], part, self.parts).here]
            write_keyed(self.place, "forms", part, self.parts, found)
            ids = found[(found[:, :2] == found[:, 2:4]).all(axis=1), 4:]
            self._sent("ids").send(part, [(part_of(ids[:, 0], self.partitions), ids)])
            forms, wanted = forms + len(found), wanted + len(ids)
        return forms, wanted

    def nodes(self, partition: int, batches: Iterable[tuple[Batch, dict[str, np.ndarray]]], rows: int) -> int:
        """Writes shingle sets of the kept rows of a partition and, in `work`, what ranks them; their number."""
        from curation.dedup.shingle_sets import ShingleWords

        kept, maker, end = _by_key(self._sent("ids").receive(partition)), ShingleWords(), 0
        every = np.uint64((1 << max(0, rows // _SAMPLE).bit_length()) - 1)
        sample, count = [np.zeros((0, WIDTH), np.uint64)], 0
        work = self.work.create(f"held/nodes/{partition:05d}.bin")
        with self.place.create(f"held/sets/{partition:05d}.bin") as sets, work as nodes:
            for batch, fields in batches:
                here = np.flatnonzero(positions(kept, id_words(batch.column("id"))) >= 0)
                if not len(here):
                    continue
                some = batch.take(pa.array(here))
                words = rank_words(**{name: values[here] for name, values in fields.items()})
                sample.append(words[words[:, 4] & every == 0])
                sizes = np.empty(len(here), np.int64)
                for row, shingles in enumerate(maker.of(some.column("text"))):
                    sets.write(shingles.data)
                    sizes[row] = len(shingles)
                where = np.column_stack([np.full(len(here), partition), end + np.cumsum(sizes) - sizes, sizes])
                signatures = np.ascontiguousarray(signature_rows(some.column("minhash"))).view("<u8")
                node = [words, column_keys(some.column("form_key")), where.astype(np.uint64), signatures]
                nodes.write(np.concatenate(node, axis=1).data)
                end, count = end + int(sizes.sum()), count + len(here)
        write_part(self.work, "samples", partition, np.concatenate(sample))
        return count

    def kept(self) -> list[int]:
        """Writes kept nodes and signatures in rank order, sends their band keys; nodes of every range."""
        from curation.dedup import cluster_kernel as kernel

        sample = [read_part(self.work, "samples", p, width=WIDTH) for p in range(self.partitions)]
        cuts = splitters(np.concatenate(sample), self.parts)
        for p in range(self.partitions):
            nodes = read_chunks(self.work, "nodes", p, width=_NODE, rows=1 << 14)
            self._sent("ranks").send(p, ((ranges_of(some[:, :WIDTH], cuts), some) for some in nodes))
        ordinal, ranges = self.index.kept, []
        for part in range(self.parts):
            nodes = self._sent("ranks").receive(part)
            nodes = nodes[rank_order(nodes[:, :WIDTH])]
            form, where, signatures = np.split(nodes[:, WIDTH:], [2, 5], axis=1)
            write_part(self.place, "kept", part, np.concatenate([form, nodes[:, WIDTH - 2 : WIDTH], where], axis=1))
            write_part(self.place, "signatures", part, signatures)
            keys = np.empty((self.bands, len(nodes)), np.uint64)
            places = np.ascontiguousarray(signatures).view(np.uint32).reshape(-1, PERMUTATIONS)
            kernel.band_keys(places, self.band_rows, keys)
            number = np.arange(ordinal, ordinal + len(nodes), dtype=np.uint64)
            self._sent("bands").send(part, self._to_bands(keys, number))
            ordinal += len(nodes)
            ranges.append(len(nodes))
        return ranges

    def _to_bands(self, keys: np.ndarray, ordinals: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for band, of_band in enumerate(keys):
            yield band * self.parts + part_of(of_band, self.parts), np.column_stack([of_band, ordinals])

    def band_keys(self) -> None:
        """Writes the band keys, sorted by key and ordinal."""
        for band in range(self.bands):
            for part in range(self.parts):
                found = _by_key(self._sent("bands").receive(band * self.parts + part))
                write_keyed(self.place, f"bands/{band:02d}", part, self.parts, found)


def _by_key(records: np.ndarray) -> np.ndarray:
    """Records sorted by their first two words; those of one key keep their order."""
    return records[np.lexsort((records[:, 1], records[:, 0]))]
