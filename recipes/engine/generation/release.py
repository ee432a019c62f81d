"""The released set of a generation: rows sorted by id in partitions, refused candidates beside them, the manifest last.

    OUT/VERSION/instruct/
      data/00000.parquet       rows, partition by high bits of the id
      refused/00000.parquet    candidates of round 0 that are no rows, whole, with reason, value and threshold
      novelty.parquet          prompts of the rows and of the sets that they were compared with: the base of a later version
      manifest.json            yields, who answered, what licences oblige to, audits, wordings; written last

Every candidate is in one of the two. What the rows' licences oblige to is held against the recipe's target before the set exists.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from curation.parquet_file import write_parquet
from curation.place import Place
from curation.provenance import id_words, partition_of
from curation.shards import MANIFEST
from recipes.engine.errors import RunError
from recipes.engine.generation.fingerprint import FORMAT, LIBRARIES
from recipes.engine.generation.plan import Generation
from recipes.engine.generation.rounds import Outcome
from recipes.engine.manifests import versions
from recipes.engine.other_version import refuse_other
from synth.dialogue import RUN_COLUMNS, schema
from synth.engine.figures import total
from synth.models import ALLOWED, Ruling, check_release
from synth.novelty import FILE as NOVELTY
from synth.obligations import Obligation, PolicyError
from synth.shortfall import Shortfall


def finished(generation: Generation) -> dict[str, Any] | None:
    """Manifest of the released set, if it is there and was made just so."""
    place = Place(generation.url)
    manifest = place.read_json(MANIFEST) if place.exists(MANIFEST) else None
    return manifest if manifest is not None and manifest["fingerprint"] == generation.fingerprint else None


def check_version(generation: Generation, version: str) -> None:
    """Refuses a version whose released set is there and was made otherwise, unless it is `dev`."""

    def why(old: Mapping[str, Any]) -> str:
        if old["left_out"] and not generation.left_out:
            return f"without {', '.join(old['left_out'])}, because the engine was not installed; now it is"
        return "asked otherwise" if old["asked"] != generation.asked else "released under other conditions"

    refuse_other(generation.url, version, finished(generation) is not None, "rows", why)


def publish(outcome: Outcome) -> dict[str, Any]:
    """Writes the set. Returns its manifest. Raises RunError where the rows' obligations are not kept by the target."""
    generation = outcome.generation
    whole = pa.concat_tables(outcome.taken) if outcome.taken else schema().empty_table()
    ruling = _ruling(whole)
    try:
        check_release([ruling], generation.target)
    except PolicyError as error:
        raise RunError(
            f"{generation.where}: {error}. The answers are kept: change the recipe and give the same command"
        ) from error
    final = Place(generation.url)
    partial = Place(f"{generation.url}.partial")
    partial.remove()
    files = _write_rows(partial, whole, generation.spec.partitions)
    deciding = outcome.deciding
    files.append(write_parquet(partial, NOVELTY, deciding.novelty.table(deciding.instructions)))
    refused: Counter[str] = Counter()
    for number, one in enumerate(outcome.refused):
        if len(one):
            files.append(write_parquet(partial, f"refused/{number:05d}.parquet", one))
            refused.update(one.column("reason").to_pylist())
    manifest = _manifest(outcome, whole, refused, files, ruling)
    partial.write_json(MANIFEST, manifest)
    final.remove()
    partial.publish(final)
    return manifest


def shortfalls(outcome: Outcome) -> list[Shortfall]:
    """Every order that did not get its quota, with what became of its samples."""
    mixture, yields = outcome.deciding.mixture, outcome.yields
    passages = {order.name for order in outcome.generation.orders if order.task.passage}
    return [
        Shortfall(
            name, mixture.unit, mixture.plan.quotas[name], mixture.filled[name], outcome.asked.get(name, 0),
            yields.samples[name].total(), yields.refused[name], +yields.failed[name], name in passages,
            outcome.imports[name]["rows"] if name in outcome.imports else None,
        )
        for name in mixture.short
    ]  # fmt: skip


def _write_rows(place: Place, rows: pa.Table, partitions: int) -> list[dict[str, Any]]:
    """Rows by partition, sorted by id."""
    files: list[dict[str, Any]] = []
    ids = rows.column("id").combine_chunks()
    words = id_words(ids) if len(ids) else np.zeros((0, 2), np.uint64)
    order = np.lexsort((words[:, 1], words[:, 0]))
    table, ids = rows.take(pa.array(order)), ids.take(pa.array(order))
    parts = partition_of(ids, partitions) if len(ids) else np.zeros(0, np.int64)
    bounds = np.searchsorted(parts, np.arange(partitions + 1))
    for p in range(partitions):
        piece = table.slice(bounds[p], bounds[p + 1] - bounds[p]).combine_chunks()
        files.append(write_parquet(place, f"data/{p:05d}.parquet", piece) | {"partition": p})
    return files


def _ruling(rows: pa.Table) -> Ruling:
    """What all rows together oblige to, as their own columns say."""
    whole = ALLOWED
    pairs = set(zip(rows.column("licence_status").to_pylist(), rows.column("obligations").to_pylist(), strict=True))
    for status, said in sorted(pairs):
        whole |= Ruling(status, (), frozenset(Obligation(**one) for one in orjson.loads(said)))
    return whole


def content_hash(rows: pa.Table) -> str:
    """Sum modulo 2^256 of SHA-256 over each row as JSON with sorted keys, without what is about the run: independent of order."""
    total = 0
    kept = [name for name in rows.column_names if name not in RUN_COLUMNS]
    for row in rows.select(kept).to_pylist():
        for found in row["verifications"] or ():
            found.pop("ms")
        content = orjson.dumps(row, option=orjson.OPT_SORT_KEYS, default=lambda value: value.hex())
        total += int.from_bytes(hashlib.sha256(content).digest(), "little")
    return f"{total % (1 << 256):064x}"


def _manifest(
    outcome: Outcome, rows: pa.Table, refused: Counter[str], files: Iterable[Mapping[str, Any]], ruling: Ruling
) -> dict[str, Any]:
    g = outcome.generation
    mixture, tasks = outcome.deciding.mixture, outcome.tasks
    figures = [t["figures"] for t in tasks if t["figures"] is not None]
    return {
        "format": FORMAT,
        "fingerprint": g.fingerprint,
        "asked": g.asked,
        "made": {"generate": g.spec.model_dump(by_alias=True), "release": g.release.model_dump(), "read": g.read.name},
        "versions": versions(LIBRARIES),
        "columns": list(rows.column_names),
        "schema": schema().serialize().to_pybytes().hex(),
        "partitions": g.spec.partitions,
        "rows_in": len(rows) + refused.total(),
        "rows_out": len(rows),
        "rejected": dict(refused.most_common()),
        "drawn_again": outcome.deciding.again,
        "content": content_hash(rows),
        "files": list(files),
        "rounds": len(outcome.taken),
        "over": outcome.over or "nothing more could be asked",
        "quotas": mixture.report(outcome.asked),
        "short": [one.as_dict() for one in shortfalls(outcome)],
        "yields": outcome.yields.as_dict(),
        "left_out": g.left_out,
        "identities": [i for n, i in enumerate(t["identity"] for t in tasks if "identity" in t) if n == 0],
        "engine": next((t["engine"] for t in tasks if "engine" in t), None),
        "figures": figures,
        "generated": total(figures),
        "policy": {"file": g.policy.where, "version": g.policy.version, "sha256": g.policy_hash},
        "licences": {"status": ruling.status, "obligations": [o.as_dict() for o in sorted(ruling.obligations)]},
        "verifiers": dict(sorted(outcome.audits.items())),
        "novelty": {"threshold": g.spec.novelty.threshold, "base": outcome.base},
        "contamination": dict(outcome.deciding.hits.most_common()),
        "seeds": outcome.seeds,
        "imports": outcome.imports,
        "masked": dict(sum((Counter(t["masked"]) for t in tasks), Counter[str]()).most_common()),
        "seconds": round(sum(t["seconds"] for t in tasks), 3),
        "cpu": round(sum(t["cpu"] for t in tasks), 3),
    }
