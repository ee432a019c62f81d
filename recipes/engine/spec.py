"""The recipe as data: what a YAML file may say, and where it went wrong when it does not.

A recipe holds what changes the rows; where it runs is on the command line. The same classes make a recipe in Python:
`Recipe(name=..., version=..., sources={...}, stages=[Stage(...)])`, whose steps may be step objects instead of names.
"""

import difflib
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from recipes.engine.errors import RecipeError

FOLDER = Path(__file__).resolve().parent.parent
"""The folder of the recipes that come with the project."""

_KINDS = ("warc", "parquet", "jsonl")


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True, protected_namespaces=())


class SourceSpec(_Spec):
    """Where rows come from. `files` are paths, globs or fsspec URLs; a relative one starts at the recipe's folder."""

    files: list[str] = Field(default_factory=list)
    kind: Literal["warc", "parquet", "jsonl"] | None = None
    rights_basis: str | None = None
    licence: str | None = None
    options: dict[str, Any] = Field(default_factory=dict)
    """Parameters of the reader, e.g. max_record_bytes, text_key."""

    @model_validator(mode="before")
    @classmethod
    def _shorthand(cls, data: Any) -> Any:
        """`{warc: PATTERN}` stands for `{kind: warc, files: [PATTERN]}`."""
        if isinstance(data, str):
            return {"files": [data]}
        if isinstance(data, dict):
            data = dict(data)
            for kind in _KINDS:
                if kind in data:
                    data |= {"kind": kind, "files": data.pop(kind)}
            if isinstance(data.get("files"), str):
                data["files"] = [data["files"]]
        return data


class StepSpec(_Spec):
    """One step of a stage: its name and parameters, or a step object in a Python recipe."""

    name: str
    with_: dict[str, Any] = Field(default_factory=dict)
    made: Any = Field(default=None, exclude=True)

    @model_validator(mode="before")
    @classmethod
    def _short(cls, data: Any) -> Any:
        """`main_text`, `{threshold: {preset: swallow_v1}}` or a step object."""
        if isinstance(data, str):
            return {"name": data}
        if isinstance(data, dict) and len(data) == 1 and not {"name"} & data.keys():
            ((name, params),) = data.items()
            if params is not None and not isinstance(params, dict):
                raise ValueError(f"parameters of step '{name}' must be 'key: value' pairs, not {params!r}")
            return {"name": name, "with_": params or {}}
        if not isinstance(data, dict | StepSpec):
            from curation.step import Step

            if isinstance(data, Step):
                return {"name": data.name, "made": data}
            raise ValueError(f"a step is a name, or a name with its parameters, not {data!r}")
        return data


class Stage(_Spec):
    """Steps that run in one pass over the rows of a source or of an earlier stage."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    read: str
    steps: list[StepSpec] = Field(default_factory=list)
    needs: Literal["cpu", "gpu"] = "cpu"
    keep: list[str] | None = None
    """Columns that this stage's shards hold; all of them when not given."""


class Recipe(_Spec):
    """Sources, stages and what holds for all of them."""

    name: str = Field(pattern=r"^[a-z0-9_]+(/[a-z0-9_]+)*$")
    version: str
    sources: dict[str, SourceSpec]
    stages: list[Stage] = Field(min_length=1)
    partitions: int = 16
    rejected: dict[str, Literal["full", "key"]] = Field(default_factory=dict)
    """How much of a rejected row is kept, by reason, where it differs from the reason's own tier."""

    @field_validator("version", mode="before")
    @classmethod
    def _text(cls, value: Any) -> Any:
        return str(value) if isinstance(value, int | float) else value

    @field_validator("partitions")
    @classmethod
    def _power(cls, value: int) -> int:
        if value < 1 or value & (value - 1):
            raise ValueError(f"must be a power of two (rows are partitioned by high bits of their id), not {value}")
        return value

    @model_validator(mode="after")
    def _names(self) -> "Recipe":
        seen: set[str] = set(self.sources)
        for stage in self.stages:
            if stage.name in seen:
                raise ValueError(f"the name '{stage.name}' is used twice")
            if stage.read not in seen:
                near = difflib.get_close_matches(stage.read, seen, 1)
                hint = f"; did you mean '{near[0]}'?" if near else ""
                raise ValueError(
                    f"stage '{stage.name}' reads '{stage.read}', which is no source or earlier stage"
                    f" (there are: {', '.join(sorted(seen))}){hint}"
                )
            seen.add(stage.name)
        return self


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


def parse(data: dict[str, Any], where: str) -> Recipe:
    """A recipe from a mapping. Raises RecipeError."""
    try:
        return Recipe.model_validate(data)
    except ValidationError as error:
        raise RecipeError("\n".join(_said(e, data, where) for e in error.errors())) from None


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


def step_labels(names: list[str]) -> list[str]:
    """Names by which `--set` and reports call the steps of a stage: a name's second use gets a 2.

    >>> step_labels(["nfkc", "threshold", "threshold"])
    ['nfkc', 'threshold', 'threshold2']
    """
    out: list[str] = []
    for name in names:
        n = sum(o.rstrip("0123456789") == name for o in out)
        out.append(f"{name}{n + 1}" if n else name)
    return out


_MODELS: dict[str, type[BaseModel]] = {"sources": SourceSpec, "stages": Stage}


def _said(error: Any, data: dict[str, Any], where: str) -> str:
    """One validation error in words: the place, what was found, what would be right."""
    loc = list(error["loc"])
    model: type[BaseModel] = _MODELS.get(str(loc[0]), Recipe) if len(loc) > 1 else Recipe
    place = where
    if loc and loc[0] == "stages" and len(loc) > 1:
        stage = data["stages"][loc[1]] if isinstance(loc[1], int) else {}
        label = stage.get("name", f"number {loc[1] + 1}") if isinstance(stage, dict) else f"number {loc[1] + 1}"
        place += f", stage '{label}'"
        if len(loc) > 3 and loc[2] == "steps":
            place, model = f"{place}, step {int(loc[3]) + 1}", StepSpec
    elif loc and loc[0] == "sources" and len(loc) > 1:
        place += f", source '{loc[1]}'"
    if error["type"] == "extra_forbidden":
        key = str(loc[-1])
        valid = [*model.model_fields, *(_KINDS if model is SourceSpec else ())]
        near = difflib.get_close_matches(key, valid, 1)
        hint = f"did you mean '{near[0]}'?" if near else f"keys here: {', '.join(valid)}"
        return f"{place}: unknown key '{key}'; {hint}"
    if error["type"] == "missing":
        return f"{place}: the key '{loc[-1]}' is missing"
    message = error["msg"].removeprefix("Value error, ")
    at = f"'{loc[-1]}': " if loc and isinstance(loc[-1], str) and loc[-1] != "name" else ""
    return f"{place}: {at}{message}"
