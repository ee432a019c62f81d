"""Whether a source's `licence` is one that the SPDX licence list knows (`curation/spdx.py`), said as a fault of the recipe."""

from curation.spdx import licence_fault
from recipes.engine.errors import RecipeError


def check_licence(licence: str, place: str) -> None:
    """Raises RecipeError, naming the nearest id, unless this is an SPDX id, an SPDX expression or `LicenseRef-…`.

    >>> check_licence("CC-BY-SA-4.0 OR LicenseRef-own-terms", "here")
    """
    if fault := licence_fault(licence):
        raise RecipeError(f"{place}: {fault}")
