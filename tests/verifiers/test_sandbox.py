"""Programs that do harm: each is contained, ends in time, leaves nothing behind, and its verdict says what happened.

Needs bubblewrap (noxfile's DEBIAN list); without it only the last tests run: a verifier that cannot contain code abstains.
"""

import json
import os
import shutil
import time

import pytest

from synth.verify.audit import goldens
from synth.verify.constraint import verify
from synth.verify.sandbox import self_test
from synth.verify.sandbox.limits import Limits
from synth.verify.sandbox.run import python, run
from synth.verify.sandbox.watch import tree

needs_bubblewrap = pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")
SPEC = {"kind": "code_tests", "tests": ["assert True"], "seconds": 3, "memory_mb": 128}


def verdict_on(program: str):
    return verify(SPEC, "", f"```python\n{program}\n```")


def said(verdict) -> str:
    return " ".join(f"{e.what} {e.found}" for e in verdict.evidence)


@needs_bubblewrap
def test_the_sandbox_holds_here():
    assert self_test.contained() == ""


HARM = {
    "forks": (
        "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass",
        "limit of (time|cpu|processes)",
    ),
    "takes 10 GB over children": (self_test.TEN_GIGABYTES, "limit of memory"),
    "takes 10 GB alone": ("x = []\nwhile True:\n    x.append(bytearray(10_000_000))", "limit of memory|MemoryError"),
    "fills the temporary folder": (
        "f = open('/tmp/x', 'wb')\nwhile True:\n    f.write(bytes(1 << 20))\n    f.flush()",
        "OSError|status|ended with",
    ),
    "reads /etc/passwd": ("print(open('/etc/passwd').read())", "FileNotFoundError|PermissionError"),
    "writes outside": ("open('/usr/x', 'w')", "Read-only file system|Permission denied"),
    "opens a socket": (
        "import socket\nsocket.create_connection(('192.0.2.1', 80), timeout=2)",
        "Network is unreachable",
    ),
    "asks a name server": ("import socket\nprint(socket.getaddrinfo('example.jp', 80))", "gaierror"),
    "sleeps forever": ("import time\ntime.sleep(1e6)", "limit of time"),
    "computes forever": ("while True:\n    pass", "limit of (time|cpu)"),
    "writes without end": ("while True:\n    print('x' * 10000)", "limit of output"),
    "detaches": (
        "import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(60)\nos._exit(0)",
        "ended with|limit of time",
    ),
    "kills its parents": (
        "import os, signal\nfor p in range(1, 500):\n    try:\n        os.kill(p, 9)\n    except OSError:\n        pass",
        "",
    ),
    "ends as if all were well": ("import os\nos._exit(0)", "ended with 0"),
    "makes namespaces": ("import ctypes\nassert ctypes.CDLL(None).unshare(0x10000000) == 0", "AssertionError"),
}


@needs_bubblewrap
@pytest.mark.parametrize("what", HARM)
def test_harm_is_contained_and_reported(what: str):
    import re

    program, wanted = HARM[what]
    before = {pid for pid, _, _ in tree(os.getpid())}  # servers and trackers of other tests of this process
    began = time.monotonic()
    verdict = verdict_on(program)
    assert verdict.outcome == "fail"
    assert re.search(wanted, said(verdict)), said(verdict)
    assert time.monotonic() - began < 10
    peak = re.search(r"peak (\d+) MiB, (\d+) processes", said(verdict))
    assert peak is not None
    assert int(peak[1]) < 3 * 128
    assert int(peak[2]) <= 16 + 8
    assert not {pid for pid, _, _ in tree(os.getpid())} - before, "nothing is left running"


@needs_bubblewrap
def test_nothing_of_the_machine_is_seen_inside():
    program = "import os\nprint(os.getuid() > 0, sorted(os.listdir('/')), os.environ.get('USER'), len(os.listdir('/proc')) < 400)"
    ran = run({"p.py": program}, python("p.py"), limits=Limits(seconds=5))
    assert ran.status == 0, ran.stderr
    assert not {b"root", b"home", b"work", b"etc/passwd"} & set(ran.stdout.split(b"'"))
    if os.geteuid() == 0:
        assert ran.stdout.startswith(b"True")


@needs_bubblewrap
def test_code_goldens_get_their_verdicts():
    mine = [g for g in goldens() if g.spec.kind == "code_tests"]
    assert min(sum(g.wanted == o for g in mine) for o in ("pass", "fail")) >= 10
    assert not [(g.answer, v) for g in mine if (v := g.verdict()).outcome != g.wanted]


@needs_bubblewrap
def test_a_partly_right_program_is_scored_by_its_tests():
    spec = {
        "kind": "code_tests",
        "tests": ["assert f(1) == 1", "assert f(2) == 4", "assert f(3) == 9", "assert f(0) == 1"],
    }
    verdict = verify(spec, "", "def f(n):\n    return n * n")
    assert verdict.outcome == "fail"
    assert verdict.score == pytest.approx(0.99 * 3 / 4)
    assert "AssertionError" in said(verdict)


ADD = "def add(a, b):\n    return a + b\n"
TAMPER = {
    "no text of results": "import json\njson.dumps = lambda x: 'nope'",
    "a number of results": "import json\njson.dumps = lambda x: '5'",
    "no results": "import json\njson.dumps = lambda x: '[]'",
    "as many results": 'import json\njson.dumps = lambda x: \'["", ""]\'',
    "tests that compile to nothing": "import builtins\nbuiltins.compile = lambda *a, **k: (lambda: 0).__code__",
    "the nonce from stdin": (
        "import json, os, sys\ntold = json.loads(sys.stdin.readline())\n"
        "print('\\n' + told['nonce'] + '[\"\", \"\"]', flush=True)\nos._exit(0)"
    ),
    "the nonce from the descriptor": (
        "import json, os\ntold = json.loads(open('/proc/self/fd/0').readline())\n"
        "print('\\n' + told['nonce'] + '[\"\", \"\"]', flush=True)\nos._exit(0)"
    ),
}
"""Code that would have every test pass, or its harness fall, and defines nothing."""


@needs_bubblewrap
@pytest.mark.parametrize("what", TAMPER)
def test_code_that_tampers_with_its_harness_fails(what: str):
    spec = {"kind": "code_tests", "tests": ["assert add(1, 2) == 3", "assert add(0, 0) == 0"], "seconds": 3}
    assert verify(spec, "", f"```python\n{TAMPER[what]}\n```").outcome == "fail"


@needs_bubblewrap
@pytest.mark.parametrize(
    "also",
    [
        "import atexit\natexit.register(lambda: print('done'))",
        "import threading\nthreading.Timer(0.3, print, ['late']).start()",
        "import json\njson.dumps = lambda x: 'nope'",
        "import sys, io\nsys.stdout = io.StringIO()",
    ],
)
def test_right_code_that_leaves_something_behind_passes(also: str):
    spec = {"kind": "code_tests", "tests": ["assert add(1, 2) == 3"], "seconds": 3}
    assert verify(spec, "", f"```python\n{ADD}{also}\n```").outcome == "pass"


@needs_bubblewrap
@pytest.mark.parametrize("wrote", ["nope", "5", "[]", "[1]", '[""]done', "[" * 5000, '{"0": ""}', '["", ""]'])
def test_what_is_no_list_of_a_text_for_each_test_fails(wrote: str, monkeypatch):
    """Whatever stands after the nonce: evidence, never an exception."""
    from synth.verify.sandbox import run as runner
    from synth.verify.sandbox.limits import Ran

    def ran(files, argv, stdin, limits):
        nonce = json.loads(stdin)["nonce"]
        return Ran("", 0, f"\n{nonce}{wrote}".encode(), b"", 0.1, 0, 1)

    self_test.contained()
    monkeypatch.setattr(runner, "run", ran)
    verdict = verdict_on("x = 1")
    assert verdict.outcome == "fail"
    assert "results" in said(verdict)


@pytest.fixture
def fresh_self_test():
    self_test.contained.cache_clear()
    yield
    self_test.contained.cache_clear()


def test_without_bubblewrap_code_is_not_run_and_the_verdict_abstains(monkeypatch, fresh_self_test):
    monkeypatch.setenv("PATH", "/nowhere")
    verdict = verdict_on("x = 1")
    assert verdict.outcome == "abstain"
    assert "not installed" in said(verdict)


@needs_bubblewrap
def test_a_sandbox_that_does_not_hold_makes_the_verdict_abstain(monkeypatch, fresh_self_test):
    """The self-test finds what a wrong configuration lets through: here the program may read one file too many."""
    from synth.verify.sandbox import run as runner

    whole = runner.command
    monkeypatch.setattr(
        runner,
        "command",
        lambda *a: [
            *(line := whole(*a))[: line.index("--remount-ro")],
            "--ro-bind",
            "/etc",
            "/etc",
            *line[line.index("--remount-ro") :],
        ],
    )
    verdict = verdict_on("x = 1")
    assert verdict.outcome == "abstain"
    assert "can read /etc/passwd" in said(verdict)


def test_the_filter_knows_its_architectures():
    from synth.verify.sandbox import seccomp

    assert len(seccomp.program("x86_64")) % 8 == 0
    assert len(seccomp.program("aarch64")) % 8 == 0
    with pytest.raises(NotImplementedError, match="riscv64"):
        seccomp.program("riscv64")
