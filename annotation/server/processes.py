"""Processes of our own, known by their number and the moment they began: a number alone is given to somebody else in time."""

import contextlib
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Process:
    """pid, which leads a process group of its own, and what the system says of its beginning."""

    pid: int
    began: str


def of(pid: int) -> Process | None:
    """A running process by its number; None where there is none, or only what is left of one that has ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        if Path("/proc/self/stat").exists():
            return None
        return _by_ps(pid)
    except OSError:
        return None
    state, *rest = stat.rpartition(")")[2].split()
    if state in "ZX":
        return None
    boot = BOOT.read_text().strip() if BOOT.exists() else ""
    return Process(pid, f"{boot} {rest[18]}".strip())  # field 22 of proc(5): clock ticks since the machine's start


def _by_ps(pid: int) -> Process | None:
    """Where there is no /proc (macOS)."""
    told = subprocess.run(
        ["ps", "-o", "stat=", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    state, _, began = told.stdout.strip().partition(" ")
    return Process(pid, began.strip()) if began and not state.startswith("Z") else None


def runs(process: Process) -> bool:
    """Whether this very process still runs."""
    return of(process.pid) == process


def end(process: Process, seconds: float = 10) -> bool:
    """Ends a process and its group, kindly and after some seconds not; False where it does not run, and nothing is touched then."""
    if not runs(process):
        return False
    _signal(process.pid, signal.SIGTERM)
    limit = time.monotonic() + seconds
    while runs(process) and time.monotonic() < limit:
        time.sleep(0.05)
    _signal(process.pid, signal.SIGKILL)  # also what is left of the group: its number is not given away before
    while runs(process) and time.monotonic() < limit + 5:
        time.sleep(0.05)
    return True


def _signal(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
