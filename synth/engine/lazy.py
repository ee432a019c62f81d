"""An engine that loads its model when the first sample is asked of it: a round whose answers are all in the store loads none."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from synth.engine.content_key import Identity
from synth.engine.engine import Engine
from synth.engine.request import Answer, Job


class Lazy(Engine):
    """Another engine, set up as late as it may be: when it is asked, or at once where only that tells who answers (a server)."""

    def __init__(self, engine: Engine):
        self.engine = engine
        self.devices, self.context = engine.devices, engine.context
        self._up, self._loading = False, 0.0

    def setup(self) -> Identity:
        """Says who would answer. Raises EngineError, or ModelFolderError for a model without a licence text."""
        began = time.monotonic()
        known = self.engine.identify()
        identity = self.engine.setup() if known is None else known
        self._up = known is None
        self.weights = self.engine.weights
        self._loading += time.monotonic() - began
        return identity

    def loading(self) -> float:
        """Seconds spent on finding out who answers and on loading since this was last asked."""
        spent, self._loading = self._loading, 0.0
        return spent

    def room(self) -> int:
        """As the engine has."""
        return self.engine.room()

    def submit(self, job: Job) -> None:
        """Loads the model before its first sample. Raises EngineError where that fails."""
        if not self._up:
            began = time.monotonic()
            self._up = True
            self.engine.setup()
            self._loading += time.monotonic() - began
        self.engine.submit(job)

    def collect(self, timeout: float) -> Sequence[Answer]:
        """As the engine does."""
        return self.engine.collect(timeout)

    def state(self) -> Mapping[str, Any]:
        """As the engine says."""
        return self.engine.state()

    def describe(self) -> Mapping[str, Any]:
        """As the engine says."""
        return self.engine.describe()

    def close(self) -> None:
        """Closes the engine where it was set up."""
        if self._up:
            self._up = False
            self.engine.close()
