"""How often each cluster and each text is shown, from the rows themselves, against K, the mode of the cap and the manifest."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from curation.verify import key_words
from curation.verify.findings import Check
from curation.verify.rows import Rows
from curation.verify.shard_files import Release
from curation.verify.stated import Exposure, Step, shaped


@dataclass
class Allowance:
    """K, where it is from, and what disagrees with it."""

    k: int
    by: str
    cap: dict[str, Any] = field(default_factory=dict[str, Any])
    """Parameters of the cap; empty where no step is one."""
    problems: list[str] = field(default_factory=list[str])


def allowance(steps: Sequence[Step], stated: Any, asked: int | None, ledger: int | None) -> Allowance | None:
    """K as it is asked for, else as the identity of the step `cap` has it, else as the ledger is kept; None where none says so.

    What a manifest states (`stated`, its `exposure`) is held against it and never taken for it.
    """
    cap = next((s.parameters for s in reversed(steps) if s.kind == "cap"), {})
    said = [
        ("--k", asked),
        ("the step cap", cap.get("k")),
        ("the ledger", ledger),
        ("the manifest's exposure", stated.get("k") if isinstance(stated, dict) else None),
    ]
    known = [(by, k) for by, k in said if isinstance(k, int)]
    if not known or known[0][0] == said[3][0]:
        return None
    by, k = known[0]
    problems = [f"K = {k} by {by}, K = {other} by {name}" for name, other in known[1:] if other != k]
    return Allowance(k, by, cap, problems)


def check_cap(rows: Rows, release: Release, allowed: Allowance) -> Check:
    """No label and no text is shown more than K times in one pass, nor more than the mode gives; the manifest's figures are right."""
    labels, place = rows.labels
    check = Check("exposures", looked_at=len(labels), problems=list(allowed.problems))
    k, cap = allowed.k, allowed.cap
    shown = np.bincount(place, rows.repeat, len(labels)).astype(np.int64)
    count = np.bincount(place, minlength=len(labels))
    most = int(shown.max(initial=0))
    size = np.full(len(labels), -1, np.int64)
    np.maximum.at(size, place, rows.size)
    limit = np.minimum(_limit(cap, size, count, k), k)
    for at in check.first(np.flatnonzero(shown > limit)):
        here = np.flatnonzero(place == at)
        said = f"K = {k}" if shown[at] > k else f"mode {cap['mode']} gives a cluster of {size[at]} at most {limit[at]}"
        check.fail(f"cluster {key_words.hexed(labels[at])}: shown {shown[at]} times, {said}; rows {rows.named(here)}")
    _check_forms(check, rows, k)
    _check_repeated(check, rows, place)
    if (cap or release.manifest.exposure) and "repeat" not in release.manifest.columns:
        check.fail("the set was capped and has no column 'repeat'")
    if cap and release.manifest.exposure is None:
        check.fail("the set was capped and its manifest states no exposure")
    check.notes.append(f"highest exposure in one pass {most} of K = {k} (by {allowed.by})")
    fewer = cap.get("ledger") is not None or not cap or release.manifest.rejected.get("forgotten", 0) > 0
    check_stated(check, release.manifest.exposure, k, most, earlier=fewer)
    return check


def _limit(cap: dict[str, Any], size: np.ndarray, rows: np.ndarray, k: int) -> np.ndarray:
    """Showings that the mode gives at most: every released row has one, and the mode's number is for all together."""
    mode, curve = cap.get("mode"), cap.get("curve")
    if mode in ("one", "natural"):
        return rows
    if mode == "min_size":
        return np.where(size > 0, np.maximum(rows, size), k)
    if mode == "curve" and isinstance(curve, dict) and curve:
        steps = sorted((int(n), int(showings)) for n, showings in curve.items())
        sizes = [n for n, _ in steps]
        wanted = [steps[max(bisect_right(sizes, n) - 1, 0)][1] if n > 0 else k for n in size.tolist()]
        return np.maximum(rows, np.array(wanted, np.int64))
    return np.full(len(size), k, np.int64)


def _check_forms(check: Check, rows: Rows, k: int) -> None:
    """No text is shown more than K times under whatever labels (one text under two labels is `check_labels`'s)."""
    forms, place = key_words.distinct(rows.form)
    shown = np.bincount(place, rows.repeat, len(forms)).astype(np.int64)
    by_label = np.bincount(rows.labels[1], rows.repeat, len(rows.labels[0])).astype(np.int64)
    said = np.zeros(len(forms), bool)
    said[place[by_label[rows.labels[1]] > k]] = True
    for at in check.first(np.flatnonzero((shown > k) & ~said)):
        check.fail(
            f"form {key_words.hexed(forms[at])}: shown {shown[at]} times under several labels, K = {k}; "
            f"rows {rows.named(np.flatnonzero(place == at))}"
        )


def _check_repeated(check: Check, rows: Rows, place: np.ndarray) -> None:
    """Of a label's rows only the best-ranked is shown more than once (docs/budget.md)."""
    several = np.flatnonzero(rows.repeat > 1)
    best = np.full(len(rows.labels[0]), np.iinfo(np.int64).max)
    np.minimum.at(best, place, rows.rank)
    for row in check.first(several[rows.rank[several] != best[place[several]]]):
        check.fail(
            f"row {key_words.hexed(rows.id[row])}: repeated {rows.repeat[row]} times, and its cluster has a better-ranked row here"
        )


def check_stated(check: Check, said: Any, k: int, most: int, *, earlier: bool) -> None:
    """What a manifest says of showings is what the rows show. earlier: showings of earlier training, or of what was
    forgotten since, may be counted in."""
    if said is None:
        return
    stated = shaped(said, "exposure", Exposure, check)
    if stated is None:
        return
    if most > stated.highest_exposure or (stated.highest_exposure > most and not earlier):
        check.fail(f"the manifest's highest exposure is {stated.highest_exposure}, the rows show {most}")
    if stated.highest_exposure > k:
        check.fail(f"the manifest's highest exposure is {stated.highest_exposure}, K = {k}")
    epochs, allowed = stated.max_trainer_epochs, k // most if most else None
    if epochs is None and allowed is not None:
        check.fail(f"the manifest states no max_trainer_epochs, and K = {k} allows {allowed} passes")
    if epochs is not None and allowed is not None and epochs > allowed:
        check.fail(f"the manifest allows {epochs} passes, and {most} showings × {epochs} pass K = {k}")
    if epochs is not None and allowed is not None and not earlier and epochs < allowed:
        check.fail(f"the manifest allows {epochs} passes, and K = {k} allows {allowed}")
