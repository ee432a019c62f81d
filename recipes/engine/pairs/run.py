"""Running the sets of pairs of a plan, after its generations: each into a released set of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from recipes.engine.generation.rounds import Where
from recipes.engine.pairs.making import make
from recipes.engine.pairs.plan import Preference
from recipes.engine.pairs.release import finished, publish
from synth.pairing.pool import Pool


def run_pairs(plan: Preference, where: Where) -> dict[str, Any]:
    """Makes a set of pairs, unless it is there already. Returns its manifest."""
    if (manifest := finished(plan)) is not None:
        where.progress.skip(plan.name, manifest["rows_out"])
        return manifest
    with _given_back(), Pool(frozenset(), plan.drafts) as pool:
        manifest = publish(make(plan, pool, where))
    made = sum(bool(line["pairs"]) for line in manifest["yields"]["strategies"])
    where.progress.end(
        manifest["rows_in"], manifest["rows_out"], f": {manifest['rows_out']:,} pairs by {made} strategies"
    )
    return manifest


@contextmanager
def _given_back() -> Iterator[None]:
    """Arrow takes its memory from the system meanwhile, which has it back afterwards: Arrow's own pools keep what they once had."""
    before = pa.default_memory_pool()
    pa.set_memory_pool(pa.system_memory_pool())
    try:
        yield
    finally:
        pa.set_memory_pool(before)


def about(plan: Preference, manifest: dict[str, Any]) -> dict[str, Any]:
    """What run.json says of a set of pairs."""
    kept = ("fingerprint", "rows_in", "rows_out", "notes")
    return {"name": plan.name, "url": plan.name} | {name: manifest[name] for name in kept}
