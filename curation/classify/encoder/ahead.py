"""Tokenising and cutting ahead of the model: in a thread, or in processes of their own for tokenizers in Python beside a GPU.

A GPU is fed by Python: a few hundred calls a batch, each of which gives up the interpreter and wants it back. Were texts tokenised
by Python in the same process, each of these calls could wait for it (5 ms at a time), and the device would wait too. So processes
that have nothing but the tokenizer get texts as the bytes of an Arrow column and give back windows end to end in one array; nothing
is done row by row in the process that holds the GPU. They end when that one does, however it ends.
"""

import contextlib
import os
import pickle
import queue
import signal
import socket
import subprocess
import sys
import traceback
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from curation.classify.encoder.folder import ModelFolder
from curation.classify.encoder.windows import Cutter, WindowPolicy, Windows, compiled, encoder_of

if TYPE_CHECKING:
    import pyarrow as pa

MOST = 4
"""Processes that tokenise for one GPU at most: each holds a tokenizer of its own."""
_ROOT = str(Path(__file__).resolve().parents[3])


class TokenisingEnded(Exception):
    """A process that tokenises ended twice over the same texts."""


class Ahead(Protocol):
    """Cuts texts ahead; what was submitted first is done first."""

    def submit(self, texts: "pa.LargeStringArray") -> "Future[Windows]":
        """The windows of the texts, in time. No text may be null."""
        ...

    def close(self) -> None:
        """Ends what it started."""
        ...


class InThread:
    """One thread of this process."""

    def __init__(self, cutter: Cutter):
        self._cutter, self._thread = cutter, ThreadPoolExecutor(1, thread_name_prefix="tokenise")

    def submit(self, texts: "pa.LargeStringArray") -> "Future[Windows]":
        """As the protocol says."""
        return self._thread.submit(lambda: self._cutter.cut(texts.to_pylist()))

    def close(self) -> None:
        """Ends the thread."""
        self._thread.shutdown(cancel_futures=True)


@dataclass(frozen=True)
class _Task:
    """What a process must know to cut as `Cutter` does: the tokenizer as JSON where that says all, else its folder."""

    tokenizer: str | None
    folder: ModelFolder
    policy: WindowPolicy
    prefix: list[int]
    suffix: list[int]

    def cutter(self) -> Cutter:
        """Loads the tokenizer."""
        if self.tokenizer is None:
            from curation.classify.encoder.engines import load_tokenizer

            return Cutter(encoder_of(load_tokenizer(self.folder)), self.policy, self.prefix, self.suffix)
        from tokenizers import Tokenizer

        return Cutter(compiled(Tokenizer.from_str(self.tokenizer)), self.policy, self.prefix, self.suffix)


class InProcesses:
    """Some processes with `threads` each, which take the next texts in turn."""

    def __init__(self, folder: ModelFolder, tokenizer: Any, cutter: Cutter, processes: int, threads: int):
        task = _Task(_as_json(tokenizer), folder, cutter.policy, cutter.prefix.tolist(), cutter.suffix.tolist())
        self._start: Callable[[], _Process] = lambda: _Process(task, threads)
        self.processes = [self._start() for _ in range(processes)]
        self._free: queue.SimpleQueue[_Process] = queue.SimpleQueue()
        self._threads = ThreadPoolExecutor(processes, thread_name_prefix="tokenise")
        for process in self.processes:
            self._threads.submit(self._open, process)

    def submit(self, texts: "pa.LargeStringArray") -> "Future[Windows]":
        """As the protocol says. A process that ended (for want of memory, say) is started anew, once for the same texts."""
        return self._threads.submit(self._cut, texts)

    def _open(self, process: "_Process") -> None:
        process.open()
        self._free.put(process)

    def _cut(self, texts: "pa.LargeStringArray") -> Windows:
        process = self._free.get()
        try:
            try:
                return process.cut(texts)
            except (EOFError, OSError):
                process.close()
                self.processes.remove(process)
                process = self._start()
                self.processes.append(process)
                process.open()
            try:
                return process.cut(texts)
            except (EOFError, OSError) as error:
                raise TokenisingEnded(
                    f"a process that tokenises ended twice over the same {len(texts)} texts ({texts.nbytes} bytes), "
                    f"with exit code {process.ended()}"
                ) from error
        finally:
            self._free.put(process)

    def close(self) -> None:
        """Ends the processes."""
        self._threads.shutdown(cancel_futures=True)
        for process in self.processes:
            process.close()


class _Process:
    """One process, as this one sees it."""

    def __init__(self, task: _Task, threads: int):
        ours, theirs = socket.socketpair()
        env = os.environ | {
            "TOKENIZERS_PARALLELISM": "true" if threads > 1 else "false",
            "RAYON_NUM_THREADS": str(threads),
        }
        env["PYTHONPATH"] = os.pathsep.join(filter(None, (_ROOT, os.environ.get("PYTHONPATH"))))
        command = [sys.executable, "-m", "curation.classify.encoder.ahead", str(theirs.fileno())]
        self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], env=env, stdin=subprocess.DEVNULL)
        theirs.close()
        self._pipe, self._task = Connection(ours.detach()), task

    def open(self) -> None:
        """Gives it the tokenizer, which it loads meanwhile."""
        with contextlib.suppress(OSError):  # said when it is asked
            self._pipe.send_bytes(pickle.dumps(self._task))

    def cut(self, texts: "pa.LargeStringArray") -> Windows:
        """Raises EOFError or OSError where the process ended, RuntimeError with its traceback where it raised."""
        _, ends, data = texts.buffers()
        ends = np.frombuffer(ends, np.int64)[texts.offset : texts.offset + len(texts) + 1]
        self._pipe.send_bytes((ends - ends[0]).tobytes())
        self._pipe.send_bytes(memoryview(data)[ends[0] : ends[-1]] if data is not None else b"")
        about, tokens = self._pipe.recv_bytes(), self._pipe.recv_bytes()
        if not about:
            raise RuntimeError(tokens.decode())
        head = np.frombuffer(about, np.int64)
        count = int(head[0])
        return Windows(np.frombuffer(tokens, np.int32), head[1 : 1 + count], head[1 + count :], len(texts))

    def ended(self, patience: float = 5.0) -> int | None:
        """The exit code of a process whose pipe is closed."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(patience)
        return None

    def close(self) -> None:
        """Closes its pipe, which ends it, and waits for that."""
        self._pipe.close()
        if self.ended() is None:
            self._process.kill()
            self._process.wait()


def shares(cores: int, gpus: int, whole: bool) -> tuple[int, int]:
    """Processes that tokenise beside one of so many GPUs, and threads of each; none where a thread of this process does it.

    whole: whether the tokenizer is a compiled one, which works on many texts at a time by itself: on one H200 with 16 cores a thread
    lost a third of what four processes lost (docs/benchmarks.md, note 14). One in Python would hold this interpreter.

    >>> shares(16, 1, True), shares(16, 1, False), shares(1, 1, False)
    ((0, 1), (4, 1), (1, 1))
    """
    if whole:
        return 0, 1
    return max(1, min(MOST, cores // max(1, gpus) - 1)), 1


def _as_json(tokenizer: Any) -> str | None:
    """A compiled tokenizer as JSON; None for one that is none, or has parts in Python."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    with contextlib.suppress(Exception):  # tokenizers raises plain Exception
        return None if backend is None else backend.to_str()
    return None


def serve(pipe: Connection) -> None:
    """The life of a process that tokenises: texts in, windows out, until the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(5)  # the process that feeds the device goes first
    cutter: Cutter | None = None
    with contextlib.suppress(EOFError, OSError):
        task: _Task = pickle.loads(pipe.recv_bytes())
        with contextlib.suppress(Exception):  # said when there are texts
            cutter = task.cutter()
        while True:
            ends, data = np.frombuffer(pipe.recv_bytes(), np.int64).tolist(), memoryview(pipe.recv_bytes())
            try:
                cutter = cutter or task.cutter()
                made = cutter.cut([str(data[a:b], "utf-8") for a, b in pairwise(ends)])
                about = np.concatenate([[len(made.lengths)], made.lengths, made.text]).astype(np.int64).tobytes()
                tokens: Any = memoryview(made.tokens).cast("B") if len(made.tokens) else b""
            except Exception:
                about, tokens = b"", traceback.format_exc().encode()
            pipe.send_bytes(about)
            pipe.send_bytes(tokens)


if __name__ == "__main__":
    from curation.classify.encoder import ahead

    ahead.serve(Connection(int(sys.argv[1])))
