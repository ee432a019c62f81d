"""A budget's file: what to plan for, and from which sources.

    k: 4                         # showings that a near-duplicate cluster may have, over all sources, stages and epochs
    parameters: 7e9              # or flops: 1e22, and the parameters of least predicted loss are found
    tokens: 140e9                # or over_training: 1 (times 20 tokens a parameter), which is also what nothing means
    loss: 2.1                    # if you have a target by Muennighoff+23
    ledger: ../ledger            # earlier training of the same model
    sources:
      web:
        shards: ../runs/web_ja/2026.11.22/curated
        tiers: {column: kana_ratio, values: {0: 0.8, 0.4: 1.0}}       # lower bound → worth of a fresh token
      wiki: {tokens: 3.1e9, value: 1.5, max_epochs: 3}
      books: {tokens: {high: 1e9, low: 4e9}, value: {high: 1.5, low: 1}}
    stages:
      - {name: pretrain, share: 0.9}
      - {name: anneal, share: 0.1, sources: [wiki, books]}

Paths start at the file's folder. A file that a program makes may be JSON (.json) with the same keys.
"""

from pathlib import Path
from typing import Any

import numpy as np
import orjson
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from curation.mixture.budget import Budget, Stage, compute_optimum, distinct_stages, make_budget
from curation.mixture.cells import BudgetError, Cells
from curation.mixture.ledger import Ledger
from curation.mixture.ledger_files import LedgerError
from curation.mixture.scaling_law import FLOPS_PER_PARAMETER_TOKEN, TOKENS_PER_PARAMETER
from curation.mixture.source_rows import Rows, SourceRows, read_rows
from curation.mixture.tiers import Tiers
from curation.place import Place
from curation.shards import MANIFEST, ShardError, ShardSet
from curation.yaml_file import load_yaml
from recipes.engine.errors import RecipeError
from recipes.engine.forget.gate import cleared_or_refused
from recipes.engine.run_folder import open_run


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class TierSpec(_Spec):
    """Quality tiers by a column of the shards: lower bound → worth of a fresh token."""

    column: str
    values: dict[float, float] = Field(min_length=1)


class SourceSpec(_Spec):
    """A source of tokens: shards with a column `tokens`, or stated counts, as a whole or by tier."""

    shards: str | None = None
    rows_of: str | None = None
    """Only the rows of this source, of a shard set that holds several."""
    tiers: TierSpec | None = None
    tokens: float | dict[str, float] | None = None
    value: float | dict[str, float] = 1.0
    max_epochs: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _one_count(self) -> "SourceSpec":
        if (self.shards is None) == (self.tokens is None):
            found = "neither" if self.shards is None else "both"
            raise ValueError(
                f"has no token counts to plan with: give `shards` (with a column 'tokens') or `tokens`; {found} found"
            )
        if self.shards is not None and isinstance(self.value, dict):
            raise ValueError("a value by tier of shards stands in `tiers`")
        if isinstance(self.value, dict) and (
            not isinstance(self.tokens, dict) or self.value.keys() != self.tokens.keys()
        ):
            raise ValueError("`value` by tier names just the tiers of `tokens`")
        return self


class StageSpec(_Spec):
    """A stage of training: its share of the tokens, and its sources (all without)."""

    name: str
    share: float = Field(gt=0, le=1)
    sources: list[str] | None = None

    @model_validator(mode="after")
    def _can_be(self) -> "StageSpec":
        self.stage()
        return self

    def stage(self) -> Stage:
        """The stage as the planner knows it. Raises BudgetError for a name or sources that cannot be."""
        return Stage(self.name, self.share, None if self.sources is None else tuple(self.sources))


class BudgetSpec(_Spec):
    """A budget's file."""

    k: int = Field(ge=1)
    parameters: float | None = Field(default=None, ge=1)
    flops: float | None = Field(default=None, gt=0)
    tokens: float | None = Field(default=None, ge=1)
    over_training: float | None = Field(default=None, gt=0)
    loss: float | None = None
    ledger: str | None = None
    sources: dict[str, SourceSpec] = Field(min_length=1)
    stages: list[StageSpec] = Field(default_factory=list)

    @model_validator(mode="after")
    def _one_of(self) -> "BudgetSpec":
        if (self.parameters is None) == (self.flops is None):
            raise ValueError("give `parameters` of the model, or `flops` to find them, and not both")
        if self.tokens is not None and self.over_training is not None:
            raise ValueError("give `tokens` or `over_training`, not both")
        if self.flops is not None and (self.tokens is not None or self.over_training is not None):
            raise ValueError("`flops` decides parameters and tokens; `tokens` and `over_training` go with `parameters`")
        distinct_stages(s.name for s in self.stages)
        return self


def load(path: Path) -> BudgetSpec:
    """Reads a budget's file. Raises RecipeError naming the file, the place and what would be right."""
    if not path.is_file():
        raise RecipeError(f"{path}: there is no such budget file")
    try:
        data = orjson.loads(path.read_bytes()) if path.suffix == ".json" else _yaml(path)
        return BudgetSpec.model_validate(data)
    except (yaml.YAMLError, UnicodeDecodeError, orjson.JSONDecodeError) as error:
        raise RecipeError(f"{path.name}: not {'JSON' if path.suffix == '.json' else 'YAML'}: {error}") from error
    except ValidationError as error:
        raise RecipeError("\n".join(f"{path.name}: {_said(e)}" for e in error.errors())) from None


def _yaml(path: Path) -> Any:
    return load_yaml(path.read_text(encoding="utf-8"), fast=True)


def _said(error: Any) -> str:
    place = ".".join(str(p) for p in error["loc"] if p not in ("float", "dict[str,float]"))
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        message = "unknown key"
    found = f" (found {error['input']!r})" if error["type"] not in ("value_error", "missing", "extra_forbidden") else ""
    return f"{place}: {message}{found}" if place else f"{message}{found}"


def open_shards(path: str, folder: Path) -> ShardSet:
    """The shard set at a path from a folder: a set itself, or the release of a run. Raises RecipeError, ShardError."""
    url = path_from(path, folder)
    cleared_or_refused(url)
    return ShardSet.open(url) if Place(url).exists(MANIFEST) else open_run(url).release


def path_from(path: str, folder: Path) -> str:
    """A path of a budget's file from the file's folder; a URL stays."""
    return path if "://" in path else str((folder / path).resolve())


def rows_of_source(name: str, spec: SourceSpec, shards: ShardSet) -> SourceRows:
    """A source that is shards, as planner and mixture read it. Raises ValueError for tiers that cannot be."""
    return SourceRows(
        name,
        shards,
        spec.rows_of,
        Tiers(spec.tiers.column, spec.tiers.values) if spec.tiers else None,
        float(spec.value) if isinstance(spec.value, float) else 1.0,
        spec.max_epochs or np.inf,
    )


def source_rows(spec: BudgetSpec, folder: Path, where: str) -> list[SourceRows]:
    """The sources that are shards. Raises RecipeError naming the file `where` and the source."""
    found = []
    for name, s in spec.sources.items():
        if s.shards is not None:
            try:
                found.append(rows_of_source(name, s, open_shards(s.shards, folder)))
            except (RecipeError, ShardError, ValueError, OSError) as error:
                raise RecipeError(f"{where}: source '{name}': {error}") from error
    return found


def gather(spec: BudgetSpec, folder: Path, where: str) -> tuple[Cells, Rows | None]:
    """Cells of all sources, and the rows behind those that are shards (their cells come first). Raises RecipeError."""
    try:
        found = source_rows(spec, folder, where)
        rows = read_rows(found) if found else None
        ledger = open_ledger(spec, folder)
        parts = [rows.cells(spec.k, ledger)[0]] if rows else []
        if stated := _stated(spec):
            parts.append(stated)
        return _joined(parts), rows
    except (BudgetError, LedgerError, ShardError) as error:
        raise RecipeError(f"{where}: {error}") from error


def open_ledger(spec: BudgetSpec, folder: Path) -> Ledger | None:
    """The ledger that the file names, kept with the file's K. Raises LedgerError."""
    if spec.ledger is None:
        return None
    return Ledger.open(path_from(spec.ledger, folder), spec.k)


def _stated(spec: BudgetSpec) -> Cells | None:
    source: list[str] = []
    tier: list[str] = []
    tokens: list[float] = []
    value: list[float] = []
    limit: list[float] = []
    for name, s in spec.sources.items():
        if s.tokens is None:
            continue
        by_tier = s.tokens if isinstance(s.tokens, dict) else {"": s.tokens}
        if not sum(by_tier.values()) > 0 or min(by_tier.values()) < 0:
            raise BudgetError(f"source '{name}': token counts are at least 0 and some above it, not {s.tokens}")
        for t, many in by_tier.items():
            source.append(name)
            tier.append(t)
            tokens.append(many)
            value.append(s.value[t] if isinstance(s.value, dict) else s.value)
            limit.append(s.max_epochs or np.inf)
    if not source:
        return None
    plain = Cells.plain(source, tier, np.array(tokens), np.array(value), spec.k)
    return Cells(
        source, tier, plain.tokens, plain.value, spec.k, plain.repeat, plain.in_pass, plain.debit, np.array(limit)
    )


def _joined(parts: list[Cells]) -> Cells:
    def all_of(name: str) -> np.ndarray:
        return np.concatenate([getattr(p, name) for p in parts])

    return Cells(
        [s for p in parts for s in p.source],
        [t for p in parts for t in p.tier],
        all_of("tokens"),
        all_of("value"),
        parts[0].k,
        all_of("repeat"),
        all_of("in_pass"),
        all_of("debit"),
        all_of("limit"),
    )


def make(spec: BudgetSpec, cells: Cells, where: str) -> Budget:
    """Plans the budget that a file asks for. Raises RecipeError."""
    parameters = spec.parameters
    tokens = spec.tokens
    try:
        if parameters is None:
            assert spec.flops is not None
            parameters = compute_optimum(cells, spec.flops)
            tokens = spec.flops / (FLOPS_PER_PARAMETER_TOKEN * parameters)
        if tokens is None:
            tokens = TOKENS_PER_PARAMETER * parameters * (spec.over_training or 1.0)
        return make_budget(cells, parameters, tokens, tuple(s.stage() for s in spec.stages))
    except BudgetError as error:
        raise RecipeError(f"{where}: {error}") from error
