"""Counting the lines of sites by tasks that know nothing of one another: `site_lines` over more rows than one task looks at.

    pages   rows   of every host the pages that may be counted, to the part of the host
    chosen  parts  the pages that are counted, back to where their rows are
    lines   rows   the lines of these pages, added up by host, to the part of the host; its name; texts of a few
    count   parts  table `site_lines`

A host lies in one part, so each row is read twice, not once for every 400,000 counted pages, and a task holds its part of the hosts.
The pages of a host with the smallest ids are among those with the smallest ids of each task. A host is known by 64 bits of a hash.
Loads the compiled passes: imported by the survey, never by a recipe's check.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.dedup.exchange import Exchange, read_part, write_part
from curation.dedup.partitioned.cut import part_of
from curation.extract import site_line_counts as counts
from curation.extract import site_lines_kernel as kernel
from curation.extract.site_lines_table import SCHEMA, STORED_SHARE
from curation.merge_join import positions
from curation.normalise.text_column import text_views
from curation.parquet_file import read_parquet, write_parquet
from curation.place import Place
from curation.provenance import id_words, key
from curation.step import Batch

if TYPE_CHECKING:
    from curation.extract.site_lines import SiteLines

PHASES = (("pages", "rows"), ("chosen", "parts"), ("lines", "rows"), ("count", "parts"))
"""Phases in order, and what cuts them into tasks."""
LINES_AT_ONCE = 8_000_000
"""Lines that a task holds before it adds them up and sends them."""

Read = Callable[[Sequence[str]], Iterator[Batch]]
"""Reads some columns of the rows of a task, in order of id."""
_NAMES = pa.schema([("host", pa.uint64()), ("name", pa.string())])
_TEXTS = pa.schema([("host", pa.uint64()), ("line_hash", pa.uint64()), ("line", pa.large_string())])


@dataclass(frozen=True)
class Cut:
    """The rows in `rows` tasks, hosts in `parts`, a power of two."""

    work: Place
    rows: int
    parts: int

    @property
    def tasks(self) -> dict[str, int]:
        """Number of tasks by what cuts them."""
        return {"rows": self.rows, "parts": self.parts}

    def exchange(self, name: str) -> Exchange:
        """Records: `pages` (host, id, letters) and `lines` (host, line, pages) to parts; `chosen` (id, host, first) back."""
        width, to = {"pages": (4, self.parts), "chosen": (4, self.rows), "lines": (3, self.parts)}[name]
        return Exchange(self.work, name, width, to)


def run(step: "SiteLines", cut: Cut, phase: str, task: int, read: Read) -> Iterator[tuple[str, pa.Table]]:
    """One task of a phase: yields its part of the table."""
    if phase == "pages":
        pages(cut, task, read, step.max_pages)
    elif phase == "chosen":
        chosen(cut, task, step.min_pages, step.max_pages)
    elif phase == "lines":
        lines(cut, task, read)
    else:
        table = count(cut, task)
        if len(table):
            yield "site_lines", table


def host_words(hosts: pa.Array) -> np.ndarray:
    """64 bits of a hash of each host's name, uint64 [n]; 0 for none."""
    coded = hosts.dictionary_encode()
    words = [int.from_bytes(key("host", name)[:8], "big") if name else 0 for name in coded.dictionary.to_pylist()]
    return np.array([*words, 0], np.uint64)[coded.indices.fill_null(len(words)).to_numpy()]


def pages(cut: Cut, task: int, read: Read, most: int) -> None:
    """Sends the pages of these rows that may be among those counted: one a form, the `most` with the smallest ids of each host."""
    kept, fresh = [np.zeros((0, 4), np.uint64)], 0
    for batch in read(("id", "host", "page_letters")):
        letters = batch.column("page_letters").to_numpy().astype(np.uint64)
        host = host_words(batch.column("host"))
        block = np.column_stack([host, id_words(batch.column("id")), letters])
        kept.append(block[(letters != 0) & (host != 0)])
        fresh += len(block)
        if fresh >= counts.COMPACT_ROWS:
            kept, fresh = [counts.smallest(np.concatenate(kept), most)], 0
    found = counts.smallest(np.concatenate(kept), most)
    cut.exchange("pages").send(task, [(part_of(found[:, 0], cut.parts), found)])


def chosen(cut: Cut, task: int, least: int, most: int) -> None:
    """Tells the rows of this part's hosts which pages are counted, and which of them is its host's first."""
    found = counts.smallest(cut.exchange("pages").receive(task), most)
    hosts, first, size = np.unique(found[:, 0], return_index=True, return_counts=True)
    enough = size >= least
    write_part(cut.work, "hosts", task, np.column_stack([hosts[enough], size[enough].astype(np.uint64)]))
    is_first = np.zeros(len(found), np.uint64)
    is_first[first] = 1
    record = np.column_stack([found[:, 1:3], found[:, 0], is_first])[np.repeat(enough, size)]
    cut.exchange("chosen").send(task, [(part_of(record[:, 0], cut.rows), record)])


def lines(cut: Cut, task: int, read: Read) -> None:
    """Sends the lines of the counted pages of these rows, added up by host; writes names of hosts and the texts of a few lines."""
    wanted = cut.exchange("chosen").receive(task)
    wanted = wanted[np.lexsort((wanted[:, 1], wanted[:, 0]))]
    names: list[tuple[int, str]] = []

    def counted(columns: Sequence[str]) -> Iterator[tuple[Batch, np.ndarray, np.ndarray]]:
        for batch in read(("id", *columns)) if len(wanted) else ():
            at = positions(wanted[:, :2], id_words(batch.column("id")))
            here = np.flatnonzero(at >= 0)
            if len(here):
                yield batch, here, wanted[at[here]]

    def sent() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        held: list[np.ndarray] = []
        for batch, here, of in counted(("host", "edge_lines")):
            first = of[:, 3] == 1
            names.extend(
                zip(of[first, 2].tolist(), batch.column("host").take(pa.array(here[first])).to_pylist(), strict=True)
            )
            edge = batch.column("edge_lines").take(pa.array(here))
            size = np.diff(edge.offsets.to_numpy())
            held.append(np.column_stack([np.repeat(of[:, 2], size), edge.flatten().to_numpy()]))
            if sum(map(len, held)) >= LINES_AT_ONCE:
                yield _added(cut, held)
                held = []
        yield _added(cut, held)

    cut.exchange("lines").send(task, sent())
    write_parquet(
        cut.work, f"names/{task:05d}.parquet", pa.Table.from_pylist([{"host": h, "name": n} for h, n in names], _NAMES)
    )
    texts = _texts(counted(("text",)), max(1, counts.LOOKED_THROUGH // cut.rows))
    write_parquet(cut.work, f"texts/{task:05d}.parquet", pa.Table.from_pylist(texts, _TEXTS))


def _added(cut: Cut, held: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    keys, many = counts.add(
        np.zeros((0, 2), np.uint64), np.zeros(0, np.int64), np.concatenate([np.zeros((0, 2), np.uint64), *held])
    )
    return part_of(keys[:, 0], cut.parts), np.column_stack([keys, many.astype(np.uint64)])


def _texts(batches: Iterator[tuple[Batch, np.ndarray, np.ndarray]], most: int) -> list[dict[str, Any]]:
    """The lines of the first `most` counted pages as they stand there, each once a host."""
    found: dict[tuple[int, int], str] = {}
    h, b, e = (np.zeros(2 * kernel.EDGE, kind) for kind in (np.uint64, np.int64, np.int64))
    looked = 0
    for batch, here, of in batches:
        data, offsets = text_views(batch.column("text"))
        for row, host in zip(here.tolist(), of[:, 2].tolist(), strict=True):
            n, _ = kernel.edge_lines(data, offsets[row], offsets[row + 1], h, b, e)
            for k in range(n):
                for line in (int(h[k]), int(h[k] | kernel.RIM_BIT)):
                    if (host, line) not in found:
                        found[host, line] = data[b[k] : e[k]].tobytes().decode()[:200]
        looked += len(here)
        if looked >= most:
            break
    return [{"host": host, "line_hash": line, "line": text} for (host, line), text in found.items()]


def count(cut: Cut, task: int) -> pa.Table:
    """Rows of the table for the hosts of this part, by name."""
    hosts = read_part(cut.work, "hosts", task, width=2)
    found = cut.exchange("lines").receive(task)
    found = found[np.lexsort((found[:, 1], found[:, 0]))]
    new = np.ones(len(found), bool)
    new[1:] = (found[1:, :2] != found[:-1, :2]).any(1)
    at = np.flatnonzero(new)
    many = np.add.reduceat(found[:, 2], at).astype(np.int64) if len(at) else np.zeros(0, np.int64)
    keys = found[at, :2]
    total = hosts[np.searchsorted(hosts[:, 0], keys[:, 0]), 1].astype(np.int64) if len(keys) else many
    keep = many >= STORED_SHARE * total
    keys, many, total = keys[keep], many[keep], total[keep]
    own = set(hosts[:, 0].tolist())
    names = {row["host"]: row["name"] for row in _rows_of(cut.work, "names", own)}
    texts = dict[tuple[int, int], str]()
    for row in _rows_of(cut.work, "texts", own):
        texts.setdefault((row["host"], row["line_hash"]), row["line"])
    columns = [
        pa.array([names[host] for host in keys[:, 0].tolist()], pa.string()),
        pa.array(keys[:, 1]),
        pa.array(np.where(keys[:, 1] & kernel.RIM_BIT, "rim", "edge"), pa.string()),
        pa.array(many, pa.int32()),
        pa.array(total, pa.int32()),
        pa.array((many / np.maximum(1, total)).astype(np.float32)),
        pa.array([texts.get((h, line)) for h, line in keys.tolist()], pa.large_string()),
    ]
    return pa.table(columns, schema=SCHEMA).sort_by([("host", "ascending"), ("line_hash", "ascending")])


def _rows_of(work: Place, folder: str, hosts: set[int]) -> Iterator[dict[str, Any]]:
    """Rows of all tasks' files, in the order of tasks, that are about these hosts."""
    wanted = pa.array(sorted(hosts), pa.uint64())
    for name in work.names(folder):
        table = read_parquet(work, f"{folder}/{name}")
        yield from table.filter(pc.is_in(table.column("host"), value_set=wanted)).to_pylist()
