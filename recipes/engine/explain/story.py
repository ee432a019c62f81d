"""Finding a page in a run with all that the shards know of it: by its URL, its id or the id's beginning, or its place in a file.

A page is looked for along the chain of blocks, from the release backwards: an id names its partition, so only one partition of the
release is read; a URL is looked for in the url column. A rejected row that was kept as a key gets its measured values from the shard
set that its stage had read, or from the sample of full rows.
"""

import difflib
import heapq
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

import pyarrow as pa
import pyarrow.compute as pc

from curation.document import COLUMNS, KEY_COLUMNS
from curation.provenance import partition_of
from curation.shards import ShardSet
from recipes.engine.run_folder import Run, find_row, rejected_rows
from recipes.engine.wording import one_line

_ID = re.compile(r"[0-9a-fA-F]{8,32}")
MOST = 20
"""Captures of one URL, or ids of one prefix, that are told."""


@dataclass
class Story:
    """What is known of one row: its columns, and its verdict where it was rejected (`verdict` is empty for a released row)."""

    row: dict[str, Any]
    block: dict[str, Any]
    verdict: dict[str, Any] = field(default_factory=dict)
    found_in: str = ""
    """The shard set that the measured values come from, when it is not the one that the row was found in."""


def find(run: Run, page: str) -> Iterator[Story]:
    """Rows that a URL, an id, the beginning of an id or FILE:OFFSET names, at most `MOST`, each once."""
    wanted = _ids(run, page)
    for found, key in enumerate(wanted):
        if found == MOST:
            return
        yield from _story(run, key)


def _ids(run: Run, page: str) -> list[bytes]:
    """Ids of the rows that are meant, in order of id."""
    plain = page.strip()
    if _ID.fullmatch(plain):
        digits = plain.lower()
        if len(digits) == 32:
            return [bytes.fromhex(digits)]
        return sorted(_matching(run, ("id",), lambda ids: _begins(ids, digits), digits))
    forms = pa.array(sorted(_forms(plain)), pa.large_string())
    found = _matching(run, ("url",), lambda urls: pc.is_in(urls, value_set=forms))
    if not found and (place := file_offset(plain)):
        found = _matching(run, ("file", "offset"), lambda files, offsets: _stands_at(files, offsets, *place))
    return sorted(found)


def file_offset(page: str) -> tuple[str, int] | None:
    """File and offset that a string of the form FILE:OFFSET names.

    >>> file_offset("crawl/a.warc.gz:1234"), file_offset("https://example.jp/")
    (('crawl/a.warc.gz', 1234), None)
    """
    file, colon, offset = page.strip().rpartition(":")
    return (file, int(offset)) if file and colon and re.fullmatch(r"[0-9]{1,18}", offset) else None


def _stands_at(files: Any, offsets: Any, file: str, offset: int) -> Any:
    """Rows of a file, given by its name in the shards or by a path that ends in it, at an offset."""
    names = files.cast(pa.string())
    ends = pa.array([n is not None and (n == file or file.endswith(f"/{n}")) for n in names.to_pylist()])
    return pc.and_(ends, pc.equal(offsets, offset))


def _forms(url: str) -> set[str]:
    """A URL as typed and as a crawler may have written it: either scheme, with and without the last slash, without a fragment."""
    plain = url.partition("#")[0]
    bare = re.sub(r"^https?://", "", plain)
    ends = {bare, bare.rstrip("/"), f"{bare.rstrip('/')}/"}
    whole = {f"{scheme}://{end}" for scheme in ("http", "https") for end in ends}
    return {url, plain, *whole, *(unquote(u) for u in whole)}


def _begins(ids: Any, digits: str) -> pa.Array:
    low = bytes.fromhex(digits.ljust(32, "0"))
    high = bytes.fromhex(digits.ljust(32, "f"))
    plain = ids.cast(pa.binary())
    return pc.and_(
        pc.greater_equal(plain, pa.scalar(low, pa.binary())), pc.less_equal(plain, pa.scalar(high, pa.binary()))
    )


def _matching(run: Run, columns: tuple[str, ...], matches: Callable[..., Any], digits: str = "") -> set[bytes]:
    """Ids of all rows of the chain whose columns match: of the release, and of every block's rejected rows."""
    found: set[bytes] = set()
    for shards, files in _row_files(run, digits):
        for name in files:
            file = shards.open_file(name)
            if not set(columns) <= set(file.schema_arrow.names):
                continue
            for batch in file.iter_batches(8192, columns=list(dict.fromkeys(("id", *columns)))):
                hits = batch.filter(pc.fill_null(matches(*(batch.column(c) for c in columns)), False))
                found.update(hits.column("id").to_pylist())
    return found


def _row_files(run: Run, digits: str = "") -> Iterator[tuple[ShardSet, list[str]]]:
    """Files that hold each row of a run once: the release's (of one partition, when an id is given) and the rejected ones."""
    release = run.release
    files = release.files()
    if digits:
        ends = [bytes.fromhex(digits.ljust(32, pad)) for pad in "0f"]
        low, high = partition_of(pa.array(ends, COLUMNS["id"].type), release.partitions).tolist()
        files = [name for p in range(low, high + 1) for name in release.files(p)]
    yield release, files
    for block in run.chain:
        if (shards := run.shard_set(block)) is not None:
            yield shards, [f["path"] for task in shards.tasks() for f in task["rejected_files"]]


def _story(run: Run, key: bytes) -> Iterator[Story]:
    row = find_row(run.release, key, run.release.columns)
    if row is not None:
        yield Story(row, run.chain[-1])
    for block in reversed(run.chain):
        shards = run.shard_set(block)
        if shards is None:
            continue
        for rejected in rejected_rows(shards, [key]):
            verdict = {
                k: rejected.pop(k) for k in ("stage", "step", "reason", "value", "threshold", "detail", "sampled")
            }
            story = Story({k: v for k, v in rejected.items() if v is not None}, block, verdict)
            _complete(run, story, key)
            yield story


def _complete(run: Run, story: Story, key: bytes) -> None:
    """Adds what a key-tier rejection did not keep: from the sample of full rows, the set that its stage read, its cluster."""
    stage = story.verdict["stage"]
    if not set(story.row) - set(KEY_COLUMNS):
        before = run.input_of(stage) if story.verdict["reason"] not in ("duplicate_id", "id_collision") else None
        row = find_row(before, key, before.columns) if before is not None else None
        if row is None:
            row = next(_sampled(run, story.block, key), None)
        else:
            story.found_in = "what the stage had read"
        story.row |= {k: v for k, v in (row or {}).items() if v is not None and k in COLUMNS}
    table = run.survey_table("dedup", "clusters")
    if table is not None and story.row.get("cluster") is None and any(s == stage for s, _ in run.steps("dedup")):
        joined = table.join(pa.RecordBatch.from_arrays([pa.array([key], COLUMNS["id"].type)], names=["id"]))
        story.row |= {name: column[0].as_py() for name, column in joined.items() if column[0].is_valid}


def _sampled(run: Run, block: dict[str, Any], key: bytes) -> Iterator[dict[str, Any]]:
    shards = run.shard_set(block)
    if shards is not None and shards.place.exists("samples.parquet"):
        table = shards.open_file("samples.parquet").read()
        ids = table.column("id")
        yield from table.filter(pc.equal(ids, pa.scalar(key, ids.type))).to_pylist()


def is_id(page: str) -> bool:
    """Whether a string is an id, or the first 8 or more digits of one.

    >>> is_id("d8cc751eb4abf28d"), is_id("https://example.jp/"), is_id("d8cc")
    (True, False, False)
    """
    return _ID.fullmatch(page.strip()) is not None


def nearest_urls(run: Run, page: str, most: int = 3) -> list[str]:
    """URLs of the run that are most like a string: of its host, where it names one; else of all."""
    host = (urlsplit(page if "://" in page else f"https://{page}").hostname or "").lower()
    best: list[tuple[float, str]] = []
    for shards, files in _row_files(run):
        for name in files:
            file = shards.open_file(name)
            for batch in file.iter_batches(8192, columns=["url", "host"]):
                same = pc.fill_null(pc.equal(batch.column("host"), host), False)
                urls = (batch.filter(same) if pc.any(same).as_py() else batch).column("url").drop_null()
                for url in urls.slice(0, 500).to_pylist():
                    match = difflib.SequenceMatcher(None, page, url)
                    if match.real_quick_ratio() > 0.5 and match.quick_ratio() > 0.5:
                        best = heapq.nlargest(most, {*best, (match.ratio(), url)})
    return [one_line(url) for score, url in best if score > 0.5]
