"""Imports point up and stay light: who may import whom, and what a recipe's check may load."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from recipes.engine.blocks import STEPS

ROOT = Path(__file__).resolve().parents[2]
MAY_IMPORT = {
    "curation": set(),
    "synth": {"curation"},
    "annotation": {"curation", "synth"},
    "recipes": {"curation", "synth", "annotation"},
}
HEAVY = {
    "numba", "torch", "polars", "fasttext", "resiliparse", "trafilatura", "sudachipy", "fastwarc", "lxml", "datasets",
    "transformers", "vllm", "ray", "argilla", "pandas", "hojichar", "aiohttp", "xllamacpp",
}  # fmt: skip
BENCHMARKS = {"benchmarks", "tests"}


def imported(path: Path) -> set[str]:
    """First parts of all names that a file imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: imports are absolute, so that the direction can be read"
            names.add((node.module or "").split(".")[0])
    return names


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_point_up(package: str):
    forbidden = (MAY_IMPORT.keys() | BENCHMARKS) - MAY_IMPORT[package] - {package}
    wrong = {str(p.relative_to(ROOT)): bad for p in (ROOT / package).rglob("*.py") if (bad := imported(p) & forbidden)}
    assert not wrong, f"{package} may import {sorted(MAY_IMPORT[package]) or 'none of the others'}"


def loaded_after(code: str) -> set[str]:
    """Heavy libraries that a fresh process has loaded after running the code."""
    script = f"{code}\nimport sys\nprint(*{{m.split('.')[0] for m in sys.modules}})"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    return set(ended.stdout.split()) & HEAVY


def test_all_steps_are_imported_without_a_heavy_library():
    modules = sorted({where.partition(":")[0] for where in STEPS.values()})
    assert not loaded_after("\n".join(f"import {module}" for module in modules))


def test_engines_and_tasks_are_imported_without_a_heavy_library():
    files = sorted(p.relative_to(ROOT).with_suffix("") for p in (ROOT / "synth").rglob("*.py"))
    modules = [".".join(p.parts).removesuffix(".__init__") for p in files]
    assert not loaded_after("\n".join(f"import {module}" for module in modules))


def test_the_command_line_starts_without_a_heavy_library():
    assert not loaded_after("import recipes.engine.cli, recipes.engine.plan, recipes.engine.spec")


def test_parquet_is_read_by_the_thread_that_asks():
    """pyarrow's pool threads, whether they decode or read ahead, may abort a process that ends (curation/parquet_file.py)."""
    found = []
    for package in MAY_IMPORT:
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                    continue
                made, given = ast.unparse(node.func), {k.arg: ast.unparse(k.value) for k in node.keywords}
                if made in ("pq.read_table", "pq.read_pandas", "ds.dataset") or (
                    made == "pq.ParquetFile" and given.get("pre_buffer") != "False"
                ):
                    found.append(f"{path.relative_to(ROOT)}:{node.lineno}: {made}")
    assert not found
