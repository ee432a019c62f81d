"""One run at a time writes into a folder: two would take each other's half-made sets for leftovers.

The lock is the operating system's (flock), so it ends with the process that holds it, however that ends. Object stores have none,
and parallel file systems that are mounted without locks: there the manifest decides, and two runs of one plan write the same files.
"""

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from curation.place import Place
from recipes.engine.errors import RunError

NAME = "run.lock"
NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK, errno.EINVAL)
"""What a file system says that has no locks (Lustre's `noflock`)."""
POLL_SECONDS = 1.0


@contextlib.contextmanager
def locked(out: str, patience: float = 0.0) -> Iterator[None]:
    """Holds the folder of a run's versions. Raises RunError, naming the process that still does after `patience` seconds."""
    place = Place(out)
    if not place.local:
        yield
        return
    folder = Path(place.path)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / NAME).open("a+") as file:
        end = time.monotonic() + patience
        while not _taken(file.fileno()):
            if time.monotonic() >= end:
                file.seek(0)
                raise RunError(
                    f"{out}: another run (process {file.read().strip() or 'unknown'}) is writing here; "
                    "wait for it, or give this one another --out"
                )
            time.sleep(POLL_SECONDS)
        file.seek(0)
        file.truncate()
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def _taken(file: int) -> bool:
    """Whether the lock is ours now, or there is none."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
    return True
