"""A recipe as a file: found by name or path, read, and changed by what the command line says."""

import difflib
from pathlib import Path
from typing import Any

import yaml

from recipes.engine.errors import RecipeError
from recipes.engine.spec import Recipe, parse, step_labels

FOLDER = Path(__file__).resolve().parent.parent
"""The folder of the recipes that come with the project."""


def find(name: str) -> Path:
    """Path of a recipe given as a path or as the name of one that comes with the project. Raises RecipeError."""
    if (path := Path(name)).suffix in (".yaml", ".yml", ".py"):
        if path.exists():
            return path
        raise RecipeError(f"{name}: there is no such recipe file. Recipes here: {', '.join(packaged())}")
    for suffix in (".yaml", ".py"):
        if (path := FOLDER / f"{name}{suffix}").exists():
            return path
    near = difflib.get_close_matches(name, packaged(), 1)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    raise RecipeError(f"no recipe '{name}'.{hint} Recipes here: {', '.join(packaged())}; a file is given by its path.")


def packaged() -> list[str]:
    """Names of the recipes that come with the project."""
    return sorted(p.stem for p in FOLDER.glob("*.yaml"))


def load(path: Path, overrides: list[str] | None = None, files: list[str] | None = None) -> Recipe:
    """Reads a recipe, applies `stage.step.key=value` overrides, and replaces the first source's files by `files`.

    Raises RecipeError naming the file, the place and the nearest valid key.
    """
    if path.suffix == ".py":
        return _from_python(path)
    data = _inline_sources(_read(path))
    for text in overrides or []:
        _override(data, text, path.name)
    recipe = parse(data, path.name)
    for source in recipe.sources.values():
        source.files = [_absolute(f, path.parent) for f in source.files]
    if files:
        next(iter(recipe.sources.values())).files = files
    return recipe


def _read(path: Path) -> dict[str, Any]:
    """A recipe's mapping; one that says `like: OTHER` takes every key that it does not state from that recipe."""
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path.name}: not YAML: {error}") from error
    if not isinstance(data, dict):
        raise RecipeError(f"{path.name}: a recipe is a mapping with name, version, sources and stages")
    if "like" in data:
        base = data.pop("like")
        beside = path.parent / f"{base}.yaml"
        data = _read(beside if beside.exists() else find(str(base))) | data
    return data


def _from_python(path: Path) -> Recipe:
    import runpy

    made = runpy.run_path(str(path)).get("recipe")
    if not isinstance(made, Recipe):
        raise RecipeError(f"{path.name}: a Python recipe defines `recipe = Recipe(...)`")
    return made


def _inline_sources(data: dict[str, Any]) -> dict[str, Any]:
    """A stage that reads a mapping gets a source of its own, named after it."""
    data = dict(data)
    data["sources"] = dict(data.get("sources") or {})
    stages = data.get("stages")
    if isinstance(stages, list):
        data["stages"] = [dict(s) if isinstance(s, dict) else s for s in stages]
        for stage in data["stages"]:
            if isinstance(stage, dict) and isinstance(stage.get("read"), dict):
                source = f"{stage.get('name', 'stage')}_source"
                data["sources"][source], stage["read"] = stage["read"], source
    return data


def _absolute(file: str, folder: Path) -> str:
    return file if "://" in file or file.startswith("/") else str((folder / file).resolve())


def _override(data: dict[str, Any], text: str, where: str) -> None:
    """Applies one `--set`: `version=…`, `partitions=…`, `sources.NAME.KEY=…` or `STAGE.STEP.KEY=…`."""
    path, equals, raw = text.partition("=")
    keys = path.split(".")
    if not equals or not all(keys):
        raise RecipeError(f"--set {text}: write stage.step.key=value")
    value = yaml.safe_load(raw)
    if len(keys) == 1 and keys[0] in Recipe.model_fields:
        data[keys[0]] = value
        return
    if keys[0] == "sources" and len(keys) == 3 and keys[1] in data["sources"]:
        source = data["sources"][keys[1]]
        data["sources"][keys[1]] = ({"files": source} if isinstance(source, str) else dict(source)) | {keys[2]: value}
        return
    stages = {s.get("name"): s for s in data.get("stages", []) if isinstance(s, dict)}
    if keys[0] not in stages or len(keys) < 3:
        near = difflib.get_close_matches(keys[0], [str(s) for s in stages], 1)
        hint = f"; did you mean '{near[0]}'?" if near else ""
        raise RecipeError(
            f"--set {text}: {where} has no stage '{keys[0]}' (stages: {', '.join(map(str, stages))}){hint}"
        )
    stage = stages[keys[0]]
    steps = list(stage.get("steps") or [])
    labels = step_labels([s if isinstance(s, str) else next(iter(s)) for s in steps])
    if keys[1] not in labels:
        raise RecipeError(f"--set {text}: stage '{keys[0]}' has no step '{keys[1]}' (steps: {', '.join(labels)})")
    at = labels.index(keys[1])
    name, params = (steps[at], {}) if isinstance(steps[at], str) else next(iter(steps[at].items()))
    params = inner = dict(params or {})
    for k in keys[2:-1]:
        inner[k] = dict(inner.get(k) or {})
        inner = inner[k]
    inner[keys[-1]] = value
    steps[at] = {name: params}
    stage["steps"] = steps
