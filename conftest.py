"""Doctests of the files that import Argilla run in its environment (`uvx nox -s review`), and are not looked at elsewhere."""

import importlib.util

if importlib.util.find_spec("argilla_server") is None:
    ENGINE = "annotation/server/engine"
    collect_ignore = [f"{ENGINE}/{name}.py" for name in ("conditions", "documents", "embedded", "prepare", "search")]
