"""Running the generations of a plan, after its stages: each into a released set of its own."""

from typing import Any

from recipes.engine.generation.begun import begin
from recipes.engine.generation.plan import Generation
from recipes.engine.generation.release import finished, publish
from recipes.engine.generation.rounds import Where, run_rounds


def run_generation(generation: Generation, where: Where) -> dict[str, Any]:
    """Makes a generation's set, unless it is there already. Returns its manifest."""
    if (manifest := finished(generation)) is not None:
        where.progress.skip(generation.name, manifest["rows_out"])
        return manifest
    begin(generation)
    return publish(run_rounds(generation, where))


def about(generation: Generation, manifest: dict[str, Any]) -> dict[str, Any]:
    """What run.json says of a generation."""
    kept = ("fingerprint", "rows_in", "rows_out", "rejected", "over", "left_out")
    return {"name": generation.name, "url": generation.name} | {name: manifest[name] for name in kept}
