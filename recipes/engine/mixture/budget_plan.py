"""A budget's plan as it is written for `seimai mix`: what was asked, the cells with their showings, and a hash over all of it."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
from pydantic import ValidationError

from curation.mixture.budget import Budget
from curation.mixture.cells import BudgetError
from curation.mixture.source_rows import SourceRows
from curation.shards import ShardError, ShardSet
from recipes.engine.errors import RecipeError
from recipes.engine.file_systems import on_disk
from recipes.engine.forget.gate import cleared_or_refused
from recipes.engine.mixture.budget_file import BudgetSpec, SourceSpec, open_shards, path_from, rows_of_source


def plan_hash(plan: Mapping[str, Any]) -> str:
    """SHA-256 over all that a plan says but the hash itself, as JSON with sorted keys."""
    said = {name: value for name, value in plan.items() if name != "plan"}
    return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()


def plan_json(spec: BudgetSpec, budget: Budget, folder: Path) -> dict[str, Any]:
    """The plan of a budget's file in `folder`, with its hash as `plan`."""
    cells = budget.cells
    sources: dict[str, Any] = {}
    for name, s in spec.sources.items():
        sources[name] = s.model_dump(mode="json", exclude_none=True)  # bounds of tiers become text, as JSON has them
        if s.shards is not None:
            shards = open_shards(s.shards, folder)
            sources[name] |= {"shards": shards.place.url, "content": shards.manifest.get("content")}
    columns = {n: getattr(cells, n).tolist() for n in ("tokens", "value", "repeat", "in_pass", "debit", "most")}
    showings = budget.showings.T.tolist()
    plan: dict[str, Any] = {
        "format": 1,
        "k": cells.k,
        "parameters": budget.parameters,
        "tokens_wanted": budget.wanted,
        "tokens": budget.tokens,
        "unique": budget.unique,
        "effective": budget.effective,
        "losses": {"Muennighoff+23": budget.losses[0], "Hoffmann+22": budget.losses[1]},
        "ledger": None if spec.ledger is None else path_from(spec.ledger, folder),
        "sources": sources,
        "stages": [{"name": s.name, "share": s.share} for s in budget.stages],
        "cells": [
            {"source": cells.source[i], "tier": cells.tier[i]}
            | {name: column[i] for name, column in columns.items()}
            | {"showings": showings[i]}
            for i in range(len(cells))
        ],
    }
    return plan | {"plan": plan_hash(plan)}


def read_plan(path: str) -> dict[str, Any]:
    """A plan as `seimai budget --out` wrote it. Raises RecipeError for any other file, and for one that was edited since."""
    file = on_disk(path, "plan")
    if not file.is_file():
        raise RecipeError(f"{path}: there is no such plan; `seimai budget FILE --out DIR` writes DIR/budget.json")
    try:
        plan = orjson.loads(file.read_bytes())
    except orjson.JSONDecodeError as error:
        raise RecipeError(
            f"{path}: not a plan of `seimai budget` (no JSON: {error}); give the budget.json that it wrote"
        ) from error
    if not isinstance(plan, dict) or "cells" not in plan or "plan" not in plan:
        raise RecipeError(f"{path}: not a plan of `seimai budget` (no cells); give the budget.json that it wrote")
    if plan["plan"] != plan_hash(plan):
        raise RecipeError(
            f"{path}: changed since `seimai budget` wrote it (its hash is another); change the budget's file and plan again"
        )
    return plan


def planned_sources(plan: Mapping[str, Any], path: str) -> list[SourceRows]:
    """The shards that a plan was made from, as they are still. Raises RecipeError naming the source."""
    found = []
    for name, said in plan["sources"].items():
        if "shards" not in said:
            raise RecipeError(f"{path}: source '{name}' is stated token counts; a mixture needs its shards")
        try:
            spec = SourceSpec.model_validate({key: value for key, value in said.items() if key != "content"})
            cleared_or_refused(said["shards"])
            shards = ShardSet.open(said["shards"])
            made = rows_of_source(name, spec, shards)
        except (BudgetError, ShardError, ValidationError, ValueError, OSError) as error:
            raise RecipeError(f"{path}: source '{name}': {error}") from error
        if shards.manifest.get("content") != said["content"]:
            raise RecipeError(
                f"{path}: the rows of source '{name}' changed since the plan was made; run `seimai budget` again"
            )
        found.append(made)
    return found
