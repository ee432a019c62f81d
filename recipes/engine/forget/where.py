"""Where tombstones lie, and how many of their files a run's folder was cleared by.

runs/forgotten/00000001.json      the tombstones of all runs beside it, where the recipe names no other folder
runs/quickstart/forgotten.json    {"tombstones": "../forgotten", "through": 1}: what this folder was cleared by
"""

import posixpath
from typing import Any

from curation.place import Place
from curation.tombstones import FOLDER, TombstoneError, Tombstones
from recipes.engine.errors import RecipeError

MARK = "forgotten.json"


def tombstones_of(out: str, named: str | None = None) -> str:
    """Folder of the tombstones for a run's folder: the one that is named, that it was cleared by before, or the one beside it."""
    if named is not None:
        return named
    said = mark(out).get("tombstones")
    if said is not None:
        return said if "://" in said or said.startswith("/") else _joined(out, said)
    return beside(out)


def beside(out: str) -> str:
    """The folder of tombstones beside a run's folder.

    >>> beside("runs/quickstart"), beside("s3://bucket/curated"), beside("curated")
    ('runs/forgotten', 's3://bucket/forgotten', 'forgotten')
    """
    scheme, colon, path = out.rstrip("/").rpartition("://")
    above, slash, _ = path.rpartition("/")
    return scheme + colon + (above + slash if slash else f"{path}/" if scheme else "") + FOLDER


def mark(out: str) -> dict[str, Any]:
    """What a run's folder says of the tombstones that it was cleared by; nothing where it never was."""
    place = Place(out)
    return place.read_json(MARK) if place.exists(MARK) else {}


def tombstones_for(out: str, named: str | None = None) -> Tombstones:
    """The tombstones for a run's folder. Raises RecipeError where they are damaged, or fewer than it was cleared by."""
    url = tombstones_of(out, named)
    said = mark(out)
    try:
        found = Tombstones.open(url)
        if said.get("through", 0) > len(found) and tombstones_of(out) == url:
            Tombstones.open(url, said["through"])
    except TombstoneError as error:
        raise RecipeError(str(error)) from error
    return found


def set_mark(out: str, gone: Tombstones) -> None:
    """Notes that a run's folder was cleared by all of these."""
    url, path = gone.url, Place(out).path
    if "://" not in url:
        url = posixpath.relpath(Place(url).path, path)
    Place(out).write_json(MARK, {"tombstones": url, "through": len(gone)})


def _joined(out: str, relative: str) -> str:
    scheme, colon, path = out.rstrip("/").rpartition("://")
    return scheme + colon + posixpath.normpath(f"{path}/{relative}")
