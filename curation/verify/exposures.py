"""How often each cluster is shown, from the rows themselves, against K and against the ledger's own files."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from curation.verify.findings import Check
from curation.verify.shard_files import Folder


@dataclass
class Shown:
    """What the released rows show in one pass: by label, by form, and each form's label."""

    by_label: Counter[bytes] = field(default_factory=Counter)
    by_form: Counter[bytes] = field(default_factory=Counter)
    label: dict[bytes, bytes] = field(default_factory=dict)
    ids: dict[bytes, list[str]] = field(default_factory=dict)
    """Ids of up to eight rows of each label, to name them by."""

    def add(self, batch: pa.RecordBatch) -> None:
        """Counts the rows of a batch with columns id, form_key, cluster and repeat; rows without a cluster are none's near-copy."""
        names = batch.schema.names
        repeat = batch.column("repeat").to_pylist() if "repeat" in names else [1] * batch.num_rows
        columns = (batch.column(c).to_pylist() for c in ("id", "form_key", "cluster"))
        for row, form, label, n in zip(*columns, repeat, strict=True):
            if label is None or form is None:
                continue
            self.by_label[label] += n
            self.by_form[form] += n
            self.label[form] = label
            known = self.ids.setdefault(label, [])
            if len(known) < 8:
                known.append(row.hex())


def check_cap(shown: Shown, k: int, stated: dict[str, int]) -> Check:
    """No label is shown more than K times in one pass, and the manifest's figures are those of the rows."""
    check = Check("exposures", looked_at=len(shown.by_label))
    for label, n in shown.by_label.items():
        if n > k:
            rows = ", ".join(shown.ids[label])
            check.fail(f"cluster {label.hex()}: shown {n} times, K = {k}; rows {rows}")
    most = max(shown.by_label.values(), default=0)
    check.notes.append(f"highest exposure in one pass {most} of K = {k}")
    if stated.get("k", k) != k:
        check.fail(f"the manifest was made for K = {stated['k']}, checked with K = {k}")
    if stated and most > stated["highest_exposure"]:
        check.fail(f"the manifest's highest exposure is {stated['highest_exposure']}, the rows show {most}")
    epochs = stated.get("max_trainer_epochs")
    if epochs is not None and most and epochs * most > k:
        check.fail(f"the manifest allows {epochs} passes, and {most} showings × {epochs} pass K = {k}")
    return check


def check_ledger(shown: Shown, k: int, url: str, run: str | None) -> Check:
    """The ledger's files are whole, no label passes K with them, and the run's own entry covers every released row.

    A form's label is today's where the release has the form, else that of its old kept row, else the one that it was entered with.
    """
    check = Check("ledger")
    folder = Folder(url)
    if not folder.exists("ledger.json"):
        check.fail(f"{url}: there is no ledger here")
        return check
    about = folder.json("ledger.json")
    if about["k"] != k:
        check.fail(f"the ledger is kept with K = {about['k']}, the release with K = {k}")
    total: Counter[bytes] = Counter()
    own: dict[str, Counter[bytes]] = {}
    free: Counter[tuple[str, bytes]] = Counter()
    for name in (n for n in folder.below("entries") if n.endswith(".json")):
        entry = folder.json(name)
        file = entry["file"]
        if not folder.exists(file["path"]):
            check.fail(f"{file['path']}: named by {name} and not there")
            continue
        if folder.sha256(file["path"]) != file["sha256"]:
            check.fail(f"{file['path']}: its bytes are not those that {name} names")
        rows = folder.parquet(file["path"]).read(columns=["form_key", "cluster", "showings", "charged"])
        if len(rows) != entry["rows"]:
            check.fail(f"{file['path']}: holds {len(rows):,} rows, its entry says {entry['rows']:,}")
        check.looked_at += len(rows)
        for form, old, showings, charged in zip(*(c.to_pylist() for c in rows.columns), strict=True):
            total[shown.label.get(form) or shown.label.get(old) or old] += charged
            if entry["run"] == run:
                own.setdefault(entry["stage"], Counter())[form] += showings
            free[entry["run"], form] += charged - showings
    for (training, form), left in free.items():
        if left < 0:
            check.fail(f"form {form.hex()}: shown {-left} times more than it is charged ({training})")
    for label, n in total.items():
        if n > k:
            check.fail(f"cluster {label.hex()}: charged {n} times over all training, K = {k}")
    if not own:
        over = sum(total[label] <= k < total[label] + n for label, n in shown.by_label.items())
        check.notes.append(
            f"no entry {run} of training on this set; one pass more would take {over:,} clusters past K = {k}"
        )
    for stage, forms in own.items():
        _check_entry(check, shown, stage, forms)
    return check


def _check_entry(check: Check, shown: Shown, stage: str, forms: Counter[bytes]) -> None:
    """A stage's entry holds as many passes of every released form as of most others."""
    passes = [forms[f] / n for f, n in shown.by_form.items() if f in forms]
    usual = float(np.median(passes)) if passes else 1.0
    for form, n in shown.by_form.items():
        if forms[form] != round(usual) * n:
            rows = ", ".join(shown.ids[shown.label[form]])
            check.fail(
                f"stage {stage}: form {form.hex()} is released with {n} showings a pass and entered with {forms[form]} "
                f"(others: {round(usual)} passes); rows of its cluster: {rows}"
            )
    for form in forms.keys() - shown.by_form.keys():
        check.fail(f"stage {stage}: form {form.hex()} is entered and not in the release")
