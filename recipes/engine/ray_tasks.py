"""Tasks on a Ray cluster: one remote call a task, tried again when its worker or node dies.

datatrove's Ray executor only warns when tasks are missing at the end, and keeps its own marks of what is complete. Here Ray
carries one call a task, whose pipeline is datatrove's; what counts is the manifest that the task writes last. Ray itself retries
nothing: a task whose process died is given again by us with `attempt` raised, so that foreign parsers get processes of their own.
"""

import importlib
import os
import sys
import time
import traceback
from collections.abc import Sequence
from typing import Any

import dill
from loguru import logger

from curation.place import Place
from curation.secrets_left_out import without_secrets
from curation.work_list import incomplete, left_by
from recipes.engine.errors import RecipeError, RunError
from recipes.engine.executors import LocalExecutor
from recipes.engine.stragglers import watched
from recipes.engine.worker_errors import PLAIN
from recipes.engine.workers import MOST_ATTEMPTS

SAY_SECONDS = 60.0
NEEDS: dict[str, dict[str, Any]] = {"gpu": {"num_gpus": 1}}
"""What Ray must have free for a task of a kind, beside one processor."""


_WARM: set[int] = set()
"""Tasks that this process of Ray's, which runs one after the other, has warmed up for."""


def run_rank(pickled: bytes, rank: int, attempt: int, paths: Sequence[str]) -> tuple[str, str, str] | None:
    """Runs a task in a worker of Ray; returns what it raised (class, text, traceback), which Ray would wrap in its own words."""
    sys.path += [p for p in paths if p not in sys.path]
    from recipes.engine.warm_up import warm_up

    logger.disable("datatrove.executor.base")  # would log a traceback with the values of its variables
    try:
        if (seen := hash(pickled)) not in _WARM:
            warm_up(pickled)
            _WARM.add(seen)
        executor = dill.loads(pickled)
        for step in executor.pipeline:
            step.attempt = attempt
        with watched(executor):
            executor._run_for_rank(rank, 1)
    except Exception as error:
        return type(error).__name__, without_secrets(str(error)), without_secrets(traceback.format_exc())
    return None


def _ray() -> Any:
    """The library, an extra that a checkout need not have."""
    return importlib.import_module("ray")


class RayTasks:
    """Runs tasks on the Ray cluster at an address."""

    kind = "ray"

    def __init__(self, address: str):
        self.address = address

    def run(self, place: Place, pipeline: list[Any], tasks: int, name: str, needs: str) -> None:
        """Returns when every task has its manifest. Raises RunError, naming the task that cannot go on."""
        ray = _ray()
        self._connect()
        pickled = ray.put(dill.dumps(LocalExecutor(place, pipeline, tasks, 1), recurse=False))
        paths = [os.path.abspath(p) for p in sys.path if p and not p.startswith((sys.prefix, sys.base_prefix))]
        remote = ray.remote(num_cpus=1, max_retries=0, **NEEDS.get(needs, {}))(run_rank)
        running = {remote.remote(pickled, rank, 1, paths): (rank, 1) for rank in incomplete(place, tasks)}
        said, total = time.monotonic(), len(running)
        while running:
            ready, _ = ray.wait(list(running), timeout=1.0)
            for ref in ready:
                rank, attempt = running.pop(ref)
                if (how := _ended(ref, place, rank)) is None:
                    left = {
                        remote.remote(pickled, child, 1, paths): (child, 1) for child in left_by(place, tasks, rank)
                    }
                    running, total = running | left, total + len(left)
                    continue
                if attempt >= MOST_ATTEMPTS:
                    for other in running:
                        ray.cancel(other, force=True)
                    raise RunError(f"{name}, task {rank}: {how}, {attempt} times; the same command tries again")
                running[remote.remote(pickled, rank, attempt + 1, paths)] = (rank, attempt + 1)
            if time.monotonic() - said > SAY_SECONDS:
                said = time.monotonic()
                print(f"{name}: {total - len(running)} of {total} tasks", file=sys.stderr, flush=True)
        if missing := incomplete(place, tasks):
            raise RunError(f"{name}: {len(missing)} of {tasks} tasks are not complete; the same command continues them")

    def _connect(self) -> None:
        """Joins the cluster once. Raises RecipeError where there is none."""
        ray = _ray()
        if ray.is_initialized():
            return
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            ray.init(address=self.address, logging_level="ERROR", log_to_driver=False)
        except (ConnectionError, ValueError, RuntimeError) as error:
            first = " ".join(str(error).split())[:300]
            raise RecipeError(f"--on ray:{self.address}: no Ray cluster answers there ({first})") from error


def _ended(ref: Any, place: Place, rank: int) -> str | None:
    """None where the task's manifest is there, else how its process ended. Raises RunError with what the task raised."""
    ray = _ray()
    try:
        raised = ray.get(ref)
    except ray.exceptions.RayError as error:
        if place.exists(f"tasks/{rank:05d}.json"):
            return None
        return f"its process or its node ended ({type(error).__name__})"
    if raised is not None:
        error_name, text, trace = raised
        raise RunError(text if error_name in PLAIN else f"task {rank}: {error_name}: {text}\n{trace}")
    return None
