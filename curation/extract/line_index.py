"""How many lines stand before any place of a JSON lines file, and the hash of its content: looked up once, before it is cut.

A row's number in its file is part of its origin, and where a row has no id of its own it is part of its identity, so a task that
begins in the middle must know how many lines it has skipped. One pass counts them for each mebibyte and hashes the content on the
way; a file is a task of its own.
"""

import hashlib
import time
from collections.abc import Iterator, Sequence
from typing import Any

from curation.extract.inputs import open_window
from curation.extract.units import Unit, require_same, require_unchanged
from curation.extract.window import BLOCK, Window
from curation.place import Place
from curation.step import Batch, Columns, Step


def index_name(url: str) -> str:
    """Name of a file's index."""
    return f"files/{hashlib.sha256(url.encode()).hexdigest()[:24]}.json"


class IndexLines(Step):
    """Writes the index of each file; `units` are whole files, task i takes the one with the number i."""

    def __init__(self, units: Sequence[Unit], url: str):
        super().__init__()
        self.units, self.url = list(units), url
        self.bytes_read = 0

    def columns(self, batch: Batch) -> Columns:
        """Nothing: no row is read."""
        return {}

    def run(self, data: Any = None, rank: int = 0, world_size: int = 1) -> Iterator[Any]:
        """Writes the file's index, then the task's manifest."""
        started, place = time.time(), Place(self.url)
        (unit,) = require_unchanged([self.units[rank]])
        lines, digest, at = list[int](), hashlib.sha256(), 0
        with open_window(unit.url) as window:
            while block := bytes(window.view(at, BLOCK)):
                lines.append(block.count(b"\n"))
                digest.update(block)
                at = self.bytes_read = at + len(block)
        require_same(unit)
        place.write_json(index_name(unit.url), {"file": unit.url, "lines": lines, "sha256": digest.hexdigest()})
        place.write_json(f"tasks/{rank:05d}.json", {"task": rank, "seconds": round(time.time() - started, 3)})
        yield from ()


def read_index(url: str, of: str) -> dict[str, Any] | None:
    """The index of a file, from where `IndexLines` put it; None where there is none."""
    place = Place(url) if url else None
    return place.read_json(index_name(of)) if place is not None and place.exists(index_name(of)) else None


def lines_before(window: Window, at: int, index: dict[str, Any] | None) -> int:
    """Ends of lines before a place of the file; without an index all of them are counted."""
    block = at // BLOCK if index is not None else 0
    found = sum(index["lines"][:block]) if index is not None else 0
    place = block * BLOCK
    while place < at:
        step = bytes(window.view(place, min(BLOCK, at - place)))
        if not step:
            break
        found += step.count(b"\n")
        place += len(step)
    return found
