"""Stages that need a GPU: whether this machine has one, said before any work, and how many of their tasks run at a time."""

from curation.classify.encoder import gpus
from curation.place import Place
from curation.shards import MANIFEST
from recipes.engine.errors import RecipeError
from recipes.engine.plan import Block, Plan


def check_gpus(plan: Plan, kind: str) -> None:
    """Raises RecipeError where a stage that is still to be computed here needs a GPU and there is none.

    kind: the executor; tasks of Slurm and Ray run on other machines, which say for themselves what they have.
    """
    if kind != "local":
        return
    for block in plan.blocks:
        if block.kind == "rows" and block.needs == "gpu" and not is_there(block) and not gpus.gpu_count():
            raise RecipeError(
                f"{plan.where}, stage '{block.stage}': needs a GPU, and there is none here: {gpus.why_none()}. "
                "Run it where there is one (--on slurm:FILE), or leave 'needs: gpu' out to compute on CPUs"
            )


def at_once(block: Block) -> int | None:
    """Tasks of a block that run at a time: as many as there are GPUs for one that needs them, None (no limit) for others."""
    return gpus.gpu_count() if block.kind == "rows" and block.needs == "gpu" else None


def is_there(block: Block) -> bool:
    """Whether the block's set is there and was made just so."""
    place = Place(block.url)
    return place.exists(MANIFEST) and place.read_json(MANIFEST)["fingerprint"] == block.fingerprint
