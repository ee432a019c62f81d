"""The ledger: what a model has been shown, by normal form, over all runs and stages, and what it may still be shown.

    LEDGER/
      ledger.json              K and the version of the normal form that the keys are of
      entries/NAME.parquet     the showings of one run and stage: form_key, cluster (the label then), source, showings, charged
      entries/NAME.json        run id, stage, rows, SHA-256: written last, and what makes the entry exist
      forgotten/NAME.parquet   tombstones: form_key, and whether its whole cluster is meant

Rows are kept by normal form, because a form never changes; the label of its cluster is looked up when the ledger is read. A form that
today's rows hold has today's label; one that they lack has today's label of its old kept row, and else its old label. Old labels
never change within one index (DESIGN), so debits stay with their cluster from crawl to crawl.

`showings` is what happened, `charged` what it costs of the allowance: equal, except where a fractional epoch is charged as the whole
one above it. No cluster is charged more than K; what would pass it is refused as a whole, naming clusters and sources.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.dedup.key_order import column_keys, distinct_keys, key_bytes
from curation.dedup.normal_form import FORM_VERSION
from curation.document import KEY
from curation.parquet_file import read_parquet, write_parquet
from curation.place import Place
from curation.shards import positions

ENTRY = pa.schema(
    [
        pa.field("form_key", KEY),
        pa.field("cluster", KEY),
        pa.field("source", pa.string()),
        pa.field("showings", pa.int32()),
        pa.field("charged", pa.int32()),
    ]
)
"""Columns of an entry's rows: one row a form and source."""

_TOMBSTONE = pa.schema([pa.field("form_key", KEY), pa.field("whole_cluster", pa.bool_())])
_NAMED = 5


class LedgerError(Exception):
    """What a ledger refuses: another K, another normal form, showings past K, a run that is there with other showings."""


@dataclass(frozen=True)
class Labels:
    """Today's label of each form that today's rows hold: sorted distinct form keys and, beside each, its cluster, uint64 [n, 2]."""

    forms: np.ndarray
    clusters: np.ndarray

    @classmethod
    def of(cls, forms: np.ndarray, clusters: np.ndarray) -> "Labels":
        """From a form key and a cluster a row, in any order; rows of one form have one cluster."""
        distinct, place = distinct_keys(forms)
        label = np.zeros_like(distinct)
        label[place] = clusters
        return cls(distinct, label)

    def resolve(self, forms: np.ndarray, old: np.ndarray) -> np.ndarray:
        """Today's labels of entries with these forms and old labels (see the head of this file)."""
        label = old.copy()
        for keys in (old, forms):
            at = positions(self.forms, keys)
            label[at >= 0] = self.clusters[at[at >= 0]]
        return label


@dataclass(frozen=True)
class Standing:
    """What a set of clusters has been charged and shown, and which of them are forgotten as a whole; arrays over clusters."""

    charged: np.ndarray
    showings: np.ndarray
    forgotten: np.ndarray


class Ledger:
    """A ledger in a folder. `k` is the allowance that it was opened with for the first time."""

    def __init__(self, place: Place, k: int):
        self.place, self.k = place, k

    @classmethod
    def open(cls, url: str, k: int | None = None, *, create: bool = False) -> "Ledger":
        """Opens a ledger; with `create`, one that is not there yet begins with K = k.

        Raises LedgerError where there is none, for another K than `k`, and for keys of another normal form.
        """
        place = Place(url)
        if not place.exists("ledger.json"):
            if not create or k is None:
                raise LedgerError(
                    f"{url}: there is no ledger here (no ledger.json); begin one with `seimai ledger new`"
                )
            if k < 1:
                raise LedgerError(f"{url}: k must be at least 1 showing, not {k}")
            place.write_json("ledger.json", {"format": 1, "k": k, "normal_form": FORM_VERSION})
        about = place.read_json("ledger.json")
        if about["normal_form"] != FORM_VERSION:
            raise LedgerError(
                f"{url}: its keys are of normal form {about['normal_form']}, and these rows are of {FORM_VERSION}; "
                "keys of different versions cannot be compared"
            )
        if k is not None and about["k"] != k:
            raise LedgerError(
                f"{url}: this ledger is kept with K = {about['k']}, and K = {k} was asked for; "
                f"use k: {about['k']}, or begin another ledger"
            )
        return cls(place, about["k"])

    @property
    def stamp(self) -> bytes:
        """What the ledger holds, in short: equal stamps are equal ledgers."""
        held = [f"{e['run']}\n{e['stage']}\n{e['content']}" for e in self.entries()]
        return "\n".join([str(self.k), *held, *self.place.names("forgotten")]).encode()

    def entries(self) -> list[dict[str, Any]]:
        """What is said of each entry (run, stage, rows, showings), in order of name."""
        names = [n for n in self.place.names("entries") if n.endswith(".json")]
        return [self.place.read_json(f"entries/{name}") for name in names]

    def rows(self, run: str | None = None) -> Iterator[tuple[dict[str, Any], pa.Table]]:
        """Each entry with its rows, or only those of a run."""
        for entry in self.entries():
            if run in (None, entry["run"]):
                yield entry, read_parquet(self.place, entry["file"]["path"]).select(ENTRY.names).cast(ENTRY)

    def standing(self, clusters: np.ndarray, labels: Labels) -> Standing:
        """Charges, showings and tombstones of these clusters (sorted distinct labels, uint64 [n, 2]), entry by entry."""
        charged, showings = np.zeros(len(clusters), np.int64), np.zeros(len(clusters), np.int64)
        for _, table in self.rows():
            at = self._places(clusters, labels, table)
            here = at >= 0
            np.add.at(charged, at[here], table.column("charged").to_numpy()[here])
            np.add.at(showings, at[here], table.column("showings").to_numpy()[here])
        forgotten = np.zeros(len(clusters), bool)
        forms, whole = self._tombstones()
        at = positions(clusters, labels.resolve(forms[whole], forms[whole]))
        forgotten[at[at >= 0]] = True
        return Standing(charged, showings, forgotten)

    @staticmethod
    def _places(clusters: np.ndarray, labels: Labels, table: pa.Table) -> np.ndarray:
        forms, old = column_keys(table.column("form_key")), column_keys(table.column("cluster"))
        return positions(clusters, labels.resolve(forms, old))

    def add(self, run: str, stage: str, rows: pa.Table, labels: Labels | None = None) -> bool:
        """Enters the showings of one stage of a run (columns `ENTRY`); False when just this entry is there already.

        labels: of today's rows; those of `rows` themselves when not given. Raises LedgerError, and enters nothing, when a cluster
        would pass K, when a form or cluster was forgotten, or when the run's stage is there with other showings.
        """
        rows = _summed(rows)
        name = hashlib.sha256(f"{run}\n{stage}".encode()).hexdigest()[:24]
        content = _content(rows)
        if self.place.exists(f"entries/{name}.json"):
            if self.place.read_json(f"entries/{name}.json")["content"] == content:
                return False
            raise LedgerError(
                f"{self.place.url}: stage '{stage}' of run {run} is entered already, with other showings; "
                "training that happened again is another run and needs another run id"
            )
        labels = labels or Labels.of(column_keys(rows.column("form_key")), column_keys(rows.column("cluster")))
        self._refuse(rows, labels)
        file = write_parquet(self.place, f"entries/{name}.parquet", rows)
        total = {c: int(pc.sum(rows.column(c)).as_py() or 0) for c in ("showings", "charged")}
        about = {"run": run, "stage": stage, "rows": len(rows), **total, "content": content, "file": file}
        self.place.write_json(f"entries/{name}.json", about)
        return True

    def _refuse(self, rows: pa.Table, labels: Labels) -> None:
        forms, old = column_keys(rows.column("form_key")), column_keys(rows.column("cluster"))
        resolved = labels.resolve(forms, old)
        clusters, place = distinct_keys(resolved)
        standing = self.standing(clusters, labels)
        gone = standing.forgotten[place] | self.is_forgotten(forms)
        if gone.any():
            raise LedgerError(f"{self.place.url}: shows what was forgotten: {_hex(forms[gone][:_NAMED])}")
        after = standing.charged + np.bincount(place, rows.column("charged").to_numpy(), len(clusters)).astype(np.int64)
        over = np.flatnonzero(after > self.k)
        if len(over):
            said = [self._passing(clusters[c], int(after[c]), rows, place == c, labels) for c in over[:_NAMED]]
            more = f"\n  and {len(over) - _NAMED:,} more" if len(over) > _NAMED else ""
            raise LedgerError(
                f"{self.place.url}: {len(over):,} cluster{'s' if len(over) > 1 else ''} would pass K = {self.k}, "
                f"and nothing was entered:\n  " + "\n  ".join(said) + more
            )

    def _passing(self, cluster: np.ndarray, after: int, rows: pa.Table, here: np.ndarray, labels: Labels) -> str:
        now: dict[str, int] = {}
        for row in rows.filter(pa.array(here)).to_pylist():
            now[row["source"]] = now.get(row["source"], 0) + row["charged"]
        before: dict[str, int] = {}
        for entry, table in self.rows():
            mine = self._places(cluster[None], labels, table) >= 0
            for row in table.filter(pa.array(mine)).to_pylist():
                said = f"{row['source']} ({entry['run']}, {entry['stage']})"
                before[said] = before.get(said, 0) + row["charged"]
        return (
            f"cluster {_hex(cluster[None])}: {after} showings; asked for: "
            + ", ".join(f"{n} from {s}" for s, n in now.items())
            + "; earlier: "
            + (", ".join(f"{n} from {s}" for s, n in before.items()) or "none")
        )

    def forget(self, keys: list[bytes], *, whole_clusters: bool = False) -> int:
        """Leaves tombstones for these form keys (and all that is in their clusters): never to be shown again. Debits stay.

        Returns how many are new.
        """
        forms, whole = self._tombstones()
        there = {(key_bytes(f[None]).tobytes(), bool(w)) for f, w in zip(forms, whole, strict=True)}
        fresh = sorted({k for k in keys if (k, whole_clusters) not in there and (k, True) not in there})
        if fresh:
            table = pa.table([pa.array(fresh, KEY), pa.array([whole_clusters] * len(fresh))], schema=_TOMBSTONE)
            name = hashlib.sha256(b"".join(fresh) + bytes([whole_clusters])).hexdigest()[:24]
            write_parquet(self.place, f"forgotten/{name}.parquet", table)
        return len(fresh)

    def is_forgotten(self, forms: np.ndarray) -> np.ndarray:
        """Which of these form keys have a tombstone of their own, bool [n]."""
        known, _ = distinct_keys(self._tombstones()[0])
        return positions(known, forms) >= 0

    def _tombstones(self) -> tuple[np.ndarray, np.ndarray]:
        tables = [read_parquet(self.place, f"forgotten/{n}") for n in self.place.names("forgotten")]
        table = pa.concat_tables(tables) if tables else _TOMBSTONE.empty_table()
        return column_keys(table.column("form_key")), np.array(table.column("whole_cluster").to_pylist(), bool)


def _summed(rows: pa.Table) -> pa.Table:
    """One row a form, cluster and source, sorted."""
    keys = ["form_key", "cluster", "source"]
    made = rows.select(ENTRY.names).group_by(keys).aggregate([("showings", "sum"), ("charged", "sum")])
    made = made.rename_columns([*keys, "showings", "charged"]).select(ENTRY.names).cast(ENTRY)
    return made.sort_by([(k, "ascending") for k in keys]).combine_chunks()


def _content(rows: pa.Table) -> str:
    digest = hashlib.sha256()
    for name in ("form_key", "cluster"):
        digest.update(key_bytes(column_keys(rows.column(name))).tobytes())
    for name in ("showings", "charged"):
        digest.update(rows.column(name).to_numpy().astype("<i4").tobytes())
    digest.update("\n".join(s or "" for s in rows.column("source").to_pylist()).encode())
    return digest.hexdigest()


def _hex(words: np.ndarray) -> str:
    return ", ".join(bytes(row).hex() for row in key_bytes(words))
