"""Where a block runs: datatrove's executors, with completion decided by our task manifests.

datatrove marks a finished task by an empty file that knows nothing of what it did. Here a task is complete when its manifest is
in the block's folder, and the folder is named after the block's fingerprint, so a changed recipe never meets old completions.
"""

import time
from pathlib import Path
from typing import Any

import yaml
from datatrove.executor.local import LocalPipelineExecutor

from curation.place import Place
from recipes.engine.errors import RecipeError, RunError


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
        done = set(self.place.names("tasks"))
        wanted = ranks if ranks is not None else range(self.world_size)  # type: ignore[attr-defined]
        return [r for r in wanted if f"{r:05d}.json" not in done]


class LocalExecutor(_ByManifest, LocalPipelineExecutor):
    """datatrove's local executor with watched workers in place of its pool."""

    def __init__(self, place: Place, pipeline: list[Any], tasks: int, workers: int):
        super().__init__(pipeline, tasks=tasks, workers=max(1, workers), logging_dir=place.url)
        self.place = place

    def run_watched(self, workers: Any, on_progress: Any) -> None:
        """Runs what is not complete yet on the given workers."""
        workers.run(self, self.get_incomplete_ranks(), on_progress)
        if left := self.get_incomplete_ranks():
            raise RunError(f"{self.place.url}: tasks {left[:10]} ended without a manifest")


def wait_for_slurm(executor: Any, poll_seconds: float = 5.0) -> None:
    """Waits until a submitted Slurm job has no task left in the queue: datatrove only submits.

    A task that failed is not tried again by Slurm, so what is then incomplete is for the caller to say.
    """
    import subprocess

    job = getattr(executor, "job_id", None)
    while job and job != -1 and executor.get_incomplete_ranks():
        listed = subprocess.run(["squeue", "-h", "-j", str(job)], capture_output=True, text=True)
        if listed.returncode or not listed.stdout.strip():
            return
        time.sleep(poll_seconds)


def backend(on: str) -> tuple[str, dict[str, Any]]:
    """Parses --on: `local`, `ray`, `ray:FILE` or `slurm:FILE` (YAML with the arguments of datatrove's executor)."""
    kind, _, file = on.partition(":")
    if kind not in ("local", "slurm", "ray"):
        raise RecipeError(f"--on {on}: local, slurm:FILE or ray[:FILE]")
    if kind == "slurm" and not file:
        raise RecipeError("--on slurm: give a YAML file with partition, time and so on: --on slurm:cpu.yaml")
    if not file:
        return kind, {}
    if not Path(file).exists():
        raise RecipeError(f"--on {on}: there is no file {file}")
    options = yaml.safe_load(Path(file).read_text(encoding="utf-8")) or {}
    if not isinstance(options, dict):
        raise RecipeError(f"--on {on}: {file} must hold 'key: value' pairs, the arguments of datatrove's executor")
    return kind, options


def cluster_executor(
    kind: str, place: Place, pipeline: list[Any], tasks: int, options: dict[str, Any], name: str
) -> Any:
    """datatrove's Slurm or Ray executor for a block, complete by our manifests."""
    if kind == "slurm":
        from datatrove.executor.slurm import SlurmPipelineExecutor as Executor

        options = {"job_name": name.replace("/", "_")} | options
    else:
        from datatrove.executor.ray import RayPipelineExecutor as Executor
    cls: Any = type(f"Watched{Executor.__name__}", (_ByManifest, Executor), {})
    try:
        executor = cls(pipeline=pipeline, tasks=tasks, logging_dir=place.url, **options)
    except TypeError as error:
        raise RecipeError(f"--on {kind}: {error}") from error
    executor.place = place
    return executor
