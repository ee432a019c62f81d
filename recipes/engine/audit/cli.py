"""The `seimai audit` command."""

from pathlib import Path
from typing import Annotated

import typer

from recipes.engine.errors import RecipeError


def audit(
    what: Annotated[
        str,
        typer.Argument(
            metavar="WHAT",
            help="verifiers: each against answers of known verdict; prompts: every wording, line by line.",
        ),
    ],
    files: Annotated[
        list[Path] | None, typer.Argument(help="prompts: files of one's own that are read too, e.g. a domain's.")
    ] = None,
) -> None:
    """Try the project's verifiers on cases of which the result is known, or its wordings; exit status 1 where one is wrong."""
    if what == "verifiers" and not files:
        from recipes.engine.audit.verifiers import audit_verifiers

        audit_verifiers()
    elif what == "prompts":
        from recipes.engine.audit.prompts import audit_prompts

        audit_prompts(files or ())
    else:
        more = ", and it takes no files" if what == "verifiers" else f", not {what!r}"
        raise RecipeError(f"seimai audit knows 'verifiers' and 'prompts'{more}")
