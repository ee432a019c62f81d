"""Mathematics: worked problems, and answers that are almost right."""

import re

import pytest

from synth.tasks.mathematics import KINDS, Mathematics
from synth.tasks.task import TaskError
from synth.tasks.verified import judge

WORKED = {  # numbers of a question as they stand in it → the answer by hand
    "mathematics/change.1": (r"1.(\d+)円の\S+?を(\d)\D+買って、(\d+)円", lambda p, n, paid: paid - p * n),
    "mathematics/left.1": (r"(\d+)\D+、1人に(\d)\D+", lambda total, each: total % each),
    "mathematics/discount.1": (r"定価(\d+)円の\S+が(\d+)%引き", lambda price, off: price * (100 - off) / 100),
    "mathematics/area.2": (r"長さが(\d+)mで、縦が(\d+)m", lambda around, h: h * (around - 2 * h) / 2),
    "mathematics/pages.1": (r"(\d+)ページの本があります。1日目に全体の(\d)/(\d)", lambda t, p, q: t - t * p / q),
    "mathematics/legs.1": (r"合わせて(\d+)匹いて、足の数は全部で(\d+)本", lambda heads, legs: (legs - 2 * heads) / 2),
    "mathematics/legs.2": (r"合わせて(\d+)台あり、車輪の数は全部で(\d+)個", lambda n, wheels: wheels - 2 * n),
    "mathematics/trees.1": (r"長さ(\d+)mの道の片側に、(\d+)mおき", lambda length, gap: length / gap + 1),
    "mathematics/reverse.1": (r"ある数に(\d+)を足して(\d)倍すると(\d+)に", lambda a, b, c: c / b - a),
    "mathematics/salt.1": (
        r"(\d+)%の食塩水(\d+)gと(\d+)%の食塩水(\d+)g",
        lambda a, x, b, y: (a * x + b * y) / (x + y),
    ),
    "mathematics/ratio.1": (r"(\d+)\D+を、姉と妹で(\d):(\d)の比", lambda total, p, q: total * p / (p + q)),
}


def test_answers_are_those_of_a_calculation_by_hand(made):
    seen = set()
    for one, _ in made(Mathematics(), 600):
        if one.template not in WORKED:
            continue
        pattern, by_hand = WORKED[one.template]
        numbers = [int(n) for n in re.search(pattern, one.turns[0].content).groups()]
        wanted = next(c for c in one.turns[1].checks if c.kind == "math_answer")._wanted
        assert float(wanted) == pytest.approx(by_hand(*numbers)), one.turns[0].content
        seen.add(one.template)
    assert seen == WORKED.keys()


def test_another_number_or_a_wrong_step_fails(made):
    for one, _ in made(Mathematics(short=0), 60):
        answer = one.turns[1].answer
        assert judge(one, 1, [answer]).verdict == "pass"
        wrong = re.sub(r"答えは([\d.]+)", lambda m: f"答えは{float(m[1]) + 1:g}", answer)
        assert judge(one, 1, [wrong]).verdict == "fail", wrong
        step = re.sub(r"=([\d.]+)", lambda m: f"={float(m[1]) + 1:g}", answer, count=1)
        assert step == answer or judge(one, 1, [step]).verdict == "fail", step


def test_an_answer_in_jotai_fails_where_steps_are_told(made):
    one, _ = made(Mathematics(short=0, kinds=["left"]), 1)[0]
    assert judge(one, 1, [one.turns[1].answer.replace("です。", "だ。")]).verdict == "fail"


def test_every_kind_is_made_and_kinds_can_be_chosen(made):
    assert {one.template.split("/")[1].split(".")[0] for one, _ in made(Mathematics(), 600)} == KINDS.keys()
    assert {one.template[:16] for one, _ in made(Mathematics(kinds=["area"]), 9)} == {"mathematics/area"}
    with pytest.raises(TaskError, match="there is no kind 'areas'"):
        Mathematics(kinds=["areas"])


def test_no_solution_multiplies_or_divides_by_one(made):
    said = [one.turns[1].answer or "" for one, _ in made(Mathematics(kinds=["pages"]), 200)]
    assert any(re.search(r"\d÷\d=", text) for text in said)
    assert not [text for text in said if re.search(r"[×÷]1(?!\d)", text)]
