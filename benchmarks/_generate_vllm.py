"""The vLLM side of the benchmark, in an environment that has vLLM: `python _generate_vllm.py COUNT PAIRS MAX_TOKENS SECONDS`."""

import json
import os
import sys
import tempfile
from pathlib import Path

from _generate_pairs import pairs, prompts, requests
from tiny_model import make

from synth.engine.generate import generate
from synth.engine.store import Store
from synth.engine.vllm_offline import VllmOffline


def main(count: int, rounds: int, max_tokens: int, seconds: float) -> None:
    """Alternates `LLM.chat` over the whole list and our engine; prints one JSON object last."""
    settings = {"max_model_len": 512, "dtype": "float32", "enforce_eager": True, "seed": 0}
    with tempfile.TemporaryDirectory() as temporary:
        folder = make(Path(temporary, "tiny"), prompts(500, 99))
        engine = VllmOffline(folder, model="lab/tiny", revision="r1", max_num_seqs=32, settings=settings)
        identity = engine.setup()
        from vllm import SamplingParams

        def bare(texts):
            params = [SamplingParams(max_tokens=max_tokens, temperature=0.8, seed=i) for i in range(len(texts))]
            outputs = engine._llm.chat([[{"role": "user", "content": t}] for t in texts], params, use_tqdm=False)
            return sum(len(o.outputs[0].token_ids) + len(o.prompt_token_ids) for o in outputs)

        def ours(texts, place):
            with Store(place, 0) as store:
                done = [a for _, (a,) in generate(engine, identity, requests(texts, max_tokens), store)]
            return sum(a.completion_tokens + a.prompt_tokens for a in done)

        ratio, by_cpu = pairs("vllm", count, rounds, bare, ours, Path(temporary), seconds)
    print(json.dumps({"ratio_bare_vllm": round(ratio, 3), "cpu_ratio_vllm": round(by_cpu, 3)}), flush=True)
    os._exit(0)  # vLLM's own shutdown takes its time


if __name__ == "__main__":
    main(*(int(a) for a in sys.argv[1:4]), float(sys.argv[4]))
