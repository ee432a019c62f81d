"""The budget planner: how many tokens to train on, which sources and tiers to repeat, and what that is worth.

From cells of tokens (source, quality tier, allowance), a model's parameters or a compute budget, and stages: unique tokens U,
effective tokens D′, the 20:1 optimum, showings of each cell by best marginal value first (allocation.py), the first allowance
that binds, the loss by two laws (scaling_law.py), what a billion more tokens of each source would bring, and, when a target
cannot be met, the smallest change of each kind that would meet it.

Stages share the allowances. Later stages choose first: annealing on the best data is what they are for. D′ and U do not depend
on the order in which the showings then happen.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from math import sqrt

import numpy as np

from curation.mixture.allocation import Allocation, seen, total
from curation.mixture.cells import BudgetError, Cells
from curation.mixture.scaling_law import (
    FLOPS_PER_PARAMETER_TOKEN,
    HOFFMANN,
    TOKENS_PER_PARAMETER,
    constrained_loss,
)

BILLION = 1e9
_STAGE_NAME = re.compile(r"\w[\w.-]{0,99}")
_RESERVED = {"charges", "spill"}
"""Folders of a mixture that are no stage's (mix.py)."""


@dataclass(frozen=True)
class Stage:
    """A stage of training: its share of the tokens, and the sources that it may show (all of them when None).

    Its name becomes a folder of the mixture. Raises BudgetError for one that cannot be, and for no sources at all.
    """

    name: str
    share: float = 1.0
    sources: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if not _STAGE_NAME.fullmatch(self.name) or self.name.casefold() in _RESERVED:
            raise BudgetError(
                f"stage '{self.name}': its name becomes a folder: a letter or digit, then letters, digits, '_', '-' and '.', "
                f"at most 100 characters, and neither of {' and '.join(sorted(_RESERVED))}"
            )
        if self.sources is not None and not self.sources:
            raise BudgetError(
                f"stage '{self.name}': an empty list of sources shows nothing; leave `sources` out for all"
            )


def distinct_stages(names: Iterable[str]) -> None:
    """Raises BudgetError where two stages share a name; upper and lower case are one, as on some file systems."""
    known: set[str] = set()
    for name in names:
        if name.casefold() in known:
            raise BudgetError(
                f"stage '{name}': another stage has this name; a ledger and a mixture know stages by name"
            )
        known.add(name.casefold())


@dataclass(frozen=True)
class Binding:
    """The first allowance to end as the budget grows: whose it is, at how many tokens, and the parameters 20:1 gives them."""

    source: str
    tier: str
    tokens: float
    parameters: float


@dataclass
class Budget:
    """A plan. Token counts are floats; losses are nats a token."""

    cells: Cells
    parameters: float
    wanted: float
    stages: tuple[Stage, ...]
    showings: np.ndarray
    """[stages, cells]: showings of each cell in each stage."""
    level: float
    """Marginal value of the next token, in fresh plain tokens; 0 when every allowance is used up."""
    unique: float
    """Tokens shown at least once, earlier training included."""
    effective: float
    """D′: tokens by their worth, repetition and values counted (values are all 1 unless the plan says otherwise)."""
    feasible: float
    binding: Binding | None
    short: dict[str, float] = field(default_factory=dict)
    """Stage → tokens that its sources' allowances lack."""

    @property
    def tokens(self) -> float:
        """Tokens shown in all."""
        return total(self.cells.tokens, self.showings.sum(axis=0))

    @property
    def all_unique(self) -> float:
        """Unique tokens there are, shown or not."""
        return float(self.cells.tokens.sum())

    @property
    def flops(self) -> float:
        """Training FLOPs, 6 N D."""
        return FLOPS_PER_PARAMETER_TOKEN * self.parameters * self.tokens

    @property
    def over_training(self) -> float:
        """Tokens shown over the 20 a parameter that are the compute optimum."""
        return self.tokens / (TOKENS_PER_PARAMETER * self.parameters)

    @property
    def fresh_tokens(self) -> float:
        """What the shown tokens would be worth if none were repeated, values counted: D where every value is 1."""
        shown = self.cells.debit + self.showings.sum(axis=0)
        return total(self.cells.tokens, shown * self.cells.value)

    @property
    def losses(self) -> tuple[float, float]:
        """Predicted loss by Muennighoff+23, and by Hoffmann+22 at the effective tokens: not on one scale."""
        return (
            float(constrained_loss(self.parameters, self.effective, self.unique)),
            float(HOFFMANN.loss(self.parameters, self.effective)),
        )

    @property
    def fresh_losses(self) -> tuple[float, float]:
        """The same two losses for a twin that sees as many tokens, all of them unique."""
        fresh = self.fresh_tokens
        return float(constrained_loss(self.parameters, fresh, fresh)), float(HOFFMANN.loss(self.parameters, fresh))

    @property
    def repeated(self) -> float:
        """What repetition multiplies the unique tokens by, values aside: D′ over the values of what is shown at least once.

        D′/U where every value is 1; 1 where nothing is repeated.
        """
        after = self.cells.debit + self.showings.sum(axis=0)
        once = total(self.cells.tokens, self.cells.value * np.minimum(after, 1.0))
        return self.effective / once if once > 0 else 1.0


def compute_optimum(cells: Cells, flops: float) -> float:
    """Parameters of least predicted loss for a compute budget in FLOPs when these cells are all there is to show.

    With unique tokens in plenty that is D/N = 19.6; when tokens must be repeated or run out, more parameters pay.
    """
    allocation = cells.allocation()

    def loss(parameters: float) -> float:
        return loss_at(allocation, parameters, flops / (FLOPS_PER_PARAMETER_TOKEN * parameters))

    centre = sqrt(flops / (FLOPS_PER_PARAMETER_TOKEN * TOKENS_PER_PARAMETER))
    grid = centre * np.logspace(-1.5, 1.5, 31)
    best = int(np.argmin([loss(n) for n in grid]))
    low, high = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    fine = np.geomspace(low, high, 41)
    return float(fine[int(np.argmin([loss(n) for n in fine]))])


def loss_at(allocation: Allocation, parameters: float, tokens: float) -> float:
    """Predicted loss (Muennighoff+23) of the best filling of a token budget, in one stage."""
    effective, unique = allocation.seen(allocation.fill(tokens).showings)
    return float(constrained_loss(parameters, effective, unique))


def make_budget(cells: Cells, parameters: float, tokens: float, stages: tuple[Stage, ...] = ()) -> Budget:
    """Fills `tokens` from the cells, stage by stage and best value first. Raises BudgetError for numbers that mean nothing.

    Where allowances end before a stage has its tokens, `short` says by how much.
    """
    _refuse(parameters, tokens)
    stages = stages or (Stage("train"),)
    shares = sum(s.share for s in stages)
    if not 0.999 < shares < 1.001 or min(s.share for s in stages) <= 0:
        raise BudgetError(f"shares of the stages must be above 0 and sum to 1, not {shares:g}")
    distinct_stages(s.name for s in stages)
    for stage in stages:
        if unknown := sorted(set(stage.sources or ()) - set(cells.source)):
            raise BudgetError(f"stage '{stage.name}': no source '{unknown[0]}' has tokens")
    showings, level, short = _filled(cells, tokens, stages, _open_cells(cells, stages))
    shown = showings.sum(axis=0)
    whole = cells.allocation()
    effective, unique = whole.seen(shown)
    return Budget(
        cells,
        parameters,
        tokens,
        stages,
        showings,
        level,
        unique=unique,
        effective=effective,
        feasible=whole.feasible,
        binding=_first_binding(cells, whole),
        short=short,
    )


def _open_cells(cells: Cells, stages: tuple[Stage, ...]) -> list[np.ndarray | None]:
    """Places of the cells that each stage may show; None for all."""
    source = np.array(cells.source)
    return [None if s.sources is None else np.flatnonzero(np.isin(source, s.sources)) for s in stages]


def _filled(
    cells: Cells, tokens: float, stages: tuple[Stage, ...], may: list[np.ndarray | None]
) -> tuple[np.ndarray, float, dict[str, float]]:
    """Showings [stages, cells], the lowest level of a stage, and what each stage lacks; later stages choose first."""
    shown = np.zeros(len(cells))
    showings = np.zeros((len(stages), len(cells)))
    short: dict[str, float] = {}
    level = np.inf
    for at in reversed(range(len(stages))):
        stage = stages[at]
        allocation = cells.allocation(shown, may[at])
        filled = allocation.fill(tokens * stage.share)
        showings[at, slice(None) if may[at] is None else may[at]] = filled.showings
        shown = shown + showings[at]
        level = min(level, filled.level)
        if (lacking := tokens * stage.share - allocation.feasible) > 0.5:
            short[stage.name] = lacking
    return showings, level, short


def _refuse(parameters: float, tokens: float) -> None:
    if not parameters >= 1:
        raise BudgetError(f"parameters must be at least 1, not {parameters:g}")
    if not tokens >= 1:
        raise BudgetError(f"tokens must be at least 1, not {tokens:g}")


def _first_binding(cells: Cells, whole: Allocation) -> Binding | None:
    usable = np.flatnonzero((whole.room > 0) & (cells.tokens > 0))
    if not len(usable):
        return None
    first = usable[int(np.argmax(whole.last[usable]))]
    tokens = whole.demand(float(whole.last[first]))
    return Binding(cells.source[first], cells.tier[first], tokens, tokens / TOKENS_PER_PARAMETER)


def marginal_losses(budget: Budget, sources: Sequence[str] | None = None) -> dict[str, float]:
    """Source → change of the predicted loss (Muennighoff+23) that a billion more unique tokens of it would bring.

    Each source (all, or those named) is planned again with the tokens added, in its own mix of tiers and allowances; the tokens
    wanted stay as they are. Mostly below 0; above it where a high value makes the plan repeat the source instead of fresh tokens.
    """
    cells, now = budget.cells, budget.losses[0]
    of = np.array(cells.source)
    may = _open_cells(cells, budget.stages)
    found: dict[str, float] = {}
    for name in sources if sources is not None else sorted(set(cells.source)):
        mine = of == name
        size = float(cells.tokens[mine].sum())
        if not size:
            found[name] = 0.0  # nothing says in which tiers its tokens would come
            continue
        more = replace(cells, tokens=np.where(mine, cells.tokens * (1 + BILLION / size), cells.tokens))
        shown = more.debit + _filled(more, budget.wanted, budget.stages, may)[0].sum(axis=0)
        effective, unique = seen(more.tokens, more.value, shown)
        found[name] = float(constrained_loss(budget.parameters, effective, unique)) - now
    return found


@dataclass(frozen=True)
class Curve:
    """What a growing budget brings, for a picture: tokens, effective tokens and loss, arrays of one length."""

    tokens: np.ndarray
    effective: np.ndarray
    loss: np.ndarray
    fresh_loss: np.ndarray
    """Loss of a twin that sees as many tokens, all unique."""


def curve(budget: Budget, points: int = 40) -> Curve:
    """The best plan for budgets from a twentieth of the unique tokens to all that the allowances let be shown, in one stage."""
    cells = budget.cells
    whole = cells.allocation()
    low = max(1.0, min(budget.all_unique / 20, budget.tokens / 4))
    tokens = np.geomspace(low, max(whole.feasible, low * 2), points)
    tokens = np.unique(np.append(tokens[tokens <= whole.feasible], whole.feasible))
    effective, loss, fresh_loss = np.zeros(len(tokens)), np.zeros(len(tokens)), np.zeros(len(tokens))
    for i, many in enumerate(tokens):
        shown = whole.fill(float(many)).showings
        effective[i], unique = whole.seen(shown)
        loss[i] = constrained_loss(budget.parameters, effective[i], unique)
        fresh = total(cells.tokens, (cells.debit + shown) * cells.value)
        fresh_loss[i] = constrained_loss(budget.parameters, fresh, fresh)
    return Curve(tokens, effective, loss, fresh_loss)
