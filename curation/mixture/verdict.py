"""What the cap says of a row, as the numbers that kernels and records hold."""

SHOWN, NEAR_DUPLICATE, OVER_CAP, OVER_BUDGET, FORGOTTEN = 0, 1, 2, 3, 4

REASONS = (None, "near_duplicate", "over_cap", "over_budget", "forgotten")
"""The reason of a rejection, by verdict."""
