"""Slurm's own commands: what is in the queue, submitting, cancelling, limits. Nothing here knows what a job is for."""

import os
import re
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from recipes.engine.errors import RunError

TRIES, PAUSE = 6, 2.0
"""A controller that does not answer is asked again, after twice as long each time."""
_AWAY = re.compile(
    r"contact slurm controller|timed out|[Cc]onnection refused|[Zz]ero [Bb]ytes|temporarily|backup controller"
    r"|[Mm]unge|[Aa]uthenticat|not connected",
    re.A,
)
_FULL = re.compile(
    r"accounting/QOS policy|(Assoc|QOS)\w*Limit|MaxJobCount|too many jobs|Resource temporarily unavailable", re.A
)


class QueueFull(RunError):
    """Slurm takes no further job of this user now."""


@dataclass(frozen=True)
class Job:
    """One job, or one element of an array. element: its number; "N/A" for a job that is no array."""

    id: str
    element: str
    state: str
    name: str
    reason: str
    node: str

    @property
    def runs(self) -> bool:
        """Whether it holds a processor now."""
        return self.state in ("RUNNING", "COMPLETING", "CONFIGURING", "STAGE_OUT", "SIGNALING")


def asked(command: Sequence[str], given: str | None = None, known: Callable[[], str] | None = None) -> str:
    """What one of Slurm's commands prints. Raises RunError with its own words where it refuses, or never answers.

    What a link knows of its own job is kept from the jobs that it submits. known: what the command has done although its
    answer did not come, "" for nothing; asked before it is given again.
    """
    said, clean = "", {k: v for k, v in os.environ.items() if k == "SLURM_CONF" or not k.startswith("SLURM")}
    for attempt in range(TRIES):
        if attempt and known is not None and (printed := known()):
            return printed
        try:
            ended = subprocess.run(command, input=given, capture_output=True, text=True, env=clean)
        except FileNotFoundError:
            raise RunError(f"there is no {command[0]} on PATH; give this where jobs are submitted to Slurm") from None
        if not ended.returncode:
            return ended.stdout
        said = " ".join(ended.stderr.split()) or f"exit code {ended.returncode}"
        if not _AWAY.search(said):
            break
        time.sleep(PAUSE * 2**attempt)
    raise RunError(f"{command[0]}: {said.removeprefix(f'{command[0]}: ').removeprefix('error: ')}")


def jobs(ending: str, every: bool = False) -> list[Job]:
    """This user's jobs whose name ends so, those of arrays one by one; `every`: also ended ones that Slurm still remembers."""
    form = "%F|%K|%T|%j|%r|%N"
    command = ["squeue", "-h", "-r", "-u", str(os.getuid()), "-o", form, *(["-t", "all"] if every else [])]
    rows = (line.split("|") for line in asked(command).splitlines())
    return [Job(*row) for row in rows if len(row) == 6 and row[3].endswith(ending)]


def submit(script: str, name: str, arguments: Sequence[str]) -> str:
    """Submits a script; returns the job's number. Raises QueueFull, and RunError with sbatch's words.

    name: the job's, which no other job has. A controller that is busy may take a job and answer too late: it is looked for
    before it is submitted a second time.
    """

    def known() -> str:
        return next((job.id for job in jobs(name, every=True)), "")

    try:
        printed = asked(["sbatch", "--parsable", f"--job-name={name}", *arguments], script, known)
    except RunError as error:
        if _FULL.search(str(error)):
            raise QueueFull(str(error)) from error
        raise
    return printed.strip().split(";")[0].split()[-1]


def would_run(script: str, arguments: Sequence[str]) -> None:
    """Asks Slurm whether such a job could ever run (`--test-only`). Raises RunError with its words."""
    asked(["sbatch", "--test-only", *arguments], script)


def longest(partition: str | None) -> str | None:
    """The longest job that a partition (None: the default one) runs, as Slurm writes it; None where it has no limit, or is none."""
    name = [partition] if partition else []
    for line in asked(["scontrol", "-o", "show", "partition", *name]).splitlines():
        found = re.search(r"\bMaxTime=((\d+-)?\d+:\d\d:\d\d)\b", line)
        if found and (partition or "Default=YES" in line):
            return found[1]
    return None


def cancel(ids: Sequence[str]) -> None:
    """Cancels jobs; those that have ended meanwhile are none of its business."""
    if ids:
        subprocess.run(["scancel", *dict.fromkeys(ids)], capture_output=True)


def largest_array() -> int:
    """Most elements of an array here: MaxArraySize counts from 0, and the last number is one below it."""
    found = re.search(r"^MaxArraySize\s*=\s*(\d+)", asked(["scontrol", "show", "config"]), re.M)
    return max(1, int(found[1])) if found else 1000
