"""Tasks on a Ray cluster: one remote call a task, tried again when its worker or node dies.

datatrove's Ray executor only warns when tasks are missing at the end, and keeps its own marks of what is complete. Here Ray
carries one call a task, whose pipeline is datatrove's; what counts is the manifest that the task writes last. Ray itself retries
nothing: a task whose process died is given again by us with `attempt` raised, so that foreign parsers get processes of their own.
What the command has and a node may lack (its folder, keys of stores) goes along: `ray_surroundings.py`.
"""

import contextlib
import importlib
import os
import re
import socket
import sys
import time
from collections.abc import Iterator
from typing import Any

import dill
from loguru import logger

from curation.place import Place
from curation.work_list import incomplete, left_by
from recipes.engine.errors import RecipeError, RunError
from recipes.engine.executors import LocalExecutor
from recipes.engine.ray_surroundings import Surroundings
from recipes.engine.stragglers import watched
from recipes.engine.task_error import STORE, error_text, told
from recipes.engine.workers import MOST_ATTEMPTS

SAY_SECONDS = 60.0
LOOK_SECONDS, LACK_SECONDS, GONE_SECONDS, CONNECT_SECONDS = 10.0, 900.0, 30.0, 10.0
"""How often the cluster is looked at; how long it may lack what a task needs (one that grows takes minutes); how long its head may be
gone (Ray ends the process after a minute, without a word); how long that has to accept a connection."""
NEEDS: dict[str, dict[str, Any]] = {"gpu": {"num_gpus": 1}}
"""What Ray must have free for a task of a kind, beside one processor."""


_WARM: set[int] = set()
"""Tasks that this process of Ray's, which runs one after the other, has warmed up for."""


def run_rank(pickled: bytes, rank: int, attempt: int, around: Surroundings) -> tuple[str, str, str] | None:
    """Runs a task in a worker of Ray; returns what it raised (class, text, traceback), which Ray would wrap in its own words."""
    try:
        around.enter()
        from recipes.engine.warm_up import warm_up

        logger.disable("datatrove.executor.base")  # would log a traceback with the values of its variables
        if (seen := hash(pickled)) not in _WARM:
            warm_up(pickled)
            _WARM.add(seen)
        executor = dill.loads(pickled)
        for step in executor.pipeline:
            step.attempt = attempt
        with watched(executor):
            executor._run_for_rank(rank, 1)
    except Exception as error:
        return told(error)
    return None


def _ray() -> Any:
    """The library, an extra that a checkout need not have."""
    return importlib.import_module("ray")


class RayTasks:
    """Runs tasks on the Ray cluster at an address."""

    kind, patience = "ray", 0.0

    def __init__(self, address: str):
        self.address = address

    def run(self, place: Place, pipeline: list[Any], tasks: int, name: str, needs: str) -> None:
        """Returns when every task has its manifest. Raises RunError, naming the task that cannot go on."""
        ray = _ray()
        self._connect()
        content = dill.dumps(LocalExecutor(place, pipeline, tasks, 1), recurse=False)
        pickled, around = ray.put(content), Surroundings.here(content)
        remote = ray.remote(num_cpus=1, max_retries=0, **NEEDS.get(needs, {}))(run_rank)
        running: dict[Any, tuple[int, int]] = {}

        def give(rank: int, attempt: int = 1) -> None:
            running[remote.remote(pickled, rank, attempt, around)] = (rank, attempt)

        with _cancelled_after_an_error(running):
            for rank in incomplete(place, tasks):
                give(rank)
            cluster, total = _Cluster(name, needs), len(running)
            while running:
                # all that end within a second: looking through a hundred thousand for the first would cost that for each
                ready, _ = ray.wait(list(running), num_returns=len(running), timeout=1.0)
                for ref in ready:
                    rank, attempt = running.pop(ref)
                    if (how := _ended(ref, place, rank, attempt)) is None:
                        for child in left_by(place, tasks, rank):
                            give(child)
                            total += 1
                    elif attempt >= MOST_ATTEMPTS:
                        raise RunError(f"{name}, task {rank}: {how}, {attempt} times; the same command tries again")
                    else:
                        give(rank, attempt + 1)
                cluster.look(total - len(running), total)
        if missing := incomplete(place, tasks):
            raise RunError(f"{name}: {len(missing)} of {tasks} tasks are not complete; the same command continues them")

    def _connect(self) -> None:
        """Joins the cluster once. Raises RecipeError where there is none, or it is of another version."""
        ray = _ray()
        if ray.is_initialized():
            return
        on = f"--on ray:{self.address}"
        # Ray itself would ask for a minute, and then end the process
        if fault := _no_answer(os.environ.get("RAY_ADDRESS", "") if self.address == "auto" else self.address):
            raise RecipeError(
                f"{on}: no Ray cluster answers there ({fault}); give the address that `ray start --head` printed"
            )
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            ray.init(address=self.address, logging_level="ERROR", log_to_driver=False)
        except (ConnectionError, ValueError, RuntimeError) as error:
            first = " ".join(str(error).split())[:300]
            if "ersion mismatch" in first:
                raise RecipeError(
                    f"{on}: the cluster has another Ray or Python than this environment: {first}"
                ) from error
            raise RecipeError(f"{on}: no Ray cluster answers there ({first})") from error


def _no_answer(address: str) -> str:
    """Why nothing can be reached at HOST:PORT, "" where something listens, and for an address of any other form."""
    found = re.fullmatch(r"(?:ray://)?(.+):(\d+)", address)
    if found is None:
        return ""
    try:
        socket.create_connection((found[1], int(found[2])), CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        return str(error)
    return ""


@contextlib.contextmanager
def _cancelled_after_an_error(running: dict[Any, tuple[int, int]]) -> Iterator[None]:
    """Ends what still runs when one task has failed for good, or the command is stopped."""
    try:
        yield
    except BaseException:
        for ref in running:
            with contextlib.suppress(Exception):
                _ray().cancel(ref, force=True)
        raise


class _Cluster:
    """The cluster while tasks run on it: says how far they are, and ends a run that it can never do."""

    def __init__(self, name: str, needs: str):
        self.name, self.needs = name, {"CPU": 1, **({"GPU": 1} if "num_gpus" in NEEDS.get(needs, {}) else {})}
        self._told = time.monotonic()
        self._looked = self._since = 0.0
        self._wrong = ""

    def look(self, done: int, total: int) -> None:
        """Looks now and then. Raises RunError where the cluster has long lacked what the tasks need, or its head is gone."""
        now = time.monotonic()
        if now - self._told > SAY_SECONDS:
            self._told = now
            _say(f"{self.name}: {done} of {total} tasks")
        if done == total or now - self._looked < LOOK_SECONDS:
            return
        self._looked = now
        wrong, patience = self._found()
        if wrong != self._wrong:
            self._wrong, self._since = wrong, now
            if wrong:
                _say(f"{self.name}: waits: {wrong}")
        elif wrong and now - self._since > patience:
            raise RunError(
                f"{self.name}: {wrong}, for {patience:.0f} s now; once that is mended, the same command goes on"
            )

    def _found(self) -> tuple[str, float]:
        """What is wrong with the cluster, "" for nothing, and for how many seconds that may last."""
        ray = _ray()
        if fault := _no_answer(ray.get_runtime_context().gcs_address):
            return f"the cluster's head does not answer ({fault})", GONE_SECONDS
        try:
            there = ray.cluster_resources()
        except Exception as error:
            return f"the cluster does not say what it has ({type(error).__name__})", GONE_SECONDS
        lacks = next((what for what, many in self.needs.items() if there.get(what, 0) < many), "")
        return f"no node of the cluster has a {lacks}" if lacks else "", LACK_SECONDS


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _ended(ref: Any, place: Place, rank: int, attempt: int) -> str | None:
    """None where the task's manifest is there, else how it ended. Raises RunError with what the task raised."""
    ray = _ray()
    try:
        raised = ray.get(ref)
    except ray.exceptions.RayTaskError as error:  # not the task's, which are returned: Ray could not even call it
        last = " ".join(str(error.cause).split())[-300:]
        raise RunError(
            f"task {rank}: a node cannot run seimai ({last}); all nodes need the environment of this command"
        ) from None
    except ray.exceptions.RayError as error:
        if place.exists(f"tasks/{rank:05d}.json"):
            return None
        return f"its process or its node ended ({type(error).__name__})"
    if raised is None:
        return None
    name, text, trace = raised
    if name == STORE and attempt < MOST_ATTEMPTS:
        return text
    raise RunError(error_text(rank, place.url, name, text, trace))
