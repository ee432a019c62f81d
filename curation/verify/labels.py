"""Labels: one for each text, one kept text for each, and rows of a label alike."""

from collections import defaultdict

import numpy as np

from curation.verify import key_words
from curation.verify.findings import Check, share
from curation.verify.rows import Rows
from curation.verify.similarity import jaccard


def check_labels(rows: Rows, sets: dict[int, np.ndarray], tau: float) -> Check:
    """No text has two labels, all rows of one label agree on its size and differ in rank, and they are near-copies.

    Of the labels whose rows' shingles are in `sets` (by number): rows have J ≥ τ to the kept row where that is released; else no
    two differ more than two near-copies can. Jaccard distance is a metric, so two members at ≥ τ to one text have J ≥ 2τ − 1.
    """
    check = Check("labels")
    below, compared = _alike(check, rows, sets, tau)
    forms, form = key_words.distinct(rows.form)
    labels, label = rows.labels
    for at in check.first(_several(form, label, len(forms))):
        here = np.flatnonzero(form == at)
        said = ", ".join(key_words.hexed(labels[i]) for i in np.unique(label[here])[:4])
        check.fail(f"rows {rows.named(here)} have one text and several labels: {said}")
    for at in check.first(_several(label, rows.size, len(labels))):
        here = np.flatnonzero(label == at)
        check.fail(
            f"rows {rows.named(here)} have one label and several sizes: {np.unique(rows.size[here])[:4].tolist()}"
        )
    count = np.bincount(label, minlength=len(labels))
    for row in check.first(np.flatnonzero((rows.size >= 0) & (count[label] > rows.size))):
        check.fail(
            f"row {key_words.hexed(rows.id[row])}: {count[label[row]]} rows of a cluster of {rows.size[row]} are released"
        )
    order = np.lexsort((rows.rank, label))
    same = (np.diff(label[order]) == 0) & (np.diff(rows.rank[order]) == 0) & (rows.rank[order][1:] >= 0)
    for at in check.first(np.flatnonzero(same)):
        check.fail(f"rows {rows.named(order[at : at + 2])} have one label and one rank")
    for row in check.first(np.flatnonzero((rows.rank == 0) & ~rows.kept)):
        said = key_words.hexed(rows.id[row])
        check.fail(
            f"row {said}: rank 0 of its cluster, whose label {key_words.hexed(rows.label[row])} is another text's"
        )
    check.looked_at = compared
    check.notes.append(f"members below τ = {tau:g} to their kept row: {share(below, compared)}")
    return check


def _several(of: np.ndarray, values: np.ndarray, count: int) -> np.ndarray:
    """Places below `count` that have more than one value."""
    low, high = np.full(count, np.iinfo(np.int64).max), np.full(count, np.iinfo(np.int64).min)
    np.minimum.at(low, of, values)
    np.maximum.at(high, of, values)
    return np.flatnonzero(high > low)


def _alike(check: Check, rows: Rows, sets: dict[int, np.ndarray], tau: float) -> tuple[int, int]:
    by_label: dict[int, list[int]] = defaultdict(list)
    label = rows.labels[1]
    for row in np.flatnonzero(np.isin(rows.number, np.fromiter(sets, np.int64, len(sets)))).tolist():
        by_label[int(label[row])].append(row)
    below = compared = 0
    for several in by_label.values():
        kept = next((r for r in several if rows.kept[r]), None)
        head = min(several, key=lambda r: (int(rows.rank[r]), r)) if kept is None else kept
        bound = 2 * tau - 1 if kept is None else tau
        done: dict[bytes, float] = {rows.form[head].tobytes(): 1.0}
        for row in several:
            if (form := rows.form[row].tobytes()) in done:
                continue
            compared += 1
            done[form] = found = jaccard(sets[int(rows.number[row])], sets[int(rows.number[head])])
            if found < bound - 1e-9:
                below += 1
                check.fail(
                    f"rows {key_words.hexed(rows.id[head])} and {key_words.hexed(rows.id[row])} have one label "
                    f"{key_words.hexed(rows.label[row])} and J = {found:.3f}, below {bound:.3g}"
                )
    return below, compared
