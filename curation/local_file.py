"""Files that must lie on a disk: models, lists, presets, labels, plans. Runs, their inputs and their tables may lie in any store.

`pathlib` takes `s3://bucket/a` for the folder `s3:` here, so it would say that nothing is there, or write there without a word.
"""

import re
from pathlib import Path

_URL = re.compile(r"(?!(?:file|local):)[A-Za-z][A-Za-z0-9+.-]+:/")


def local_file(path: str | Path, what: str) -> Path:
    """The path. Raises ValueError for a URL of a store.

    >>> local_file("models/a.bin", "model").name
    'a.bin'
    >>> local_file(Path("s3://lake/a.bin"), "model")
    Traceback (most recent call last):
    ValueError: model: s3:/lake/a.bin: must lie on a disk, which all nodes see under this path; copy it out of the store
    """
    if _URL.match(str(path)):
        raise ValueError(
            f"{what}: {path}: must lie on a disk, which all nodes see under this path; copy it out of the store"
        )
    return Path(path)
