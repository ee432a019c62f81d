"""The check of a training mixture: what its sequences really show, by text and by label, against its charges, K and the ledger."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.verify import key_words
from curation.verify.exposures import check_stated
from curation.verify.findings import Check
from curation.verify.folder import Folder
from curation.verify.ledger import Held, Shown, check_ledger, open_ledger
from curation.verify.mixture_rows import Sequence, read_stage
from curation.verify.stated import Mixture, MixtureStage, read

_NONE = np.zeros((0, 2), np.uint64)
CHARGES = pa.schema(
    [
        ("form_key", key_words.KEY),
        ("cluster", key_words.KEY),
        ("source", pa.string()),
        ("showings", pa.int64()),
        ("charged", pa.int64()),
    ]
)


@dataclass
class Stage:
    """A stage: what mixture.json says, its sequence, and its charges."""

    stated: MixtureStage
    sequence: Sequence
    charges: pa.Table

    def keys(self, column: str) -> np.ndarray:
        """A column of the charges' keys."""
        return key_words.words(self.charges.column(column))

    def numbers(self, column: str) -> np.ndarray:
        """A column of the charges' numbers."""
        return self.charges.column(column).to_numpy()


def verify_mixture(url: str, *, k: int | None = None, ledger: str | None = None, run: str | None = None) -> list[Check]:
    """Checks the mixture in the folder `url` (docs/budget.md), written as shards or as an index over shards.

    Every sequence is read; of an index, the rows that it names are looked up in their files. k: what to hold it to; run: under
    which name it is entered in the ledger, when that is not its own. Raises FileNotFoundError where there is no finished mixture
    and ValueError for a k below 1.
    """
    if k is not None and k < 1:
        raise ValueError(f"--k is at least 1, not {k}")
    folder, files = Folder(url), Check("files")
    if not folder.exists("mixture.json"):
        raise FileNotFoundError(f"{url}: no mixture.json, so this is no finished mixture")
    about = read(folder, "mixture.json", Mixture, files)
    if about is None:
        return [files]
    _check_files(folder, about, files)
    sums, forms, exposures = Check("sums"), Check("forms"), Check("exposures")
    said = about.exposure.get("k") if isinstance(about.exposure, dict) else None
    kept = open_ledger(ledger, Check("ledger"))[1] if ledger is not None else None
    known = [
        (by, n)
        for by, n in (("--k", k), ("the ledger", kept.k if kept else None), ("mixture.json", said))
        if isinstance(n, int) and n >= 1
    ]
    if not known:
        exposures.fail("mixture.json states no K; give --k")
        return [files, exposures]
    by, k = known[0]
    for name, other in known[1:]:
        if other != k:
            exposures.fail(f"K = {k} by {by}, K = {other} by {name}")
    if by == "mixture.json":
        exposures.notes.append(f"K = {k} is what mixture.json itself says; --k or --ledger holds it to yours")
    stages = [
        Stage(s, read_stage(folder, s, about.form, sums, forms), _charges(folder, s.charges.path, sums))
        for s in about.stages
    ]
    for stage in stages:
        _check_sources(sums, stage)
    one = clusters(stages)
    most = _check_charges(exposures, stages, k, one)
    check_stated(exposures, about.exposure, k, most, earlier=True)
    checks = [files, sums, forms, exposures]
    if ledger is not None:
        form = np.concatenate([_NONE, *(s.sequence.form for s in stages)])
        label = np.concatenate([_NONE, *(s.sequence.label for s in stages)])
        shown = Shown.of(form, one.of(form), np.ones(len(form)))
        found, held = check_ledger(ledger, shown, k, run or about.run, key_words.distinct(label)[0])
        if held is not None:
            _check_entries(found, held, run or about.run, stages)
        checks.append(found)
    return checks


def _check_files(folder: Folder, about: Mixture, check: Check) -> None:
    """Every file that is named is there with its bytes, and no other."""
    named = {"mixture.json"}
    for name, times in Counter(s.name for s in about.stages).items():
        if times > 1:
            check.fail(f"mixture.json: {times} stages are named {name}")
    for stage in about.stages:
        for file in (*stage.files, stage.charges):
            if file.path in named:
                check.fail(f"{file.path}: named twice")
            named.add(file.path)
            check.looked_at += 1
            if not folder.exists(file.path):
                check.fail(f"{file.path}: named by mixture.json and not there")
            elif folder.sha256(file.path) != file.sha256:
                check.fail(f"{file.path}: its bytes are not those that mixture.json names")
    for name in folder.below():
        if name not in (*named, "unfinished.json"):  # what marks it as being written may be left behind
            check.fail(f"{name}: lies in the mixture and mixture.json does not name it")


def _charges(folder: Folder, path: str, check: Check) -> pa.Table:
    try:
        table = folder.parquet(path).read(columns=CHARGES.names).select(CHARGES.names).cast(CHARGES)
    except (OSError, pa.ArrowException, KeyError) as error:
        check.fail(f"{path}: cannot be read as charges ({error})")
        return CHARGES.empty_table()
    for name in CHARGES.names:
        if table.column(name).null_count:
            check.fail(f"{path}: {table.column(name).null_count:,} rows have no {name}")
    for name in ("showings", "charged"):
        if (pc.min(table.column(name)).as_py() or 0) < 0:
            check.fail(f"{path}: has {name} below 0")
        table = table.set_column(table.schema.get_field_index(name), name, pc.fill_null(table.column(name), 0))
    return table


def _check_sources(check: Check, stage: Stage) -> None:
    """Tokens by source are those of the forms that the charges give to each source.

    A form that two sources share may have been counted otherwise in each (forms are equal, texts need not be): then only bounds hold.
    """
    stated = stage.stated.tokens_by_source
    if sum(stated.values()) != stage.stated.tokens:
        check.fail(
            f"stage {stage.stated.name}: tokens by source are {sum(stated.values()):,} together, not {stage.stated.tokens:,}"
        )
    sequence = stage.sequence
    forms, place = key_words.distinct(sequence.form)
    tokens = np.bincount(place, sequence.tokens, len(forms))
    at = key_words.find(forms, stage.keys("form_key"))
    sources = np.array(stage.charges.column("source").to_pylist(), object)
    shown = (at >= 0) & (stage.numbers("showings") > 0)
    names, source = np.unique(sources[shown].astype(str), return_inverse=True)
    pairs = np.unique(np.stack([at[shown], source.reshape(-1)], axis=1), axis=0)
    of_form = np.bincount(pairs[:, 0], minlength=len(forms))
    alone = of_form[pairs[:, 0]] == 1
    low = np.bincount(pairs[alone, 1], tokens[pairs[alone, 0]], len(names))
    high = np.bincount(pairs[:, 1], tokens[pairs[:, 0]], len(names))
    for name in sorted(set(names.tolist()) | set(stated)):
        here = np.flatnonzero(names == name)
        least, most = (int(v[here[0]]) if len(here) else 0 for v in (low, high))
        if not least <= stated.get(name, 0) <= most:
            found = f"{least:,}" if least == most else f"{least:,} to {most:,}"
            check.fail(
                f"stage {stage.stated.name}: mixture.json says {stated.get(name, 0):,} tokens of source {name}, "
                f"the files hold {found}"
            )


@dataclass(frozen=True)
class Clusters:
    """What is counted as one: all labels that share a form (sources that were deduplicated apart give a form two)."""

    keys: np.ndarray
    """Sorted distinct form keys and labels."""
    cluster: np.ndarray
    """The smallest label of each one's cluster."""

    def of(self, keys: np.ndarray) -> np.ndarray:
        """The clusters of forms or labels that are among the keys."""
        return self.cluster[key_words.find(self.keys, keys)]


def clusters(stages: list[Stage]) -> Clusters:
    """Labels joined by the forms that they share; a label is the form key of its kept text, so it counts as a form too."""
    form = np.concatenate([_NONE, *(a for s in stages for a in (s.sequence.form, s.keys("form_key")))])
    label = np.concatenate([_NONE, *(a for s in stages for a in (s.sequence.label, s.keys("cluster")))])
    keys, place = key_words.distinct(np.concatenate([form, label]))
    pairs = np.unique(np.stack([place[: len(form)], place[len(form) :]], axis=1), axis=0)
    root = np.arange(len(keys))
    while True:  # each turn a key takes the smallest of what it is joined to, and then of that one's
        before = root.copy()
        for a, b in (pairs.T, pairs.T[::-1]):
            np.minimum.at(root, a, root[b])
        root = root[root]
        if (root == before).all():
            break
    smallest = np.full(len(keys), len(keys), np.int64)
    np.minimum.at(smallest, root[pairs[:, 1]], pairs[:, 1])
    return Clusters(keys, keys[smallest[root]] if len(keys) else keys)


def _check_charges(check: Check, stages: list[Stage], k: int, one: Clusters) -> int:
    """Every stage shows just what its charges say; nothing is charged less than it is shown; no cluster and no text passes K.

    Returns the highest number of showings that a cluster or a text is charged.
    """
    nearest = 1.0
    for stage in stages:
        form, place = key_words.distinct(np.concatenate([stage.keys("form_key"), stage.sequence.form]))
        split = len(stage.charges)
        said = np.bincount(place[:split], stage.numbers("showings"), len(form)).astype(np.int64)
        shown = np.bincount(place[split:], minlength=len(form))
        for at in check.first(np.flatnonzero(said != shown)):
            check.fail(
                f"stage {stage.stated.name}: form {key_words.hexed(form[at])} is shown {shown[at]} times, its entry says {said[at]}"
            )
        check.looked_at += len(stage.sequence.form)
        nearest = min(nearest, _nearest(one.of(stage.sequence.form)))
    most = 0
    for what in ("form", "cluster"):
        shown_by, charged_by = [s.sequence.form for s in stages], [s.keys("form_key") for s in stages]
        if what == "cluster":
            shown_by, charged_by = [one.of(f) for f in shown_by], [one.of(f) for f in charged_by]
        keys, place = key_words.distinct(np.concatenate([_NONE, *charged_by, *shown_by]))
        split = sum(map(len, charged_by))
        numbers = [np.concatenate([*(s.numbers(c) for s in stages), np.zeros(0)]) for c in ("charged", "showings")]
        charged, said = (np.bincount(place[:split], n, len(keys)).astype(np.int64) for n in numbers)
        shown = np.bincount(place[split:], minlength=len(keys))
        for at in check.first(np.flatnonzero(np.maximum(charged, shown) > k)):
            check.fail(f"{what} {key_words.hexed(keys[at])}: shown {shown[at]} times, charged {charged[at]}, K = {k}")
        if what == "form":
            for at in check.first(np.flatnonzero(charged < said)):
                less = said[at] - charged[at]
                check.fail(f"form {key_words.hexed(keys[at])}: shown {less} times more than it is charged")
        most = max(most, int(np.maximum(charged, shown).max(initial=0)))
    _note_labels(check, stages)
    check.notes.append(
        f"highest exposure {most} of K = {k}, by text and by cluster; two showings of a cluster are at least "
        f"{nearest:.2f} of their even distance apart"
    )
    return most


def _note_labels(check: Check, stages: list[Stage]) -> None:
    """Sources that were deduplicated apart may give one text two labels: it is counted by text, its near-copies are not."""
    forms, place = key_words.distinct(np.concatenate([_NONE, *(s.sequence.form for s in stages)]))
    labels = key_words.distinct(np.concatenate([_NONE, *(s.sequence.label for s in stages)]))[1]
    pairs = np.unique(np.stack([place, labels], axis=1), axis=0)
    several = int((np.bincount(pairs[:, 0], minlength=len(forms)) > 1).sum())
    if several:
        check.notes.append(
            f"{several:,} texts have two labels, whose clusters are counted as one: sources were deduplicated apart, and "
            "near-copies between them that share no text were not sought"
        )


def _nearest(labels: np.ndarray) -> float:
    """Smallest distance of two showings of one label over the distance that even spacing would give, 1 without repetition."""
    places: dict[int, list[int]] = defaultdict(list)
    for at, label in enumerate(key_words.distinct(labels)[1].tolist()):
        places[label].append(at)
    several = [p for p in places.values() if len(p) > 1]
    return min((min(b - a for a, b in pairwise(p)) * len(p) / len(labels) for p in several), default=1.0)


def _check_entries(check: Check, held: Held, run: str, stages: list[Stage]) -> None:
    """The ledger's entries of this mixture are its charges, stage for stage and form for form."""
    own = {held.entries[i].stage: i for i in held.of_run(run)}
    for name in own.keys() - {s.stated.name for s in stages}:
        check.fail(f"stage {name} of {run} is entered, and the mixture has none of that name")
    for stage in stages if own else ():
        if (place := own.get(stage.stated.name)) is None:
            check.fail(f"stage {stage.stated.name} of {run} is not entered")
            continue
        mine = held.entry == place
        forms, of = key_words.distinct(np.concatenate([stage.keys("form_key"), held.form[mine]]))
        split = len(stage.charges)
        differs = np.zeros(len(forms), bool)
        for name, there in (("showings", held.showings[mine]), ("charged", held.charged[mine])):
            differs |= np.bincount(of[:split], stage.numbers(name), len(forms)) != np.bincount(
                of[split:], there, len(forms)
            )
        for at in check.first(np.flatnonzero(differs)):
            check.fail(
                f"stage {stage.stated.name}: form {key_words.hexed(forms[at])} is charged otherwise in the ledger than in the mixture"
            )
