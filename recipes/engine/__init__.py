"""What runs, in which order, and where: a recipe becomes a plan, a plan becomes shards, and commands look back at them.

recipe ──────────▶ plan ────────────────▶ run ───────────────────▶ a run's folder
recipe_file        plan                   execute                  run_folder
spec  blocks       column_flow            workers  executors       run_record  run_rules
source_read        step_identity          slurm/  ray_tasks        manifests
inherited_paths    purpose                gathering  stragglers

    generation/  judging/  pairs/     stages that are more than steps: each has its spec, plan, step and release
    report/  explain/  show           looking back at a run
    classifier/  review/              labels, and the models and decisions made from them
    mixture/  index/                  over several runs: budgets, mixtures, the ledger; generations of an index
    release/  verify/  forget/  audit/

`cli` is the `seimai` command; a folder's `cli` has its commands, and imports what they do only when they are asked.
"""
