"""`seimai run`: on this machine until it is done, on Ray until it is done, on Slurm until it is submitted."""

import contextlib
import shlex
import signal
import threading
from typing import Any

from curation.place import Place
from recipes.engine import execute, file_systems
from recipes.engine.errors import RecipeError
from recipes.engine.executors import Cluster, backend
from recipes.engine.plan import Plan
from recipes.engine.summary import print_summary


def run_plan(plan: Plan, on: str, workers: int, replay: str | None, generators: int, follow: bool) -> None:
    """Runs a plan where `on` says and shows its summary.

    Ctrl-C ends what runs here with status 130 (SIGTERM: 143, a terminal that is closed: 129), never what was submitted.
    """
    import typer

    kind, said = backend(on)
    if follow and kind != "slurm":
        raise RecipeError(f"--follow watches what was submitted to Slurm; --on {on} shows its progress by itself")
    file_systems.open_out(plan.out)
    if kind == "slurm":
        _submit(plan, on, said, replay, generators, follow)
        return
    cluster: Cluster | None = None
    if kind == "ray":
        from recipes.engine.ray_tasks import RayTasks

        cluster = RayTasks(said)
    for sent in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(sent) is signal.SIG_DFL and threading.current_thread() is threading.main_thread():
            signal.signal(sent, _stop)  # nohup leaves another one
    try:
        finished = execute.run(plan, cluster=cluster, workers=workers, replay=replay, generators=generators)
    except KeyboardInterrupt as stopped:
        with contextlib.suppress(OSError):  # nobody is there to read it
            typer.echo("\nstopped; the same command goes on from here", err=True)
        raise typer.Exit(128 + (stopped.args[0] if stopped.args else signal.SIGINT)) from None
    from recipes.engine.report import write_report

    print_summary(finished, plan.folder, write_report(plan.folder))


def _stop(number: int, _: Any) -> None:
    """Ends a run as Ctrl-C does."""
    raise KeyboardInterrupt(number)


def _submit(plan: Plan, on: str, resources: object, replay: str | None, generators: int, follow: bool) -> None:
    import typer

    from recipes.engine.slurm import link, watch
    from recipes.engine.slurm.resources import Resources

    assert isinstance(resources, Resources)
    before = link.under_way(plan, resources)
    submission = before or link.submit(plan, on, resources, replay, generators)
    jobs = ", ".join(dict.fromkeys(job.id for job in submission.jobs()))
    how = "on Slurm already, nothing was submitted" if before else "on Slurm"
    run = shlex.quote(plan.folder)
    typer.echo(f"{plan.folder}: {how} (job {jobs}); seimai status {run}, seimai cancel, seimai logs --failed")
    if not follow:
        return
    try:
        watch.follow(submission)
    except KeyboardInterrupt:
        typer.echo("\nno longer watched; the run goes on", err=True)
        raise typer.Exit(130) from None
    print_summary(Place(plan.folder).read_json("run.json"), plan.folder, f"{plan.folder}/report.html")
