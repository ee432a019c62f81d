"""Whether a label stands for a text: one that is released, or one that was rejected here before the cap saw it.

A label is the form key of a kept text. A row whose own text is another joined that cluster, and names (first of `cluster_examples`)
the best-ranked row of it, which has the kept text. So either the kept text is released, or that row was rejected: by a threshold,
or by the cap as a whole, never as a near-duplicate, since nothing ranks above it.
"""

import numpy as np

from curation.verify import key_words
from curation.verify.normal_form import normal_form
from curation.verify.rejected_rows import Rejected
from curation.verify.rows import Rows
from curation.verify.shard_files import Release
from curation.verify.similarity import jaccard, shingles


def without_ground(rows: Rows, rejected: Rejected) -> dict[int, str]:
    """Rows (places) whose label is of no text that is released or was rejected here, and why. Looks at all rows.

    Only for sets whose own steps are the deduplication, without an index of earlier crawls, and all that follows it.
    """
    kept = np.flatnonzero(rows.kept)
    there = key_words.find(rows.form[kept], rows.label) >= 0
    some = np.flatnonzero(~rows.kept & ~there)
    best = rows.best[some]
    released = key_words.find(rejected.ids, best) >= 0
    reasons = rejected.reasons(best[~released])
    found: dict[int, str] = {}
    for row, key, here in zip(some.tolist(), best, released.tolist(), strict=True):
        label, named = f"label {key_words.hexed(rows.label[row])}", key_words.hexed(key)
        reason = reasons.get(bytes(key.astype(">u8")))
        if not key.any():
            found[row] = f"{label} is no released text's, and it names no better-ranked row"
        elif here:
            found[row] = f"{label} is no released text's, and the best-ranked row {named} is released"
        elif reason is None:
            found[row] = f"{label} is no released text's, and the best-ranked row {named} was not rejected here"
        elif reason == "near_duplicate":
            found[row] = f"{label} is no released text's, and the best-ranked row {named} was a near-duplicate itself"
    return found


def far_from_kept(rows: Rows, some: np.ndarray, release: Release, tau: float) -> dict[int, str]:
    """Of these rows (places) whose label's kept text is released, those that are no near-copies of it, and how far they are."""
    some = some[~rows.kept[some]]
    kept = np.flatnonzero(rows.kept)
    at = key_words.find(rows.form[kept], rows.label[some])
    some, kept = some[at >= 0], kept[at[at >= 0]]
    numbers = np.unique(np.concatenate([rows.number[some], rows.number[kept]]))
    sets = shingles_at(release, numbers)
    found: dict[int, str] = {}
    for row, head in zip(some.tolist(), kept.tolist(), strict=True):
        pair = [sets.get(int(rows.number[r])) for r in (row, head)]
        if pair[0] is not None and pair[1] is not None and (near := jaccard(pair[0], pair[1])) < tau - 1e-9:
            found[row] = f"the kept text has J = {near:.3f} to it (row {key_words.hexed(rows.id[head])})"
    return found


def shingles_at(release: Release, numbers: np.ndarray) -> dict[int, np.ndarray]:
    """Shingles of some rows (sorted numbers), by number."""
    return {n: shingles(normal_form(str(row["text"]))) for n, row in release.rows_at(numbers, ["text"])}
