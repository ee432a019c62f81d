"""`seimai mix`: writes the training mixture that a plan of `seimai budget` asks for."""

from pathlib import Path
from typing import Any

import orjson
from rich.console import Console

from curation.mixture.cells import BudgetError
from curation.mixture.ledger import Ledger
from curation.mixture.mix import run_name, schedule, write
from curation.mixture.source_rows import SourceRows, read_rows
from curation.mixture.tiers import Tiers
from curation.place import Place
from curation.shards import ShardSet
from recipes.engine.errors import RecipeError
from recipes.engine.report.svg import compact


def mix(path: str, out: str, as_index: bool, seed: int) -> None:
    """Writes the mixture of a plan's file into the folder `out`. Given again, a finished one is left as it is."""
    file = Path(path)
    if not file.is_file():
        raise RecipeError(f"{path}: there is no such plan; `seimai budget FILE --out DIR` writes DIR/budget.json")
    plan = orjson.loads(file.read_bytes())
    console, place = Console(highlight=False, soft_wrap=True), Place(out)
    if "cells" not in plan or "plan" not in plan:
        raise RecipeError(f"{path}: not a plan of `seimai budget` (no cells); give the budget.json that it wrote")
    name, form = run_name(plan, seed), "index" if as_index else "shards"
    if place.exists("mixture.json"):
        there = place.read_json("mixture.json")
        if (there["run"], there["as"]) != (name, form):
            raise RecipeError(f"{out}: holds another mixture ({there['run']}, as {there['as']}); give another --out")
        console.print(f"{out}: there already", markup=False)
        return
    try:
        rows = read_rows(_sources(plan, path))
        ledger = Ledger.open(plan["ledger"], plan["k"]) if plan["ledger"] else None
        cells, cell = rows.cells(plan["k"], ledger)
        mixture = schedule(rows, cell, cells, plan, seed)
    except BudgetError as error:
        raise RecipeError(f"{path}: {error}") from error
    tokenizer = rows.sources[0].shards.manifest.get("tokenizer")
    about = {"run": name, "plan": plan["plan"], "seed": seed, "tokenizer": tokenizer}
    made = write(mixture, cells, place, as_index=as_index, about=about)
    for stage in made["stages"]:
        by_source = ", ".join(f"{s} {compact(n)}" for s, n in stage["tokens_by_source"].items())
        console.print(
            f"{stage['name']}: {stage['rows']:,} rows, {compact(stage['tokens'])} tokens ({by_source})", markup=False
        )
    exposure = made["exposure"]
    console.print(
        f"{out}: highest exposure {exposure['highest_exposure']} of K = {exposure['k']}, "
        f"max_trainer_epochs {exposure['max_trainer_epochs']}",
        markup=False,
    )


def _sources(plan: dict[str, Any], path: str) -> list[SourceRows]:
    found = []
    for name, s in plan["sources"].items():
        if "shards" not in s:
            raise RecipeError(f"{path}: source '{name}' is stated token counts; a mixture needs its shards")
        shards = ShardSet.open(s["shards"])
        if shards.manifest.get("content") != s["content"]:
            raise RecipeError(
                f"{path}: the rows of source '{name}' changed since the plan was made; run `seimai budget` again"
            )
        tiers = (
            Tiers(s["tiers"]["column"], {float(k): v for k, v in s["tiers"]["values"].items()})
            if "tiers" in s
            else None
        )
        limit = s.get("max_epochs")
        value = s["value"] if isinstance(s["value"], float) else 1.0
        found.append(SourceRows(name, shards, s.get("rows_of"), tiers, value, float("inf") if limit is None else limit))
    return found
