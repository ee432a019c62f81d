"""Files against the manifest's hashes, its sums against the rows, quotas and caps against what was taken."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from typing import Any

import orjson
import pyarrow as pa

from curation.dedup.normal_form import normal_form
from curation.verify.findings import Check
from synth.dialogue import schema
from synth.generated.rows import order_of
from synth.generated.stated import MANIFEST, GeneratedSet
from synth.novelty import FILE


def check_files(found: GeneratedSet) -> Check:
    """Every listed file is there with its bytes, hash and rows, and nothing else is."""
    check = Check("files")
    listed = [f["path"] for f in found.manifest["files"]]
    for twice in sorted({p for p in listed if listed.count(p) > 1}):
        check.fail(f"{twice}: is listed twice")
    for file in found.manifest["files"]:
        check.looked_at += 1
        path = file["path"]
        if not found.folder.exists(path):
            check.fail(f"{path}: is not there")
            continue
        if (digest := found.folder.sha256(path)) != file["sha256"]:
            check.fail(f"{path}: SHA-256 is {digest[:12]}…, the manifest says {file['sha256'][:12]}…")
        try:
            opened = found.folder.parquet(path)
        except (OSError, pa.ArrowException) as error:
            check.fail(f"{path}: is no Parquet file: {error}")
            continue
        if (rows := opened.metadata.num_rows) != file["rows"]:
            check.fail(f"{path}: holds {rows:,} rows, the manifest says {file['rows']:,}")
        if path.startswith("data/") and not opened.schema_arrow.equals(schema()):
            check.fail(f"{path}: its columns are not those of generated rows (synth/dialogue.py)")
    for stray in sorted(set(found.folder.below()) - {MANIFEST, *listed}):
        check.fail(f"{stray}: is in the set's folder and not in its manifest")
    return check


def check_sums(found: GeneratedSet) -> Check:
    """Rows in are rows taken and refused, reason by reason; the content hash is that of the rows; yields count them."""
    check, said = Check("sums"), found.manifest
    total, taken, origins = 0, 0, Counter[str]()
    for _, row in found.rows("data"):
        taken += 1
        origins[row["answer_origin"]] += 1
        total += _digest(row)
    refused = Counter(row["reason"] for _, row in found.rows("refused", ["reason"]))
    check.looked_at = taken + refused.total()
    for name, wanted, have in (
        ("rows_out", said["rows_out"], taken),
        ("rows_in", said["rows_in"], taken + refused.total()),
        ("rejected", dict(said["rejected"]), dict(refused)),
        ("content", said["content"], f"{total % (1 << 256):064x}"),
        ("yields.rows", said["yields"]["rows"], taken),
        ("yields.origins", {o: n for o, n in said["yields"]["origins"].items() if n}, dict(origins)),
        ("yields' samples", sum(o["samples"] for o in said["yields"]["orders"]), taken + refused.total()),
    ):
        if wanted != have:
            check.fail(f"{MANIFEST}: {name} is {wanted}, the rows say {have}")
    return check


def check_quotas(found: GeneratedSet) -> Check:
    """No order has more rows than it asked for; what the manifest says each has is so; no cap is passed (quotas in rows)."""
    check = Check("quotas and caps")
    filled, shares, templates = Counter[str](), Counter[tuple[str, str, str]](), Counter[str]()
    for _, row in found.rows("data"):
        check.looked_at += 1
        if (order := order_of(row, found.orders)) is None:
            continue  # `rows` says so
        host = next((s["host"] for s in row["seeds"] or () if s["kind"] == "document"), None)
        filled[order] += 1
        templates.update([] if row["template"] is None else [row["template"]])
        answer = normal_form(row["answer"] or "")
        for kind, value in (
            ("template", row["template"]),
            ("host", host),
            ("model", row["model"]),
            ("answer", answer),
        ):
            if value is not None:
                shares[kind, order, value] += 1
    for line in found.manifest["quotas"]:
        if filled[line["function"]] != line["rows"]:
            check.fail(f"{MANIFEST}: {line['function']} has {line['rows']} rows, the set {filled[line['function']]}")
    quotas = {name: order["rows"] for name, order in found.orders.items()}
    if any(quota is None for quota in quotas.values()):
        check.notes.append(
            "quotas and caps are in tokens, which rows do not all hold: only counts of rows were compared"
        )
        return check
    caps = found.manifest["made"]["generate"]["caps"]
    for name, count in filled.items():
        if count > quotas[name]:
            check.fail(f"{name}: {count} rows, and {quotas[name]} were asked for")
    for (kind, order, value), count in shares.items():
        if (share := caps[f"per_{kind}"]) < 1 and count > share * quotas[order]:
            check.fail(f"{order}: {count} rows of the {kind} {value}, more than {share:g} of {quotas[order]}")
    left_out = found.manifest["left_out"]
    whole = sum(quota for name, quota in quotas.items() if name not in left_out)
    for template, count in templates.items():
        if (share := caps["per_template_of_all"]) < 1 and count > share * whole:
            check.fail(f"{count} rows of the template {template}, more than {share:g} of all {whole}")
    return check


def check_novelty(found: GeneratedSet) -> Check:
    """Later sets are held against what this one took: every row's prompt is in `novelty.parquet`, and its bases'."""
    check = Check("novelty")
    try:
        kept = found.folder.parquet(FILE).read(columns=["id", "row"]).to_pylist()
    except (OSError, pa.ArrowException) as error:
        check.fail(f"{FILE}: cannot be read: {error}")
        return check
    held, own = {one["id"] for one in kept}, set[bytes]()
    for file, row in found.rows("data", ["id", "cluster"]):
        check.looked_at += 1
        own.add(row["id"])
        if row["cluster"] not in held:
            check.fail(f"{file['path']}: row {row['id'].hex()}: its prompt is not in {FILE}")
    added = sum(base["added"] for base in found.manifest["novelty"]["base"])
    if (foreign := sum(one["row"] not in own for one in kept)) != added:
        check.fail(f"{FILE}: {foreign:,} prompts are of no row of this set, and its bases gave {added:,}")
    return check


def _digest(row: Mapping[str, Any]) -> int:
    """A row's part of the content hash: SHA-256 over its JSON with sorted keys, without the run's own (round, milliseconds)."""
    own = {k: v for k, v in row.items() if k != "round"}
    own["verifications"] = [{k: v for k, v in one.items() if k != "ms"} for one in row["verifications"] or ()]
    text = orjson.dumps(own, option=orjson.OPT_SORT_KEYS, default=lambda value: value.hex())
    return int.from_bytes(hashlib.sha256(text).digest(), "little")
