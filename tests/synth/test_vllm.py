"""The `vllm` engine with real vLLM and a tiny model; skipped where vLLM is not, which has an environment of its own."""

import json
import re

import pytest
from tiny_model import make

from synth.engine.engine import EngineError
from synth.engine.generate import generate
from synth.engine.request import Completion, Request, Sampling, Structure
from synth.engine.store import Store
from synth.engine.vllm_offline import VllmOffline

pytest.importorskip("vllm")
pytestmark = pytest.mark.peer

SETTINGS = {"max_model_len": 512, "dtype": "float32", "enforce_eager": True, "seed": 0}


@pytest.fixture(scope="module")
def running(tmp_path_factory, request):
    """One engine for all tests: it takes half a minute to start."""
    import os

    os.environ |= {
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    }
    texts = [f"短歌 {i} を詠む。春の夜の夢、秋の夕暮れ。Hello world {i}." for i in range(500)]
    folder = make(tmp_path_factory.mktemp("tiny"), texts)
    engine = VllmOffline(folder, model="lab/tiny", revision="r1", max_num_seqs=8, settings=SETTINGS)
    with engine as identity:
        yield engine, identity


def asked(running, folder, *requests):
    engine, identity = running
    with Store(folder, 0) as store:
        return {r.id.decode(): a if r.n > 1 else a[0] for r, a in generate(engine, identity, requests, store)}


def test_many_prompts_are_answered_with_counts_and_ends(running, ask, tmp_path):
    got = asked(running, tmp_path, *(ask(f"春 {i}", n=3, max_tokens=8) for i in range(40)))
    answers = [a for sample in got.values() for a in sample]
    assert len(answers) == 120
    assert all(isinstance(a, Completion) and a.model == "lab/tiny" and a.prompt_tokens > 5 for a in answers)
    assert all((a.finish == "length") == (a.completion_tokens == 8) for a in answers if a.finish == "length")
    assert all(len({a.text for a in sample}) == 3 for sample in got.values()), (
        "a random model hardly says a thing twice"
    )
    assert running[1].verified


def test_the_same_sample_is_the_same_answer(running, ask, tmp_path):
    one = asked(running, tmp_path / "one", ask("夢", n=2))["夢"]
    many = asked(running, tmp_path / "two", ask("夢", n=2), *(ask(f"夕 {i}") for i in range(20)))["夢"]
    assert [a.text for a in one] == [a.text for a in many], (
        "which holds on a CPU with float32; nothing follows for GPUs"
    )


def test_answers_hold_to_their_structure(running, ask, tmp_path):
    number = {"type": "integer", "minimum": 0, "maximum": 9}
    schema = {"type": "object", "properties": {"n": number}, "required": ["n"], "additionalProperties": False}
    got = asked(
        running, tmp_path,
        ask("choice", structure=Structure.choice(("はい", "いいえ"))),
        ask("regex", structure=Structure.regex("[0-9]{2,3}円")),
        ask("schema", max_tokens=40, structure=Structure.json_schema(schema)),
    )  # fmt: skip
    assert got["choice"].text in ("はい", "いいえ")
    assert re.fullmatch("[0-9]{2,3}円", got["regex"].text)
    assert json.loads(got["schema"].text)["n"] in range(10)


def test_log_probabilities_and_stop_strings(running, ask, tmp_path):
    got = asked(running, tmp_path, ask("x", max_tokens=5, temperature=0, sampling={"logprobs": 2}))["x"]
    rows = json.loads(got.logprobs)
    assert len(rows) == got.completion_tokens
    assert all(own == max(others.values()) for _, own, others in rows), "greedy draws the best"
    assert got.logprob_mean == pytest.approx(sum(own for _, own, _ in rows) / len(rows))


def test_a_prompt_longer_than_the_context_is_a_fault_with_both_counts(running, ask, tmp_path):
    got = asked(running, tmp_path, ask("春の夜" * 600), ask("well"))
    assert isinstance(got["well"], Completion)
    fault = got["春の夜" * 600]
    assert (fault.kind, fault.limit) == ("prompt_too_long", 512)
    assert fault.value > 512


def test_a_raw_prompt_goes_on_without_a_template(running, tmp_path):
    raw = Request(b"raw", (), Sampling(max_tokens=4, temperature=1.0), prompt="<|im_start|>user\n")
    assert asked(running, tmp_path, raw)["raw"].prompt_tokens <= 6


def test_parallel_settings_reach_vllm_as_they_are_and_count_as_devices(running, monkeypatch):
    import vllm

    folder = running[0].path
    both = VllmOffline(
        folder, model="lab/tiny", revision="r1", max_num_seqs=8,
        settings=SETTINGS | {"tensor_parallel_size": 2, "data_parallel_size": 2},
    )  # fmt: skip
    with pytest.raises(EngineError, match=r"LLM\(data_parallel_size=2\) is not supported for single-process"):
        both.setup()  # vLLM's own words
    given = {}

    class Taking:
        def __init__(self, model, **settings):
            given.update(settings, model=model)
            raise ValueError("that is all")

    monkeypatch.setattr(vllm, "LLM", Taking)
    with pytest.raises(EngineError, match="vLLM cannot load it: that is all"):
        both.setup()
    assert {name: given[name] for name in both.settings} == both.settings
    assert (given["model"], given["max_num_seqs"], both.devices) == (str(folder), 8, 4)


def test_an_engine_that_fails_in_the_middle_stops_the_run_and_what_it_answered_is_kept(running, ask, tmp_path):
    engine, _ = running
    prompts = [ask(f"夢 {i}", max_tokens=4) for i in range(40)]
    steps, real = iter(range(12)), engine._engine.step

    def step():
        if next(steps, None) is None:
            raise RuntimeError("an illegal memory access was encountered")
        return real()

    engine._engine.step = step
    try:
        with pytest.raises(EngineError, match="vLLM failed: RuntimeError: an illegal memory access"):
            asked(running, tmp_path, *prompts)
    finally:
        engine._engine.step = real
        engine._engine.abort_request(list(engine._jobs), internal=False)
        engine._jobs.clear()
    kept = {a.key for a in Store(tmp_path).answers()}
    assert 0 < len(kept) < 40
    assert len(asked(running, tmp_path, *prompts)) == 40
    assert sum(p.stat().st_size > 16 for p in tmp_path.rglob("*.seg")) == 2, "the second run wrote what was missing"
    assert len(Store(tmp_path)) == 40
