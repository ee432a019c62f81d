"""One writer of a folder at a time, where two that each look before they write would together break what both checked.

Two that find room for their showings in a ledger would pass K; two that admit a crawl to an index would make one generation twice.
The lock is the operating system's (flock) on a file in the folder, so it ends with the process that holds it, however that ends; a
second writer waits. Object stores have none: there a ledger's writer looks again after it has written, and an index wants one writer.
"""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from curation.place import Place


@contextlib.contextmanager
def writing(place: Place, name: str) -> Iterator[None]:
    """Holds a folder for writing, by its file `name`; waits while another process of this machine, or of a shared disk, holds it."""
    if not place.local:
        yield
        return
    folder = Path(place.path)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
