"""Counting the lines of sites: which pages of a host to look at, and on how many of them each line stands.

Memory follows from the counted pages (32 bytes each, 2,000 a host) and from the lines of 400,000 pages at a time, not from the rows.
Texts are read for sample lines only, until each has one.
Loads the compiled passes: imported by the survey, never by a recipe's check.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from curation.extract import site_lines_kernel as kernel
from curation.extract.site_lines_table import SCHEMA, STORED_SHARE
from curation.normalise.text_column import text_views
from curation.provenance import id_words
from curation.step import Batch
from curation.survey import Rows

COMPACT_ROWS = 2_000_000
"""Rows, or lines, that are held before they are added to what is counted."""
LOOKED_THROUGH = 100_000
"""Chosen pages that are looked through for a sample of each line, at most."""


def pages_to_count(rows: Rows, min_pages: int, max_pages: int) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Hosts with enough distinct pages, by name; and the (host's place, id word) of each page to count, sorted."""
    names: dict[str | None, int] = {}
    kept = [np.zeros((0, 4), np.uint64)]
    fresh = 0
    for batch in rows.read(("id", "host", "page_letters")):
        block = np.zeros((batch.num_rows, 4), np.uint64)
        block[:, 0] = [names.setdefault(name, len(names)) for name in batch.column("host").to_pylist()]
        block[:, 1:3] = id_words(batch.column("id"))
        block[:, 3] = forms = batch.column("page_letters").to_numpy()
        nowhere = names.get(None)
        keep = forms != 0 if nowhere is None else (forms != 0) & (block[:, 0] != nowhere)
        kept.append(block[keep])
        fresh += len(block)
        if fresh >= COMPACT_ROWS:
            kept, fresh = [smallest(np.concatenate(kept), max_pages)], 0
    pages = smallest(np.concatenate(kept), max_pages)
    size = np.bincount(pages[:, 0].astype(np.int64), minlength=len(names))
    by_name = sorted(name for name, at in names.items() if name is not None and size[at] >= min_pages)
    place = np.full(len(names) + 1, -1, np.int64)
    place[[names[name] for name in by_name]] = np.arange(len(by_name))
    host = place[pages[:, 0].astype(np.int64)]
    pages, host = pages[host >= 0], host[host >= 0]
    order = np.lexsort((pages[:, 2], pages[:, 1], host))
    return by_name, host[order], pages[order, 1:3]


def count_lines(rows: Rows, hosts: list[str], host: np.ndarray, word: np.ndarray) -> pa.Table:
    """Rows of the table `site_lines` for the given hosts; `host` and `word` are the pages to count, sorted by both."""
    places = {name: place for place, name in enumerate(hosts)}
    keys, counts = np.zeros((0, 2), np.uint64), np.zeros(0, np.int64)
    found: list[np.ndarray] = []
    for batch, chosen, owner in _chosen(rows, places, host, word, ("edge_lines",)):
        lines = batch.column("edge_lines").take(pa.array(chosen))
        size = np.diff(lines.offsets.to_numpy())
        found.append(np.stack([np.repeat(owner, size).astype(np.uint64), lines.flatten().to_numpy()], 1))
        if sum(map(len, found)) >= 4 * COMPACT_ROWS:
            keys, counts = add(keys, counts, np.concatenate(found))
            found = []
    if found:
        keys, counts = add(keys, counts, np.concatenate(found))
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


def _samples(
    rows: Rows, places: dict[str, int], host: np.ndarray, word: np.ndarray, keys: np.ndarray
) -> list[str | None]:
    """One line for each (host, hash), from the first page of the rows' order that has it; null where too many pages have not."""
    wanted = {(int(h), int(k)): i for i, (h, k) in enumerate(keys)}
    lines: list[str | None] = [None] * len(keys)
    h, b, e = (np.zeros(2 * kernel.EDGE, kind) for kind in (np.uint64, np.int64, np.int64))
    looked = 0
    if not wanted:
        return lines
    for batch, chosen, owner in _chosen(rows, places, host, word, ("text",)):
        data, offsets = text_views(batch.column("text"))
        looked += len(chosen)
        for row, at in zip(chosen.tolist(), owner.tolist(), strict=True):
            n, _ = kernel.edge_lines(data, offsets[row], offsets[row + 1], h, b, e)
            for k in range(n):
                for key in (int(h[k]), int(h[k] | kernel.RIM_BIT)):
                    if (i := wanted.pop((at, key), None)) is not None:
                        lines[i] = data[b[k] : e[k]].tobytes().decode()[:200]
        if not wanted or looked >= LOOKED_THROUGH:
            break
    return lines


def _chosen(
    rows: Rows, places: dict[str, int], host: np.ndarray, word: np.ndarray, columns: Sequence[str]
) -> Iterator[tuple[Batch, np.ndarray, np.ndarray]]:
    """(batch with these columns, its rows to count, place of each one's host), batch by batch."""
    pages = _page_keys(host, word)
    for batch in rows.read(("id", "host", *columns)):
        own = np.array([places.get(name, -1) if name else -1 for name in batch.column("host").to_pylist()], np.int64)
        here = np.flatnonzero(own >= 0)
        if not len(here):
            continue
        ids = id_words(batch.column("id"))[here]
        looked = _page_keys(own[here], ids)
        at = np.minimum(np.searchsorted(pages, looked), len(pages) - 1)
        hit = pages[at] == looked
        if hit.any():
            yield batch, here[hit], own[here[hit]]


def _page_keys(host: np.ndarray, words: np.ndarray) -> np.ndarray:
    """(host's place, id) as 24 big-endian bytes: one key that sorts like the pair."""
    keys = np.zeros(len(host), [("host", ">u8"), ("high", ">u8"), ("low", ">u8")])
    keys["host"], keys["high"], keys["low"] = host, words[:, 0], words[:, 1]
    return keys.view("S24")


def smallest(pages: np.ndarray, most: int) -> np.ndarray:
    """Of (host, id, id, form) rows: one a form, that with the smallest id, and the `most` smallest ids of each host."""
    pages = pages[np.lexsort((pages[:, 2], pages[:, 1], pages[:, 3], pages[:, 0]))]
    new = np.ones(len(pages), bool)
    new[1:] = (pages[1:, 0] != pages[:-1, 0]) | (pages[1:, 3] != pages[:-1, 3])
    pages = pages[new]
    pages = pages[np.lexsort((pages[:, 2], pages[:, 1], pages[:, 0]))]
    start = np.searchsorted(pages[:, 0], pages[:, 0])
    return pages[np.arange(len(pages)) - start < most]


def add(keys: np.ndarray, counts: np.ndarray, found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sorted distinct keys with their counts, after adding one for each found key."""
    keys = np.concatenate([keys, found])
    counts = np.concatenate([counts, np.ones(len(found), np.int64)])
    order = np.lexsort((keys[:, 1], keys[:, 0]))
    keys, counts = keys[order], counts[order]
    new = np.ones(len(keys), bool)
    new[1:] = (keys[1:] != keys[:-1]).any(1)
    starts = np.flatnonzero(new)
    return keys[starts], np.add.reduceat(counts, starts) if len(starts) else counts[:0]
