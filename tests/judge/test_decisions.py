"""One decision a comparison, and what is said of each judge."""

import pytest
from simulated_judge import SimulatedJudge, longer, the_first

from synth.judge.comparison import comparisons, table
from synth.judge.decisions import COLUMNS, Hearing


def shorter(first: str, second: str) -> str:
    return "同じ" if len(first) == len(second) else "A" if len(first) < len(second) else "B"


@pytest.fixture
def hearing(answer_row, listen):
    rows = [
        answer_row(f"問い{i}", "あ" * n, model=model)
        for i in range(30)
        for n, model in ((3, "lab/big-7b"), (12, "other/small"))
    ]
    compared = comparisons(rows, 1, "salt")
    import pyarrow as pa

    heard = [
        table(listen(compared, SimulatedJudge(prefers, name=name), name))
        for name, prefers in (("long1", longer), ("long2", longer), ("short", shorter), ("first", the_first))
    ]
    families = {"long1": "l1", "long2": "l2", "short": "s", "first": "f"}
    return Hearing(pa.concat_tables(heard), families)


def test_two_of_three_that_are_consistent_decide(hearing):
    made = hearing.table(hearing.decide("majority")).to_pylist()
    assert len(made) == 30
    assert {row["judges"] for row in made} == {4}
    assert {row["disagreement"] for row in made} == {0.5}
    by = {row["comparison"]: row for row in made}
    for comparison, of in hearing.by.items():
        assert by[comparison]["verdict"] == of["long1"]["verdict"]


def test_the_margin_points_to_the_winner(hearing):
    for row in hearing.table(hearing.decide("majority")).to_pylist():
        assert (row["margin"] > 0) == (row["verdict"] == "win")
        assert abs(row["margin"]) == pytest.approx(0.25), "two voices of four against one"


def test_each_judge_is_told_by_what_it_leans_to(hearing):
    said = hearing.figures(hearing.decide("majority"), {"short": ["lab/*"], "long1": ["lab/*"]})
    judges = {j["judge"]: j for j in said["judges"]}
    assert judges["first"]["verdicts"] == {"inconsistent": 30}
    assert judges["first"]["leans"]["position"]["mean"] == 1.0
    assert judges["short"]["leans"]["position"]["mean"] == 0.0
    # the others mostly choose the longer answer; this one never does, and its own family's is the shorter
    assert judges["short"]["leans"]["length"]["mean"] == -1.0
    assert judges["short"]["leans"]["own_family"]["mean"] == 1.0
    assert judges["long2"]["leans"]["own_family"] is None, "no answer is its family's"
    assert judges["first"]["inconsistent"]["share"] == 1.0


def test_agreement_is_beside_what_chance_would_give(hearing):
    said = hearing.figures(hearing.decide("majority"), {})
    by = {tuple(line["judges"]): line for line in said["agreement"]}
    assert by["long1", "long2"]["agreement"] == 1.0
    assert by["long1", "long2"]["kappa"] == 1.0
    assert by["long1", "short"]["agreement"] == 0.0
    assert by["long1", "short"]["kappa"] < -0.5


def test_people_s_decisions_hold(hearing):
    gold = dict.fromkeys(list(hearing.by)[:5], "tie")
    panels = hearing.decide("dawid_skene", gold)
    assert [p.verdict for p in panels[:5]] == ["tie"] * 5


def test_a_judge_that_gave_nothing_is_no_voice(answer_row, listen):
    compared = comparisons([answer_row("p", "良い答え"), answer_row("p", "悪い")], 1, "s")
    dumb = table(listen(compared, SimulatedJudge(longer, write=lambda _: "…"), "dumb"))
    hearing = Hearing(dumb, {"dumb": "d"})
    (row,) = hearing.table(hearing.decide("majority")).to_pylist()
    assert (row["verdict"], row["judges"], row["disagreement"]) == (None, 0, None)
    (judge,) = hearing.figures(hearing.decide("majority"), {})["judges"]
    assert judge["faults"] == {"no_verdict": 2}
    import pyarrow as pa

    sure = table(listen(compared, SimulatedJudge(longer, name="sure"), "sure"))
    both = Hearing(pa.concat_tables([dumb, sure]), {"dumb": "d", "sure": "s"})
    (panel,) = both.decide("majority")
    assert abs(panel.margin) == 1.0, "it looks as sure as a whole jury"
    assert both.figures([panel], {})["alone"] == 1, "so it is said that nobody else spoke"


def test_columns_are_those_that_are_declared(hearing):
    assert hearing.table(hearing.decide("majority")).column_names == list(COLUMNS)
