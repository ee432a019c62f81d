"""What there is to read: the files of a source, each with its size and a stamp of its content.

Everything goes through fsspec: a pattern is a local path or any URL (`s3://`, `hf://` …). How files are cut is in
`curation/extract/units.py`.
"""

import hashlib
import os
import posixpath
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from curation.extract.path_lists import is_path_list, listed_paths
from curation.extract.window import BLOCK, Window

KINDS: dict[str, tuple[str, ...]] = {
    "warc": (".warc", ".wet"),
    "parquet": (".parquet", ".pq"),
    "jsonl": (".jsonl", ".ndjson", ".json"),
    "ranges": (".csv", ".tsv", ".wat"),
}
"""File name endings of each kind of input, before `.gz` or `.zst`."""

_SAMPLE = 1 << 16
_WHOLE = 16 << 20
_WILD = "*?["
_AT_ONCE = 16
"""Files of a list that are asked for at a time: a crawl's has a hundred thousand, and an answer takes a tenth of a second."""


class InputError(Exception):
    """The recipe names an input that cannot be: a path that matches nothing, an unknown kind, a table without its text column."""


@dataclass(frozen=True)
class InputFile:
    """A file to read: full path or URL, its name in the `file` column, kind, bytes, and a stamp that changes with its content.

    The stamp is the store's own hash where it has one, else SHA-256 of the content up to 16 MiB; of a larger file its size, its first
    and last 64 KiB and the time of its last change. `mark` is what its file system says without reading it: the store's hash, or when
    it was changed last.
    """

    url: str
    file: str
    kind: str
    size: int
    stamp: str
    mark: str = ""


def kind_of(name: str) -> str | None:
    """Kind of input by file name; None for an ending that no reader knows.

    >>> kind_of("CC-MAIN-2026.warc.wet.gz"), kind_of("c4-ja.json.gz"), kind_of("readme.md")
    ('warc', 'jsonl', None)
    """
    name = name.lower()
    stem = name.removesuffix(".gz").removesuffix(".zst")
    for kind, endings in KINDS.items():
        if stem.endswith(endings) and (kind != "parquet" or stem == name):
            return kind
    return None


def fixed_prefix(pattern: str) -> str:
    """The folder of a pattern up to its first wildcard: file names are given relative to it.

    >>> fixed_prefix("crawl/2026/*/a-*.warc.gz"), fixed_prefix("crawl/a.warc.gz")
    ('crawl/2026', 'crawl')
    """
    places = [pattern.find(sign) for sign in _WILD if sign in pattern]
    return posixpath.dirname(pattern[: min(places)] if places else pattern)


def find_inputs(patterns: Sequence[str], kind: str | None = None) -> list[InputFile]:
    """Files of the patterns (paths, URLs, wildcards, folders), sorted by URL, each once.

    A folder stands for every file of a known kind below it. `kind` overrides what the names say. Raises InputError for a pattern
    that matches nothing and for a file of no known kind.
    """
    if kind is not None and kind not in KINDS:
        raise InputError(f"unknown kind of input '{kind}'; known: {', '.join(KINDS)}")
    found: dict[str, InputFile] = {}
    for pattern in patterns:
        fs, path = url_to_fs(os.path.expanduser(pattern))
        matches, prefix, strict = _listed(fs, path) if is_path_list(path) else _matches(fs, path)
        if not matches:
            raise InputError(f"{pattern} matches no file; {_nearest(fs, path)}")
        for match, info in matches.items():
            known = kind or kind_of(match)
            if kind == "ranges" and kind_of(match) not in ("ranges", "parquet"):
                known = None
            if known is None:
                if not strict:
                    continue
                endings = ", ".join(f"{name} ({' '.join(ends)})" for name, ends in KINDS.items())
                raise InputError(
                    f"{match} is of no known kind; kinds are {endings}, WARC and JSON lines also .gz or .zst"
                )
            url = match if isinstance(fs, LocalFileSystem) else fs.unstrip_protocol(match)
            name = posixpath.relpath(match, prefix) if prefix else match
            size, stamp = int(info["size"]), _stamp(fs, match, info)
            found.setdefault(url, InputFile(url, name, known, size, stamp, mark_of(info)))
        if not strict and not any(match for match in matches if kind or kind_of(match)):
            raise InputError(f"{pattern} holds no file of a known kind ({', '.join(KINDS)})")
    return [found[url] for url in sorted(found)]


def _matches(fs: Any, path: str) -> tuple[dict[str, Any], str, bool]:
    """(info by path, folder that names are relative to, whether every match must be of a known kind)."""
    try:
        info = fs.info(path)
    except (FileNotFoundError, NotADirectoryError):
        info = None
    if info is not None and info["type"] == "directory":
        return _files(fs.find(path, detail=True)), path.rstrip("/"), False
    if info is not None:
        return {info["name"]: info}, posixpath.dirname(path), True
    if not any(sign in path for sign in _WILD):
        return {}, "", True
    return _files(fs.glob(path, detail=True)), fixed_prefix(path), True


def _files(listed: dict[str, Any]) -> dict[str, Any]:
    """What is no folder, and no empty object by which a store's console marks one."""
    return {path: info for path, info in listed.items() if info["type"] != "directory" and not path.endswith("/")}


def _listed(fs: Any, path: str) -> tuple[dict[str, Any], str, bool]:
    """What a list of paths names, as `_matches` gives it."""
    try:
        root, names = listed_paths(fs, path)
        paths = [f"{root}/{name}" for name in names]
        with ThreadPoolExecutor(_AT_ONCE) as beside:
            return dict(zip(paths, beside.map(fs.info, paths), strict=True)), root, True
    except FileNotFoundError as error:
        raise InputError(f"{path}: {error} is not there") from None
    except ValueError as error:
        raise InputError(str(error)) from None


def _nearest(fs: Any, path: str) -> str:
    """The nearest folder above a path that exists, in words."""
    folder = fixed_prefix(path)
    while folder and folder != posixpath.dirname(folder):
        if fs.isdir(folder):
            return f"the nearest existing folder is {folder}"
        folder = posixpath.dirname(folder)
    return "no folder above it exists"


def _hash_said(info: dict[str, Any]) -> str:
    """The store's own hash of a file; "" where it has none."""
    for field in ("ETag", "etag", "sha256", "blob_id", "md5Hash"):
        if isinstance(info.get(field), str):
            return f"{field.lower()}:{info[field]}".replace('"', "")
    return ""


def mark_of(info: dict[str, Any]) -> str:
    """What a file system says of a file that changes with its content: the store's hash, else when it was changed; "" for neither."""
    return _hash_said(info) or _changed(info)


def _stamp(fs: Any, path: str, info: dict[str, Any]) -> str:
    if said := _hash_said(info):
        return said
    size = int(info["size"])
    if size <= _WHOLE:
        return f"sha256:{content_hash(fs, path, _changed(info)).hex()}"
    return f"sample:{_sample(fs, path, size)}:{_changed(info)}"


def _changed(info: dict[str, Any]) -> str:
    """When a file was changed last, as its file system says it; "" where that does not."""
    return str(info.get("mtime") or info.get("LastModified") or info.get("created") or "")


@lru_cache(maxsize=1024)
def content_hash(fs: Any, path: str, changed: str | None = None) -> bytes:
    """SHA-256 of a file's content, the same wherever the file is copied to; remembered until it has `changed`."""
    if changed is None:
        return content_hash(fs, path, _changed(fs.info(path)))
    with fs.open(path, "rb") as handle:
        digest = hashlib.sha256()
        while block := handle.read(BLOCK):
            digest.update(block)
    return digest.digest()


def _sample(fs: Any, path: str, size: int) -> str:
    """Hash over a large file's size and its first and last 64 KiB: planning must not read a crawl."""
    digest = hashlib.sha256(size.to_bytes(8, "little"))
    with fs.open(path, "rb") as handle:
        digest.update(handle.read(_SAMPLE))
        handle.seek(max(_SAMPLE, size - _SAMPLE))
        digest.update(handle.read(_SAMPLE))
    return digest.hexdigest()


def open_window(url: str) -> Window:
    """A file or URL as a space of bytes. Raises InputError when it is not there (any more)."""
    fs, path = url_to_fs(url)
    options: dict[str, Any] = (
        {} if isinstance(fs, LocalFileSystem) else {"block_size": 4 * BLOCK, "cache_type": "readahead"}
    )
    try:
        handle: Any = fs.open(path, "rb", **options)
    except FileNotFoundError:
        raise InputError(f"{url} is not there; {_nearest(fs, path)}") from None
    size = handle.seek(0, 2)
    return Window(handle, size)
