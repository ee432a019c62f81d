"""The code version of a step: its class, every source file that it can reach, and the libraries that decide about rows.

A run is its fingerprint (DESIGN rule 6), and code is part of it.
"""

import hashlib
import sys
import unicodedata
from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from curation.source_hash import PACKAGES, of_module


@cache
def of_class(cls: type) -> str:
    """Hex hash of a class's code: of its module for the project's own, of its file for a team's own, of its functions else."""
    if cls.__module__.split(".")[0] in PACKAGES:
        return of_module(cls.__module__)
    file = getattr(sys.modules.get(cls.__module__), "__file__", None)
    if file and Path(file).exists():
        source = Path(file).read_bytes()
    else:  # defined in a recipe file or typed in
        source = repr(sorted(_functions(cls))).encode()
    parents = [of_class(base) for base in cls.__bases__ if base.__module__ not in ("builtins", "abc")]
    return hashlib.sha256(source + "".join(parents).encode()).hexdigest()[:16]


def _functions(cls: type) -> list[tuple[str, str]]:
    """Names of a class's functions with their code, and its other values as they print."""
    found = []
    for name, value in vars(cls).items():
        code = getattr(getattr(value, "fget", value), "__code__", None)
        if code is not None:
            found.append((name, f"{code.co_code.hex()} {code.co_consts!r} {code.co_names!r}"))
        elif not name.startswith("__"):
            found.append((name, repr(value)))
    return found


def libraries(names: Iterable[str]) -> dict[str, str]:
    """Versions of distributions that decide about rows, of those that are installed, and of the Unicode data."""
    found = {"unicode": unicodedata.unidata_version}
    for name in sorted(names):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
