"""The ledger: what a model has been shown, by normal form, over all runs and stages, and what it may still be shown.

    LEDGER/
      ledger.json              K and the version of the normal form that the keys are of
      entries/  forgotten/     what was shown, and what must not be shown again (ledger_files.py)

Rows are kept by normal form, because a form never changes; the label of its cluster is looked up when the ledger is read. A form that
today's rows hold has today's label; one that they lack has today's label of its old kept row, and else its old label. Old labels
never change within one index (DESIGN), so debits stay with their cluster from crawl to crawl.

`showings` is what happened, `charged` what it costs of the allowance: equal, except where a fractional epoch is charged as the whole
one above it. No cluster is charged more than K; what would pass it is refused as a whole, naming clusters and sources.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from curation.dedup.key_order import column_keys, distinct_keys, key_bytes
from curation.dedup.normal_form import FORM_VERSION
from curation.folder_lock import writing
from curation.merge_join import positions
from curation.mixture.labels import Labels
from curation.mixture.ledger_files import (
    ENTRY,
    LedgerError,
    content_of,
    entry_name,
    read_entries,
    read_json,
    read_rows,
    read_tombstones,
    summed,
    tombstone_files,
    write_rows,
    write_tombstones,
)
from curation.place import Place

LOCK = "ledger.lock"
"""File in the ledger's folder that its one writer holds."""

_NAMED = 5


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
            with writing(place, LOCK):
                if not place.exists("ledger.json"):
                    place.write_json("ledger.json", {"format": 1, "k": k, "normal_form": FORM_VERSION})
        about = read_json(place, "ledger.json", ("k", "normal_form"))
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
        return "\n".join([str(self.k), *held, *tombstone_files(self.place)]).encode()

    def entries(self) -> list[dict[str, Any]]:
        """What is said of each entry (run, stage, rows, showings), in order of name. Raises LedgerError for damage."""
        return read_entries(self.place)

    def rows(self, run: str | None = None) -> Iterator[tuple[dict[str, Any], pa.Table]]:
        """Each entry with its rows, or only those of a run. Raises LedgerError where a file is not the one that was written."""
        for entry in self.entries():
            if run in (None, entry["run"]):
                yield entry, read_rows(self.place, entry)

    def standing(self, clusters: np.ndarray, labels: Labels) -> Standing:
        """Charges, showings and tombstones of these clusters (sorted distinct labels, uint64 [n, 2]), entry by entry."""
        charged, showings = np.zeros(len(clusters), np.int64), np.zeros(len(clusters), np.int64)
        for _, table in self.rows():
            at = self._places(clusters, labels, table)
            here = at >= 0
            np.add.at(charged, at[here], table.column("charged").to_numpy()[here])
            np.add.at(showings, at[here], table.column("showings").to_numpy()[here])
        forgotten = np.zeros(len(clusters), bool)
        forms, old, whole = self._tombstones()
        at = positions(clusters, labels.resolve(forms[whole], old[whole]))
        forgotten[at[at >= 0]] = True
        return Standing(charged, showings, forgotten)

    @staticmethod
    def _places(clusters: np.ndarray, labels: Labels, table: pa.Table) -> np.ndarray:
        forms, old = column_keys(table.column("form_key")), column_keys(table.column("cluster"))
        return positions(clusters, labels.resolve(forms, old))

    def add(self, run: str, stage: str, rows: pa.Table, labels: Labels | None = None) -> bool:
        """Enters the showings of one stage of a run; `add_all` of one."""
        return self.add_all(run, [(stage, rows)], labels)[0]

    def add_all(self, run: str, stages: Sequence[tuple[str, pa.Table]], labels: Labels | None = None) -> list[bool]:
        """Enters the showings of stages of a run (columns `ENTRY`), all of them or none; False for each that is there already.

        labels: of today's rows; those of the rows themselves when not given. Raises LedgerError, and enters nothing, when a cluster
        would pass K over all the stages, when a form or cluster was forgotten, or when a stage is there with other showings. A
        second writer waits until the first has entered. Killed between two stages, the same call enters the rest.
        """
        if len({stage for stage, _ in stages}) < len(stages):
            raise LedgerError(f"{self.place.url}: two stages of {run} have one name, and an entry is known by it")
        asked = [(stage, summed(rows, f"{self.place.url}: stage '{stage}' of {run}")) for stage, rows in stages]
        with writing(self.place, LOCK):
            there = [self._is_there(run, stage, rows) for stage, rows in asked]
            fresh = [one for one, known in zip(asked, there, strict=True) if not known]
            if fresh:
                every = pa.concat_tables([rows for _, rows in fresh])
                labels = labels or Labels.joined(*(column_keys(every.column(c)) for c in ("form_key", "cluster")))
                self._refuse(every, labels)
                self._enter(run, fresh)
                if not self.place.local:  # nothing kept another writer out: what both entered must fit too
                    self._look_again(run, fresh, every, labels)
        return [not known for known in there]

    def _is_there(self, run: str, stage: str, rows: pa.Table) -> bool:
        name = entry_name(run, stage)
        if not self.place.exists(f"entries/{name}.json"):
            return False
        if read_json(self.place, f"entries/{name}.json", ("content",))["content"] != content_of(rows):
            raise LedgerError(
                f"{self.place.url}: stage '{stage}' of run {run} is entered already, with other showings; "
                "training that happened again is another run and needs another run id"
            )
        return True

    def _enter(self, run: str, stages: Sequence[tuple[str, pa.Table]]) -> None:
        """Writes all rows, then what makes each entry exist."""
        earlier = [entry_name(e["run"], e["stage"]) for e in self.entries()]
        about = {}
        for stage, rows in stages:
            name = entry_name(run, stage)
            said = write_rows(self.place, name, rows.cast(ENTRY))
            about[name] = {"run": run, "stage": stage, **said, "earlier": list(earlier)}
        for name, said in about.items():
            self.place.write_json(f"entries/{name}.json", said)

    def _look_again(self, run: str, stages: Sequence[tuple[str, pa.Table]], every: pa.Table, labels: Labels) -> None:
        try:
            self._refuse(every, labels, entered=run)
        except LedgerError:
            for stage, _ in stages:
                for ending in ("json", "parquet"):
                    self.place.fs.rm_file(f"{self.place.path}/entries/{entry_name(run, stage)}.{ending}")
            raise

    def _refuse(self, rows: pa.Table, labels: Labels, entered: str | None = None) -> None:
        """Raises LedgerError where rows would take a cluster past K, or show what was forgotten.

        entered: the run that the rows are of, once they are in the ledger.
        """
        forms, old = column_keys(rows.column("form_key")), column_keys(rows.column("cluster"))
        clusters, place = distinct_keys(labels.resolve(forms, old))
        standing = self.standing(clusters, labels)
        gone = standing.forgotten[place] | self.is_forgotten(forms)
        if gone.any():
            raise LedgerError(f"{self.place.url}: shows what was forgotten: {_hex(forms[gone][:_NAMED])}")
        after = standing.charged.copy()
        if entered is None:
            np.add.at(after, place, rows.column("charged").to_numpy())
        over = np.flatnonzero(after > self.k)
        if len(over):
            said = [self._passing(clusters[c], int(after[c]), rows, place == c, labels, entered) for c in over[:_NAMED]]
            more = f"\n  and {len(over) - _NAMED:,} more" if len(over) > _NAMED else ""
            raise LedgerError(
                f"{self.place.url}: {len(over):,} cluster{'s' if len(over) > 1 else ''} would pass K = {self.k}, "
                f"and nothing was entered:\n  " + "\n  ".join(said) + more
            )

    def _passing(
        self, cluster: np.ndarray, after: int, rows: pa.Table, here: np.ndarray, labels: Labels, run: str | None
    ) -> str:
        now: dict[str, int] = {}
        for row in rows.filter(pa.array(here)).to_pylist():
            now[row["source"]] = now.get(row["source"], 0) + row["charged"]
        before: dict[str, int] = {}
        for entry, table in self.rows():
            if entry["run"] == run:
                continue
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

    def forget(self, keys: Sequence[bytes], *, whole_clusters: bool = False, members: Iterable[pa.Table] = ()) -> int:
        """Leaves tombstones for these form keys (with `whole_clusters`, for all that is in their clusters): never shown again.

        A key may also be a label. Which cluster a form is in, and what else is, is known of what the ledger has entered and of
        `members` (columns form_key and cluster; read as often as needed); of other clusters only the key itself. Debits stay.
        Returns how many of the keys are new.
        """
        with writing(self.place, LOCK):
            known = self.clusters_of(keys, members) if whole_clusters else {}
            mine = {(key, label) for key in keys for label in known.get(key) or (key,)}
            wanted = mine | set(self._members({label for labels in known.values() for label in labels}, members))
            there = [r for r in read_tombstones(self.place).to_pylist() if r["whole_cluster"] or not whole_clusters]
            if whole_clusters:
                fresh = wanted - {(r["form_key"], r["cluster"]) for r in there}
            else:
                fresh = wanted - {(r["form_key"], r["form_key"]) for r in there}
            if fresh:
                write_tombstones(self.place, sorted(fresh), whole_clusters)
        return len({form for form, _ in fresh & mine})

    def clusters_of(self, keys: Sequence[bytes], members: Iterable[pa.Table] = ()) -> dict[bytes, tuple[bytes, ...]]:
        """Those of these form keys and labels that the ledger (or `members`) knows, each with the labels that it is known under."""
        found: dict[bytes, set[bytes]] = {}
        for table in self._known(members):
            for column in ("form_key", "cluster"):
                for key, label in zip(*_with(table, column, keys, (column, "cluster")), strict=True):
                    found.setdefault(key, set()).add(label)
        return {key: tuple(sorted(labels)) for key, labels in found.items()}

    def _members(self, labels: set[bytes], members: Iterable[pa.Table]) -> Iterator[tuple[bytes, bytes]]:
        """(form key, label) of all that is known under some labels."""
        for table in self._known(members) if labels else ():
            yield from zip(*_with(table, "cluster", sorted(labels), ("form_key", "cluster")), strict=True)

    def _known(self, members: Iterable[pa.Table]) -> Iterator[pa.Table]:
        yield from (table for _, table in self.rows())
        yield from members

    def is_forgotten(self, forms: np.ndarray) -> np.ndarray:
        """Which of these form keys have a tombstone of their own, bool [n]."""
        known, _ = distinct_keys(self._tombstones()[0])
        return positions(known, forms) >= 0

    def _tombstones(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Form keys and labels, and which are meant with their whole cluster."""
        table = read_tombstones(self.place)
        keys = [column_keys(table.column(c)) for c in ("form_key", "cluster")]
        return keys[0], keys[1], np.array(table.column("whole_cluster").to_pylist(), bool)


def _with(table: pa.Table, column: str, keys: Sequence[bytes], wanted: Sequence[str]) -> list[list[bytes]]:
    """The wanted columns of the rows whose `column` is one of the keys."""
    sought, _ = distinct_keys(column_keys(pa.array(keys, ENTRY.field(column).type)))
    here = table.filter(pa.array(positions(sought, column_keys(table.column(column))) >= 0))
    return [here.column(name).to_pylist() for name in wanted]


def _hex(words: np.ndarray) -> str:
    return ", ".join(bytes(row).hex() for row in key_bytes(words))
