"""Where a block runs: datatrove's executors, with completion decided by our task manifests.

datatrove marks a finished task by an empty file that knows nothing of what it did. Here a task is complete when its manifest is
in the block's folder, and the folder is named after the block's fingerprint, so a changed recipe never meets old completions.
"""

import difflib
import importlib.util
import inspect
import shutil
import time
from pathlib import Path
from typing import Any

import yaml
from datatrove.executor.local import LocalPipelineExecutor

from curation.place import Place
from curation.yaml_file import yaml_fault
from recipes.engine.errors import RecipeError, RunError


def incomplete(place: Place, tasks: int) -> list[int]:
    """Tasks of so many whose manifest is not in the place."""
    done = set(place.names("tasks"))
    return [task for task in range(tasks) if f"{task:05d}.json" not in done]


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
    """Parses --on: `local`, `ray`, `ray:FILE` or `slurm:FILE` (YAML with the arguments of datatrove's executor).

    Raises RecipeError for a file that is not there or no mapping, for an unknown or missing argument in it, and when what the
    executor needs (Ray's package, Slurm's `sbatch`) is not installed.
    """
    kind, _, file = on.partition(":")
    if kind not in ("local", "slurm", "ray") or (kind == "local" and file):
        raise RecipeError(f"--on {on}: local, slurm:FILE or ray[:FILE]")
    if kind == "slurm" and not file:
        raise RecipeError("--on slurm: give a YAML file with partition, time and so on: --on slurm:cpu.yaml")
    options = _options(on, kind, file) if file else {}
    if kind == "ray" and importlib.util.find_spec("ray") is None:
        raise RecipeError(
            f"--on {on}: Ray is not installed: `uv run --extra ray seimai …`, or pip install 'seimai[ray]'"
        )
    if kind == "slurm" and shutil.which("sbatch") is None:
        raise RecipeError(f"--on {on}: there is no sbatch on PATH; run it where jobs are submitted to Slurm")
    return kind, options


def _options(on: str, kind: str, file: str) -> dict[str, Any]:
    """The file's arguments, held against the signature of datatrove's executor."""
    try:
        options = yaml.safe_load(Path(file).read_text(encoding="utf-8")) or {}
    except OSError as error:
        found = f"there is no file {file}" if isinstance(error, FileNotFoundError) else f"{file}: {error.strerror}"
        raise RecipeError(f"--on {on}: {found}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RecipeError(f"--on {on}: {yaml_fault(error, file)}") from None
    if not isinstance(options, dict):
        raise RecipeError(f"--on {on}: {file} must hold 'key: value' pairs, the arguments of datatrove's executor")
    known = {
        name: p
        for name, p in inspect.signature(_executor_class(kind).__init__).parameters.items()
        if name not in ("self", *_OURS)
    }
    for key in options:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, 1)
            hint = f"did you mean '{near[0]}'?" if near else f"keys: {', '.join(known)}"
            own = "is set by seimai" if key in _OURS else f"is unknown; {hint}"
            raise RecipeError(f"--on {on}: {file}: the key '{key}' {own}")
    if missing := [name for name, p in known.items() if p.default is p.empty and name not in options]:
        raise RecipeError(f"--on {on}: {file}: the key{'s' * (len(missing) > 1)} {', '.join(missing)} must be given")
    return options


_OURS = ("pipeline", "tasks", "logging_dir", "depends", "skip_completed")
"""Arguments of datatrove's executors that the engine decides."""


def _executor_class(kind: str) -> Any:
    if kind == "slurm":
        from datatrove.executor.slurm import SlurmPipelineExecutor

        return SlurmPipelineExecutor
    from datatrove.executor.ray import RayPipelineExecutor

    return RayPipelineExecutor


def cluster_executor(
    kind: str, place: Place, pipeline: list[Any], tasks: int, options: dict[str, Any], name: str
) -> Any:
    """datatrove's Slurm or Ray executor for a block, complete by our manifests."""
    executor_class = _executor_class(kind)
    if kind == "slurm":
        options = {"job_name": name.replace("/", "_")} | options
    cls: Any = type(f"Watched{executor_class.__name__}", (_ByManifest, executor_class), {})
    try:
        executor = cls(pipeline=pipeline, tasks=tasks, logging_dir=place.url, **options)
    except (TypeError, ImportError) as error:
        raise RecipeError(f"--on {kind}: {error}") from error
    executor.place = place
    return executor
