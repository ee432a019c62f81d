"""What was submitted and how it went: OUT/VERSION/jobs.

submission.json        recipe, fingerprint, resources, blocks, and the key that ends the name of every job
plan.dill              the plan as it was then: editing the recipe does not change what runs
state.json             submitted, running, waiting, done, failed or cancelled, and what is said of it
links/                 what the links printed
measured-0f3a9c21/     the jobs of one set of tasks
  tasks.dill           datatrove's executor with its pipeline
  chunks/0001.json     one array: its job's number, and which tasks each element runs
  started/00003.json   which node and process ran task 3 last
  late/00003.json      how often its job came to the time limit without finishing it
  failed/00003.json    what task 3 raised, until it is tried again
  4711_0.log           what an element printed
"""

import hashlib
import secrets
import shutil
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import dill

from curation.place import Place
from curation.work_list import incomplete, incomplete_of
from recipes.engine.errors import RecipeError
from recipes.engine.file_systems import on_disk
from recipes.engine.plan import Plan
from recipes.engine.slurm import queue
from recipes.engine.slurm.resources import Resources

ENDED = ("done", "failed", "cancelled")
LINK = "(link)"
"""What a link's job is called, where that of tasks has the name of their stage."""
FULL_BYTES = 1 << 20
"""A disk with less room than this is full."""


@dataclass(frozen=True)
class Work:
    """The jobs of one set of tasks: a block's, a phase's, a round's."""

    folder: Path

    @cached_property
    def _place(self) -> Place:
        return Place(str(self.folder))

    @cached_property
    def about(self) -> dict[str, Any]:
        """name, kind, place, tasks, when its first job was submitted, and `done` when a link saw that all of them are."""
        return self._place.read_json("about.json")

    @property
    def missing(self) -> list[int]:
        """Tasks without a manifest. What a link saw complete may lie elsewhere by now, or be gone."""
        return [] if self.about.get("done") else incomplete(Place(self.about["place"]), self.about["tasks"])

    def missing_of(self, ranks: Sequence[int]) -> list[int]:
        """Those of some tasks without a manifest: a job asks for its own, and lists no folder of a hundred thousand."""
        if self.about.get("done"):
            return []
        return incomplete_of(Place(self.about["place"]), self.about["tasks"], ranks)

    @property
    def ranks(self) -> list[int]:
        """Tasks of the beginning, and those that these left a rest to, as far as they were submitted or are missing."""
        return sorted({*range(self.about["tasks"]), *self.tried(), *self.missing})

    def chunks(self) -> list[dict[str, Any]]:
        """Arrays in the order in which they were submitted."""
        return [self._place.read_json(f"chunks/{name}") for name in self._place.names("chunks")]

    def chunk_file(self) -> str:
        """The name of the next array's file."""
        return f"chunks/{len(self._place.names('chunks')):04d}.json"

    def write(self, name: str, value: Any) -> None:
        """Writes one of its files, whole or not at all."""
        self._place.write_json(name, value)

    def tried(self) -> Counter[int]:
        """How often each task was submitted."""
        return Counter(rank for chunk in self.chunks() if chunk["job"] for ranks in chunk["elements"] for rank in ranks)

    def told(self, what: str, rank: int) -> dict[str, Any] | None:
        """What the last try of a task left under `started` or `failed`; None where it left nothing."""
        name = f"{what}/{rank:05d}.json"
        return self._place.read_json(name) if self._place.exists(name) else None

    def job_of(self, rank: int) -> tuple[str, str] | None:
        """Job and element that ran a task last."""
        for chunk in reversed(self.chunks()):
            for element, ranks in enumerate(chunk["elements"]):
                if rank in ranks and chunk["job"]:
                    return chunk["job"], str(element)
        return None

    def log(self, rank: int) -> Path | None:
        """What the last try of a task printed; None where it has not begun."""
        job = self.job_of(rank)
        path = self.folder / "{}_{}.log".format(*job) if job else None
        return path if path is not None and path.exists() else None


@dataclass(frozen=True)
class Submission:
    """One submission of a run."""

    folder: Path

    @cached_property
    def place(self) -> Place:
        """Its folder."""
        return Place(str(self.folder))

    @cached_property
    def about(self) -> dict[str, Any]:
        """What submission.json says."""
        return self.place.read_json("submission.json")

    @property
    def resources(self) -> Resources:
        """What each kind of stage asks for."""
        return Resources.model_validate(self.about["resources"])

    @property
    def state(self) -> dict[str, Any]:
        """What was last said of it: `state`, `said`, `at`."""
        return self.place.read_json("state.json")

    def say(self, state: str, said: str = "") -> None:
        """Says what state it is in. One that was cancelled stays so."""
        if state == "submitted" or not self.place.exists("state.json") or self.state["state"] != "cancelled":
            self.place.write_json("state.json", {"state": state, "said": said, "at": round(time.time(), 1)})

    def plan(self) -> Plan:
        """The plan as it was submitted."""
        with (self.folder / "plan.dill").open("rb") as file:
            return dill.load(file)

    def jobs(self, every: bool = False) -> list[queue.Job]:
        """Its jobs that are in the queue; `every`: also ended ones that Slurm still remembers."""
        return queue.jobs(f".{self.about['key']}", every)

    def name(self, what: str) -> str:
        """A name for a job: what it does, for people, a token of its own, and the run's key, by which it is found again."""
        return f"{self.about['recipe']}/{what}.{secrets.token_hex(3)}.{self.about['key']}"

    def is_link(self, job: queue.Job) -> bool:
        """Whether a job is a link of this run."""
        return job.name.startswith(f"{self.about['recipe']}/{LINK}.")

    def full_disk(self) -> str:
        """In words that the disk has no room, on which the run says what becomes of it; "" where it has."""
        full = shutil.disk_usage(self.folder).free < FULL_BYTES
        return (
            f"the disk of {self.folder.parent} is full: free some space and give the same command again" if full else ""
        )

    def works(self) -> list[Work]:
        """All sets of tasks that had jobs, in the order in which they were submitted."""
        found = [Work(path.parent) for path in self.folder.glob("*/about.json")]
        return sorted(found, key=lambda w: w.about["since"])

    def work(self, place: Place, name: str) -> Work:
        """The jobs of the tasks whose manifests lie in the place."""
        short = "".join(c if c.isalnum() or c in "._-" else "-" for c in name)
        return Work(self.folder / f"{short}-{hashlib.sha256(place.url.encode()).hexdigest()[:8]}")


def folder_of(plan: Plan, resources: Resources) -> Path:
    """Where a run's jobs are kept. Raises RecipeError for a run in an object store without a folder for what jobs print."""
    place = Place(plan.folder)
    if place.local:
        return Path(place.path) / "jobs"
    if resources.logs is None:
        raise RecipeError(
            f"--out {plan.out}: what jobs print cannot go into an object store; name a folder that all nodes see in the "
            "resources file: logs: /shared/logs"
        )
    return Path(resources.logs).absolute() / plan.recipe.name / plan.recipe.version / "jobs"


def find(path: str) -> Submission:
    """The submission of a run: of the version whose folder is given, or the newest one in it. Raises RecipeError."""
    folder = on_disk(path, "a submission's folder (of --out, or `logs` of the resources file)")
    found = [p.parent for depth in ("", "jobs/", "*/jobs/") for p in folder.glob(f"{depth}submission.json")]
    if not found:
        raise RecipeError(
            f"{path}: nothing was submitted to Slurm from here (no jobs/submission.json); give the folder of a run that "
            "`seimai run … --on slurm:FILE` submitted, or of its logs where the run lies in an object store"
        )
    return max((Submission(one) for one in found), key=lambda s: s.about["submitted"])


def elements(ranks: Sequence[int], per_job: int) -> list[list[int]]:
    """Tasks shared out over an array's elements, so many for each.

    >>> elements([0, 3, 4, 7, 9], 2)
    [[0, 3], [4, 7], [9]]
    """
    return [list(ranks[at : at + per_job]) for at in range(0, len(ranks), per_job)]
