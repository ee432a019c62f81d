"""Shard sets: how rows rest between two stages, and what a manifest says of them.

    NAME-FINGERPRINT/
      data/00003/00012.parquet      partition 3 (high bits of the id), written by task 12, sorted by id
      rejected/00012.parquet        what task 12 rejected, with reason, value and threshold
      tasks/00012.json              what task 12 read, kept and rejected, and the files that hold it
      manifest.json                 written last: sums over the tasks, schema, fingerprint

A set is written as `NAME-FINGERPRINT.partial` and renamed when its manifest is there; on object storage nothing is
renamed and the manifest decides. What has no manifest is not data. Any reader of Parquet can open `data/`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from curation.document import COLUMNS, schema
from curation.manifest_tree import FILE, NODE, Tree, TreeError
from curation.merge_join import SortedTable
from curation.parquet_file import BATCH_ROWS, ParquetFile, read_parquet, write_parquet
from curation.place import Place
from curation.provenance import id_words, partition_of
from curation.shape import PATH, BadFile, shaped
from curation.step import Batch

MANIFEST = "manifest.json"
TABLE_ROWS = 1 << 16
"""Rows of a survey's table below which two of its partitions are one."""
OPEN_PARTS = 8
"""Partitions of a table that a reader has open: rows come in order, so it needs the one where it is, or two."""


_MORE: dict[Any, Any] = {
    "fingerprint?": str, "made?": dict, "versions?": dict, "seconds?": float, "cpu?": float, "tasks?": int, "rows_in?": int,
    "steps?": [{"step": str, str: float}], "rejected?": {str: int}, "bytes?": int, "licences?": {str: int}, "peak_rss_mb?": float,
    "fused?": [str], "unreadable?": list, "content?": str, "samples?": {"path": PATH}, "tables?": {str: int}, "schema?": str,
    "exposure?": dict, "forgotten?": {"blank?": [str]}, "tree?": NODE,
}  # fmt: skip
SET = {"partitions": int, "columns": [str], "rows_out": int} | _MORE
"""What every manifest of a set says; SURVEY, that of a survey; TABLE, that of a survey's table."""
SURVEY = {"partitions": int, "rows_out": int} | _MORE
TABLE = {"keyed_by_id": bool, "partitions": int, "files": [FILE], "schema": str}


class ShardError(Exception):
    """A shard set that cannot be read: no manifest, or a file that is missing or not the one its manifest names."""


@dataclass
class ShardSet:
    """A finished shard set: its manifest and its rows, partition by partition in order of id."""

    place: Place
    manifest: dict[str, Any]
    tree: Tree = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.tree = Tree(self.place, self.manifest)

    @classmethod
    def open(cls, url: str) -> "ShardSet":
        """Opens a set by its folder. Raises ShardError when it has no manifest, BadFile when that is damaged."""
        place = Place(url)
        if not place.exists(MANIFEST):
            raise ShardError(f"{url}: no {MANIFEST}, so this is no finished shard set")
        where = f"{url}/{MANIFEST}"
        manifest = shaped(place.read_json(MANIFEST), SET, where)
        pages = "kind" not in manifest  # rows of a release say what they are, and have columns of their own
        if pages and (unknown := [name for name in manifest["columns"] if name not in COLUMNS]):
            raise BadFile(f"{where}: there is no column {unknown[0][:60]!r}: it was changed, or a newer seimai made it")
        if "id" not in manifest["columns"]:
            raise BadFile(f"{where}: columns must hold id, found {', '.join(manifest['columns'])[:80]}; make it anew")
        if (parts := manifest["partitions"]) < 1 or parts & (parts - 1):
            raise BadFile(f"{where}: partitions must be a power of two, found {parts}; it was changed: make it anew")
        return cls(place, manifest)

    @property
    def partitions(self) -> int:
        """Number of partitions, a power of two."""
        return self.manifest["partitions"]

    @property
    def columns(self) -> list[str]:
        """Names of the columns that every row has."""
        return list(self.manifest["columns"])

    @property
    def rows(self) -> int:
        """Number of kept rows."""
        return self.manifest["rows_out"]

    def tasks(self, partition: int | None = None) -> list[dict[str, Any]]:
        """Manifests of the tasks, in order; of those alone that may have rows of a partition, where one is named."""
        try:
            return self.tree.tasks(partition)
        except TreeError as error:
            raise ShardError(str(error)) from error

    def files(self, partition: int | None = None) -> list[str]:
        """Data files of one partition, or of all, relative to the set."""
        found = [f for task in self.tasks(partition) for f in task["files"] if partition in (None, f["partition"])]
        return [f["path"] for f in sorted(found, key=lambda f: (f["partition"], f["path"]))]

    def read(self, columns: Sequence[str] | None = None, partition: int | None = None) -> Iterator[Batch]:
        """Batches of at most 1,024 rows in order of id, one partition after the other (or only one of them)."""
        yield from ShardUnion([self]).read(columns, partition)

    def open_file(self, name: str) -> ParquetFile:
        """One of the set's Parquet files."""
        try:
            return ParquetFile(self.place.fs.open(f"{self.place.path}/{name}", "rb"), memory_map=False)
        except FileNotFoundError:
            raise ShardError(
                f"{self.place.url}/{name} is not there, though the set's manifest names it; remove {self.place.url} "
                "and give the same command again: the set is made anew"
            ) from None
        except (OSError, BadFile) as error:
            raise ShardError(f"{self.place.url}/{name}: {error}") from error

    def rejected(self, columns: Sequence[str] | None = None) -> Iterator[Batch]:
        """Rejected rows in order of task; columns that a row's tier did not keep are null."""
        for task in self.tasks():
            for f in task["rejected_files"]:
                yield from self.open_file(f["path"]).iter_batches(
                    BATCH_ROWS, columns=list(columns) if columns else None
                )


@dataclass
class ShardUnion:
    """Several shard sets of equally many partitions, read as one; a column that one of them lacks is null in its rows."""

    sets: list[ShardSet]

    @classmethod
    def open(cls, urls: Sequence[str]) -> "ShardUnion":
        """Opens sets by their folders. Raises ShardError when one has no manifest, or they are partitioned differently."""
        sets = [ShardSet.open(url) for url in urls]
        if len({s.partitions for s in sets}) > 1:
            found = ", ".join(f"{s.place.url}: {s.partitions}" for s in sets)
            raise ShardError(f"sets that are read together must have equally many partitions ({found})")
        return cls(sets)

    @property
    def partitions(self) -> int:
        """Number of partitions, a power of two."""
        return self.sets[0].partitions

    @property
    def columns(self) -> list[str]:
        """Names of the columns that any of the sets has, in the order of the schema."""
        return set_schema({c for s in self.sets for c in s.columns}).names

    @property
    def blank(self) -> set[bytes]:
        """Ids of rows that were forgotten since the sets were made: they lie there blanked, and no stage takes them."""
        return {bytes.fromhex(one) for s in self.sets for one in s.manifest.get("forgotten", {}).get("blank", ())}

    @property
    def rows(self) -> int:
        """Number of kept rows of all sets."""
        return sum(s.rows for s in self.sets)

    def read(self, columns: Sequence[str] | None = None, partition: int | None = None) -> Iterator[Batch]:
        """Batches of at most 1,024 rows in order of id, one partition after the other (or only one of them)."""
        from curation.merge import merged

        for p in range(self.partitions) if partition is None else (partition,):
            yield from merged([s.open_file(n) for s in self.sets for n in s.files(p)], list(columns or self.columns))

    def read_ids(self, columns: Sequence[str], start: int, end: int) -> Iterator[Batch]:
        """Batches in order of id of the rows whose id begins with 32 bits in [start, end)."""
        from curation.merge import merged

        width = (1 << 32) // self.partitions
        for p in range(start // width, -(-end // width)):
            within = max(start, p * width), min(end, (p + 1) * width)
            opened = [s.open_file(n) for s in self.sets for n in s.files(p)]
            yield from merged(opened, list(columns), within=within if within[1] - within[0] < width else None)


class Table:
    """A survey's table: keyed by `id` and partitioned like the rows, or one file sorted by its first column."""

    def __init__(self, url: str):
        self.place = Place(url)
        self.manifest = shaped(self.place.read_json(MANIFEST), TABLE, f"{url}/{MANIFEST}")
        self._opened: dict[int, SortedTable] = {}

    @property
    def keyed_by_id(self) -> bool:
        """Whether the table has one row per page."""
        return self.manifest["keyed_by_id"]

    @property
    def schema(self) -> pa.Schema:
        """Columns, and as metadata what the table was made with."""
        try:
            return pa.ipc.read_schema(pa.BufferReader(bytes.fromhex(self.manifest["schema"])))
        except (ValueError, OSError, pa.ArrowException) as error:
            raise BadFile(
                f"{self.place.url}/{MANIFEST}: its schema is none ({str(error)[:80]}); make it anew"
            ) from None

    def read(self, partition: int | None = None, columns: Sequence[str] | None = None) -> pa.Table:
        """The table, or one partition of it, or some of its columns, sorted by its first column."""
        own = self.schema if columns is None else pa.schema([self.schema.field(c) for c in columns])
        names = [f["path"] for f in self.manifest["files"] if partition in (None, f["partition"])]
        parts = [read_parquet(self.place, n, own.names).cast(own) for n in names]
        return pa.concat_tables(parts) if parts else own.empty_table()

    def join(self, batch: Batch, on: str = "id") -> dict[str, pa.Array]:
        """The table's other columns aligned to the batch, null where a row has none.

        A merge where batches come in order of id: each row group of the table is read once, and one is held.
        """
        ids = batch.column(on)
        parts = partition_of(ids, self.manifest["partitions"])
        wanted = np.unique(parts)
        if len(wanted) == 1:
            return self._part(int(wanted[0])).rows_of(id_words(ids))
        pieces, order = [], []
        for p in wanted:
            at = np.flatnonzero(parts == p)
            order.append(at)
            pieces.append(self._part(int(p)).rows_of(id_words(ids.take(pa.array(at)))))
        back = pa.array(np.argsort(np.concatenate(order), kind="stable"))
        return {name: pa.concat_arrays([piece[name] for piece in pieces]).take(back) for name in pieces[0]}

    def _part(self, partition: int) -> SortedTable:
        if partition not in self._opened:
            if len(self._opened) >= OPEN_PARTS:
                self._opened.clear()
            names = [f["path"] for f in self.manifest["files"] if f["partition"] == partition]
            files = (ParquetFile(self.place.fs.open(f"{self.place.path}/{n}", "rb"), memory_map=False) for n in names)
            self._opened[partition] = SortedTable(list(files), self.schema)
        return self._opened[partition]


def write_survey_table(place: Place, name: str, table: pa.Table, partitions: int) -> None:
    """Writes one table of a survey, sorted by its first column, with its own manifest last.

    A table keyed by id has at most `partitions` partitions, fewer where it is small.
    """
    first = table.column_names[0]
    target = place / name
    keyed = first == "id" and table.schema.field(0).type == COLUMNS["id"].type
    table = table.combine_chunks()
    if keyed:
        while partitions > 1 and len(table) < partitions * TABLE_ROWS:
            partitions //= 2
        words = id_words(table.column(0).combine_chunks()) if len(table) else np.zeros((0, 2), np.uint64)
        order = np.lexsort((words[:, 1], words[:, 0]))
        table = table.take(pa.array(order))
        parts = partition_of(table.column(0).combine_chunks(), partitions) if len(table) else np.zeros(0, np.int64)
        bounds = np.searchsorted(parts, np.arange(partitions + 1))
    else:
        table, partitions, bounds = table.sort_by(first), 1, np.array([0, len(table)])
    files = []
    for p in range(partitions):
        piece = table.slice(bounds[p], bounds[p + 1] - bounds[p])
        files.append(write_parquet(target, f"{p:05d}.parquet", piece) | {"partition": p})
    manifest = {"keyed_by_id": keyed, "partitions": partitions, "rows": len(table), "files": files}
    target.write_json(MANIFEST, manifest | {"schema": table.schema.serialize().to_pybytes().hex()})


def write_table_part(target: Place, table: pa.Table, partition: int) -> dict[str, Any]:
    """Writes one partition of a survey's table, sorted already. Returns what the table's manifest says of the file."""
    return write_parquet(target, f"{partition:05d}.parquet", table.combine_chunks()) | {"partition": partition}


def join_table_parts(target: Place, schema: pa.Schema, files: Sequence[dict[str, Any]]) -> int:
    """Writes the manifest of a table whose partitions are there, which makes the table exist. Returns its rows.

    The partitions of a table keyed by id are those of the rows; any other's follow each other in the order of its first column.
    """
    keyed = schema.names[0] == "id" and schema.field(0).type == COLUMNS["id"].type
    files = sorted(files, key=lambda f: f["partition"])
    rows = sum(f["rows"] for f in files)
    manifest = {"keyed_by_id": keyed, "partitions": max(1, len(files)), "rows": rows, "files": files}
    target.write_json(MANIFEST, manifest | {"schema": schema.serialize().to_pybytes().hex()})
    return rows


def set_schema(columns: Iterable[str]) -> pa.Schema:
    """Schema of a shard set with these columns: registry order, transient columns left out."""
    return schema(c for c in columns if not COLUMNS[c].transient)
