"""The released set of pairs: rows sorted by id in partitions, labelled answers and prompts beside them, the manifest last.

    OUT/VERSION/preference/
      pairs/00000.parquet      prompt, chosen, rejected; partition by high bits of the id
      kto/00000.parquet        prompt, completion, label, weight; only where the recipe says `kto`
      prompts/00000.parquet    prompts with specs; only where it says `prompts`
      manifest.json            yields, why candidates are no pairs, balance, licences, audits; written last

What the rows' licences oblige to is held against the recipe's target before the set exists.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curation.parquet_file import read_parquet
from curation.place import Place
from curation.provenance import id_words, partition_of
from curation.shards import MANIFEST
from recipes.engine.errors import RunError
from recipes.engine.judging.plan import Jury
from recipes.engine.manifests import versions
from recipes.engine.other_version import refuse_other
from recipes.engine.pairs.making import Made, juries, reads
from recipes.engine.pairs.plan import FORMAT, LIBRARIES, Preference
from recipes.engine.pairs.yields import notes, one_sided, yields
from synth.models import ALLOWED, Ruling, check_release
from synth.obligations import Obligation, PolicyError
from synth.pairing.ahead import ahead
from synth.pairing.assemble import key_array, labelled_rows, pair_ids, pair_rows, prompt_rows
from synth.pairing.gather import pieces
from synth.pairing.judged import Judged, accepted
from synth.pairing.labelled import labelled
from synth.pairing.same_prompt import by_prompts
from synth.preference import LABELLED, PAIR, PROMPT, schema

if TYPE_CHECKING:
    import polars as pl

KIND = "preference pairs"
"""What a manifest says that the set is."""


def finished(plan: Preference) -> dict[str, Any] | None:
    """Manifest of the released set, if it is there and was made just so of what the generations hold now."""
    place = Place(plan.url)
    manifest = place.read_json(MANIFEST) if place.exists(MANIFEST) else None
    if manifest is None or manifest["fingerprint"] != plan.fingerprint:
        return None
    there = all(Place(one.url).exists(MANIFEST) for one in (*plan.generations, *juries(plan)))
    return manifest if not there or manifest["read"] == reads(plan) else None


def check_version(plan: Preference, version: str) -> None:
    """Refuses a version whose set of pairs is there and was made otherwise, unless it is `dev`."""

    def why(old: Mapping[str, Any]) -> str:
        return "edits or what it reads changed" if old["asked"] != plan.asked else "quotas, caps or balance changed"

    refuse_other(plan.url, version, finished(plan) is not None, "pairs", why)


class Rows:
    """What was written of a set: its files, content, and what its licences oblige to."""

    def __init__(self) -> None:
        self.files: list[dict[str, Any]] = []
        self.rows = self.content = 0
        self.ruling: Ruling = ALLOWED

    def seen(self, table: pa.Table) -> None:
        """Counts rows: their content, their obligations."""
        self.rows += len(table)
        names = [f.name for f in table.schema if pa.types.is_large_string(f.type) or f.name == "id"]
        parts = [pc.fill_null(table.column(name).cast(pa.large_binary()), b"") for name in names]
        for content in pc.binary_join_element_wise(*parts, pa.scalar(b"\0", pa.large_binary())).to_pylist():
            self.content += int.from_bytes(hashlib.sha256(content).digest(), "little")
        said = table.select(["licence_status", "obligations"]).group_by(["licence_status", "obligations"]).aggregate([])
        for line in said.to_pylist():
            owed = frozenset(Obligation(**one) for one in orjson.loads(line["obligations"]))
            self.ruling |= Ruling(line["licence_status"], (), owed)


def publish(made: Made) -> dict[str, Any]:
    """Writes the set. Returns its manifest. Raises RunError where the rows' obligations are not kept by the target."""
    plan = made.plan
    final, partial = Place(plan.url), Place(f"{plan.url}.partial")
    partial.remove()
    sets = {"pairs": _write(partial, "pairs", schema(PAIR), plan.spec.partitions, _pairs(made))}
    about: dict[str, Any] = {}
    if plan.spec.kto is not None:
        label = labelled(made.answers, made.pairs, plan.spec.kto.ratio, _accepted(plan))
        about["kto"] = label.about
        sets["kto"] = _write(partial, "kto", schema(LABELLED), plan.spec.partitions, _labelled(made, label))
    if plan.spec.prompts:
        sets["prompts"] = _write(partial, "prompts", schema(PROMPT), plan.spec.partitions, _prompts(made))
    ruling = ALLOWED
    for rows in sets.values():
        ruling |= rows.ruling
    try:
        check_release([ruling], plan.generations[0].target)
    except PolicyError as error:
        partial.remove()
        raise RunError(f"{plan.where}: {error}. Change the recipe's release and give the same command") from error
    manifest = _manifest(made, sets, ruling) | about
    manifest["notes"] += one_sided(about["kto"]) if "kto" in about else []
    partial.write_json(MANIFEST, manifest)
    final.remove()
    partial.publish(final)
    return manifest


Piece = tuple[np.ndarray, Callable[[], Iterator[tuple[slice, pa.Table]]]]
"""Ids of a set's rows in order, uint64 [rows, 2], and the rows piece by piece."""


def _sorted(ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The order of ids, uint8 [n, 16], and the ids in it."""
    words = id_words(key_array(ids)) if len(ids) else np.zeros((0, 2), np.uint64)
    order = np.lexsort((words[:, 1], words[:, 0]))
    return order, ids[order]


def _pairs(made: Made) -> Iterator[pa.Table]:
    order, ids = _sorted(pair_ids(made.pairs))
    pairs, judged = made.pairs[order], _judged(made.plan.jury)
    sides = np.stack([pairs["chosen"].to_numpy(), pairs["rejected"].to_numpy()], axis=1)
    for part, (chosen, rejected) in pieces(made.pool, made.answers, sides):
        yield pair_rows(pairs[part], ids[part], chosen, rejected, judged)


def _accepted(plan: Preference) -> dict[int, bool]:
    """What a jury's rubric says of answers that no verifier could decide, where the recipe lets it."""
    said = plan.spec.kto and plan.spec.kto.judged
    if not said or plan.scores is None:
        return {}
    scores = read_parquet(Place(plan.scores.url), "scores/00000.parquet")
    return accepted(scores, said.aspect, said.accept, said.refuse)


def _labelled(made: Made, label: Any) -> Iterator[pa.Table]:
    order, ids = _sorted(label.ids)
    judged = _judged(made.plan.scores)
    last = None if judged is None else _last_turns(made.answers)
    for part, (answers,) in pieces(made.pool, made.answers, label.answers[order][:, None]):
        at = order[part]
        mine = None if last is None else last[label.answers[at]]
        yield labelled_rows(ids[part], label.label[at], label.weight[at], answers, judged, mine)


def _last_turns(answers: "pl.DataFrame") -> np.ndarray:
    """Which answers are the last turn of a row: those that judges scored."""
    import polars as pl

    last = (pl.col("turn") == pl.col("turn").max().over("file", "row")) & (pl.col("of") < 0)
    return answers.select(last).to_series().to_numpy()


def _judged(jury: Jury | None) -> Judged | None:
    """What a jury said, to be put into rows."""
    if jury is None:
        return None
    place = Place(jury.url)
    tables = [read_parquet(place, f"{name}/00000.parquet") for name in ("decisions", "verdicts")]
    scores = read_parquet(place, "scores/00000.parquet") if jury.spec.rubric else None
    return Judged(tables[0], tables[1], scores, place.read_json(MANIFEST)["judges"])


def _prompts(made: Made) -> Iterator[pa.Table]:
    import polars as pl

    prompt = ["prompt_hi", "prompt_lo"]
    columns = [*prompt, "text_hi", "text_lo", "id", "turn", "index"]
    parts = [
        part.sort(*columns[2:]).unique(prompt, keep="first", maintain_order=True).select(*prompt, "index")
        for part in by_prompts(made.answers, pl.col("chosen"), columns)
    ]
    one = pl.concat(parts).sort(prompt)
    for _, (answers,) in pieces(made.pool, made.answers, one["index"].to_numpy()[:, None]):
        yield prompt_rows(answers)


def _write(place: Place, name: str, kind: pa.Schema, partitions: int, tables: Iterator[pa.Table]) -> Rows:
    """Rows that come in the order of their ids, into a file a partition."""
    tables = ahead(tables, "assemble")
    made, waiting = Rows(), next(tables, None)
    for p in range(partitions):
        path = f"{name}/{p:05d}.parquet"
        rows = 0
        with place.create(path) as file, pq.ParquetWriter(file, kind, compression="zstd", compression_level=1) as out:
            while waiting is not None and len(waiting):
                mine = int((partition_of(waiting.column("id").combine_chunks(), partitions) == p).sum())
                piece = waiting.slice(0, mine)
                if mine:
                    out.write_table(piece, row_group_size=4096)
                    made.seen(piece)
                rows += mine
                if mine < len(waiting):
                    waiting = waiting.slice(mine)
                    break
                waiting = next(tables, None)
        made.files.append({"path": path, "rows": rows, "bytes": file.size, "sha256": file.sha256, "partition": p})
    return made


def _manifest(made: Made, sets: dict[str, Rows], ruling: Ruling) -> dict[str, Any]:
    plan = made.plan
    said = yields(made)
    return {
        "format": FORMAT,
        "kind": KIND,
        "fingerprint": plan.fingerprint,
        "asked": plan.asked,
        "read": made.read,
        "made": plan.spec.model_dump(),
        "versions": versions(LIBRARIES),
        "rows_in": made.pool.rows,
        "rows_out": len(made.pairs),
        "sets": {
            name: {"rows": rows.rows, "content": f"{rows.content % (1 << 256):064x}", "files": rows.files}
            for name, rows in sets.items()
        },
        "files": [file for rows in sets.values() for file in rows.files],
        "answers": {
            "judged": int(((made.answers["of"] < 0) & ~made.answers["open"]).sum()),
            "passing": int(made.answers["chosen"].sum()),
            "failing": int(made.answers["rejected"].sum()),
            "unused": {reason: n for reason, n in made.pool.unused.most_common() if n},
        },
        "edits": made.edits,
        "calibration": made.calibration,
        "unsaid": made.unsaid,
        "yields": said,
        "balance": {"before": made.before, "after": made.after, "rounds": _rounds(made.pairs)},
        "notes": notes(made, said),
        "licences": {"status": ruling.status, "obligations": [o.as_dict() for o in sorted(ruling.obligations)]},
        "verifiers": dict(sorted(made.audits.items())),
    }


def _rounds(pairs: "pl.DataFrame") -> dict[str, int]:
    """Pairs by the round of balancing in which they were coupled, in words."""
    from synth.pairing.balance import ROUNDS

    counts = Counter(pairs["round"].to_list())
    return {ROUNDS[number]: n for number, n in sorted(counts.items())}
