"""A ledger's files: entries and tombstones, written whole, and never believed unread: damage is an error that names the file.

entries/NAME.parquet     the showings of one run and stage: form_key, cluster (the label then), source, showings, charged
entries/NAME.json        run, stage, rows, sums, hashes, and the names of the entries that were there before: written last,
                         and what makes the entry exist; NAME is the first 24 digits of SHA-256 of "RUN\nSTAGE"
forgotten/NAME.parquet   tombstones: form_key, cluster, whole_cluster; NAME is a hash of the rows
"""

import hashlib
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.dedup.key_order import column_keys, key_bytes
from curation.document import KEY
from curation.parquet_file import ParquetFile, write_parquet
from curation.place import Place
from curation.shape import BadFile

ENTRY = pa.schema(
    [
        pa.field("form_key", KEY),
        pa.field("cluster", KEY),
        pa.field("source", pa.string()),
        pa.field("showings", pa.int32()),
        pa.field("charged", pa.int32()),
    ]
)
"""Columns of an entry's rows: one row a form and source."""
MOST = (1 << 31) - 1
"""Showings that an entry's row can hold."""

TOMBSTONE = pa.schema([pa.field("form_key", KEY), pa.field("cluster", KEY), pa.field("whole_cluster", pa.bool_())])
"""Columns of tombstones; `cluster` is the label under which the ledger knew the form, else the form itself."""

_SUMS = ("showings", "charged")
_WIDE = pa.schema([ENTRY.field(i) if i < 3 else pa.field(ENTRY.names[i], pa.int64()) for i in range(len(ENTRY))])


class LedgerError(Exception):
    """What a ledger refuses: another K, another normal form, showings past K, a run that is there with other showings, damage."""


def entry_name(run: str, stage: str) -> str:
    """The name of an entry's files."""
    return hashlib.sha256(f"{run}\n{stage}".encode()).hexdigest()[:24]


def read_json(place: Place, name: str, needed: Sequence[str]) -> dict[str, Any]:
    """A JSON file that must have some keys. Raises LedgerError naming it."""
    try:
        value = place.read_json(name)
    except (OSError, BadFile) as error:
        raise LedgerError(f"{place.url}/{name}: cannot be read ({error}); put the file back from a copy") from error
    if not isinstance(value, dict) or any(key not in value for key in needed):
        raise LedgerError(
            f"{place.url}/{name}: damaged, it must say {', '.join(needed)}; put the file back from a copy"
        )
    return value


def read_entries(place: Place) -> list[dict[str, Any]]:
    """What is said of each entry, in order of name. Raises LedgerError for one that is damaged, renamed or gone."""
    names = [n.removesuffix(".json") for n in place.names("entries") if n.endswith(".json")]
    found = []
    for name in names:
        about = read_json(place, f"entries/{name}.json", ("run", "stage", "rows", *_SUMS, "content", "file"))
        if entry_name(about["run"], about["stage"]) != name:
            raise LedgerError(f"{place.url}/entries/{name}.json: is not of stage '{about['stage']}' of {about['run']}")
        if gone := sorted(set(about.get("earlier", ())) - set(names)):
            raise LedgerError(
                f"{place.url}/entries/{gone[0]}.json: was there when {about['run']} was entered and is gone; "
                "what a model was shown is never taken back: put it and its .parquet back from a copy"
            )
        found.append(about)
    return found


def read_rows(place: Place, entry: dict[str, Any]) -> pa.Table:
    """An entry's rows, columns `ENTRY`. Raises LedgerError where the file is not the one that was written."""
    path = entry["file"]["path"]
    table = _read(place, path, entry["file"]["sha256"]).select(ENTRY.names).cast(ENTRY)
    sums = {c: int(pc.sum(table.column(c)).as_py() or 0) for c in _SUMS}
    if len(table) != entry["rows"] or any(sums[c] != entry[c] for c in _SUMS):
        raise LedgerError(
            f"{place.url}/{path}: holds {len(table):,} rows with {sums['showings']:,} showings ({sums['charged']:,} charged), "
            f"its entry says {entry['rows']:,} with {entry['showings']:,} ({entry['charged']:,})"
        )
    return table


def _read(place: Place, path: str, sha256: str | None) -> pa.Table:
    try:
        raw = place.read_bytes(path)
        if sha256 is not None and hashlib.sha256(raw).hexdigest() != sha256:
            raise LedgerError(f"{place.url}/{path}: its bytes are not those that were entered; put it back from a copy")
        return ParquetFile(io.BytesIO(raw)).read()
    except (OSError, pa.ArrowInvalid, KeyError) as error:
        raise LedgerError(f"{place.url}/{path}: cannot be read ({error}); put the file back from a copy") from error


def write_rows(place: Place, name: str, rows: pa.Table) -> dict[str, Any]:
    """Writes an entry's rows. Returns what its JSON says of them."""
    sums = {c: int(pc.sum(rows.column(c)).as_py() or 0) for c in _SUMS}
    file = write_parquet(place, f"entries/{name}.parquet", rows)
    return {"rows": len(rows), **sums, "content": content_of(rows), "file": file}


def summed(rows: pa.Table, where: str) -> pa.Table:
    """One row a form, cluster and source, sorted, columns `ENTRY`. Raises LedgerError for counts that no training has."""
    keys = ["form_key", "cluster", "source"]
    rows = rows.select(ENTRY.names).cast(_WIDE)
    if any(rows.column(c).null_count for c in ("form_key", "cluster", "showings", "charged")):
        raise LedgerError(f"{where}: rows without a form, a cluster or counts cannot be entered")
    if len(rows) and min(pc.min(rows.column(c)).as_py() for c in ("showings", "charged")) < 0:
        raise LedgerError(f"{where}: showings below 0 cannot be entered")
    made = rows.group_by(keys).aggregate([("showings", "sum"), ("charged", "sum")])
    made = made.rename_columns([*keys, "showings", "charged"]).select(ENTRY.names).cast(_WIDE)
    if len(made) and max(pc.max(made.column(c)).as_py() for c in ("showings", "charged")) > MOST:
        raise LedgerError(f"{where}: more than {MOST:,} showings of a form, which passes every K")
    return made.cast(ENTRY).sort_by([(k, "ascending") for k in keys]).combine_chunks()


def content_of(rows: pa.Table) -> str:
    """A hash over an entry's rows, by which the same showings are known again."""
    digest = hashlib.sha256()
    for name in ("form_key", "cluster"):
        digest.update(key_bytes(column_keys(rows.column(name))).tobytes())
    for name in _SUMS:
        digest.update(rows.column(name).to_numpy().astype("<i4").tobytes())
    digest.update("\n".join(s or "" for s in rows.column("source").to_pylist()).encode())
    return digest.hexdigest()


def tombstone_files(place: Place) -> list[str]:
    """Names of the files with tombstones; anything else that lies beside them is nobody's."""
    return [n for n in place.names("forgotten") if n.endswith(".parquet")]


def read_tombstones(place: Place) -> pa.Table:
    """All tombstones, columns `TOMBSTONE`. Raises LedgerError for a file that was changed."""
    tables = []
    for name in tombstone_files(place):
        table = _read(place, f"forgotten/{name}", None)
        if "form_key" not in table.column_names or "whole_cluster" not in table.column_names:
            raise LedgerError(f"{place.url}/forgotten/{name}: holds no tombstones; put the file back from a copy")
        if _tombstone_name(table) != name.removesuffix(".parquet"):
            raise LedgerError(f"{place.url}/forgotten/{name}: was changed (its name is a hash of its rows)")
        if "cluster" not in table.column_names:  # written before tombstones had labels
            table = table.append_column("cluster", table.column("form_key"))
        tables.append(table.select(TOMBSTONE.names).cast(TOMBSTONE))
    return pa.concat_tables(tables) if tables else TOMBSTONE.empty_table()


def write_tombstones(place: Place, rows: Sequence[tuple[bytes, bytes]], whole_clusters: bool) -> None:
    """Writes tombstones: (form key, label) each."""
    forms, clusters = zip(*rows, strict=True)
    columns = [pa.array(forms, KEY), pa.array(clusters, KEY), pa.array([whole_clusters] * len(rows))]
    table = pa.table(columns, schema=TOMBSTONE)
    write_parquet(place, f"forgotten/{_tombstone_name(table)}.parquet", table)


def _tombstone_name(table: pa.Table) -> str:
    keys = [key_bytes(column_keys(table.column(c))) for c in ("form_key", "cluster") if c in table.column_names]
    flag = bool(table.column("whole_cluster")[0].as_py()) if len(table) else False
    return hashlib.sha256(np.concatenate(keys, axis=1).tobytes() + bytes([flag])).hexdigest()[:24]
