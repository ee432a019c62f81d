"""A finished run as those who look back at it see it: its blocks, their shard sets and the rules that decided.

The report, `seimai explain` and `seimai show presets --on` all start here. A stage's shard set may have been deleted to save
room; then what `run.json` says of it is all that is left, and every reader of a run must say so instead of failing.
"""

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import yaml

from curation.document import COLUMNS
from curation.parquet_file import present
from curation.place import Place
from curation.provenance import partition_of
from curation.shape import BadFile, shaped
from curation.shards import MANIFEST, SET, SURVEY, ShardError, ShardSet, ShardUnion, Table
from curation.store_error import is_remote
from curation.yaml_file import load_yaml, yaml_fault
from recipes.engine.errors import RecipeError
from recipes.engine.file_systems import reaching

_SET = {"name": str, "url": str, "fingerprint": str, "rows_in": int, "rows_out": int}
RUN = {
    "recipe": str, "version": str, "fingerprint": str, "release": str, "finished": str,
    "blocks": [{
        "name": str, "stage": str, "kind": str, "url": str, "fingerprint": str, "read": [str],
        "own": {"steps": [{"step": str, "with": dict, "code": str, "files": object, "libraries": dict}]},
        "rows_in": int, "rows_out": int, "rejected": {str: int},
    }],
    "generated?": [_SET], "judged?": [_SET], "pairs?": [_SET], "sources?": {str: dict}, "unreadable?": list, "warnings?": list,
}  # fmt: skip
"""What a run.json says."""


def read_run(place: Place) -> dict[str, Any]:
    """The run.json of a version's folder. Raises BadFile where it is damaged."""
    where = f"{place.url}/run.json"
    about = shaped(place.read_json("run.json"), RUN, where)
    names = [b["name"] for b in about["blocks"] if b["kind"] == "rows"]
    if about["release"] not in (names or [""]):
        raise BadFile(
            f"{where}: release must be one of its blocks ({', '.join(names)}), found {about['release'][:60]!r}"
        )
    return about


def run_folder(path: str) -> str:
    """Folder of a run's version: the one given, or the newest version in it. Raises RecipeError when there is no finished run."""
    with reaching([path], "run"):
        place = Place(path)
        if place.exists("run.json"):
            return path.rstrip("/")
        found = [name for name in place.names() if (place / name).exists("run.json")]
    if not found:
        near = _runs_near(path)
        hint = f" Finished runs near it: {', '.join(near)}." if near else ""
        raise RecipeError(f"{path}: no finished run here (no run.json).{hint}")
    newest = max(found, key=lambda name: read_run(place / name)["finished"])
    return f"{path.rstrip('/')}/{newest}"


def _runs_near(path: str) -> list[str]:
    """Up to five finished runs under the nearest folder that exists."""
    if "://" in path:
        return []
    folder = Path(path)
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    for depth in ("*", "*/*", "*/*/*"):
        if found := sorted(str(p.parent) for p in folder.glob(f"{depth}/run.json")):
            return found[:5]
    return []


def open_run(path: str) -> "Run":
    """Opens a run by its folder, or the newest version in it. Raises RecipeError."""
    place = Place(run_folder(path))
    return Run(place, read_run(place))


@dataclass
class Run:
    """A finished run: `about` is its run.json, `place` its version's folder."""

    place: Place
    about: dict[str, Any]

    @cached_property
    def recipe(self) -> dict[str, Any]:
        """The recipe as it ran; empty when recipe.yaml is gone."""
        if not self.place.exists("recipe.yaml"):
            return {}
        try:
            found = load_yaml(self.place.read_bytes("recipe.yaml").decode())
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise RecipeError(yaml_fault(error, f"{self.place.url}/recipe.yaml")) from None
        if not isinstance(found or {}, dict):
            raise RecipeError(f"{self.place.url}/recipe.yaml: a recipe is a mapping, not {type(found).__name__}")
        return found or {}

    @cached_property
    def chain(self) -> list[dict[str, Any]]:
        """The blocks that the released rows went through, from the sources to the release, in the order in which they ran."""
        by_name = {b["name"]: b for b in self.about["blocks"] if b["kind"] == "rows"}
        wanted, found = [self.about["release"]], set[str]()
        while wanted:
            if (name := wanted.pop()) in by_name and name not in found:
                found.add(name)
                wanted += by_name[name]["read"]
        return [b for name, b in by_name.items() if name in found]

    @property
    def training(self) -> str:
        """Under which name training on the release is entered into a ledger, unless it is given another."""
        about = self.about
        return f"{about['recipe']}@{about['version']}:{about['fingerprint'][:12]}"

    @property
    def rows_in(self) -> int:
        """Rows that were read from the sources."""
        names = {b["name"] for b in self.chain}
        return sum(b["rows_in"] for b in self.chain if not names & set(b["read"]))

    def url(self, block: dict[str, Any]) -> str:
        """Where a block's shard set lies now, wherever the run was moved to as a whole."""
        if "://" in block["url"] or block["url"].startswith("/"):
            return block["url"]
        scheme, colon, path = self.place.url.rpartition("://")
        return scheme + colon + posixpath.normpath(f"{path}/{block['url']}")

    def shard_set(self, block: dict[str, Any]) -> ShardSet | None:
        """A block's shard set; None when it was deleted since."""
        try:
            return ShardSet.open(self.url(block))
        except (ShardError, OSError) as error:
            if is_remote(error):
                raise  # a store that refuses has deleted nothing
            return None

    @property
    def release(self) -> ShardSet:
        """The released shard set. Raises ShardError when it is gone."""
        return ShardSet.open(self.url(self.chain[-1]))

    def manifest(self, block: dict[str, Any]) -> dict[str, Any]:
        """A block's manifest, or what run.json says of it when the set is gone."""
        place = Place(self.url(block))
        if not place.exists(MANIFEST):
            return block
        return shaped(
            place.read_json(MANIFEST), SURVEY if block["kind"] == "survey" else SET, f"{place.url}/{MANIFEST}"
        )

    def survey(self, step: str) -> dict[str, Any] | None:
        """The survey block of a step of the chain's stages (`dedup`, `cap`, `site_lines`), the last one; None without one."""
        stages = {b["stage"] for b in self.chain}
        found = [b for b in self.about["blocks"] if b["kind"] == "survey" and b["stage"] in stages]
        return next((b for b in reversed(found) if b["name"].split(".", 1)[1].rstrip("0123456789") == step), None)

    def survey_table(self, step: str, name: str) -> Table | None:
        """A table that a survey made, e.g. ("dedup", "clusters"); None without one."""
        block = self.survey(step)
        url = f"{self.url(block)}/{name}" if block else ""
        return Table(url) if block and Place(url).exists(MANIFEST) else None

    def input_of(self, stage: str) -> ShardUnion | None:
        """What a stage's deciding block read: every row that reached the stage; None when some of it is gone."""
        by_name = {b["name"]: b for b in self.chain}
        reads = next((b["read"] for b in self.chain if b["stage"] == stage), [])
        try:
            return (
                ShardUnion.open([self.url(by_name[name]) for name in reads]) if reads and reads[0] in by_name else None
            )
        except (ShardError, OSError) as error:
            if is_remote(error):
                raise
            return None

    def stage_of(self, generation: str) -> str:
        """The stage that a generation of this run reads; "" when recipe.yaml is gone."""
        return next((g["read"] for g in self.recipe.get("generate", ()) if g["name"] == generation), "")

    def rows_of(self, stage: str, columns: Sequence[str]) -> Iterator[dict[str, Any]] | None:
        """Rows that a stage released, with those of the columns that they have; None when its set is gone."""
        block = next((b for b in self.about["blocks"] if b["name"] == stage), None)
        shards = self.shard_set(block) if block is not None else None
        if shards is None:
            return None
        kept = [c for c in columns if c in shards.columns]
        return (row for batch in shards.read(kept) for row in batch.to_pylist())

    def steps(self, name: str) -> list[tuple[str, dict[str, Any]]]:
        """Steps of the chain that are called so: (stage, identity with `step`, `with`, `files`), in the order in which they ran."""
        return [
            (block["stage"], step)
            for block in self.chain
            for step in block["own"]["steps"]
            if step["step"].rstrip("0123456789") == name
        ]


def find_row(shards: ShardSet | ShardUnion, key: bytes, columns: Sequence[str]) -> dict[str, Any] | None:
    """A row of shard sets by its id, with the named columns that its set has; reads one partition's ids and one row group."""
    wanted = pa.scalar(key, COLUMNS["id"].type)
    partition = int(partition_of(pa.array([key], COLUMNS["id"].type), shards.partitions)[0])
    sets = shards.sets if isinstance(shards, ShardUnion) else [shards]
    for file in (one.open_file(name) for one in sets for name in one.files(partition)):
        have = present(file, columns)
        for group in range(file.num_row_groups):
            at = pc.index(file.read_row_group(group, columns=["id"]).column("id"), wanted).as_py()
            if at >= 0:
                return file.read_row_group(group, columns=have).slice(at, 1).to_pylist()[0]
    return None


def rows_of(shards: ShardSet, keys: Sequence[bytes], columns: Sequence[str]) -> dict[bytes, dict[str, Any]]:
    """Rows of a shard set by their ids, with the named columns that the set has; ids that it lacks are left out.

    Reads the ids of the partitions that may hold one, and other columns only of row groups that do.
    """
    wanted = pa.array(list(keys), COLUMNS["id"].type)
    have = ["id", *(c for c in columns if c in shards.columns and c != "id")]
    found: dict[bytes, dict[str, Any]] = {}
    for partition in sorted(set(partition_of(wanted, shards.partitions).tolist())) if len(wanted) else ():
        for name in shards.files(partition):
            file = shards.open_file(name)
            for group in range(file.num_row_groups):
                at = pc.indices_nonzero(
                    pc.is_in(file.read_row_group(group, columns=["id"]).column("id"), value_set=wanted)
                )
                if len(at):
                    found |= {r["id"]: r for r in file.read_row_group(group, columns=have).take(at).to_pylist()}
    return found


def rejected_rows(
    shards: ShardSet, keys: Sequence[bytes], columns: Sequence[str] | None = None
) -> Iterator[dict[str, Any]]:
    """Rejected rows of a shard set with one of these ids, with the named columns that they have (all without names).

    Rejected rows lie by task, not by id, so all their ids are looked through; other columns are read only where one is found.
    """
    wanted = pa.array(keys, COLUMNS["id"].type)
    for task in shards.tasks():
        for listed in task["rejected_files"]:
            file = shards.open_file(listed["path"])
            have = None if columns is None else present(file, columns)
            for group in range(file.num_row_groups):
                ids = file.read_row_group(group, columns=["id"]).column("id")
                at = pc.indices_nonzero(pc.is_in(ids, value_set=wanted))
                if len(at):
                    yield from file.read_row_group(group, columns=have).take(at).to_pylist()
