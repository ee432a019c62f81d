"""The `seimai status`, `cancel` and `logs` commands: runs on a cluster."""

from typing import Annotated

import typer

RunFolder = Annotated[
    str,
    typer.Argument(metavar="RUN", help="Folder of a run that was submitted (its newest version), or of one version."),
]


def status(run: RunFolder) -> None:
    """Show how a run on Slurm stands: its stages, tasks and jobs. Exit status 1 where it failed or stopped."""
    from recipes.engine.slurm import submission, watch

    if not watch.status(submission.find(run)):
        raise typer.Exit(1)


def cancel(run: RunFolder) -> None:
    """Cancel a run on Slurm. What is finished stays: the same `seimai run` goes on from it."""
    from recipes.engine.slurm import submission, watch

    found = submission.find(run)
    typer.echo(f"{run}: {watch.cancel(found)} jobs cancelled; {found.state['state']}")


def logs(
    run: RunFolder,
    failed: Annotated[
        bool, typer.Option("--failed", help="Only tasks that failed, with the end of what they printed.")
    ] = False,
    stage: Annotated[str | None, typer.Option(help="Only tasks of this stage, as `seimai status` names it.")] = None,
    task: Annotated[int | None, typer.Option(help="Only this task.")] = None,
) -> None:
    """Show where the tasks of a run on Slurm print, and what those that failed said."""
    from recipes.engine.slurm import submission, watch

    if not watch.logs(submission.find(run), failed, stage, task):
        typer.echo("no such task" if not failed else "no task has failed")


def add_to(app: typer.Typer) -> None:
    """Adds the commands to `seimai`."""
    for command in (status, cancel, logs):
        app.command()(command)
