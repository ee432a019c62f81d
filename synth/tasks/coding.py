"""Coding with tests: small functions and programs in Python, asked for in words, run against tests in the sandbox.

Problems are data (`synth/seeds/programs.yaml`): drawn numbers stand in text, reference solution and tests alike, and the tests say
what is right in another way than the solution does. A program-made answer is the reference solution, which the sandbox runs like any
other. Some requests show a version with a mistake and ask for it to be mended.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import yaml

from synth.seed import Seed
from synth.tasks.draw import Draw
from synth.tasks.task import Instance, Task, TaskError, Turn, checks

PROGRAMS = Path(__file__).parent.parent / "seeds" / "programs.yaml"


@cache
def programs() -> Mapping[str, Any]:
    """Problems by name."""
    return yaml.safe_load(PROGRAMS.read_text(encoding="utf-8"))["problems"]


class Coding(Task):
    """Python problems.

    problems: those wanted; all when not given. mend: percent of requests that show a version with a mistake, where a problem has one.
    seconds: what an answer may take for all its tests.
    """

    name: ClassVar[str] = "coding"
    function: ClassVar[str] = "coding"
    version: ClassVar[str] = "1"
    group: ClassVar[str] = "coding"
    exempt: ClassVar[tuple[str, ...]] = ("code_switching",)

    def __init__(self, *, problems: Sequence[str] = (), mend: int = 25, seconds: float = 10):
        known = programs()
        if unknown := sorted(set(problems) - known.keys()):
            raise TaskError(f"coding: there is no problem '{unknown[0]}'; problems are {', '.join(known)}")
        if not 0 <= mend <= 100:
            raise TaskError(f"coding: mend is a percentage from 0 to 100, not {mend}")
        if not 0 < seconds <= 60:
            raise TaskError(f"coding: seconds is above 0 and at most 60, not {seconds}")
        self.problems, self.mend, self.seconds = tuple(problems) or tuple(known), mend, seconds

    def make(self, draw: Draw, passage: Seed | None) -> Instance:
        """A problem with drawn numbers."""
        kind = draw.one(self.problems)
        problem = programs()[kind]
        values = drawn(draw, problem)
        line = draw.line(kind)
        code = filled(problem["solution"], values)
        said = {"problem": line.fill(**values), "name": values.get("name", "")}
        if "cases" in problem:
            asked, answer = draw.say("program", **said), draw.say("answer", code=code)
        elif "buggy" in problem and draw.chance(self.mend):
            asked = draw.say("fix", **said, code=filled(problem["buggy"], values))
            answer = draw.say("fixed", code=code)
        else:
            asked, answer = draw.say("ask", **said), draw.say("answer", code=code)
        tests = [filled(test, values) for test in problem.get("tests", ())]
        cases = [{key: filled(text, values) for key, text in case.items()} for case in problem.get("cases", ())]
        spec = {"kind": "code_tests", "tests": tests, "cases": cases, "seconds": self.seconds}
        return Instance((Turn("user", asked), Turn("assistant", checks=checks(spec), answer=answer)), line.id)


def filled(text: str, values: Mapping[str, Any]) -> str:
    """A text of code with the slots that have a value filled; other braces are Python's.

    >>> filled("x % {n} == {y}", {"n": 3})
    'x % 3 == {y}'
    """
    for key, value in values.items():
        text = text.replace("{" + key + "}", str(value))
    return text


def drawn(draw: Draw, problem: Mapping[str, Any]) -> dict[str, Any]:
    """Values of a problem's slots, the function's name among them."""
    values: dict[str, Any] = {"name": draw.one(problem["names"])} if "names" in problem else {}
    for slot, said in problem["draw"].items():
        chosen = draw.step(*said["number"]) if isinstance(said, dict) else draw.one(said)
        values.update(chosen if isinstance(chosen, dict) else {slot: chosen})
    return values
