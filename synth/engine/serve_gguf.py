"""An OpenAI-compatible server over a GGUF file, on 127.0.0.1: what `StartedServer` starts where no other server is installed.

    SEIMAI_SERVER_KEY=… python -m synth.engine.serve_gguf FILE --port 18080 --model NAME --context 2048 --slots 4

It is llama.cpp's own server. It runs until it is told to end (SIGTERM) or its parent is gone.
"""

import argparse
import os
import signal
import time
from typing import Any

COMMAND = ["{python}", "-m", "synth.engine.serve_gguf", "{model}", "--port", "{port}"]
"""The words that start it, to which `--model`, `--context` and `--slots` are added."""


def main() -> None:
    """Serves until SIGTERM, or until the process that started it is gone."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    for name, kind in (("port", int), ("model", str), ("context", int), ("slots", int)):
        parser.add_argument(f"--{name}", type=kind, required=True)
    parser.add_argument("--threads", type=int)
    said = parser.parse_args()
    import xllamacpp

    settings = xllamacpp.CommonParams()
    settings.model.path, settings.model_alias = said.file, {said.model}
    settings.n_ctx, settings.n_parallel = said.context * said.slots, said.slots
    settings.hostnames, settings.port = ["127.0.0.1"], said.port
    settings.use_jinja, settings.verbosity, settings.warmup = True, -1, False
    settings.n_threads_http = 8 * said.slots  # an open connection holds one, and those that find none wait for seconds
    settings.endpoint_props = False  # nothing may be changed from outside; reading stays possible
    if key := os.environ.get("SEIMAI_SERVER_KEY"):
        settings.api_keys = [key]
    if said.threads is not None:
        settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = said.threads
    ended: list[Any] = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    server, parent = xllamacpp.Server(settings), os.getppid()
    print(server.listening_address, flush=True)
    while not ended and os.getppid() == parent:
        time.sleep(0.2)
    os._exit(0)  # its threads wait for requests that will not come


if __name__ == "__main__":
    main()
