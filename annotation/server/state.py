"""What of a review runs, how what does not has ended, and stopping what was started."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from annotation.errors import ReviewError
from annotation.server import processes
from annotation.server.environment import ARGILLA
from annotation.server.home import Home, read_json
from annotation.server.processes import Process

ORDER = ("worker", "server", "redis")
"""In which processes are ended: who writes before whom it writes to."""


@dataclass(frozen=True)
class Part:
    """One process of a review: whether it runs, and how it ended otherwise."""

    name: str
    process: Process
    runs: bool
    ended: str = ""
    log: str = ""


@dataclass(frozen=True)
class State:
    """A review that was started and not stopped. about: its address, engine and Redis, as it was started."""

    about: dict[str, Any]
    watcher: Process
    watched: bool
    parts: list[Part]

    @property
    def url(self) -> str:
        """Where the UI is."""
        return self.about["url"]

    @property
    def whole(self) -> bool:
        """Whether all its processes run."""
        return all(part.runs for part in self.parts)


def state(home: Home) -> State | None:
    """What runs; None where nothing was started, or all was stopped."""
    if (run := read_json(home / "run.json")) is None:
        return None
    watcher = Process(**run["watcher"])
    last = {event["name"]: event for event in events(home)}
    parts = [_part(name, Process(**known), last.get(name)) for name, known in run["processes"].items()]
    about = {key: value for key, value in run.items() if key not in ("watcher", "processes")}
    return State(about, watcher, processes.runs(watcher), parts)


def _part(name: str, process: Process, last: dict[str, Any] | None) -> Part:
    if processes.runs(process):
        return Part(name, process, True)
    if last and last.get("pid") == process.pid and last["what"] != "started":
        return Part(name, process, False, f"{last['what']} at {last['time']}", last.get("log", ""))
    return Part(name, process, False, "ended, and nobody saw how (the watcher ended before, or the machine)")


def events(home: Home) -> Iterator[dict[str, Any]]:
    """What was started and how it ended, oldest first. A line that was cut off by a crash is left out."""
    try:
        lines = (home / "events.jsonl").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        try:
            yield json.loads(line)
        except ValueError:
            continue


def stop(home: Home) -> list[str]:
    """Ends what was started here and still runs, and nothing else: names of what was ended."""
    found = state(home)
    if found is None:
        return []
    running = [part.name for part in found.parts if part.runs]
    processes.end(found.watcher, seconds=40)  # it ends the others, and says so in the events
    for name in ORDER:
        for part in found.parts:
            if part.name == name:
                processes.end(part.process)
    (home / "run.json").unlink(missing_ok=True)
    return running


def answer(url: str, seconds: float = 5) -> dict[str, Any] | None:
    """What `/api/v1/status` of a server says; None where nothing answers yet. Raises ReviewError for another version than ours."""
    try:
        with urllib.request.urlopen(f"{url}/api/v1/status", timeout=seconds) as answered:
            said = json.load(answered)
    except (OSError, urllib.error.URLError, ValueError):
        return None
    if (version := said.get("version") if isinstance(said, dict) else None) != ARGILLA:
        raise ReviewError(f"{url}: Argilla {version or 'of an unknown version'} answers; this needs {ARGILLA}")
    return said
