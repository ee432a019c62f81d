"""The `seimai release` command."""

from pathlib import Path
from typing import Annotated

import typer


def release(
    sets: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN|SHARDS…",
            help="Folders of runs (all generated sets, pairs and pages of each), or of single sets.",
        ),
    ],
    out: Annotated[str, typer.Option("--out", metavar="DIR", help="Where the release goes; never written over.")],
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format", metavar="NAME", help="A trainer's format, e.g. trl_dpo (docs/release.md); may be repeated."
        ),
    ] = None,
    about: Annotated[
        Path | None,
        typer.Option(
            "--about",
            metavar="FILE",
            help="A .yaml that says name, purpose, contact, splits and limits of the release.",
        ),
    ] = None,
    contact: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Where those may write whose data this is; instead of `contact` there."),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            "--labels", metavar="DIR", help="Label shards: their decisions (`seimai review resolve`) are joined."
        ),
    ] = None,
) -> None:
    """Release reviewed rows to trainers: rights checked again, decisions joined, splits by document, data card and Croissant."""
    from recipes.engine.release import command

    command.release(sets, out, formats or [], about, contact, labels)
