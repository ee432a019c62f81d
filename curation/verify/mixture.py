"""The check of a training mixture: what its sequences really show, against its charges, K and the ledger."""

from collections import Counter, defaultdict
from itertools import pairwise
from typing import Any

from curation.verify.exposures import Shown, check_ledger
from curation.verify.findings import Check
from curation.verify.normal_form import form_key, normal_form
from curation.verify.shard_files import Folder


def verify_mixture(url: str, *, ledger: str | None = None) -> list[Check]:
    """Checks the mixture in the folder `url` (docs/budget.md), written as shards or as an index over shards.

    Every sequence is read; of an index, the rows that it names are looked up in their files. Raises FileNotFoundError where there
    is no finished mixture.
    """
    folder = Folder(url)
    if not folder.exists("mixture.json"):
        raise FileNotFoundError(f"{url}: no mixture.json, so this is no finished mixture")
    about = folder.json("mixture.json")
    checks = [_check_files(folder, about)]
    stages, checks = _read(folder, about, checks)
    k = about["exposure"]["k"]
    checks.append(_check_charges(folder, about, stages, k))
    if ledger is not None:
        shown = Shown()
        for _, by_form, labels in stages.values():
            shown.by_form.update(by_form)
            shown.label |= labels
        for form, n in shown.by_form.items():
            shown.by_label[shown.label[form]] += n
        found = check_ledger(shown, k, ledger, None)
        _check_entries(found, folder, about, ledger)
        checks.append(found)
    return checks


Stage = tuple[list[bytes], Counter[bytes], dict[bytes, bytes]]
"""Labels in the order of training, showings by form, label of each form."""


def _check_files(folder: Folder, about: dict[str, Any]) -> Check:
    check = Check("files")
    for stage in about["stages"]:
        for file in (*stage["files"], stage["charges"]):
            check.looked_at += 1
            if not folder.exists(file["path"]):
                check.fail(f"{file['path']}: named by mixture.json and not there")
            elif folder.sha256(file["path"]) != file["sha256"]:
                check.fail(f"{file['path']}: its bytes are not those that mixture.json names")
    return check


def _read(folder: Folder, about: dict[str, Any], checks: list[Check]) -> tuple[dict[str, Stage], list[Check]]:
    sums, forms = Check("sums"), Check("forms")
    stages: dict[str, Stage] = {}
    looked: dict[str, list[tuple[bytes, bytes, bytes]]] = {}
    for stage in about["stages"]:
        labels: list[bytes] = []
        by_form: Counter[bytes] = Counter()
        label_of: dict[bytes, bytes] = {}
        tokens = 0
        for file in (f for f in stage["files"] if folder.exists(f["path"])):
            for batch in folder.parquet(file["path"]).iter_batches(1024):
                rows = batch.to_pylist()
                for row in rows:
                    form, label = row.get("form_key"), row.get("cluster")
                    if about["as"] == "index":
                        form, label = _named(row, looked, forms)
                    form, label = form or row["id"], label or row["id"]
                    labels.append(label)
                    by_form[form] += 1
                    label_of[form] = label
                    tokens += row["tokens"] or 0
                    if row.get("text") is not None and row.get("form_key") is not None:
                        forms.looked_at += 1
                        if form_key(normal_form(row["text"])) != form:
                            forms.fail(f"stage {stage['name']}, row {row['id'].hex()}: its form key is not its text's")
        sums.looked_at += len(labels)
        for name, stated, found in (("rows", stage["rows"], len(labels)), ("tokens", stage["tokens"], tokens)):
            if stated != found:
                sums.fail(f"stage {stage['name']}: mixture.json says {stated:,} {name}, the files hold {found:,}")
        stages[stage["name"]] = labels, by_form, label_of
    return stages, [*checks, sums, forms]


def _named(
    row: dict[str, Any], looked: dict[str, list[tuple[bytes, bytes, bytes]]], forms: Check
) -> tuple[bytes | None, bytes | None]:
    """Form and label of the row that an index names, from its file."""
    if row["file"] not in looked:
        place, _, name = row["file"].rpartition("/data/")
        columns = ["id", "form_key", "cluster"]
        table = Folder(place).parquet(f"data/{name}").read(columns=columns)
        looked[row["file"]] = list(zip(*(table.column(c).to_pylist() for c in columns), strict=True))
    found, form, label = looked[row["file"]][row["row"]]
    forms.looked_at += 1
    if found != row["id"]:
        forms.fail(f"row {row['id'].hex()}: {row['file']} has another row at {row['row']}")
    return form, label


def _check_charges(folder: Folder, about: dict[str, Any], stages: dict[str, Stage], k: int) -> Check:
    """Every stage shows just what its charges say; nothing is charged less than it is shown; no label is charged more than K."""
    check = Check("exposures")
    charged: Counter[bytes] = Counter()
    free: Counter[bytes] = Counter()
    nearest = 1.0
    for stage in about["stages"]:
        labels, by_form, _ = stages[stage["name"]]
        path = stage["charges"]["path"]
        entry: Counter[bytes] = Counter()
        rows = folder.parquet(path).read().to_pylist() if folder.exists(path) else []
        for row in rows:
            entry[row["form_key"]] += row["showings"]
            charged[row["cluster"]] += row["charged"]
            free[row["form_key"]] += row["charged"] - row["showings"]
        for form in entry.keys() | by_form.keys():
            if entry[form] != by_form[form]:
                check.fail(
                    f"stage {stage['name']}: form {form.hex()} is shown {by_form[form]} times, its entry says {entry[form]}"
                )
        check.looked_at += len(labels)
        nearest = min(nearest, _nearest(labels))
    for form, left in free.items():
        if left < 0:
            check.fail(f"form {form.hex()}: shown {-left} times more than it is charged")
    shown = Counter(label for labels, *_ in stages.values() for label in labels)
    for label in charged.keys() | shown.keys():
        if max(charged[label], shown[label]) > k:
            check.fail(f"cluster {label.hex()}: shown {shown[label]} times, charged {charged[label]}, K = {k}")
    check.notes.append(
        f"highest exposure {max(shown.values(), default=0)} of K = {k}; two showings of a cluster are at least "
        f"{nearest:.2f} of their even distance apart"
    )
    return check


def _nearest(labels: list[bytes]) -> float:
    """Smallest distance of two showings of one label over the distance that even spacing would give, 1 without repetition."""
    places: dict[bytes, list[int]] = defaultdict(list)
    for at, label in enumerate(labels):
        places[label].append(at)
    several = [p for p in places.values() if len(p) > 1]
    return min((min(b - a for a, b in pairwise(p)) * len(p) / len(labels) for p in several), default=1.0)


def _check_entries(check: Check, folder: Folder, about: dict[str, Any], ledger: str) -> None:
    """The ledger's entries of this mixture are its charges, row for row."""
    held = Folder(ledger)
    entries = [held.json(n) for n in held.below("entries") if n.endswith(".json")]
    own = {e["stage"]: e for e in entries if e["run"] == about["run"]}
    check.notes = [] if own else [f"the mixture ({about['run']}) is not entered"]
    for stage in about["stages"] if own else ():
        entry = own.get(stage["name"])
        if entry is None:
            check.fail(f"stage {stage['name']} of {about['run']} is not entered")
            continue
        columns = ["form_key", "source", "showings", "charged"]
        sides = [
            Counter(tuple(r.values()) for r in f.parquet(p).read(columns=columns).to_pylist())
            for f, p in ((folder, stage["charges"]["path"]), (held, entry["file"]["path"]))
        ]
        for row in (sides[0] - sides[1]) + (sides[1] - sides[0]):
            check.fail(
                f"stage {stage['name']}: form {row[0].hex()} is charged otherwise in the ledger than in the mixture"
            )
