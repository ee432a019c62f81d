"""When a target cannot be met: the smallest change of each kind that alone would meet it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import sqrt

from curation.mixture.budget import Budget, loss_at, make_budget
from curation.mixture.scaling_law import MUENNIGHOFF, constrained_loss


@dataclass(frozen=True)
class Relaxation:
    """One change that alone would meet the target: what is changed, from which value to which; None where no such change does."""

    what: str
    now: float
    needed: float | None


def relaxations(budget: Budget) -> list[Relaxation]:
    """For a budget whose tokens cannot all be shown: the smallest K, unique tokens and target, each enough on its own."""
    if budget.wanted <= budget.feasible and not budget.short:
        return []
    met = budget.tokens
    lacking = sum(budget.short.values()) or budget.wanted - budget.feasible
    cells = budget.cells
    return [
        Relaxation("k", cells.k, _least_k(budget)),
        Relaxation("unique_tokens", budget.all_unique, budget.all_unique + lacking / cells.k),
        Relaxation("tokens", budget.wanted, met),
        Relaxation("parameters_at_this_ratio", budget.parameters, budget.parameters * met / budget.wanted),
    ]


def _least_k(budget: Budget) -> int | None:
    """The smallest K with which nothing is short, by halving; None when a source's own limit stands in the way."""

    def short(k: int) -> bool:
        looser = replace(budget.cells, k=k)
        return bool(make_budget(looser, budget.parameters, budget.wanted, budget.stages).short)

    low, high = budget.cells.k, 1 << 12
    if short(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if short(middle) else (low, middle)
    return high


def relaxations_for_loss(budget: Budget, loss: float) -> list[Relaxation]:
    """For a target loss (Muennighoff+23) that the plan does not reach: tokens, parameters or unique tokens that alone would do."""
    now = budget.losses[0]
    if now <= loss:
        return []
    whole = budget.cells.allocation()

    def more_tokens(factor: float) -> float:
        return loss_at(whole, budget.parameters, budget.tokens * factor)

    def more_parameters(factor: float) -> float:
        return float(constrained_loss(budget.parameters * factor, budget.effective, budget.unique))

    def more_unique(factor: float) -> float:
        more = replace(budget.cells, tokens=budget.cells.tokens * factor)
        return loss_at(more.allocation(), budget.parameters, budget.wanted)

    return [
        Relaxation("tokens", budget.tokens, _times(budget.tokens, more_tokens, loss)),
        Relaxation("parameters", budget.parameters, _times(budget.parameters, more_parameters, loss)),
        Relaxation("unique_tokens", budget.all_unique, _times(budget.all_unique, more_unique, loss)),
        Relaxation("loss", loss, now),
    ]


def _times(value: float, loss_of: Callable[[float], float], target: float, most: float = 1e4) -> float | None:
    """Smallest multiple of a value up to `most` times whose loss is at most the target; None where there is none."""
    if loss_of(most) > target:
        return None
    low, high = 1.0, most
    for _ in range(60):
        middle = sqrt(low * high)
        low, high = (low, middle) if loss_of(middle) <= target else (middle, high)
    return value * high


def least_loss(parameters: float) -> float:
    """Loss of Muennighoff+23 that no amount of data gets below with these parameters."""
    return float(MUENNIGHOFF.loss(parameters, 1e30))
