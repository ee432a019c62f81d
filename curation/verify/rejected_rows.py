"""What was rejected: similarities and names that hold, no row both rejected and released, and the samples that must be there."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.verify import key_words
from curation.verify.findings import Check, share
from curation.verify.normal_form import normal_form
from curation.verify.shard_files import Release
from curation.verify.similarity import jaccard, shingles

SAMPLES = "samples.parquet"
SAMPLE_ROWS = 1000
"""Rows that samples.parquet has of each reason whose rows are not kept whole."""
CUT = (64 << 10) // 4
"""Characters at which the text of a sampled rejected row is cut (docs/shards.md)."""
NAMES = "near-duplicate of "
OF_THE_CAP = ("near_duplicate", "over_cap", "over_budget", "empty_form", "forgotten")
_VERDICT = ("id", "reason", "value", "threshold", "detail")
_TYPES = {
    "id": key_words.KEY,
    "reason": pa.string(),
    "value": pa.float64(),
    "threshold": pa.float64(),
    "detail": pa.string(),
}


@dataclass
class Rejected:
    """All rejected rows in one pass, and what later checks need of them."""

    release: Release
    ids: np.ndarray
    tau: float | None
    check: Check = field(default_factory=lambda: Check("rejected rows"))
    by_task: dict[int, Counter[str]] = field(default_factory=lambda: defaultdict(Counter[str]))
    values: np.ndarray = field(default_factory=lambda: np.zeros(0))
    """Similarities of the near-duplicates."""
    samples: dict[bytes, dict[str, Any]] = field(default_factory=dict[bytes, dict[str, Any]])
    """Rows of samples.parquet that are near-duplicates with their whole text, by id."""

    def run(self) -> None:
        """Reads everything."""
        sampled: dict[str, pa.Table] = {}
        whole, missing, values = set[str](), [np.zeros((0, 2), np.uint64)], [np.zeros(0)]
        for task, file, batch in self.release.rejected([*_VERDICT, "text", "record_type", "payload_digest"]):
            self.release.counted[file.path] += batch.num_rows
            try:
                rows = pa.Table.from_batches([batch]).select(list(_VERDICT)).cast(pa.schema(list(_TYPES.items())))
            except (KeyError, ValueError, pa.ArrowException) as error:
                self.check.fail(f"{file.path}: has not the columns of rejected rows ({error})")
                continue
            self.check.looked_at += len(rows)
            for entry in pc.value_counts(rows.column("reason").combine_chunks()).to_pylist():
                self.by_task[task.task][str(entry["values"])] += entry["counts"]
            full = [
                pc.is_valid(batch.column(n))
                for n in ("text", "record_type", "payload_digest")
                if n in batch.schema.names
            ]
            for kept in full:
                whole |= set(rows.column("reason").filter(kept).to_pylist())
            missing.append(self._named(file.path, rows))
            values.append(self._near(rows).column("value").drop_null().to_numpy())
            _smallest(sampled, rows)
        self.values = np.concatenate(values)
        self._check_missing(np.concatenate(missing))
        self._check_samples({r: t for r, t in sampled.items() if r not in whole})

    def _near(self, rows: pa.Table) -> pa.Table:
        return rows.filter(pc.fill_null(pc.equal(rows.column("reason"), "near_duplicate"), False))

    def _named(self, path: str, rows: pa.Table) -> np.ndarray:
        """Checks near-duplicates row by row; returns the ids that they name and that are not released."""
        named: list[bytes] = []
        for row in self._near(rows).to_pylist():
            key = named_by(row["detail"])
            if key is None:
                self.check.fail(
                    f"row {_hex(row['id'])} in {path}: rejected as a near-copy of no row ({row['detail']!r})"
                )
            else:
                named.append(key)
            bound, value = row["threshold"] if self.tau is None else self.tau, row["value"]
            if value is None or bound is None or not bound - 1e-6 <= value <= 1:
                self.check.fail(
                    f"row {_hex(row['id'])} in {path}: rejected as a near-copy at J = {value}, below τ = {bound}"
                )
            elif self.tau is not None and row["threshold"] != self.tau:
                self.check.fail(f"row {_hex(row['id'])} in {path}: its threshold is {row['threshold']}, τ = {self.tau}")
        by_cap = pc.fill_null(pc.is_in(rows.column("reason"), pa.array(OF_THE_CAP)), False)
        lost = key_words.words(rows.column("id").filter(by_cap))
        for at in self.check.first(np.flatnonzero(key_words.find(self.ids, lost) >= 0)):
            self.check.fail(f"row {key_words.hexed(lost[at])} in {path}: rejected and released")
        keys = key_words.of_bytes(named)
        return key_words.distinct(keys[key_words.find(self.ids, keys) < 0])[0]

    def _check_missing(self, named: np.ndarray) -> None:
        """Rows that near-duplicates name are released, or were rejected here by a later verdict."""
        for key in sorted(set(map(bytes, named.astype(">u8"))) - set(self.reasons(named))):
            self.check.fail(
                f"row {key.hex()}: a near-copy is rejected for it, and it is neither released nor rejected here"
            )

    def reasons(self, keys: np.ndarray) -> dict[bytes, str]:
        """Why these rows (ids) were rejected here; those that were not are left out."""
        found: dict[bytes, str] = {}
        if not len(keys):
            return found
        wanted = pa.array([bytes(k) for k in key_words.distinct(keys)[0].astype(">u8")], key_words.KEY)
        for _, _, batch in self.release.rejected(["id", "reason"]):
            if batch.schema.names == ["id", "reason"] and batch.schema.field("id").type == key_words.KEY:
                here = batch.filter(pc.is_in(batch.column("id"), wanted))
                found |= dict(
                    zip(here.column("id").to_pylist(), map(str, here.column("reason").to_pylist()), strict=True)
                )
        return found

    def _check_samples(self, expected: dict[str, pa.Table]) -> None:
        """samples.parquet has just the rows that its rule takes, with the verdicts of the rejected rows."""
        wanted = {
            tuple(row.values()) for table in expected.values() for row in table.select(list(_VERDICT)).to_pylist()
        }
        folder = self.release.folder
        if not folder.exists(SAMPLES):
            if wanted:
                self.check.fail(f"{SAMPLES}: is not there, and {len(wanted):,} rejected rows belong into it")
            return
        found = set[tuple[Any, ...]]()
        try:
            opened = folder.parquet(SAMPLES)
            for batch in opened.iter_batches(256, columns=[*_VERDICT, "text"]):
                for row in batch.to_pylist():
                    found.add(tuple(row[c] for c in _VERDICT))
                    text = row["text"]
                    if row["reason"] == "near_duplicate" and text is not None and len(text) < CUT:
                        self.samples[row["id"]] = row
        except (OSError, pa.ArrowException, KeyError) as error:
            self.check.fail(f"{SAMPLES}: cannot be read ({error})")
            return
        for row in sorted(found - wanted, key=str):
            self.check.fail(
                f"{SAMPLES}: row {_hex(row[0])} ({row[1]}, {row[2]}) does not belong there, or its verdict is another's"
            )
        missing = sorted(wanted - found, key=str)
        if missing and len(missing) <= self.release.manifest.forgotten.rows:
            self.check.notes.append(
                f"{len(missing)} sampled rows were forgotten, and the next ones' texts are not kept"
            )
            missing = []
        for row in missing:
            self.check.fail(f"{SAMPLES}: row {_hex(row[0])} ({row[1]}, {row[2]}) is missing")

    def named_by_samples(self) -> np.ndarray:
        """Ids of the rows that sampled near-duplicates name."""
        return key_words.of_bytes([k for row in self.samples.values() if (k := named_by(row["detail"]))])


def check_rejected(samples: dict[bytes, dict[str, Any]], kept: dict[bytes, np.ndarray], tau: float) -> Check:
    """Sampled near-duplicates with their whole text have just the similarity that is said, to the row that is named.

    kept: shingles of the named rows that are released, by id.
    """
    check, below = Check("rejected near-copies"), 0
    for key, row in samples.items():
        named = named_by(row["detail"])
        if named is None or named not in kept or row["value"] is None:
            continue
        check.looked_at += 1
        found = jaccard(shingles(normal_form(row["text"])), kept[named])
        below += found < tau - 1e-9
        if found < tau - 1e-9 or abs(found - row["value"]) > 1e-5:
            check.fail(
                f"row {key.hex()}: rejected as a near-copy of {named.hex()} at J = {row['value']}, found {found:.6f}"
            )
    check.notes.append(f"of these below τ = {tau:g} to the row they are named with: {share(below, check.looked_at)}")
    return check


def named_by(detail: str | None) -> bytes | None:
    """The row that a near-duplicate's detail names; None where it names none.

    >>> named_by("near-duplicate of " + "0f" * 16).hex()[:4], named_by("of nothing")
    ('0f0f', None)
    """
    said = (detail or "").removeprefix(NAMES)
    if len(said) != 32 or said == detail:
        return None
    try:
        return bytes.fromhex(said)
    except ValueError:
        return None


def _smallest(kept: dict[str, pa.Table], rows: pa.Table) -> None:
    """Adds rows to those of each reason that have the smallest sample hash (docs/shards.md)."""
    for reason in map(str, pc.unique(rows.column("reason")).to_pylist()):
        mine = rows.filter(pc.equal(rows.column("reason"), reason))
        kept[reason] = _cut(pa.concat_tables([kept[reason], mine]) if reason in kept else mine)


def _cut(table: pa.Table) -> pa.Table:
    if len(table) <= SAMPLE_ROWS:
        return table
    keys = key_words.words(table.column("id"))
    order = np.lexsort((keys[:, 0], keys[:, 1] * np.uint64(0x9E3779B97F4A7C15)))
    return table.take(pa.array(order[:SAMPLE_ROWS]))


def _hex(key: bytes | None) -> str:
    return "without an id" if key is None else key.hex()
