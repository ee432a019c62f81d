"""Canonical rows on their way to disk: a shard set for each kind, in the layout of docs/shards.md.

Rows are kept until 128 MiB have come together, sorted by id and written one file a partition, as the sink of every stage does
(curation/write_shards.py). The manifest comes last. Rows in are rows out plus rows rejected, or nothing is published.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson
import pyarrow as pa

from annotation.release.row import COLUMNS, Row, rejected, schema
from curation.parquet_file import write_parquet
from curation.place import Place
from curation.provenance import partition_of
from curation.shards import MANIFEST, ShardSet
from curation.write_shards import RUN_BYTES, RowsLost

FORMAT = 1


class KindShards:
    """The shard set of one kind. partitions: a power of two."""

    def __init__(self, place: Place, kind: str, partitions: int):
        self.place, self.kind, self.partitions = place, kind, partitions
        self.rows_in = self.rows_out = self.added = 0
        self.rejected: Counter[str] = Counter()
        self._kept: list[Row] = []
        self._left: list[Row] = []
        self._bytes = self._runs = self._content = 0
        self._files: list[dict[str, Any]] = []
        self._rejected_files: list[dict[str, Any]] = []

    def keep(self, row: Mapping[str, Any]) -> None:
        """Takes a row that is released."""
        made = {name: row[name] for name in COLUMNS[self.kind]}
        self.rows_out += 1
        content = orjson.dumps(made, option=orjson.OPT_SORT_KEYS, default=lambda value: value.hex())
        self._content += int.from_bytes(hashlib.sha256(content).digest(), "little")
        self._kept.append(made)
        self._room(len(content))

    def reject(self, row: Mapping[str, Any], reason: str, detail: str) -> None:
        """Takes a row that is left out, as much of it as its reason's tier says."""
        kept = rejected(row, reason, detail)
        self.rejected[reason] += 1
        self._left.append({name: kept.get(name) for name in schema(self.kind, verdict=True).names})
        self._room(sum(len(v) for v in kept.values() if isinstance(v, str)))

    def _room(self, size: int) -> None:
        self._bytes += size
        if self._bytes >= RUN_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self._kept:
            table = pa.Table.from_pylist(sorted(self._kept, key=lambda row: row["id"]), schema=schema(self.kind))
            parts = partition_of(table.column("id").combine_chunks(), self.partitions)
            for part in sorted(set(parts.tolist())):
                name = f"data/{part:05d}/00000.{self._runs:03d}.parquet"
                piece = table.filter(pa.array(parts == part)).combine_chunks()
                self._files.append(write_parquet(self.place, name, piece, level=3) | {"partition": part})
            self._runs += 1
        if self._left:
            table = pa.Table.from_pylist(self._left, schema=schema(self.kind, verdict=True))
            name = f"rejected/00000.{len(self._rejected_files):03d}.parquet"
            self._rejected_files.append(write_parquet(self.place, name, table, level=3))
        self._kept, self._left, self._bytes = [], [], 0

    def finish(self, about: Mapping[str, Any]) -> dict[str, Any]:
        """Writes what is left and the manifest, and gives it. about: what else it says. Raises RowsLost where rows do not add
        up."""
        self._flush()
        if self.rows_in + self.added != self.rows_out + self.rejected.total():
            raise RowsLost(
                f"{self.kind}: {self.rows_in} rows in and {self.added} made by people, "
                f"{self.rows_out} out and {self.rejected.total()} rejected"
            )
        counts = {
            "rows_in": self.rows_in + self.added, "rows_out": self.rows_out, "rejected": dict(sorted(self.rejected.items())),
        }  # fmt: skip
        content = f"{self._content % (1 << 256):064x}"
        task = {"task": 0, **counts, "files": self._files, "rejected_files": self._rejected_files, "sample_files": []}
        self.place.write_json("tasks/00000.json", task | {"content": content})
        manifest = {
            "format": FORMAT, "kind": self.kind, "partitions": self.partitions, "columns": list(COLUMNS[self.kind]),
            "schema": schema(self.kind).serialize().to_pybytes().hex(), **counts, "made_by_people": self.added, "tasks": 1,
            "content": content, **about,
        }  # fmt: skip
        self.place.write_json(MANIFEST, manifest)
        return manifest


def released_rows(url: str, columns: Sequence[str] | None = None) -> Iterator[Row]:
    """Rows of a finished set of one kind in order of id."""
    shards = ShardSet.open(url)
    for batch in shards.read(list(columns or shards.columns)):
        yield from batch.to_pylist()
