"""The `seimai ledger` commands."""

from typing import Annotated

import typer

LedgerFolder = Annotated[str, typer.Argument(metavar="LEDGER", help="Folder of the ledger.")]
ledger = typer.Typer(
    no_args_is_help=True, help="What a model has been shown, over all runs and stages: the ledger of the cap."
)


@ledger.command(name="new")
def ledger_new(folder: LedgerFolder, k: Annotated[int, typer.Option(help="Showings that a cluster may have.")]) -> None:
    """Begin a ledger."""
    from recipes.engine.mixture import ledger_command

    ledger_command.new(folder, k)


@ledger.command(name="add")
def ledger_add(
    folder: LedgerFolder,
    shown: Annotated[str, typer.Argument(metavar="MIX_OR_RUN", help="What the model was (or will be) trained on.")],
    stage: Annotated[str | None, typer.Option(help="Name of the training stage, for a run (default: train).")] = None,
    epochs: Annotated[int, typer.Option(help="Passes over the released set, for a run.")] = 1,
    run_id: Annotated[str | None, typer.Option(help="Name of the training, if not the run's or mixture's own.")] = None,
) -> None:
    """Enter what a model is shown; refused as a whole, naming clusters and sources, where one would pass K."""
    from recipes.engine.mixture import ledger_command

    ledger_command.add(folder, shown, stage, epochs, run_id)


@ledger.command(name="show")
def ledger_show(folder: LedgerFolder) -> None:
    """Show entries, and how many clusters have used how much of their allowance."""
    from recipes.engine.mixture import ledger_command

    ledger_command.show(folder)


@ledger.command(name="forget")
def ledger_forget(
    folder: LedgerFolder,
    keys: Annotated[list[str], typer.Argument(metavar="KEY…", help="Form keys or labels, in hexadecimal.")],
    clusters: Annotated[
        bool,
        typer.Option("--clusters", help="All that is in their clusters, now and later, as far as ledger and run know."),
    ] = False,
    run: Annotated[
        str | None,
        typer.Option("--in", metavar="RUN", help="With --clusters: a run whose deduplication knows the clusters."),
    ] = None,
) -> None:
    """Never show these texts again; what was shown of them stays on the books."""
    from recipes.engine.mixture import ledger_command

    ledger_command.forget(folder, keys, clusters, run)
