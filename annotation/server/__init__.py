"""A real Argilla on this machine: its environment, a Redis, a search engine, and the processes that make it up.

`home.py` is where everything lies; `environment.py` makes Argilla's own environment on first use; `redis.py` finds a Redis;
`up.py` starts what is missing and waits until it answers, `watch.py` stays with the processes and writes down how each ends,
`state.py` tells what runs and stops what was started. `engine/` is the embedded search engine, which runs inside Argilla's
environment.
"""
