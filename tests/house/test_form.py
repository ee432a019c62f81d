"""The form of the code: names of rooms, docstrings, sizes of files, and nothing of anybody's machine."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("curation", "synth", "annotation", "recipes")
ROOMS = {"utils", "util", "common", "helpers", "helper", "core", "misc", "base"}
CONTRACT = {"columns", "survey", "setup", "run", "teardown"}
"""Methods that a step inherits with their docstring."""

LONG = {
    "tests": 400,  # corpora of hand-worked cases are read one case at a time
    "_kernel.py": 400,  # one loop over the bytes, which would only be slower in pieces
    "_scan.py": 470,
    "noxfile.py": 360,  # nox reads one file
    "extract/markup.py": 420,  # the plain reference of such a loop, kept in the same order
}
"""Folders and endings of files that may pass 300 lines, and why."""

SOURCES = sorted(p for package in PACKAGES for p in (ROOT / package).rglob("*.py"))
SCRIPTS = [ROOT / "noxfile.py", *sorted((ROOT / "benchmarks").glob("*.py"))]


def tracked() -> list[Path]:
    """Files that are in the repository, or will be."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [path for line in listed.stdout.splitlines() if (path := ROOT / line).is_file()]


def undocumented(path: Path) -> Iterator[str]:
    """Public names of a file that say nothing about themselves."""
    module = ast.parse(path.read_text(encoding="utf-8"), str(path))
    where = path.relative_to(ROOT)
    if not ast.get_docstring(module) and (module.body or path.name != "__init__.py"):
        yield f"{where}: the module"
    for node in module.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            if not ast.get_docstring(node):
                yield f"{where}:{node.lineno} {node.name}"
            members = node.body if isinstance(node, ast.ClassDef) else []
            for member in members:
                public = isinstance(member, ast.FunctionDef) and not member.name.startswith("_")
                if public and not (node.bases and member.name in CONTRACT) and not ast.get_docstring(member):  # type: ignore[arg-type]
                    yield f"{where}:{member.lineno} {node.name}.{member.name}"


def test_every_public_name_explains_itself():
    assert not [name for path in SOURCES + SCRIPTS for name in undocumented(path)]


def test_there_is_no_room_for_odds_and_ends():
    assert not [str(p.relative_to(ROOT)) for p in SOURCES if ROOMS & {part.removesuffix(".py") for part in p.parts}]


def test_files_hold_one_thing_each():
    long = {}
    for path in tracked():
        if path.suffix == ".py":
            name = str(path.relative_to(ROOT))
            limit = max(
                (lines for part, lines in LONG.items() if name.startswith(part) or name.endswith(part)), default=300
            )
            if (lines := path.read_text(encoding="utf-8").count("\n")) > limit:
                long[name] = lines
    assert not long


def test_nothing_names_a_machine():
    somewhere = re.compile(r"(?<![\w.:/~-])/(?:root|work|home|Users|opt)/[\w.-]+|[A-Z]:\\Users\\")
    found = {}
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        if hit := somewhere.search(text):
            found[str(path.relative_to(ROOT))] = hit[0]
    assert not found
