"""Counting the lines of sites: which pages of a host to look at, and on how many of them each line stands.

Memory follows from the counted pages (40 bytes each, 2,000 a host) and from the lines of 400,000 pages at a time, not from the rows.
A small crawl's lines are held from the first look on (100 MB), so that its texts need not be looked at again to count them.
Loads the compiled passes: imported by the survey, never by a recipe's check.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from curation.extract import site_lines_kernel as kernel
from curation.extract.site_lines_table import SCHEMA, STORED_SHARE
from curation.normalise.text_column import text_views
from curation.provenance import id_words
from curation.survey import Rows

_COMPACT_ROWS = 2_000_000
_HELD_LINES = 8_000_000
_LINES_A_PAGE = 2 * (kernel.EDGE + kernel.RIM)


class Pages(NamedTuple):
    """Pages to count, sorted by host and id."""

    hosts: list[str]
    """Hosts with enough distinct pages, by name."""
    host: np.ndarray
    """Place of each page's host in `hosts`: int64 [pages]."""
    word: np.ndarray
    """Each page's id: uint64 [pages, 2]."""
    lines: tuple[np.ndarray, np.ndarray] | None
    """Place of a page (int64) and hash (uint64) of every edge line of these pages; None where they were too many to hold."""

    def of_hosts(self, first: int, last: int) -> "Pages":
        """The pages of hosts[first:last], without lines."""
        low, high = np.searchsorted(self.host, (first, last))
        return Pages(self.hosts[first:last], self.host[low:high] - first, self.word[low:high], None)


class _Held:
    """Edge lines of every page so far, by the number of the page; nothing any more once they are too many."""

    def __init__(self) -> None:
        self.page: list[np.ndarray] = []
        self.hash: list[np.ndarray] = []
        self.room = _HELD_LINES

    def add(self, data: np.ndarray, offsets: np.ndarray, first: int) -> None:
        """Takes the lines of a batch whose first page has this number."""
        if self.room < 0:
            return
        hashes, owners = _lines(data, offsets, np.arange(len(offsets) - 1))
        self.room -= len(hashes)
        self.page.append(owners + first)
        self.hash.append(hashes)
        if self.room < 0:
            self.page, self.hash = [], []

    def of(self, numbers: np.ndarray, pages: int) -> tuple[np.ndarray, np.ndarray] | None:
        """Lines of the pages with these numbers, of so many pages, by their place among the numbers."""
        if self.room < 0:
            return None
        place = np.full(pages, -1, np.int64)
        place[numbers.astype(np.int64)] = np.arange(len(numbers))
        at = place[np.concatenate([np.zeros(0, np.int64), *self.page])]
        return at[at >= 0], np.concatenate([np.zeros(0, np.uint64), *self.hash])[at >= 0]


def pages_to_count(rows: Rows, min_pages: int, max_pages: int) -> Pages:
    """Of hosts with at least `min_pages` distinct pages the `max_pages` with the smallest ids."""
    names: dict[str | None, int] = {}
    kept = [np.zeros((0, 5), np.uint64)]
    held = _Held()
    number = fresh = 0
    for batch in rows.read(("id", "host", "text")):
        data, offsets = text_views(batch.column("text"))
        block = np.zeros((batch.num_rows, 5), np.uint64)
        block[:, 0] = [names.setdefault(name, len(names)) for name in batch.column("host").to_pylist()]
        block[:, 1:3] = id_words(batch.column("id"))
        forms = np.zeros(batch.num_rows, np.uint64)
        kernel.page_forms(data, offsets, forms)
        block[:, 3] = forms
        block[:, 4] = np.arange(number, number + batch.num_rows)
        held.add(data, offsets, number)
        number += batch.num_rows
        nowhere = names.get(None)
        keep = forms != 0 if nowhere is None else (forms != 0) & (block[:, 0] != nowhere)
        kept.append(block[keep])
        fresh += len(block)
        if fresh >= _COMPACT_ROWS:
            kept, fresh = [_smallest(np.concatenate(kept), max_pages)], 0
    pages = _smallest(np.concatenate(kept), max_pages)
    size = np.bincount(pages[:, 0].astype(np.int64), minlength=len(names))
    by_name = sorted(name for name, at in names.items() if name is not None and size[at] >= min_pages)
    place = np.full(len(names) + 1, -1, np.int64)
    place[[names[name] for name in by_name]] = np.arange(len(by_name))
    host = place[pages[:, 0].astype(np.int64)]
    pages, host = pages[host >= 0], host[host >= 0]
    order = np.lexsort((pages[:, 2], pages[:, 1], host))
    pages = pages[order]
    return Pages(by_name, host[order], pages[:, 1:3], held.of(pages[:, 4], number))


def count_lines(rows: Rows, pages: Pages) -> pa.Table:
    """Rows of the table `site_lines` for the hosts of these pages."""
    hosts, host, word, lines = pages
    places = {name: place for place, name in enumerate(hosts)}
    if lines is not None:
        found = np.stack([host[lines[0]].astype(np.uint64), lines[1]], 1)
        keys, counts = _add(np.zeros((0, 2), np.uint64), np.zeros(0, np.int64), found)
    else:
        keys, counts = _counted(rows, places, host, word)
    total = np.bincount(host, minlength=len(hosts))
    of = keys[:, 0].astype(np.int64)
    keep = counts >= STORED_SHARE * total[of]
    keys, counts, of = keys[keep], counts[keep], of[keep]
    columns = [
        pa.array([hosts[k] for k in of], pa.string()),
        pa.array(keys[:, 1]),
        pa.array(np.where(keys[:, 1] & kernel.RIM_BIT, "rim", "edge"), pa.string()),
        pa.array(counts, pa.int32()),
        pa.array(total[of], pa.int32()),
        pa.array((counts / np.maximum(1, total[of])).astype(np.float32)),
        pa.array(_samples(rows, places, host, word, keys), pa.large_string()),
    ]
    return pa.table(columns, schema=SCHEMA)


def _counted(rows: Rows, places: dict[str, int], host: np.ndarray, word: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(host's place, hash) of each edge line of the pages, and on how many of them it stands, by another look at their texts."""
    keys, counts = np.zeros((0, 2), np.uint64), np.zeros(0, np.int64)
    found: list[np.ndarray] = []
    for data, offsets, chosen, owner in _chosen(rows, places, host, word):
        hashes, owners = _lines(data, offsets, chosen)
        found.append(np.stack([owner[owners].astype(np.uint64), hashes], 1))
        if sum(map(len, found)) >= 4 * _COMPACT_ROWS:
            keys, counts = _add(keys, counts, np.concatenate(found))
            found = []
    return _add(keys, counts, np.concatenate(found)) if found else (keys, counts)


def _lines(data: np.ndarray, offsets: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Hashes of the edge lines of the chosen rows, and the place in `chosen` of each one's row."""
    hashes = np.zeros(len(chosen) * _LINES_A_PAGE, np.uint64)
    owners = np.zeros(len(hashes), np.int64)
    n = kernel.lines_of_pages(data, offsets, chosen, hashes, owners)
    return hashes[:n], owners[:n]


def _samples(
    rows: Rows, places: dict[str, int], host: np.ndarray, word: np.ndarray, keys: np.ndarray
) -> list[str | None]:
    """One line for each (host, hash), from the first page of the rows' order that has it."""
    wanted = {(int(h), int(k)): i for i, (h, k) in enumerate(keys)}
    lines: list[str | None] = [None] * len(keys)
    h, b, e = (np.zeros(2 * kernel.EDGE, kind) for kind in (np.uint64, np.int64, np.int64))
    if not wanted:
        return lines
    for data, offsets, chosen, owner in _chosen(rows, places, host, word):
        for row, at in zip(chosen.tolist(), owner.tolist(), strict=True):
            n, _ = kernel.edge_lines(data, offsets[row], offsets[row + 1], h, b, e)
            for k in range(n):
                for key in (int(h[k]), int(h[k] | kernel.RIM_BIT)):
                    if (i := wanted.pop((at, key), None)) is not None:
                        lines[i] = data[b[k] : e[k]].tobytes().decode()[:200]
        if not wanted:
            break
    return lines


def _chosen(
    rows: Rows, places: dict[str, int], host: np.ndarray, word: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """(text bytes, offsets, rows to count, place of each one's host), batch by batch."""
    if not len(host):
        return
    pages = _page_keys(host, word)
    for batch in rows.read(("id", "host", "text")):
        own = np.array([places.get(name, -1) if name else -1 for name in batch.column("host").to_pylist()], np.int64)
        here = np.flatnonzero(own >= 0)
        if not len(here):
            continue
        ids = id_words(batch.column("id"))[here]
        looked = _page_keys(own[here], ids)
        at = np.minimum(np.searchsorted(pages, looked), len(pages) - 1)
        hit = pages[at] == looked
        if hit.any():
            data, offsets = text_views(batch.column("text"))
            yield data, offsets, here[hit], own[here[hit]]


def _page_keys(host: np.ndarray, words: np.ndarray) -> np.ndarray:
    """(host's place, id) as 24 big-endian bytes: one key that sorts like the pair."""
    keys = np.zeros(len(host), [("host", ">u8"), ("high", ">u8"), ("low", ">u8")])
    keys["host"], keys["high"], keys["low"] = host, words[:, 0], words[:, 1]
    return keys.view("S24")


def _smallest(pages: np.ndarray, most: int) -> np.ndarray:
    """Of (host, id, id, form, number) rows: one a form, that with the smallest id, and the `most` smallest ids of each host."""
    pages = pages[np.lexsort((pages[:, 2], pages[:, 1], pages[:, 3], pages[:, 0]))]
    new = np.ones(len(pages), bool)
    new[1:] = (pages[1:, 0] != pages[:-1, 0]) | (pages[1:, 3] != pages[:-1, 3])
    pages = pages[new]
    pages = pages[np.lexsort((pages[:, 2], pages[:, 1], pages[:, 0]))]
    start = np.searchsorted(pages[:, 0], pages[:, 0])
    return pages[np.arange(len(pages)) - start < most]


def _add(keys: np.ndarray, counts: np.ndarray, found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sorted distinct keys with their counts, after adding one for each found key."""
    keys = np.concatenate([keys, found])
    counts = np.concatenate([counts, np.ones(len(found), np.int64)])
    order = np.lexsort((keys[:, 1], keys[:, 0]))
    keys, counts = keys[order], counts[order]
    new = np.ones(len(keys), bool)
    new[1:] = (keys[1:] != keys[:-1]).any(1)
    starts = np.flatnonzero(new)
    return keys[starts], np.add.reduceat(counts, starts) if len(starts) else counts[:0]
