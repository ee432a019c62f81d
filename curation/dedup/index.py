"""The index of earlier crawls: what a new crawl is held against, so that no old label ever changes.

    INDEX/00000/                   one generation: what one run admitted
      forms/00003.bin              form key, its label, id of its best row: every form that this generation brought
      clusters/00003.bin           label, rows that this generation added to the cluster
      examples/00003.bin           label, id: up to eight of those rows, best-ranked first
      bands/05/00003.bin           key of band 5, ordinal: every kept node
      held/kept/00002.bin          kept nodes of a range of ranks, in order: form key, id, file of its shingle set, first word, words
      held/signatures/00002.bin    their MinHash signatures
      held/sets/00007.bin          shingle sets, one after the other
      manifest.json                parameters, counts, the run; written last

All files are little-endian 64-bit words. What is looked for by key is sorted by it and cut by ranges of keys (`keyed_records.py`). A
kept node's ordinal is its place in (generation, rank) order and never changes, since later generations rank below; a range of
ordinals is a file. So a run reads of an index what its own forms, keys and pairs ask for, streaming, a part at a time.

A form that is in the index is a copy of an old one and gets its label. Any other may join an old kept node or one of its own
generation; old nodes rank first and do not move. Sizes are sums over generations. `index_generation.py` writes generations.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import orjson

from curation.dedup.exchange import read_part, read_rows
from curation.dedup.key_order import distinct_keys
from curation.dedup.keyed_records import read_keyed, wanted_records
from curation.dedup.minhash import PERMUTATIONS
from curation.place import Place
from curation.shards import MANIFEST

FORMAT = 2
EXAMPLES = 8
WIDTHS = {"forms": 6, "clusters": 3, "examples": 4, "bands": 2, "kept": 7, "signatures": PERMUTATIONS // 2}
"""Words of a record in each of the files; the key comes first."""


class IndexRefused(ValueError):
    """An index that this run must not use: made with other parameters, of another format, or not there."""


@dataclass(frozen=True)
class Known:
    """What an index says of forms: which are in it, and of these label and best row (uint64 [forms, 2], undefined elsewhere)."""

    here: np.ndarray
    label: np.ndarray
    id: np.ndarray


@dataclass(frozen=True)
class Earlier:
    """Rows that earlier generations have in clusters (0 in a new one), and ids of up to eight, best-ranked first, as lists.

    rows: int64 [clusters]; those of cluster i are ids[offsets[i]:offsets[i + 1]], uint64 [·, 2].
    """

    rows: np.ndarray
    offsets: np.ndarray
    ids: np.ndarray

    @classmethod
    def none(cls, clusters: int) -> "Earlier":
        """Of clusters that are all new."""
        return cls(np.zeros(clusters, np.int64), np.zeros(clusters + 1, np.int64), np.zeros((0, 2), np.uint64))


class Index:
    """An index folder with its finished generations. Raises IndexRefused for one of another format."""

    def __init__(self, url: str):
        self.place = Place(url)
        self.generations = [self.place / n for n in self.place.names() if (self.place / n).exists(MANIFEST)]
        self.manifests = [g.read_json(MANIFEST) for g in self.generations]
        for place, manifest in zip(self.generations, self.manifests, strict=True):
            if manifest.get("format") != FORMAT:
                raise IndexRefused(
                    f"{place.url}: index format {manifest.get('format')} there and {FORMAT} here; make a new index of the same "
                    "runs with `seimai index add`"
                )

    def first(self, generations: int) -> "Index":
        """The index as it was when it had so many generations."""
        index = object.__new__(type(self))
        index.place = self.place
        index.generations, index.manifests = self.generations[:generations], self.manifests[:generations]
        return index

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

    @property
    def forms(self) -> int:
        """Number of forms that the index knows."""
        return sum(m["forms"] for m in self.manifests)

    @cached_property
    def starts(self) -> np.ndarray:
        """First ordinal of every range of kept nodes and, last, their number, int64 [ranges + 1]."""
        return np.cumsum([0, *(n for m in self.manifests for n in m["ranges"])], dtype=np.int64)

    @cached_property
    def ranges(self) -> list[tuple[int, int]]:
        """Generation of every range of kept nodes, and its number there."""
        return [(g, r) for g, m in enumerate(self.manifests) for r in range(len(m["ranges"]))]

    @cached_property
    def _set_files(self) -> np.ndarray:
        """Number of each generation's first file of shingle sets among those of all."""
        return np.cumsum([0, *(m["set_files"] for m in self.manifests)])

    @property
    def kept(self) -> int:
        """Number of kept nodes."""
        return int(self.starts[-1])

    def _keyed(self, generation: int, name: str, part: int, parts: int) -> Iterator[np.ndarray]:
        width = WIDTHS[name.partition("/")[0]]
        partitions = self.manifests[generation]["partitions"]
        yield from read_keyed(self.generations[generation], name, width, partitions, part, parts)

    def known_forms(self, part: int = 0, parts: int = 1) -> Iterator[np.ndarray]:
        """Form key, label and best id of every form of a part of the keys, uint64 [·, 6], generation by generation."""
        for generation in range(len(self.generations)):
            yield from self._keyed(generation, "forms", part, parts)

    def known(self, forms: np.ndarray, part: int = 0, parts: int = 1) -> Known:
        """What the index says of each form; forms: uint64 [forms, 2], all of that part of the keys."""
        keys, place = distinct_keys(forms)
        here, found = np.zeros(len(keys), bool), np.zeros((len(keys), 4), np.uint64)
        for at, records in wanted_records(self.known_forms(part, parts), keys):
            here[at], found[at] = True, records[:, 2:]
        return Known(here[place], found[place, :2], found[place, 2:])

    def clusters(self, labels: np.ndarray, part: int = 0, parts: int = 1) -> Earlier:
        """What earlier generations have in each cluster; labels: uint64 [clusters, 2], sorted, distinct, of that part of the keys."""
        rows = np.zeros(len(labels), np.int64)
        pieces = [(np.zeros(0, np.int64), np.zeros((0, 2), np.uint64))]
        for generation in range(len(self.generations)):
            for at, records in wanted_records(self._keyed(generation, "clusters", part, parts), labels):
                rows[at] += records[:, 2].astype(np.int64)
            examples = self._keyed(generation, "examples", part, parts)
            pieces += [(at, records[:, 2:]) for at, records in wanted_records(examples, labels)]
        of, ids = (np.concatenate(column) for column in zip(*pieces, strict=True))
        order = np.argsort(of, kind="stable")
        of, ids = of[order], ids[order]
        few = np.arange(len(of)) - np.searchsorted(of, of) < EXAMPLES
        return Earlier(rows, np.searchsorted(of[few], np.arange(len(labels) + 1)), ids[few])

    def band_keys(
        self, band: int, part: int, parts: int, wanted: np.ndarray, best: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Keys of one band and ordinals of the kept nodes that have a wanted key, uint64.

        wanted: keys, sorted and distinct, all of that part. Of the nodes of a key at least the `best` best-ranked are there.
        """
        pieces = [np.zeros((0, 2), np.uint64)]
        for generation in range(len(self.generations)) if len(wanted) else ():
            for records in self._keyed(generation, f"bands/{band:02d}", part, parts):
                keys = records[:, 0]
                at = np.minimum(np.searchsorted(wanted, keys), len(wanted) - 1)
                # Sorted by key and ordinal: past the best of a piece no node is among the best of all.
                pieces.append(
                    records[(wanted[at] == keys) & (np.arange(len(keys)) - np.searchsorted(keys, keys) < best)]
                )
        found = np.concatenate(pieces)
        return np.ascontiguousarray(found[:, 0]), np.ascontiguousarray(found[:, 1])

    def _rows(self, number: int, name: str, ordinals: np.ndarray) -> np.ndarray:
        generation, part = self.ranges[number]
        rows = ordinals.astype(np.int64) - self.starts[number]
        return read_rows(self.generations[generation], name, part, rows, WIDTHS[name])

    def nodes(self, number: int, ordinals: np.ndarray) -> np.ndarray:
        """Form key, id, file of the shingle set, first word, words of kept nodes of range `number`, uint64 [nodes, 7]."""
        found = self._rows(number, "kept", ordinals)
        found[:, 4] += np.uint64(self._set_files[self.ranges[number][0]])
        return found

    def node_signatures(self, number: int, ordinals: np.ndarray) -> np.ndarray:
        """MinHash signatures of kept nodes of range `number`, two places a word: uint64 [nodes, 56]."""
        return self._rows(number, "signatures", ordinals)

    def set_file(self, number: int) -> tuple[Place, str]:
        """Place and name of a file of shingle sets."""
        generation = int(np.searchsorted(self._set_files, number, "right")) - 1
        return self.generations[generation], f"held/sets/{number - int(self._set_files[generation]):05d}.bin"

    def all_nodes(self) -> np.ndarray:
        """`nodes` of every range, one after the other: for a survey in memory."""
        found = [np.zeros((0, WIDTHS["kept"]), np.uint64)]
        return np.concatenate(
            found + [self.nodes(i, np.arange(*self.starts[i : i + 2])) for i in range(len(self.ranges))]
        )

    def all_signatures(self) -> np.ndarray:
        """Signatures of every kept node, uint32 [kept, 112]: for a survey in memory."""
        held = [read_part(self.generations[g], "signatures", r, np.uint32, PERMUTATIONS) for g, r in self.ranges]
        return np.concatenate([np.zeros((0, PERMUTATIONS), np.uint32), *held])
