"""Running the sets of pairs of a plan, after its generations: each into a released set of its own."""

from typing import Any

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
    with Pool(frozenset(), plan.drafts) as pool:
        manifest = publish(make(plan, pool, where))
    made = sum(bool(line["pairs"]) for line in manifest["yields"]["strategies"])
    where.progress.end(
        manifest["rows_in"], manifest["rows_out"], f": {manifest['rows_out']:,} pairs by {made} strategies"
    )
    return manifest


def about(plan: Preference, manifest: dict[str, Any]) -> dict[str, Any]:
    """What run.json says of a set of pairs."""
    kept = ("fingerprint", "rows_in", "rows_out", "notes")
    return {"name": plan.name, "url": plan.name} | {name: manifest[name] for name in kept}
