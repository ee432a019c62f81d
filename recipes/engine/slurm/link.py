"""A link of the chain: `execute.run` up to the first tasks that are missing, and the next link after them.

    python -m recipes.engine.slurm.link SUBMISSION

The first is submitted by `submit`, which sees to it that Slurm would run jobs of every kind, and keeps the plan.
"""

import contextlib
import hashlib
import os
import shutil
import socket
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import dill

from curation.mixture.ledger_files import LedgerError
from curation.secrets_left_out import without_secrets
from curation.shape import BadFile
from curation.shards import ShardError
from recipes.engine import execute
from recipes.engine.errors import RecipeError, RunError
from recipes.engine.gpu_stages import is_there
from recipes.engine.plan import Plan, described
from recipes.engine.report import write_report
from recipes.engine.slurm import queue, watch
from recipes.engine.slurm.arrays import SlurmTasks, Waiting, job_options, script
from recipes.engine.slurm.resources import KINDS, Resources, gives_gpu, options, seconds
from recipes.engine.slurm.submission import ENDED, LINK, Submission, folder_of
from recipes.engine.source_read import hash_of
from recipes.engine.summary import print_summary
from recipes.engine.task_error import of_the_machine
from recipes.engine.workers import leave

KILLED = 3
"""How often a link whose process was killed goes on."""
FULL_SECONDS = 60.0
"""Where Slurm takes no further job of this user, it is asked again so often, as long as the link may run."""
TURN_SECONDS = 2.0


def under_way(plan: Plan, resources: Resources) -> Submission | None:
    """The submission of just this plan whose jobs are on the cluster now. Raises RunError where they are another plan's.

    What an ended run has left in the queue (its last link, which is about to end) ends first.
    """
    folder = folder_of(plan, resources)
    submission = Submission(folder)
    if not (folder / "state.json").exists():
        return None
    if submission.state["state"] in ENDED:
        watch.cancel(submission)
        if jobs := submission.jobs():
            raise RunError(
                f"{plan.folder}: the jobs of the run before ({', '.join(dict.fromkeys(j.id for j in jobs))}) have not ended "
                "yet: give the command again in a minute"
            )
        return None
    jobs = submission.jobs()
    if not jobs:
        return None
    if submission.about["fingerprint"] != _fingerprint(plan):
        raise RunError(
            f"{plan.folder}: another plan of this run is on the cluster ({len(jobs)} jobs); `seimai cancel {plan.folder}` first"
        )
    return submission


def submit(plan: Plan, on: str, resources: Resources, replay: str | None, generators: int) -> Submission:
    """Submits a run's first link, unless it is on its way already. Raises RecipeError, RunError."""
    execute.check_version(plan)
    folder = folder_of(plan, resources)
    if (submission := under_way(plan, resources)) is not None:
        return submission
    _check(plan, on, resources)
    if folder.exists():
        shutil.rmtree(folder)
    submission = Submission(folder)
    (folder / "links").mkdir(parents=True)
    submission.place.write_json("submission.json", _about(plan, on, resources, replay, generators, folder))
    (folder / "plan.dill").write_bytes(dill.dumps(plan, recurse=False))
    submission.say("submitted")
    next_link(submission, [])
    return submission


def _fingerprint(plan: Plan) -> str:
    """Of everything that the plan makes."""
    return hash_of(
        [plan.fingerprint, *(one.fingerprint for one in (*plan.generations, *plan.juries, *plan.preferences))]
    )


def _about(
    plan: Plan, on: str, resources: Resources, replay: str | None, generators: int, folder: Path
) -> dict[str, Any]:
    own = [str(Path(p).resolve()) for p in sys.path if p and not p.startswith((sys.prefix, sys.base_prefix))]
    return {
        "recipe": plan.recipe.name,
        "version": plan.recipe.version,
        "fingerprint": _fingerprint(plan),
        "key": hashlib.sha256(str(folder).encode()).hexdigest()[:8],
        "on": on,
        "resources": resources.model_dump(exclude_unset=True),
        "replay": replay,
        "generators": generators,
        "host": socket.gethostname(),
        "submitted": round(time.time(), 3),
        "cwd": os.getcwd(),
        "out": str(Path(plan.out).absolute()) if "://" not in plan.out else os.getcwd(),
        "folder": plan.folder,
        "sys_path": own,
        "blocks": [{"name": b.name, "url": b.url, "fingerprint": b.fingerprint, "tasks": b.tasks} for b in plan.blocks],
        "others": [one.name for one in (*plan.generations, *plan.juries, *plan.preferences)],
    }


def _check(plan: Plan, on: str, resources: Resources) -> None:
    """Raises RecipeError where Slurm would never run a job of a kind that the plan needs: said before the first, not after days."""
    needed = {"link", *("survey" if b.kind == "survey" else b.needs for b in plan.blocks if not is_there(b))}
    needed |= {"generate"} if plan.generations or plan.juries else set()
    for kind in sorted(needed, key=list(KINDS).index):
        asked = resources.of(kind)
        if kind == "gpu" and not gives_gpu(asked):
            stage = next(b.stage for b in plan.blocks if b.needs == "gpu")
            raise RecipeError(f"--on {on}: stage '{stage}' needs a GPU, and the file asks for none: gpu: {{gpus: 1}}")
        try:
            queue.would_run("#!/bin/bash\ntrue\n", options(asked))
        except RunError as error:
            raise RecipeError(f"--on {on}: {kind}: Slurm would not run such a job: {error}") from error
        one = "," not in (asked.partition or "") and asked.qos is None  # a QOS may have another limit
        if one and (most := queue.longest(asked.partition)) and seconds(asked.time or "0:00:00") > seconds(most):
            raise RecipeError(
                f"--on {on}: {kind}: time: found {asked.time}, and the partition runs jobs of {most} at most: Slurm would take "
                "such a job and never begin it"
            )


def next_link(submission: Submission, after: list[str]) -> str:
    """Submits a link that begins when all of these jobs have ended, however they ended."""
    asked = submission.resources.of("link")
    arguments = job_options(submission, asked, submission.resources, submission.folder / "links", "%j.log")
    if after:
        arguments.append(f"--dependency=afterany:{':'.join(after)}")
    words = ["-m", "recipes.engine.slurm.link", str(submission.folder)]
    return queue.submit(script(submission, asked, words, again=KILLED), submission.name(LINK), arguments)


def main(folder: str) -> int:
    """Goes on with a run as far as it can; returns the exit status."""
    submission = Submission(Path(folder))
    if not _is_turn(submission):
        return 0
    sys.path += [p for p in submission.about["sys_path"] if p not in sys.path]
    try:
        submission.say("running")
        while True:
            try:
                finished = _go_on(submission)
                break
            except queue.QueueFull as full:
                submission.say("waiting", f"Slurm takes no further job of this user now ({full}); it is asked again")
                time.sleep(FULL_SECONDS)
        if finished:
            submission.say("done")
    except Exception as error:
        ours = isinstance(error, RecipeError | RunError | ShardError | BadFile | LedgerError)
        said = without_secrets(f"{type(error).__name__}: {error}" if ours else traceback.format_exc())
        said = of_the_machine(said, submission.about["folder"]) or said
        print(said, file=sys.stderr, flush=True)
        with contextlib.suppress(OSError):  # where the disk is full
            submission.say("failed", said)
        return 1
    return 0


def _is_turn(submission: Submission) -> bool:
    """Whether this link is the one that goes on: the run has not ended, and no later link of it is in the queue.

    There may be two: a controller that answered too late was asked twice, or a node was lost when its link had handed on already and
    was put back into the queue. An earlier one that runs now is waited for; it may hand on to a third.
    """
    me = int(os.environ["SLURM_JOB_ID"])
    while submission.state["state"] not in ENDED:
        others = {int(job.id): job for job in submission.jobs() if submission.is_link(job) and int(job.id) != me}
        if later := [number for number in others if number > me]:
            print(f"link {max(later)} goes on", flush=True)
            return False
        if not any(job.state == "RUNNING" for job in others.values()):
            return True
        time.sleep(TURN_SECONDS)
    return False


def _go_on(submission: Submission) -> bool:
    """Runs what can be run now, and submits what must be waited for, with the link after it. Returns whether the run is done."""
    plan, about = submission.plan(), submission.about
    _same_code(plan)
    tasks, generators = SlurmTasks(submission), about["generators"]
    try:
        finished = execute.run(plan, cluster=tasks, replay=about["replay"], generators=generators)
    except Waiting as waiting:
        print(waiting, flush=True)
        submission.say("waiting", str(waiting))
        next_link(submission, waiting.ids)
        return False
    print_summary(finished, plan.folder, write_report(plan.folder))
    return True


def _same_code(plan: Plan) -> None:
    """Raises RunError where the code, a preset or a library of a block is not that of the plan any more."""
    for block in plan.blocks:
        if is_there(block):
            continue
        now = described(block.name, block.stage, block.kind, block.read, block.steps)
        if now != block.describes:
            raise RunError(
                f"{execute.difference(block.describes, now)} changed since the run was submitted; give the command again, "
                "which plans it anew"
            )


if __name__ == "__main__":
    leave(main(*sys.argv[1:]))
