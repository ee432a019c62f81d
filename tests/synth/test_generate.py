"""The window and the key: each sample asked once, whatever is asked in which order, and never one list of all prompts."""

import dataclasses
import hashlib
import io
import json
import time

import pytest
from faulty_server import FaultyServer
from hypothesis import given
from hypothesis import strategies as st
from test_server import answers, engine

from synth.engine.content_key import Identity, identity_key, job, request_key
from synth.engine.figures import Figures, live
from synth.engine.generate import MOST_WAITING, generate
from synth.engine.request import Completion, Fault, Request, RequestError, Sampling, Structure
from synth.engine.store import Store

IDENTITY = Identity("lab/tiny", "r1", "aa", "server/openai", "1")
REQUEST = Request(b"row", ({"role": "user", "content": "短歌"},), Sampling(max_tokens=16, temperature=0.8))


def test_what_is_stored_is_not_asked_again(faulty, ask, tmp_path):
    first = answers(faulty, [ask(f"p {i}") for i in range(20)], tmp_path)
    figures = Figures()
    second = answers(faulty, [ask(f"p {i}") for i in range(25)], tmp_path, figures)
    assert {k: second[k] for k in first} == first
    assert (figures.stored, figures.asked, sum(faulty.asked.values())) == (20, 5, 25)


def test_a_request_for_eight_that_was_cut_at_five_asks_for_three(faulty, ask, tmp_path):
    five = answers(faulty, [ask("p", n=5)], tmp_path)["p"]
    figures = Figures()
    eight = answers(faulty, [ask("p", n=8)], tmp_path, figures)["p"]
    assert eight[:5] == five
    assert (figures.stored, figures.asked) == (5, 3)


def test_an_edited_prompt_never_meets_an_old_answer(faulty, ask, tmp_path):
    answers(faulty, [ask("p")], tmp_path)
    figures = Figures()
    answers(faulty, [ask("p ")], tmp_path, figures)
    assert (figures.stored, figures.asked) == (0, 1)


def test_equal_requests_of_two_rows_are_asked_once(ask, tmp_path):
    twins = [dataclasses.replace(ask("p", n=2), id=b"first"), dataclasses.replace(ask("p", n=2), id=b"second")]
    figures = Figures()
    with FaultyServer(delay=0.05) as server:
        got = answers(server, twins, tmp_path, figures)
    assert got["first"] == got["second"]
    assert (figures.asked, figures.duplicates) == (2, 2)


def test_prompts_are_taken_as_there_is_room(faulty, ask, tmp_path):
    taken = 0

    def prompts():
        nonlocal taken
        for i in range(400):
            taken += 1
            yield ask(f"p {i}")

    ahead, asked = [], engine(faulty)
    with asked as identity, Store(tmp_path, 0) as store:
        for done, _ in enumerate(generate(asked, identity, prompts(), store)):
            ahead.append(taken - done)
    assert len(ahead) == 400
    assert max(ahead) <= 3 * 8, "eight asked, eight waiting behind them, and those that were answered meanwhile"


def test_a_flood_of_equal_prompts_waits_for_one_answer_in_bounded_memory(ask, tmp_path):
    taken = 0

    def prompts():
        nonlocal taken
        for _ in range(MOST_WAITING * 3):
            taken += 1
            yield ask("same")

    with FaultyServer(delay=0.3) as server:
        asked = engine(server, attempt_s=3.0)
        with asked as identity, Store(tmp_path, 0) as store:
            waiting = generate(asked, identity, prompts(), store)
            next(waiting)
            assert taken <= MOST_WAITING
            assert sum(1 for _ in waiting) == MOST_WAITING * 3 - 1
        assert sum(server.asked.values()) == 1


def test_a_fault_is_kept_and_asked_again_only_when_that_is_wanted(faulty, ask, tmp_path):
    assert answers(faulty, [ask("hang 1 x")], tmp_path, deadline_s=0.3, attempt_s=0.2)["hang 1 x"].kind == "deadline"
    asked = engine(faulty)
    began = time.time()
    for since, kept in ((None, False), (began - 60, False), (began + 60, True), (None, True)):
        with asked as identity, Store(tmp_path, 0) as store:
            ((_, (answer,)),) = generate(asked, identity, [ask("hang 1 x")], store, faults_since=since)
        assert isinstance(answer, Completion) == kept


def test_a_prompt_that_was_too_long_is_asked_again_where_the_context_has_grown(faulty, ask, tmp_path):
    asked = engine(faulty)
    request = ask("p")
    for context, since, kept in (
        (None, None, False),
        (128, time.time() + 60, False),
        (129, 1, False),
        (129, None, True),
    ):
        asked.context = context
        with asked as identity, Store(tmp_path, 0) as store:
            sample = job(request_key(identity_key(identity), request), request, 0)
            if since is None and context is None:
                store.put(Fault(sample.key, sample.request_key, 0, "prompt_too_long", "too long", 200, 128, at=1))
            ((_, (answer,)),) = generate(asked, identity, [request], store, faults_since=since)
        assert isinstance(answer, Completion) == kept, context


@pytest.mark.parametrize("context", [None, 512])
def test_of_two_contexts_that_a_prompt_did_not_fit_the_larger_one_is_kept(tmp_path, context):
    for shard, limit in enumerate((1024, 256, 512)):
        with Store(tmp_path, shard) as store:
            store.put(Fault(b"k" * 16, b"r" * 16, 0, "prompt_too_long", "too long", 2000, limit, at=1))
    kept = Store(tmp_path).get(b"k" * 16)
    assert (kept.limit, kept.lasts(context)) == (1024, True)


def test_figures_say_what_was_done(faulty, ask, tmp_path):
    figures, lines = Figures(), []
    asked = engine(faulty, devices=2)
    prompts = [ask("429 1 x"), ask("long prompt"), *(ask(f"p {i}", n=2) for i in range(10))]
    with asked as identity, Store(tmp_path, 0) as store:
        for _request, got in generate(
            asked, identity, prompts, store, figures=figures, show=lambda f: lines.append(f.line()), every=0
        ):
            for answer in got:
                figures.verdict(isinstance(answer, Completion) and answer.sample == 0)
    kept = figures.as_dict()
    assert (kept["requests"], kept["asked"], kept["completions"], kept["retries"]) == (12, 22, 21, 1)
    assert kept["faults"] == {"prompt_too_long": 1}
    assert kept["yield"] == pytest.approx(11 / 22)
    assert kept["gpu_seconds"] == pytest.approx(2 * kept["seconds"], abs=0.002)
    assert "22 answered" in lines[-1]
    assert "yield 50.0%" in lines[-1]


def test_the_live_line_is_one_line_on_a_terminal_and_a_line_a_minute_elsewhere(faulty, ask, tmp_path):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    for stream, lines in ((Terminal(), 1), (io.StringIO(), 2)):
        asked = engine(faulty)
        with asked as identity, Store(tmp_path / str(lines), 0) as store:
            prompts = [ask(f"p {i}") for i in range(40)]
            list(generate(asked, identity, prompts, store, show=live(stream), every=0))
        assert stream.getvalue().count("\n") == lines
        assert "40 answered" in stream.getvalue().splitlines()[-1]


@pytest.mark.parametrize(
    "change",
    [
        {"messages": ({"role": "user", "content": "俳句"},)},
        {"messages": ({"role": "system", "content": "詩人"}, *REQUEST.messages)},
        {"sampling": Sampling(max_tokens=17, temperature=0.8)},
        {"sampling": Sampling(max_tokens=16, temperature=0.8, stop=("。",))},
        {"sampling": Sampling(max_tokens=16, temperature=0.8, logprobs=0)},
        {"tools": ({"type": "function", "function": {"name": "tenki"}},)},
        {"structure": Structure.regex("[ぁ-ん]+")},
        {"structure": Structure.choice(("[ぁ-ん]+",))},
        {"template": {"enable_thinking": False}},
        {"seed": 1},
    ],
    ids=str,
)
def test_whatever_shapes_the_answer_changes_the_key(change):
    of = identity_key(IDENTITY)
    assert request_key(of, REQUEST) != request_key(of, dataclasses.replace(REQUEST, **change))


@pytest.mark.parametrize("name", [f.name for f in dataclasses.fields(Identity)])
def test_whatever_the_identity_holds_changes_the_key(name):
    other = dataclasses.replace(IDENTITY, **{name: True if name == "verified" else "x"})
    assert request_key(identity_key(IDENTITY), REQUEST) != request_key(identity_key(other), REQUEST)


def test_who_asks_and_how_often_is_no_part_of_the_key():
    of = identity_key(IDENTITY)
    assert request_key(of, REQUEST) == request_key(of, dataclasses.replace(REQUEST, id=b"another", n=8))


def test_the_key_is_the_layout_that_its_module_describes():
    """Worked with the standard library over the documented fields: a changed layout asks old stores anew, so it must be meant."""

    def field(*parts) -> bytes:
        raw = [p if isinstance(p, bytes) else str(p).encode() for p in parts]
        return hashlib.sha256(b"".join(len(r).to_bytes(8, "little") + r for r in raw)).digest()[:16]

    def text(value) -> bytes:
        return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()

    who = {"model": "lab/tiny", "revision": "r1", "weights": "aa", "engine": "server/openai", "version": "1"}
    who |= {"adapter": "", "quantisation": "", "chat_template": "", "verified": False}
    drawn = {"max_tokens": 16, "temperature": 0.8, "top_p": 1.0, "top_k": 0, "min_p": 0.0, "presence_penalty": 0.0}
    drawn |= {"frequency_penalty": 0.0, "repetition_penalty": 1.0, "stop": [], "logprobs": None}
    content = [[{"role": "user", "content": "短歌"}], [], None, drawn, {}, 0]
    expected = field("request", field("identity", 1, text(who)), text(content))
    assert request_key(identity_key(IDENTITY), REQUEST) == expected
    assert job(expected, REQUEST, 3).key == field("sample", expected, 3)


@given(st.integers(0, 1000), st.integers(0, 1000))
def test_seeds_and_keys_of_samples_differ(i, j):
    one, two = job(b"r" * 16, REQUEST, i), job(b"r" * 16, REQUEST, j)
    assert (one.key == two.key) == (i == j)
    assert 0 <= one.seed < 2**31


def test_a_request_that_no_engine_could_answer_is_refused_at_once():
    with pytest.raises(RequestError, match="temperature 0 asks the same answer 3 times"):
        dataclasses.replace(REQUEST, n=3, sampling=Sampling(max_tokens=4, temperature=0))
    with pytest.raises(RequestError, match="max_tokens must be ≥ 1, not 0"):
        Sampling(max_tokens=0, temperature=1)
    with pytest.raises(RequestError, match="role must be"):
        dataclasses.replace(REQUEST, messages=({"role": "bot", "content": ""},))
    with pytest.raises(RequestError, match="type: 'nummer' is not valid"):
        Structure.json_schema({"type": "nummer"})
    with pytest.raises(RequestError, match="either messages or a raw prompt"):
        dataclasses.replace(REQUEST, prompt="<|user|>")
    with pytest.raises(RequestError, match="cannot be written as JSON"):
        request_key(b"", dataclasses.replace(REQUEST, messages=({"role": "user", "content": "\ud800"},)))
