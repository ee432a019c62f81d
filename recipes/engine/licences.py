"""Whether a source's `licence` is one that the SPDX licence list knows: an id, or an expression of ids.

What a row may be used for follows from this name, so a name that nobody can look up is refused. `LicenseRef-…` is SPDX's own way to
name a licence that the list does not have. The list comes with the package license-expression.
"""

import difflib
import re
from functools import cache

from recipes.engine.errors import RecipeError

_OWN = re.compile(r"(DocumentRef-[A-Za-z0-9.-]+:)?LicenseRef-[A-Za-z0-9.-]+")


@cache
def spdx_ids() -> dict[str, str]:
    """Ids of the SPDX licence list and of its exceptions, by the id in lower case; deprecated ones too."""
    from license_expression import get_spdx_licensing

    names = (name for symbol in get_spdx_licensing().known_symbols.values() for name in (symbol.key, *symbol.aliases))
    return {name.lower(): name for name in names if not name.startswith("LicenseRef-")}


def check_licence(licence: str, place: str) -> None:
    """Raises RecipeError, naming the nearest id, unless this is an SPDX id, an SPDX expression or `LicenseRef-…`.

    >>> check_licence("CC-BY-SA-4.0 OR LicenseRef-own-terms", "here")
    """
    from license_expression import ExpressionError, Licensing

    try:
        names = [str(s) for s in Licensing().license_symbols(licence, unique=True, decompose=True)]
    except ExpressionError:
        names = [licence]
    unknown = [name for name in names if not _known(name)]
    if names and not unknown:
        return
    name = unknown[0] if unknown else licence
    near = difflib.get_close_matches(name.lower().replace(" ", "-"), spdx_ids(), 1)
    hint = f"; did you mean '{spdx_ids()[near[0]]}'? " if near else ". "
    raise RecipeError(
        f"{place}: licence '{name}' is not in the SPDX list{hint}"
        "Write an SPDX id or expression (spdx.org/licenses), or LicenseRef-NAME for terms of their own"
    )


def _known(name: str) -> bool:
    """Whether the list has the name just so, also with the `+` of "or any later version"."""
    plain = name.removesuffix("+")
    return bool(_OWN.fullmatch(name)) or any(spdx_ids().get(n.lower()) == n for n in (name, plain))
