"""Crawl files made in the test, byte by byte, and what a reader makes of them."""

import gzip
import uuid
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from curation.extract.reader import Unit, find_inputs, plan_units
from curation.extract.warc import ReadWarc
from curation.provenance import Source
from curation.step import Rejected


def record(
    kind: str, block: bytes, url: str | None = "http://例え.jp/米", length: int | None = None, **fields: str | None
) -> bytes:
    """A WARC record; keywords are further fields (`warc_date` → `warc-date`), null takes one out."""
    given: dict[str, str | None] = {
        "warc-type": kind,
        "warc-record-id": f"<urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'{kind} {url}')}>",
        "warc-date": "2026-11-22T20:00:00Z",
        "warc-target-uri": url,
        "content-type": "application/http; msgtype=response" if kind == "response" else None,
        "content-length": str(len(block) if length is None else length),
    }
    given |= {name.replace("_", "-"): value for name, value in fields.items()}
    lines = [f"{name}: {value}" for name, value in given.items() if value is not None]
    return "\r\n".join(["WARC/1.1", *lines, "", ""]).encode() + block + b"\r\n\r\n"


def http(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """An HTTP response."""
    return "\r\n".join([f"HTTP/1.1 {status}", *headers, "", ""]).encode() + body


def page(body: bytes, url: str, *headers: str, status: str = "200 OK", **fields: Any) -> bytes:
    """A response record."""
    return record("response", http(body, *(headers or ("Content-Type: text/html",)), status=status), url, **fields)


def gz(*records: bytes, level: int = 6) -> bytes:
    """Records as gzip members, one each."""
    return b"".join(gzip.compress(r, level, mtime=0) for r in records)


class Result:
    """Rows kept and rejected, as dictionaries in the order of the file, and the reader that made them."""

    def __init__(self, reader: Any):
        self.kept: list[dict[str, Any]] = []
        self.rejected: list[dict[str, Any]] = []
        for item in reader.run():
            (self.rejected if isinstance(item, Rejected) else self.kept).extend(
                (item.batch if isinstance(item, Rejected) else item).to_pylist()
            )
        self.reader = reader

    def count(self, name: str) -> int:
        """A counter of the reader; 0 where it never counted."""
        return int(self.reader.stats[name].total)

    @property
    def urls(self) -> list[str]:
        return [row["url"] for row in self.kept]

    @property
    def reasons(self) -> list[str]:
        return [row["reason"] for row in self.rejected]


def read(path: Path, unit_bytes: int = 32 << 20, **options: Any) -> Result:
    """A WARC file through planning and reading."""
    return Result(
        ReadWarc(plan_units(find_inputs([str(path)]), unit_bytes), Source("web", "著作権法30条の4"), **options)
    )


def read_cut(path: Path, cuts: list[int], **options: Any) -> Result:
    """A WARC file in ranges that are cut exactly there."""
    size = path.stat().st_size
    edges = [0, *sorted(cuts), size]
    units = [Unit(str(path), path.name, "warc", a, b) for a, b in pairwise(edges)]
    return Result(ReadWarc(units, Source("web"), **options))


@pytest.fixture(scope="session")
def crawl() -> SimpleNamespace:
    """The makers and readers above."""
    return SimpleNamespace(record=record, http=http, page=page, gz=gz, read=read, read_cut=read_cut, Result=Result)
