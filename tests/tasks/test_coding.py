"""Coding: reference solutions and versions with a mistake, run in the real sandbox."""

import pytest

from curation.provenance import key
from synth.tasks.coding import Coding, drawn, filled, programs
from synth.tasks.draw import Draw
from synth.tasks.task import TaskError
from synth.tasks.verified import judge
from synth.verify.sandbox.self_test import contained
from synth.wordings import wordings

pytestmark = pytest.mark.skipif(bool(contained()), reason="no sandbox that holds here")


def one_of(problem: str, made, **more):
    return made(Coding(problems=[problem], **more), 1)[0][0]


@pytest.mark.parametrize("problem", list(programs()))
def test_the_reference_solution_passes_its_tests(problem, made):
    one = one_of(problem, made)
    judged = judge(one, 1, [one.turns[1].answer])
    assert judged.verdict == "pass", judged.found


@pytest.mark.parametrize("problem", [name for name, said in programs().items() if "buggy" in said])
def test_the_version_with_a_mistake_fails_them(problem, made):
    one = one_of(problem, made, mend=100)
    shown = one.turns[0].content.partition("```python\n")[2].partition("```")[0]
    assert shown
    judged = judge(one, 1, [f"```python\n{shown}```"])
    assert judged.verdict == "fail", shown


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("def {name}(items):\n    while True:\n        pass\n", "stopped at the limit of"),
        ("def other(items):\n    return items\n", "test 1"),
        ("def {name}(items)\n    return items\n", "code"),
    ],
    ids=["endless", "another name", "no Python"],
)
def test_what_does_not_run_to_its_end_fails(made, code, why):
    one = one_of("chunks", made, mend=0, seconds=2)
    name = next(n for n in programs()["chunks"]["names"] if f"`{n}`" in one.turns[0].content)
    judged = judge(one, 1, [f"```python\n{code.replace('{name}', name)}```"])
    assert judged.verdict == "fail"
    assert judged.found[0].evidence[0].what == why


def test_a_sentence_without_code_fails(made):
    assert judge(one_of("tax", made), 1, ["税率を掛けて切り捨てれば求められます。"]).verdict == "fail"


def test_every_slot_of_wordings_and_code_has_a_value():
    words = wordings("coding")
    for name, problem in programs().items():
        values = drawn(Draw(key("test", name), words), problem)
        assert {slot for line in words.of(name) for slot in line.slots} <= values.keys(), name
        for text in (problem["solution"], problem.get("buggy", ""), *problem.get("tests", ())):
            assert not [slot for slot in ("{name}", "{n}", "{p}", "{sep}") if slot in filled(text, values)], name


def test_problems_can_be_chosen_and_an_unknown_one_is_refused(made):
    assert {one.template.split(".")[0] for one, _ in made(Coding(problems=["tax"]), 9)} == {"coding/tax"}
    with pytest.raises(TaskError, match="there is no problem 'taxes'"):
        Coding(problems=["taxes"])
