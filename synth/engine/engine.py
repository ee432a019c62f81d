"""The protocol of an engine: samples in, answers out, in any order.

An engine never blocks in `submit`, says in `room` how many more samples it would like to have now, and hands over in
`collect` what has come back. So a window over millions of requests is refilled one by one and never drained, whether the engine is
a loop in this process, a pool of threads or a server far away. Heavy libraries are imported in `setup`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

from synth.engine.content_key import Identity
from synth.engine.request import Answer, Job
from synth.weights import Weights


class EngineError(Exception):
    """The engine cannot serve any request: it is gone, refuses the key, or is not the model that was asked for."""


class Engine(ABC):
    """Draws samples. Used as a context: `setup` on entry, `close` at the end."""

    weights: Weights | None = None
    """The model's files, where this process hashed them in `setup`."""

    context: int | None = None
    """Tokens of prompt and answer together, where the engine says so before it is asked."""

    devices: int = 1
    """GPUs (or machines without one) that work at the same time: seconds × devices is the cost that is reported."""

    def identify(self) -> Identity | None:
        """Who answers, found out without loading anything, as the next `setup` will say it; None where only that can know."""
        return None

    @abstractmethod
    def setup(self) -> Identity:
        """Loads the model or finds the server; says who answers. Raises EngineError."""

    @abstractmethod
    def room(self) -> int:
        """How many more samples the engine wants now, ≥ 0."""

    @abstractmethod
    def submit(self, job: Job) -> None:
        """Takes one sample; never blocks. What is wrong with the request comes back as its fault."""

    @abstractmethod
    def collect(self, timeout: float) -> Sequence[Answer]:
        """Answers that have come back since the last call; waits up to `timeout` seconds for the first. Raises EngineError."""

    @abstractmethod
    def close(self) -> None:
        """Ends everything that `setup` began."""

    def state(self) -> Mapping[str, Any]:
        """What the live figures say of the engine itself, e.g. its present concurrency."""
        return {}

    def describe(self) -> Mapping[str, Any]:
        """What a manifest keeps of the engine beside its identity: settings, and what a server said of itself."""
        return {}

    def __enter__(self) -> Identity:
        return self.setup()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
