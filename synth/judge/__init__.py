"""Judges: models that say which of two answers is better, or how good one is, and what that is worth.

    comparison ──> asking: both orders, or a rubric ──> an engine ──> verdict: win | loss | tie | inconsistent
                                                                          │
             bias: position, length, own family   <── measured ──   jury: one verdict of several judges, with a margin

- `asking`: the requests; their wordings are data (`synth/prompts/judge.yaml`). Only the field of the schema is read, never the text.
- `verdict`: what a judge said in each order, and what both orders say together.
- `jury`: several judges' verdicts together, by majority, Bradley and Terry, or Dawid and Skene with judges of one family as one.
- `bias`: how far a judge leans to the first place, to length, to its own family, each with an interval.

A judge sees only answers that no verifier failed. Judges are authors: the policy rules on them as on generators.
"""
