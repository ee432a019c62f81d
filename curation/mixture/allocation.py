"""Which tokens to show once more: a token budget filled with the best marginal value first, exactly and in one sort.

A cell is tokens that are treated alike (a source, a quality tier, an allowance). The first showing of its tokens is worth their
`value` each, the r-th e^(−(r − 1)/R*) of that (scaling_law.py). The best filling has one level of marginal value λ: every cell is
shown until its next token is worth λ, or until its allowance ends. Showings are real numbers here; how a fraction becomes whole
showings of documents is `mix`'s business.

Treating each cell by the law on its own and adding up is our assumption: the law was fitted with the same epochs for all data.
"""

from dataclasses import dataclass

import numpy as np

from curation.mixture.scaling_law import R_D, worth


def total(tokens: np.ndarray, times: np.ndarray) -> float:
    """Σ tokens × times. Not a dot product: on a busy machine its threads wait for one another far longer than they add.

    >>> total(np.array([10.0, 1.0]), np.array([2.0, 0.5]))
    20.5
    """
    return float((tokens * times).sum())


def seen(tokens: np.ndarray, value: np.ndarray, showings: np.ndarray) -> tuple[float, float]:
    """Effective tokens (values counted) and unique tokens of cells shown so often in all; each at least 1.

    >>> effective, unique = seen(np.array([100.0]), np.array([1.0]), np.array([4.0]))
    >>> round(effective / unique, 2)
    3.73
    """
    effective = total(tokens, value * worth(showings))
    return max(effective, 1.0), max(total(tokens, np.minimum(showings, 1.0)), 1.0)


@dataclass(frozen=True)
class Filled:
    """A filled budget: showings of each cell, and the marginal value λ of the next token (0 when every allowance ended)."""

    showings: np.ndarray
    level: float


class Allocation:
    """Cells to be filled; arrays over cells, sorted once for any number of budgets.

    tokens ≥ 0 and value > 0. most: showings that a cell's tokens may have in all. shown: showings they have had already.
    """

    def __init__(self, tokens: np.ndarray, value: np.ndarray, most: np.ndarray, shown: np.ndarray | None = None):
        self.tokens, self.value = np.asarray(tokens, np.float64), np.asarray(value, np.float64)
        self.shown = np.zeros(len(self.tokens)) if shown is None else np.asarray(shown, np.float64)
        self.room = np.maximum(np.asarray(most, np.float64) - self.shown, 0.0)
        self.head = np.minimum(np.maximum(1.0 - self.shown, 0.0), self.room)
        """Showings left at the full value of a fresh token."""
        tail = self.room - self.head
        self.best_tail = self.value * np.exp(-np.maximum(self.shown - 1.0, 0.0) / R_D)
        self.last = np.where(tail > 0, self.best_tail * np.exp(-tail / R_D), self.value)
        """Marginal value of a cell's last allowed token."""
        self._log_tail = np.log(self.best_tail)
        mass = np.where(tail > 0, self.tokens * R_D, 0.0)
        # demand(λ) = constant + logs − slope · ln λ; each cell changes the three at three levels
        level = np.concatenate([self.value, self.best_tail, self.last])
        steps = np.zeros((3, 3 * len(self.tokens)))
        heads, starts, ends = np.split(np.arange(steps.shape[1]), 3)
        steps[0, heads], steps[0, ends] = self.tokens * self.head, self.tokens * tail
        steps[1, starts], steps[2, starts] = mass * self._log_tail, mass
        steps[1, ends], steps[2, ends] = -steps[1, starts], -mass
        order = np.argsort(-level, kind="stable")
        self._level, first = np.unique(-level[order], return_index=True)
        self._level = -self._level
        sums = np.add.reduceat(steps[:, order], first, axis=1) if len(first) else steps
        self._sums = np.cumsum(sums, axis=1)

    @property
    def feasible(self) -> float:
        """Tokens that the allowances let be shown, all together."""
        return total(self.tokens, self.room)

    def demand(self, level: float) -> float:
        """Tokens shown when everything worth at least `level` is."""
        return total(self.tokens, self._at(level, 1.0))

    def fill(self, budget: float) -> Filled:
        """The best filling of `budget` tokens; all allowances and level 0 when they do not suffice."""
        if budget >= self.feasible or not len(self._level):
            return Filled(self.room.copy(), 0.0)
        log = np.log(self._level)
        constant, logs, slope = self._sums
        after = constant + logs - slope * log
        at = int(np.searchsorted(after, budget))
        before = np.concatenate([np.zeros((3, 1)), self._sums[:, :-1]], axis=1)[:, at]
        reached = before[0] + before[1] - before[2] * log[at]
        if before[2] > 0 and reached > budget:  # between two levels, where demand grows with −ln λ
            level = float(np.exp((before[0] + before[1] - budget) / before[2]))
            return Filled(self._at(level, 1.0), level)
        level = float(self._level[at])
        jump = after[at] - reached
        return Filled(self._at(level, (budget - reached) / jump if jump > 0 else 1.0), level)

    def _at(self, level: float, share: float) -> np.ndarray:
        """Showings down to a level; of cells whose fresh tokens are worth just that, `share` of these."""
        head = self.head * np.where(self.value > level, 1.0, np.where(self.value == level, share, 0.0))
        tail = R_D * np.maximum(self._log_tail - np.log(level), 0.0) if level > 0 else np.inf
        return head + np.minimum(tail, self.room - self.head)

    def seen(self, showings: np.ndarray) -> tuple[float, float]:
        """Effective tokens (values counted) and unique tokens seen after `showings` more, earlier ones included; at least 1."""
        return seen(self.tokens, self.value, self.shown + showings)
