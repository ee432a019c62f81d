"""Pairs of a jury are what somebody said of just these two answers: a judge in both orders, or people, who overrule."""

import sys
from pathlib import Path

import orjson

sys.path.insert(0, str(Path(__file__).parent))
from judging_server import BEGINNINGS, longer

from annotation.signals import disagreement
from recipes.engine.pairs.summary import judged
from synth.judge.check import check_jury
from synth.pairing.check import check_pairs

OTHER = {"win": "loss", "loss": "win"}


def problems(recipes, version: str) -> list[str]:
    """What a recount of the jury's set and of the pairs finds."""
    out = recipes.folder / "out" / version
    checks = [*check_jury(str(out / "jury")), *check_pairs(str(out / "preference"), sample=100)]
    return [problem for check in checks for problem in check.problems]


def test_people_overrule_every_judge_and_the_recount_holds_it_to_them(recipes, court):
    court(long=(longer,), long2=(longer,))
    recipes.run()
    decided = [d for d in recipes.said("decisions") if d["verdict"] in OTHER]
    lines = [{"comparison": d["comparison"].hex(), "verdict": OTHER[d["verdict"]]} for d in decided]
    (recipes.folder / "people.jsonl").write_bytes(b"\n".join(map(orjson.dumps, lines)))
    recipes.judge[0]["people"], recipes.version = "people.jsonl", "2"
    recipes.run()
    rows = [row for row in recipes.rows() if row["chosen_judgements"][-1]["judge"] == "people"]
    assert len(rows) >= 5
    for row in rows:
        assert row["len_delta"] < 0, "both judges chose the longer answer, and people the other"
        assert row["margin"] == 1.0
        assert [j["verdict"] for j in row["chosen_judgements"]] == ["loss"] * 4 + ["win"]
        assert row["rejected_judgements"][-1]["verdict"] == "loss"
        assert disagreement(row["chosen_judgements"]) == 1.0, "of the judges' verdicts"
        assert judged(row)[-1].ja == "人：こちらを選んだ"
        assert judged(row)[0].ja.count("他方を選んだ") == 2
    assert problems(recipes, "2") == []
    assert {d["by"] for d in recipes.said("decisions")} == {"people"}
    leans = {j["judge"]: j["leans"]["length"]["mean"] for j in recipes.jury()["jury"]["judges"]}
    assert leans == {"long": 1.0, "long2": 1.0}, "the longer answer always, and people never"


def test_what_follows_from_other_comparisons_alone_is_no_pair(recipes, court):
    """Two answers on which the judge contradicts itself, and two that it finds equal, differ in strength by their third."""
    plain, middle, long = (len(beginning) for beginning in BEGINNINGS)

    def said(first: str, second: str) -> str:
        apart = abs(len(first) - len(second))
        return longer(first, second) if apart == long - plain else "A" if apart == long - middle else "同じ"

    court(one=(said,))
    recipes.judge[0]["aggregate"] = "bradley_terry"
    recipes.pairs["strategies"]["jury"] |= {"margin": 0.05, "per_prompt": 3}
    made = recipes.run()
    verdicts = {v["comparison"]: v["verdict"] for v in recipes.said("verdicts")}
    lean = [d for d in recipes.said("decisions") if d["verdict"] in OTHER and abs(d["margin"]) >= 0.05]
    unsaid = [d for d in lean if verdicts[d["comparison"]] != d["verdict"]]
    assert {verdicts[d["comparison"]] for d in unsaid} == {"tie", "inconsistent"}
    assert made["unsaid"] == len(unsaid) > 0
    assert made["rows_out"] == len(lean) - len(unsaid) > 0
    assert {row["len_delta"] for row in recipes.rows()} == {long - plain}
    assert any("no judge chose their winner" in note["en"] for note in made["notes"])
    assert problems(recipes, "1") == []
