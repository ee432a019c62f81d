"""The `seimai` command."""

import os
from typing import TYPE_CHECKING, Annotated

import typer

from recipes.engine.audit.cli import audit
from recipes.engine.classifier.cli import AnnotatorKey, IdKey, IdSource, LabelKey, Several, TimeKey, Where, label, train
from recipes.engine.ending import end_clearly
from recipes.engine.forget.cli import forget
from recipes.engine.index.cli import index
from recipes.engine.mixture.ledger_cli import ledger
from recipes.engine.release.cli import release
from recipes.engine.review.cli import review
from recipes.engine.review.office_cli import office
from recipes.engine.review.settle_cli import settle
from recipes.engine.slurm import cli as cluster_cli

if TYPE_CHECKING:
    from recipes.engine.generation.plan import Generation
    from recipes.engine.plan import Plan

app = typer.Typer(
    name="seimai",
    help="精米: from a raw Japanese web crawl to the shards a language model is trained on.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

RecipeName = Annotated[
    str, typer.Argument(metavar="RECIPE", help="Name of a recipe that comes with seimai, or a .yaml or .py file.")
]
Files = Annotated[
    list[str] | None,
    typer.Option(
        "--in", metavar="PATTERN", help="Files of the recipe's first source: path, glob or URL; may be repeated."
    ),
]
Out = Annotated[str | None, typer.Option("--out", metavar="DIR", help="Where the run goes (default: runs/NAME).")]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="STAGE.STEP.KEY=VALUE", help="Changes one value; part of the fingerprint; may be repeated."
    ),
]
On = Annotated[str, typer.Option("--on", metavar="WHERE", help="local, slurm:FILE or ray[:ADDRESS].")]


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"seimai {version('seimai')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None: ...


def _planned(
    name: str, files: list[str] | None, out: str | None, sets: list[str] | None, on: str, mb: int = 0
) -> "Plan":
    from recipes.engine import executors, file_systems, gpu_stages, plan, recipe_file

    path = recipe_file.find(name)
    recipe = recipe_file.load(path, sets, files)
    where, _ = executors.backend(on)
    out = out or recipe_file.default_out(recipe)
    file_systems.check_out(out)
    made = plan.make(recipe, path.name, out, task_bytes=mb << 20 or None, base=path.parent)
    gpu_stages.check_gpus(made, where)
    return made


@app.command()
def run(
    recipe: RecipeName,
    files: Files = None,
    out: Out = None,
    overrides: Overrides = None,
    on: On = "local",
    workers: Annotated[int | None, typer.Option(help="Worker processes of --on local (default: one a core).")] = None,
    replay: Annotated[
        str | None,
        typer.Option(metavar="RUN", help="Reject the pages that hung in this earlier run without trying them."),
    ] = None,
    generators: Annotated[
        int, typer.Option(min=1, help="Workers that generate at a time, each with an engine of its own.")
    ] = 1,
    follow: Annotated[bool, typer.Option("--follow", help="With --on slurm: stay until the run has ended.")] = False,
    task_mb: Annotated[int, typer.Option(min=0, help="MiB of files a task reads (0: 4 to 32, by their size).")] = 0,
) -> None:
    """Run a recipe. Given again, it goes on where it stopped; what has not changed is not computed again."""
    from recipes.engine.run_command import run_plan

    plan = _planned(recipe, files, out, overrides, on, task_mb)
    run_plan(plan, on, workers or os.cpu_count() or 1, replay, generators, follow)


@app.command()
def check(
    recipe: RecipeName, files: Files = None, out: Out = None, overrides: Overrides = None, on: On = "local"
) -> None:
    """Check a recipe without touching data: steps, keys, columns, presets, files, rights, licences, and where it would run."""
    plan = _planned(recipe, files, out, overrides, on)
    typer.echo(
        f"{recipe}: ok, {len(plan.recipe.stages)} stages in {len(plan.blocks)} blocks, version {plan.recipe.version}"
        + "".join(f"; generate '{g.name}': {_orders(g)}" for g in plan.generations)
        + "".join(f"; judge '{j.name}': {len(j.judges)} judges" for j in plan.juries)
        + "".join(f"; pairs '{p.name}': {len(p.spec.strategies.wanted)} strategies" for p in plan.preferences)
    )


def _orders(generation: "Generation") -> str:
    """What a generation orders, in a few words."""
    sets = f" and {len(generation.imports)} imported sets" if generation.imports else ""
    return f"{len(generation.orders)} tasks{sets}"


@app.command(name="plan")
def show_plan(
    recipe: RecipeName, files: Files = None, out: Out = None, overrides: Overrides = None, on: On = "local"
) -> None:
    """Show what would run: blocks, tasks, columns, fingerprints, and what is there already."""
    from recipes.engine.summary import print_plan

    print_plan(_planned(recipe, files, out, overrides, on))


@app.command()
def show(
    what: Annotated[str, typer.Argument(metavar="WHAT", help="recipes, sources, steps, columns, reasons or presets.")],
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="One of them, in full.")] = None,
    on_run: Annotated[
        str | None, typer.Option("--on", metavar="RUN", help="With presets: what each rule would remove from this run.")
    ] = None,
) -> None:
    """Show recipes, sources, steps, columns, reasons or presets."""
    from recipes.engine.show import show as shown

    shown(what, name, on_run)


@app.command()
def explain(
    run_folder: Annotated[
        str,
        typer.Argument(
            metavar="RUN",
            help="Folder of a run, e.g. runs/quickstart (its newest version), or of a version, runs/quickstart/2026.11.22.",
        ),
    ],
    page: Annotated[
        str,
        typer.Argument(
            metavar="PAGE",
            help="The page's URL, its id in hexadecimal (8 digits or more), or FILE:OFFSET; or the id of a generated row.",
        ),
    ],
    samples: Annotated[
        bool, typer.Option("--samples", help="Show the text of generated rows that grew from a page.")
    ] = False,
) -> None:
    """Tell one page's whole story: decoded how, each value beside each threshold, which cluster, kept or why not.

    Of a generated row, taken or refused: what it grew from, its wording and spec, the answer, each verdict, its licences.
    """
    from recipes.engine.explain.command import explain as explained

    explained(run_folder, page, samples)


@app.command()
def report(
    run_folder: Annotated[
        str, typer.Argument(metavar="RUN", help="Folder of a run (its newest version), or of one version.")
    ],
    samples: Annotated[
        bool, typer.Option("--samples", help="Show page text: 20 kept and 20 rejected pages a reason.")
    ] = False,
    public: Annotated[
        bool, typer.Option("--public", help="Write public.html for buyers and regulators; no page text.")
    ] = False,
    labels: Annotated[
        list[str] | None,
        typer.Option(
            "--labels", metavar="FILE", help="Labels by row id (seimai label): precision and recall of each score."
        ),
    ] = None,
    positive: Annotated[
        str | None,
        typer.Option(metavar="CONDITION", help="Which labels are good: '>= 3', '== good', 'in [good, fair]'."),
    ] = None,
    id_key: IdKey = "id",
    label_key: LabelKey = "label",
    annotator_key: AnnotatorKey = None,
    time_key: TimeKey = None,
    where: Where = None,
    several: Several = "same",
    id_source: IdSource = None,
) -> None:
    """Write report.html of a run, in Japanese and English; page text is shown only with --samples."""
    from recipes.engine.classifier.label_read import Reading, labels_of
    from recipes.engine.forget.gate import cleared_or_refused
    from recipes.engine.report import write_report

    cleared_or_refused(run_folder)
    if public:
        from recipes.engine.report.public import write_public

        typer.echo("\n".join(write_public(run_folder, alone=not (samples or labels))))
        return
    how = Reading(id_key, label_key, annotator_key, time_key, tuple(where or ()), several, id_source)
    typer.echo(write_report(run_folder, samples=samples, labels=labels_of(labels, positive, how)))


for group in (settle, office):
    review.add_typer(group)
for group, called in ((index, "index"), (ledger, "ledger"), (label, "label"), (review, "review")):
    app.add_typer(group, name=called)
for command in (train, audit, forget, release):
    app.command()(command)
cluster_cli.add_to(app)


@app.command()
def budget(
    file: Annotated[str, typer.Argument(metavar="FILE", help="What to plan for: a budget's .yaml (docs/budget.md).")],
    out: Annotated[
        str | None, typer.Option("--out", metavar="DIR", help="Writes the plan (for seimai mix) and its picture here.")
    ] = None,
) -> None:
    """Plan a token budget: which sources to repeat how often under the cap, what it is worth, and what would help."""
    from recipes.engine.mixture.budget_command import budget as planned

    if not planned(file, out):
        raise typer.Exit(1)


@app.command()
def mix(
    plan: Annotated[str, typer.Argument(metavar="PLAN", help="The budget.json that `seimai budget --out` wrote.")],
    out: Annotated[str, typer.Option("--out", metavar="DIR", help="Where the mixture goes.")],
    index: Annotated[bool, typer.Option("--index", help="Where each row lies instead of the rows themselves.")] = False,
    seed: Annotated[int, typer.Option(help="Decides fractional epochs and the order.")] = 0,
) -> None:
    """Write a training mixture: rows repeated as planned, copies of a cluster far apart, the same for the same seed."""
    from recipes.engine.mixture.mix_command import mix as mixed

    mixed(plan, out, index, seed)


@app.command()
def verify(
    shards: Annotated[
        str, typer.Argument(metavar="RUN", help="Folder of a run's version, or of a released set, or of a mixture.")
    ],
    ledger: Annotated[
        str | None, typer.Option("--ledger", metavar="LEDGER", help="Checks showings of all training against it.")
    ] = None,
    run_id: Annotated[str | None, typer.Option(help="Under which name training on it was entered there.")] = None,
    k: Annotated[int | None, typer.Option(help="K to hold it to, whatever it says of itself.")] = None,
    sample: Annotated[int | None, typer.Option(help="Rows whose near-copies are sought, 10,000 without.")] = None,
    seed: Annotated[int | None, typer.Option(help="Draws the sample; a new one each time without.")] = None,
) -> None:
    """Check released shards independently: files, sums, content, forms, showings against K and the ledger, near-copies."""
    from recipes.engine.verify.command import verify as verified

    if not verified(shards, ledger, run_id, k, sample, seed):
        raise typer.Exit(1)


def main() -> None:
    """Entry point."""
    end_clearly(app)


if __name__ == "__main__":
    main()
