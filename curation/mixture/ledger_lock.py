"""One writer of a ledger at a time: two that both find room for their showings would together pass K.

The lock is the operating system's (flock) on LEDGER/ledger.lock, so it ends with the process that holds it, however that ends; a
second writer waits. Object stores have no locks: there a writer looks again after it has written (ledger.py).
"""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from curation.place import Place

NAME = "ledger.lock"


@contextlib.contextmanager
def writing(place: Place) -> Iterator[None]:
    """Holds a ledger's folder for writing; waits while another process of this machine (or of a shared file system) holds it."""
    if not place.local:
        yield
        return
    folder = Path(place.path)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / NAME).open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
