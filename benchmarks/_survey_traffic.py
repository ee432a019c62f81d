"""What the survey of dedup moves: counted over synthetic texts that go through its phases, calculated from that for any size.

Records a row, files, pieces and shingle sets are counted while the phases run. The same formula that tells them for 10^10 documents
is held against those counts first.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from index import CHARS, Rows, old_texts, write_crawl

from curation.dedup.exchange import run_bytes
from curation.dedup.partitioned import pairs
from curation.dedup.partitioned.cut import RECORDS, Cut
from curation.place import GAP, Place

SET_BYTES = 15_000
"""Bytes of a shingle set: a page of some 2,000 characters."""
BANDS, ROWS_A_PART = 14, 1 << 20
RECEIVERS = {"forms": ("nodes", "rows"), "pairs": ("pairs",), "bands": ("buckets",)}
"""Phases that read an exchange more than once, or by another name than its own."""


@dataclass
class Moved:
    """What the survey of dedup moved over so many rows, in `parts` parts of rows and of keys: records of each exchange for a row."""

    docs: int
    parts: int
    records: dict[str, float]
    files: int = 0
    bytes: int = 0
    pieces: int = 0
    sets_read: int = 0
    sets_written: float = 0
    set_pieces: int = 0
    """Reads of sets, those that lie side by side as one."""


def moved(docs: int, parts: int = 8) -> Moved:
    """Drives the survey over synthetic texts of which a third are near others, wherever they rank, and counts."""
    from curation.dedup.dedup import Dedup

    def texts() -> Iterator[list[str]]:
        for first in range(0, docs, 1 << 12):
            known = old_texts(first, min(docs, first + (1 << 12)))
            lengths = [CHARS - 37 * (first + i) % 50 for i in range(len(known))]  # which rank texts
            yield [
                known[i - 1][: lengths[i - 1] - 8] if i % 3 == 2 else text[: lengths[i]] for i, text in enumerate(known)
            ]

    found, size, ranges, spans, sets = Moved(docs, parts, {}), 0, Place.read_ranges, Place.read_spans, pairs.read_sets

    def read_ranges(self: Place, names: Any, *ends: Any) -> list[bytes]:
        found.pieces += len(names)
        return ranges(self, names, *ends)

    def read_spans(self: Place, name: str, asked: Any) -> Iterator[memoryview]:
        found.set_pieces += 1 + sum(start - end > GAP for (_, end), (start, _) in pairwise(asked))
        return spans(self, name, asked)

    def read_sets(*asked: Any) -> Iterator[Any]:
        nonlocal size
        for one, words in sets(*asked):
            found.sets_read, size = found.sets_read + 1, size + words.nbytes
            yield one, words

    with (
        tempfile.TemporaryDirectory(prefix="seimai-bench-") as name,
        mock.patch.object(Place, "read_ranges", read_ranges),
        mock.patch.object(Place, "read_spans", read_spans),
        mock.patch.object(pairs, "read_sets", read_sets),
    ):
        folder, step = Path(name), Dedup(0.8)
        write_crawl(folder / "rows", "sizes", parts, texts())
        rows, work, step.rows_a_part = Rows(folder / "rows"), Place(str(folder / "work")), docs // parts
        for phase in step.phases(docs, rows.partitions):
            for task in range(phase.tasks):
                list(step.run_phase(phase.name, task, rows, work))
        sent = [p.stat().st_size for p in (folder / "work/sent").rglob("*.bin")]
        found.files, found.bytes = len(sent), sum(sent)
        written = sum(p.stat().st_size for p in (folder / "work/shingles").iterdir())
        found.sets_written = written / max(1.0, size / max(1, found.sets_read))
        cut = Cut(work, rows.partitions, parts, BANDS)
        found.records = {n: float(cut.exchange(n).counts().sum()) / docs for n in RECORDS if work.names(f"sent/{n}")}
    return found


def traffic(docs: int, rows: int, parts: int, of: Moved, grouped: bool = True) -> dict[str, float]:
    """Files, bytes and requests of the survey for so many documents; `grouped`: as the engine lays them out."""
    cut = Cut(Place(""), rows, parts, BANDS)
    senders = {"forms": cut.rows, "bands": cut.rows, "sets": cut.rows, "best": parts, "asked": parts}
    senders["pairs"] = cut.tasks["bands"]
    files = moved_bytes = requests = 0.0
    least = np.inf
    for name, per_row in of.records.items():
        exchange, tasks = cut.exchange(name), senders.get(name, parts)
        size = per_row * docs * 8 * exchange.width
        runs = max(1.0, np.ceil(size / tasks / (run_bytes(exchange.targets) if grouped else 64 << 20)))
        readings = exchange.targets * len(RECEIVERS.get(name, (name,)))
        files, moved_bytes = files + tasks * runs, moved_bytes + size + tasks * runs * 8 * (exchange.targets + 1)
        requests += 2 * readings * tasks * runs
        if name == "bands":
            least = size / (readings * tasks * runs)
    read, written = (docs * sets / of.docs for sets in (of.sets_read, of.sets_written))
    held = max(1.0, np.ceil(written * SET_BYTES / cut.rows / run_bytes(parts)))
    return {
        "files": files,
        "tb": moved_bytes / 1e12,
        "requests": requests,
        "band_piece_bytes": float(least),
        "sets_read": read,
        "set_requests": cut.rows * parts * held,
        "set_tb_written": written * SET_BYTES / 1e12,
        "set_tb_read": read * SET_BYTES / 1e12,
        "scratch_gb": read / parts * SET_BYTES / 1e9,
    }


def require_as_counted(of: Moved) -> None:
    """Ends where what is calculated is not what the phases did, at the size at which they ran."""
    said = traffic(of.docs, of.parts, of.parts, of)
    counts = {"files": of.files, "tb": of.bytes / 1e12, "requests": of.pieces, "set_requests": of.set_pieces}
    for what, counted in counts.items():
        if not 0.9 < said[what] / counted < 1.1:
            raise SystemExit(f"{what} of {of.docs:,} documents: calculated {said[what]:.4g}, counted {counted:.4g}")
    print(
        f"survey of dedup over {of.docs:,} rows: {of.files} files, {of.bytes / 1e6:.1f} MB, {of.pieces:,} pieces (calculated "
        f"{said['files']:.0f}, {1e6 * said['tb']:.1f}, {said['requests']:,.0f}); sets written {of.sets_written / of.docs:.2f} "
        f"and read {of.sets_read / of.docs:.2f} a row"
    )
