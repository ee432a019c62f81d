"""How tests are collected and what they draw, for doctests and tests alike.

A property is tried on the same examples every time, however slow the machine: a change fails for what it changes, and `uvx nox -s
nightly` looks for examples that nobody has seen. Doctests of the files that import Argilla run in its environment (`uvx nox -s
review`), and are not looked at elsewhere.
"""

import contextlib
import importlib
import importlib.util
from pathlib import Path

ROOT = Path(__file__).resolve().parent
PACKAGES = ("curation", "synth", "annotation", "recipes")

if importlib.util.find_spec("argilla_server") is None:
    ENGINE = "annotation/server/engine"
    collect_ignore = [f"{ENGINE}/{name}.py" for name in ("conditions", "documents", "embedded", "prepare", "search")]

with contextlib.suppress(ImportError):  # trainers' environments do without
    from hypothesis import HealthCheck, settings

    settings.register_profile("unseen", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("ci")


def pytest_collect_file(file_path: Path) -> None:
    """Imports a file of the packages as everybody else does, before pytest does it in its own way.

    A file that its package imports would be there twice otherwise, and the second be put where the package has a function of the same
    name: `report.page_samples(…)` would call a module.
    """
    parts = file_path.relative_to(ROOT).with_suffix("").parts if file_path.is_relative_to(ROOT) else ()
    if parts and parts[0] in PACKAGES and file_path.suffix == ".py":
        with contextlib.suppress(Exception):  # pytest meets it again, and tells it
            importlib.import_module(".".join(parts).removesuffix(".__init__"))
