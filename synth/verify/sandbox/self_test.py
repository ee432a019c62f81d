"""Before the first program: does the sandbox hold here? Tried, not assumed, once per process."""

from functools import cache

from synth.verify.sandbox.limits import Limits, Ran
from synth.verify.sandbox.run import NoSandboxError, python, run

SMALL = Limits(seconds=3, cpu_seconds=4, memory=192 << 20, processes=12)

LOOKS = """
import os, socket
assert os.getuid() != 0 or open("/proc/self/uid_map").read().split()[1] != "0", "runs as root"
for path in ("/etc/passwd", "/etc/shadow", "/home", "/var"):
    try:
        open(path).close() if path.startswith("/etc") else os.listdir(path)
    except OSError:
        continue
    raise SystemExit("can read " + path)
for path in ("/x", "/usr/x", "/dev/x", "/box/x"):
    try:
        open(path, "w").close()
    except OSError:
        continue
    raise SystemExit("can write " + path)
try:
    socket.create_connection(("192.0.2.1", 80), timeout=1)
except OSError as error:
    if error.errno not in (101, 1, 13):
        raise SystemExit("the network answers: " + str(error))
else:
    raise SystemExit("the network is open")
for number in (os.memfd_create,):
    try:
        number("x")
    except OSError:
        continue
    raise SystemExit("memory outside processes can be had")
open("/tmp/x", "w").write("x")
print("held")
"""
FORK_BOMB = """
import os, time
while True:
    try:
        os.fork()
    except OSError:
        time.sleep(0.01)
"""
TEN_GIGABYTES = """
import os, time
for _ in range(5):
    if not os.fork():
        held = []
        for _ in range(200):
            held.append(bytearray(b"x") * (10 << 20))
        time.sleep(9)
        os._exit(0)
time.sleep(9)
"""


def _tried(program: str) -> Ran:
    return run({"try.py": program}, python("try.py"), limits=SMALL)


@cache
def contained() -> str:
    """Empty where programs are contained here; else why not, in words."""
    try:
        looks = _tried(LOOKS)
        if looks.stopped or looks.stdout.strip() != b"held":
            said = (looks.stderr or looks.stdout).decode(errors="replace").strip().splitlines()
            return f"the sandbox does not hold: {said[-1] if said else looks.stopped or looks.status}"
        bomb = _tried(FORK_BOMB)
        if bomb.peak_processes > SMALL.processes + 8 or bomb.stopped not in ("time", "cpu", "processes"):
            return f"a fork bomb reached {bomb.peak_processes} processes of {SMALL.processes} ({bomb.stopped or 'not stopped'})"
        glutton = _tried(TEN_GIGABYTES)
        if glutton.peak_memory > 3 * SMALL.memory or not (glutton.stopped == "memory" or glutton.status):
            return f"10 GB over five children reached {glutton.peak_memory >> 20} MiB of {SMALL.memory >> 20}"
    except NoSandboxError as error:
        return str(error)
    return ""
