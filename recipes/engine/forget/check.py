"""What `seimai verify` says of forgetting: that a run's folder was cleared by all tombstones, and that no file holds one's row."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from curation.place import Place
from curation.tombstones import Tombstones
from curation.verify.findings import Check
from recipes.engine.forget.derived import tables
from recipes.engine.forget.sweep import behind
from recipes.engine.forget.where import tombstones_for
from synth.engine.store import Store, segments


def check_forgotten(version: str) -> Check:
    """Looks through a version's folder, the stages and the store of answers beside it."""
    out, check = version.rstrip("/").rpartition("/")[0] or ".", Check("forgotten")
    gone = tombstones_for(out)
    check.notes.append(f"{len(gone)} files of tombstones in {gone.url}")
    if not len(gone):
        return check
    if (through := behind(out, gone)) < len(gone):
        check.fail(f"{out}: was cleared by {through} of {len(gone)} files of tombstones: `seimai forget {out}`")
    for url in (version, f"{out}/stages"):
        for name, table in tables(url) if Place(url).exists() else ():
            check.looked_at += len(table)
            if count := int(told(table, gone).sum()):
                check.fail(f"{url}/{name}: {count:,} rows that are to be forgotten, or grew from it")
    for name in seeds(out):
        if lost := sum(gone.seed(one) for one in Place(out).read_json(name)["seeds"]):
            check.fail(f"{out}/{name}: {lost:,} passages that are to be forgotten")
    if answers := gone.keys("answer"):
        check.looked_at += len(answers)
        for one in _kept_answers(out, answers):
            check.fail(f"{out}/completions: still has the answer {one.hex()}")
    return check


def told(table: pa.Table, gone: Tombstones) -> np.ndarray:
    """Rows that have a tombstone and of which more than hashes and short names is there: bool [rows]."""
    rows = gone.touched(table)
    if rows.any():
        texts = [name for name in table.column_names if table.schema.field(name).type == pa.large_string()]
        there = [table.column(name).is_valid().to_numpy() for name in texts]
        rows &= np.logical_or.reduce(there) if there else False
    return rows


def seeds(out: str) -> list[str]:
    """Lists of passages below a run's folder, relative to it."""
    stages = Place(out) / "stages"
    return [f"stages/{name}/seeds.json" for name in stages.names() if (stages / name).exists("seeds.json")]


def _kept_answers(out: str, answers: set[bytes]) -> Iterator[bytes]:
    if Place(out).local and segments(Path(out) / "completions"):
        with Store(Path(out) / "completions") as store:
            yield from (one for one in sorted(answers) if store.has(one))
