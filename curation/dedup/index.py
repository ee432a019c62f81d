"""The index of earlier crawls: what a new crawl is held against, so that no old label ever changes.

    INDEX/00000/                one generation: what one run admitted
      forms.parquet             form_key → cluster (its label), id of its best row; every form that this generation brought
      kept/00003.parquet        the kept ones among them: rank, MinHash signature (band keys follow from it), shingle set
      clusters.parquet          rows that this generation added to each cluster, and up to eight of their ids, best-ranked first
      manifest.json             parameters, counts, the run; written last

A form that is in the index is a copy of an old one and gets its label. Any other may join an old kept node or one of its own
generation; old nodes rank first and do not move. Sizes are sums over generations. `index_generation.py` writes generations.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from curation.dedup.key_order import column_keys
from curation.dedup.minhash import PERMUTATIONS, signature_rows
from curation.document import KEY, MINHASH
from curation.place import Place
from curation.shards import MANIFEST, positions

EXAMPLES = 8

FORMS = pa.schema([pa.field("form_key", KEY), pa.field("cluster", KEY), pa.field("id", KEY)])
KEPT = pa.schema(
    [
        pa.field("form_key", KEY),
        pa.field("rank", pa.binary(40)),
        pa.field("minhash", MINHASH),
        pa.field("shingles", pa.list_(pa.uint64())),
    ]
)
CLUSTERS = pa.schema([pa.field("cluster", KEY), pa.field("rows", pa.int64()), pa.field("examples", pa.list_(KEY))])


class IndexRefused(ValueError):
    """An index that this run must not use: made with other parameters, or not there."""


@dataclass(frozen=True)
class Known:
    """What an index says of forms: which are in it, and of these label and best row (uint64 [forms, 2], undefined elsewhere)."""

    here: np.ndarray
    label: np.ndarray
    id: np.ndarray


class Index:
    """An index folder with its finished generations."""

    def __init__(self, url: str):
        self.place = Place(url)
        self.generations = [self.place / n for n in self.place.names() if (self.place / n).exists(MANIFEST)]
        self.manifests = [g.read_json(MANIFEST) for g in self.generations]

    @classmethod
    def open(cls, url: str, parameters: Mapping[str, str]) -> "Index":
        """Opens an index that was made with just these parameters. Raises IndexRefused, saying which differ."""
        index = cls(url)
        if not index.generations:
            raise IndexRefused(
                f"{url}: there is no index (no generation with a {MANIFEST}); `seimai index add` makes one"
            )
        index.check(parameters)
        return index

    def check(self, parameters: Mapping[str, str]) -> None:
        """Raises IndexRefused when a generation was made with other parameters, naming each with both values."""
        for place, manifest in zip(self.generations, self.manifests, strict=True):
            made = manifest["parameters"]
            differ = [
                f"{name} {made.get(name)} there and {value} here"
                for name, value in parameters.items()
                if made.get(name) != value
            ]
            if differ:
                raise IndexRefused(
                    f"{place.url}: an index of other parameters cannot be used: {'; '.join(differ)}. "
                    "Use the same, or make a new index with `seimai index rebase`."
                )

    @property
    def stamp(self) -> bytes:
        """Bytes that differ when anything in the index does: part of a run's fingerprint."""
        return orjson.dumps(self.manifests, option=orjson.OPT_SORT_KEYS)

    @property
    def seed(self) -> int:
        """Seed of the MinHash permutations."""
        return int(self.manifests[0]["parameters"]["seed"])

    @cached_property
    def forms(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Form key, label and id of the best row of every form, sorted by form, each uint64 [forms, 2]."""
        return tuple(self._sorted("forms.parquet", FORMS, ("form_key", "cluster", "id")))  # type: ignore[return-value]

    def _sorted(self, name: str, schema: pa.Schema, columns: tuple[str, ...]) -> list[np.ndarray]:
        """Key columns of a file of all generations, sorted by the first."""
        table = pa.concat_tables([schema.empty_table(), *(_read(g, name, schema) for g in self.generations)])
        keys = [column_keys(table.column(c)) for c in columns]
        order = np.lexsort((keys[0][:, 1], keys[0][:, 0]))
        return [k[order] for k in keys]

    def known(self, forms: np.ndarray) -> Known:
        """What the index says of each form; forms: uint64 [forms, 2]."""
        keys, label, ids = self.forms
        at = positions(keys, forms) if len(keys) else np.full(len(forms), -1, np.int64)
        return Known(at >= 0, label[at] if len(keys) else forms, ids[at] if len(keys) else forms)

    @cached_property
    def _kept(self) -> tuple[pa.Table, np.ndarray, list[tuple[Place, str]]]:
        """Kept nodes without their sets, with file and row; their rank order; the files."""
        files = [(place, f"kept/{name}") for place in self.generations for name in place.names("kept")]
        schema = pa.schema([KEPT.field(name) for name in ("form_key", "rank", "minhash")])
        parts = []
        for number, (place, name) in enumerate(files):
            part = _read(place, name, schema)
            where = np.arange(len(part)), np.full(len(part), number), np.full(len(part), self.generations.index(place))
            for column, values in zip(("row", "file", "generation"), where, strict=True):
                part = part.append_column(column, pa.array(values, pa.int64()))
            parts.append(part)
        if not parts:
            fields = [pa.field(name, pa.int64()) for name in ("row", "file", "generation")]
            return pa.schema([*schema, *fields]).empty_table(), np.zeros(0, np.int64), []
        table = pa.concat_tables(parts).combine_chunks()
        words = np.frombuffer(table.column("rank").combine_chunks().buffers()[1], ">u8").reshape(-1, 5)
        return table, np.lexsort((*words.T[::-1], table.column("generation").to_numpy())), files

    @property
    def kept_forms(self) -> np.ndarray:
        """Form keys of the kept nodes in rank order, older generations first, uint64 [kept, 2]."""
        table, order, _ = self._kept
        return column_keys(table.column("form_key"))[order]

    @property
    def signatures(self) -> np.ndarray:
        """Their MinHash signatures, uint32 [kept, 112]."""
        table, order, _ = self._kept
        column = table.column("minhash").combine_chunks()
        return signature_rows(column)[order] if len(table) else np.zeros((0, PERMUTATIONS), np.uint32)

    def shingles(self, kept: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        """(place in rank order, shingle set) of the wanted kept nodes, file by file; only row groups that hold one are read."""
        table, order, files = self._kept
        at = order[kept]
        source, row = (table.column(c).to_numpy()[at] for c in ("file", "row"))
        for number in np.unique(source).tolist():
            place, name = files[number]
            with place.fs.open(f"{place.path}/{name}", "rb") as opened:
                file, first = pq.ParquetFile(opened, memory_map=False), 0
                for group in range(file.num_row_groups):
                    last = first + file.metadata.row_group(group).num_rows
                    here = np.flatnonzero((source == number) & (row >= first) & (row < last))
                    column = file.read_row_group(group, columns=["shingles"]).column(0) if len(here) else None
                    for i in here.tolist():
                        assert column is not None
                        yield int(kept[i]), column[int(row[i]) - first].values.to_numpy()
                    first = last

    @cached_property
    def _clusters(self) -> tuple[np.ndarray, np.ndarray, list[list[bytes]]]:
        rows: dict[bytes, int] = {}
        examples: dict[bytes, list[bytes]] = {}
        for place in self.generations:
            for row in _read(place, "clusters.parquet", CLUSTERS).to_pylist():
                label = row["cluster"]
                rows[label] = rows.get(label, 0) + row["rows"]
                examples[label] = (examples.get(label, []) + row["examples"])[:EXAMPLES]
        labels = sorted(rows)
        keys = column_keys(pa.array(labels, KEY))
        return keys, np.array([rows[label] for label in labels], np.int64), [examples[label] for label in labels]

    def clusters(self, labels: np.ndarray) -> tuple[np.ndarray, list[list[bytes]]]:
        """Rows that earlier generations have in each cluster, 0 for a new one, and up to eight of their ids, best-ranked first."""
        keys, rows, examples = self._clusters
        at = positions(keys, labels) if len(keys) else np.full(len(labels), -1, np.int64)
        return np.where(at >= 0, rows[at], 0) if len(keys) else np.zeros(len(labels), np.int64), [
            examples[i] if i >= 0 else [] for i in at.tolist()
        ]


def _read(place: Place, name: str, schema: pa.Schema) -> pa.Table:
    with place.fs.open(f"{place.path}/{name}", "rb") as file:
        return pq.ParquetFile(file, memory_map=False).read(columns=schema.names).cast(schema)
