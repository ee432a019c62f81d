"""`seimai mix`: writes the training mixture that a plan of `seimai budget` asks for."""

from rich.console import Console

from curation.mixture.cells import BudgetError
from curation.mixture.ledger import Ledger
from curation.mixture.ledger_files import LedgerError
from curation.mixture.mix import ended, run_name, schedule, write
from curation.mixture.source_rows import read_rows
from curation.place import Place
from curation.shards import ShardError
from recipes.engine.errors import RecipeError
from recipes.engine.mixture.budget_plan import planned_sources, read_plan
from recipes.engine.report.svg import compact


def mix(path: str, out: str, as_index: bool, seed: int) -> None:
    """Writes the mixture of a plan's file into the folder `out`. Given again, a finished one is left as it is."""
    plan = read_plan(path)
    console, place = Console(highlight=False, soft_wrap=True), Place(out)
    name, form = run_name(plan, seed), "index" if as_index else "shards"
    if place.exists("mixture.json"):
        there = place.read_json("mixture.json")
        if (there["run"], there["as"]) != (name, form):
            raise RecipeError(f"{out}: holds another mixture ({there['run']}, as {there['as']}); give another --out")
        ended(place)
        console.print(f"{out}: there already", markup=False)
        return
    try:
        rows = read_rows(planned_sources(plan, path))
        ledger = Ledger.open(plan["ledger"], plan["k"]) if plan["ledger"] else None
        cells, cell = rows.cells(plan["k"], ledger)
        mixture = schedule(rows, cell, cells, plan, seed)
        tokenizer = rows.sources[0].shards.manifest.get("tokenizer")
        about = {"run": name, "plan": plan["plan"], "seed": seed, "tokenizer": tokenizer}
        made = write(mixture, cells, place, as_index=as_index, about=about)
    except (BudgetError, LedgerError, ShardError) as error:
        raise RecipeError(f"{path}: {error}") from error
    for stage in made["stages"]:
        by_source = ", ".join(f"{s} {compact(n)}" for s, n in stage["tokens_by_source"].items())
        console.print(
            f"{stage['name']}: {stage['rows']:,} rows, {compact(stage['tokens'])} tokens ({by_source})", markup=False
        )
    if rows.left_out:
        console.print(
            f"{rows.left_out:,} rows are left out: sources that the plan names first show their clusters K times a pass"
        )
    exposure = made["exposure"]
    console.print(
        f"{out}: highest exposure {exposure['highest_exposure']} of K = {exposure['k']}, "
        f"max_trainer_epochs {exposure['max_trainer_epochs']}",
        markup=False,
    )
