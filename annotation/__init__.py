"""People decide: what a program cannot judge is put before annotators in Argilla, and their answers come back.

`server/` starts a real Argilla on this machine with one command and an embedded search engine. `client.py` speaks with an Argilla
over its REST interface. `questions.py` is what a review task asks, `guidelines/` what annotators read before, in Japanese and
English. `wording_review.py` is the first task: the project's own wordings, read by people before they are repeated thousands of
times.
"""
