"""Looks at all processes of one sandbox together, from outside, through /proc.

The processes are the descendants of bubblewrap: in their PID namespace an orphan goes to its first process, so none leaves the tree.
"""

import os
from collections.abc import Iterator
from typing import NamedTuple

_PAGE, _TICK = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_CLK_TCK")


class Use(NamedTuple):
    """What the processes use together."""

    processes: int
    memory: int
    """Resident bytes; shared pages once where /proc says so."""
    cpu_seconds: float
    """Of the living and of those whose parent has waited for them."""


def _stats() -> Iterator[tuple[int, int, int, int]]:
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb", buffering=0) as file:
                    fields = file.read().rsplit(b")", 1)[1].split()
            except (OSError, IndexError):
                continue  # it has ended meanwhile
            yield int(name), int(fields[1]), sum(map(int, fields[11:15])), int(fields[21])


def tree(root: int) -> list[tuple[int, int, int]]:
    """Process, clock ticks and resident pages of every descendant of a process, itself left out."""
    children: dict[int, list[tuple[int, int, int]]] = {}
    for pid, parent, ticks, pages in _stats():
        children.setdefault(parent, []).append((pid, ticks, pages))
    found: list[tuple[int, int, int]] = []
    rest = [root]
    while rest:
        below = children.get(rest.pop(), [])
        found += below
        rest += [pid for pid, _, _ in below]
    return found


def use(root: int, memory_limit: int) -> Use:
    """What the descendants of a process use; shared pages are told apart only where the plain sum passes the limit."""
    found = tree(root)
    memory = sum(pages for _, _, pages in found) * _PAGE
    if memory > memory_limit:
        memory = sum(_proportional(pid, pages * _PAGE) for pid, _, pages in found)
    return Use(len(found), memory, sum(ticks for _, ticks, _ in found) / _TICK)


def _proportional(pid: int, resident: int) -> int:
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
            line = next((line for line in file if line.startswith(b"Pss:")), None)
    except OSError:
        return resident  # not ours to read: the plain sum decides
    return resident if line is None else int(line.split()[1]) * 1024
