"""The recipe as data: what a YAML file may say, and where it went wrong when it does not.

A recipe holds what changes the rows; where it runs is on the command line. The same classes make a recipe in Python:
`Recipe(name=..., version=..., sources={...}, stages=[Stage(...)])`, whose steps may be step objects instead of names.
"""

import difflib
import re
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from curation.classify.train_spec import TrainSpec
from recipes.engine.errors import RecipeError
from recipes.engine.generation.spec import GenerateSpec, ReleaseSpec
from recipes.engine.judging.spec import JurySpec
from recipes.engine.pairs.spec import PairsSpec

KINDS = ("warc", "parquet", "jsonl", "ranges")
"""Kinds of input files, each a key of a source that stands for `kind` and `files`."""


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True, protected_namespaces=())


class SourceSpec(_Spec):
    """Where rows come from. `files` are paths, globs or fsspec URLs; a relative one starts at the recipe's folder."""

    files: list[str] = Field(default_factory=list)
    kind: Literal["warc", "parquet", "jsonl", "ranges"] | None = None
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
            for kind in KINDS:
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
    read: str | list[str]
    """A source, an earlier stage, or several earlier stages whose rows are read as one."""
    steps: list[StepSpec] = Field(default_factory=list)
    needs: Literal["cpu", "gpu"] = "cpu"
    keep: list[str] | None = None
    """Columns that this stage's shards hold; all of them when not given."""

    @property
    def reads(self) -> list[str]:
        """What it reads, as a list."""
        return [self.read] if isinstance(self.read, str) else self.read


class Recipe(_Spec):
    """Sources, stages and what holds for all of them."""

    name: str = Field(pattern=r"^[a-z0-9_]+(/[a-z0-9_]+)*$")
    version: str
    sources: dict[str, SourceSpec]
    stages: list[Stage] = Field(min_length=1)
    partitions: int = 16
    rejected: dict[str, Literal["full", "key"]] = Field(default_factory=dict)
    """How much of a rejected row is kept, by reason, where it differs from the reason's own tier."""
    generate: list[GenerateSpec] = Field(default_factory=list)
    """Instruction data made from the rows of a stage."""
    judge: list[JurySpec] = Field(default_factory=list)
    """Juries of models that compare the answers of generations."""
    pairs: list[PairsSpec] = Field(default_factory=list)
    """Preference pairs made from the answers of generations."""
    release: ReleaseSpec | None = None
    """What generated rows are released for, and under which conditions."""
    policy: str | None = None
    """A policy file of one's own in place of the project's (`recipes/policy.yaml`); a relative path begins at the recipe's folder."""
    purpose: Literal["train_internal", "share", "publish"] = "train_internal"
    """What the released pages are for: shared or published is only what stands under a licence that the policy lists as open."""
    licence_links: bool = False
    """Whether the licence that a page's own link names counts, where its source declares none."""
    forgotten: str | None = None
    """Folder of tombstones (docs/rights.md) in place of the one beside the run; a relative path begins at the recipe's folder."""
    train: TrainSpec | None = None
    """A quality model that `seimai train` makes from the released rows."""

    @field_validator("version", mode="before")
    @classmethod
    def _text(cls, value: Any) -> Any:
        return str(value) if isinstance(value, int | float) else value

    @field_validator("version")
    @classmethod
    def _folder(cls, value: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", value) or value == "stages":
            raise ValueError(f"names a folder: letters, digits, '.', '_' and '-', and not 'stages'; found {value!r}")
        return value

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
            for read in stage.reads:
                if read not in seen:
                    near = difflib.get_close_matches(read, seen, 1)
                    hint = f"; did you mean '{near[0]}'?" if near else ""
                    raise ValueError(
                        f"stage '{stage.name}' reads '{read}', which is no source or earlier stage"
                        f" (there are: {', '.join(sorted(seen))}){hint}"
                    )
                if len(stage.reads) > 1 and read in self.sources:
                    raise ValueError(
                        f"stage '{stage.name}' reads several: each must be an earlier stage, and '{read}' is a source; "
                        "put it through a stage of its own first"
                    )
            if len(set(stage.reads)) != len(stage.reads) or not stage.reads:
                raise ValueError(
                    f"stage '{stage.name}': 'read' must name something, and nothing twice; found {stage.read}"
                )
            seen.add(stage.name)
        stages = {stage.name for stage in self.stages}
        for one in self.generate:
            if one.name in seen:
                raise ValueError(f"the name '{one.name}' is used twice")
            if one.read not in stages:
                near = difflib.get_close_matches(one.read, stages, 1)
                hint = f"; did you mean '{near[0]}'?" if near else ""
                raise ValueError(
                    f"generate '{one.name}' reads '{one.read}', which is no stage (there are: {', '.join(sorted(stages))}){hint}"
                )
            seen.add(one.name)
        for one in (*self.judge, *self.pairs):
            if one.name in seen:
                raise ValueError(f"the name '{one.name}' is used twice")
            seen.add(one.name)
        return self


def parse(data: dict[str, Any], where: str) -> Recipe:
    """A recipe from a mapping. Raises RecipeError."""
    try:
        return Recipe.model_validate(data)
    except ValidationError as error:
        raise RecipeError("\n".join(_said(e, data, where) for e in error.errors())) from None


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


_MODELS: dict[str, type[BaseModel]] = {
    "sources": SourceSpec,
    "stages": Stage,
    "generate": GenerateSpec,
    "judge": JurySpec,
    "pairs": PairsSpec,
}


def _generation_place(loc: list[Any], data: dict[str, Any], place: str) -> tuple[str, type[BaseModel]]:
    """Where in a generation, a set of pairs, or the release's conditions a mistake is, and whose keys would be right there."""
    whole: Any = data[loc[0]]
    model: type[BaseModel] = ReleaseSpec if loc[0] == "release" else _MODELS[loc[0]]
    rest = loc[1:]
    if loc[0] in ("generate", "judge", "pairs") and rest and isinstance(rest[0], int):
        one = whole[rest[0]] if isinstance(whole, list) else {}
        place += f", {loc[0]} '{one.get('name', f'number {rest[0] + 1}') if isinstance(one, dict) else rest[0] + 1}'"
        rest = rest[1:]
    else:
        place += f", {loc[0]}"
    for part in rest[:-1]:
        field = model.model_fields.get(str(part))
        inner = (
            [a for a in _arguments(field.annotation) if isinstance(a, type) and issubclass(a, BaseModel)]
            if field
            else []
        )
        model = inner[0] if inner else model
        place += f", {part}"
    return place, model


def _arguments(annotation: Any) -> list[Any]:
    """An annotation and everything inside it: `dict[str, Task | None]` holds str, Task and None."""
    found, todo = [], [annotation]
    while todo:
        one = todo.pop()
        found.append(one)
        todo += get_args(one)
    return found


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
    elif loc and loc[0] in ("generate", "judge", "pairs", "release"):
        place, model = _generation_place(loc, data, place)
    if error["type"] == "extra_forbidden":
        key = str(loc[-1])
        valid = [*model.model_fields, *(KINDS if model is SourceSpec else ())]
        near = difflib.get_close_matches(key, valid, 1)
        hint = f"did you mean '{near[0]}'?" if near else f"keys here: {', '.join(valid)}"
        return f"{place}: unknown key '{key}'; {hint}"
    if error["type"] == "missing":
        return f"{place}: the key '{loc[-1]}' is missing"
    message = error["msg"].removeprefix("Value error, ")
    at = f"'{loc[-1]}': " if loc and isinstance(loc[-1], str) and loc[-1] != "name" else ""
    return f"{place}: {at}{message}"
