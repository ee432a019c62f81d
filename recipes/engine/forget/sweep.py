"""Before a run: its folder is cleared by tombstones that came since. After it: what takes the place of a set that was withdrawn."""

from typing import Any

from curation.parquet_file import read_parquet
from curation.place import Place
from curation.shards import MANIFEST
from curation.tombstones import Tombstones
from recipes.engine.forget.clearing import Went, clear_run
from recipes.engine.forget.derived import Found, ids_of
from recipes.engine.forget.reports import reports_anew
from recipes.engine.forget.where import mark, set_mark, tombstones_for, tombstones_of

SINCE = "since.json"


def swept(out: str, named: str | None = None) -> Tombstones:
    """The tombstones for a run's folder, which holds nothing of them afterwards. The folder's lock is held by the caller."""
    gone = tombstones_for(out, named)
    if len(gone) > behind(out, gone):
        cleared(out, gone)
    elif named is not None and not _known(out, gone):
        set_mark(out, gone)  # so that `seimai forget` finds the folder that the recipe names
    return gone


def cleared(out: str, gone: Tombstones, found: Found | None = None) -> tuple[Went, list[str]]:
    """Clears a run's folder, makes its reports anew, and notes that it was, in this order: given again, it goes on where it stopped.

    Returns what went, and what is to be said of the reports.
    """
    fresh = len(gone) > behind(out, gone)
    went = clear_run(out, gone, found)
    said = list(reports_anew(out)) if fresh or went.versions else []
    set_mark(out, gone)
    return went, said


def behind(out: str, gone: Tombstones) -> int:
    """How many files of these tombstones a run's folder was cleared by: none of another folder's."""
    return mark(out)["through"] if _known(out, gone) else 0


def _known(out: str, gone: Tombstones) -> bool:
    """Whether a run's folder was held against the tombstones of this folder before."""
    return bool(mark(out)) and Place(tombstones_of(out)).path == Place(gone.url).path


def told_since(out: str, folder: str) -> None:
    """Writes how the sets of a version differ from those of the same name that were withdrawn, of any version: `since.json`.

    Of the version's own the ids that were kept for this go then.
    """
    there, said = Place(folder), dict[str, dict[str, Any]]()
    for version in Place(out).names():
        place = Place(out) / version
        for file in place.names("forgotten") if place.exists("run.json") else ():
            name = file.removesuffix(".parquet")
            if not (there / name).exists(MANIFEST):
                continue
            before = set(read_parquet(place, f"forgotten/{file}").column("id").to_pylist())
            now = ids_of((there / name).url)
            said.setdefault(version, {})[name] = {
                "kept": len(before & now),
                "removed": sorted(one.hex() for one in before - now),
                "added": sorted(one.hex() for one in now - before),
            }
            if place.path == there.path:
                place.fs.rm_file(f"{place.path}/forgotten/{file}")
    if said:
        earlier = there.read_json(SINCE) if there.exists(SINCE) else {}
        there.write_json(SINCE, {v: earlier.get(v, {}) | said.get(v, {}) for v in {*earlier, *said}})
