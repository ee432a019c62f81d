"""A ledger's own files against K, against the release that it has an entry of, and against what was forgotten."""

import hashlib
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.verify import key_words
from curation.verify.findings import Check
from curation.verify.folder import Folder
from curation.verify.normal_form import VERSION
from curation.verify.rows import Rows
from curation.verify.stated import Entry, Ledger, read

COLUMNS = ["form_key", "cluster", "showings", "charged"]


@dataclass(frozen=True)
class Shown:
    """What one pass shows: sorted distinct forms, and of each the label that it is counted under and its showings."""

    form: np.ndarray
    label: np.ndarray
    showings: np.ndarray

    @classmethod
    def of(cls, form: np.ndarray, label: np.ndarray, showings: np.ndarray) -> "Shown":
        """From rows, in any order."""
        forms, place = key_words.distinct(form)
        labels = np.zeros_like(forms)
        labels[place] = label
        return cls(forms, labels, np.bincount(place, showings, len(forms)).astype(np.int64))

    def resolved(self, form: np.ndarray, old: np.ndarray) -> np.ndarray:
        """Today's label of a form, else today's label of its old kept text, else the old label."""
        label = old.copy()
        for keys in (old, form):
            at = key_words.find(self.form, keys)
            label[at >= 0] = self.label[at[at >= 0]]
        return label


@dataclass(frozen=True)
class Held:
    """All rows of a ledger; `entry` is each row's place in `entries`."""

    entries: list[Entry]
    entry: np.ndarray
    form: np.ndarray
    cluster: np.ndarray
    showings: np.ndarray
    charged: np.ndarray

    def of_run(self, run: str | None) -> list[int]:
        """Places of a run's entries."""
        return [i for i, e in enumerate(self.entries) if e.run == run]


def shown_by(rows: Rows) -> Shown:
    """What one pass over a release shows."""
    return Shown.of(rows.form, rows.label, rows.repeat)


def open_ledger(url: str, check: Check) -> tuple[Folder, Ledger | None]:
    """A ledger's folder and what it says of itself; None where there is none that can be read."""
    folder = Folder(url)
    if not folder.exists("ledger.json"):
        check.fail(f"{url}: there is no ledger here")
        return folder, None
    about = read(folder, "ledger.json", Ledger, check)
    if about is not None and about.normal_form != VERSION:
        check.fail(f"{url}: its keys are of normal form {about.normal_form}, the check's are of {VERSION}")
    return folder, about


def check_ledger(
    url: str, shown: Shown, k: int, run: str | None, given: np.ndarray | None = None
) -> tuple[Check, Held | None]:
    """The ledger's files are whole, no label is charged more than K with them, and nothing that is shown was forgotten.

    A run that is to be checked must have an entry; what is in it, `check_entry` or a mixture's own check says. given: all labels
    that rows have, where some are counted as one.
    """
    check = Check("ledger")
    folder, about = open_ledger(url, check)
    if about is None:
        return check, None
    if about.k != k:
        check.fail(f"the ledger is kept with K = {about.k}, the release with K = {k}")
    held = _held(folder, check)
    check.looked_at = len(held.form)
    _check_charges(check, held, shown, k)
    _check_forgotten(check, folder, held, shown, shown.label if given is None else given)
    if not held.of_run(run):
        runs = ", ".join(sorted({e.run for e in held.entries})[:5]) or "none"
        check.fail(f"{url}: no training on this is entered as {run}; entered are: {runs}")
    return check, held


def _held(folder: Folder, check: Check) -> Held:
    entries: list[Entry] = []
    names: list[str] = []
    parts: list[tuple[np.ndarray, ...]] = [_columns(pa.table({c: pa.array([], _TYPES[c]) for c in COLUMNS}), 0)]
    for name in (n for n in folder.below("entries") if n.endswith(".json")):
        entry = read(folder, name, Entry, check)
        if entry is None:
            continue
        entries.append(entry)
        names.append(name.split("/")[-1].removesuffix(".json"))
        if names[-1] != hashlib.sha256(f"{entry.run}\n{entry.stage}".encode()).hexdigest()[:24]:
            check.fail(f"{name}: is not named after stage {entry.stage} of {entry.run}")
        path = entry.file.path
        if not folder.exists(path):
            check.fail(f"{path}: named by {name} and not there")
            continue
        if folder.sha256(path) != entry.file.sha256:
            check.fail(f"{path}: its bytes are not those that {name} names")
        try:
            table = folder.parquet(path).read(columns=COLUMNS)
            table = table.select(COLUMNS).cast(pa.schema([(c, _TYPES[c]) for c in COLUMNS]))
        except (OSError, pa.ArrowException, ValueError) as error:
            check.fail(f"{path}: cannot be read as an entry ({error})")
            continue
        _check_entry_rows(check, path, table, entry)
        parts.append(_columns(table, len(entries) - 1))
    for entry in entries:
        for gone in sorted(set(entry.earlier) - set(names)):
            check.fail(f"entries/{gone}.json: was there when {entry.run} was entered, and is gone")
    return Held(entries, *(np.concatenate(column) for column in zip(*parts, strict=True)))


_TYPES = {"form_key": key_words.KEY, "cluster": key_words.KEY, "showings": pa.int64(), "charged": pa.int64()}


def _columns(table: pa.Table, entry: int) -> tuple[np.ndarray, ...]:
    numbers = (pc.fill_null(table.column(c), 0).to_numpy() for c in ("showings", "charged"))
    keys = (key_words.words(table.column(c)) for c in ("form_key", "cluster"))
    return (np.full(len(table), entry, np.int64), *keys, *numbers)


def _check_entry_rows(check: Check, path: str, table: pa.Table, entry: Entry) -> None:
    if len(table) != entry.rows:
        check.fail(f"{path}: holds {len(table):,} rows, its entry says {entry.rows:,}")
    for name in COLUMNS:
        if table.column(name).null_count:
            check.fail(f"{path}: {table.column(name).null_count:,} rows have no {name}")
    for name, stated in (("showings", entry.showings), ("charged", entry.charged)):
        found = int(pc.sum(table.column(name)).as_py() or 0)
        if found != stated:
            check.fail(f"{path}: {found:,} {name}, its entry says {stated:,}")
        if (pc.min(table.column(name)).as_py() or 0) < 0:
            check.fail(f"{path}: has {name} below 0")


def _check_charges(check: Check, held: Held, shown: Shown, k: int) -> None:
    """Nothing is charged less than it was shown by a run, and no label more than K over all runs."""
    runs = {run: i for i, run in enumerate(sorted({e.run for e in held.entries}))}
    of_run = np.array([runs[e.run] for e in held.entries], np.int64)[held.entry] if held.entries else held.entry
    for run, at in runs.items():
        mine = of_run == at
        forms, place = key_words.distinct(held.form[mine])
        left = np.bincount(place, held.charged[mine] - held.showings[mine], len(forms))
        for form in check.first(np.flatnonzero(left < 0)):
            check.fail(
                f"form {key_words.hexed(forms[form])}: shown {int(-left[form])} times more than it is charged ({run})"
            )
    labels, place = key_words.distinct(shown.resolved(held.form, held.cluster))
    total = np.bincount(place, held.charged, len(labels)).astype(np.int64)
    for at in check.first(np.flatnonzero(total > k)):
        check.fail(f"cluster {key_words.hexed(labels[at])}: charged {total[at]} times over all training, K = {k}")


def _check_forgotten(check: Check, folder: Folder, held: Held, shown: Shown, given: np.ndarray) -> None:
    """No released form was forgotten, nor one whose cluster was (`given`: the labels that rows have)."""
    forms, labels = [np.zeros((0, 2), np.uint64)], [np.zeros((0, 2), np.uint64)]
    for name in (n for n in folder.below("forgotten") if n.endswith(".parquet")):
        try:
            table = folder.parquet(name).read()
            key = key_words.words(table.column("form_key").cast(key_words.KEY))
            whole = np.array(table.column("whole_cluster").to_pylist(), bool)
        except (OSError, pa.ArrowException, KeyError) as error:
            check.fail(f"{name}: cannot be read as tombstones ({error})")
            continue
        forms.append(key)
        labels.append(key[whole])
        if "cluster" in table.column_names:
            known = table.column("cluster").is_valid().to_numpy() & whole
            labels.append(key_words.words(table.column("cluster"))[known])
    form, label = np.concatenate(forms), np.concatenate(labels)
    entered = key_words.find(key_words.distinct(label)[0], held.form) >= 0
    label = key_words.distinct(np.concatenate([label, held.cluster[entered]]))[0]
    for at in check.first(np.flatnonzero(key_words.find(form, shown.form) >= 0)):
        check.fail(f"form {key_words.hexed(shown.form[at])} was forgotten, and is released")
    today = key_words.find(shown.form, label)
    label = np.concatenate([label, shown.label[today[today >= 0]]])
    labels = key_words.distinct(np.concatenate([given, shown.label]))[0]
    for at in check.first(np.flatnonzero(key_words.find(label, labels) >= 0)):
        check.fail(f"cluster {key_words.hexed(labels[at])} was forgotten, and rows of it are released")


def check_entry(check: Check, held: Held, run: str | None, shown: Shown, rows: Rows) -> None:
    """Each stage's entry holds the same whole number of passes of every released form, under its released label, and nothing else."""
    for place in held.of_run(run):
        stage, mine = held.entries[place].stage, held.entry == place
        form, of = key_words.distinct(held.form[mine])
        entered = np.bincount(of, held.showings[mine], len(form)).astype(np.int64)
        at = key_words.find(form, shown.form)
        there = at >= 0
        passes = entered[at[there]] / np.maximum(shown.showings[there], 1)
        usual = max(1, round(float(np.median(passes)))) if len(passes) else 1
        found = np.where(there, entered[np.maximum(at, 0)] if len(entered) else 0, 0)
        for wrong in check.first(np.flatnonzero(found != usual * shown.showings)):
            named = rows.named(np.flatnonzero((rows.form == shown.form[wrong]).all(axis=1)))
            check.fail(
                f"stage {stage}: form {key_words.hexed(shown.form[wrong])} is released with {shown.showings[wrong]} showings a pass "
                f"and entered with {found[wrong]} (others: {usual} passes); rows {named}"
            )
        for other in check.first(np.flatnonzero(key_words.find(shown.form, form) < 0)):
            check.fail(f"stage {stage}: form {key_words.hexed(form[other])} is entered and not in the release")
        mine_at = key_words.find(shown.form, held.form[mine])
        other_label = (mine_at >= 0) & (shown.label[mine_at] != held.cluster[mine]).any(axis=1)
        for wrong in check.first(np.flatnonzero(other_label)):
            check.fail(
                f"stage {stage}: form {key_words.hexed(held.form[mine][wrong])} is entered under the label "
                f"{key_words.hexed(held.cluster[mine][wrong])}, and released under {key_words.hexed(shown.label[mine_at[wrong]])}"
            )
        if (held.charged[mine] != held.showings[mine]).any():
            check.fail(f"stage {stage}: its passes are whole, and charges differ from showings")
