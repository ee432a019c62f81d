"""A real Slurm for the tests that ask for it."""

import os
import subprocess
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from recipes.engine.slurm import watch

sys.path.insert(0, str(Path(__file__).parent))  # modules of tests, which nodes find by the same path
sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))
from throwaway_slurm import ARRAY, UP, Slurm


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: Any) -> Generator[None, Any, Any]:
    """A failure on Slurm tells what stood in its queue and what its daemons said last: the cluster is gone when it is read."""
    report: Any = yield
    cluster = getattr(item, "funcargs", {}).get("slurm")
    if report.failed and isinstance(cluster, Slurm):
        report.sections.append(("Slurm", cluster.told()))
    return report


@pytest.fixture(scope="session")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slurm]:
    """The cluster, for as long as the tests run; jobs are looked for often."""
    if "SEIMAI_SLURM_TESTS" not in os.environ:
        pytest.skip("a real Slurm is started by `uvx nox -s slurm`")
    folder = tmp_path_factory.mktemp("slurm")
    env = {**os.environ, "ARRAYMAX": str(ARRAY), "NODES": "2", "CPUS": "2"}
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))  # two clusters share nothing
    env |= {
        "CTLPORT": str(17000 + 10 * worker),
        "BASEPORT": str(17002 + 10 * worker),
        "FIRSTJOB": str(1 + 100_000 * worker),
    }
    subprocess.run(["timeout", "60", str(UP), "up", str(folder)], env=env, check=True)
    os.environ["SLURM_CONF"] = str(folder / "slurm.conf")
    watch.POLL_SECONDS = 0.5
    try:
        yield Slurm(folder)
    finally:
        subprocess.run(["timeout", "60", str(UP), "down", str(folder)], check=False)
        del os.environ["SLURM_CONF"]
