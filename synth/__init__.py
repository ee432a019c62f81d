"""The generator: Japanese instruction data from models whose licence allows it, checked by programs before anyone reads it.

    curated shards ─ seed ─> prompts ─ engine/ ─> answers ─> verified rows ─ novelty, mixture ─> released rows
                      │                  │                      │
                   rights             models                 dialogue

- `dialogue`: the columns of a generated row. `seed`, `passage`, `topics`, `personas`: what prompts grow from.
- `engine`: requests in, completions out, each asked once and kept by its content.
- `models`, `weights`, `obligations`, `rights`: who may write, what documents may give, what a release must keep.
- `imported`, `import_candidates`, `forbidden_authors`: instruction sets from outside, and rows that denied models wrote.
- `novelty`, `mixture`: what is new, and how much of each function is taken; decided once a round.

How to use it: docs/generation.md.
"""
