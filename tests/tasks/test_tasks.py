"""What holds for every task: its program-made answers are right, its instances come again, its specs can be stored."""

import json

import pytest

from synth.seed import Seed
from synth.tasks.task import TASKS, Instance, TaskError, Turn, checks, instance, read_spec, task_class
from synth.tasks.verified import judge, said, turns_column

N = 60


@pytest.fixture(params=sorted(TASKS))
def task(request):
    return task_class(request.param, "test")()


def answered(one: Instance):
    """Every open turn with its program-made answer, judged."""
    texts: list[str] = []
    for i, turn in enumerate(one.turns):
        if turn.open:
            texts.append(turn.answer)
            yield judge(one, i, texts)


def test_program_made_answers_pass_their_own_verifiers(task, made):
    instances = [one for one, _ in made(task, N) if one.program]
    for one in instances:
        for judged in answered(one):
            wrong = [(v.kind, v.outcome, v.evidence) for v in judged.found if v.outcome != "pass"]
            assert judged.verdict == "pass", (one.turns, judged.text, wrong)


def test_the_same_draw_gives_the_same_instance_and_others_differ(task, made):
    first, again = made(task, N), made(task_class(task.name, "test")(), N)
    assert [one.key() for one, _ in first] == [one.key() for one, _ in again]
    assert len({one.key() for one, _ in first}) > 0.8 * len(first)  # three passages give only so many


def test_specs_are_stored_as_json_and_read_back(task, made):
    for one, _ in made(task, 10):
        stored = json.loads(json.dumps(one.spec(), ensure_ascii=False))
        assert read_spec(stored) == {i: t.checks for i, t in enumerate(one.turns) if t.open}


def test_several_wordings_are_drawn_and_evaluation_has_its_own(task, made):
    asked = {one.template for one, _ in made(task, N)}
    kept = {one.template for one, _ in made(task, N, split="test")}
    assert len(asked) >= 3
    assert {line.split for line in task.words().lines} == {"train", "test"}
    assert kept - asked, "no wording is kept for evaluation"


def test_no_slot_is_left_in_a_prompt_or_an_answer(task, made):
    for one, draw in made(task, N):
        slots = {"{" + slot + "}" for line in draw.words.lines for slot in line.slots}
        for turn in one.turns:
            text = (turn.content or "") + (turn.answer or "")
            assert not [slot for slot in slots if slot in text], text


def test_only_turns_that_passed_may_train():
    spec = checks({"kind": "keyword_include", "keywords": ["七個"]})
    turns = (
        Turn("user", "いくつ？"),
        Turn("assistant", checks=spec),
        Turn("user", "本当に？"),
        Turn("assistant", checks=spec),
    )
    one = Instance(turns, "x/ask.1")
    judged = [judge(one, 1, ["七個です。"]), judge(one, 3, ["七個です。", "八個でした。"])]
    assert [t["train"] for t in turns_column(one, judged)] == [True, False]
    assert said(one, ["七個です。"])[-1] == {"role": "user", "content": "本当に？"}


def test_a_turn_that_was_given_is_context_and_never_trains():
    spec = checks({"kind": "keyword_include", "keywords": ["七個"]})
    one = Instance(
        (Turn("assistant", "何なりとどうぞ。"), Turn("user", "いくつ？"), Turn("assistant", checks=spec)), "x/ask.1"
    )
    assert [t["train"] for t in turns_column(one, [judge(one, 2, ["七個です。"])])] == [False, True]


@pytest.mark.parametrize(
    ("turns", "said"),
    [
        ((Turn("user", "やあ"),), "the last turn of an instance is the one to be answered"),
        ((Turn("user", "やあ"), Turn("assistant")), "has no checks"),
        ((Turn("user", "やあ"), Turn("tool", checks=checks({"kind": "json_form"}))), "nobody writes a tool turn"),
        (
            (Turn("user", "やあ"), Turn("tool", "12"), Turn("assistant", checks=checks({"kind": "json_form"}))),
            "a tool answers a call, and the turn names none",
        ),
    ],
)
def test_an_instance_that_nobody_could_judge_is_refused(turns, said):
    with pytest.raises(TaskError, match=said):
        Instance(turns, "x/ask.1")


def test_constraints_that_cannot_both_hold_are_refused():
    spec = checks({"kind": "char_count", "max": 5}, {"kind": "start_phrase", "phrase": "承知いたしました。"})
    with pytest.raises(ValueError, match="cannot both hold"):
        Instance((Turn("user", "やあ"), Turn("assistant", checks=spec)), "x/ask.1")


def test_an_unknown_task_names_the_nearest():
    with pytest.raises(TaskError, match="did you mean 'mathematics'"):
        task_class("mathmatics", "recipe.yaml")


def test_a_passage_that_does_not_serve_gives_no_instance():
    table = "品名\t価格\nみかん\t80円\nりんご\t120円"
    seed = Seed("00", table, "", "derives", None, "CC0-1.0", None, b"0" * 16, {})
    assert instance(task_class("summarise", "test")(), 0, "x", seed) is None
