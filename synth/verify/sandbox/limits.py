"""What a program may use, all its processes together."""

from typing import NamedTuple


class Limits(NamedTuple):
    """Limits over the whole namespace."""

    seconds: float = 10.0
    """Wall clock."""
    cpu_seconds: float = 10.0
    """Processor time, summed over the processes."""
    memory: int = 512 << 20
    """Bytes of resident memory, summed over the processes, and of what lies in the temporary folder."""
    processes: int = 16
    output: int = 1 << 20
    """Bytes of stdout and of stderr."""
    files: int = 64 << 20
    """Bytes of the temporary folder."""


class Ran(NamedTuple):
    """How a program ended."""

    stopped: str
    """Empty where it ended by itself; else the limit that stopped it: time, cpu, memory, processes, output."""
    status: int
    stdout: bytes
    stderr: bytes
    seconds: float
    peak_memory: int
    peak_processes: int
