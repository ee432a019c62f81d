"""A real Slurm on this machine: one slurmctld and two slurmd on loopback, of which a test may kill one."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from recipes.engine.plan import Plan
from recipes.engine.slurm import link, resources, watch
from recipes.engine.slurm.submission import Submission

UP = Path(__file__).with_name("slurm_up.sh")
ARRAY = 4
"""Most elements that this Slurm takes in one array."""
FILE = {"partition": "ci", "time": "00:10:00", "memory": "1G"}


def until(found: Callable[[], Any], seconds: float = 120.0) -> Any:
    """What `found` gives as soon as it is something."""
    end = time.monotonic() + seconds
    while not (what := found()):
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.3)
    return what


@dataclass
class Slurm:
    """The cluster, by its folder."""

    folder: Path

    def submit(self, plan: Plan, **said: Any) -> Submission:
        """Submits a plan with these words in its resources file."""
        file = self.folder / "resources.yaml"
        file.write_text(yaml.safe_dump(FILE | said))
        return link.submit(plan, f"slurm:{file}", resources.read(str(file), f"slurm:{file}"), None, 1)

    def run(self, plan: Plan, **said: Any) -> Submission:
        """Submits a plan and follows it to its end."""
        submission = self.submit(plan, **said)
        watch.follow(submission)
        return submission

    def lose(self, node: str) -> None:
        """Kills a node: its daemon and everything that it started."""
        for pid in self._of(node):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _of(self, node: str) -> list[int]:
        """Processes of a node: its daemon, what watches its jobs, then the jobs, whose environment names the node."""
        daemon = int((self.folder / f"slurmd.{node}.pid").read_text())
        running = ["squeue", "-h", "-t", "running,completing", "-w", node, "-o", "%A"]
        ids = subprocess.run(running, capture_output=True, text=True, check=True).stdout.split()
        watching, jobs = list[int](), list[int]()
        for path in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                line, environment = (path / "cmdline").read_bytes(), (path / "environ").read_bytes()
                if line.startswith(b"slurmstepd") and any(f"[{i}.".encode() in line for i in ids):
                    watching.append(int(path.name))
                elif f"SLURMD_NODENAME={node}\0".encode() in environment and str(self.folder).encode() in environment:
                    jobs.append(int(path.name))
        return [daemon, *watching, *jobs]

    def told(self) -> str:
        """What stands in its queue, the nodes, and the last of what its daemons said."""
        said = ""
        for command in (["squeue", "-r", "-t", "all", "-o", "%i %T %r %N %j"], ["sinfo", "-N", "-l"]):
            said += subprocess.run(command, capture_output=True, text=True).stdout[-6000:]
        for log in sorted(self.folder.glob("log/slurm*.log")):
            said += f"--- {log.name}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-40:]) + "\n"
        return said

    def back(self, node: str) -> None:
        """Starts a node's daemon again."""
        (self.folder / f"slurmd.{node}.pid").unlink(missing_ok=True)
        subprocess.run(["slurmd", "-N", node, "-f", str(self.folder / "slurm.conf")], check=True)
