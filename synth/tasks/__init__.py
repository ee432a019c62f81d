"""Tasks: one file a function of an assistant, each making instances whose answers a program can check.

    draw ──> Task.make ──> Instance: turns, each with the constraints that it must satisfy
                              │
              program-made answers, or a model's ──> verify ──> rows

- `task`: the protocol: `Turn`, `Instance`, `Task`, and tasks by name. `draw`: choices that depend on a key and nothing else.
- `verified`: what the verifiers say of an instance's turns.
- The other files: the tasks. Their wordings are data (`synth/prompts/`), and so is what they draw from (`synth/seeds/`).

How to add one: docs/generation.md, "Adding a task".
"""
