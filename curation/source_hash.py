"""The version of a module's code: a hash of every source file of the project that it can reach by imports.

Hashing the whole project would make everything new after any edit; hashing the version number would take other code for the same.
Imports are found by their form in the source, at top or inside functions; what only looks like one makes a hash follow more.
"""

import hashlib
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("curation", "synth", "annotation")

_OURS = rf"((?:{'|'.join(PACKAGES)})\b[\w.]*)"
_FROM = re.compile(rf"^\s*from\s+{_OURS}\s+import\s+(\([^)]*\)|[^\n#]+)", re.M)
_PLAIN = re.compile(rf"^\s*import\s+{_OURS}", re.M)
_NAME = re.compile(r"(\w+)(?:\s+as\s+\w+)?")


@cache
def imports(module: str) -> tuple[bytes, tuple[str, ...]]:
    """SHA-256 of a module's source and the project's modules that it imports; (b"", ()) for what is no module of the project."""
    path = ROOT / Path(*module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    if not file.exists():
        return b"", ()
    source = file.read_text(encoding="utf-8")
    found = set(_PLAIN.findall(source))
    for origin, names in _FROM.findall(source):
        found |= {origin, *(f"{origin}.{name}" for name in _NAME.findall(names))}
    return hashlib.sha256(source.encode()).digest(), tuple(sorted(found))


@cache
def of_module(module: str) -> str:
    """Hex hash of a module and all of the project that it can reach by imports."""
    reached, todo = {}, [module]
    while todo:
        name = todo.pop()
        if name not in reached:
            reached[name], more = imports(name)
            todo += more
    digest = hashlib.sha256()
    for name in sorted(n for n, source in reached.items() if source):
        digest.update(name.encode() + b"\0" + reached[name])
    return digest.hexdigest()[:16]
