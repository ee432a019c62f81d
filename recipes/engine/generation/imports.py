"""Imported sets of a generation: checked when the recipe is, written once before the first round as rows that workers read by number.

    OUT/stages/instruct-4f0c9a1b77d0/imports/
      house_qa.parquet     every row of the set, those of no known form too, with the place that it has among them
      house_qa.json        how many there are, by file; written last

Rows are asked for in the order of a hash of their places in the set, so that a set that is sorted gives no slice of itself.
"""

import glob
import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from curation.parquet_file import ParquetFile
from curation.place import Place
from curation.provenance import key
from recipes.engine.errors import RecipeError, RunError
from recipes.engine.generation.paths import placed
from recipes.engine.generation.spec import GenerateSpec, ImportSpec
from synth.engine.content_key import canonical
from synth.import_candidates import ImportOrder, check_check, place_of
from synth.imported import FormError, ImportedRow, Origin, check_file, origin_of, read_set
from synth.models import Policy, check_release
from synth.obligations import PolicyError, Target
from synth.verify.constraint import Constraint, SpecError

ROWS = 2048
"""Rows that are written and read at a time."""
_SCHEMA = pa.schema(
    [
        ("file", pa.int32()), ("number", pa.int64()), ("order", pa.uint64()), ("messages", pa.large_string()),
        ("tools", pa.large_string()), ("values", pa.large_string()), ("problem", pa.large_string()),
    ]
)  # fmt: skip


@dataclass(frozen=True)
class ImportFile:
    """A file of a set: where it lies, as the recipe names it, and its hash."""

    path: str
    name: str
    sha256: str


@dataclass(frozen=True)
class Import:
    """A set that may be imported. columns: which of a row's columns is what, where the recipe says so."""

    order: ImportOrder
    files: tuple[ImportFile, ...]
    columns: Mapping[str, str] = field(default_factory=dict[str, str])


def plan_imports(
    spec: GenerateSpec, conduct: tuple[Constraint, ...], policy: Policy, target: Target, folder: Path, place: str
) -> list[Import]:
    """The recipe's imported sets. Raises RecipeError for an origin or a file that may not be, or a set that could give no row."""
    made: list[Import] = []
    for name, said in spec.imports.items():
        at = f"{place}, imports '{name}'"
        try:
            origin = origin_of(said.origin, policy, target.purpose, at)
            _check_licence(said, origin, policy, at)
            checks = tuple({"kind": one} if isinstance(one, str) else one for one in said.checks)
            for one in checks:
                check_check(one)
            _check_verifiable(checks, origin, policy, at)
            authors = tuple(_author(named, status, policy) for named, status in policy.upstream_of_data(origin.name))
            more = (said.lang, said.domain, said.split)
            order = ImportOrder(name, said.function, origin, authors, checks, conduct, *more)
            columns = {str(part): column for part, column in said.columns.items()}
            files = tuple(_files(said.files, columns, order, folder, at))
        except PolicyError as error:
            raise RecipeError(str(error)) from error
        except (FormError, SpecError) as error:
            raise RecipeError(f"{at}: {error}") from error
        made.append(Import(order, files, columns))
    try:
        check_release([one.order.origin.ruling for one in made], target)
    except PolicyError as error:
        raise RecipeError(f"{place}, imports: {error}") from error
    return made


def _check_licence(said: ImportSpec, origin: Origin, policy: Policy, at: str) -> None:
    if said.licence is not None and said.licence != origin.licence:
        raise RecipeError(
            f"{at}: says licence {said.licence}, and {policy.where} has {origin.licence} for {origin.name}: one of the two is wrong"
        )


def _check_verifiable(checks: Sequence[Mapping[str, Any]], origin: Origin, policy: Policy, at: str) -> None:
    if not origin.reviewed and not any(one.get("hard", True) for one in checks):
        raise RecipeError(
            f"{at}: states no `checks` that an answer must pass, and {policy.where} does not say who has read the answers of "
            f"{origin.name} (`answers_reviewed: {{by, date}}`): every row would be unverified, and none could be released"
        )


def _author(named: str, status: str, policy: Policy) -> dict[str, Any]:
    """What stands above an imported row, as the column `authors` holds it."""
    known = {"licence": policy.licence_of(named), "status": status}
    return {"model": named, "revision": None, "weights": None, "role": "upstream", "verified": None} | known


def _files(
    names: Sequence[str], columns: Mapping[str, str], order: ImportOrder, folder: Path, at: str
) -> Iterator[ImportFile]:
    """The set's files, each once. Raises RecipeError, FormError."""
    seen: dict[str, str] = {}
    for name in names:
        if "://" in name:
            raise RecipeError(f"{at}: {name}: imported sets are files of this machine; fetch it first")
        where = placed(name, folder)
        found = sorted(glob.glob(where, recursive=True)) if glob.has_magic(where) else [where]
        if not found:
            raise RecipeError(f"{at}: no file is called {where}")
        for path in found:
            check_file(Path(path), columns, order.columns)
            with open(path, "rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            if (twin := seen.setdefault(digest, path)) != path:
                raise RecipeError(f"{at}: {path} holds the same as {twin}")
            yield ImportFile(path, name if len(found) == 1 else Path(path).name, digest)


def write_imports(sets: Sequence[Import], rounds: str, salt: str) -> dict[str, dict[str, Any]]:
    """Writes what is not written yet. Returns how many rows each set has, and what the manifest says of it."""
    return {one.order.name: _write(one, Place(f"{rounds}/imports"), salt) for one in sets}


def _write(one: Import, place: Place, salt: str) -> dict[str, Any]:
    name, origin = one.order.name, one.order.origin
    if not place.exists(f"{name}.json"):
        rows, last, malformed = Counter[int](), Counter[int](), 0
        with place.create(f"{name}.parquet") as file, pq.ParquetWriter(file, _SCHEMA, compression="zstd") as out:
            for batch in _batches(one, salt):
                for row in batch:
                    rows[row["file"]] += 1
                    last[row["file"]] = row["number"]
                    malformed += row["problem"] is not None
                out.write_batch(pa.RecordBatch.from_pylist(batch, schema=_SCHEMA))
        files = [
            {"file": f.name, "sha256": f.sha256, "rows": rows[i], "last": last[i]} for i, f in enumerate(one.files)
        ]
        place.write_json(f"{name}.json", {"rows": rows.total(), "malformed": malformed, "files": files})
    said = {
        "origin": origin.name,
        "licence": origin.licence,
        "answers": origin.answer_origin,
        "reviewed": origin.reviewed,
    }
    return said | {"written_by": origin.written_by} | place.read_json(f"{name}.json")


def _batches(one: Import, salt: str) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    for i, file in enumerate(one.files):
        try:
            for row in read_set(Path(file.path), one.columns, one.order.columns):
                batch.append(_stored(row, i, _order(one.order, file.sha256, row.number, salt)))
                if len(batch) == ROWS:
                    yield batch
                    batch = []
        except FormError as error:
            raise RunError(str(error)) from error
    if batch:
        yield batch


def _order(order: ImportOrder, digest: str, number: int, salt: str) -> int:
    return int.from_bytes(key("import", salt, order.name, place_of(order.origin.name, digest, number))[:8], "big")


def _stored(row: ImportedRow, file: int, order: int) -> dict[str, Any]:
    made: dict[str, Any] = {"file": file, "number": row.number, "order": order, "problem": row.problem or None}
    if row.problem:
        return made
    try:
        parts = {name: canonical(getattr(row, name)).decode() for name in ("messages", "tools", "values")}
    except ValueError as error:  # a number or a date that JSON cannot hold, in tools or in a column that checks look at
        return made | {"problem": str(error)}
    return made | parts


def read_imported(
    one: Import, rounds: str, numbers: tuple[int, int], rank: int = 0, of: int = 1
) -> Iterator[tuple[ImportedRow, str]]:
    """Rows of a set by their numbers [first, end) among all, those of one worker of `of`, each with the hash of its file."""
    place, (first, end) = Place(f"{rounds}/imports"), numbers
    with place.fs.open(f"{place.path}/{one.order.name}.parquet", "rb") as opened:
        file = ParquetFile(opened, memory_map=False)
        places = file.read(["order", "file", "number"])
        columns = [places.column(name).to_numpy() for name in ("number", "file", "order")]
        chosen = np.lexsort(columns)[first:end]
        wanted = np.sort(chosen[(np.arange(first, first + len(chosen)) % of) == rank])
        begin = 0
        for group in range(file.num_row_groups):
            size = file.metadata.row_group(group).num_rows
            mine = wanted[(wanted >= begin) & (wanted < begin + size)] - begin
            begin += size
            if len(mine):
                for row in file.read_row_group(group).take(pa.array(mine)).to_pylist():
                    yield _read(row), one.files[row["file"]].sha256


def _read(row: Mapping[str, Any]) -> ImportedRow:
    if row["problem"] is not None:
        return ImportedRow(row["number"], problem=row["problem"])
    return ImportedRow(row["number"], *(orjson.loads(row[name]) for name in ("messages", "tools", "values")))
