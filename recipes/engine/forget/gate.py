"""Nothing is read out of a run's folder, for a release, a mixture, an index, a report or people, before all tombstones cleared it.

`seimai run` clears its folder by itself; what reads a folder alone only refuses, and names the command that clears it.
"""

from curation.extract.reader import host_of
from curation.place import Place
from recipes.engine.errors import RecipeError
from recipes.engine.forget.sweep import behind
from recipes.engine.forget.where import tombstones_for


def cleared_or_refused(url: str) -> None:
    """Raises RecipeError where a set, a version or a run's folder may still hold what a later tombstone is for."""
    out = _run_of(url.rstrip("/"))
    if out is None:
        return
    gone = tombstones_for(out)
    since = len(gone) - behind(out, gone)
    if since > 0:
        files = "file" if since == 1 else "files"
        raise RecipeError(
            f"{out}: {since} {files} of tombstones in {gone.url} came since it was cleared, and it may still hold what they are for: "
            f"`seimai forget {out}` first"
        )


def has_tombstone(version: str, url: str) -> bool:
    """Whether a page at this URL was to be forgotten, by the tombstones of a version's run."""
    return tombstones_for(version.rstrip("/").rpartition("/")[0] or ".").page(url.strip(), host_of(url.strip()))


def _run_of(url: str) -> str | None:
    """The folder of the run that a path lies in; None for one that lies in none."""
    above = url.rpartition("/")[0] or "."
    if Place(url).exists("run.json"):
        return above
    if Place(above).exists("run.json") or above.endswith("/stages"):
        return above.rpartition("/")[0] or "."
    place = Place(url)
    return url if any((place / name).exists("run.json") for name in place.names()) else None
