"""How often a model is shown what: `seimai budget`, `seimai mix` and `seimai ledger`.

budget_file     what to plan for, and from which sources
budget_plan     the cells with their showings, as `mix` reads them; budget_figure draws them, budget_command prints them
mix_command     the mixture that a plan asks for
ledger_command  what models were shown; ledger_cli its commands
"""
