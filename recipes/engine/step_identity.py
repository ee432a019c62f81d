"""What makes a step the same step: its name, its parameters, the files it was given, and its code (DESIGN rule 6)."""

import hashlib
from typing import Any

from curation.step import Step
from recipes.engine import code_version

_SET_BY_ENGINE = ("stage", "name", "needs", "libraries", "tables", "table_urls")


def identity(step: Step) -> dict[str, Any]:
    """The identity of a step as plain data. What only says where from and how fast (`elsewhere`) is no part of it."""
    cls = type(step)
    params = dict(step.recipe_parameters) or {
        k: v
        for k, v in vars(step).items()
        if isinstance(v, str | int | float | bool | list | dict | tuple | None) and k not in _SET_BY_ENGINE
    }
    params = {k: v for k, v in params.items() if k not in step.elsewhere}
    files = {k: hashlib.sha256(v).hexdigest()[:16] for k, v in step.artefacts().items()}
    made = {"code": code_version.of_class(cls), "libraries": code_version.libraries(step.libraries)}
    return {"step": step.name, "with": params, "files": files, **made}
