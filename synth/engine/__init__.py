"""Generation: requests in, completions out, each asked once.

    requests ──> generate ──> store: is it there already? ──yes──> answers
                    │ no
                    ▼
                 engine: vllm | server | llama_cpp ──> store ──> answers

- `request`: what is asked and what comes back; `content_key`: under which key it is kept.
- `store`, `segment`: completions on disk, append-only, one folder for all tasks of a run and all runs of a recipe.
- `engine`: the protocol; `server`, `llama_cpp`, `vllm_offline`: the three engines.
- `generate`: a bounded window over any number of requests, refilled as answers come; `figures`: what is shown meanwhile.

Nothing here judges an answer. A fault (too long a prompt, a deadline, an answer that is no JSON) is an answer of its own kind, kept
like the others; what concerns every request (the server is gone, another model answers, the key is refused) stops the run with
an `EngineError`, and the same command goes on from what is stored.
"""
