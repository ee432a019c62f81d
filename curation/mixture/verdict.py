"""What the cap says of a row, as the numbers that kernels and records hold."""

SHOWN, NEAR_DUPLICATE, OVER_CAP, OVER_BUDGET, FORGOTTEN, EMPTY_FORM = range(6)

REASONS = (None, "near_duplicate", "over_cap", "over_budget", "forgotten", "empty_form")
"""The reason of a rejection, by verdict."""
