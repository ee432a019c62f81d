"""What one element of an array runs: its tasks, one after the other, until they are done or its time is up.

Shortly before the time limit Slurm sends a signal. A task that reads files ends then with the piece that it reads, and leaves the
rest to the next link. Otherwise what is saved is what is there: every task that is finished, and every answer of a model, since
these are appended as they arrive; the rest begins again in the same job, put back into the queue. A job that comes to its limit
again and again without finishing anything says so instead.

    python -m recipes.engine.slurm.element SUBMISSION WORK CHUNK
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import dill
from loguru import logger

from curation.place import Place
from curation.secrets_left_out import without_secrets
from recipes.engine import workers
from recipes.engine.slurm.arrays import code_of
from recipes.engine.slurm.resources import seconds
from recipes.engine.slurm.submission import Submission, Work
from recipes.engine.stragglers import watched
from recipes.engine.task_error import PLAIN, STORE, of_the_machine, told
from recipes.engine.warm_up import warm_up

EARLY_SECONDS = 120
"""A signal may come a minute before `notice` says, and Python begins after the job does. One that is earlier is no time limit's."""


class OutOfTime(BaseException):
    """Slurm is about to stop this job. No step may take it for an error of its own."""


class _Ending:
    """What happens at the signal: the task shares its rest if it can, and is stopped `seconds` later, or at once."""

    def __init__(self, seconds: float):
        self.seconds, self.told = seconds, False
        self.reader: Any = None
        self.after: threading.Timer | None = None

    def __call__(self, _signal: int, _frame: Any) -> None:
        if self.told or not getattr(self.reader, "ahead", 0):
            raise OutOfTime
        self.told, self.reader.stop_for = True, 1
        self.after = threading.Timer(self.seconds, os.kill, (os.getpid(), signal.SIGUSR1))
        self.after.daemon = True
        self.after.start()

    def done(self) -> bool:
        """A task is done: whether it was told to end."""
        if self.after is not None:
            self.after.cancel()
        return self.told


def main(submission_folder: str, work_folder: str, chunk_file: str) -> int:
    """Runs the element that SLURM_ARRAY_TASK_ID names; returns its exit status."""
    began = time.monotonic()
    submission, work = Submission(Path(submission_folder)), Work(Path(work_folder))
    ending = _Ending(submission.resources.notice / 2)
    signal.signal(signal.SIGUSR1, ending)
    sys.path += [p for p in submission.about["sys_path"] if p not in sys.path]
    chunk = Place(work_folder).read_json(chunk_file)
    restarts = int(os.environ.get("SLURM_RESTART_COUNT", "0"))
    ranks = chunk["elements"][int(os.environ["SLURM_ARRAY_TASK_ID"])]
    todo = work.missing_of(ranks)
    rank, finished = -1, 0
    workers.AT_END = []
    logger.disable("datatrove.executor.base")  # would log a traceback with the values of its variables
    try:
        pickled, code = dill.loads((work.folder / "tasks.dill").read_bytes())
        warm_up(pickled)
        for rank in todo:
            _tell_start(work, rank, chunk["attempt"] + restarts)
            executor = dill.loads(pickled)  # steps keep state: each task gets fresh ones
            if (now := code_of(executor.pipeline)) != code:
                raise CodeChanged([name for name in now if now[name] != code.get(name)])
            for step in executor.pipeline:
                step.attempt = chunk["attempt"] + restarts
            ending.reader = executor.pipeline[0]
            with watched(executor):
                executor._run_for_rank(rank, 1)
            finished += 1
            if ending.done() and todo[finished:]:
                raise OutOfTime
        return 0
    except OutOfTime:
        if not todo[finished:]:
            return 0
        limit = seconds(submission.resources.of(chunk["kind"]).time or "0:00:00")
        near = time.monotonic() - began + submission.resources.notice + EARLY_SECONDS >= limit
        return _again(submission, work, todo[finished:], finished, chunk["kind"], near)
    except Exception as error:
        name, text, trace = told(error)
        text = of_the_machine(text, work.about["place"]) or text
        with contextlib.suppress(OSError):  # where the disk is full
            for one in [rank] if rank >= 0 else todo:
                _tell_failure(work, one, name, text, trace)
        print(trace, file=sys.stderr)
        return 1


class CodeChanged(Exception):
    """The code of a step is not that which the tasks were planned with."""

    def __init__(self, names: list[str]):
        super().__init__(
            f"the code of {', '.join(names)} changed since the run was submitted, and rows of both would be mixed; "
            "`seimai cancel` it and give the command again"
        )


SAY_ALL = (*PLAIN, STORE, "CodeChanged", "TooLong")
"""Errors that need no traceback."""


def _where() -> dict[str, Any]:
    job = f"{os.environ.get('SLURM_ARRAY_JOB_ID')}_{os.environ.get('SLURM_ARRAY_TASK_ID')}"
    node = os.environ.get("SLURMD_NODENAME") or socket.gethostname()
    return {"node": node, "pid": os.getpid(), "job": job, "at": round(time.time(), 1)}


def _tell_start(work: Work, rank: int, attempt: int) -> None:
    (work.folder / f"failed/{rank:05d}.json").unlink(missing_ok=True)
    work.write(f"started/{rank:05d}.json", _where() | {"attempt": attempt})
    print(f"task {rank}, try {attempt}, on {_where()['node']}", flush=True)


def _tell_failure(work: Work, rank: int, name: str, text: str, trace: str) -> None:
    said = {"error": name, "text": without_secrets(text), "trace": without_secrets(trace), "plain": name in SAY_ALL}
    work.write(f"failed/{rank:05d}.json", said | _where())


def _again(submission: Submission, work: Work, left: list[int], finished: int, kind: str, near: bool) -> int:
    """Puts this job back into the queue, or says that its time is too short; returns the exit status.

    near: it is at its time limit, and not told to make room for another job.
    """
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    if near and not finished:
        times = 1 + (work.told("late", left[0]) or {"times": 0})["times"]
        work.write(f"late/{left[0]:05d}.json", {"times": times})
        if times > submission.resources.requeues:
            asked = submission.resources.of(kind)
            text = (
                f"did not end within the time limit of {asked.time}, {times} times: raise 'time' of {kind} "
                "in the resources file, or have it cut into smaller tasks"
            )
            _tell_failure(work, left[0], "TooLong", text, "")
            print(text, file=sys.stderr)
            return 1
    print(f"time is up: {finished} tasks done, {len(left)} go on in a new start", flush=True)
    element = f"{os.environ['SLURM_ARRAY_JOB_ID']}_{os.environ['SLURM_ARRAY_TASK_ID']}"
    subprocess.run(["scontrol", "requeue", element])
    time.sleep(30)  # Slurm ends this process now; a zero exit before that would be an end
    return 1


if __name__ == "__main__":
    workers.leave(main(*sys.argv[1:]))
