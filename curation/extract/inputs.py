"""What there is to read, and how it is cut into units of work.

One huge file must not mean one busy core, so WARC files are cut by byte ranges and Parquet files by row groups; a unit that begins in
the middle of a record is put right when it is read (`curation/extract/members.py`), so planning looks at sizes alone, at the first
mebibyte of large WARC files and at the footers of Parquet files. Everything goes through fsspec: a pattern is a local path or any
URL (`s3://`, `hf://` …).
"""

import hashlib
import os
import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import fsspec
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from curation.extract.members import Gzip, format_of, whole
from curation.extract.path_lists import is_path_list, listed_paths
from curation.extract.warc_range import spans_members
from curation.extract.warc_record import record_at
from curation.extract.window import BLOCK, Damaged, Held, Inflated, Window

KINDS: dict[str, tuple[str, ...]] = {
    "warc": (".warc", ".wet"),
    "parquet": (".parquet", ".pq"),
    "jsonl": (".jsonl", ".ndjson", ".json"),
    "ranges": (".csv", ".tsv", ".wat"),
}
"""File name endings of each kind of input, before `.gz` or `.zst`."""

_SAMPLE = 1 << 16
_WHOLE = 16 << 20
_LOOK = 4 << 20
_WILD = "*?["


class InputError(Exception):
    """The recipe names an input that cannot be: a path that matches nothing, an unknown kind, a table without its text column."""


@dataclass(frozen=True)
class InputFile:
    """A file to read: full path or URL, its name in the `file` column, kind, bytes, and a stamp that changes with its content.

    The stamp is the store's own hash where it has one, else SHA-256 of the content up to 16 MiB; of a larger file its size, its first
    and last 64 KiB and the time of its last change.
    """

    url: str
    file: str
    kind: str
    size: int
    stamp: str


@dataclass(frozen=True)
class Unit:
    """A piece of a file: bytes [start, end) of a WARC file, row groups [start, end) of a Parquet file, else the whole file."""

    url: str
    file: str
    kind: str
    start: int
    end: int


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
            found.setdefault(url, InputFile(url, name, known, int(info["size"]), _stamp(fs, match, info)))
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
        return fs.find(path, detail=True), path.rstrip("/"), False
    if info is not None:
        return {info["name"]: info}, posixpath.dirname(path), True
    if not any(sign in path for sign in _WILD):
        return {}, "", True
    listed = fs.glob(path, detail=True)
    return {p: i for p, i in listed.items() if i["type"] != "directory"}, fixed_prefix(path), True


def _listed(fs: Any, path: str) -> tuple[dict[str, Any], str, bool]:
    """What a list of paths names, as `_matches` gives it."""
    try:
        root, names = listed_paths(fs, path)
        return {f"{root}/{name}": fs.info(f"{root}/{name}") for name in names}, root, True
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


def _stamp(fs: Any, path: str, info: dict[str, Any]) -> str:
    for field in ("ETag", "etag", "sha256", "blob_id", "md5Hash"):
        if isinstance(info.get(field), str):
            return f"{field.lower()}:{info[field]}".replace('"', "")
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


def splittable(file: InputFile) -> str | None:
    """Why a file cannot be cut into units, in words; None when it can. Reads at most its first mebibytes."""
    if file.kind == "parquet":
        return None
    if file.kind == "ranges":
        return "a list of ranges is read from its beginning"
    if file.kind == "jsonl":
        return "JSON lines are read from the beginning, because a row's number is its identity"
    with open_window(file.url) as window:
        try:
            form = format_of(window, file.file)
        except Damaged as damage:
            return str(damage)
        if form is None:
            return None
        what = "gzip member" if isinstance(form, Gzip) else "zstd frame"
        try:
            data, after = whole(form, window, 0, _LOOK)
            start = 0
            if data == b"":  # the dictionary's frame, or an empty member
                start = after
                data, after = whole(form, window, start, _LOOK)
        except Damaged:
            return None
        if data is not None and after < window.size:
            return f"its {what}s are not cut by record" if spans_members(form, window, data, after) else None
        first = Held(data) if data is not None else Inflated(lambda: form.pieces(window, start))
        try:
            record = record_at(first, 0, 0, False)
            more = record is not None and record.fault is None and len(first.view(record.end, 1))
        except Damaged:
            return None
        return f"one {what} holds more than one record" if more else None


def plan_units(inputs: Sequence[InputFile], unit_bytes: int = 32 << 20) -> list[Unit]:
    """Units of about `unit_bytes` stored bytes, in the order of the inputs; the same for the same files and `unit_bytes`.

    A Parquet file whose footer cannot be read is one unit [0, 0), which its reader reports.
    """
    if unit_bytes < 1:
        raise InputError(f"unit_bytes must be at least 1, not {unit_bytes}")
    units = []
    for file in inputs:
        if file.kind == "parquet":
            cuts = _row_group_cuts(file.url, unit_bytes)
        elif file.size > unit_bytes and splittable(file) is None:
            count = -(-file.size // unit_bytes)
            cuts = [file.size * i // count for i in range(count + 1)]
        else:
            cuts = [0, file.size]
        units += [Unit(file.url, file.file, file.kind, a, b) for a, b in pairwise(cuts)]
    return units


def _row_group_cuts(url: str, unit_bytes: int) -> list[int]:
    import pyarrow.parquet as pq

    from curation.extract.parquet_rows import Unreadable, unread

    try:
        with fsspec.open(url, "rb") as handle, unread():
            footer = pq.read_metadata(handle)
    except FileNotFoundError:
        raise InputError(f"{url} is not there") from None
    except Unreadable:
        return [0, 0]
    cuts, size = [0], 0
    for group in range(footer.num_row_groups):
        columns = footer.row_group(group)
        size += sum(columns.column(i).total_compressed_size for i in range(columns.num_columns))
        if size >= unit_bytes:
            cuts.append(group + 1)
            size = 0
    if cuts[-1] < footer.num_row_groups or len(cuts) == 1:
        cuts.append(footer.num_row_groups)
    return cuts
