"""One run at a time writes into a folder: two would take each other's half-made sets for leftovers.

The lock is the operating system's (flock), so it ends with the process that holds it, however that ends. Object stores have none:
there the manifest decides, and two runs of one plan write the same files.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from curation.place import Place
from recipes.engine.errors import RunError

NAME = "run.lock"


@contextlib.contextmanager
def locked(out: str) -> Iterator[None]:
    """Holds the folder of a run's versions. Raises RunError, naming the process, while another run of this machine holds it."""
    place = Place(out)
    if not place.local:
        yield
        return
    folder = Path(place.path)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / NAME).open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise RunError(
                f"{out}: another run (process {file.read().strip() or 'unknown'}) is writing here; "
                "wait for it, or give this one another --out"
            ) from None
        file.seek(0)
        file.truncate()
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield
