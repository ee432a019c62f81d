"""Sets of pairs made by whole runs: with programs, with a model, again, by more workers, and after being killed."""

import importlib.util
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import orjson
import pytest

from recipes.engine.errors import RecipeError
from recipes.engine.pairs import summary
from synth.pairing.check import check_pairs, rule_breaks

ROOT = Path(__file__).resolve().parents[2]
_SPEC = importlib.util.spec_from_file_location(
    "answering_server", ROOT / "tests" / "generation" / "answering_server.py"
)
assert _SPEC is not None
assert _SPEC.loader is not None
answering_server = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(answering_server)


NEAR = {"pairs": 3, "answers": 3, "per_answer": 1}


def contents(manifest: dict) -> dict[str, str]:
    return {name: said["content"] for name, said in manifest["sets"].items()}


def checked(recipes, out: str = "out") -> list:
    checks = check_pairs(str(recipes.folder / out / recipes.version / "preference"), sample=10_000)
    assert [p for c in checks for p in c.problems] == []
    return checks


def test_pairs_of_programs_answers_break_no_rule_and_every_edit_is_verified_again(recipes):
    manifest = recipes.run()
    checks = checked(recipes)
    rows = recipes.rows()
    assert {r["strategy"] for r in rows} == {"near_miss", "twins", "over_refusal"}
    assert next(c for c in checks if c.name == "verified again").looked_at == len(rows) == manifest["rows_out"] > 40
    for row in rows:
        assert orjson.loads(row["prompt"])[-1]["role"] in ("user", "tool")
        assert [m["role"] for m in orjson.loads(row["chosen"])] == ["assistant"]
    twins = [r for r in rows if r["strategy"] == "twins"]
    assert {r["constraint"] for r in twins} == {"abstention"}
    assert {orjson.loads(r["spec"])[0].get("expect", "unknown") for r in twins} >= {"unknown"}


def test_labels_and_prompts_stand_beside_the_pairs(recipes):
    manifest = recipes.run()
    labels, prompts = recipes.rows(kind="kto"), recipes.rows(kind="prompts")
    assert manifest["kto"]["true"] == sum(r["label"] for r in labels)
    weights = [sum(r["weight"] for r in labels if r["label"] is side) for side in (True, False)]
    assert weights[0] / weights[1] == pytest.approx(1.0, abs=1e-4)
    assert all(v is None for r in labels for v in r["attributes"].values()), "no judge was asked"
    assert {r["prompt_key"] for r in recipes.rows()} <= {r["id"] for r in prompts}
    assert all(orjson.loads(r["spec"]) for r in prompts)


def test_the_same_pairs_come_of_more_workers_and_nothing_is_made_again(recipes, monkeypatch):
    from recipes.engine.pairs import edit_step

    first = recipes.run("one")
    monkeypatch.setattr(edit_step, "SHARE", 200)
    assert contents(recipes.run("two", workers=2)) == contents(first)
    before = (recipes.folder / "one" / "1" / "preference" / "manifest.json").stat().st_mtime_ns
    recipes.run("one")
    assert (recipes.folder / "one" / "1" / "preference" / "manifest.json").stat().st_mtime_ns == before


def test_a_models_right_and_wrong_answers_stand_against_each_other_and_the_programs(recipes):
    rng = random.Random(1)

    def answers(body):
        return rng.choice("アイウエ")

    with answering_server.AnsweringServer(answers) as server:
        tasks = {"multiple_choice": {"rows": 12, "answers": "both", "samples": 6, "most": 12}}
        recipes.serve(server, tasks)
        recipes.pairs["strategies"] = {
            "verified_failed": {"pairs": 50, "per_prompt": 2}, "program_model": {"pairs": 50, "per_prompt": 2},
        }  # fmt: skip
        manifest = recipes.run()
    checked(recipes)
    found = {r["strategy"]: (r["chosen_origin"], r["rejected_origin"], r["chosen_model"]) for r in recipes.rows()}
    assert found["verified_failed"] == ("model", "model", "lab/tiny")
    assert found["program_model"] == ("program", "model", None)
    generated = orjson.loads((recipes.folder / "out" / "1" / "instruct" / "manifest.json").read_bytes())
    assert manifest["licences"] == generated["licences"]
    assert {a["model"] for r in recipes.rows() for a in r["authors"]} == {"lab/tiny"}


def test_where_every_answer_fails_there_are_no_pairs_and_that_is_said(recipes):
    with answering_server.AnsweringServer(lambda body: "分かりません。") as server:
        recipes.serve(server, {"mathematics": {"rows": 4, "answers": "model", "samples": 2, "most": 4}})
        recipes.pairs["strategies"] = {"verified_failed": {"pairs": 5, "per_prompt": 1}}
        manifest = recipes.run()
    assert manifest["rows_out"] == 0
    assert "no answer passed its verifiers" in manifest["notes"][0]["en"]
    assert "no material" in manifest["notes"][1]["en"]
    assert manifest["kto"]["true"] == 0
    wrong = manifest["kto"]["false"]
    assert manifest["notes"][-1]["en"].startswith(
        f"kto: all {wrong} labels are false, so no weight makes the wanted ratio of 1 : 1"
    )
    assert f"labelled answers: 0 true, {wrong} false" in summary.said(manifest), "nothing of a ratio that is not there"


def test_one_answer_a_prompt_has_nothing_to_stand_against(recipes):
    recipes.pairs["strategies"] = {"verified_failed": {"pairs": 5, "per_prompt": 1}}
    notes = " ".join(note["en"] for note in recipes.run()["notes"])
    assert "no answer failed its verifiers" in notes
    assert "verified_failed: no material, no prompt has a passing and a failing answer of one model" in notes


@pytest.mark.parametrize("kills", [3, pytest.param(15, marks=pytest.mark.nightly)])
def test_a_run_killed_again_and_again_gives_the_same_pairs(recipes, kills):
    whole = recipes.run("whole")
    path, rng = recipes.write(), random.Random(3)
    words = [
        sys.executable,
        "-m",
        "recipes.engine.cli",
        "run",
        str(path),
        "--out",
        str(recipes.folder / "killed"),
        "--workers",
        "2",
    ]
    quiet = {
        "stdout": subprocess.DEVNULL,
        "stderr": subprocess.DEVNULL,
        "cwd": ROOT,
        "env": os.environ | {"PYTHONPATH": str(ROOT)},
    }
    edits = recipes.folder / "killed" / "stages"
    for _ in range(kills):
        process = subprocess.Popen(words, start_new_session=True, **quiet)
        while process.poll() is None and not list(edits.glob("preference-*/work.parquet")):
            time.sleep(0.01)
        time.sleep(rng.random() * 2)
        if process.poll() is not None:
            break
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert contents(recipes.run("killed", workers=2)) == contents(whole)
    assert not list((recipes.folder / "killed" / "1").glob("*.partial"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"read": "instrukt"}, "'instrukt', which is no generation of this recipe (there are: instruct); did you mean 'instruct'?"),
        ({"strategies": {"nearmiss": {}}}, "unknown key 'nearmiss'; did you mean 'near_miss'?"),
        ({"strategies": {}}, "names no strategy; there are verified_failed"),
        ({"strategies": {"near_miss": {"pairs": 3, "answers": 3}}}, "the key 'per_answer' is missing"),
        ({"strategies": {"near_miss": NEAR | {"kinds": ["rhyme"]}}}, "there is no edit for 'rhyme'"),
        ({"caps": {"per_template": 0}}, "greater than 0"),
        ({"kto": {"ratio": float("inf")}}, "less than or equal to 1000"),
        ({"kto": {"ratio": 0}}, "greater than or equal to 0.001"),
        ({"kto": {"ratio": float("nan")}}, "ratio"),
        (
            {"strategies": {"delta": {"pairs": 1, "per_prompt": 1, "strong": "lab/a", "weak": "lab/b", "rejected": ["fail"]}}},
            "strong: no generation that is read asks 'lab/a'",
        ),
    ],
)  # fmt: skip
def test_a_mistake_names_its_place_and_what_would_be_right(recipes, change, said):
    recipes.pairs |= change
    with pytest.raises(RecipeError) as error:
        recipes.plan()
    assert "pairs 'preference'" in str(error.value)
    assert said in str(error.value)


def test_drafts_that_may_not_be_used_are_refused_before_the_run(recipes):
    recipes.release["draft_wordings"] = "refuse"
    with pytest.raises(RecipeError, match="nobody has reviewed"):
        recipes.plan()


def test_a_version_whose_pairs_were_made_otherwise_is_refused(recipes):
    recipes.run()
    with pytest.raises(RecipeError, match="quotas, caps or balance changed"):
        recipes.run(overrides=["preference.strategies.near_miss.pairs=9"])
    assert recipes.run(overrides=["preference.strategies.near_miss.pairs=8", "version=dev"])["rows_out"] > 0


def _swapped(row):
    row["chosen"], row["rejected"] = row["rejected"], row["chosen"]


def _same(row):
    row["rejected"] = row["chosen"]


def _tool(row):
    row["prompt"] = '[{"content":"x","role":"assistant"}]'


def _second(row):
    row["rejected_verifications"] = [v | {"verdict": "fail"} for v in row["rejected_verifications"]]


def _abstains(row):
    row["chosen_verifications"][0]["verdict"] = "abstain"


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (_swapped, "verdicts are"), (_same, "equal after NFC"), (_tool, "does not end with a user's"),
        (_second, "not proven"), (_abstains, "its verifiers say abstain"),
    ],
)  # fmt: skip
def test_the_recount_finds_what_was_planted(recipes, fault, said):
    import hashlib

    import pyarrow as pa
    import pyarrow.parquet as pq

    recipes.run()
    folder = recipes.folder / "out" / "1" / "preference"
    file = folder / "pairs" / "00000.parquet"
    table = pq.read_table(file)
    rows = table.to_pylist()
    fault(next(r for r in rows if r["strategy"] == "near_miss" and len(r["chosen_verifications"]) > 1))
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), file)
    manifest = orjson.loads((folder / "manifest.json").read_bytes())
    raw = file.read_bytes()
    for listed in (*manifest["files"], *manifest["sets"]["pairs"]["files"]):
        if listed["path"] == "pairs/00000.parquet":
            listed |= {"bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}
    (folder / "manifest.json").write_bytes(orjson.dumps(manifest))
    checks = check_pairs(str(folder), sample=10_000)
    assert rule_breaks(checks) >= 1
    assert any(said in problem for c in checks for problem in c.problems)
