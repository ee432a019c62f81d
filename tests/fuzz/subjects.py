"""What is damaged, and what must hold then: each subject makes a case of a number and says what was wrong with how it went.

A case ends well where the damage is a row with a reason, or one error of ours that names the file. Every row that was not touched
must be there; rows in are rows out and rows rejected; nothing is there twice that was there once.
"""

import gzip
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import crawls
from commands import RecipeFile, RunFolder, Went, WholeRun
from edits import Edit, applied, drawn, edited_json, touched

from curation.extract.inputs import InputError, find_inputs
from curation.extract.ranges.range_list import ReadRanges
from curation.extract.tables import ReadTable
from curation.extract.units import Unit, plan_units
from curation.extract.warc import ReadWarc
from curation.provenance import Source
from curation.step import Rejected
from recipes.engine import blocks

STEPS = ("sniff", "decode", "main_text", "nfkc", "text_stats", "language")


def _rows(reader: Any, steps: tuple[Any, ...] = ()) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows kept and rejected by a reader and steps after it."""
    kept: list[dict[str, Any]] = []
    gone: list[dict[str, Any]] = []
    flow = reader.run()
    for step in steps:
        flow = step.run(flow)
    for item in flow:
        (gone if isinstance(item, Rejected) else kept).extend(
            (item.batch if isinstance(item, Rejected) else item).to_pylist()
        )
    return kept, gone


def _unsound(reader: Any, kept: list[Any], gone: list[Any], file: str) -> str:
    """What does not add up of what a reader counted, "" for nothing."""
    rows, counted = int(reader.stats["rows"].total), int(reader.stats["kept"].total)
    if rows != len(kept) + len(gone) or counted != len(kept):
        return f"rows in {rows}, out {len(kept)}, rejected {len(gone)}"
    if strange := [row["reason"] for row in gone if row["reason"] not in reader.reasons]:
        return f"rejected as {strange[0]}, which is no reason of {reader.name}"
    nameless = [r for r in gone if r["reason"] == "record_broken" and file not in (r["detail"] or "")]
    return f"a broken row whose detail names no file: {nameless[0]}" if nameless else ""


def _lost(file: crawls.File, edits: list[Edit], found: list[Any], exactly: bool = False, before: int = 0) -> str:
    """Rows that nobody touched and that are not there (`exactly`: or more than once); before: bytes that end the piece before."""
    counts = Counter(found)
    for piece in file.pieces:
        if not touched(edits, piece.begin - before, piece.end):
            for name in piece.names:
                if not counts[name] or (exactly and counts[name] > 1):
                    return f"lost: {name[:60]!r} is there {counts[name]} times and was not touched"
    return ""


def _cut_units(rng: random.Random, path: Path) -> list[Unit]:
    """A file in one to three ranges."""
    size = path.stat().st_size
    edges = sorted({0, size, *(rng.randrange(size + 1) for _ in range(rng.choice((0, 0, 1, 2))))})
    return [Unit(str(path), path.name, "warc", a, b) for a, b in pairwise(edges)]


class Crawl:
    """WARC and WET files: members or records changed as stored, or a record changed and packed again as if it were sound."""

    def __init__(self, name: str, make: Callable[[Any], crawls.File], records: Callable[[], Any]):
        self.name, self.make, self.records = name, make, records()
        self.file = make(self.records)
        self.steps: tuple[Any, ...] | None = None

    def case(self, rng: random.Random, folder: Path) -> Went:
        """Reads a damaged file in ranges, and puts what is read through the steps up to text statistics."""
        if rng.random() < 0.6:
            edits = drawn(rng, self.file.raw)
        else:
            at = rng.randrange(len(self.records))
            raw, _ = self.records[at]
            inner = (
                crawls.record("response", crawls.http_head(rng), "http://lies.jp/")
                if rng.random() < 0.3
                else applied(raw, drawn(rng, raw))
            )
            piece = self.file.pieces[at]
            edits = [Edit(piece.begin, piece.end - piece.begin, self.make([(inner, ())]).raw)]
        path = folder / self.name
        path.write_bytes(applied(self.file.raw, edits))
        reader = ReadWarc(_cut_units(rng, path), Source("web"))
        steps = self.steps = self.steps or tuple(
            blocks.build(name, {"min_kana": 1} if name == "sniff" else {}, "fuzz") for name in STEPS
        )
        kept, gone = _rows(reader)
        once = all(len(e.new) < 200 and b"WARC/" not in e.new for e in edits)  # a longer piece may hold a record again
        if wrong := _unsound(reader, kept, gone, self.name) or _lost(self.file, edits, [r["url"] for r in kept], once):
            return Went(wrong=wrong)
        through, rejected = _rows(ReadWarc(_cut_units(rng, path), Source("web")), steps)
        if len(through) + len(rejected) != len(kept) + len(gone):
            return Went(
                wrong=f"{len(kept)} + {len(gone)} rows went into the steps, {len(through)} + {len(rejected)} came out"
            )
        return Went()


class Table:
    """Parquet: half of the edits in the footer, the rest in the row groups."""

    name = "table.parquet"

    def __init__(self) -> None:
        self.files = [crawls.table(codec) for codec in ("zstd", "snappy", "none")]

    def case(self, rng: random.Random, folder: Path) -> Went:
        """Reads a damaged file as the plan cuts it."""
        file = rng.choice(self.files)
        data = file.pieces[-1].end
        edits = drawn(rng, file.raw, (data, len(file.raw)) if rng.random() < 0.5 else (4, data))
        path = folder / self.name
        path.write_bytes(applied(file.raw, edits))
        try:
            units = plan_units(find_inputs([str(path)]), rng.choice((1, 2000, 1 << 25)))
            reader = ReadTable(units, Source("table"))
            kept, gone = _rows(reader)
        except InputError as error:
            return Went("InputError", "" if self.name in str(error) else f"names no file: {error}")
        same = all(e.at + e.gone <= data and len(e.new) == e.gone for e in edits)
        lost = _lost(file, edits, [r["text"] for r in kept]) if same else ""
        return Went(wrong=_unsound(reader, kept, gone, self.name) or lost)


class Lines:
    """JSON lines, plain and gzip."""

    def __init__(self, packed: bool):
        self.name = "lines.jsonl.gz" if packed else "lines.jsonl"
        self.file, self.packed = crawls.lines(packed), packed
        self.inner = crawls.lines()

    def case(self, rng: random.Random, folder: Path) -> Went:
        """Reads damaged lines."""
        inside = self.packed and rng.random() < 0.5
        file = self.inner if inside else self.file
        if rng.random() < 0.2 and file.pieces:
            piece = rng.choice(file.pieces)
            value = json.loads(file.raw[piece.begin : piece.end])
            edits = [
                Edit(
                    piece.begin,
                    piece.end - piece.begin,
                    edited_json(rng, json.dumps(value).encode()).replace(b"\n", b"") + b"\n",
                )
            ]
        else:
            edits = drawn(rng, file.raw)
        raw = applied(file.raw, edits)
        path = folder / self.name
        path.write_bytes(gzip.compress(raw) if inside else raw)
        reader = ReadTable(plan_units(find_inputs([str(path)])), Source("lines"))
        kept, gone = _rows(reader)
        return Went(
            wrong=_unsound(reader, kept, gone, self.name) or _lost(file, edits, [r["text"] for r in kept], before=1)
        )


class Ranges:
    """Lists of ranges: WAT files, CSV, Parquet."""

    def __init__(self, name: str, file: crawls.File):
        self.name, self.file = name, file

    def case(self, rng: random.Random, folder: Path) -> Went:
        """Reads a damaged list; of a WAT file every description that was not touched."""
        edits = drawn(rng, self.file.raw)
        path = folder / self.name
        path.write_bytes(applied(self.file.raw, edits))
        try:
            reader = ReadRanges(plan_units(find_inputs([str(path)], "ranges")), Source("list"))
            kept, gone = _rows(reader)
        except InputError as error:
            return Went("InputError", "" if self.name in str(error) else f"names no file: {error}")
        csv = self.name.endswith(".csv")
        first = self.file.pieces[0].begin
        unsure = csv and (
            touched(edits, -1, first) or any(b'"' in e.new for e in edits)
        )  # another name of a column; a quotation
        lost = "" if unsure else _lost(self.file, edits, [row["url"] for row in kept], before=int(csv))
        return Went(wrong=_unsound(reader, kept, gone, self.name) or lost)


def subjects(made: Path) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Every kind of case by its name, and what makes it. made: folder of the finished run."""
    yield "warc", lambda: Crawl("crawl.warc", crawls.plain, crawls.pages)
    yield "warc.gz", lambda: Crawl("crawl.warc.gz", crawls.gzipped, crawls.pages)
    yield "warc.zst", lambda: Crawl("crawl.warc.zst", crawls.zstandarded, crawls.pages)
    yield "wet.gz", lambda: Crawl("crawl.warc.wet.gz", crawls.gzipped, crawls.texts)
    yield "wat.gz", lambda: Ranges("crawl.warc.wat.gz", crawls.gzipped(crawls.described()))
    yield "ranges.csv", lambda: Ranges("ranges.csv", crawls.ranges_csv())
    yield "parquet", Table
    yield "jsonl", lambda: Lines(False)
    yield "jsonl.gz", lambda: Lines(True)
    yield "recipe", RecipeFile
    yield "run", lambda: RunFolder(made)
    yield "whole", WholeRun
