"""The `seimai review` commands."""

from pathlib import Path
from typing import Annotated

import typer

HomeFolder = Annotated[
    Path | None,
    typer.Option("--home", metavar="DIR", help="Where the review lives (default: seimai/review in the data folder)."),
]
Url = Annotated[
    str | None,
    typer.Option(
        envvar="SEIMAI_ARGILLA_URL", metavar="URL", help="Another Argilla; its key in SEIMAI_ARGILLA_API_KEY."
    ),
]
review = typer.Typer(help="Review by people, in an Argilla on this machine.", no_args_is_help=True)


@review.command(name="up")
def review_up(
    home: HomeFolder = None,
    port: Annotated[
        int | None, typer.Option(help="Port of 127.0.0.1 (default: last time's, 6900, or a free one).")
    ] = None,
    redis: Annotated[
        str | None, typer.Option(envvar="SEIMAI_REDIS", metavar="URL", help="A Redis to use instead of an own one.")
    ] = None,
    elasticsearch: Annotated[
        str | None,
        typer.Option(envvar="SEIMAI_ELASTICSEARCH", metavar="URL", help="Instead of the embedded search engine."),
    ] = None,
    opensearch: Annotated[
        str | None,
        typer.Option(envvar="SEIMAI_OPENSEARCH", metavar="URL", help="Instead of the embedded search engine."),
    ] = None,
    seconds: Annotated[float, typer.Option("--wait", help="Seconds until the server must answer.")] = 180,
) -> None:
    """Start a real Argilla on this machine. The first time makes its environment, database and owner."""
    from recipes.engine import review_command

    review_command.up(home, port, redis, elasticsearch, opensearch, seconds)


@review.command(name="status")
def review_status(home: HomeFolder = None) -> None:
    """Tell what runs, and how what does not run has ended; exit status 1 where something does not."""
    from recipes.engine import review_command

    if not review_command.status(home):
        raise typer.Exit(1)


@review.command(name="logs")
def review_logs(
    name: Annotated[
        str | None, typer.Argument(metavar="PROCESS", help="server, worker, redis or watch (default: all).")
    ] = None,
    home: HomeFolder = None,
    lines: Annotated[int, typer.Option("-n", min=1, help="How many of the last lines.")] = 40,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as the logs grow.")] = False,
) -> None:
    """Show the last lines of the logs."""
    from recipes.engine import review_command

    review_command.logs(home, name, lines, follow)


@review.command(name="down")
def review_down(home: HomeFolder = None) -> None:
    """Stop what `up` started here, and nothing else. Data stays."""
    from recipes.engine import review_command

    review_command.down(home)


@review.command(name="annotator")
def review_annotator(
    name: Annotated[str, typer.Argument(metavar="NAME", help="How they sign in; a pseudonym will do.")],
    home: HomeFolder = None,
    url: Url = None,
) -> None:
    """Make a user who answers, with a password that is shown once."""
    from recipes.engine import review_command

    review_command.annotator(home, url, name)


@review.command(name="wordings")
def review_wordings(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Files of wordings (default: the project's, domains included).")
    ] = None,
    pull: Annotated[bool, typer.Option("--pull", help="Take decisions into the files, and push nothing.")] = False,
    home: HomeFolder = None,
    url: Url = None,
) -> None:
    """Put wordings that nobody has reviewed before annotators; what they decided before comes into the files first."""
    from recipes.engine import review_command

    review_command.wordings(home, url, files or (), pull)
