"""How a command ends: mistakes of the user in one clear message and exit status 2, failed runs in status 1.

What is told of an error holds no secret (`curation/secrets_left_out.py`), a bug's traceback neither.
"""

import sys
import traceback
from collections.abc import Callable
from typing import Any

import typer

from recipes.engine.errors import RecipeError, RunError


def end_clearly(app: Callable[..., Any]) -> None:
    """Runs a command line application to its end."""
    from annotation.errors import ReviewError
    from curation.mixture.ledger_files import LedgerError
    from curation.secrets_left_out import without_secrets
    from curation.shape import BadFile
    from curation.shards import ShardError
    from curation.store_error import is_remote
    from recipes.engine.task_error import store_words

    try:
        app(standalone_mode=True)
    except (RecipeError, RunError, ShardError, BadFile, LedgerError, ReviewError) as error:
        typer.echo(without_secrets(f"{type(error).__name__}: {error}"), err=True)
        sys.exit(2 if isinstance(error, RecipeError) else 1)
    except Exception as error:
        if is_remote(error):
            typer.echo(f"RunError: {store_words(error)}", err=True)
            sys.exit(1)
        # a bug, told as Python would, but for what nobody may read
        typer.echo(without_secrets(traceback.format_exc()), err=True)
        sys.exit(1)
