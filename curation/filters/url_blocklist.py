"""Rejecting pages by lists of domains and URLs, each of a category.

Lists are data with a source and a licence (`listed.py`); their entries stand one a line, as in UT1's `domains` and `urls` files:
`example.com` stands for the host and all hosts under it, `example.com/adult` for the pages under that path; a leading `*.`, `.`,
`www.` or scheme changes nothing, `#` begins a comment. None comes along: the lists that others use have terms of their own, so a
recipe brings them, described in a YAML file. Swallow's ngurl.py uses UT1 and refuses `.5ch.net` and `wikipedia.org`; it compares
whole host names otherwise, and stops on a URL without one.
Millions of entries are held as sorted 64-bit hashes beside one Arrow array of their texts, about 40 bytes each.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa

from curation.filters.listed import read_list
from curation.step import Batch, Columns, Decide

MAX_PATH_PARTS = 8
"""Deepest path, in parts between slashes, that an entry may name."""


class UrlBlocklist(Decide):
    """Rejects rows whose host or URL is in a list; a row without a URL is kept.

    lists: paths of the YAML files that describe them; a recipe's begin at its folder. The detail of a rejected row is category, list
    and entry.
    """

    reads, reasons = ("url",), ("url_blocked",)

    def __init__(self, lists: list[str]):
        super().__init__()
        if not lists:
            raise ValueError("url_blocklist: 'lists' names no list")
        self.lists = lists
        try:
            self._notes = {}
            for name in lists:
                listed = read_list(name, "urls")
                self._notes[listed.name] = listed.note()
        except ValueError as error:
            raise ValueError(f"url_blocklist: {error}") from None

    def artefacts(self) -> Mapping[str, bytes]:
        """The entries."""
        return {listed.name: listed.raw for listed in (read_list(name, "urls") for name in self.lists)}

    def manifest_notes(self) -> Mapping[str, Any]:
        """Source, version and licence of each list."""
        return {"url_lists": self._notes}

    def setup(self) -> None:
        """Reads, hashes and sorts the entries. Raises ValueError for a list without any."""
        named: dict[str, int] = {}
        self._said: list[str] = []
        for number, name in enumerate(self.lists):
            listed = read_list(name, "urls")
            found = entries(listed.raw)
            if not found:
                raise ValueError(f"url_blocklist: no entry in {name}")
            self._said.append(f"{listed.said.category} ({listed.name})")
            for entry in found:
                named.setdefault(entry, number)
        hashes = _hashes(list(named))
        order = np.argsort(hashes, kind="stable")
        self._hashes = hashes[order]
        self._entries = pa.array(named, pa.large_string()).take(pa.array(order))
        self._numbers = np.fromiter(named.values(), np.int16, len(named))[order]

    def columns(self, batch: Batch) -> Columns:
        asked = [() if url is None else names_of(url) for url in batch.column("url").to_pylist()]
        listed = self._listed(sorted({name for row in asked for name in row}))
        hits = [next((listed[name] for name in row if name in listed), None) for row in asked]
        return {
            "reason": pa.array([None if hit is None else "url_blocked" for hit in hits], pa.string()),
            "detail": pa.array(hits, pa.string()),
        }

    def _listed(self, names: list[str]) -> dict[str, str]:
        """Those of the names that are entries, with what is said of them: the list's file and the entry."""
        found = {}
        hashes = _hashes(names)
        for name, key, at in zip(names, hashes, np.searchsorted(self._hashes, hashes).tolist(), strict=True):
            while at < len(self._hashes) and self._hashes[at] == key:
                if self._entries[at].as_py() == name:
                    found[name] = f"{self._said[self._numbers[at]]}: {name}"
                at += 1
        return found

    def __getstate__(self) -> dict[str, Any]:
        """A worker reads the lists itself: they may be hundreds of megabytes."""
        return {k: v for k, v in self.__dict__.items() if k not in ("_hashes", "_entries", "_numbers")}


def entries(raw: bytes) -> list[str]:
    """Entries of a list as they are looked up: lower-case host without scheme, wildcard and www., path as it is.

    >>> entries(b"# UT1\\n*.Example.com\\nhttps://www.example.org/Ads/\\n.5ch.net\\n\\n")
    ['example.com', 'example.org/Ads', '5ch.net']
    """
    found = []
    for line in raw.decode("utf-8-sig").splitlines():
        said = line.split(" #")[0].strip()
        if not said or said.startswith("#"):
            continue
        host, slash, path = said.split("://", 1)[-1].partition("/")
        host = host.lower().removeprefix("*").removeprefix(".").removeprefix("www.").rstrip(".")
        if host:
            found.append(host + (slash + path.rstrip("/") if path.rstrip("/") else ""))
    return found


def names_of(url: str) -> list[str]:
    """What of a URL an entry may name: the host and all hosts above it, then the host with ever more of the path.

    A URL that cannot be parsed, or has no host, has none.

    >>> names_of("http://www.a.example.com:80/x/y.html?q=1")
    ['a.example.com', 'example.com', 'com', 'a.example.com/x', 'a.example.com/x/y.html', 'a.example.com/x/y.html?q=1']
    >>> names_of("http://[::1/"), names_of("mailto:a@example.com")
    ([], [])
    """
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").removeprefix("www.").rstrip(".")
    except ValueError:
        return []
    if not host:
        return []
    labels = host.split(".")
    names = [".".join(labels[i:]) for i in range(len(labels))]
    path = host
    for part in parts.path.strip("/").split("/")[:MAX_PATH_PARTS]:
        if part:
            path = f"{path}/{part}"
            names.append(path)
    return [*names, f"{path}?{parts.query}"] if parts.query else names


def _hashes(names: list[str]) -> np.ndarray:
    """64-bit hashes of texts, the same within one process: uint64 [len(names)]."""
    import polars as pl

    return pl.Series(names, dtype=pl.String).hash(0).to_numpy()
