"""The commands of quality classifiers: `seimai train` and `seimai label`."""

from typing import Annotated

import typer

IdKey = Annotated[str, typer.Option(help="Answers: column of the row's id.")]
IdSource = Annotated[
    str | None, typer.Option(metavar="NAME", help="Answers: source of the recipe whose own ids these are (a table's).")
]
LabelKey = Annotated[str, typer.Option(help="Answers: column of the label; a.b.c leads into what is nested.")]
AnnotatorKey = Annotated[str | None, typer.Option(help="Answers: column of who answered.")]
TimeKey = Annotated[str | None, typer.Option(help="Answers: column of when; an annotator's last answer counts.")]
Where = Annotated[
    list[str] | None,
    typer.Option(metavar="KEY=VALUE", help="Answers: only those whose column says this; may be repeated."),
]
Several = Annotated[str, typer.Option(help="Answers: several about a page become one by same, majority or median.")]

label = typer.Typer(
    no_args_is_help=True, help="Pages for people or a judge model to label, and their answers read back."
)


def train(
    recipe: Annotated[str, typer.Argument(metavar="RECIPE", help="A recipe with a section `train`.")],
    files: Annotated[
        list[str] | None,
        typer.Option("--in", metavar="PATTERN", help="Files of the recipe's first source; may be repeated."),
    ] = None,
    out: Annotated[
        str | None, typer.Option("--out", metavar="DIR", help="Where the run goes (default: runs/NAME).")
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="STAGE.STEP.KEY=VALUE", help="Changes one value; may be repeated."),
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Worker processes (default: one a core).")] = None,
) -> None:
    """Run a recipe and train the quality model that it describes, with its card: data, licence, AUC, confusion by source."""
    from recipes.engine.classifier.train import train as trained

    trained(recipe, files, out, overrides, workers)


@label.command()
def sample(
    run_folder: Annotated[str, typer.Argument(metavar="RUN", help="Folder of a finished run.")],
    out: Annotated[str, typer.Option("--out", metavar="FILE", help="Where the pages go: .jsonl or .csv.")],
    rows: Annotated[int, typer.Option(help="Pages.")] = 200,
    column: Annotated[str, typer.Option(help="Score whose deciles are drawn from evenly.")] = "quality",
    chars: Annotated[int, typer.Option(help="Characters of each page that are shown.")] = 2000,
    seed: Annotated[int, typer.Option(help="Decides which pages.")] = 0,
    stage: Annotated[
        str | None,
        typer.Option(
            metavar="STAGE", help="Draw from what this stage kept, before later ones decided (default: the release)."
        ),
    ] = None,
) -> None:
    """Draw pages evenly over deciles of a score and over hosts, with an empty `label` to be filled in."""
    from recipes.engine.classifier import label_sample

    label_sample.sample(run_folder, out, rows, column, chars, seed, stage)


@label.command()
def read(
    run_folder: Annotated[str, typer.Argument(metavar="RUN", help="Folder of the run that the answers are about.")],
    files: Annotated[list[str], typer.Argument(metavar="FILE", help="Answers: .jsonl, .csv or .parquet.")],
    out: Annotated[
        str | None, typer.Option("--out", metavar="FILE", help="Writes one label a page here (.jsonl).")
    ] = None,
    id_key: IdKey = "id",
    label_key: LabelKey = "label",
    annotator_key: AnnotatorKey = None,
    time_key: TimeKey = None,
    where: Where = None,
    several: Several = "same",
    id_source: IdSource = None,
) -> None:
    """Read answers back: what is answered, open, contradictory or about pages that the run does not have."""
    from recipes.engine.classifier import label_read

    how = label_read.Reading(id_key, label_key, annotator_key, time_key, tuple(where or ()), several, id_source)
    label_read.read(run_folder, label_read.spec(files, how), out)
