"""The whole check of a released set: files, sums, content, forms, showings, labels, clusters, near-copies and what was rejected.

Texts are read once, and a second time those that share a band with a sampled one or are named by a sampled rejection.
"""

import secrets
from collections.abc import Sequence
from typing import Any

import numpy as np

from curation.verify import grounds, key_words
from curation.verify.benchmarks import Sought, check_benchmarks
from curation.verify.exposures import allowance, check_cap
from curation.verify.findings import Check
from curation.verify.labels import check_labels
from curation.verify.ledger import check_entry, check_ledger, open_ledger, shown_by
from curation.verify.licences import check_licences
from curation.verify.near_copies import Bands, check_pairs, partners, possibly_missed
from curation.verify.rejected_rows import Rejected, check_rejected
from curation.verify.rows import Pass, Rows
from curation.verify.sample import Sample, draw
from curation.verify.shard_files import REQUIRED, Release, check_files, check_sums
from curation.verify.stated import Step
from curation.verify.survey_tables import check_tables

SAMPLE = 10_000


def verify(
    url: str,
    *,
    k: int | None = None,
    ledger: str | None = None,
    run: str | None = None,
    sample: int = SAMPLE,
    seed: int | None = None,
    steps: Sequence[dict[str, Any]] | None = None,
    clusters: str | None = None,
    benchmarks: tuple[Sequence[Sought], Sequence[str]] = ((), ()),
) -> list[Check]:
    """Checks the released shard set at `url`.

    k: what to hold it to. ledger: its folder; run: under which id training on this set is entered there. sample: rows whose
    near-copies are sought, drawn by `seed` (a new one each time when None). steps: identities of all steps of the run, where the
    set's manifest has only the last ones. clusters: folder of the deduplication's tables. benchmarks: evaluation items that no
    sampled row may hold, and what is to be said of those that cannot be sought. Raises FileNotFoundError where there is no finished
    set and ValueError where nothing but the manifest's own `exposure` says K, for values out of range, and for a ledger
    without `run`.
    """
    if (k is not None and k < 1) or sample < 1:
        raise ValueError(f"--k and --sample are at least 1, not {k} and {sample}")
    if ledger is not None and run is None:
        raise ValueError(f"{url}: under which name was training on it entered into {ledger}? give --run-id")
    files = Check("files")
    release = Release.open(url, files)
    if release is None:
        return [files]
    own = release.manifest.made.steps
    known = [Step.model_validate(s) for s in steps or ()] or own
    kept = open_ledger(ledger, Check("ledger"))[1] if ledger is not None else None
    allowed = allowance(known, release.manifest.exposure, k, kept.k if kept else None)
    if allowed is None:
        raise ValueError(
            f"{url}: no step `cap` in its manifest says K, and what `exposure` says is to be checked; give --k"
        )
    check_files(release, files)
    if missing := sorted(REQUIRED - set(release.manifest.columns)):
        files.fail(f"the set has no column {', '.join(missing)}, so forms, showings and near-copies cannot be checked")
        return [files]
    seed = secrets.randbits(64) if seed is None else seed
    chosen, bands = draw(release, sample, seed), Bands.of(known)
    passed = Pass(release, chosen.rows)
    rows = passed.run()
    here = any(s.kind == "dedup" for s in known)
    rejected = Rejected(release, passed.ids, bands.tau if here else None)
    rejected.run()
    checks = [files, check_sums(release, rejected.by_task), passed.content, passed.placed, passed.forms, passed.values]
    checks.append(check_cap(rows, release, allowed))
    if ledger is not None:
        found, held = check_ledger(ledger, shown_by(rows), allowed.k, run)
        if held is not None:
            check_entry(found, held, run, shown_by(rows), rows)
        checks.append(found)
    index = any(s.kind == "dedup" and s.parameters.get("index") is not None for s in known)
    if clusters is not None:
        checks.append(check_tables(clusters, rows, rejected, release.manifest, bands.tau, index=index))
    if (licensed := next((s for s in known if s.kind == "licensed"), None)) is not None:
        said = licensed.parameters
        checks.append(check_licences(release, list(said.get("allow") or ()), links=bool(said.get("links"))))
    if any(benchmarks):
        checks.append(check_benchmarks(release, benchmarks[0], np.sort(chosen.drawn), benchmarks[1]))
    whole = any(s.kind == "dedup" for s in own) and not index
    return [*checks, rejected.check, *_near(rows, passed, chosen, rejected, bands, seed, whole=whole)]


def _near(
    rows: Rows, passed: Pass, chosen: Sample, rejected: Rejected, bands: Bands, seed: int, *, whole: bool
) -> list[Check]:
    """The checks that compare texts."""
    release = passed.release
    labels = check_labels(rows, {n: passed.sets[n] for n in chosen.together.tolist() if n in passed.sets}, bands.tau)
    groundless = grounds.without_ground(rows, rejected) if whole else {}
    for row, why in groundless.items():
        labels.fail(f"row {key_words.hexed(rows.id[row])}: its {why}")
    if not whole:
        labels.notes.append(
            "labels of kept texts that are not released here are taken at their word (index, or dedup elsewhere)"
        )
    drawn = np.flatnonzero(np.isin(rows.number, chosen.drawn))
    named = rejected.named_by_samples()
    at = key_words.find(rows.id, named)
    named, at = named[at >= 0], at[at >= 0]
    pairs = partners(rows, drawn, passed.sets, release, bands.tau, np.unique(rows.number[at]))
    some = np.unique(np.array([r for pair in pairs.found for r in pair], np.int64))
    far = grounds.far_from_kept(rows, some, release, bands.tau)
    near = check_pairs(rows, drawn, pairs, bands, possibly_missed(rejected.values, bands), far | groundless)
    near.notes.append(f"sample drawn with --seed {seed}")
    kept = {
        bytes(key.astype(">u8")): pairs.sets[int(rows.number[place])]
        for key, place in zip(named, at.tolist(), strict=True)
        if int(rows.number[place]) in pairs.sets
    }
    return [labels, near, check_rejected(rejected.samples, kept, bands.tau)]
