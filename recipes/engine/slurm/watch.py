"""Looking at a run on Slurm: `seimai status`, `--follow`, `seimai cancel` and `seimai logs`."""

import time
from collections import Counter
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from curation.place import Place
from curation.secrets_left_out import without_secrets
from curation.shards import MANIFEST
from recipes.engine.errors import RecipeError, RunError
from recipes.engine.slurm import queue
from recipes.engine.slurm.arrays import how_it_ended
from recipes.engine.slurm.submission import ENDED, Submission, Work

POLL_SECONDS = 5.0
JOBS_A_SECOND = 500
"""Many jobs are listed less often: the controller serves others too."""
ENDING_SECONDS = 60.0
"""How long cancelled jobs may take to leave the queue."""
USUAL = ("None", "Dependency", "Priority", "Resources", "JobArrayTaskLimit", "BeginTime")
"""Why jobs wait that will run."""
TAIL_LINES = 40


def current(submission: Submission, jobs: list[queue.Job]) -> tuple[str, str]:
    """A submission's state and what is said of it; `stopped` where nothing of it is in the queue although it has not ended."""
    state = submission.state
    if state["state"] in ENDED or jobs:
        return state["state"], state["said"]
    said = f"nothing of it is in the queue any more: {submission.full_disk() or _last_words(submission)}"
    return "stopped", f"{state['said']}; {said}" if state["said"] else said


def _last_words(submission: Submission) -> str:
    """How the last link ended that said nothing of the run, as far as that is known."""
    log = _link_log(submission)
    if log is None:
        return (
            f"its link left no log in {submission.folder}/links: it was cancelled, or the node that it began on does not see this "
            "folder. The same command goes on"
        )
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    last = f", which ends with: {without_secrets(lines[-1])}" if lines else ""
    return f"its link was cancelled or lost; its log is {log}{last}. The same command goes on"


def _link_log(submission: Submission) -> Path | None:
    """The log that a link has written into last; None where none has printed anything."""
    logs = (submission.folder / "links").glob("*.log")
    return max(logs, key=lambda path: path.stat().st_mtime, default=None)


def _pending(jobs: list[queue.Job]) -> str:
    """Why jobs do not run yet, in Slurm's words, where it is not that others come first; "" otherwise."""
    reasons = Counter(job.reason for job in jobs if job.state == "PENDING")
    told = [f"{reason} ({n})" if n > 1 else reason for reason, n in reasons.most_common() if reason not in USUAL]
    return f"Slurm says of jobs that wait: {', '.join(told)}" if told else ""


def status(submission: Submission) -> bool:
    """Prints a run's blocks with their tasks and jobs. Returns False where it failed or stopped."""
    console = Console(highlight=False)
    console = console if console.is_terminal else Console(highlight=False, width=120)
    jobs, about = submission.jobs(), submission.about
    state, said = current(submission, jobs)
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(about["submitted"]))
    console.print(
        f"{about['recipe']} {about['version']}, submitted {when} from {about['host']}: {state}",
        markup=False,
        soft_wrap=True,
    )
    if said:
        console.print(said, markup=False, soft_wrap=True)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("tasks of", "done", "running", "waiting", "tried again", "raised"):
        table.add_column(column, justify="left" if column == "tasks of" else "right")
    works = submission.works()
    named = {work.about["name"] for work in works}
    for block in about["blocks"]:
        if block["name"] not in named:
            table.add_row(block["name"], _whole(block), "", "", "", "")
    for work in works:
        table.add_row(*_row(work, jobs))
    console.print(table)
    links = [job for job in jobs if submission.is_link(job)]
    if links:
        how = ", ".join(f"{job.id} {job.state.lower()}" for job in links)
        console.print(f"next link: job {how}", markup=False)
    if pending := _pending(jobs):
        console.print(pending, markup=False, soft_wrap=True)
    return state not in ("failed", "stopped", "cancelled")


def _whole(block: dict[str, Any]) -> str:
    """Of a block that had no jobs: whether it is there."""
    place = Place(block["url"])
    there = place.exists(MANIFEST) and place.read_json(MANIFEST)["fingerprint"] == block["fingerprint"]
    return "unchanged" if there else "to do"


def _row(work: Work, jobs: list[queue.Job]) -> list[str]:
    about, ids = work.about, {chunk["job"] for chunk in work.chunks()}
    missing = work.missing
    mine = Counter("running" if job.runs else "waiting" for job in jobs if job.id in ids)
    again, tasks = sum(times - 1 for times in work.tried().values()), len(work.ranks)
    raised = len(Place(str(work.folder)).names("failed"))
    cells = [f"{tasks - len(missing)} of {tasks}", *(mine["running"], mine["waiting"], again, raised)]
    return [about["name"], *(str(cell or "") for cell in cells)]


def follow(submission: Submission) -> None:
    """Says what happens until the run has ended; it does not end with this. Raises RunError where it failed."""
    console, last, gone = Console(stderr=True, highlight=False, soft_wrap=True), "", 0
    while True:
        jobs = submission.jobs()
        state, said = current(submission, jobs)
        gone = gone + 1 if state == "stopped" else 0
        if state == "done":
            return
        if state in ENDED or gone > 2:  # between an array's end and its link's first word the queue may look empty
            raise RunError(said.removeprefix("RunError: ") or state)
        now = _line(submission, jobs)
        if now != last:
            console.print(now, markup=False)
            last = now
        time.sleep(max(POLL_SECONDS, len(jobs) / JOBS_A_SECOND))


def _line(submission: Submission, jobs: list[queue.Job]) -> str:
    works = submission.works()
    running = sum(job.runs for job in jobs)
    pending = f"; {said}" if (said := _pending(jobs)) else ""
    if not works:
        return f"{len(jobs)} jobs, {running} running{pending}"
    name, done, *_ = _row(works[-1], jobs)
    return f"{name}: {done} tasks done, {running} jobs running, {len(jobs) - running} waiting{pending}"


def cancel(submission: Submission) -> int:
    """Cancels what is in the queue. Returns the number of jobs; what is finished stays, and the same command goes on from it."""
    if submission.state["state"] not in ENDED:
        submission.say("cancelled", "cancelled; the same command goes on from here")
    seen, end = set[str](), time.monotonic() + ENDING_SECONDS
    while (
        jobs := submission.jobs()
    ) and time.monotonic() < end:  # a link that was just running may have submitted more
        links = {job.id for job in jobs if submission.is_link(job)}
        queue.cancel(sorted({job.id for job in jobs}, key=lambda number: (number not in links, number)))
        seen |= {job.id for job in jobs}
        time.sleep(1)
    return len(seen)


def logs(submission: Submission, failed: bool, name: str | None, task: int | None) -> int:
    """Prints what tasks printed: of those that failed, or of one. Returns how many were shown."""
    console, shown, works = Console(highlight=False, soft_wrap=True), 0, submission.works()
    if name is not None and name not in (names := {work.about["name"]: None for work in works}):
        raise RecipeError(f"no tasks of '{name}' had jobs; those of these had: {', '.join(names) or 'none'}")
    for work in works:
        about = work.about
        if name is not None and about["name"] != name:
            continue
        missing, tried, over = set(work.missing), work.tried(), _over(work, submission)
        for rank in work.ranks:
            raised = rank in missing and (work.told("failed", rank) or tried[rank] > 1 or over)
            if (failed and not raised) or (task is not None and rank != task) or not tried[rank]:
                continue
            shown += 1
            log = work.log(rank)
            how = f": {how_it_ended(submission, work, rank)}" if rank in missing else ""
            console.print(f"{about['name']}, task {rank}, {tried[rank]} tries{how}\n  {log or 'no log'}", markup=False)
            told = work.told("failed", rank)
            lines = log.read_text(errors="replace").splitlines()[-TAIL_LINES:] if log and failed else []
            for line in (told["trace"].splitlines() if told and told["trace"] else lines) if failed else []:
                console.print(f"  | {line}", markup=False)
    if shown or (link := _link_log(submission)) is None:
        return shown
    state, said = current(submission, submission.jobs())
    if failed and state in ("failed", "stopped"):
        console.print(f"no task has failed; {state}: {said}", markup=False)
        return 1
    if not failed:
        console.print(f"no task had a job yet; the last link: {link}", markup=False)
    return shown


def _over(work: Work, submission: Submission) -> bool:
    """Whether none of a set of tasks' jobs is in the queue: what is missing then has failed, unless the run was cancelled."""
    if submission.state["state"] == "cancelled":
        return False
    return not {job.id for job in submission.jobs()} & {chunk["job"] for chunk in work.chunks()}
