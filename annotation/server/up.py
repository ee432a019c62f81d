"""Starting a review: from nothing, or from a home that was stopped or has crashed, to a server that answers."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from annotation.errors import ReviewError
from annotation.server import redis
from annotation.server.environment import ARGILLA, environment, outside
from annotation.server.home import WORKSPACE, Credentials, Home, credentials, read_json, starting, written
from annotation.server.repair import out_of_step
from annotation.server.state import answer, state, stop
from annotation.server.watch import Start, tail
from curation.secrets_left_out import without_secrets

LAUNCH = Path(__file__).parent / "engine" / "launch.py"
FIRST_PORT = 6900
"""Argilla's own, taken where it is free."""
SESSION = 7 * 24 * 3600
"""Seconds after which a browser must sign in again. Argilla's day ends while people work, and its page drops the answer then."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Wanted:
    """How a review shall run. port: None for any; redis: an address; search: (`elasticsearch` or `opensearch`, its address)."""

    port: int | None = None
    redis: str | None = None
    search: tuple[str, str] | None = None
    seconds: float = 180


@dataclass(frozen=True)
class Up:
    """A review that answers: its address, the owner's credentials, and whether these are new and to be shown once."""

    url: str
    owner: Credentials
    drawn: bool


def up(home: Home, wanted: Wanted, say: Say = lambda _: None) -> Up:
    """Starts a review and waits until it answers.

    Raises ReviewError where one runs here already, where a part cannot be had, and where a process ends before the server answers,
    with the last lines of its log; what was started is stopped again then.
    """
    with starting(home):
        _clear_away(home, say)
        _check_version(home)
        python = environment("argilla", say) / "bin" / "python"
        with listening(home, wanted.port) as door:
            return _up(home, wanted, python, door, say)


def _up(home: Home, wanted: Wanted, python: Path, door: socket.socket, say: Say) -> Up:
    """Starts all processes; the server takes over the listening socket, so nobody else can have its port in between."""
    if wanted.redis is not None:
        redis.check_address(wanted.redis, python)
    if wanted.search is not None:
        _check_search(*wanted.search)
    starts: list[Start] = []
    address = wanted.redis
    if address is None:
        start, address = redis.own(home, say)
        starts.append(start)
    owner, drawn = credentials(home)
    settings = _settings(home, owner, address, wanted.search)
    _prepare(home, python, owner, settings, say)
    _index(home, python, settings, say)
    serve = [str(python), str(LAUNCH), "start", str(door.fileno())]
    starts.append(Start("server", serve, settings, inherits=(door.fileno(),)))
    starts.append(Start("worker", [str(python), str(LAUNCH), "worker", "--num-workers", "1"], settings))
    port = door.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    engine = settings["ARGILLA_SEARCH_ENGINE"]
    about = {"url": url, "argilla": ARGILLA, "engine": engine, "redis": "given" if wanted.redis else "own"}
    say(f"starting {', '.join(start.name for start in starts)}")
    _watched(home, starts, about)
    door.close()  # where the server ends nobody listens any more
    _wait(home, url, wanted.seconds)
    written(home / "settings.json", json.dumps({"port": port, "engine": engine}).encode())
    return Up(url, owner, drawn)


def _clear_away(home: Home, say: Say) -> None:
    """Refuses a second start; stops what is left of one that has crashed."""
    found = state(home)
    if found is None:
        return
    if found.whole:
        raise ReviewError(
            f"{home.folder}: a review runs here already at {found.url}; `seimai review status` tells more,"
            " `seimai review down` stops it, --home gives another one its own folder"
        )
    for part in found.parts:
        if not part.runs:
            say(f"{part.name} {part.ended}; starting again")
    stop(home)


def _check_version(home: Home) -> None:
    made = read_json(home / "made_by.json")
    if made is not None and made.get("argilla") != ARGILLA:
        raise ReviewError(
            f"{home.folder}: Argilla {made.get('argilla')} made this database; this starts {ARGILLA}."
            " Take the seimai that made it, or another folder with --home"
        )


def listening(home: Home, wanted: int | None) -> socket.socket:
    """A socket that listens on the wanted port of 127.0.0.1, else on that of last time, else on Argilla's own, else on any.

    It listens before anything is started: of two reviews that start at once the second finds the port taken.
    """
    if wanted is not None:
        try:
            return _listening(wanted)
        except OSError as error:
            raise ReviewError(
                f"port {wanted} of 127.0.0.1 is taken ({error.strerror}); name another, or leave --port out for a free one"
            ) from error
    for port in ((read_json(home / "settings.json") or {}).get("port", FIRST_PORT), FIRST_PORT):
        try:
            return _listening(port)
        except OSError:
            continue
    return _listening(0)


def _listening(port: int) -> socket.socket:
    """Raises OSError where somebody listens there."""
    made = socket.socket()
    try:
        # what is left of an ended server's connections holds no port
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(("127.0.0.1", port))
        made.listen(2048)
    except OSError:
        made.close()
        raise
    return made


def _check_search(name: str, url: str) -> None:
    try:
        with urlopen(url, timeout=10) as answered:
            said = json.load(answered)
        if "version" not in said:
            raise ValueError("what answers is no search engine")
    except (OSError, ValueError) as error:
        raise ReviewError(
            f"no {name} answers at {without_secrets(url)} ({error}); start it, correct --{name},"
            " or leave it out: the embedded engine is taken then"
        ) from error


def _settings(home: Home, owner: Credentials, redis_url: str, search: tuple[str, str] | None) -> dict[str, str]:
    name, url = search or ("embedded", "")
    given = {key: value for key, value in outside().items() if not key.startswith("ARGILLA_")}
    return {
        **given,
        "ARGILLA_HOME_PATH": str(home / "argilla"),
        "ARGILLA_AUTH_SECRET_KEY": owner.secret,
        "ARGILLA_REDIS_URL": redis_url,
        "ARGILLA_SEARCH_ENGINE": name,
        "ARGILLA_AUTH_TOKEN_EXPIRATION": str(SESSION),
        "ARGILLA_CORS_ORIGINS": "[]",  # the UI is served by the server itself: no other site has business here
        "SEIMAI_SEARCH_INDEX": str(home.index),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_OFFLINE": "1",
        "PYTHONUNBUFFERED": "1",
        **({"ARGILLA_ELASTICSEARCH": url} if search else {}),
    }


def _prepare(home: Home, python: Path, owner: Credentials, settings: dict[str, str], say: Say) -> None:
    if (home / "made_by.json").exists():
        return
    say("making the database")
    new = {**asdict(owner), "workspace": WORKSPACE}
    del new["secret"]
    _run(home, [str(python), str(LAUNCH), "prepare"], settings, json.dumps(new), "the database could not be made")
    written(home / "made_by.json", json.dumps({"argilla": ARGILLA}).encode())


def _index(home: Home, python: Path, settings: dict[str, str], say: Say) -> None:
    """Indexes anew what the index lacks: in the embedded one what differs, in another all of it when it is new here."""
    if settings["ARGILLA_SEARCH_ENGINE"] == "embedded":
        datasets = out_of_step(home.database, home.index)
    else:
        before = (read_json(home / "settings.json") or {}).get("engine")
        datasets = out_of_step(home.database, Path("/nowhere")) if before != settings["ARGILLA_SEARCH_ENGINE"] else []
    if datasets:
        say(f"indexing {len(datasets)} datasets anew")
        _run(home, [str(python), str(LAUNCH), "reindex", *datasets], settings, "", "datasets could not be indexed")


def _run(home: Home, command: list[str], settings: dict[str, str], given: str, failed: str) -> None:
    ended = subprocess.run(
        command, cwd=home.folder, env=settings, input=given, capture_output=True, text=True, check=False
    )
    if ended.returncode:
        raise ReviewError(f"{home.folder}: {failed}; the last lines were:\n{_last(ended.stderr or ended.stdout)}")


def _last(text: str) -> str:
    return "\n".join(text.splitlines()[-12:])


def _watched(home: Home, starts: list[Start], about: dict[str, Any]) -> None:
    (home / "run.json").unlink(missing_ok=True)
    root = str(Path(__file__).resolve().parents[2])
    log = home.log("watch").open("ab")
    with log:
        watcher = subprocess.Popen(
            [sys.executable, "-m", "annotation.server.watch", str(home.folder)],
            cwd=root,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # it stays when the terminal goes
            pass_fds=[handle for start in starts for handle in start.inherits],
            text=True,
        )
    assert watcher.stdin is not None
    watcher.stdin.write(json.dumps({"starts": [asdict(start) for start in starts], "about": about}))
    watcher.stdin.close()
    limit = time.monotonic() + 120
    while state(home) is None:
        if watcher.poll() is not None or time.monotonic() > limit:
            watcher.terminate()
            raise ReviewError(f"{home.folder}: nothing could be started:\n{tail(home.log('watch'))}")
        time.sleep(0.05)


def _wait(home: Home, url: str, seconds: float) -> None:
    limit = time.monotonic() + seconds
    while True:
        found = state(home)
        ended = [part for part in found.parts if not part.runs] if found else []
        if found is None or ended:
            stop(home)
            said = "\n".join(f"{part.name} {part.ended}\n{part.log or tail(home.log(part.name))}" for part in ended)
            raise ReviewError(f"{home.folder}: the review did not start: {said or 'it was stopped'}")
        if answer(url) is not None:
            return
        if time.monotonic() > limit:
            log = tail(home.log("server"))
            stop(home)
            raise ReviewError(f"{home.folder}: {url} did not answer within {seconds:.0f} s; its log ends:\n{log}")
        time.sleep(0.25)
