"""The code version of a step: a hash of every source file that it can reach.

A run is its fingerprint (DESIGN rule 6), and code is part of it. Hashing the whole project would compute everything again after
any edit; hashing the version number would reuse results of other code. So the imports of a step's module are followed through
the project, and the versions of the libraries that decide about rows stand beside them.
"""

import ast
import hashlib
import sys
import unicodedata
from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("curation", "synth", "annotation")


@cache
def _imports(module: str) -> tuple[bytes, tuple[str, ...]]:
    """SHA-256 of a module's source and the project's modules that it imports, at top or inside functions."""
    path = ROOT / Path(*module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    if not file.exists():
        return b"", ()
    source = file.read_bytes()
    found = set()
    for node in ast.walk(ast.parse(source)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        found |= {n for n in names if n.split(".")[0] in PACKAGES}
    return hashlib.sha256(source).digest(), tuple(sorted(found))


@cache
def of_module(module: str) -> str:
    """Hex hash of a module and all of the project that it can reach by imports."""
    reached, todo = {}, [module]
    while todo:
        name = todo.pop()
        if name not in reached:
            reached[name], more = _imports(name)
            todo += more
    digest = hashlib.sha256()
    for name in sorted(n for n, source in reached.items() if source):
        digest.update(name.encode() + b"\0" + reached[name])
    return digest.hexdigest()[:16]


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
