"""The `seimai index` commands."""

from typing import Annotated

import typer

IndexFolder = Annotated[str, typer.Argument(metavar="INDEX", help="Folder of the index.")]
RunFolder = Annotated[str, typer.Argument(metavar="RUN", help="Folder of a finished run's version.")]
index = typer.Typer(help="The index of earlier crawls, so that a new crawl keeps their labels.", no_args_is_help=True)


@index.command(name="add")
def index_add(folder: IndexFolder, run_folder: RunFolder) -> None:
    """Admit a run's clusters as the next generation of INDEX, which is made when it is not there."""
    from recipes.engine.index import command

    typer.echo(command.add(folder, run_folder))


@index.command(name="rebase")
def index_rebase(
    old: Annotated[str, typer.Argument(metavar="OLD", help="Folder of the index that is replaced.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="Folder of the new index.")],
    run_folder: RunFolder,
) -> None:
    """Make NEW from a run over all crawls without an index, with a table of OLD's labels and the new ones."""
    from recipes.engine.index import command

    typer.echo(command.rebase(old, new, run_folder))
