"""Tasks on a cluster that watch themselves: one that takes far longer than its size predicts leaves its rest to others.

On this machine the run sees every worker and shares out what is left at the end (`workers.py`). On a cluster nobody sees a task
while it runs, so it looks for itself how long those took that have ended. What it leaves is a task like any other: of the next
link on Slurm, at once on Ray.
"""

import contextlib
import statistics
import threading
import time
from collections.abc import Iterator
from typing import Any

from curation.place import Place
from curation.work_list import SHARES, stored_bytes

LOOK_SECONDS = 30.0
LEAST_SECONDS = 300.0
"""Nothing that takes less is worth a new task in a queue."""
TIMES = 3.0
"""So many times as long as its bytes take elsewhere makes a task a straggler."""
SAMPLE = 31
"""Manifests that are looked into."""


@contextlib.contextmanager
def watched(executor: Any) -> Iterator[None]:
    """Watches over the task that the executor runs meanwhile, where it is one that can share."""
    reader, over = executor.pipeline[0], threading.Event()
    if hasattr(reader, "stop_for"):
        threading.Thread(target=_watch, args=(executor.place, executor.tasks, reader, over), daemon=True).start()
    try:
        yield
    finally:
        over.set()


def _watch(place: Place, tasks: int, reader: Any, over: threading.Event) -> None:
    began = time.monotonic()
    while not over.wait(LOOK_SECONDS):
        seconds = time.monotonic() - began
        if seconds < LEAST_SECONDS or not reader.ahead:
            continue
        pace = usual_pace(place, tasks)
        if pace is not None and seconds > TIMES * pace * (reader.bytes_read + reader.ahead):
            reader.stop_for = SHARES
            return


def usual_pace(place: Place, tasks: int) -> float | None:
    """Seconds a stored byte in the middle of some of the tasks, evenly spaced; None before half of these have ended.

    Looked up by name, not in a listing: a thousand tasks that look every half minute would each list a hundred thousand names.
    """
    told = []
    for rank in range(0, tasks, -(-tasks // SAMPLE)):
        with contextlib.suppress(FileNotFoundError):
            told.append(place.read_json(f"tasks/{rank:05d}.json"))
    if not told or 2 * len(told) < len(range(0, tasks, -(-tasks // SAMPLE))):
        return None
    return statistics.median(one["seconds"] / max(1, stored_bytes(one)) for one in told)
