"""Tasks that are missing become array jobs: as many arrays as Slurm's limit asks for, and a bounded number of tries.

An array's end says nothing. What counts is the manifest that each task writes last; a task without one is submitted again, unless
it raised an error that says all there is to say, or was tried often enough.
"""

import inspect
import shlex
import textwrap
import time
from pathlib import Path
from typing import Any

import dill

from curation.place import Place
from curation.work_list import incomplete
from recipes.engine import code_version
from recipes.engine.errors import RunError
from recipes.engine.executors import LocalExecutor
from recipes.engine.slurm import queue
from recipes.engine.slurm.resources import Asked, Resources, options, python
from recipes.engine.slurm.submission import Submission, Work, elements

THREADS = ("OMP_NUM_THREADS", "POLARS_MAX_THREADS", "NUMBA_NUM_THREADS")


class Waiting(Exception):
    """Tasks are in the queue: nothing can go on before these jobs have ended."""

    def __init__(self, name: str, ids: list[str]):
        super().__init__(f"{name}: waits for jobs {', '.join(ids)}")
        self.name, self.ids = name, ids


class SlurmTasks:
    """Runs tasks on Slurm: submits what is missing and raises `Waiting`; returns once nothing is missing."""

    kind, patience = "slurm", 600.0  # a link has nobody to tell, and the links of other versions are short

    def __init__(self, submission: Submission):
        self.submission, self.resources = submission, submission.resources

    def run(self, place: Place, pipeline: list[Any], tasks: int, name: str, needs: str) -> None:
        """Returns when every task has its manifest. Raises Waiting, and RunError when a task has failed for good."""
        missing, work = incomplete(place, tasks), self.submission.work(place, name)
        if missing and (ids := {chunk["job"] for chunk in work.chunks()}):
            if queued := [job.id for job in self.submission.jobs() if job.id in ids]:
                raise Waiting(name, list(dict.fromkeys(queued)))
            missing = incomplete(place, tasks)  # none of them runs any more, and what ended since the first look counts
        if not missing:
            if work.chunks() and not work.about.get("done"):
                work.write("about.json", work.about | {"done": True})
            return
        _check(self.submission, work, missing, name)
        if not work.chunks():
            dump(LocalExecutor(place, pipeline, tasks, 1), pipeline, work.folder / "tasks.dill")
            about = {"name": name, "kind": needs, "place": place.url, "tasks": tasks}
            work.write("about.json", about | {"since": round(time.time(), 1)})
        raise Waiting(name, self._submit(work, missing, needs))

    def _submit(self, work: Work, missing: list[int], needs: str) -> list[str]:
        """Submits arrays for the tasks; what Slurm does not take now is for the next link. Raises QueueFull where it takes none."""
        asked, tried = self.resources.of(needs), work.tried()
        size = queue.largest_array()
        size = min(size, self.resources.array_size or size)
        left = elements(missing, asked.tasks_per_job)
        ids: list[str] = []
        while left:
            chunk, file = left[:size], work.chunk_file()
            attempt = 1 + max(tried[rank] for ranks in chunk for rank in ranks)
            said = {"job": None, "attempt": attempt, "elements": chunk, "kind": needs}
            work.write(file, said)
            arguments = job_options(self.submission, asked, self.resources, work.folder, "%A_%a.log")
            arguments += [f"--array=0-{len(chunk) - 1}" + (f"%{asked.at_once}" if asked.at_once else "")]
            if asked.at_once and ids:  # the limit is of all arrays together: one after the other
                arguments += [f"--dependency=afterany:{ids[-1]}"]
            words = ["-m", "recipes.engine.slurm.element", str(self.submission.folder), str(work.folder), file]
            try:
                job = queue.submit(
                    script(self.submission, asked, words), self.submission.name(work.about["name"]), arguments
                )
            except queue.QueueFull:
                (work.folder / file).unlink()
                if ids:
                    break
                if len(chunk) == 1:
                    raise
                size = len(chunk) // 2  # a user's limit counts elements, and an array is taken whole or not at all
                continue
            work.write(file, said | {"job": job})
            ids.append(job)
            left = left[len(chunk) :]
        return ids


def job_options(submission: Submission, asked: Asked, resources: Resources, folder: Path, log: str) -> list[str]:
    """Options of sbatch for a job of this run: what it asks for, its log in a folder, and that it may begin again."""
    place = str(folder).replace("%", "%%")
    own = [f"--output={place}/{log}", "--open-mode=append", "--requeue"]
    return [*options(asked), *own, f"--signal=B:USR1@{resources.notice}", f"--chdir={submission.about['cwd']}"]


def script(submission: Submission, asked: Asked, words: list[str], again: int = 0) -> str:
    """What a job's shell does: sets up, starts Python, hands on the signal before the time limit, and says how it ended.

    again: how often a job whose Python was killed is put back into the queue.
    """
    start = f"{python(asked, [submission.about['cwd'], str(submission.folder), submission.about['out']])} {shlex.join(words)}"
    threads = " ".join(
        f"{name}=${{{name}:-{asked.cpus}}}" for name in THREADS
    )  # not as many as the node has processors
    lines = textwrap.dedent("""\
        child=$!
        trap 'told=1; kill -USR1 $child 2>/dev/null' USR1
        while :; do wait $child; code=$?; kill -0 $child 2>/dev/null || break; done
        if [ "${told:-}" ]; then wait $child 2>/dev/null; last=$?; [ $last -eq 127 ] || code=$last; fi
        if [ $code -gt 128 ]; then
          where=${SLURMD_NODENAME:-$(hostname)}${told:+, told of its time limit}
          echo "seimai: the process ended by signal $((code - 128)) on $where" >&2
        """)
    if again:
        lines += f'  [ "${{SLURM_RESTART_COUNT:-0}}" -ge {again} ] || scontrol requeue "$SLURM_JOB_ID"\n'
    return "\n".join(
        [
            "#!/bin/bash",
            asked.setup or "",
            f"export PYTHONUNBUFFERED=1 {threads}",
            f"{start} &",
            f"{lines}fi",
            "exit $code",
            "",
        ]
    )


def dump(executor: Any, pipeline: list[Any], path: Path) -> None:
    """Keeps tasks for other machines, with the versions of the code that they were planned with."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = dill.dumps((dill.dumps(executor, recurse=False), code_of(pipeline)), recurse=False)
    partial = path.with_suffix(".partial")
    partial.write_bytes(content)
    partial.replace(path)


def code_of(pipeline: list[Any]) -> dict[str, str]:
    """The version of the code of each step, also of one that another step runs, by its class."""
    steps = [s for step in pipeline for s in (step, *getattr(step, "before", ()), getattr(step, "survey_step", None))]
    return {
        f"{type(s).__module__}.{type(s).__qualname__}": code_version.of_class(type(s)) for s in steps if s is not None
    }


def _check(submission: Submission, work: Work, missing: list[int], name: str) -> None:
    """Raises RunError, naming the task, where one of those that are missing has failed for good."""
    tried, most = work.tried(), 1 + submission.resources.retries
    for rank in missing:
        failed = work.told("failed", rank) if tried[rank] else None
        if failed is not None and failed["plain"]:
            raise RunError(f"{name}, task {rank}: {failed['text']}")
    if spent := [rank for rank in missing if tried[rank] >= most]:
        also = f" {len(spent) - 1} more tasks failed too." if len(spent) > 1 else ""
        how = how_it_ended(submission, work, spent[0])
        log = work.log(spent[0])
        raise RunError(
            f"{name}, task {spent[0]}: {how} ({tried[spent[0]]} tries).{also}"
            f" `seimai logs {submission.folder.parent} --failed` shows {'them' if also else log or 'what it printed'};"
            " the same command tries again"
        )


def how_it_ended(submission: Submission, work: Work, rank: int) -> str:
    """In words how a task's last try ended: what it raised, or what Slurm says of its job."""
    if (failed := work.told("failed", rank)) is not None:
        return inspect.cleandoc(f"{failed['error']}: {failed['text']}") + f" (on {failed['node']})"
    job = work.job_of(rank)
    kind = submission.resources.of(work.about["kind"])
    ended = next((j for j in submission.jobs(every=True) if (j.id, j.element) == job), None)
    if ended is not None and ended.state == "TIMEOUT":
        return f"it was stopped at its time limit, {kind.time}: raise 'time' of {work.about['kind']}"
    if ended is not None and ended.state == "OUT_OF_MEMORY":
        return (
            f"it needed more memory than {kind.memory or 'the partition gives'}: raise 'memory' of {work.about['kind']}"
        )
    if ended is not None and ended.state == "CANCELLED":
        return "its job was cancelled"
    began = work.told("started", rank)
    if full := submission.full_disk():
        return full
    where = f" on {began['node']}" if began else ""
    said = f" ({ended.state}, {ended.reason})" if ended is not None and ended.state != "COMPLETED" else ""
    return f"its process ended{where} without a word{said}: killed, or out of memory, or its node was lost"
