"""The whole check of a released set, in two passes over its rows: files, sums, content, forms, showings, labels, near-copies."""

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa

from curation.verify.exposures import Shown, check_cap, check_ledger
from curation.verify.findings import Check
from curation.verify.near_copies import (
    Bands,
    Sample,
    check_labels,
    check_pairs,
    check_rejected,
    draw_ids,
    row_of,
)
from curation.verify.normal_form import form_key, normal_form
from curation.verify.shard_files import Release, canonical_sum, check_files, check_sums
from curation.verify.similarity import shingles

SAMPLE, SEED = 10_000, 20261122


def verify(
    url: str,
    *,
    k: int | None = None,
    tau: float | None = None,
    ledger: str | None = None,
    run: str | None = None,
    sample: int = SAMPLE,
) -> list[Check]:
    """Checks the released shard set at `url`.

    k, tau: what the release was made with, where its manifest does not say. ledger: its folder; run: under which id training on
    this set is entered there. sample: rows whose near-copies are sought. Raises FileNotFoundError where there is no finished set
    and ValueError where k is not known.
    """
    release = Release(url)
    stated = release.manifest.get("exposure") or {}
    k = k or stated.get("k")
    if k is None:
        raise ValueError(f"{url}: the manifest states no K (no cap was run); give it")
    checks = [check_files(release), check_sums(release)]
    needed = {"id", "text", "form_key", "cluster"}
    if missing := sorted(needed - set(release.columns)):
        forms = Check("forms")
        forms.fail(f"the set has no column {', '.join(missing)}, so forms, showings and near-copies cannot be checked")
        return [*checks, forms]
    bands = _bands(release.manifest, tau)
    ids = [batch.column("id") for _, batch in release.batches(["id"], 1 << 16)]
    chosen = draw_ids(pa.chunked_array(ids, ids[0].type) if ids else pa.array([], pa.binary(16)), sample, SEED)
    named = _named_by_rejected(release)
    passed = _Pass(release, chosen, named)
    checks += [passed.content, passed.placed, passed.forms, check_cap(passed.shown, k, stated)]
    if ledger is not None:
        checks.append(check_ledger(passed.shown, k, ledger, run))
    return [
        *checks,
        check_labels(passed.sample, bands.tau),
        check_pairs(passed.sample, release, bands, passed.forms.looked_at),
        check_rejected(release, bands, passed.named),
    ]


def _bands(manifest: dict[str, Any], tau: float | None) -> Bands:
    """Parameters of the deduplication as the manifest states them; DESIGN's 14 × 8 at 0.8 where it does not."""
    steps = manifest.get("made", {}).get("steps", [])
    said = next((s.get("with", {}) for s in reversed(steps) if s.get("step", "").rstrip("0123456789") == "dedup"), {})
    return Bands(tau or said.get("threshold", 0.8), said.get("bands", 14), said.get("rows", 8))


def _named_by_rejected(release: Release) -> set[bytes]:
    """Ids of released rows that sampled rejected rows name as what they are near-copies of."""
    found = set()
    for batch in release.rejected(["reason", "detail"], samples=True):
        for reason, detail in zip(batch.column("reason").to_pylist(), batch.column("detail").to_pylist(), strict=True):
            if reason == "near_duplicate" and detail:
                found.add(bytes.fromhex(detail.removeprefix("near-duplicate of ")))
    return found


class _Pass:
    """One pass over all released rows."""

    def __init__(self, release: Release, chosen: set[bytes], named: set[bytes]):
        self.release, self.chosen, self.wanted = release, chosen, named
        self.content, self.placed, self.forms = Check("content"), Check("placement"), Check("forms")
        self.shown, self.sample = Shown(), Sample()
        self.named: dict[bytes, np.ndarray] = {}
        self._sum, self._last = 0, ("", b"")
        self._several = self._labels_of_several()
        for file, batch in release.batches(release.columns):
            self._sum += canonical_sum(batch)
            self.content.looked_at += batch.num_rows
            self._place(file, batch)
            self.shown.add(batch)
            self._look(file, batch)
        stated = release.manifest.get("content")
        found = f"{self._sum % (1 << 256):064x}"
        if stated != found:
            self.content.fail(f"content hash is {found[:16]}…, the manifest says {(stated or 'none')[:16]}…")

    def _labels_of_several(self) -> set[bytes]:
        """Labels with more than one released row, the first of them (all rows of one label are looked at together)."""
        counts: Counter[bytes] = Counter()
        for _, batch in self.release.batches(["cluster"], 1 << 16):
            counts.update(label for label in batch.column("cluster").to_pylist() if label is not None)
        return set(sorted(label for label, n in counts.items() if n > 1)[:SAMPLE])

    def _place(self, file: dict[str, Any], batch: pa.RecordBatch) -> None:
        """Rows lie in the partition of their id's high bits, in order of id inside a file, and no id comes twice."""
        bits = int(self.release.manifest["partitions"]).bit_length() - 1
        name, last = self._last
        last = last if name == file["path"] else b""
        for key in batch.column("id").to_pylist():
            self.placed.looked_at += 1
            if int.from_bytes(key, "big") >> (128 - bits) != file["partition"]:
                self.placed.fail(
                    f"row {key.hex()} in {file['path']}: belongs to another partition than {file['partition']}"
                )
            if key <= last:
                self.placed.fail(f"row {key.hex()} in {file['path']}: not in order of id, or twice")
            last = key
        self._last = file["path"], last

    def _look(self, file: dict[str, Any], batch: pa.RecordBatch) -> None:
        columns = [
            c for c in ("id", "text", "form_key", "cluster", "cluster_rank", "cluster_size") if c in batch.schema.names
        ]
        for row in batch.select(columns).to_pylist():
            if row["text"] is None or row["form_key"] is None:
                continue
            self.forms.looked_at += 1
            form = normal_form(row["text"])
            if (key := form_key(form)) != row["form_key"]:
                self.forms.fail(
                    f"row {row['id'].hex()} in {file['path']}: form key {row['form_key'].hex()}, its text's is {key.hex()}"
                )
            drawn = row["id"] in self.chosen
            if row["cluster"] is not None and (drawn or row["cluster"] in self._several):
                made = row_of(row, form)
                if drawn:
                    self.sample.drawn[made.id] = made
                if made.label in self._several:
                    self.sample.by_label[made.label].append(made)
            if row["id"] in self.wanted:
                self.named[row["id"]] = shingles(form)
