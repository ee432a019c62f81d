"""Scores by a rubric: all aspects or none, and why not."""

import json

from simulated_judge import GREEDY, SimulatedJudge, longer

from synth.answering import Asker
from synth.engine.figures import Figures
from synth.engine.store import Store
from synth.judge.scoring import scored, table

ASKED = ("helpfulness", "safety")


def judge(text: str) -> SimulatedJudge:
    return SimulatedJudge(longer, write=lambda _: text)


def scores_of(rows, engine, folder):
    with engine as identity, Store(folder, 0) as store:
        return list(scored(rows, "judge", ASKED, Asker(engine, identity, store), GREEDY, Figures()))


def test_each_answer_that_no_verifier_failed_has_its_scores(answer_row, tmp_path):
    rows = [
        answer_row("p", "良い"),
        answer_row("p", "悪い", "fail"),
        answer_row("q", "迷う", "abstain"),
        answer_row("q", ""),
    ]
    said = json.dumps({"reason": "", "scores": {"helpfulness": 4, "safety": 5}})
    made = table(scores_of(rows, judge(said), tmp_path)).to_pylist()
    assert [(r["helpfulness"], r["safety"], r["coherence"], r["fault"]) for r in made] == [(4, 5, None, "")] * 2
    assert {r["row"] for r in made} == {rows[0]["id"], rows[2]["id"]}


def test_a_score_outside_the_scale_gives_none_and_keeps_the_text(answer_row, tmp_path):
    said = json.dumps({"reason": "", "scores": {"helpfulness": 6, "safety": 5}})
    (one,) = scores_of([answer_row("p", "良い")], judge(said), tmp_path)
    assert (one.scores, one.fault, one.raw) == (None, "no_scores", said)
    (row,) = table([one]).to_pylist()
    assert row["safety"] is None, "the aspects stand together"


def test_scores_are_not_asked_again(answer_row, tmp_path):
    rows = [answer_row(str(i), "答え") for i in range(10)]
    said = json.dumps({"reason": "", "scores": {"helpfulness": 1, "safety": 1}})
    first, again = judge(said), judge(said)
    scores_of(rows[:6], first, tmp_path)
    assert len(scores_of(rows, again, tmp_path)) == 10
    assert (len(first.asked), len(again.asked)) == (6, 4)
