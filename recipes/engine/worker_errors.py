"""What is told of a worker that ended, or of a task that raised: in words that say what to do."""

import errno
import signal
from pathlib import Path
from typing import Any

from curation.work_list import WorkList

PLAIN = (
    "InputError",
    "IndexRefused",
    "PolicyError",
    "EngineError",
    "ModelFolderError",
    "TaskError",
    "StoreError",
    "GpuMissing",
    "ScoreError",
    "ShardError",
    "BadFile",
    "BadParquet",
)
"""Errors that say all there is to say; the others are told with their traceback."""
_MACHINE = (errno.EIO, errno.EACCES, errno.EROFS, errno.EMFILE, errno.ESTALE, errno.EDQUOT)
"""Errors of the system that are the machine's matter, and nobody's bug."""
_SHOWN = 3
"""Files of a task that are named."""


def error_text(rank: int | None, where: str, name: str, text: str, trace: str) -> str:
    """What an exception of a task says to the user; a bug comes with its traceback."""
    if "No space left on device" in text or "Errno 28" in text:
        return f"{where}: the disk is full ({text}). Free some space and give the same command again: it goes on where it stopped."
    if any(f"[Errno {number}]" in text for number in _MACHINE):
        return f"{where}: {text}. When that is mended give the same command again: it goes on where it stopped."
    if name in PLAIN:
        return text
    return f"task {rank}: {name}: {text}\n{trace}"


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
