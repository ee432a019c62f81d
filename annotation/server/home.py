"""Where a review lives on this machine: one folder that only its owner may read.

argilla/            Argilla's own database        search.db           the embedded engine's index, made anew when it is lost
redis/              jobs that wait                credentials.json    owner's name, password and key; the server's secret
made_by.json        which Argilla made it         run.json            what runs now (watch.py)
logs/               server, worker, redis         events.jsonl        what was started and how it ended
"""

import errno
import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from annotation.errors import ReviewError

LEAST_FREE = 200 * 2**20
"""Bytes that must be free to start: below, a database soon fails in the middle of an answer."""

OWNER = "owner"
WORKSPACE = "review"


@dataclass(frozen=True)
class Credentials:
    """How the owner signs in (username, password), how programs do (api_key), and what the server signs sessions with (secret)."""

    username: str
    password: str
    api_key: str
    secret: str


@dataclass(frozen=True)
class Home:
    """A review's folder."""

    folder: Path

    def __truediv__(self, name: str) -> Path:
        return self.folder / name

    @property
    def database(self) -> Path:
        """Argilla's database."""
        return self.folder / "argilla" / "argilla.db"

    @property
    def index(self) -> Path:
        """The embedded engine's file."""
        return self.folder / "search.db"

    def log(self, name: str) -> Path:
        """The log of a process."""
        return self.folder / "logs" / f"{name}.log"


def default_folder() -> Path:
    """`seimai/review` in the user's data folder (XDG)."""
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "seimai" / "review"


def open_home(folder: Path | None = None) -> Home:
    """The folder, made where there is none. Raises ReviewError where it cannot be written or the disk is full."""
    home = Home((folder or default_folder()).expanduser().absolute())
    try:
        home.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for part in ("argilla", "redis", "logs"):
            (home / part).mkdir(exist_ok=True, mode=0o700)
        written(home / ".written", b"yes")
        (home / ".written").unlink()
    except OSError as error:
        raise _unwritable(home.folder, error) from error
    if (free := shutil.disk_usage(home.folder).free) < LEAST_FREE:
        raise ReviewError(
            f"{home.folder}: {free / 2**20:.0f} MB are free; a review needs {LEAST_FREE / 2**20:.0f} MB at least:"
            " make room, or take another folder with --home"
        )
    return home


def existing_home(folder: Path | None = None) -> Home:
    """A folder in which a review was started before. Raises ReviewError where there is none."""
    home = Home((folder or default_folder()).expanduser().absolute())
    if not (home / "credentials.json").exists():
        raise ReviewError(
            f"{home.folder}: no review lives here; `seimai review up` begins one (another folder: --home)"
        )
    return home


def _unwritable(folder: Path, error: OSError) -> ReviewError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return ReviewError(f"{folder}: the disk is full; make room, or take another folder with --home")
    return ReviewError(f"{folder}: cannot be written ({error.strerror}); take another folder with --home")


def written(path: Path, content: bytes) -> None:
    """Writes a file that only its owner may read, whole or not at all."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def read_json(path: Path) -> dict[str, Any] | None:
    """What a file of the home says; None where there is none. Raises ReviewError where it is damaged."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (ValueError, OSError) as error:
        raise ReviewError(f"{path}: cannot be read ({error}); delete it when nothing runs, and start again") from error


def credentials(home: Home) -> tuple[Credentials, bool]:
    """The home's credentials, and whether they were drawn just now. Nobody but the owner of the file may read them."""
    if (found := read_json(home / "credentials.json")) is not None:
        try:
            return Credentials(**found), False
        except TypeError as error:
            wanted = "username, password, api_key, secret"
            raise ReviewError(f"{home / 'credentials.json'}: holds {wanted}, and was changed: {error}") from error
    drawn = Credentials(OWNER, secrets.token_urlsafe(12), secrets.token_urlsafe(32), secrets.token_urlsafe(32))
    written(home / "credentials.json", json.dumps(vars(drawn), indent=1).encode())
    return drawn, True


@contextmanager
def starting(home: Home) -> Iterator[None]:
    """Held while a review starts or stops. Raises ReviewError while another command does so in this folder."""
    with (home / ".starting").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ReviewError(
                f"{home.folder}: another command is starting or stopping this review; wait for it"
            ) from None
        yield
