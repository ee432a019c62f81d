"""How often each row is shown, over all sources, stages, copies and epochs (docs/budget.md).

cap.py allowance.py edges.py showings.py exposures.py    the K showings of a cluster shared among the rows that pass
ledger.py ledger_files.py charges.py      what a model has been shown, joined to labels when read
labels.py                                                which cluster a form is counted under
scaling_law.py allocation.py cells.py tiers.py           what a showing is worth, and a budget filled best value first
budget.py relaxation.py                                  the plan, and what would help where a target cannot be met
source_rows.py schedule.py spill.py mix.py               rows of released sets, their epochs, and the mixture
"""
