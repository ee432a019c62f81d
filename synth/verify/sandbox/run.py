"""Runs one program in bubblewrap and stops it at its limits."""

import contextlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from synth.verify.sandbox import seccomp
from synth.verify.sandbox.limits import Limits, Ran
from synth.verify.sandbox.watch import use

_HERE = Path(os.path.realpath(getattr(sys, "_base_executable", sys.executable)))
_PREFIX = _HERE.parent.parent
INTERPRETER = str(_HERE) if _HERE.is_relative_to("/usr") else f"/python/bin/{_HERE.name}"
"""The interpreter as it is named inside: one outside /usr is mounted at /python, because its folders may be its owner's alone."""
_EVERY = 0.01
"""Seconds between two looks."""
_FIRST_UID = 61_200
_UIDS = 4_000
"""Uids 61200 to 65199, which systemd and Debian give to no account of long standing; each run takes one of them by chance."""

_ENTER = """
import os, resource, sys
limits, uid, *command = sys.argv[1:]
for name, value in __import__("json").loads(limits).items():
    resource.setrlimit(getattr(resource, name), (value, value))
os.nice(10)
if int(uid):
    os.setgroups([]); os.setresgid(int(uid), int(uid), int(uid)); os.setresuid(int(uid), int(uid), int(uid))
os.execv(command[0], command)
"""


class NoSandboxError(RuntimeError):
    """Programs cannot be contained here; the message says why."""


def command(files: Mapping[str, int], limits: Limits, filter_fd: int, info_fd: int, argv: list[str]) -> list[str]:
    """The bubblewrap command: what is mounted, what is unshared, and who runs. `files` are names under /box and their descriptors."""
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        raise NoSandboxError("bubblewrap (bwrap) is not installed")
    root = os.geteuid() == 0
    uid = _FIRST_UID + random.SystemRandom().randrange(_UIDS) if root else 0
    line = [bwrap, "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
    # root starts the namespaces itself and becomes another uid inside; anybody else does it in a user namespace
    line += ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"] if root else ["--unshare-user"]
    line += ["--die-with-parent", "--new-session", "--clearenv", "--hostname", "box"]
    line += ["--perms", "0755", "--dir", "/etc"]
    for folder in ("/usr", "/bin", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/alternatives"):
        if os.path.islink(folder):
            line += ["--symlink", os.readlink(folder), folder]
        else:
            line += ["--ro-bind-try", folder, folder]
    if INTERPRETER.startswith("/python"):
        line += ["--ro-bind", str(_PREFIX), "/python", "--setenv", "LD_LIBRARY_PATH", "/python/lib"]
    line += ["--proc", "/proc", "--dev", "/dev", "--size", str(1 << 20), "--perms", "1777", "--tmpfs", "/dev/shm"]
    line += ["--size", str(limits.files), "--perms", "1777", "--tmpfs", "/tmp", "--dir", "/box"]
    for name, fd in files.items():
        line += ["--perms", "0444", "--ro-bind-data", str(fd), f"/box/{name}"]
    line += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp"]
    for name, value in (
        ("PATH", "/usr/bin:/bin"),
        ("HOME", "/tmp"),
        ("LANG", "C.UTF-8"),
        ("PYTHONDONTWRITEBYTECODE", "1"),
    ):
        line += ["--setenv", name, value]
    caps = {
        "RLIMIT_AS": limits.memory + (512 << 20),  # reserved, not used: interpreters map more than they touch
        "RLIMIT_NPROC": limits.processes,
        "RLIMIT_CPU": int(limits.cpu_seconds) + 1,
        "RLIMIT_FSIZE": limits.files,
        "RLIMIT_NOFILE": 64,
        "RLIMIT_CORE": 0,
        "RLIMIT_MEMLOCK": 0,
    }
    caps = {name: value for name, value in caps.items() if hasattr(resource, name)}
    line += ["--seccomp", str(filter_fd), "--info-fd", str(info_fd), "--"]
    return [*line, INTERPRETER, "-I", "-S", "-c", _ENTER, json.dumps(caps), str(uid), *argv]


def run(files: Mapping[str, str], argv: list[str], stdin: str = "", limits: Limits | None = None) -> Ran:
    """Runs `argv` (see `python`) with these files under /box. Raises NoSandboxError where bubblewrap is missing or cannot start.

    Never checks that the sandbox holds: that is `self_test.contained`, which every verifier asks first.
    """
    limits = limits or Limits()
    opened: list[IO[bytes]] = []

    def stored(data: bytes) -> int:
        file = tempfile.TemporaryFile()  # noqa: SIM115 - closed below, after the process has it
        file.write(data)
        file.seek(0)
        opened.append(file)
        return file.fileno()

    ends: tuple[int, int] = os.pipe()
    try:
        try:
            rules = stored(seccomp.program())
        except NotImplementedError as error:
            raise NoSandboxError(str(error)) from None
        fds = {name: stored(text.encode()) for name, text in files.items()}
        line = command(fds, limits, rules, ends[1], argv)
        process = subprocess.Popen(
            line,
            stdin=stored(stdin.encode()),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=(*fds.values(), rules, ends[1]),
            start_new_session=True,
        )
        os.close(ends[1])
        ends = (ends[0], -1)
        return _watched(process, limits, ends[0])
    finally:
        for fd in ends:
            if fd >= 0:
                os.close(fd)
        for file in opened:
            file.close()


def python(script: str, *arguments: str) -> list[str]:
    """The command that runs a file of /box in the interpreter without its site packages."""
    return [INTERPRETER, "-I", "-S", "-B", "-X", "utf8", f"/box/{script}", *arguments]


class _Output(threading.Thread):
    """Reads one stream to its end and remembers as much as the limit allows."""

    def __init__(self, stream: IO[bytes], limit: int):
        super().__init__(daemon=True)
        self.stream, self.limit, self.data, self.over = stream, limit, bytearray(), False
        self.start()

    def run(self) -> None:
        """Reads until the last writer is gone."""
        while chunk := self.stream.read1(65_536):  # type: ignore[attr-defined]
            room = self.limit - len(self.data)
            self.data += chunk[:room]
            self.over = self.over or len(chunk) > room


def _watched(process: subprocess.Popen[bytes], limits: Limits, info: int) -> Ran:
    assert process.stdout is not None
    assert process.stderr is not None
    began = time.monotonic()
    outputs = [_Output(process.stdout, limits.output), _Output(process.stderr, limits.output)]
    first = _first_process(info)
    stopped, peak_memory, peak_processes = "", 0, 0
    try:
        while process.poll() is None:
            seen = use(process.pid, limits.memory)
            peak_memory, peak_processes = max(peak_memory, seen.memory), max(peak_processes, seen.processes)
            stopped = (
                "time" if time.monotonic() - began > limits.seconds
                else "memory" if seen.memory > limits.memory
                else "cpu" if seen.cpu_seconds > limits.cpu_seconds
                else "processes" if seen.processes > limits.processes + 2  # bubblewrap's own two
                else "output" if any(o.over for o in outputs)
                else ""
            )  # fmt: skip
            if stopped:
                break
            time.sleep(_EVERY)
    finally:
        _kill(process, first)
    for output in outputs:
        output.join(timeout=5)
    stopped = stopped or ("output" if any(o.over for o in outputs) else "")
    if first is None and not stopped:
        raise NoSandboxError(
            f"bubblewrap does not start: {bytes(outputs[1].data).decode(errors='replace').strip()[-200:]}"
        )
    data = [bytes(o.data) for o in outputs]
    return Ran(stopped, process.returncode, data[0], data[1], time.monotonic() - began, peak_memory, peak_processes)


def _first_process(info: int) -> int | None:
    """The host's number of the first process in the namespace, as bubblewrap tells it; None where it never started."""
    said = b""
    while chunk := os.read(info, 4096):
        said += chunk
        if said.rstrip().endswith(b"}"):
            break
    try:
        return int(json.loads(said)["child-pid"])
    except (ValueError, KeyError):
        return None


def _kill(process: subprocess.Popen[bytes], first: int | None) -> None:
    """Ends every process: with the first one of its PID namespace the kernel ends the others."""
    if process.poll() is None:
        for pid in (first, process.pid):
            if pid is not None:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
    process.wait()
