"""robots.txt and tdmrep.json of many hosts by date, as a crawl found them.

    robots/*.warc.gz          the crawl's own records (Common Crawl's robotstxt files), or
    robots/*.parquet          columns host, date, status, body, and path where it is not /robots.txt, or
    robots/                   a folder: HOST/DATE.txt, HOST/DATE.404.txt, HOST/DATE.json for tdmrep.json; DATE as in 2026-10-01

Of a page captured on some day that file holds which was there then: the last one before, else the first one after (which is said).
Or the latest one holds, whenever the page was captured: that is how an opt-out of today is honoured in what was curated before.
Equal files are held once: about 420 bytes a capture in memory (of 200,000), distinct files included.
"""

import bisect
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit

import pyarrow as pa

from curation.extract.inputs import InputError, InputFile, find_inputs
from curation.extract.reader import host_of, seconds_of
from curation.extract.units import plan_units
from curation.extract.warc import ReadWarc
from curation.parquet_file import ParquetFile
from curation.place import Place
from curation.provenance import Source
from curation.step import Rejected

ROBOTS, TDMREP = "/robots.txt", "/.well-known/tdmrep.json"
When = Literal["captured", "latest"]
NEEDED = ("host", "date", "status", "body")


class Capture(NamedTuple):
    """A file as it was found: seconds since 1970, HTTP status, body."""

    at: int
    status: int
    body: bytes


class RobotsArchive:
    """Captures by host and path."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], list[Capture]] = {}
        self._bodies: dict[bytes, bytes] = {}
        self._sorted = True

    def __len__(self) -> int:
        return sum(map(len, self._found.values()))

    def add(self, host: str, path: str, capture: Capture) -> None:
        """Takes a capture."""
        body = self._bodies.setdefault(hashlib.sha256(capture.body).digest(), capture.body)
        self._found.setdefault((host, path), []).append(capture._replace(body=body))
        self._sorted = False

    def of(self, host: str, path: str, at: int | None, when: When) -> Capture | None:
        """The capture that holds of a page captured at `at` (seconds; unknown: the latest); None where there is none of this host."""
        if not self._sorted:
            for captures in self._found.values():
                captures.sort()
            self._sorted = True
        captures = self._found.get((host, path))
        if not captures:
            return None
        if when == "latest" or at is None:
            return captures[-1]
        return captures[max(0, bisect.bisect_right(captures, at, key=lambda c: c.at) - 1)]


def files_of(patterns: Sequence[str]) -> list[InputFile]:
    """Files of an archive; those of a folder by host are one, named after it. Raises ValueError."""
    found = []
    for pattern in patterns:
        if (folder := Path(pattern)).is_dir() and (own := _by_host(folder)):
            digest = hashlib.sha256(b"".join(p.read_bytes() for p in own)).hexdigest()
            found.append(InputFile(pattern, pattern, "folder", sum(p.stat().st_size for p in own), digest))
            continue
        try:
            found += find_inputs([pattern])
        except InputError as error:
            raise ValueError(f"robots: {error}; or a folder on a disk with HOST/DATE.txt") from None
    return found


def read_archive(files: Sequence[InputFile]) -> RobotsArchive:
    """Reads an archive. Raises ValueError for a table without the columns, naming it, and where no file of either kind is found."""
    archive = RobotsArchive()
    for file in files:
        if (read := {"warc": _warc, "parquet": _parquet, "folder": _folder}.get(file.kind)) is None:
            raise ValueError(f"robots: {file.url}: an archive is WARC, Parquet, or a folder with HOST/DATE.txt")
        for host, path, capture in read(file):
            archive.add(host, path, capture)
    if files and not len(archive):
        raise ValueError(f"robots: {files[0].url}: holds no {ROBOTS} and no {TDMREP}")
    return archive


Rows = Iterator[tuple[str, str, Capture]]


def _warc(file: InputFile) -> Rows:
    reader = ReadWarc(plan_units([file], 1 << 40), Source("robots"))
    for item in reader.run():
        batch = item.batch if isinstance(item, Rejected) else item
        for row in batch.select(["url", "date", "http_status", "payload"]).to_pylist():
            path = _path(row["url"] or "")
            if path in (ROBOTS, TDMREP) and row["date"] is not None and (host := host_of(row["url"])):
                at = int(row["date"].timestamp())
                yield host, path, Capture(at, row["http_status"] or 0, row["payload"] or b"")


def _path(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:
        return ""


def _parquet(file: InputFile) -> Rows:
    place = Place(file.url.rpartition("/")[0])
    with place.fs.open(f"{place.path}/{file.url.rpartition('/')[2]}", "rb") as raw:
        opened = ParquetFile(raw, memory_map=False)
        names = opened.schema_arrow.names
        _check_columns(file, names)
        for batch in opened.iter_batches(4096, columns=[*NEEDED, *(["path"] if "path" in names else [])]):
            for row in batch.to_pylist():
                yield _row(row, file)


def _check_columns(file: InputFile, names: Sequence[str]) -> None:
    if lacking := [n for n in NEEDED if n not in names]:
        raise ValueError(
            f"robots: {file.url}: has no column '{lacking[0]}'; a table of robots.txt has {', '.join(NEEDED)} (and path)"
        )


def _row(row: Mapping[str, Any], file: InputFile) -> tuple[str, str, Capture]:
    at = row["date"].timestamp() if isinstance(row["date"], datetime) else seconds_of(str(row["date"]))
    body = row["body"].encode() if isinstance(row["body"], str) else row["body"] or b""
    if at is None:
        raise ValueError(f"robots: {file.url}: {row['date']!r} of host {row['host']} is no date (2026-10-01)")
    path = str(row.get("path") or ROBOTS)
    return str(row["host"]).lower(), path, Capture(int(at), int(row["status"] or 0), bytes(body))


def _by_host(folder: Path) -> list[Path]:
    return sorted(p for p in folder.glob("*/*") if p.suffix in (".txt", ".json") and seconds_of(p.name) is not None)


def _folder(file: InputFile) -> Rows:
    for path in _by_host(Path(file.url)):
        stem, _, status = path.stem.partition(".")
        at = seconds_of(stem)
        if at is None or (status and not status.isdecimal()):
            raise ValueError(f"robots: {path}: is called neither DATE{path.suffix} nor DATE.STATUS{path.suffix}")
        kind = TDMREP if path.suffix == ".json" else ROBOTS
        yield path.parent.name.lower(), kind, Capture(at, int(status or 200), path.read_bytes())


def day(at: int) -> str:
    """A time as its day, UTC.

    >>> day(1790812800)
    '2026-10-01'
    """
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")


def seconds(column: pa.Array) -> list[int | None]:
    """A column of times as seconds since 1970."""
    return [None if v is None else int(v.timestamp()) for v in column.to_pylist()]
