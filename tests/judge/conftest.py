"""Simulated judges and rows for them to judge."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from simulated_judge import GREEDY, SimulatedJudge

from curation.provenance import key
from synth.answering import Asker
from synth.engine.figures import Figures
from synth.engine.store import Store
from synth.judge.comparison import Comparison, Heard, heard


@pytest.fixture
def answer_row():
    """A row as a generation writes it, as far as judges look at it."""

    def made(prompt: str, answer: str, verdict: str = "pass", function: str = "reading", model: str | None = "lab/m"):
        messages = f'[{{"role":"user","content":"{prompt}"}},{{"role":"assistant","content":"…"}}]'
        return {
            "id": key("row", prompt, answer), "prompt_key": key("prompt", prompt), "answer": answer, "verdict": verdict,
            "function": function, "messages": messages, "tools": None, "model": model, "answer_origin": "model",
        }  # fmt: skip

    return made


@pytest.fixture
def listen(tmp_path):
    """All that a judge says of some comparisons."""

    def made(compared: list[Comparison], engine: SimulatedJudge, name: str = "judge") -> list[Heard]:
        with engine as identity, Store(tmp_path / name, 0) as store:
            return list(heard(compared, name, Asker(engine, identity, store), GREEDY, Figures()))

    return made
