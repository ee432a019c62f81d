"""Whether a licence is one that the SPDX licence list knows: an id, or an expression of ids.

What rows and lists may be used for follows from this name, so a name that nobody can look up is refused. `LicenseRef-…` is SPDX's own
way to name a licence that the list does not have. The list comes with the package license-expression.
"""

import difflib
import re
from functools import cache
from typing import Annotated

from pydantic import AfterValidator

_OWN = re.compile(r"(DocumentRef-[A-Za-z0-9.-]+:)?LicenseRef-[A-Za-z0-9.-]+")


@cache
def spdx_ids() -> dict[str, str]:
    """Ids of the SPDX licence list and of its exceptions, by the id in lower case; deprecated ones too."""
    from license_expression import get_spdx_licensing

    names = (name for symbol in get_spdx_licensing().known_symbols.values() for name in (symbol.key, *symbol.aliases))
    return {name.lower(): name for name in names if not name.startswith("LicenseRef-")}


def licence_fault(licence: str) -> str:
    """What is wrong with a licence that is no SPDX id, SPDX expression or `LicenseRef-…`, naming the nearest id; "" if nothing is.

    >>> licence_fault("CC-BY-SA-4.0 OR LicenseRef-own-terms")
    ''
    >>> licence_fault("Apache 2.0")[:66]
    "licence 'Apache 2.0' is not in the SPDX list; did you mean 'Apache"
    """
    from license_expression import ExpressionError, Licensing

    try:
        names = [str(s) for s in Licensing().license_symbols(licence, unique=True, decompose=True)]
    except ExpressionError:
        names = [licence]
    unknown = [name for name in names if not _known(name)]
    if names and not unknown:
        return ""
    name = unknown[0] if unknown else licence
    near = difflib.get_close_matches(name.lower().replace(" ", "-"), spdx_ids(), 1)
    hint = f"; did you mean '{spdx_ids()[near[0]]}'? " if near else ". "
    return (
        f"licence '{name}' is not in the SPDX list{hint}"
        "Write an SPDX id or expression (spdx.org/licenses), or LicenseRef-NAME for terms of their own"
    )


def known_licence(licence: str) -> str:
    """The licence itself. Raises ValueError with `licence_fault` where there is one.

    >>> known_licence("Apache-2.0")
    'Apache-2.0'
    """
    if fault := licence_fault(licence):
        raise ValueError(fault)
    return licence


def _known(name: str) -> bool:
    """Whether the list has the name just so, also with the `+` of "or any later version"."""
    plain = name.removesuffix("+")
    return bool(_OWN.fullmatch(name)) or any(spdx_ids().get(n.lower()) == n for n in (name, plain))


Licence = Annotated[str, AfterValidator(known_licence)]
"""A field of a pydantic model that must be an SPDX id, an SPDX expression or `LicenseRef-…`."""
