"""Files that a generation names: a relative path begins at the recipe's folder, whatever the command's folder is.

What a recipe says stays as it is in fingerprints and manifests, so that a recipe may be moved together with its files.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from recipes.engine.errors import RecipeError
from recipes.engine.generation.engines import EngineChoice, packaged_weights
from synth.engine.request import RequestError
from synth.models import Policy
from synth.obligations import PolicyError
from synth.tasks.task import Task
from synth.weights import ModelFolderError, licence_texts

ENGINE_PATHS = ("path", "licence", "log")
"""Keys of an engine that name a file or a folder."""


def engine_placed(engine: Mapping[str, Mapping[str, Any]], folder: Path) -> dict[str, dict[str, Any]]:
    """A recipe's `engine` with its files found from the recipe's folder."""
    return {
        kind: {k: placed(v, folder) if k in ENGINE_PATHS and isinstance(v, str) else v for k, v in params.items()}
        for kind, params in engine.items()
    }


def task_placed(cls: type[Task], params: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """A task's parameters with its files found likewise: in `cls.paths`, what has a suffix is a file, the rest are names."""
    return {k: _each(v, folder) if k in cls.paths else v for k, v in params.items()}


def placed(file: str, folder: Path) -> str:
    """Where a file lies that a recipe in `folder` names; addresses stay as they are.

    >>> placed("models/m.gguf", Path("/recipes")), placed("/m.gguf", Path("/recipes")), placed("s3://b/m", Path("/recipes"))
    ('/recipes/models/m.gguf', '/m.gguf', 's3://b/m')
    """
    return file if "://" in file else str(folder / file)


def check_model(engine: EngineChoice, policy: Policy, place: str) -> None:
    """The model that an engine is to load is there, with the licence text that was reviewed. Hashes that text alone.

    Raises RecipeError; whether the weights are those of the policy's entry is seen when they are loaded.
    """
    params = dict(engine.params)
    path, licence = params.get("path"), params.get("licence")
    if engine.model is None or engine.missing:
        return
    try:
        if package := params.get("package"):
            path, licence = packaged_weights(package)
        if path is not None:
            found = licence_texts(path, licence)
            policy.check_reviewed(engine.model, engine.revision, found, str(path))
    except (ModelFolderError, PolicyError, RequestError) as error:
        raise RecipeError(f"{place}: {error}") from error


def _each(value: Any, folder: Path) -> Any:
    if isinstance(value, list):
        return [_each(one, folder) for one in value]
    return placed(value, folder) if isinstance(value, str) and Path(value).suffix else value
