"""Where a block runs: datatrove's local executor, or a cluster, with completion decided by our task manifests.

datatrove marks a finished task by an empty file that knows nothing of what it did. Here a task is complete when its manifest is
in the block's folder, and the folder is named after the block's fingerprint, so a changed recipe never meets old completions.
"""

import importlib.util
import re
import shutil
from typing import Any, Protocol

from datatrove.executor.local import LocalPipelineExecutor

from curation.place import Place
from curation.work_list import incomplete
from recipes.engine.errors import RecipeError, RunError
from recipes.engine.slurm.resources import read


class _ByManifest:
    """Completion by the manifests of our tasks."""

    place: Place

    def is_rank_completed(self, rank: int) -> bool:
        """Whether the task's manifest is there."""
        return self.place.exists(f"tasks/{rank:05d}.json")

    def mark_rank_as_completed(self, rank: int) -> None:
        """Nothing: the sink wrote the manifest as its last act."""

    def get_incomplete_ranks(self, ranks: Any = None, skip_completed: bool | None = None) -> list[int]:
        """Ranks without a manifest."""
        missing = incomplete(self.place, self.world_size)  # type: ignore[attr-defined]
        return missing if ranks is None else [r for r in ranks if r in set(missing)]


class LocalExecutor(_ByManifest, LocalPipelineExecutor):
    """datatrove's local executor with watched workers in place of its pool."""

    def __init__(self, place: Place, pipeline: list[Any], tasks: int, workers: int):
        super().__init__(pipeline, tasks=tasks, workers=max(1, workers), logging_dir=place.url)
        self.place = place

    def run_watched(self, workers: Any, on_progress: Any, at_once: int | None = None) -> None:
        """Runs what is not complete yet on the given workers, or on so many of them."""
        workers.run(self, self.get_incomplete_ranks(), on_progress, at_once)
        if left := self.get_incomplete_ranks():
            raise RunError(f"{self.place.url}: tasks {left[:10]} ended without a manifest")


class Cluster(Protocol):
    """Where tasks run that do not run on this machine."""

    kind: str
    patience: float
    """Seconds for which a run waits while another one writes into its folder."""

    def run(self, place: Place, pipeline: list[Any], tasks: int, name: str, needs: str) -> None:
        """Runs the tasks that have no manifest in the place, and returns when all have one. Raises RunError when one cannot.

        name: what people know the tasks by; needs: their kind, of `recipes.engine.slurm.resources.KINDS`.
        """
        ...


def backend(on: str) -> tuple[str, Any]:
    """Parses --on: `local`, `slurm:FILE` or `ray[:ADDRESS]`. Returns the kind, and the file's content or the address.

    Raises RecipeError for a file that is not there or says what cannot be, and when what the cluster needs (Ray's package, Slurm's
    `sbatch`) is not installed.
    """
    kind, _, rest = on.partition(":")
    if kind not in ("local", "slurm", "ray") or (kind == "local" and rest):
        raise RecipeError(f"--on {on}: local, slurm:FILE or ray[:ADDRESS]")
    if kind == "slurm" and not rest:
        raise RecipeError("--on slurm: give a YAML file with partition, time and so on: --on slurm:cpu.yaml")
    if kind == "ray":
        return kind, ray_address(on, rest)
    options: Any = read(rest, on) if kind == "slurm" else None
    if kind == "slurm" and shutil.which("sbatch") is None:
        raise RecipeError(f"--on {on}: there is no sbatch on PATH; run it where jobs are submitted to Slurm")
    return kind, options


def ray_address(on: str, address: str) -> str:
    """The address of a Ray cluster, `auto` where none is given: RAY_ADDRESS, or a cluster that this machine is part of.

    Raises RecipeError for what is no address, and where Ray is not installed.
    """
    if address and address != "auto" and not re.fullmatch(r"(ray://)?[A-Za-z0-9._-]+:\d{1,5}", address):
        raise RecipeError(
            f"--on {on}: {address} is no address; write HOST:PORT, or nothing for the cluster that this machine is part of"
        )
    if importlib.util.find_spec("ray") is None:
        raise RecipeError(
            f"--on {on}: Ray is not installed: `uv run --extra ray seimai …`, or pip install 'seimai[ray]'"
        )
    return address or "auto"
