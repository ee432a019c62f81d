"""All released rows in one pass: their content, places and forms are checked on the way, and what the other checks need is kept.

Kept are about 150 bytes a row (id, form, label, repeat, rank, size, and 9 numbers by which near-copies are sought), and of the rows
that a sample draws their shingles.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.verify import key_words
from curation.verify.content import canonical_sum
from curation.verify.findings import Check
from curation.verify.normal_form import form_key, normal_form
from curation.verify.shard_files import Release
from curation.verify.similarity import BANDS, band_keys, shingles
from curation.verify.stated import File


@dataclass(frozen=True)
class Rows:
    """Released rows that have a text, in the order of files; arrays over them."""

    id: np.ndarray
    form: np.ndarray
    """Key of the row's own normal form, worked out here."""
    label: np.ndarray
    """The label; the form where the row states none."""
    repeat: np.ndarray
    rank: np.ndarray
    size: np.ndarray
    """−1 where the set has no such column."""
    best: np.ndarray
    """Id of the best-ranked other row of the cluster, 0 where none is named."""
    bands: np.ndarray
    """32 bits of each band's key, [rows, 8]."""
    shingles: np.ndarray
    """Number of distinct shingles."""
    number: np.ndarray
    """Number of the row among all released rows, those without a text too."""

    def __len__(self) -> int:
        return len(self.id)

    @cached_property
    def kept(self) -> np.ndarray:
        """Whether the row's text is the one that its cluster is named after."""
        return (self.form == self.label).all(axis=1)

    @cached_property
    def labels(self) -> tuple[np.ndarray, np.ndarray]:
        """Sorted distinct labels, and the place of each row's label among them."""
        return key_words.distinct(self.label)

    def named(self, rows: np.ndarray, most: int = 8) -> str:
        """Ids of some rows in words."""
        more = f" and {len(rows) - most:,} more" if len(rows) > most else ""
        return ", ".join(key_words.hexed(self.id[r]) for r in rows[:most]) + more


@dataclass
class Pass:
    """The pass over all rows of a release. `wanted` are the numbers of rows whose shingles are kept, sorted."""

    release: Release
    wanted: np.ndarray
    content: Check = field(default_factory=lambda: Check("content"))
    placed: Check = field(default_factory=lambda: Check("placement"))
    forms: Check = field(default_factory=lambda: Check("forms"))
    values: Check = field(default_factory=lambda: Check("values"))
    sets: dict[int, np.ndarray] = field(default_factory=dict[int, np.ndarray])
    """Shingles of the wanted rows, by number."""

    def __post_init__(self) -> None:
        self._parts: list[tuple[np.ndarray, ...]] = [_part(0, np.zeros(0, bool), {}, [], [], [])]
        self._ids: list[np.ndarray] = [np.zeros((0, 2), np.uint64)]
        self._last = ("", b"")
        self._empty = 0

    def run(self) -> Rows:
        """Reads everything."""
        total, by_file, number = 0, dict[str, int](), 0
        for file, batch in self.release.batches(None):
            here = self._content(file, batch)
            total, by_file[file.path] = total + here, by_file.get(file.path, 0) + here
            self._place(file, batch)
            self._look(file, batch, number)
            number += batch.num_rows
            self.release.counted[file.path] += batch.num_rows
        stated, found = self.release.manifest.content, f"{total % (1 << 256):064x}"
        if stated != found:
            self.content.fail(f"content hash is {found[:16]}…, the manifest says {(stated or 'none')[:16]}…")
        self._twice()
        if self._empty:
            self.values.notes.append(f"{self._empty:,} rows have no text and are shown once each")
        return Rows(*(np.concatenate(column) for column in zip(*self._parts, strict=True)))

    def _content(self, file: File, batch: pa.RecordBatch) -> int:
        self.content.looked_at += batch.num_rows
        columns = self.release.manifest.columns
        if any(c not in batch.schema.names for c in columns):
            return 0  # `check_files` names the column, and the sum will not be right
        return canonical_sum(batch.select(columns))

    def _place(self, file: File, batch: pa.RecordBatch) -> None:
        """Rows lie in the partition of their id's high bits, in order of id inside a file."""
        bits = self.release.manifest.partitions.bit_length() - 1
        name, last = self._last
        last = last if name == file.path else b""
        for key in batch.column("id").to_pylist():
            self.placed.looked_at += 1
            if key is None:
                self.placed.fail(f"a row in {file.path} has no id")
                continue
            if int.from_bytes(key, "big") >> (128 - bits) != file.partition:
                self.placed.fail(f"row {key.hex()} in {file.path}: belongs to another partition than {file.partition}")
            if key < last:
                self.placed.fail(f"row {key.hex()} in {file.path}: not in order of id")
            last = key
        self._last = file.path, last
        self._ids.append(key_words.words(batch.column("id")))

    def _twice(self) -> None:
        """No id comes twice, in whatever files."""
        self._ids = [np.concatenate(self._ids)]
        several, place = key_words.distinct(self._ids[0])
        for at in self.placed.first(np.flatnonzero(np.bincount(place, minlength=len(several)) > 1)):
            self.placed.fail(f"row {key_words.hexed(several[at])}: released twice")

    @property
    def ids(self) -> np.ndarray:
        """Ids of all released rows, those without a text too."""
        return self._ids[0]

    def _look(self, file: File, batch: pa.RecordBatch, first: int) -> None:
        self.values.looked_at += batch.num_rows
        columns = {n: batch.column(n) for n in batch.schema.names}
        has = {n: key_words.present(columns[n]) for n in ("text", "form_key", "cluster")}
        self._check_values(file, columns, has)
        here = has["text"]
        forms: list[bytes] = []
        bands: list[np.ndarray] = []
        counts: list[int] = []
        rows = np.flatnonzero(here).tolist()
        stated, ids = columns["form_key"].to_pylist(), columns["id"].to_pylist()
        for row, text in zip(rows, columns["text"].filter(pa.array(here)).to_pylist(), strict=True):
            form = normal_form(text)
            key, made = form_key(form), shingles(form)
            self.forms.looked_at += 1
            if stated[row] is not None and key != stated[row]:
                self.forms.fail(
                    f"row {_hex(ids[row])} in {file.path}: form key {stated[row].hex()}, its text's is {key.hex()}"
                )
            forms.append(key)
            bands.append(band_keys(made))
            counts.append(len(made))
            if not form:
                self.values.fail(f"row {_hex(ids[row])} in {file.path}: is shown and its normal form is empty")
            at = np.searchsorted(self.wanted, first + row)
            if at < len(self.wanted) and self.wanted[at] == first + row:
                self.sets[first + row] = made
        self._parts.append(_part(first, here, columns, forms, bands, counts))

    def _check_values(self, file: File, columns: Mapping[str, pa.Array], has: Mapping[str, np.ndarray]) -> None:
        """Every row has a whole number ≥ 1 of showings and, with its text, a form and a label; ranks lie within sizes."""
        ids = columns["id"].to_pylist()
        wrong: list[tuple[np.ndarray, str]] = [
            (has["text"] & ~has["form_key"], "is shown and has no form key"),
            (has["text"] & ~has["cluster"], "is shown and has no label"),
            (~has["text"] & (has["form_key"] | has["cluster"]), "has a form key or a label and no text"),
        ]
        self._empty += int((~has["text"]).sum())
        if "repeat" in columns:
            repeat, given = _numbers(columns["repeat"], 0), key_words.present(columns["repeat"])
            wrong.append((~given, "has no repeat"))
            wrong.append((given & (repeat < 1), "has a repeat below 1"))
            wrong.append((~has["text"] & (repeat > 1), "is repeated and has no text"))
        if "cluster_rank" in columns and "cluster_size" in columns:
            rank, size = (_numbers(columns[c], -1) for c in ("cluster_rank", "cluster_size"))
            wrong.append(
                (has["text"] & ((rank < 0) | (rank >= size)), "has a rank that is not below its cluster's size")
            )
        for rows, said in wrong:
            for row in self.values.first(np.flatnonzero(rows)):
                self.values.fail(f"row {_hex(ids[row])} in {file.path}: {said}")


def _part(
    first: int,
    here: np.ndarray,
    columns: Mapping[str, pa.Array],
    forms: list[bytes],
    bands: list[np.ndarray],
    counts: list[int],
) -> tuple[np.ndarray, ...]:
    """The columns of `Rows` of a batch's rows that have a text."""
    n, form = len(forms), key_words.of_bytes(forms)
    label = form.copy()
    if columns:
        given = key_words.present(columns["cluster"])[here]
        label[given] = key_words.words(columns["cluster"])[here][given]
    repeat = np.maximum(_numbers(columns["repeat"], 1)[here], 1) if "repeat" in columns else np.ones(n, np.int64)
    rank, size = (
        _numbers(columns[c], -1)[here] if c in columns else np.full(n, -1, np.int64)
        for c in ("cluster_rank", "cluster_size")
    )
    return (
        key_words.words(columns["id"])[here] if columns else np.zeros((0, 2), np.uint64),
        form,
        label,
        repeat.astype(np.int32),
        rank,
        size,
        _best(columns["cluster_examples"])[here] if "cluster_examples" in columns else np.zeros((n, 2), np.uint64),
        np.array(bands, np.uint32).reshape(n, BANDS),
        np.array(counts, np.int32),
        first + np.flatnonzero(here),
    )


def _best(examples: pa.Array) -> np.ndarray:
    """The first element of each list of keys, 0 where there is none."""
    lengths = pc.fill_null(pc.list_value_length(examples), 0).to_numpy(zero_copy_only=False)
    made = np.zeros((len(examples), 2), np.uint64)
    some = np.flatnonzero(lengths)
    if len(some):
        made[some] = key_words.words(pc.list_element(examples.take(pa.array(some)), 0))
    return made


def _numbers(column: pa.Array, absent: int) -> np.ndarray:
    return pc.fill_null(column, absent).to_numpy(zero_copy_only=False).astype(np.int64)


def _hex(key: bytes | None) -> str:
    return "without an id" if key is None else key.hex()
