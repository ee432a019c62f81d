"""A recipe as a file: found by name or path, read, and changed by what the command line says."""

import difflib
import runpy
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from curation.yaml_file import load_yaml, yaml_fault
from recipes.engine.errors import RecipeError
from recipes.engine.file_systems import on_disk
from recipes.engine.inherited_paths import with_absolute_files
from recipes.engine.spec import KINDS, Recipe, SourceSpec, parse, step_labels

FOLDER = Path(__file__).resolve().parent.parent
"""The folder of the recipes that come with the project."""

POLICY = FOLDER / "policy.yaml"
"""Which models and documents may enter training data: no recipe, but beside them."""


def find(name: str) -> Path:
    """Path of a recipe given as a path or as the name of one that comes with the project. Raises RecipeError."""
    if (path := on_disk(name, "recipe")).suffix in (".yaml", ".yml", ".py"):
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
    return sorted(p.stem for p in FOLDER.glob("*.yaml") if p != POLICY)


def default_out(recipe: Recipe) -> str:
    """Where a run goes without --out: runs/NAME in the current folder."""
    return str(Path("runs") / recipe.name)


def load(path: Path, overrides: list[str] | None = None, files: list[str] | None = None) -> Recipe:
    """Reads a recipe, applies `stage.step.key=value` overrides, and replaces the first source's files by `files`.

    Raises RecipeError naming the file, the place and the nearest valid key.
    """
    if path.suffix == ".py":
        if overrides:
            raise RecipeError(f"--set {overrides[0]}: {path.name} is a Python recipe; change the value in it")
        recipe = _from_python(path)
    else:
        data = _inline_sources(_read(path))
        try:
            for text in overrides or []:
                _override(data, text, path.name)
        except (TypeError, ValueError, AttributeError, StopIteration):
            parse(data, path.name)  # a value that is no stage, no step, no mapping is named there
            raise
        recipe = parse(data, path.name)
    for source in recipe.sources.values():
        source.files = [_absolute(f, path.parent) for f in source.files]
    if recipe.forgotten is not None:
        recipe.forgotten = _absolute(recipe.forgotten, path.parent)
    if files:
        next(iter(recipe.sources.values())).files = files
    return recipe


def _read(path: Path, likes: tuple[Path, ...] = ()) -> dict[str, Any]:
    """A recipe's mapping; `likes` are the files that were read on the way to it.

    One that says `like: OTHER` takes every key and every stage that it does not state from that recipe. A stage with the name of
    one of the other's takes its place; a new one comes before the stage that follows it here, or at the end. Files that the other
    names lie beside it.
    """
    try:
        data = load_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecipeError(f"{path}: cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RecipeError(yaml_fault(error, path.name)) from error
    if not isinstance(data, dict):
        raise RecipeError(f"{path.name}: a recipe is a mapping with name, version, sources and stages")
    if "like" in data:
        of = _liked(data.pop("like"), path)
        if of.resolve() in (mine := (*likes, path.resolve())):
            raise RecipeError(
                f"{path.name}: like: {of.name} is like this recipe itself, by {' → '.join(p.name for p in mine)}"
            )
        other = _read(of, mine)
        if of.resolve().parent != path.resolve().parent:
            other = with_absolute_files(other, of.parent)
        data = other | data | {"stages": _stages(other.get("stages"), data.get("stages"))}
    return data


def _liked(base: Any, path: Path) -> Path:
    """The recipe that another is like: beside it, or one that comes with the project."""
    if not isinstance(base, str) or not base:
        raise RecipeError(f"{path.name}: like: names another recipe, not {str(base)[:60]!r}")
    beside = path.parent / f"{base}.yaml"
    try:
        return beside if beside.exists() else find(base)
    except (RecipeError, OSError, ValueError) as error:
        raise RecipeError(f"{path.name}: like: {error}") from None


def _stages(old: Any, new: Any) -> Any:
    """The stages of one recipe with those of another in their places; what is no list of stages is left for the check to name."""
    if not isinstance(old, list) or not isinstance(new, list):
        return old if new is None else new
    names = {str(stage.get("name")) for stage in old if isinstance(stage, dict)}
    placed: dict[Any, list[Any]] = {}
    waiting: list[Any] = []
    for stage in new:
        waiting.append(stage)
        if isinstance(stage, dict) and str(stage.get("name")) in names:
            placed.setdefault(str(stage["name"]), []).extend(waiting)
            waiting = []
    kept = [one for s in old for one in (placed.get(str(s.get("name")), [s]) if isinstance(s, dict) else [s])]
    return [*kept, *waiting]


def _from_python(path: Path) -> Recipe:
    """The `recipe` that a Python file defines; an error in it is told with its line, as far as it is the file's own."""
    try:
        made = runpy.run_path(str(path)).get("recipe")
    except RecipeError:
        raise
    except SyntaxError as error:
        raise RecipeError(f"{error.filename or path}, line {error.lineno}: no Python: {error.msg}") from error
    except ValidationError as error:
        said = "; ".join(
            f"{'.'.join(map(str, e['loc']))}: {e['msg'].removeprefix('Value error, ')}" for e in error.errors()
        )
        raise RecipeError(f"{path.name}{_line(error, path)}: {said}") from error
    except Exception as error:
        raise RecipeError(f"{path.name}{_line(error, path)}: {type(error).__name__}: {error}") from error
    if not isinstance(made, Recipe):
        raise RecipeError(f"{path.name}: a Python recipe defines `recipe = Recipe(...)`")
    return made


def _line(error: BaseException, path: Path) -> str:
    """The last line of the file that the error came through."""
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if Path(f.filename) == path]
    return f", line {lines[-1]}" if lines else ""


def _inline_sources(data: dict[str, Any]) -> dict[str, Any]:
    """A stage that reads a mapping gets a source of its own, named after it."""
    data = dict(data)
    if isinstance(data.get("sources") or {}, dict):  # what is none is left for the check to name
        data["sources"] = dict(data.get("sources") or {})
    stages = data.get("stages")
    if isinstance(stages, list):
        data["stages"] = [dict(s) if isinstance(s, dict) else s for s in stages]
        for stage in data["stages"]:
            if isinstance(stage, dict) and isinstance(stage.get("read"), dict) and isinstance(data["sources"], dict):
                source = f"{stage.get('name', 'stage')}_source"
                data["sources"][source], stage["read"] = stage["read"], source
    return data


def _absolute(file: str, folder: Path) -> str:
    return file if "://" in file or file.startswith("/") else str((folder / file).resolve())


def _override(data: dict[str, Any], text: str, where: str) -> None:
    """Applies one `--set`: `version=…`, `sources.NAME.KEY=…`, `sources.NAME.options.KEY=…` or `STAGE.STEP.KEY=…`."""
    path, equals, raw = text.partition("=")
    keys = path.split(".")
    if not equals or not all(keys):
        raise RecipeError(f"--set {text}: write stage.step.key=value")
    try:
        value = load_yaml(raw)
    except yaml.YAMLError as error:
        raise RecipeError(f"--set {yaml_fault(error, text)}; put a text with such signs into quotes") from error
    if len(keys) == 1 and keys[0] in Recipe.model_fields:
        data[keys[0]] = value
    elif keys[0] in {g.get("name") for g in data.get("generate") or [] if isinstance(g, dict)}:
        _override_named(data, "generate", keys, value, text)
    elif keys[0] in {j.get("name") for j in data.get("judge") or [] if isinstance(j, dict)}:
        _override_named(data, "judge", keys, value, text)
    elif keys[0] in {p.get("name") for p in data.get("pairs") or [] if isinstance(p, dict)}:
        _override_named(data, "pairs", keys, value, text)
    elif keys[0] == "release" and len(keys) > 1:
        data["release"] = _nested(dict(data.get("release") or {}), keys[1:], value, text)
    elif keys[0] == "sources":
        _override_source(data["sources"], keys[1:], value, text, where)
    else:
        _override_step(data, keys, value, text, where)


def _override_named(data: dict[str, Any], what: str, keys: list[str], value: Any, text: str) -> None:
    """`--set NAME.KEY[.KEY…]=value` for a generation, a jury or a set of pairs: what the keys are is for its check to say."""
    if len(keys) < 2:
        raise RecipeError(f"--set {text}: write {keys[0]}.KEY=value")
    data[what] = [_nested(dict(g), keys[1:], value, text) if g.get("name") == keys[0] else g for g in data[what]]


def _nested(inner: dict[str, Any], keys: list[str], value: Any, text: str) -> dict[str, Any]:
    if len(keys) == 1:
        return inner | {keys[0]: value}
    below = inner.get(keys[0])
    if below is not None and not isinstance(below, dict):
        raise RecipeError(f"--set {text}: '{keys[0]}' is a value and has no key '{keys[1]}'")
    return inner | {keys[0]: _nested(dict(below or {}), keys[1:], value, text)}


def _override_source(sources: dict[str, Any], keys: list[str], value: Any, text: str, where: str) -> None:
    if len(keys) < 2 or (len(keys) > 2 and keys[1] != "options") or len(keys) > 3:
        raise RecipeError(f"--set {text}: write sources.NAME.KEY=value or sources.NAME.options.KEY=value")
    name, key = keys[0], keys[1]
    if name not in sources:
        raise RecipeError(f"--set {text}: {where} has no source '{name}'{_hint(name, sources, 'sources')}")
    known = [*SourceSpec.model_fields, *KINDS]
    if key not in known:
        raise RecipeError(f"--set {text}: a source has no key '{key}'{_hint(key, known, 'keys')}")
    source = sources[name]
    source = dict(source) if isinstance(source, dict) else {"files": source}
    if len(keys) == 3:  # the plan holds the key against the reader's parameters
        value = dict(source.get("options") or {}) | {keys[2]: value}
    sources[name] = source | {key: value}


def _hint(name: str, known: Iterable[Any], what: str) -> str:
    """The names that there are, and the nearest one: the end of a message about a name that is not among them."""
    names = [str(k) for k in known]
    near = difflib.get_close_matches(name, names, 1)
    return f" ({what}: {', '.join(names) or 'none'})" + (f"; did you mean '{near[0]}'?" if near else "")


def _override_step(data: dict[str, Any], keys: list[str], value: Any, text: str, where: str) -> None:
    stages = {s.get("name"): s for s in data.get("stages", []) if isinstance(s, dict)}
    if keys[0] not in stages:
        raise RecipeError(f"--set {text}: {where} has no stage '{keys[0]}'{_hint(keys[0], stages, 'stages')}")
    stage = stages[keys[0]]
    steps = list(stage.get("steps") or [])
    labels = step_labels([s if isinstance(s, str) else next(iter(s)) for s in steps])
    if len(keys) > 1 and keys[1] not in labels:
        raise RecipeError(f"--set {text}: stage '{keys[0]}' has no step '{keys[1]}'{_hint(keys[1], labels, 'steps')}")
    if len(keys) < 3:
        step = f"{keys[0]}.{keys[1]}" if len(keys) > 1 else f"{keys[0]}.STEP"
        raise RecipeError(f"--set {text}: write stage.step.key=value, here {step}.KEY=value")
    at = labels.index(keys[1])
    name, params = (steps[at], {}) if isinstance(steps[at], str) else next(iter(steps[at].items()))
    params = inner = dict(params or {})
    for k in keys[2:-1]:
        inner[k] = dict(inner.get(k) or {})
        inner = inner[k]
    inner[keys[-1]] = value
    steps[at] = {name: params}
    stage["steps"] = steps
