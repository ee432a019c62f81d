"""Taking what is to be forgotten out of a run's folder.

Pages go from shard sets row by row (`curation/clear_shards.py`), passages and candidates from rounds. A set whose rows depend on each
other (a generation, a jury, pairs) is withdrawn as a whole, and so is what reads it: the next `seimai run`, of the same version or of
a newer one, makes it again from what is left, answers out of the store. `VERSION/forgotten.json` says what of the version went.
Answers leave the store last; until the folder's mark is set, the same command begins again and ends the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from curation.clear_shards import Cleared, clear
from curation.parquet_file import read_parquet, write_parquet
from curation.place import Place
from curation.shards import MANIFEST
from curation.tombstones import Tombstones
from recipes.engine.forget.derived import Found, Held, find, folders, ids_of, with_found
from recipes.engine.run_folder import Run, read_run
from synth.engine.store import compact, segments

DIFF = "forgotten.json"


@dataclass
class Went:
    """What was taken out of a run's folder. withdrawn: sets that were taken back whole; answers: out of the store."""

    cleared: dict[Held, Cleared] = field(default_factory=dict[Held, Cleared])
    passages: int = 0
    candidates: int = 0
    withdrawn: list[Held] = field(default_factory=list[Held])
    answers: int = 0

    @property
    def versions(self) -> list[str]:
        """Versions that are no longer what they were."""
        changed = [held for held, one in self.cleared.items() if one.kept or one.rejected]
        return sorted({held.version for held in (*changed, *self.withdrawn) if held.version})


def clear_run(out: str, gone: Tombstones, found: Found | None = None) -> Went:
    """Clears a run's folder by all tombstones; whoever asked notes that it was. The folder's lock is held by the caller."""
    found = find(out, gone) if found is None else found
    went, whole = Went(), with_found(gone, found)
    for held in [h for h in folders(out) if h.kind == "pages"]:
        went.cleared[held] = clear(held.url, whole.pages, release=bool(held.version))
    for held in [h for h in folders(out) if h.kind == "rounds"]:
        _clear_rounds(held, whole, went)
    touched = [h for h in found.rows if h.kind != "pages"]
    if touched:  # what workers left of pairs and juries names rows by number: all of it goes, and is made again from what is left
        touched += [h for h in folders(out) if h.kind == "work" and h not in touched]
    _withdraw(out, touched, went)
    for version in _versions(out):
        _note(out, version, gone, found, went)
    if found.answers and Place(out).local and segments(Path(out) / "completions"):
        before = compact(Path(out) / "completions", without=found.answers)
        went.answers = before["dropped"]
    return went


def _versions(out: str) -> list[str]:
    return [name for name in Place(out).names() if (Place(out) / name).exists("run.json")]


def _clear_rounds(held: Held, gone: Tombstones, went: Went) -> None:
    """Takes passages out of the list, and candidates out of the rounds' files."""
    place = Place(held.url)
    if place.exists("seeds.json"):
        said = place.read_json("seeds.json")
        left = [one for one in said["seeds"] if not gone.seed(one)]
        if lost := len(said["seeds"]) - len(left):
            counts = said["counts"]
            rejected = counts["rejected"] | {"forgotten": counts["rejected"].get("forgotten", 0) + lost}
            said["counts"] = counts | {"seeds": len(left), "rejected": rejected}
            said["details"].setdefault("forgotten", "a tombstone")
            place.write_json("seeds.json", said | {"seeds": left})
            went.passages += lost
    for name in (n for n in place.names() if n.startswith("round-")):
        one = place / name
        for task in one.names("tasks"):
            about = one.read_json(f"tasks/{task}")
            lost = sum(_without(one, file, gone) for file in about["files"])
            if lost:
                one.write_json(f"tasks/{task}", about | {"rows": about["rows"] - lost})
                went.candidates += lost


def _without(place: Place, name: str, gone: Tombstones) -> int:
    """Writes a file anew without what is gone, whole or not at all. Returns how many rows went."""
    table = read_parquet(place, name)
    rows = gone.touched(table)
    if rows.any():
        write_parquet(place, name, table.filter(pa.array(~rows)))
    return int(rows.sum())


def _withdraw(out: str, touched: list[Held], went: Went) -> None:
    """Takes back sets and work that hold a row, and in a version all that reads a set which is taken back."""
    versions = {held.version for held in touched if held.kind == "set"}
    for held in touched:
        if held.kind == "work":
            Place(held.url).remove()
    for version in sorted(versions):
        place = Place(out) / version
        about = read_run(place)
        names = {held.name for held in touched if held.version == version}
        generated = {one["name"] for one in about.get("generated", ())}
        if names & generated:  # juries and pairs are of the generations' answers
            names |= {one["name"] for one in (*about.get("judged", ()), *about.get("pairs", ()))}
        for kind in ("generated", "judged", "pairs"):
            for one in [o for o in about.get(kind, ()) if o["name"] in names]:
                url = (place / one["url"]).url
                went.withdrawn.append(Held(url, "set", one["name"], version))
                _keep_ids(place, one["name"], url)
                Place(url).remove()
            about[kind] = [o for o in about.get(kind, ()) if o["name"] not in names]
        place.write_json("run.json", about)


def _keep_ids(place: Place, name: str, url: str) -> None:
    """Keeps the ids that a set had, so that the one that takes its place can be held against it."""
    if Place(url).exists(MANIFEST):
        ids = pa.table({"id": pa.array(sorted(ids_of(url)), pa.binary(16))})
        write_parquet(place, f"forgotten/{name}.parquet", ids)


def _note(out: str, version: str, gone: Tombstones, found: Found, went: Went) -> None:
    """Brings run.json to what the sets hold now, and says in the version's folder what of it went."""
    place = Place(out) / version
    about = read_run(place)
    for block in about["blocks"]:
        url = Run(place, about).url(block)
        if block["kind"] == "rows" and Place(url).exists(MANIFEST):
            manifest = Place(url).read_json(MANIFEST)
            block |= {name: manifest[name] for name in ("rows_in", "rows_out", "rejected")}
    place.write_json("run.json", about)
    sets: dict[str, Any] = {}
    for held, one in went.cleared.items():
        if held.version == version and (one.kept or one.rejected):
            removed = sorted(i.hex() for i in one.kept)
            sets[held.name] = {"removed": removed, "content_before": one.before, "content_after": one.after}
    for held in (h for h in went.withdrawn if h.version == version):
        removed = sorted({i.hex() for i in found.rows.get(held, ())})
        sets[held.name] = {"removed": removed, "withdrawn": "made again by the next `seimai run`"}
    if sets:
        said: Mapping[str, Any] = place.read_json(DIFF) if place.exists(DIFF) else {"forgotten": []}
        at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        place.write_json(DIFF, {"forgotten": [*said["forgotten"], {"at": at, "through": len(gone), "sets": sets}]})
