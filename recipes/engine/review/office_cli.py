"""The `seimai review` commands of the office: sheets out and in, work, pay, the review's report."""

from pathlib import Path
from typing import Annotated

import typer

from recipes.engine.review.cli import HomeFolder, LabelFolder, TaskName

office = typer.Typer()

Cap = Annotated[float, typer.Option("--cap", min=1, help="Seconds between two answers of which more is a break.")]
Zone = Annotated[str, typer.Option("--zone", help="Time zone in which a day begins.")]


@office.command(name="sheet")
def review_sheet(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new .xlsx or .csv.")],
    task: TaskName,
    stratum: Annotated[str | None, typer.Option("--stratum", metavar="NAME", help="Rows of one stratum.")] = None,
    source: Annotated[
        str | None, typer.Option("--source", metavar="NAME", help="Rows of one source (RECIPE/SET).")
    ] = None,
    version: Annotated[
        str | None,
        typer.Option("--version", metavar="VERSION", help="Of guidelines and questions (default: the newest)."),
    ] = None,
    answers: Annotated[
        bool, typer.Option("--answers", help="Rows that were answered, with what was answered, to be corrected.")
    ] = False,
    harmful: Annotated[bool, typer.Option("--harmful", help="Harmful content, and nothing else.")] = False,
    labels: LabelFolder = None,
    home: HomeFolder = None,
) -> None:
    """Write rows into a spreadsheet, to be answered or corrected there."""
    from recipes.engine.review import office as command
    from recipes.engine.review.labels import labels_at

    command.write(labels_at(labels, home), file, task, stratum, source, version, answers, harmful)


@office.command(name="take")
def review_take(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A sheet that `review sheet` wrote, filled in.")],
    annotator: Annotated[
        str,
        typer.Option(
            "--annotator", metavar="NAME", help="Who filled it in: a name (kept nowhere), or a pseudonym r-…."
        ),
    ],
    conflicts: Annotated[
        Path | None,
        typer.Option("--conflicts", metavar="FILE", help="Lists what was not taken, in Japanese (.csv or .xlsx)."),
    ] = None,
    labels: LabelFolder = None,
    home: HomeFolder = None,
) -> None:
    """Take a sheet's answers into the label shards; lines that cannot be taken are listed, exit status 1."""
    from recipes.engine.review import office as command
    from recipes.engine.review.labels import labels_at

    if not command.take_sheet(labels_at(labels, home), file, annotator, conflicts):
        raise typer.Exit(1)


@office.command(name="workload")
def review_workload(
    cap: Cap = 600,
    zone: Zone = "Asia/Tokyo",
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Writes answers a person a day (.csv or .xlsx).")
    ] = None,
    labels: LabelFolder = None,
    home: HomeFolder = None,
) -> None:
    """Tell answers a day and estimated seconds an answer, by person and task."""
    from recipes.engine.review import office as command
    from recipes.engine.review.labels import labels_at

    command.tell_workload(labels_at(labels, home, pushed=True), zone, cap, out)


@office.command(name="pay")
def review_pay(
    rates: Annotated[Path, typer.Argument(metavar="RATES", help="A .yaml with the rate of each task.")],
    month: Annotated[
        str | None, typer.Option("--month", metavar="2026-11", help="Answers that were given in a month.")
    ] = None,
    batch: Annotated[
        str | None, typer.Option("--batch", metavar="NAME", help="Answers that were frozen with a batch.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Writes the table (.csv or .xlsx).")] = None,
    labels: LabelFolder = None,
    home: HomeFolder = None,
) -> None:
    """Make the payment table, by pseudonym."""
    from recipes.engine.review import office as command
    from recipes.engine.review.labels import labels_at

    command.pay(labels_at(labels, home), rates, month, batch, out)


@office.command(name="report")
def review_report(
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Where it goes (default: report.html in the label shards)."),
    ] = None,
    run: Annotated[
        str | None,
        typer.Option("--run", metavar="RUN", help="The run of the rows: what remains wrong of it is told too."),
    ] = None,
    task: Annotated[str, typer.Option("--task", help="Task whose answers say what is wrong.")] = "quality",
    wrong: Annotated[
        str | None, typer.Option("--wrong", metavar="QUESTION=ANSWER,…", help="Answers that count as an error.")
    ] = None,
    set_name: Annotated[str | None, typer.Option("--set", metavar="NAME", help="Which set of the run.")] = None,
    plan: Annotated[Path | None, typer.Option("--plan", metavar="FILE", help="The plan that `push` was given.")] = None,
    cap: Cap = 600,
    zone: Zone = "Asia/Tokyo",
    labels: LabelFolder = None,
    home: HomeFolder = None,
) -> None:
    """Write the review's report, in Japanese and English: progress, work, agreement, judge against people, what remains wrong."""
    from recipes.engine.review.labels import labels_at
    from recipes.engine.review.report import Audit, write_report

    if (run is None) != (wrong is None):
        raise typer.BadParameter("--run and --wrong go together: what counts as an error of which run")
    audit = Audit(run, task, wrong, set_name, plan) if run is not None and wrong is not None else None
    typer.echo(write_report(labels_at(labels, home), out, audit, zone, cap))
