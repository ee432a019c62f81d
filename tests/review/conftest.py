"""A review that is really started: its home, its commands, its REST interface. `uvx nox -s review` runs these tests."""

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.review.desk import Desk

ROOT = Path(__file__).resolve().parents[2]
WANTED = "SEIMAI_REVIEW_TESTS"
"""Set by the session: environments of 600 MB are made for these tests."""

if not os.environ.get(WANTED):
    collect_ignore_glob = ["test_*.py"]


@dataclass
class Running:
    """A home and what was said when its review was started."""

    home: Path
    said: str = ""

    def seimai(self, *words: str, code: int = 0, **environment: str) -> str:
        """Runs `seimai review …` on this home: its output and errors; the exit status must be as expected."""
        command = [sys.executable, "-m", "recipes.engine.cli", "review", *words, "--home", str(self.home)]
        ended = subprocess.run(
            command, cwd=ROOT, env={**os.environ, "COLUMNS": "200", **environment}, capture_output=True, text=True,
            timeout=300, check=False,
        )  # fmt: skip
        said = ended.stdout + ended.stderr
        assert ended.returncode == code, said
        assert "Traceback" not in said, said
        return said

    def kept(self, name: str) -> dict[str, Any]:
        """A JSON file of the home."""
        return json.loads((self.home / name).read_text())

    @property
    def url(self) -> str:
        """Where it answers."""
        return self.kept("run.json")["url"]

    @property
    def key(self) -> str:
        """The owner's API key."""
        return self.kept("credentials.json")["api_key"]

    def pid(self, name: str) -> int:
        """A process's number."""
        run = self.kept("run.json")
        return run["watcher"]["pid"] if name == "watch" else run["processes"][name]["pid"]

    def annotator(self, name: str) -> str:
        """Makes an annotator; the password."""
        found = re.search(r"password\s+(\S+)", self.seimai("annotator", name))
        assert found
        return found[1]


def free(port: int) -> bool:
    """Whether nobody listens there; what is left of ended connections holds no port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.fixture
def new_home(tmp_path: Path) -> Iterator[Callable[[], Running]]:
    """Makes empty homes; what runs in them at the end is stopped."""
    made: list[Running] = []

    def make() -> Running:
        made.append(Running(tmp_path / f"home{len(made)}"))
        return made[-1]

    yield make
    for one in made:
        if (one.home / "run.json").exists():
            one.seimai("down")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A review that was started in an empty home."""
    one = Running(tmp_path_factory.mktemp("review") / "home")
    # a port that no other worker's review takes while this one is down: it comes back to it
    first = 6910 + 20 * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    one.said = one.seimai("up", "--port", str(next(port for port in range(first, first + 20) if free(port))))
    yield one
    if (one.home / "run.json").exists():
        one.seimai("down")


@pytest.fixture(scope="module")
def people(running: Running) -> dict[str, str]:
    """Two annotators, one of each group; passwords."""
    return {name: running.annotator(name) for name in ("kiku", "ume")}


@pytest.fixture
def desk(running: Running, people: dict[str, str], tmp_path: Path) -> "Iterator[Desk]":
    """Empty label shards, and a server without datasets of the tasks."""
    from annotation.review_tasks import task
    from tests.review.desk import Desk

    one = Desk(running, tmp_path / "labels", task("preference"))
    yield one
    with one.client() as argilla:
        for made in argilla.call("GET", "/me/datasets")["items"]:
            argilla.call("DELETE", f"/datasets/{made['id']}")
