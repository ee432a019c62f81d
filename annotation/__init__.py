"""People decide: what a program cannot judge is put before annotators in Argilla, and their answers come back.

`server/` starts a real Argilla on this machine with one command and an embedded search engine. `client.py` speaks with an Argilla
over its REST interface. `questions.py` is what a review task asks, `datasets.py` its datasets in Argilla, `guidelines/` what
annotators read before, in Japanese and English. `wording_review.py` is the first task: the project's own wordings, read by people
before they are repeated thousands of times.

The way of generated rows: rows of a run → `items.py` (what is asked about) → `review_plan.py` and `routing.py` (who is drawn, how
many people see it) → `record.py` (records with a drawn order, mirror images, personal data masked) → `push.py` and `sending.py` →
Argilla → `pull.py` (answers in the row's own order, as events) → `labels.py` (shards that are only appended to, columns in
`label.py`) → `ballots.py` (whose answers count) → `resolve.py` (one decision a question of every row by `votes.py`, columns in
`decision.py`). `review_tasks.py` and `tasks/` are what is asked; `people.py` is who; `daily_cap.py` guards who reads harmful content;
`again.py` asks old rows anew; `agreed.py` says how far people agree, by the coefficients of `agreement.py`; `released_errors.py`
how many released rows are wrong, by `error_rate.py`. `gold.py` mixes in rows whose answer is known, `skill.py` says how each
annotator does, `adjudicate.py` puts disputed rows before somebody who has not voted on them. `judge_decisions.py` is what people
say of a jury's pairs, `calibrate.py` the curves from it, `calibration_file.py` keeps them for plans and recipes; `signals.py` is
what routes may look at. `examples.py` is what was decided about answers, as labels that a quality classifier learns from.
"""
