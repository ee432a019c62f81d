"""What is told of a worker process that ended, in words that say what to do."""

import signal
from pathlib import Path
from typing import Any

from curation.work_list import WorkList

_SHOWN = 3
"""Files of a task that are named."""


def ended_as(code: int | None) -> str:
    """How a process ended, by its exit code.

    >>> ended_as(-9), ended_as(3)
    ('was killed (SIGKILL: by hand, or by the system, which was out of memory: fewer --workers need less)', 'ended with exit code 3')
    """
    if code == -signal.SIGKILL:
        return "was killed (SIGKILL: by hand, or by the system, which was out of memory: fewer --workers need less)"
    if code is not None and -code in set(signal.Signals):
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"


def files_read(executor: Any, rank: int | None) -> str:
    """What a task reads, as a sentence to be added; "" where that is no file."""
    work = getattr(executor.pipeline[0], "work", None) if getattr(executor, "pipeline", ()) else None
    units = work.units(rank) if isinstance(work, WorkList) and rank is not None else []
    names = list(dict.fromkeys(unit.file for unit in units if unit.file))
    more = f" and {len(names) - _SHOWN:,} files more" if len(names) > _SHOWN else ""
    return f" It reads {', '.join(names[:_SHOWN])}{more}." if names else ""


def is_stopped(pid: int) -> bool:
    """Whether a process is stopped by a signal; False where the system does not say."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    except (OSError, IndexError):
        return False
