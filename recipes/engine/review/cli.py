"""The `seimai review` commands."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from annotation.review_tasks import Language

HomeFolder = Annotated[
    Path | None,
    typer.Option("--home", metavar="DIR", help="Where the review lives (default: seimai/review in the data folder)."),
]
Url = Annotated[
    str | None,
    typer.Option(
        envvar="SEIMAI_ARGILLA_URL",
        metavar="URL",
        help="Another Argilla; an owner's key of it in SEIMAI_ARGILLA_API_KEY.",
    ),
]
TaskName = Annotated[str, typer.Option("--task", help="quality, preference, ranking, safety, correction or spans.")]
LabelFolder = Annotated[
    Path | None,
    typer.Option("--labels", metavar="DIR", help="The label shards (default: `labels` in the review's home)."),
]
Answers = Annotated[int, typer.Option(min=2, max=8, help="How many answers a ranking has.")]
Lang = Annotated[str, typer.Option("--lang", help="Language of fields and questions: ja or en.")]

review = typer.Typer(help="Review by people, in an Argilla on this machine.", no_args_is_help=True)


@review.command(name="up")
def review_up(
    home: HomeFolder = None,
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="Port of 127.0.0.1 (default: last time's, 6900, or a free one)."),
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
    from recipes.engine.review import server

    server.up(home, port, redis, elasticsearch, opensearch, seconds)


@review.command(name="status")
def review_status(home: HomeFolder = None) -> None:
    """Tell what runs, and how what does not run has ended; exit status 1 where something does not."""
    from recipes.engine.review import server

    if not server.status(home):
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
    from recipes.engine.review import server

    server.logs(home, name, lines, follow)


@review.command(name="down")
def review_down(home: HomeFolder = None) -> None:
    """Stop what `up` started here, and nothing else. Data stays."""
    from recipes.engine.review import server

    server.down(home)


@review.command(name="annotator")
def review_annotator(
    name: Annotated[str, typer.Argument(metavar="NAME", help="How they sign in; a pseudonym will do.")],
    harmful: Annotated[
        bool | None,
        typer.Option("--harmful/--no-harmful", help="They offered to read harmful content, or want no more of it."),
    ] = None,
    home: HomeFolder = None,
    url: Url = None,
) -> None:
    """Make a user who answers, with a password that is shown once; or change what one who is there may read."""
    from recipes.engine.review import server

    server.annotator(home, url, name, harmful)


@review.command(name="password")
def review_password(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who has lost theirs.")],
    home: HomeFolder = None,
    url: Url = None,
) -> None:
    """Give somebody a new password, which is shown once; their answers and their pseudonym stay."""
    from recipes.engine.review import server

    server.new_password(home, url, name)


@review.command(name="people")
def review_people(home: HomeFolder = None, url: Url = None) -> None:
    """Tell who is who: annotators' names and the pseudonyms under which files name them."""
    from recipes.engine.review import server

    server.who_is_who(home, url)


@review.command(name="push")
def review_push(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Folder of a run (its newest version), or of one version.")],
    task: TaskName,
    set_name: Annotated[
        str | None, typer.Option("--set", metavar="NAME", help="Which generation or pairs, where the run has several.")
    ] = None,
    plan: Annotated[
        Path | None,
        typer.Option("--plan", metavar="FILE", help="Who sees which rows (default: every row once, nobody's twice)."),
    ] = None,
    most: Annotated[
        int | None, typer.Option(min=0, help="New records of this push at most; the next one goes on.")
    ] = None,
    answers: Answers = 2,
    language: Lang = "ja",
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Show texts as Markdown, in datasets of their own.")
    ] = False,
    labels: LabelFolder = None,
    home: HomeFolder = None,
    url: Url = None,
) -> None:
    """Put rows of a run before people. Given again, it goes on where it stopped and takes back what is no longer there."""
    from recipes.engine.review import labels as command

    where = command.labels_at(labels, home)
    command.push_run(home, url, where, run, task, set_name, plan, most, answers, language_of(language), markdown)


@review.command(name="pull")
def review_pull(labels: LabelFolder = None, home: HomeFolder = None, url: Url = None) -> None:
    """Take what people answered into the label shards; nothing there is ever changed."""
    from recipes.engine.review import labels as command

    command.pull_all(home, url, command.labels_at(labels, home))


@review.command(name="freeze")
def review_freeze(
    batch: Annotated[str, typer.Argument(metavar="BATCH", help="Name of what is closed, e.g. 2026-11.")],
    labels: LabelFolder = None,
    home: HomeFolder = None,
    url: Url = None,
) -> None:
    """Pull, and close a batch: from now on its answers stay what they are."""
    from recipes.engine.review import labels as command

    command.freeze_batch(home, url, command.labels_at(labels, home), batch)


@review.command(name="again")
def review_again(
    task: TaskName,
    since: Annotated[str, typer.Option(metavar="VERSION", help="Version under which the rows were answered.")],
    share: Annotated[float, typer.Option(min=0.0, max=1.0, help="Share of these rows that is asked anew.")],
    answers: Answers = 2,
    language: Lang = "ja",
    labels: LabelFolder = None,
    home: HomeFolder = None,
    url: Url = None,
) -> None:
    """Ask old rows again under the guidelines of now, and tell how many answers change."""
    from recipes.engine.review import labels as command

    where = command.labels_at(labels, home)
    command.ask_again(home, url, where, task, since, share, answers, language_of(language))


@review.command(name="agreement")
def review_agreement(labels: LabelFolder = None, home: HomeFolder = None) -> None:
    """Tell how far annotators agree beyond chance, question by question; reads label shards alone."""
    from recipes.engine.review import agreement
    from recipes.engine.review import labels as label_shards

    agreement.tell_agreement(label_shards.labels_at(labels, home, pushed=True))


@review.command(name="error-rate")
def review_error_rate(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Folder of a run (its newest version), or of one version.")],
    task: TaskName,
    wrong: Annotated[
        str,
        typer.Option(
            "--wrong", metavar="QUESTION=ANSWER,…", help="Answers that count as an error: verdict=fixable,bad."
        ),
    ],
    set_name: Annotated[
        str | None, typer.Option("--set", metavar="NAME", help="Which generation or pairs, where the run has several.")
    ] = None,
    plan: Annotated[Path | None, typer.Option("--plan", metavar="FILE", help="The plan that `push` was given.")] = None,
    answers: Answers = 2,
    labels: LabelFolder = None,
    home: HomeFolder = None,
) -> None:
    """Tell how many of the released rows are wrong, with an interval, from the rows that people looked at."""
    from recipes.engine.review import error_rate as command
    from recipes.engine.review import labels as label_shards

    command.tell_error_rate(label_shards.labels_at(labels, home), run, task, set_name, plan, wrong, answers)


@review.command(name="calibrate")
def review_calibrate(
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where the curves go: plans and recipes read it.")],
    least: Annotated[int, typer.Option(min=2, metavar="N", help="Decisions that a function needs for a curve.")],
    curve: Annotated[str, typer.Option(help="isotonic, or platt where decisions are few.")] = "isotonic",
    source: Annotated[
        str | None, typer.Option("--source", metavar="RECIPE/PAIRS", help="Whose pairs, where the shards know several.")
    ] = None,
    labels: LabelFolder = None,
    home: HomeFolder = None,
) -> None:
    """Learn from people's decisions what a jury's margin is worth, by function; reads label shards alone."""
    from recipes.engine.review import calibrate as command
    from recipes.engine.review import labels as label_shards

    if curve not in ("isotonic", "platt"):
        raise typer.BadParameter(f"a curve is isotonic or platt, not {curve}")
    command.tell_calibration(label_shards.labels_at(labels, home), out, source, curve, least)


def language_of(said: str) -> "Language":
    """A language that questions are written in, as `--lang` names it."""
    if said not in ("ja", "en"):
        raise typer.BadParameter(f"a language is ja or en, not {said}")
    return said


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
    from recipes.engine.review import server

    server.wordings(home, url, files or (), pull)
