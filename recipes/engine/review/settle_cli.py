"""The `seimai review` commands by which answers become decisions."""

from pathlib import Path
from typing import Annotated

import typer

from recipes.engine.review.cli import Answers, HomeFolder, LabelFolder, Lang, TaskName, Url

settle = typer.Typer()

MethodName = Annotated[
    str,
    typer.Option("--method", metavar="METHOD", help="Where people choose differently: majority, dawid_skene or mace."),
]
Sure = Annotated[
    float | None,
    typer.Option("--sure", metavar="P", help="Chance that a choice of dawid_skene or mace must have at least."),
]
GoldLeast = Annotated[
    float | None,
    typer.Option(
        "--gold-least", metavar="SHARE", help="Answers of who passed a smaller share of gold rows do not count."
    ),
]


@settle.command(name="gold")
def review_gold(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Rows with known answers, YAML or Parquet.")],
    task: TaskName,
    answers: Answers = 2,
    language: Lang = "ja",
    markdown: Annotated[bool, typer.Option("--markdown", help="As the rows were pushed.")] = False,
    labels: LabelFolder = None,
    home: HomeFolder = None,
    url: Url = None,
) -> None:
    """Mix rows whose answer is known among those that were pushed; annotators cannot tell them. `skill` says how people do."""
    from recipes.engine.review import settle as command
    from recipes.engine.review.cli import language_of
    from recipes.engine.review.labels import labels_at

    command.mix_gold(home, url, labels_at(labels, home), file, task, answers, language_of(language), markdown)


@settle.command(name="skill")
def review_skill(labels: LabelFolder = None, home: HomeFolder = None) -> None:
    """Tell how each annotator does: gold rows, attention checks, Dawid-Skene and MACE; reads label shards alone."""
    from recipes.engine.review import settle as command
    from recipes.engine.review.labels import labels_at

    command.tell_skill(labels_at(labels, home, pushed=True))


@settle.command(name="resolve")
def review_resolve(
    method: MethodName,
    sure: Sure = None,
    gold_least: GoldLeast = None,
    out: Annotated[
        str | None,
        typer.Option("--out", metavar="DIR", help="Where decisions go (default: `decisions` in the labels)."),
    ] = None,
    labels: LabelFolder = None,
    home: HomeFolder = None,
) -> None:
    """Decide every row that somebody answered, and write the decisions; reads label shards alone."""
    from recipes.engine.review import settle as command
    from recipes.engine.review.labels import labels_at

    command.write_resolved(labels_at(labels, home, pushed=True), method, sure, gold_least, out)


@settle.command(name="adjudicator")
def review_adjudicator(
    name: Annotated[str, typer.Argument(metavar="NAME", help="How they sign in; a pseudonym will do.")],
    home: HomeFolder = None,
    url: Url = None,
) -> None:
    """Let somebody settle disputes, an annotator or a new user; they never get a row on which they voted."""
    from recipes.engine.review import settle as command

    command.appoint(home, url, name)


@settle.command(name="adjudicate")
def review_adjudicate(
    method: MethodName,
    sure: Sure = None,
    gold_least: GoldLeast = None,
    labels: LabelFolder = None,
    home: HomeFolder = None,
    url: Url = None,
) -> None:
    """Pull, and put disputed rows before somebody who did not vote on them; `pull` and `resolve` take what they say."""
    from recipes.engine.review import settle as command
    from recipes.engine.review.labels import labels_at

    command.put_disputes(home, url, labels_at(labels, home), method, sure, gold_least)


@settle.command(name="examples")
def review_examples(
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="A new .jsonl: a line an answer.")],
    task: TaskName,
    question: Annotated[
        str | None, typer.Option("--question", metavar="NAME", help="Whose decisions are labels (default: the first).")
    ] = None,
    harmful: Annotated[bool, typer.Option("--harmful", help="Harmful content too.")] = False,
    labels: LabelFolder = None,
    home: HomeFolder = None,
) -> None:
    """Write reviewed answers with their labels for `seimai train`; reads label shards and what `resolve` decided."""
    from recipes.engine.review.examples import write_examples
    from recipes.engine.review.labels import labels_at

    write_examples(labels_at(labels, home), out, task, question, harmful=harmful)
