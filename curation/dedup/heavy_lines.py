"""Heavy lines of all rows: the phases of the survey of `line_dedup`, each cut into tasks that know nothing of one another.

    sketch   rows    lines of every page; a count-min sketch of a partition; what tells copies of a page
    sum      depth   one row of all sketches, added up
    copies   parts   rows whose text an earlier row has
    recount  rows    occurrences of the lines whose estimate reaches `min_pages`, added up by line and host
    hosts    parts   distinct (line, host), so that the hosts of one line are counted by all tasks
    heavy    parts   pages and hosts of each recounted line, exactly; the heavy ones
    first    rows    the page where each heavy line stands first, and the best-ranked pages of a partition
    table    parts   table `heavy_lines`

A page is known by its ordinal: its partition and its place in it, so that order of ordinals is order of ids. What a task sends goes
through files cut by target (exchange.py); a task that is run again writes the same files.
Loads the compiled passes: imported by the survey, never by a recipe's check.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.dedup.count_min import CountMin, added
from curation.dedup.exchange import read_chunks, read_part, write_part
from curation.dedup.line_keys import KeyPlaces, LineKeys
from curation.dedup.line_records import (
    PAGE,
    ROW_BITS,
    Cut,
    best_ranked,
    combined,
    held_pages,
    merged,
    partition_of_page,
)
from curation.dedup.partitioned.cut import starts
from curation.dedup.rank_words import WIDTH as RANK
from curation.normalise.text_column import text_views
from curation.parquet_file import read_parquet, write_parquet
from curation.step import Batch

if TYPE_CHECKING:
    from curation.dedup.lines import LineDedup

PHASES = (
    ("sketch", "rows"),
    ("sum", "depth"),
    ("copies", "parts"),
    ("recount", "rows"),
    ("hosts", "parts"),
    ("heavy", "parts"),
    ("first", "rows"),
    ("table", "parts"),
)
"""Phases in order, and what cuts them into tasks."""

SAMPLE_CHARS = 200
"""Characters of a heavy line that the table holds."""

Read = Callable[[Sequence[str]], Iterator[Batch]]
"""Reads some columns of the rows of a task's partition, in order of id."""


def run(step: "LineDedup", cut: Cut, phase: str, task: int, read: Read) -> Iterator[tuple[str, pa.Table]]:
    """One task of a phase: yields the rows of its part of the table, counts what it met."""
    counts: dict[str, int] = {}
    if phase == "sketch":
        counts["lines"] = sketch(step, cut, task, read)
    elif phase == "sum":
        add_sketches(step, cut, task)
    elif phase == "copies":
        counts["copies"] = copies(cut, task)
    elif phase == "recount":
        recount(step, cut, task)
    elif phase == "hosts":
        hosts(cut, task)
    elif phase == "heavy":
        counts["recounted_lines"], counts["heavy_lines"] = heavy(step, cut, task)
    elif phase == "first":
        first(step, cut, task, read)
    elif phase == "table":
        yield "heavy_lines", table(step, cut, task)
    for label, value in counts.items():
        step.stat_update(label, value=value)


def sketch(step: "LineDedup", cut: Cut, task: int, read: Read) -> int:
    """Writes the pages of partition `task` with the keys of their distinct lines, and a sketch of them. Returns how many lines."""
    keys, counter = LineKeys(), CountMin(step.width, step.depth)
    total = 0
    with (
        cut.work.create(f"held/lines/{task:05d}.bin") as lines_file,
        cut.work.create(f"held/pages/{task:05d}.bin") as pages_file,
    ):

        def texts() -> Iterator[tuple[np.ndarray, np.ndarray]]:
            nonlocal total
            ordinal = task << ROW_BITS
            for batch in read(step.surveys):
                lines = keys.of(batch.column("text"))
                found, sizes = keys.distinct(lines, step.counts(lines))
                counter.add(found)
                total += len(found)
                text, host = keys.text_keys(lines), keys.string_keys(batch.column("host"))
                page = [sizes.astype(np.uint64)[:, None], text[:, None], host[:, None]]
                if step.k is not None:
                    page.append(step.ranks(batch, lines))
                lines_file.write(found.data)
                pages_file.write(np.concatenate(page, axis=1).data)
                number = np.arange(ordinal, ordinal + batch.num_rows).astype(np.uint64)
                ordinal += batch.num_rows
                some = sizes > 0
                yield cut.part_of(text[some]), np.column_stack([text[some], number[some]])

        cut.exchange("texts").send(task, texts())
    for d in range(step.depth):
        write_part(cut.work, f"sketch-{d}", task, counter.counts[d])
    return total


def add_sketches(step: "LineDedup", cut: Cut, task: int) -> None:
    """Adds row `task` of the sketches of all partitions."""
    total = np.zeros(step.width, np.uint32)
    for part in range(cut.rows):
        at = 0
        for some in read_chunks(cut.work, f"sketch-{task}", part, np.uint32, rows=1 << 22):
            added(total[at : at + len(some)], some)
            at += len(some)
    write_part(cut.work, "sums", task, total)


def copies(cut: Cut, task: int) -> int:
    """Tells the rows whose text another row of smaller id has. Returns how many."""
    found = cut.exchange("texts").receive(task)
    found = found[np.lexsort((found[:, 1], found[:, 0]))]
    again = found[~starts(found[:, :1]), 1]
    cut.exchange("again").send(task, [(partition_of_page(again), again[:, None])])
    return len(again)


def recount(step: "LineDedup", cut: Cut, task: int) -> None:
    """Sends where the lines stand whose estimate reaches `min_pages`: (line, host, pages, first ordinal), added up as far as held."""
    counter = CountMin(step.width, step.depth)
    for d in range(step.depth):
        counter.counts[d] = read_part(cut.work, "sums", d, np.uint32)
    again = np.sort(cut.exchange("again").receive(task)[:, 0])

    def met() -> Iterator[np.ndarray]:
        for ordinal, pages, lines in held_pages(cut, task, step.k is not None):
            reached = np.flatnonzero(counter.reaches(lines, step.min_pages))
            owner = np.repeat(np.arange(len(pages)), pages[:, 0].astype(np.int64))[reached]
            number = (np.arange(len(pages)) + ordinal).astype(np.uint64)
            fresh = ~np.isin(number, again, assume_unique=True)
            yield np.column_stack(
                [lines[reached], pages[owner, 2], fresh[owner].astype(np.uint64), number[owner]]
            ).astype(np.uint64, copy=False)

    def sent() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for some in combined(met(), 2):
            # by line and host: a line on every page of the crawl is no single task's load
            yield cut.part_of(some[:, 0] * np.uint64(0x9E3779B97F4A7C15) ^ some[:, 1]), some

    cut.exchange("met").send(task, sent())


def hosts(cut: Cut, task: int) -> None:
    """Sends pages and distinct hosts of each line, as far as its hosts fall to this task."""
    found = merged(cut.exchange("met").receive(task), 2)
    found[:, 1] = 1
    found = merged(found[:, [0, 2, 1, 3]], 1)
    cut.exchange("counted").send(task, [(cut.part_of(found[:, 0]), found)])


def heavy(step: "LineDedup", cut: Cut, task: int) -> tuple[int, int]:
    """Writes the heavy lines of this part, (line, pages, hosts, first ordinal). Returns how many were recounted and are heavy."""
    found = merged(cut.exchange("counted").receive(task), 1)
    kept = found[(found[:, 1] >= step.min_pages) & (found[:, 2] >= step.min_hosts)]
    write_part(cut.work, "heavy", task, kept)
    cut.exchange("firsts").send(task, [(partition_of_page(kept[:, 3]), kept[:, [0, 3]])])
    return len(found), len(kept)


def first(step: "LineDedup", cut: Cut, task: int, read: Read) -> None:
    """Writes how the heavy lines look that stand first in this partition; with a cap, sends the best-ranked pages of each line."""
    wanted = cut.exchange("firsts").receive(task)
    if len(wanted):
        looks = _looks(wanted, task, read)
        part = cut.part_of(looks.column("line_hash").to_numpy())
        for p in np.unique(part).tolist():
            write_parquet(cut.work, f"first/{p:05d}/{task:05d}.parquet", looks.filter(pa.array(part == p)))
    if step.k is None:
        return
    every = KeyPlaces(np.concatenate([read_part(cut.work, "heavy", part, width=4)[:, 0] for part in range(cut.parts)]))

    def ranked() -> Iterator[np.ndarray]:
        for _, pages, lines in held_pages(cut, task, step.k is not None):
            owner = np.repeat(np.arange(len(pages)), pages[:, 0].astype(np.int64))
            here = every.of(lines) >= 0
            yield np.concatenate([lines[here, None], pages[owner[here], PAGE:]], axis=1)

    best = best_ranked(ranked(), step.k)
    cut.exchange("best").send(task, [(cut.part_of(best[:, 0]), best)])


def table(step: "LineDedup", cut: Cut, task: int) -> pa.Table:
    """The heavy lines of this part, sorted by key."""
    found = read_part(cut.work, "heavy", task, width=4)
    folder = f"first/{task:05d}"
    looks = [read_parquet(cut.work, f"{folder}/{name}") for name in cut.work.names(folder)]
    look = pa.concat_tables(looks) if looks else _LOOK.empty_table()
    key = look.column("line_hash").to_numpy()
    order = np.argsort(key, kind="stable")
    look = look.take(pa.array(order[np.searchsorted(key[order], found[:, 0])]))
    bound = pa.nulls(len(found), pa.binary(8 * RANK))
    if step.k is not None:
        best = best_ranked([cut.exchange("best").receive(task)], step.k)
        low, high = (np.searchsorted(best[:, 0], found[:, 0], side) for side in ("left", "right"))
        words = np.ascontiguousarray(best[high - 1, 1:], ">u8")
        raw = pa.FixedSizeBinaryArray.from_buffers(bound.type, len(found), [None, pa.py_buffer(words.tobytes())])
        bound = pc.if_else(pa.array(high - low == step.k), raw, bound)
    columns = {
        "line_hash": pa.array(found[:, 0]),
        "pages": pa.array(found[:, 1].astype(np.int64)),
        "hosts": pa.array(found[:, 2].astype(np.int64)),
        "chars": look.column("chars"),
        "first": look.column("first"),
        "line": look.column("line"),
        "last_rank": bound,
    }
    return pa.table(columns).cast(step.tables["heavy_lines"])


_LOOK = pa.schema(
    [("line_hash", pa.uint64()), ("chars", pa.int32()), ("first", pa.binary(16)), ("line", pa.large_string())]
)


def _looks(wanted: np.ndarray, task: int, read: Read) -> pa.Table:
    """Of each wanted (line, ordinal) the page's id, and the line as it stands there; reads until all are found."""
    wanted = wanted[np.argsort(wanted[:, 1], kind="stable")]
    row = (wanted[:, 1] - np.uint64(task << ROW_BITS)).astype(np.int64)
    keys, at = LineKeys(), 0
    found: list[tuple[int, int, bytes, str]] = []
    for batch in read(("id", "text")):
        low, high = np.searchsorted(row, [at, at + batch.num_rows]).tolist()
        if high > low:
            text = batch.column("text")
            data, lines = text_views(text)[0], keys.of(text)
            for r, key in zip((row[low:high] - at).tolist(), wanted[low:high, 0].tolist(), strict=True):
                k = int(lines.rows[r] + np.argmax(lines.key[lines.rows[r] : lines.rows[r + 1]] == np.uint64(key)))
                said = data[lines.begin[k] : lines.end[k]].tobytes().decode("utf-8", "replace")
                found.append((key, int(lines.chars[k]), batch.column("id")[r].as_py(), said.strip()[:SAMPLE_CHARS]))
        at += batch.num_rows
        if len(found) == len(wanted):
            break
    columns = zip(*found, strict=True)
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, _LOOK, strict=True)], schema=_LOOK)
