"""What tests of the generator share: requests, and servers with bad days."""

import sys
from pathlib import Path

import pytest

from synth.engine.request import Request, Sampling

sys.path.insert(0, str(Path(__file__).parent))

from faulty_server import FaultyServer


@pytest.fixture
def ask():
    """Makes a request from a prompt."""

    def made(prompt: str, n: int = 1, *, max_tokens: int = 16, temperature: float = 0.8, **more) -> Request:
        sampling = Sampling(max_tokens=max_tokens, temperature=temperature, **more.pop("sampling", {}))
        return Request(prompt.encode(), ({"role": "user", "content": prompt},), sampling, n, **more)

    return made


@pytest.fixture
def faulty():
    """A small real HTTP server that does what prompts tell it to."""
    with FaultyServer() as server:
        yield server
