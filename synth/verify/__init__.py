"""Verifiers: programs that say of one answer whether one constraint holds, and show why.

A constraint is a typed spec (`constraint.Constraint`) with a registry name, its kind. `verify(spec, prompt, answer)` is a pure
function of its three arguments and gives a `verdict.Verdict`: pass, fail or abstain, a score, evidence with positions and counts,
and the kind's version. Abstain is an answer of its own: the wording left a policy open and the answer lies between, a reading is
ambiguous, a sandbox does not hold. A verifier that errs turns preference pairs round; one that abstains only costs a row.

Many verifiers look at one answer, so what they share (folded text, sentences, morphemes) is computed once, when first asked for, by
`answer.Answer`. Families of kinds, a file each:

    length  keywords  phrases  layout  notation  script  lists  markdown  data_forms  language  wordplay       what can be counted
    keitai                                                                             the style of each sentence, by morphemes
    poem (mora, readings)                                                              5-7-5 over a よみ line
    grounding  exact_math  tool_calls  conduct  refusal                                 against the prompt, a number, a schema
    code_tests (sandbox/)                                                              programs, run where they can do no harm

`feasibility` says which constraints cannot hold together, `m_ifeval` reads the constraints of M-IFEval, `audit` runs every golden.
A kind counts once whatever its parameters are. What a kind may say when an answer is empty, endless or not UTF-8 is decided in
one place, `constraint.Constraint.verify`.
"""
