"""A set that is there and was made otherwise is not overwritten: new rows need a new version, unless the version is `dev`."""

from collections.abc import Callable, Mapping
from typing import Any

from curation.place import Place
from curation.shards import MANIFEST
from recipes.engine.errors import RecipeError


def refuse_other(url: str, version: str, done: bool, what: str, why: Callable[[Mapping[str, Any]], str]) -> None:
    """Refuses a version whose set is there and was made otherwise; one of the version `dev` is removed.

    done: whether the set is there and was made just so. what: the set's rows, for the message (`pairs`). why: says of the manifest
    that is there what was otherwise. Raises RecipeError.
    """
    place = Place(url)
    if done or not place.exists(MANIFEST):
        return
    if version == "dev":
        place.remove()
        return
    raise RecipeError(
        f"{url}: version {version} is there already and was made differently ({why(place.read_json(MANIFEST))}). "
        f"New {what} need a new version: raise 'version' in the recipe, or --set version=dev to overwrite, or another --out."
    )
