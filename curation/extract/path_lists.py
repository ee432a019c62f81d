"""Files that are named in a list of paths, as Common Crawl gives them where nobody can list a folder.

`…/crawl-data/CC-MAIN-2026-43/warc.paths.gz` holds one path a line, relative to the root that `crawl-data/` lies in; a
list elsewhere names files relative to its own folder. `LIST.paths.gz#GLOB` takes only paths that match:
`cc-index-table.paths.gz#*subset=warc/*`.
"""

import fnmatch
import gzip
import posixpath
import zlib
from typing import Any

from curation.store_error import is_store_error

_ROOT = "/crawl-data/"
MOST_BYTES = 256 << 20
"""Bytes of a list, unpacked: two million paths; a crawl's has some 100,000."""


def is_path_list(pattern: str) -> bool:
    """Whether a pattern names a list of paths.

    >>> is_path_list("crawl/warc.paths.gz"), is_path_list("s3://b/cc-index-table.paths.gz#*subset=warc*"), is_path_list("a.warc.gz")
    (True, True, False)
    """
    return pattern.partition("#")[0].endswith((".paths", ".paths.gz"))


def listed_paths(fs: Any, pattern: str) -> tuple[str, list[str]]:
    """(root, paths relative to it) of a list, those that match its glob. Raises FileNotFoundError; ValueError for what is no list."""
    url, _, glob = pattern.partition("#")
    try:
        with fs.open(url, "rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            raw = (gzip.GzipFile(fileobj=file) if packed else file).read(MOST_BYTES + 1)
        text = raw.decode()
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        if is_store_error(error):
            raise
        raise ValueError(f"{url} is no list of paths: {error}") from None
    if len(raw) > MOST_BYTES:
        raise ValueError(f"{url} is no list of paths: it holds more than {MOST_BYTES >> 20} MiB")
    paths = [line.strip() for line in text.splitlines() if line.strip()]
    if wrong := next(
        (path for path in paths if "://" in path or path.startswith("/") or ".." in path.split("/")), None
    ):
        raise ValueError(f"{url} names {wrong!r}, which is no path below the list's root")
    root = url.partition(_ROOT)[0] if _ROOT in url else posixpath.dirname(url)
    return root, [path for path in paths if fnmatch.fnmatchcase(path, glob)] if glob else paths
