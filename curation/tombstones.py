"""Tombstones: what must not be read, kept, shown or released again, whoever finds it anew (DESIGN rule 8).

    FORGOTTEN/
      00000001.json    one `seimai forget`: when, by whom, why, and its keys; only ever added to, never changed

Keys are hashes of 128 bits: of hosts, of URLs (each with the hash of its host, so that a URL is looked at only where the host is one
that has a tombstone), of rows (pages, generated rows, pairs: their ids), of passages and of answers in the store, of annotators'
pseudonyms. No name, URL or text stands in a tombstone. A host's name can be guessed by whoever hashes names, so the folder is not for
publishing. Each file holds the hash of the one before it, so that a lost or changed one is noticed.

A host's tombstone stands for all hosts under it; a URL's for one page whatever its scheme, `www.`, port, fragment, last slash, or
spelling in percent escapes and punycode.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from yarl import URL

from curation.document import KEY
from curation.folder_lock import writing
from curation.place import Place
from curation.provenance import key

KINDS = ("host", "url", "row", "passage", "answer", "annotator")
"""What a tombstone may be of."""
THINGS = ("row", "passage", "answer")
"""Kinds whose keys stand in columns of shards as they are."""
NAMED_APART = ("cluster_examples", "matched")
"""Columns that name other rows than the one that they stand in."""
FOLDER = "forgotten"


class TombstoneError(Exception):
    """A folder of tombstones that cannot be believed: a file is missing, changed, or no tombstones at all."""


@dataclass(frozen=True)
class Entry:
    """One file. keys: hexadecimal, by kind; of a URL `HOST/URL`."""

    number: int
    at: str
    by: str
    reason: str
    keys: Mapping[str, Sequence[str]]


def host_key(host: str) -> bytes:
    """Key of a host.

    >>> host_key("米屋.Example.jp.") == host_key("xn--ogt316e.example.jp")
    True
    """
    return key("forgotten host", _ascii(host))


@lru_cache(maxsize=1 << 16)
def _ascii(host: str) -> str:
    plain = host.strip().rstrip(".").lower()
    try:
        return URL.build(scheme="http", host=plain).raw_host or plain
    except ValueError:
        return plain


@lru_cache(maxsize=1 << 16)
def host_keys(host: str) -> tuple[bytes, ...]:
    """Keys of a host and of all hosts above it, the nearest first."""
    labels = _ascii(host).split(".")
    return tuple(key("forgotten host", ".".join(labels[i:])) for i in range(len(labels)))


def url_key(url: str) -> tuple[bytes, bytes] | None:
    """Keys of a URL's host and of the URL; None for a text that is no URL of a host.

    >>> url_key("http://www.a.jp:80/%e7%b1%b3/#top") == url_key("https://a.jp/米")
    True
    >>> url_key("mailto:a@example.jp") is None
    True
    """
    try:
        parsed = URL(url.strip())
        host = (parsed.raw_host or "").rstrip(".").lower().removeprefix("www.")
        port = "" if parsed.port in (None, 80, 443) else f":{parsed.port}"
    except ValueError:
        return None
    if not host:
        return None
    said = f"{host}{port}{parsed.raw_path.rstrip('/')}?{parsed.raw_query_string}"
    return key("forgotten host", host), key("forgotten url", said)


def annotator_key(pseudonym: str) -> bytes:
    """Key of an annotator, by the name that label shards have."""
    return key("forgotten annotator", pseudonym)


@dataclass(frozen=True)
class Tombstones:
    """Tombstones that were read; of none, nothing matches."""

    entries: tuple[Entry, ...] = ()
    url: str = field(default="", compare=False)

    @classmethod
    def open(cls, url: str, through: int | None = None) -> "Tombstones":
        """The tombstones in a folder, or the first files of them; none where there is no folder. Raises TombstoneError."""
        place = Place(url)
        names = [n for n in place.names() if n.endswith(".json")]
        before, found = "", list[Entry]()
        for number, name in enumerate(names, 1):
            if name != f"{number:08d}.json":
                raise TombstoneError(f"{url}/{number:08d}.json: is missing; put it back from a copy")
            entry, before = _read(place, name, number, before)
            found.append(entry)
        if through is not None and len(found) < through:
            raise TombstoneError(
                f"{url}: has {len(found)} files of tombstones, and {through} were applied here before; put the others back"
            )
        return cls(tuple(found[:through]), url)

    def __len__(self) -> int:
        return len(self.entries)

    def keys(self, kind: str) -> set[bytes]:
        """Keys of a kind; of URLs those of the URLs."""
        return self._keys[kind]

    def holds(self, kind: str, key: bytes) -> bool:
        """Whether a key has a tombstone."""
        return key in self._keys[kind]

    def pages(self, batch: pa.RecordBatch | pa.Table) -> np.ndarray:
        """Rows of pages that are to be forgotten, by those of `id`, `url`, `host` that they have: bool [rows]."""
        gone = np.zeros(batch.num_rows, bool)
        names = batch.schema.names
        if self._keys["row"] and "id" in names and batch.schema.field("id").type == KEY:
            gone |= pc.is_in(batch.column("id"), value_set=self._values("row")).to_numpy(zero_copy_only=False)
        if not self._keys["host"] and not self._keys["url"]:
            return gone
        hosts = batch.column("host").to_pylist() if "host" in names else [None] * batch.num_rows
        urls = batch.column("url").to_pylist() if "url" in names else [None] * batch.num_rows
        for row in np.flatnonzero(~gone).tolist():
            gone[row] = self.page(urls[row], hosts[row])
        return gone

    def page(self, url: str | None, host: str | None) -> bool:
        """Whether a page at this URL, or on this host, is to be forgotten."""
        above = host_keys(host) if host else ()
        if any(one in self._keys["host"] for one in above):
            return True
        if url is None or (host and not any(one in self._url_hosts for one in above)):
            return False
        found = url_key(url)
        return found is not None and (found[1] in self._keys["url"] or (not host and found[0] in self._keys["host"]))

    def touched(self, table: pa.Table | pa.RecordBatch) -> np.ndarray:
        """Rows of any table that are, or grew from, what is to be forgotten: bool [rows].

        Looks at every column of 128-bit keys and of lists of them, at `seeds` and at the columns of `pages`; but not at columns
        that name other rows (`cluster_examples`, `matched`).
        """
        gone = self.pages(table)
        things = self._values(*THINGS)
        for name in table.schema.names:
            column, kind = table.column(name), table.schema.field(name).type
            if name in NAMED_APART or not len(things):
                continue
            if kind == KEY:
                gone |= pc.fill_null(pc.is_in(column, value_set=things), False).to_numpy(zero_copy_only=False)
            elif pa.types.is_list(kind) and kind.value_type == KEY:
                gone |= np.array([any(map(self._thing, v or ())) for v in column.to_pylist()], bool)
        if "seeds" in table.schema.names:
            gone |= np.array([any(map(self.seed, v or ())) for v in table.column("seeds").to_pylist()], bool)
        return gone

    def seed(self, seed: Mapping[str, Any]) -> bool:
        """Whether a seed of a generated row (`synth.dialogue.SEED`, or a passage) is to be forgotten."""
        raw, digest, host = seed.get("id") or "", seed.get("digest"), seed.get("host")
        if len(raw) == 32 and raw.strip("0123456789abcdef") == "" and self._thing(bytes.fromhex(raw)):
            return True
        digest = bytes.fromhex(digest) if isinstance(digest, str) else digest
        return (digest is not None and self._thing(digest)) or (bool(host) and self.page(None, host))

    def _thing(self, one: bytes | None) -> bool:
        return one is not None and any(one in self._keys[kind] for kind in THINGS)

    def _values(self, *kinds: str) -> pa.Array:
        return pa.array(sorted(set().union(*(self._keys[kind] for kind in kinds))), KEY)

    @cached_property
    def _keys(self) -> dict[str, set[bytes]]:
        found: dict[str, set[bytes]] = {kind: set() for kind in KINDS}
        for entry in self.entries:
            for kind, keys in entry.keys.items():
                found[kind] |= {bytes.fromhex(one.rpartition("/")[2]) for one in keys}
        return found

    @cached_property
    def _url_hosts(self) -> set[bytes]:
        said = (one for entry in self.entries for one in entry.keys.get("url", ()))
        return {bytes.fromhex(one.partition("/")[0]) for one in said}


def add(url: str, keys: Mapping[str, Sequence[str]], *, by: str, reason: str) -> Entry:
    """Adds a file of tombstones: the keys that none of those before has; `through` stays where there is none such.

    keys: hexadecimal by kind, of URLs `HOST/URL`. A second writer waits. Raises TombstoneError where the folder is damaged.
    """
    place = Place(url)
    with writing(place, "forget.lock"):
        there = Tombstones.open(url)
        known = {(kind, one) for entry in there.entries for kind, those in entry.keys.items() for one in those}
        fresh = {kind: sorted({one for one in keys.get(kind, ()) if (kind, one) not in known}) for kind in KINDS}
        entry = Entry(
            len(there) + 1,
            datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            by,
            reason,
            {kind: those for kind, those in fresh.items() if those},
        )
        if entry.keys:
            last = f"{len(there):08d}.json"
            before = hashlib.sha256(place.read_bytes(last)).hexdigest() if there.entries else ""
            said = {"format": 1, **_said(entry), "earlier": before, "content": _content(entry)}
            place.write_json(f"{entry.number:08d}.json", said)
    return entry


def _said(entry: Entry) -> dict[str, Any]:
    return {"at": entry.at, "by": entry.by, "reason": entry.reason, "keys": dict(entry.keys)}


def _content(entry: Entry) -> str:
    return hashlib.sha256(orjson.dumps(_said(entry), option=orjson.OPT_SORT_KEYS)).hexdigest()


def _read(place: Place, name: str, number: int, before: str) -> tuple[Entry, str]:
    where = f"{place.url}/{name}"
    raw = place.read_bytes(name)
    try:
        said = orjson.loads(raw)
        entry = Entry(number, said["at"], said["by"], said["reason"], said["keys"])
        wrong = list(_wrong(entry))
        content, earlier = said["content"], said["earlier"]
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise TombstoneError(f"{where}: holds no tombstones ({error}); put the file back from a copy") from None
    if wrong:
        raise TombstoneError(f"{where}: {wrong[0]}; put the file back from a copy")
    if content != _content(entry):
        raise TombstoneError(f"{where}: was changed (its keys are not those that it was written with); put it back")
    if earlier != before:
        raise TombstoneError(f"{where}: was written after another {number - 1:08d}.json than the one that is there")
    return entry, hashlib.sha256(raw).hexdigest()


def _wrong(entry: Entry) -> Iterator[str]:
    """What of an entry's keys is none."""
    for kind, keys in entry.keys.items():
        if kind not in KINDS:
            yield f"there is no kind '{kind}' of tombstone; {', '.join(KINDS)}"
        for one in keys:
            parts = one.split("/")
            if len(parts) != 1 + (kind == "url") or any(len(p) != 32 or p.strip("0123456789abcdef") for p in parts):
                yield f"'{one}' is no key of kind {kind} (32 hexadecimal digits)"
