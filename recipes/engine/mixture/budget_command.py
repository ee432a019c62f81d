"""`seimai budget`: plans a token budget, prints it, and writes it for `seimai mix` with its picture."""

from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.table import Table

from curation.mixture.budget import Budget, curve, marginal_losses
from curation.mixture.relaxation import Relaxation, least_loss, relaxations, relaxations_for_loss
from curation.mixture.scaling_law import HOFFMANN, MUENNIGHOFF
from curation.place import Place
from recipes.engine.file_systems import on_disk
from recipes.engine.mixture import budget_file
from recipes.engine.mixture.budget_figure import draw_budget, standalone
from recipes.engine.mixture.budget_plan import plan_json
from recipes.engine.report.svg import compact

SHOWN_SOURCES = 30


def budget(path: str, out: str | None) -> bool:
    """Plans, prints, and writes the plan into the folder `out`, if given. False when a target cannot be met."""
    file = on_disk(path, "budget")
    spec = budget_file.load(file)
    cells, _ = budget_file.gather(spec, file.parent, file.name)
    plan = budget_file.make(spec, cells, file.name)
    console = Console(highlight=False, width=None if Console().is_terminal else 120)
    _print_totals(console, plan)
    _print_sources(console, plan)
    lacking = relaxations(plan)
    missed = relaxations_for_loss(plan, spec.loss) if spec.loss is not None else []
    if lacking:
        _print_lacking(console, plan, lacking)
    if missed and spec.loss is not None:
        _print_missed(console, plan, spec.loss, missed)
    if out is not None:
        place = Place(out)
        place.write_json("budget.json", plan_json(spec, plan, file.parent))
        console.print(f"\nplan     {out}/budget.json", soft_wrap=True, markup=False)
        if plan.tokens > 0:  # of a plan that may show nothing there is nothing to draw
            drawing = draw_budget(plan, curve(plan))
            for language in ("ja", "en"):
                place.write_bytes(f"budget.{language}.svg", standalone(drawing, language).encode())
            console.print(f"picture  {out}/budget.en.svg, {out}/budget.ja.svg", soft_wrap=True, markup=False)
    return not (lacking or missed)


def _print_totals(console: Console, plan: Budget) -> None:
    table = Table(box=None, pad_edge=False, show_header=False)
    by_law, by_other = plan.losses
    fresh, fresh_other = plan.fresh_losses
    table.add_row("parameters N", compact(plan.parameters))
    table.add_row("unique tokens U", f"{compact(plan.unique)} shown of {compact(plan.all_unique)}")
    table.add_row("tokens D", f"{compact(plan.tokens)} of {compact(plan.feasible)} that K = {plan.cells.k} allows")
    ratio = plan.effective / plan.unique
    valued = (
        "" if (plan.cells.value == 1).all() else f" by values and repetition, {plan.repeated:.2f} by repetition alone"
    )
    table.add_row("effective D′", f"{compact(plan.effective)}   D′/U = {ratio:.2f}{valued}")
    table.add_row("20:1 optimum", f"{compact(20 * plan.parameters)} tokens   over-training ×{plan.over_training:.2f}")
    table.add_row("training", f"{plan.flops:.3g} FLOPs (6 N D)")
    table.add_row(
        f"loss, {MUENNIGHOFF.name}",
        f"{by_law:.4f}   all tokens unique: {fresh:.4f} (repetition costs {by_law - fresh:+.4f})",
    )
    table.add_row(
        f"loss, {HOFFMANN.name}",
        f"{by_other:.4f}   all tokens unique: {fresh_other:.4f} (repetition costs {by_other - fresh_other:+.4f})",
    )
    if plan.binding:
        said = plan.binding
        where = f"{said.source} {said.tier}".strip()
        table.add_row(
            "first to bind",
            f"{where}: its allowance ends at {compact(said.tokens)} tokens (N = {compact(said.parameters)} at 20:1)",
        )
    console.print(table)
    console.print(
        f"The two laws are not on one scale, and neither is yours: {MUENNIGHOFF.name} was fitted on {MUENNIGHOFF.fitted_on}; "
        f"{HOFFMANN.name} on {HOFFMANN.fitted_on}, here read at D′. Compare plans by them; do not expect these losses of a "
        "Japanese model.",
        style="yellow",
    )
    if plan.tokens < plan.all_unique * (1 - 1e-9):
        share = plan.tokens / plan.all_unique
        console.print(
            f"This budget is below one epoch: {share:.1%} of the unique tokens; the best-valued come first, and of equal ones "
            "the same share of documents is shown.",
            style="yellow",
        )


@dataclass(frozen=True)
class _Listed:
    """Sources and tiers as they are printed: those that are shown most tokens of come first."""

    names: list[tuple[str, str]]
    tokens: np.ndarray
    value: np.ndarray
    spent: np.ndarray
    """Tokens shown."""
    highest: np.ndarray
    """Showings of a cell, earlier ones included."""


def _listed(plan: Budget) -> _Listed:
    cells, shown = plan.cells, plan.showings.sum(axis=0)
    names = [f"{s}\n{t}" for s, t in zip(cells.source, cells.tier, strict=True)]
    distinct, place = np.unique(np.array(names), return_inverse=True)
    tokens, spent = np.bincount(place, cells.tokens), np.bincount(place, cells.tokens * shown)
    highest, value = np.zeros(len(distinct)), np.zeros(len(distinct))
    np.maximum.at(highest, place, cells.debit + shown)
    value[place] = cells.value
    order = np.argsort(-spent, kind="stable")
    pairs = [str(distinct[i]).partition("\n") for i in order]
    return _Listed([(s, t) for s, _, t in pairs], tokens[order], value[order], spent[order], highest[order])


def listed_sources(plan: Budget) -> list[str]:
    """The sources whose lines are printed, and of which it is planned again what a billion more tokens would bring."""
    return list(dict.fromkeys(source for source, _ in _listed(plan).names[:SHOWN_SOURCES]))


def _print_sources(console: Console, plan: Budget) -> None:
    found = _listed(plan)
    gains = marginal_losses(plan, listed_sources(plan))
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("source")
    table.add_column("tier")
    columns = ("unique tokens", "value", "epochs", "most showings", "tokens shown", "+1 G tokens: Δ loss")
    for column in columns:
        table.add_column(column, justify="right")
    for i, (source, tier) in enumerate(found.names[:SHOWN_SOURCES]):
        epochs = found.spent[i] / found.tokens[i] if found.tokens[i] else 0.0
        table.add_row(
            source,
            tier,
            compact(found.tokens[i]),
            f"{found.value[i]:g}",
            f"{epochs:.2f}",
            f"{found.highest[i]:.2f}",
            compact(found.spent[i]),
            f"{gains[source]:+.5f}",
        )
    console.print()
    console.print(table)
    if len(found.names) > SHOWN_SOURCES:
        console.print(f"and {len(found.names) - SHOWN_SOURCES:,} more; the plan has all of them")


_WORDS = {
    "k": "K, the showings of a cluster",
    "unique_tokens": "unique tokens (new ones of value 1)",
    "tokens": "tokens shown",
    "parameters": "parameters",
    "parameters_at_this_ratio": "parameters, at the same tokens a parameter",
    "loss": "the target loss",
}


def _print_lacking(console: Console, plan: Budget, found: list[Relaxation]) -> None:
    for stage, lacking in plan.short.items():
        console.print(
            f"\nstage '{stage}' lacks {compact(lacking)} tokens: the allowances of its sources end", style="bold red"
        )
    console.print(f"for the {compact(plan.wanted)} tokens asked for, each of these alone would do:")
    _print_changes(console, found)


def _print_missed(console: Console, plan: Budget, loss: float, found: list[Relaxation]) -> None:
    least = least_loss(plan.parameters)
    more = f"; {compact(plan.parameters)} parameters reach no less than {least:.4f} on any data" if least > loss else ""
    console.print(f"\nloss {plan.losses[0]:.4f} misses the target {loss:g}{more}", style="bold red")
    console.print(f"for the loss {loss:g}, each of these alone would do:")
    _print_changes(console, found)


def _print_changes(console: Console, found: list[Relaxation]) -> None:
    for one in found:
        needed = "no value of it would" if one.needed is None else f"{_number(one.now)} → {_number(one.needed)}"
        console.print(f"  {_WORDS[one.what]}: {needed}")


def _number(value: float) -> str:
    return f"{value:.4f}" if 0 < value < 10 and value != int(value) else compact(value)
