"""The `server` engine against a real server with bad days: what heals is tried again, the rest is a fault or the run's end."""

import time

import pytest
from faulty_server import BODIES, FaultyServer

from synth.engine.engine import EngineError
from synth.engine.figures import Figures
from synth.engine.generate import generate
from synth.engine.request import Completion, Fault, RequestError, Structure
from synth.engine.server import Declared, Server
from synth.engine.store import Store

SETTINGS = {"max_concurrency": 8, "attempt_s": 10.0, "deadline_s": 30.0, "dead_after_s": 20.0}
HANGING = {"attempt_s": 0.5, "dead_after_s": 3.0}
"""Where an answer is waited for that never comes; elsewhere a busy machine is no reason to ask again."""


def engine(server, model="tiny", **other) -> Server:
    url = server if isinstance(server, str) else server.url
    return Server(url, model, Declared("lab/tiny", "r1"), **(SETTINGS | other))


def answers(server, requests, folder, figures=None, **other):
    """Answers by prompt, as one run gets them; the list of them where n > 1."""
    made, asked = {}, engine(server, **other)
    with asked as identity, Store(folder, 0) as store:
        for request, got in generate(asked, identity, requests, store, figures=figures):
            made[request.id.decode()] = got if request.n > 1 else got[0]
    return made


def test_an_answer_holds_what_the_server_said(faulty, ask, tmp_path):
    got = answers(faulty, [ask("短歌を一首")], tmp_path)["短歌を一首"]
    assert isinstance(got, Completion)
    assert got.text == f"answer to 短歌を一首 with {got.seed}"
    assert (got.finish, got.model, got.prompt_tokens, got.attempts) == ("stop", "tiny", 5, 1)
    assert got.seconds > 0
    assert abs(got.at - time.time()) < 60


def test_n_samples_have_seeds_of_their_own(faulty, ask, tmp_path):
    got = answers(faulty, [ask("hello", n=8)], tmp_path)["hello"]
    assert [a.sample for a in got] == list(range(8))
    assert len({a.seed for a in got}) == 8 == len({a.text for a in got})
    assert all(0 <= a.seed < 2**31 for a in got)


@pytest.mark.parametrize(
    "kind",
    ["429", "500", "503", "malformed", "utf8", "half", "reset", "nothing", "nochoices", "gzip", "nothttp", *BODIES],
)
def test_a_bad_day_of_two_answers_heals(faulty, ask, tmp_path, kind):
    figures = Figures()
    got = answers(faulty, [ask(f"{kind} 2 times")], tmp_path, figures)[f"{kind} 2 times"]
    assert isinstance(got, Completion), got
    assert got.attempts == 3
    assert figures.retries == 2
    assert sum(faulty.asked.values()) == 3


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        ("500", "server_error"),
        ("malformed", "malformed_answer"),
        ("utf8", "malformed_answer"),
        ("half", "server_error"),
        ("hang", "deadline"),
        ("endless", "deadline"),
        ("nochoices", "malformed_answer"),
        ("array", "malformed_answer"),
        ("nothttp", "server_error"),
        ("gzip", "server_error"),
    ],
)
def test_a_bad_day_without_end_is_a_fault_within_the_deadline(faulty, ask, tmp_path, hindered, kind, fault):
    began = time.monotonic()
    got = answers(faulty, [ask(kind), ask("well")], tmp_path, deadline_s=1.5, **HANGING)
    assert time.monotonic() - began < 3.5 + hindered()
    assert isinstance(got["well"], Completion), "nothing else is lost"
    assert isinstance(got[kind], Fault)
    assert got[kind].kind == fault
    assert got[kind].attempts >= 2


def test_a_server_that_asks_for_a_pause_gets_it(faulty, ask, tmp_path, hindered):
    got = answers(faulty, [ask("later 1 time")], tmp_path)["later 1 time"]
    assert isinstance(got, Completion)
    assert got.attempts == 2
    first, second = faulty.times
    assert 1.0 <= second - first < 2.0 + hindered()


def test_an_answer_that_grows_without_end_is_cut_off_before_it_fills_the_memory(faulty, ask, tmp_path):
    got = answers(faulty, [ask("flood"), ask("well")], tmp_path, attempt_s=20.0, deadline_s=1.0)
    assert isinstance(got["well"], Completion)
    assert got["flood"].kind == "malformed_answer"
    assert "an answer of more than 64 MiB" in got["flood"].message


def test_a_prompt_that_is_too_long_is_a_fault_with_both_counts(faulty, ask, tmp_path):
    got = answers(faulty, [ask("long prompt"), ask("well")], tmp_path)
    assert isinstance(got["well"], Completion)
    assert (got["long prompt"].kind, got["long prompt"].value, got["long prompt"].limit) == (
        "prompt_too_long",
        4000,
        1024,
    )
    assert got["long prompt"].attempts == 1, "asking again would only say the same"


def test_an_empty_answer_is_an_answer(faulty, ask, tmp_path):
    got = answers(faulty, [ask("empty")], tmp_path)["empty"]
    assert isinstance(got, Completion)
    assert got.text == ""


def test_a_server_that_counts_no_tokens_leaves_them_unknown(faulty, ask, tmp_path):
    figures = Figures()
    got = answers(faulty, [ask("nousage")], tmp_path, figures)["nousage"]
    assert (got.prompt_tokens, got.completion_tokens) == (None, None)
    assert figures.completion_tokens == 0


def test_another_models_name_in_an_answer_stops_the_run_and_is_not_stored(faulty, ask, tmp_path):
    prompts = [ask(f"well {i}") for i in range(20)] + [ask("wrongmodel")] + [ask(f"after {i}") for i in range(2000)]
    with pytest.raises(EngineError, match="an answer is by model 'another', the recipe names 'tiny'"):
        answers(faulty, prompts, tmp_path)
    kept = list(Store(tmp_path).answers())
    assert 0 < len(kept) < 2000
    assert {a.model for a in kept} == {"tiny"}


def test_a_name_that_the_server_gives_itself_may_be_stated(ask, tmp_path):
    with FaultyServer() as server:
        got = answers(server, [ask("wrongmodel")], tmp_path, answers_as="another")
    assert got["wrongmodel"].model == "another"


@pytest.mark.parametrize("kind", ["401", "404", "redirect"])
def test_a_wrong_key_or_path_stops_the_run(faulty, ask, tmp_path, kind):
    with pytest.raises(EngineError, match=r"status (401|404|307)"):
        answers(faulty, [ask(kind)], tmp_path)


def test_a_parameter_that_the_server_refuses_at_every_request_stops_the_run(faulty, ask, tmp_path):
    with pytest.raises(EngineError, match="refused the first 8 requests; the last: status 400: no such parameter"):
        answers(faulty, [ask(f"refuse {i} x") for i in range(50, 100)], tmp_path)


def test_a_refusal_among_answers_is_a_fault_of_its_row(faulty, ask, tmp_path):
    got = answers(faulty, [ask("well"), ask("refuse")], tmp_path, max_concurrency=1)
    assert got["refuse"].kind == "refused"
    assert "no such parameter" in got["refuse"].message


def test_a_server_that_dies_stops_the_run_and_the_next_run_goes_on(ask, tmp_path):
    prompts = [ask(f"prompt {i}") for i in range(300)]
    with FaultyServer(delay=0.02) as server:
        asked = engine(server, dead_after_s=2.0, deadline_s=30.0)
        with asked as identity, Store(tmp_path, 0) as store:
            running = generate(asked, identity, prompts, store)
            for _ in range(50):
                next(running)
            server.stop()
            with pytest.raises(EngineError, match="no answer to anything for"):
                list(running)
    kept = len(Store(tmp_path))
    assert 50 <= kept < 300


def test_a_prompt_that_hangs_alone_does_not_look_like_a_dead_server(faulty, ask, tmp_path):
    got = answers(faulty, [ask("well"), ask("hang")], tmp_path, attempt_s=0.5, dead_after_s=0.3, deadline_s=2.0)
    assert got["hang"].kind == "deadline"


def test_where_no_server_listens_setup_says_so(tmp_path):
    with pytest.raises(EngineError, match="no OpenAI-compatible server answers here"), engine("http://127.0.0.1:9"):
        pass


def test_a_model_that_is_not_served_is_named_beside_those_that_are(faulty):
    with pytest.raises(EngineError, match="serves tiny, not 'swallow'"), engine(faulty, model="swallow"):
        pass


def test_the_key_comes_from_the_environment_and_goes_nowhere_else(faulty, ask, tmp_path, monkeypatch):
    monkeypatch.setenv("TINY_KEY", "secret-of-the-lab")
    answers(faulty, [ask("well")], tmp_path, key_env="TINY_KEY")
    assert faulty.headers[-1]["authorization"] == "Bearer secret-of-the-lab"
    assert not [p for p in tmp_path.rglob("*") if p.is_file() and b"secret-of-the-lab" in p.read_bytes()]
    monkeypatch.delenv("TINY_KEY")
    with pytest.raises(EngineError, match="TINY_KEY"), engine(faulty, key_env="TINY_KEY"):
        pass


def test_a_server_that_quotes_the_key_when_it_refuses_is_told_without_it(faulty, ask, tmp_path, monkeypatch):
    monkeypatch.setenv("TINY", "secret-of-the-lab")
    got = answers(faulty, [ask("quote400 once"), ask("quote500 ever")], tmp_path, key_env="TINY", deadline_s=1.0)
    assert all(isinstance(one, Fault) for one in got.values())
    assert "Incorrect key provided: Bearer [key]" in got["quote400 once"].message
    assert "Bearer [key]" in got["quote500 ever"].message
    with pytest.raises(EngineError, match=r"Bearer \[key\]") as raised:
        answers(faulty, [ask("quote401")], tmp_path, key_env="TINY")
    assert "of-the-lab" not in str(raised.value)
    assert not [p for p in tmp_path.rglob("*") if p.is_file() and b"of-the-lab" in p.read_bytes()]


def test_concurrency_rises_to_what_is_allowed(ask, tmp_path):
    with FaultyServer(delay=0.02) as server:
        answers(server, [ask(f"p {i}") for i in range(300)], tmp_path, max_concurrency=32)
    assert 24 <= server.most_at_once <= 32


def test_concurrency_falls_to_what_the_server_bears(ask, tmp_path):
    with FaultyServer(delay=0.02, limit=6) as server:
        got = answers(server, [ask(f"p {i}") for i in range(300)], tmp_path, max_concurrency=64, deadline_s=30.0)
    assert all(isinstance(a, Completion) for a in got.values())
    pushed_back = sum(server.asked.values()) - 300
    assert pushed_back < 150, "64 at a time would be pushed back ten times as often as answered"


def test_sampling_is_sent_in_full(faulty, ask, tmp_path):
    sampling = {"top_p": 0.9, "top_k": 20, "min_p": 0.05, "stop": ("\n",), "logprobs": 2}
    structure = Structure.choice(("はい", "いいえ"))
    for dialect, key in (("vllm", "repetition_penalty"), ("llama_cpp", "repeat_penalty")):
        answers(faulty, [ask(dialect, sampling=sampling, structure=structure)], tmp_path, dialect=dialect)
        body = faulty.bodies[-1]
        assert (body["top_p"], body["top_k"], body["min_p"], body["stop"], body[key]) == (0.9, 20, 0.05, ["\n"], 1.0)
        assert (body["logprobs"], body["top_logprobs"], body["stream"]) == (True, 2, False)
    assert body["grammar"] == 'root ::= "はい" | "いいえ"'
    assert faulty.bodies[-2]["structured_outputs"] == {"choice": ["はい", "いいえ"]}


def test_what_openais_own_parameters_cannot_say_is_refused_before_it_is_sent(faulty, ask, tmp_path):
    got = answers(faulty, [ask("well"), ask("odd", sampling={"top_k": 20})], tmp_path)
    assert got["odd"].kind == "refused"
    assert "dialect" in got["odd"].message
    assert not [b for b in faulty.bodies if b["messages"][0]["content"] == "odd"]


def test_a_server_without_a_declaration_is_no_engine(faulty):
    with pytest.raises(RequestError, match="must declare which model"):
        Server(faulty.url, "tiny", **SETTINGS)


def test_an_engine_that_was_left_in_the_middle_is_used_again(faulty, ask, tmp_path):
    asked = engine(faulty, attempt_s=2.0)
    for _ in range(2):
        with asked as identity, Store(tmp_path, 0) as store:
            running = generate(asked, identity, [ask("well"), *(ask(f"hang {10**6 + i}") for i in range(8))], store)
            next(running)
            running.close()
    with asked as identity, Store(tmp_path, 0) as store:
        assert len(list(generate(asked, identity, [ask(f"p {i}") for i in range(50)], store))) == 50
