"""A server that we start ourselves from hashed weights: the only kind whose model is verified and not only said.

It listens on 127.0.0.1 at a free port, under a key made for this run, and is ended by its process group.
"""

import os
import secrets
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

from synth.engine.content_key import Identity
from synth.engine.engine import EngineError
from synth.weights import Weights, weigh


class StartedServer:
    """An OpenAI-compatible server as a child process.

    command: its words; `{model}`, `{port}` and `{token}` in them are filled in, `{python}` is this interpreter. `path`, `licence`:
    the weights, hashed before the start. `model`, `revision`: the policy's name of them. health: the path that answers 200 when it
    is ready, within `ready_s` seconds. environment: variables beside this process's own, filled in likewise (a key is better there
    than among the words, which every user of the machine can read). log: file for what it prints.

        StartedServer(["{python}", "-m", "vllm.entrypoints.openai.api_server", "--model", "{model}", "--port", "{port}",
                       "--host", "127.0.0.1", "--served-model-name", "swallow"], …, environment={"VLLM_API_KEY": "{token}"})
    """

    def __init__(
        self,
        command: Sequence[str],
        path: str | Path,
        *,
        model: str,
        revision: str,
        licence: str | Path | None = None,
        quantisation: str = "",
        ready_s: float = 600.0,
        health: str = "/health",
        environment: Mapping[str, str] | None = None,
        log: str | Path | None = None,
    ):
        self.command, self.path, self.licence = list(command), Path(path), licence
        self.model, self.revision, self.quantisation = model, revision, quantisation
        self.ready_s, self.health, self.environment, self.log = ready_s, health, dict(environment or {}), log
        self.token = secrets.token_urlsafe(24)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def weights(self) -> Weights:
        """The model, hashed at the start."""
        return self._weights

    @property
    def identity(self) -> Identity:
        """Whose answers these are; the `server` engine adds its own name and version."""
        return Identity(
            self.model, self.revision, self._weights.sha256, "server", "", quantisation=self.quantisation, verified=True
        )

    def start(self) -> str:
        """Hashes the weights, starts the server and waits until it is ready. Returns its address. Raises EngineError."""
        import sys

        self._weights = weigh(self.path, self.licence)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        filled = {"model": str(self.path), "port": str(port), "token": self.token, "python": sys.executable}
        words = [word.format(**filled) for word in self.command]
        with open(self.log or os.devnull, "wb") as log:
            try:
                self._process = subprocess.Popen(
                    words, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
                    env=os.environ | {k: v.format(**filled) for k, v in self.environment.items()},
                )  # fmt: skip
            except OSError as error:
                raise EngineError(f"{words[0]}: cannot start the server: {error}") from error
        address, began = f"http://127.0.0.1:{port}", time.monotonic()
        while not _answers(address + self.health, self.token):
            if (status := self._process.poll()) is not None:
                raise EngineError(
                    f"{words[0]}: the server ended with status {status} before it was ready; see {self.log or 'log='}"
                )
            if time.monotonic() - began > self.ready_s:
                self.stop()
                raise EngineError(f"{address}: not ready after {self.ready_s:g} s; see {self.log or 'log='}")
            time.sleep(0.2)
        return address

    def stop(self) -> None:
        """Ends the server's process group, kindly and then not."""
        process, self._process = self._process, None
        if process is None:
            return
        for ending in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(process.pid, ending)
                process.wait(10)
                return
            except ProcessLookupError:
                return
            except subprocess.TimeoutExpired:
                continue


def _answers(url: str, token: str) -> bool:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(request, timeout=5) as response:
            return response.status == 200
    except (urllib.error.URLError, OSError):
        return False
