"""What a run's folder holds of that which is to be forgotten, and what grew from it: read, and nothing changed.

A page is found by its URL, host or id in the shard sets of stages and versions, kept or rejected; by the pages' ids the passages that
were cut from them; by those, candidates and generated rows with the keys of their answers; by the rows' ids, comparisons and pairs.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from curation.blanked import REASON
from curation.document import KEY
from curation.parquet_file import ParquetFile, present
from curation.place import Place
from curation.shards import MANIFEST
from curation.tombstones import Entry, Tombstones
from recipes.engine.run_folder import read_run

PAGE_COLUMNS = ("id", "url", "host")


@dataclass(frozen=True)
class Held:
    """A folder of a run. kind: pages (a shard set), rounds (of a generation), work (of pairs or a jury), set (generated, pairs, …).

    name: as people know it; version: of a released one, else "".
    """

    url: str
    kind: str
    name: str
    version: str = ""


@dataclass
class Found:
    """What was found. rows: by folder, ids of pages or rows, with how many of them the folder has kept (or released)."""

    rows: dict[Held, list[bytes]] = field(default_factory=dict[Held, list[bytes]])
    kept: dict[Held, int] = field(default_factory=dict[Held, int])
    passages: set[bytes] = field(default_factory=set[bytes])
    answers: set[bytes] = field(default_factory=set[bytes])
    forms: set[bytes] = field(default_factory=set[bytes])
    """Form keys of the pages, for a ledger."""

    def ids(self, *kinds: str) -> set[bytes]:
        """Ids that were found in folders of these kinds, or in all."""
        return {one for held, ids in self.rows.items() if not kinds or held.kind in kinds for one in ids}


def folders(out: str) -> Iterator[Held]:
    """Everything in a run's folder that holds rows: stages first, then the versions."""
    stages = Place(out) / "stages"
    for name in stages.names():
        place = stages / name
        if not place.fs.isdir(place.path):
            continue
        if place.exists(MANIFEST):
            if "columns" in place.read_json(MANIFEST):
                yield Held(place.url, "pages", name.rpartition("-")[0] or name)
        else:  # a set that was not finished is work too: whoever goes on with it begins anew
            rounds = place.exists("seeds.json") or any(n.startswith("round-") for n in place.names())
            yield Held(place.url, "rounds" if rounds else "work", name.rpartition("-")[0] or name)
    for version in Place(out).names():
        place = Place(out) / version
        if version == "stages" or not place.exists("run.json"):
            continue
        about = read_run(place)
        if (place / about["release"]).exists(MANIFEST):
            yield Held((place / about["release"]).url, "pages", about["release"], version)
        for one in (*about.get("generated", ()), *about.get("judged", ()), *about.get("pairs", ())):
            if (place / one["url"]).exists(MANIFEST):
                yield Held((place / one["url"]).url, "set", one["name"], version)


def find(out: str, gone: Tombstones) -> Found:
    """Looks through a run's folder: pages first, then what grew from them."""
    found, every = Found(), list(folders(out))
    for held in (h for h in every if h.kind == "pages"):
        _pages(held, gone, found)
    gone = with_found(gone, found)
    for held in (h for h in every if h.kind == "rounds"):
        _seeds(held, gone, found)
    gone = with_found(gone, found)
    for held in (h for h in every if h.kind != "pages"):
        _rows(held, gone, found)
        gone = with_found(gone, found)
    return found


def with_found(gone: Tombstones, found: Found) -> Tombstones:
    """The tombstones and, as if they had some, all that was found."""
    keys = keys_of(found)
    return Tombstones((*gone.entries, Entry(len(gone) + 1, "", "", "", keys)), gone.url) if keys else gone


def keys_of(found: Found) -> dict[str, Sequence[str]]:
    """Keys of what was found, as tombstones have them."""
    made = {"row": found.ids(), "passage": found.passages, "answer": found.answers}
    return {kind: sorted(one.hex() for one in keys) for kind, keys in made.items() if keys}


def files_of(url: str) -> list[str]:
    """All Parquet files below a folder, relative to it."""
    place = Place(url)
    return sorted(p.removeprefix(f"{place.path}/") for p in place.fs.find(place.path) if p.endswith(".parquet"))


def tables(url: str, columns: Sequence[str] | None = None) -> Iterator[tuple[str, pa.Table]]:
    """Every row group of every Parquet file below a folder, with its file; of those columns that it has."""
    place = Place(url)
    for name in files_of(url):
        with place.fs.open(f"{place.path}/{name}", "rb") as raw:
            file = ParquetFile(raw, memory_map=False)
            have = None if columns is None else present(file, columns)
            for group in range(file.num_row_groups):
                yield name, file.read_row_group(group, columns=have)


def _pages(held: Held, gone: Tombstones, found: Found) -> None:
    said = Place(held.url).read_json(MANIFEST).get("forgotten", {})
    blank = pa.array([bytes.fromhex(one) for one in said.get("blank", ())], KEY)
    for name, table in tables(held.url, (*PAGE_COLUMNS, "form_key", "reason")):
        rows = gone.pages(table) & ~is_blank(table, blank)
        if not rows.any():
            continue
        some = table.filter(pa.array(rows))
        if name != "samples.parquet":
            found.rows.setdefault(held, []).extend(some.column("id").to_pylist())
            found.kept[held] = found.kept.get(held, 0) + len(some) * name.startswith("data/")
        if "form_key" in some.column_names:
            found.forms |= {one for one in some.column("form_key").to_pylist() if one is not None}


def is_blank(table: pa.Table, blank: pa.Array) -> np.ndarray:
    """Rows of which only hashes are left: rejected as forgotten, or blanked where they lie: bool [rows]."""
    if "reason" in table.column_names:
        return pc.fill_null(pc.equal(table.column("reason"), REASON), False).to_numpy()
    return pc.is_in(table.column("id"), value_set=blank).to_numpy()


def _seeds(held: Held, gone: Tombstones, found: Found) -> None:
    place = Place(held.url)
    if place.exists("seeds.json"):
        for one in place.read_json("seeds.json")["seeds"]:
            if gone.seed(one):
                found.passages.add(bytes.fromhex(one["digest"]))


def _rows(held: Held, gone: Tombstones, found: Found) -> None:
    """Rows of any other set, by every key that they have; what they are known by themselves is found too."""
    for name, table in tables(held.url):
        rows = gone.touched(table)
        if not rows.any():
            continue
        some = table.filter(pa.array(rows))
        for column in ("id", "comparison"):
            if column in some.column_names and some.schema.field(column).type == KEY:
                own = [one for one in some.column(column).to_pylist() if one is not None]
                found.rows.setdefault(held, []).extend(own)
                found.kept[held] = found.kept.get(held, 0) + len(own) * _released(held, name)
                break
        for row in some.select([c for c in ("seeds", "completion_key") if c in some.column_names]).to_pylist():
            found.answers |= {row["completion_key"]} - {None} if "completion_key" in row else set()
            found.passages |= {s["digest"] for s in row.get("seeds") or () if gone.seed(s) and s["digest"]}


def _released(held: Held, name: str) -> bool:
    return held.kind == "set" and name.split("/")[0] not in ("refused", "novelty.parquet")


def unknown(asked: Mapping[str, Sequence[tuple[str, str]]], out: str, found: Found) -> Iterator[str]:
    """Of what was asked for (said, key), by kind, what no folder holds: in words."""
    ids = {one.hex() for one in found.ids()}
    for kind, pairs in asked.items():
        for said, key in pairs:
            if kind == "row" and key not in ids:
                yield f"{said}: {out} has no such row; the tombstone stands all the same"
    if not found.rows and any(asked.get(kind) for kind in ("url", "host")):
        yield f"{out}: holds no page of these hosts and URLs; the tombstones stand all the same"


def ids_of(url: str) -> set[bytes]:
    """Ids of all released rows of a set."""
    place, found = Place(url), set[bytes]()
    manifest: Mapping[str, Any] = orjson.loads(place.read_bytes(MANIFEST))
    for file in manifest.get("files", ()):
        if file["path"].split("/")[0] not in ("refused", "novelty.parquet") and file["path"].endswith(".parquet"):
            with place.fs.open(f"{place.path}/{file['path']}", "rb") as raw:
                opened = ParquetFile(raw, memory_map=False)
                if "id" in opened.schema_arrow.names:
                    found |= set(opened.read(["id"]).column("id").to_pylist())
    return found
