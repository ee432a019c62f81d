"""A reward model on a jury: a real sequence classifier, its numbers those of `transformers`, both orders of one mind."""

import sys
from pathlib import Path

import numpy as np
import orjson
import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent))
from judging_server import longer, the_first

from recipes.engine.errors import RecipeError
from recipes.engine.verify.command import verify
from synth.messages import text_of
from synth.weights import weigh
from tests.classify.tiny_encoder import encoder, plain_logits

pytest.importorskip("torch")
RANGE = [-8.0, 8.0]


def reward(recipes, name: str = "reward", **params) -> Path:
    """A reward model of random weights, which the policy knows, on the recipe's jury."""
    folder = encoder(recipes.folder / name)
    (folder / "LICENSE").write_text("MIT, for a test")
    found = weigh(folder)
    policy = yaml.safe_load((recipes.folder / "policy.yaml").read_text(encoding="utf-8"))
    licence = {"licence": "MIT", "licence_sha256": found.licences["LICENSE"]}
    policy["models"].append(policy["models"][-1] | {"model": f"lab/{name}", "weights": found.sha256} | licence)
    (recipes.folder / "policy.yaml").write_text(yaml.safe_dump(policy, allow_unicode=True), encoding="utf-8")
    said = {"path": name, "model": f"lab/{name}", "revision": "r1", "range": RANGE, "tie": 0.0, "max_tokens": 500}
    recipes.judge[0]["judges"][name] = {"engine": {"reward": said | params}, "family": name}
    return folder


def dialogues(recipes) -> dict[bytes, list[dict]]:
    """Messages of every generated row by its id."""
    found = {}
    for kind in ("data", "refused"):
        for file in (recipes.folder / "out/1/instruct" / kind).glob("*.parquet"):
            import pyarrow.parquet as pq

            for row in pq.read_table(file, columns=["id", "messages"]).to_pylist():
                found[row["id"]] = orjson.loads(row["messages"])
    return found


def test_the_larger_number_wins_in_both_orders_and_the_numbers_are_those_of_transformers(recipes, court):
    court(long=(longer,))
    folder = reward(recipes)
    recipes.run()
    mine = [v for v in recipes.said("verdicts") if v["judge"] == "reward"]
    rows = dialogues(recipes)
    assert len(mine) >= 5
    for one in mine:
        texts = ["\n".join(f"{m['role']}: {text_of(m)}" for m in rows[one[side]]) for side in ("a", "b")]
        logits = plain_logits(folder, texts, 500)[:, 0]
        a, b = np.round((logits - RANGE[0]) / (RANGE[1] - RANGE[0]), 3)
        assert orjson.loads(one["raw_forward"])["reason"] == f"{a:.3f}, {b:.3f}"
        assert orjson.loads(one["raw_backward"])["reason"] == f"{b:.3f}, {a:.3f}"
        assert one["verdict"] == ("tie" if a == b else "win" if a > b else "loss")
    by = {j["judge"]: j for j in recipes.jury()["jury"]["judges"]}
    assert by["reward"]["leans"]["position"]["mean"] == 0.0
    who = next(j for j in recipes.jury()["judges"] if j["judge"] == "reward")
    assert (who["identity"]["weights"], who["identity"]["verified"]) == (weigh(folder).sha256, True)
    assert {a["role"] for a in who["authors"]} == {"judge"}
    assert verify(str(recipes.folder / "out/1"), None, None, None, None, None)


def test_numbers_that_are_close_are_a_tie(recipes, court):
    court(long=(longer,))
    reward(recipes, tie=0.99)
    recipes.run()
    assert {v["verdict"] for v in recipes.said("verdicts") if v["judge"] == "reward"} == {"tie"}


def test_a_dialogue_that_is_too_long_has_no_number_and_no_verdict(recipes, court):
    court(long=(longer,))
    reward(recipes, max_tokens=16)
    recipes.run()
    mine = [v for v in recipes.said("verdicts") if v["judge"] == "reward"]
    assert {(v["verdict"], v["fault_forward"], v["fault_backward"]) for v in mine} == {
        (None, "prompt_too_long", "prompt_too_long")
    }
    assert verify(str(recipes.folder / "out/1"), None, None, None, None, None)


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"path": "nowhere"}, "there is no model folder"),
        ({"range": [3, 1]}, "range: two rising numbers"),
        ({"tie": 1.5}, "tie: a difference in [0, 1), not 1.5"),
        ({"max_tokens": 5000}, "max_tokens"),
        ({"batch_tokens": 100}, "batch_tokens: 100 is less than max_tokens, 500"),
        ({"tei": 0.1}, "unknown key 'tei'; did you mean 'tie'?"),
        ({"model": "lab/unknown"}, "lab/unknown"),
    ],
)
def test_a_reward_model_that_cannot_judge_is_refused(recipes, court, params, told):
    court(first=(the_first,))
    reward(recipes, **params)
    with pytest.raises(RecipeError) as error:
        recipes.plan()
    assert told in str(error.value)
    assert "engine 'reward'" in str(error.value) or params.get("model")


def test_it_gives_no_scores_and_generates_nothing(recipes, court):
    court(first=(the_first,))
    reward(recipes)
    recipes.judge[0]["judges"].pop("first")
    recipes.judge[0]["rubric"] = ["helpfulness"]
    with pytest.raises(RecipeError, match="a reward model gives no scores by a rubric"):
        recipes.plan()
    recipes.generate[0]["engine"] = {"reward": {}}
    with pytest.raises(RecipeError, match="there is no engine 'reward'; engines: llama_cpp, server, vllm"):
        recipes.plan()


def test_weights_that_the_policy_does_not_know_may_not_judge(recipes, court):
    court(long=(longer,))
    folder = reward(recipes)
    config = orjson.loads((folder / "config.json").read_bytes()) | {"hidden_act": "relu"}
    (folder / "config.json").write_bytes(orjson.dumps(config))
    with pytest.raises(Exception, match="lab/reward"):
        recipes.run()
