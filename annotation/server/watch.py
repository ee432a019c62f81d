"""The process that stays with a review's others: it starts them, notices when one ends, and writes down how.

    python -m annotation.server.watch HOME < starts.json

`run.json` says what runs; a line of `events.jsonl` says what was started and how it ended (by which signal, with which status, and
the last lines of its log). A process that ends by itself is not started again: `seimai review status` says it, `up` starts anew.
When the watcher is told to end (SIGTERM) it ends the others first, those that write last in the order in which they were started.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from annotation.server import processes
from annotation.server.home import Home, written

MOST_LOG = 10 * 2**20
"""A log longer than this is put aside (`.old`) when its process starts."""

TAIL_LINES = 12


@dataclass(frozen=True)
class Start:
    """How a process is started: its name, command, environment, what it reads on its standard input, open sockets that it gets."""

    name: str
    command: list[str]
    environment: Mapping[str, str]
    given: str = ""
    inherits: Sequence[int] = ()


def watch(home: Home, starts: list[Start], about: dict[str, Any], told: Sequence[int] = ()) -> None:
    """Starts processes, stays until all have ended or it is told to end them (a signal stands in `told`)."""
    running: dict[str, subprocess.Popen[bytes]] = {}
    known: dict[str, Any] = {}
    for start in starts:
        try:
            running[start.name] = child = _started(home, start)
        except OSError as error:
            print(f"{start.command[0]}: cannot be started: {error.strerror}", file=sys.stderr, flush=True)
            _stop(home, running)
            return
        if (process := processes.of(child.pid)) is not None:
            known[start.name] = asdict(process)
        note(home, start.name, "started", pid=child.pid)
    me = processes.of(os.getpid())
    assert me is not None, "a process is there while it runs"
    written(home / "run.json", json.dumps({**about, "watcher": asdict(me), "processes": known}).encode())
    while running and not told:
        for name in [name for name, child in running.items() if _ended(child)]:
            child = running.pop(name)
            note(home, name, _how(child.wait()), pid=child.pid, log=tail(home.log(name)))
        time.sleep(0.1)
    _stop(home, running)
    if told:
        (home / "run.json").unlink(missing_ok=True)


def _stop(home: Home, running: Mapping[str, subprocess.Popen[bytes]]) -> None:
    for name, child in reversed(list(running.items())):
        if (process := processes.of(child.pid)) is not None:
            processes.end(process)
        child.wait()
        note(home, name, "stopped", pid=child.pid)


def _started(home: Home, start: Start) -> subprocess.Popen[bytes]:
    path = home.log(start.name)
    if path.exists() and path.stat().st_size > MOST_LOG:
        path.replace(path.with_suffix(".old"))
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "wb") as log:
        child = subprocess.Popen(
            start.command,
            cwd=home.folder,
            env=dict(start.environment),
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a group of its own, which can be ended whole
            pass_fds=start.inherits,
        )
    for handle in start.inherits:
        os.close(handle)  # it is the child's alone: a port is free again when its server ends
    assert child.stdin is not None
    with contextlib.suppress(BrokenPipeError):  # it has ended at once; its log says why
        child.stdin.write(start.given.encode())
        child.stdin.close()
    return child


def _ended(child: subprocess.Popen[bytes]) -> bool:
    """Whether it has; what it leaves of its group is ended while its number is still kept by what remains of it."""
    if not hasattr(os, "waitid"):  # macOS before Python 3.13
        if child.poll() is None:
            return False
    elif os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        return False
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGTERM)
    return True


def _how(status: int) -> str:
    """
    >>> _how(-9), _how(1)
    ('ended by signal 9 (SIGKILL)', 'ended with status 1')
    """
    return (
        f"ended by signal {-status} ({signal.Signals(-status).name})" if status < 0 else f"ended with status {status}"
    )


def note(home: Home, name: str, what: str, **more: Any) -> None:
    """Adds a line to the home's events."""
    line = {"time": datetime.now(UTC).isoformat(timespec="seconds"), "name": name, "what": what, **more}
    handle = os.open(home / "events.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")


def tail(path: Path, lines: int = TAIL_LINES) -> str:
    """The last lines of a log; nothing where there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 65536))
            return "\n".join(file.read().decode("utf-8", "replace").splitlines()[-lines:])
    except FileNotFoundError:
        return ""


if __name__ == "__main__":
    given, signals = json.loads(sys.stdin.read()), list[int]()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda n, _: signals.append(n))
    watch(Home(Path(sys.argv[1])), [Start(**start) for start in given["starts"]], given["about"], signals)
