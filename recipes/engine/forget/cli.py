"""The `seimai forget` command."""

import contextlib
import getpass
from pathlib import Path
from typing import Annotated

import typer


def forget(
    outs: Annotated[
        list[str] | None,
        typer.Argument(metavar="RUN…", help="Folders of runs (all their versions), of mixtures and of releases."),
    ] = None,
    url: Annotated[list[str] | None, typer.Option(help="A page, whatever scheme or fragment; may be repeated.")] = None,
    host: Annotated[list[str] | None, typer.Option(help="A host and all under it; may be repeated.")] = None,
    row: Annotated[
        list[str] | None, typer.Option("--id", help="A page's, generated row's or pair's id; may be repeated.")
    ] = None,
    annotator: Annotated[list[str] | None, typer.Option(help="An annotator's pseudonym, r-…; may be repeated.")] = None,
    reason: Annotated[str, typer.Option(help="Why: it stands in the tombstone.")] = "",
    by: Annotated[str | None, typer.Option(help="By whom (default: the user's name).")] = None,
    forgotten: Annotated[
        str | None, typer.Option(metavar="DIR", help="Folder of the tombstones (default: `forgotten` beside the run).")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The label shards (default: `labels` in the review's home).")
    ] = None,
    home: Annotated[Path | None, typer.Option(metavar="DIR", help="Where the review lives.")] = None,
    argilla: Annotated[
        str | None, typer.Option(envvar="SEIMAI_ARGILLA_URL", metavar="URL", help="Another Argilla than that.")
    ] = None,
    ledger: Annotated[
        str | None,
        typer.Option(metavar="LEDGER", help="Never show the pages' texts again either, wherever they stand."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what there is.")] = False,
) -> None:
    """Take pages, rows or an annotator's answers out of everything that grew from them, and leave tombstones against re-entry.

    Without any of them: clear RUN by the tombstones that are there.
    """
    from recipes.engine.forget import command

    asked = command.Asked(url or (), host or (), row or (), annotator or (), reason, by or _user())
    places = command.Places(outs or (), forgotten, labels, home, argilla, ledger)
    command.forget(asked, places, dry_run=dry_run)


def _user() -> str:
    """The name of whoever gives the command; "" where the system has none."""
    with contextlib.suppress(OSError, KeyError):
        return getpass.getuser()
    return ""
