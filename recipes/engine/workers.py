"""Worker processes that are watched: a task whose process dies is tried again, a task that raises stops the run.

datatrove's local pool hangs for ever when a worker is killed. Here each worker is a process of its own with a pipe; it tells how
many rows it has seen, and its end is noticed at once. A task that died is tried again by a fresh process with `attempt` raised,
upon which steps call foreign parsers in processes of their own (see `curation/extract/main_text.py`); so is one that a store over a
network failed, after its client had tried long enough. Workers stay alive from block to block, so that imports are paid once. When
nothing waits and a worker is free, the task that has most before it is asked to leave its rest to others (`curation/work_list.py`): a
straggler holds up nobody.
"""

import contextlib
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing import connection
from typing import Any

import dill
import multiprocess
from loguru import logger

from recipes.engine.errors import RunError
from recipes.engine.task_error import STORE, error_text, told
from recipes.engine.worker_end import ended_as, files_read, is_stopped

MOST_ATTEMPTS = 3
AT_END: list[Callable[[], None]] | None = None
"""In a worker's process, what is to be closed before it ends; None in any other process, which promises to outlast nothing."""
ENDING_SECONDS = 15.0
"""How long an idle worker may take to end: an engine's server is told to stop, and waited for."""
GENERATED = ("tokens", "answered", "stored", "judged", "accepted", "device_ms")
"""Counts that only a generation has, where the live line shows them."""
SHARED_SECONDS = 3.0
"""What a task has before it is shared out when it would take at least so long: a new task costs a tenth of a second."""
PAUSED_SECONDS = 60.0
"""A stopped worker (SIGSTOP) is dead after so long; where the command itself did nothing for so long, all of them were stopped."""
STALLED_SECONDS = 900.0
"""A worker that neither reads nor computes for so long, or cannot say that it does, counts as dead: a fuse, not a decision."""


@dataclass
class _Worker:
    process: Any
    pipe: Any
    rank: int | None = None
    attempt: int = 1
    seen: float = field(default_factory=time.monotonic)
    began: float = 0.0
    progress: Any = None
    asked: bool = False

    @property
    def seconds_ahead(self) -> float:
        """How long what its task has not begun takes by the task's own pace; 0 where nothing is known."""
        now = self.progress or {}
        return (time.monotonic() - self.began) * now.get("ahead", 0) / now["bytes"] if now.get("bytes") else 0.0


def _serve(pipe: Any) -> None:
    """A worker's life: takes ("task", pickled executor, rank, attempt) until the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logger.disable(
        "datatrove.executor.base"
    )  # would print every traceback; what went wrong is said once, by the parent
    lock = threading.Lock()
    global AT_END
    AT_END = []
    while True:
        try:
            kind, *message = pipe.recv()
        except (EOFError, OSError):
            leave()
            return
        if kind == "share":  # the task that was asked ended by itself
            continue
        pickled, rank, attempt = message
        stop = threading.Event()
        try:
            executor = dill.loads(pickled)  # steps keep state: each task gets fresh ones
            for step in executor.pipeline:
                step.attempt = attempt
            watch = threading.Thread(target=_tell, args=(executor.pipeline, pipe, lock, stop), daemon=True)
            watch.start()
            executor._run_for_rank(rank, 1)
            answer: tuple[str, Any] = (
                "done",
                getattr(executor.pipeline[-1], "children", []) if executor.pipeline else [],
            )
        except BaseException as error:
            answer = ("error", told(error))
        stop.set()
        with lock:
            try:
                pipe.send(answer)
            except OSError:
                leave()


def _tell(pipeline: list[Any], pipe: Any, lock: Any, stop: threading.Event) -> None:
    """Says how far a task is until it stops, and hears when it is to share its rest. Ends the process where its run was killed."""
    while not stop.wait(0.5):
        counts = _counts(pipeline)
        with lock:
            if not stop.is_set():
                try:
                    pipe.send(("progress", counts))
                    if pipe.poll():  # while a task runs, nothing else is said to its worker
                        pipeline[0].stop_for = pipe.recv()[1]
                except (EOFError, OSError):
                    leave()


def leave(status: int = 0) -> None:
    """Closes what is to be closed and ends this process: nothing that a library does at an end may change the status."""
    for end in AT_END or ():
        with contextlib.suppress(Exception):
            end()
    sys.stdout.flush()
    sys.stderr.flush()
    # nothing is open between two tasks, and taking down the compiler's libraries takes half a second
    os._exit(status)


def _counts(pipeline: list[Any]) -> dict[str, int]:
    """Rows read, kept by the last step, bytes read and CPU and waiting seconds by one task: any moving is progress."""
    cpu = int(time.process_time())
    if not pipeline:
        return {"rows": 0, "kept": 0, "bytes": 0, "cpu": cpu}
    first, last = pipeline[0], pipeline[-2] if len(pipeline) > 1 else pipeline[0]
    total = {label: int(stat.total) for label, stat in list(first.stats.stats.items())}
    kept = int(last.stats["kept"].total) if "kept" in last.stats.stats else total.get("kept", 0)
    counts = {"rows": total.get("rows", 0), "kept": kept, "bytes": int(getattr(first, "bytes_read", 0)), "cpu": cpu}
    if ahead := int(getattr(first, "ahead", 0)):
        counts["ahead"] = ahead
    if waited := sum(int(getattr(step, "waited", 0)) for step in pipeline):
        counts["waited"] = waited
    return counts | {name: total[name] for name in GENERATED if name in total}


class Workers:
    """A fixed number of worker processes; use as a context so that they end with it. tell: hears of those that died."""

    def __init__(self, count: int, tell: Callable[[str], None] = lambda said: None):
        self.count, self.tell = max(1, count), tell
        self.shared = 0
        """Tasks of the latest run that others left to them."""
        self._context = multiprocess.get_context("spawn")  # our own children, so that their CPU time is accounted
        self._workers: list[_Worker] = []
        self._where, self._executor = "", None

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, *_: object) -> None:
        try:
            for worker in self._workers:
                if worker.rank is None:  # all of them at once, before the first is waited for
                    worker.pipe.close()
            for worker in self._workers:
                self._end(worker)
        finally:  # Ctrl-C once more: nobody is waited for
            for worker in self._workers:
                worker.process.kill()
            self._workers = []

    def run(
        self,
        executor: Any,
        ranks: list[int],
        on_progress: Callable[[dict[int, Any], int], None],
        at_once: int | None = None,
    ) -> None:
        """Runs the executor's pipeline for every rank, and for those that they leave a rest to, on `at_once` workers (None: all).

        Raises RunError when a task raises or keeps dying.
        """
        most = min(self.count, at_once or self.count)
        pickled = dill.dumps(executor, recurse=False)
        self._where, self._executor = executor.place.url if hasattr(executor, "place") else "", executor
        waiting = deque((rank, 1) for rank in ranks)
        done = self.shared = 0
        while done < len(ranks) + self.shared:
            while len(self._workers) < min(most, len(ranks) + self.shared - done):
                self._workers.append(self._start())
            for at in range(min(most, len(self._workers))):
                if self._workers[at].rank is None and waiting:
                    if not self._workers[at].process.is_alive():  # killed while it had nothing to do
                        self._workers[at] = self._start()
                    self._assign(self._workers[at], pickled, *waiting.popleft())
            busy, looked = [w for w in self._workers if w.rank is not None], time.monotonic()
            ready = connection.wait([w.pipe for w in busy] + [w.process.sentinel for w in busy], timeout=0.5)
            slept = time.monotonic() - looked
            for worker in busy:
                worker.seen += slept if slept > PAUSED_SECONDS else 0
                silent = time.monotonic() - worker.seen
                if worker.pipe in ready or worker.process.sentinel in ready:
                    done += self._hear(worker, waiting)
                elif silent > PAUSED_SECONDS and is_stopped(worker.process.pid):
                    self._died(worker, waiting, f"was stopped (SIGSTOP) for {PAUSED_SECONDS:.0f} s")
                elif silent > STALLED_SECONDS:
                    self._died(worker, waiting, f"showed no progress for {STALLED_SECONDS:.0f} s")
            if not waiting:
                self._share(most)
            on_progress({w.rank: w.progress for w in self._workers if w.rank is not None and w.progress}, done)

    def _share(self, most: int) -> None:
        """Asks the task that has most before it to leave its rest to the workers that have nothing to do."""
        busy = [w for w in self._workers if w.rank is not None]
        if len(busy) >= most or not busy or any(w.asked for w in busy):
            return
        last = max(busy, key=lambda w: w.seconds_ahead)
        if last.seconds_ahead >= SHARED_SECONDS:
            last.asked = True
            with contextlib.suppress(OSError):
                last.pipe.send(("share", most - len(busy) + 1))

    def _start(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(theirs,), daemon=False)
        process.start()
        theirs.close()
        return _Worker(process, ours)

    def _assign(self, worker: _Worker, pickled: bytes, rank: int, attempt: int) -> None:
        worker.rank, worker.attempt, worker.seen, worker.progress = rank, attempt, time.monotonic(), None
        worker.began, worker.asked = worker.seen, False
        with contextlib.suppress(OSError):  # it died this moment, which its end tells
            worker.pipe.send(("task", pickled, rank, attempt))

    def _hear(self, worker: _Worker, waiting: deque[tuple[int, int]]) -> int:
        """Takes what a worker says; returns the number of tasks that it finished (0 or 1)."""
        try:
            while worker.pipe.poll():
                kind, value = worker.pipe.recv()
                if kind == "progress":
                    if value != worker.progress:
                        worker.seen = time.monotonic()
                    worker.progress = value
                elif kind == "done":
                    worker.rank = worker.progress = None
                    waiting.extend((rank, 1) for rank in value)
                    self.shared += len(value)
                    return 1
                elif value[0] == STORE and worker.attempt < MOST_ATTEMPTS and worker.rank is not None:
                    waiting.append((worker.rank, worker.attempt + 1))
                    worker.rank = worker.progress = None
                    return 0
                else:
                    raise RunError(error_text(worker.rank, self._where, *value))
        except (EOFError, OSError):
            worker.process.join(5)
        if not worker.process.is_alive():
            self._died(worker, waiting, ended_as(worker.process.exitcode))
        return 0

    def _died(self, worker: _Worker, waiting: deque[tuple[int, int]], how: str) -> None:
        self._end(worker)
        if worker.attempt >= MOST_ATTEMPTS:
            reads = files_read(self._executor, worker.rank)
            raise RunError(
                f"task {worker.rank}: its process {how}, {MOST_ATTEMPTS} times.{reads} Its log is in {self._where}/logs"
            )
        assert worker.rank is not None
        self.tell(f"task {worker.rank}: its process {how}; it begins again, in a fresh one")
        waiting.appendleft((worker.rank, worker.attempt + 1))
        self._workers[self._workers.index(worker)] = self._start()

    def _end(self, worker: _Worker) -> None:
        if worker.process.is_alive():
            if worker.rank is None:
                worker.pipe.close()
                worker.process.join(ENDING_SECONDS)
            if worker.process.is_alive():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(worker.process.pid, signal.SIGTERM)
                worker.process.join(5)
            if worker.process.is_alive():
                worker.process.kill()
        with contextlib.suppress(OSError):
            worker.pipe.close()
