"""Reports made anew where a run's folder was cleared: of every version, since a page that an early stage rejected is shown by all.

The page is gone from `report.html` with whatever `--samples` showed of it; one that cannot be made anew (its stages were deleted) is
removed, since nobody knows what it holds.
"""

from collections.abc import Callable, Iterator

from curation.place import Place
from curation.shards import ShardError
from recipes.engine.errors import RecipeError

PUBLIC = ("public.html", "public.json", "public-hosts.csv")


def reports_anew(out: str) -> Iterator[str]:
    """Writes the reports that lie in a run's versions; yields what could not be written and was removed, in words."""
    from recipes.engine.report import write_report
    from recipes.engine.report.public import write_public

    written: tuple[tuple[tuple[str, ...], Callable[[str], object]], ...] = (
        (("report.html",), write_report),
        (PUBLIC, write_public),
    )
    for version in Place(out).names():
        place = Place(out) / version
        if not place.exists("run.json"):
            continue
        for names, write in written:
            there = [name for name in names if place.exists(name)]
            if not there:
                continue
            try:
                write(place.url)
            except (RecipeError, ShardError) as error:
                for name in there:
                    place.fs.rm_file(f"{place.path}/{name}")
                yield f"{place.url}: {', '.join(there)} cannot be made anew and was removed: {error}"
