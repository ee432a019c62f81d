"""A server that the run starts itself from hashed weights: a real OpenAI-compatible one, llama.cpp's."""

import json
import os
import socket
import urllib.request

import pytest
from test_llama_cpp import GGUF, LICENCE

from synth.engine.engine import EngineError
from synth.engine.generate import generate
from synth.engine.request import Completion, Structure
from synth.engine.serve_gguf import COMMAND
from synth.engine.server import Server
from synth.engine.started_server import StartedServer
from synth.engine.store import Store

SMOL = "HuggingFaceTB/SmolLM2-135M-Instruct"
WORDS = [*COMMAND, "--model", "smol", "--context", "256", "--slots", "2", "--threads", "1"]
LIMITS = {"max_concurrency": 4, "attempt_s": 60.0, "deadline_s": 120.0, "dead_after_s": 60.0}


def started(words=WORDS, **other) -> StartedServer:
    settings = {"model": SMOL, "revision": "0.1.2", "licence": LICENCE, "ready_s": 120.0}
    return StartedServer(words, GGUF, environment={"SEIMAI_SERVER_KEY": "{token}"}, **(settings | other))


def test_a_server_started_from_hashed_weights_is_verified_and_answers(ask, tmp_path):
    server = started()
    engine = Server(server, "smol", **LIMITS)
    form = Structure.choice(("赤", "青"))
    with engine as identity, Store(tmp_path, 0) as store:
        assert (identity.model, identity.verified, identity.engine) == (SMOL, True, "server/llama_cpp")
        assert identity.weights == "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
        got = {r.id: a for r, a in generate(engine, identity, [ask("one", n=3), ask("two", structure=form)], store)}
        long = [a for _, (a,) in generate(engine, identity, [ask("word " * 400)], store)]
        body = json.dumps({"messages": [{"role": "user", "content": "x"}], "max_tokens": 1}).encode()
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(engine.url + "/v1/chat/completions", body, timeout=5)
        pid, port = server._process.pid, int(engine.url.rsplit(":", 1)[1])
    assert all(isinstance(a, Completion) and a.model == "smol" for answers in got.values() for a in answers)
    assert got[b"two"][0].text in ("赤", "青")
    assert (long[0].kind, long[0].limit) == ("prompt_too_long", 256)
    assert long[0].value > 400
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0, "nothing listens any more"


def test_a_server_that_dies_at_the_start_is_said():
    with pytest.raises(EngineError, match="ended with status 3 before it was ready"):
        started(["{python}", "-c", "raise SystemExit(3)"]).start()


def test_a_command_that_is_not_there_is_said():
    with pytest.raises(EngineError, match="no-such-server: cannot start"):
        started(["no-such-server", "{port}"]).start()
