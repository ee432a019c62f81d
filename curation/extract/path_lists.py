"""Files that are named in a list of paths, as Common Crawl gives them where nobody can list a folder.

`…/crawl-data/CC-MAIN-2026-43/warc.paths.gz` holds one path a line, relative to the root that `crawl-data/` lies in; a
list elsewhere names files relative to its own folder. `LIST.paths.gz#GLOB` takes only paths that match:
`cc-index-table.paths.gz#*subset=warc/*`.
"""

import fnmatch
import gzip
import posixpath
from typing import Any

_ROOT = "/crawl-data/"


def is_path_list(pattern: str) -> bool:
    """Whether a pattern names a list of paths.

    >>> is_path_list("crawl/warc.paths.gz"), is_path_list("s3://b/cc-index-table.paths.gz#*subset=warc*"), is_path_list("a.warc.gz")
    (True, True, False)
    """
    return pattern.partition("#")[0].endswith((".paths", ".paths.gz"))


def listed_paths(fs: Any, pattern: str) -> tuple[str, list[str]]:
    """(root, paths relative to it) of a list, those that match its glob. Raises FileNotFoundError; ValueError for what is no list."""
    url, _, glob = pattern.partition("#")
    with fs.open(url, "rb") as file:
        raw = file.read()
    try:
        text = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode()
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise ValueError(f"{url} is no list of paths: {error}") from None
    paths = [line.strip() for line in text.splitlines() if line.strip()]
    if wrong := next(
        (path for path in paths if "://" in path or path.startswith("/") or ".." in path.split("/")), None
    ):
        raise ValueError(f"{url} names {wrong!r}, which is no path below the list's root")
    root = url.partition(_ROOT)[0] if _ROOT in url else posixpath.dirname(url)
    return root, [path for path in paths if fnmatch.fnmatchcase(path, glob)] if glob else paths
