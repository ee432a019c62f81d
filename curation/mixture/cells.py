"""What a budget is made of: tokens by source, quality tier and allowance, and how often each may be shown."""

from dataclasses import dataclass

import numpy as np

from curation.mixture.allocation import Allocation


class BudgetError(ValueError):
    """A budget that cannot be planned: it says what was found and what would be right."""


@dataclass(frozen=True)
class Cells:
    """Tokens that are treated alike, as arrays of one length."""

    source: list[str]
    tier: list[str]
    tokens: np.ndarray
    """Unique tokens."""
    value: np.ndarray
    """Worth of a fresh token, 1 for a plain one."""
    k: int
    """Showings that a near-duplicate cluster may have in all."""
    repeat: np.ndarray
    """Showings of these tokens in one pass over their shards."""
    in_pass: np.ndarray
    """Showings of their clusters in one pass over all shards, ≥ `repeat`: other rows of a cluster share its allowance."""
    debit: np.ndarray
    """Showings that their clusters have had in earlier training."""
    limit: np.ndarray
    """Showings that the plan allows the source, whatever K is (infinite where it says nothing)."""

    @classmethod
    def plain(cls, source: list[str], tier: list[str], tokens: np.ndarray, value: np.ndarray, k: int) -> "Cells":
        """Cells of stated token counts: one row a cluster, one showing a pass, nothing shown before."""
        ones = np.ones(len(tokens))
        return cls(source, tier, tokens, value, k, ones, ones, 0 * ones, ones * np.inf)

    @property
    def most(self) -> np.ndarray:
        """Showings that each cell's tokens may have: whole passes that its clusters' allowances leave, times `repeat`."""
        passes = np.floor(np.maximum(self.k - self.debit, 0) / self.in_pass)
        return np.minimum(passes * self.repeat, self.limit)

    def allocation(self, shown: np.ndarray | None = None, some: np.ndarray | None = None) -> Allocation:
        """These cells, or `some` of them by their places, to be filled after `shown` showings of the plan and the earlier ones."""
        before = self.debit if shown is None else self.debit + shown
        columns = (self.tokens, self.value, self.debit + self.most, before)
        return Allocation(*(c if some is None else c[some] for c in columns))

    def __post_init__(self) -> None:
        if self.k < 1:
            raise BudgetError(f"k must be at least 1 showing, not {self.k}")
        if not len(self.tokens):
            raise BudgetError("there are no tokens to plan with: every source is empty")
        if len(bad := np.flatnonzero(~(self.value > 0))):
            raise BudgetError(f"source '{self.source[bad[0]]}': a value is the worth of a fresh token and above 0")

    def __len__(self) -> int:
        return len(self.tokens)
