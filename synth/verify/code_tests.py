"""Programs against tests, in the sandbox or not at all.

`tests` are statements run after the answer's code in one process; `cases` give stdin and the stdout that a program must write,
compared outside. Tests in one process with the code are proof against mistakes, not against a program that sets out to deceive its
harness: what must be sure is asked by `cases`.
"""

import ast
import json
import secrets
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from synth.verify.answer import Answer
from synth.verify.constraint import Constraint
from synth.verify.markdown import code_blocks
from synth.verify.prompt import Prompt
from synth.verify.verdict import Evidence, Verdict, abstained, failed, passed

_HARNESS = """
import json, os, sys

def judge(compile=compile, exec=exec, dict=dict, type=type, str=str, Every=BaseException, dumps=json.dumps, leave=os._exit):
    told = json.loads(sys.stdin.read())
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    out = os.fdopen(os.dup(1), "w")
    space = {"__name__": "answer"}
    with open("/box/answer.py", encoding="utf-8") as file:
        source = file.read()
    exec(compile(source, "answer.py", "exec"), space)
    results = []
    for test in told["tests"]:
        try:
            exec(compile(test, "test", "exec"), dict(space))
            results.append("")
        except Every as error:
            results.append(type(error).__name__ + ": " + str(error)[:200])
    out.write("\\n" + told["nonce"] + dumps(results))
    out.flush()
    leave(0)

judge()
"""
"""Names are bound and stdin, with the nonce, is read and closed before the answer's code runs; its exit hooks never do."""


class Case(BaseModel):
    """One run of a program: what it reads and what it must write (white space at line ends aside)."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    stdin: str = ""
    stdout: str


def source_of(answer: Answer) -> str | None:
    """The answer's Python: its fenced blocks in Python, else the only block, else the whole answer where it is a program.

    >>> source_of(Answer("こう書きます。\\n```python\\nx = 1\\n```")), source_of(Answer("分かりません。"))
    ('x = 1\\n', None)
    """
    blocks = code_blocks(answer.text)
    named = [body for language, body in blocks if language in ("python", "py", "python3")]
    if named or len(blocks) == 1:
        return "\n".join(named) if named else blocks[0][1]
    try:
        tree = ast.parse(answer.stripped)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    # a sentence may be a name to Python: 米
    return answer.stripped if any(not isinstance(node, ast.Expr) for node in tree.body) else None


class CodeTests(Constraint):
    """The answer's Python code passes every test within the limits (all its processes together)."""

    kind: ClassVar[str] = "code_tests"
    as_written: ClassVar[bool] = True
    executes: ClassVar[bool] = True
    version: ClassVar[int] = 2
    tests: tuple[str, ...] = ()
    cases: tuple[Case, ...] = ()
    seconds: float = Field(10, gt=0, le=300)
    memory_mb: int = Field(512, ge=64, le=16_384)

    @model_validator(mode="after")
    def _something(self) -> "CodeTests":
        if not self.tests and not self.cases:
            raise ValueError("tests, cases or both must be given")
        for test in self.tests:
            try:
                ast.parse(test)
            except SyntaxError as error:
                raise ValueError(f"a test is no Python: {error.msg}: {test[:60]!r}") from None
        return self

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        from synth.verify.sandbox.run import NoSandboxError
        from synth.verify.sandbox.self_test import contained

        source = source_of(answer)
        if source is None or not source.strip():
            return failed(Evidence("code", "none", "Python"))
        try:
            compile(source, "answer.py", "exec")
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            return failed(Evidence("code", f"{type(error).__name__}: {error}"[:200], "Python"))
        if why := contained():
            return abstained(Evidence("sandbox", why, "a sandbox that holds"))
        try:
            return self._run(source)
        except NoSandboxError as error:
            return abstained(Evidence("sandbox", str(error), "a sandbox that holds"))

    def _run(self, source: str) -> Verdict:
        from synth.verify.sandbox.limits import Limits
        from synth.verify.sandbox.run import python, run

        limits = Limits(seconds=self.seconds, cpu_seconds=self.seconds, memory=self.memory_mb << 20)
        bad, count = [], len(self.tests) + len(self.cases)
        if self.tests:
            nonce = secrets.token_hex(16)
            told = json.dumps({"tests": self.tests, "nonce": nonce}) + "\n"
            ran = run({"answer.py": source, "harness.py": _HARNESS}, python("harness.py"), told, limits)
            said = ran.stdout.decode(errors="replace").rsplit("\n" + nonce, 1)
            if ran.stopped or len(said) < 2:
                return failed(*_ending(ran))
            results = _results(said[1], len(self.tests))
            if results is None:
                return failed(Evidence("results", said[1][:80], f"one text for each of {len(self.tests)} tests"))
            bad += [Evidence(f"test {i}", why, self.tests[i - 1]) for i, why in enumerate(results, 1) if why]
        for i, case in enumerate(self.cases, 1):
            ran = run({"answer.py": source}, python("answer.py"), case.stdin, limits)
            if ran.stopped or ran.status:
                return failed(*_ending(ran), Evidence(f"case {i}", "did not end well"), score=0.9 * (i - 1) / count)
            wrote = ran.stdout.decode(errors="replace")
            if _lines(wrote) != _lines(case.stdout):
                bad.append(Evidence(f"case {i} writes", wrote[:80], case.stdout[:80]))
        return failed(*bad[:5], score=0.99 * (1 - len(bad) / count)) if bad else passed(Evidence("tests", count))


def _results(said: str, count: int) -> list[str] | None:
    """What each test said; None where the text is no list of so many texts: the answer's code has written or changed it."""
    try:
        found = json.loads(said)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, list) or len(found) != count or not all(isinstance(text, str) for text in found):
        return None
    return found


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().split("\n")]


def _ending(ran: Any) -> tuple[Evidence, ...]:
    error = ran.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no result"]
    how = (
        Evidence("stopped at the limit of", ran.stopped)
        if ran.stopped
        else Evidence("ended with", f"{ran.status}: {error[0]}"[:200])
    )
    return how, Evidence("peak", f"{ran.peak_memory >> 20} MiB, {ran.peak_processes} processes, {ran.seconds:.1f} s")
