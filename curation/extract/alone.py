"""Extraction in a process of its own: a page that hangs or crashes the extractor costs a child, never the task.

The child is started once and gets page after page over a pipe. When it dies or is silent for too long it is ended and replaced, and
the page is tried once more as the first page of a fresh child, so that damage done by an earlier page is never blamed on it.
What fails again is `extract_timeout` or `extract_crash`.

Started as `python -m curation.extract.alone MODULE:FUNCTION`: not with multiprocessing, which would import the caller's main module.
"""

import contextlib
import importlib
import os
import pickle
import select
import struct
import subprocess
import sys
from collections.abc import Callable
from typing import IO, Any

import numpy as np

_FIRST_PAGE = '<html lang="ja"><title>米</title><p>精米<a href="/">米</a></p><ul><li>一</li></ul></html>'.encode()
_FIRST_OPTIONS = {"engine": "resiliparse", "ruby": "drop", "link_density_switch": 0.5, "max_depth": 512, "url": None}
_START_SECONDS = 600.0
"""Time for a child to load its extractor (compiling kernels on a machine that never did)."""


class Alone:
    """A child process that extracts pages. `seconds` is the wall-clock fuse for one page."""

    def __init__(self, extractor: str, seconds: float):
        self.extractor = extractor
        self.seconds = seconds
        self._child: subprocess.Popen[bytes] | None = None

    def extract(self, page: bytes, options: dict[str, Any]) -> Any:
        """`PageText` of a page; where its extraction ends the child twice, one with the fault and what was seen."""
        from curation.extract.page_text import PageText

        fault = detail = None
        for _ in range(2):
            answer = self._ask(page, options)
            if isinstance(answer, PageText):
                return answer
            self.close()
            fault, detail = answer
        return PageText(fault=fault, detail=detail)

    def _ask(self, page: bytes, options: dict[str, Any]) -> Any:
        child = self._child or self._start()
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            _send(child.stdin, (page, options))
            ready, _, _ = select.select([child.stdout], [], [], self.seconds)
            if not ready:
                return "extract_timeout", f"no answer in {self.seconds:g} s"
            return _receive(child.stdout)
        except (EOFError, BrokenPipeError, ConnectionError):
            code = child.wait()
            return "extract_crash", f"the child ended with {f'signal {-code}' if code < 0 else f'code {code}'}"

    def _start(self) -> "subprocess.Popen[bytes]":
        paths = [p for p in sys.path if p] + [os.getcwd()]
        child = subprocess.Popen(
            [sys.executable, "-m", "curation.extract.alone", self.extractor],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )
        assert child.stdout is not None
        if not select.select([child.stdout], [], [], _START_SECONDS)[0]:
            child.kill()
            raise RuntimeError(f"the extractor's process did not start in {_START_SECONDS:g} s: {self.extractor}")
        try:
            _receive(child.stdout)
        except EOFError:
            code = child.wait()
            raise RuntimeError(
                f"the extractor's process ended with code {code} when started: {self.extractor}"
            ) from None
        self._child = child
        return child

    def close(self) -> None:
        """Ends the child."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.wait()
            for pipe in (child.stdin, child.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_child": None}


def load(extractor: str) -> tuple[Callable[..., Any], Any]:
    """The extractor named module:function, and its scratch buffers.

    It has extracted one small page then, so that compiling its kernels on a machine that never did blows no page's fuse.
    """
    from curation.extract.page_text import Scratch

    module, _, name = extractor.partition(":")
    extract, scratch = getattr(importlib.import_module(module), name), Scratch()
    page = np.frombuffer(_FIRST_PAGE, np.uint8)
    extract(page, 0, len(page), _FIRST_OPTIONS, scratch)
    return extract, scratch


def _send(pipe: IO[bytes], message: Any) -> None:
    raw = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    pipe.write(struct.pack("<Q", len(raw)) + raw)
    pipe.flush()


def _receive(pipe: IO[bytes]) -> Any:
    head = pipe.read(8)
    if len(head) < 8:
        raise EOFError
    raw = pipe.read(struct.unpack("<Q", head)[0])
    return pickle.loads(raw)


def main(extractor: str) -> None:
    """The child: answers pages on standard output until standard input ends. Prints of the extractor go to standard error."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    extract, scratch = load(extractor)
    _send(answers, "ready")
    while True:
        try:
            page, options = _receive(sys.stdin.buffer)
        except EOFError:
            return
        data = np.frombuffer(page, np.uint8) if page else np.zeros(1, np.uint8)
        _send(answers, extract(data, 0, len(page), options, scratch))


if __name__ == "__main__":
    main(sys.argv[1])
