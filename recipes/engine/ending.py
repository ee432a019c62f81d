"""How a command ends: mistakes of the user in one clear message and exit status 2, failed runs in status 1.

What is told of an error holds no secret (`curation/secrets_left_out.py`), a bug's traceback neither.
"""

import errno
import sys
import traceback
from collections.abc import Callable
from typing import Any

import typer

from recipes.engine.errors import RecipeError, RunError

_SYSTEM = {
    errno.ENOSPC: "the disk is full; free some space and give the same command again: it goes on where it stopped",
    errno.EDQUOT: "the quota of this user is used up; free some space and give the same command again",
    errno.EROFS: "the file system is read-only; give another --out, or mount it for writing",
    errno.EACCES: "this user may not; ask who owns it, or give another --out",
    errno.EPERM: "this user may not; ask who owns it, or give another --out",
    errno.EMFILE: "too many open files; raise `ulimit -n` and give the same command again",
    errno.EIO: "the disk gave an error; look after it, and give the same command again",
    errno.ESTALE: "the network's file system lost it; give the same command again",
}
"""What to do about errors of the system that are nobody's bug."""


def end_clearly(app: Callable[..., Any]) -> None:
    """Runs a command line application to its end."""
    from annotation.errors import ReviewError
    from curation.mixture.ledger_files import LedgerError
    from curation.secrets_left_out import without_secrets
    from curation.shape import BadFile
    from curation.shards import ShardError

    try:
        app(standalone_mode=True)
    except (RecipeError, RunError, ShardError, BadFile, LedgerError, ReviewError) as error:
        typer.echo(without_secrets(f"{type(error).__name__}: {error}"), err=True)
        sys.exit(2 if isinstance(error, RecipeError) else 1)
    except Exception as error:
        if (clear := _clear(error)) is not None:
            typer.echo(f"RunError: {clear}", err=True)
            sys.exit(1)
        # a bug, told as Python would, but for what nobody may read
        typer.echo(without_secrets(traceback.format_exc()), err=True)
        sys.exit(1)


def _clear(error: Exception) -> str | None:
    """What an error of a store or of the system means; None for what may be a bug."""
    from curation.secrets_left_out import without_secrets
    from curation.store_error import is_remote
    from recipes.engine.task_error import store_words

    if is_remote(error):
        return store_words(error)
    if isinstance(error, OSError) and error.errno in _SYSTEM:
        return without_secrets(f"{error.filename or ' '.join(str(error).split())}: {_SYSTEM[error.errno]}")
    return None
