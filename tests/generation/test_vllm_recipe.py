"""A recipe whose engine is vLLM, from its YAML to released rows; skipped where vLLM is not, which has an environment of its own.

The model is made and trained here, for a minute at most, on program-made answers to requests that are to be refused. It has seen
most of their subjects and no question with four choices, so that some of its answers pass and some fail.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import orjson
import pytest
import yaml

sys.path += [str(Path(__file__).parent), str(Path(__file__).parents[1] / "synth")]

from tiny_model import make, teach

from recipes.engine.recipe_file import POLICY
from synth.tasks.task import instance, task_class
from synth.weights import weigh

pytest.importorskip("vllm")
pytestmark = pytest.mark.peer

ON_CPU = {
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_LOGGING_LEVEL": "ERROR",
}
ENGINE = {"model": "lab/tiny", "revision": "r1", "max_num_seqs": 16}
SETTINGS = {
    "max_model_len": 512,
    "dtype": "float32",
    "enforce_eager": True,
    "seed": 0,
    "tensor_parallel_size": 1,
    "data_parallel_size": 1,
}


def lessons(name: str, count: int) -> list[tuple[str, str]]:
    """Questions of one turn with the program's answers, of other instances than a recipe asks."""
    task, found = task_class(name, "test")(), []
    for i in range(count):
        made = instance(task, i, "/school")
        if made is not None and [t.role for t in made[0].turns] == ["user", "assistant"]:
            found.append((made[0].turns[0].content, made[0].turns[1].answer))
    return found


@pytest.fixture
def pupil(tmp_path) -> Path:
    """A model's folder, taught."""
    chats = lessons("refusal", 300)
    folder = make(tmp_path / "pupil", [question + answer for question, answer in chats])
    teach(folder, chats, below=0.15, cpu_s=75)
    return folder


def allow(recipes, folder: Path) -> None:
    """A policy that allows this model by its hash and its licence text."""
    weights = weigh(folder)
    policy = yaml.safe_load(POLICY.read_text(encoding="utf-8"))
    policy["models"].append(
        {
            "model": "lab/tiny", "revision": "r1", "weights": weights.sha256, "licence": "MIT",
            "licence_sha256": hashlib.sha256((folder / "LICENSE").read_bytes()).hexdigest(), "source": "test",
            "status": "allow", "reviewer": "test", "date": "2026-11-26", "reason": "a test", "link": "none",
        }
    )  # fmt: skip
    (recipes.folder / "policy.yaml").write_text(yaml.safe_dump(policy, allow_unicode=True), encoding="utf-8")
    recipes.policy = "policy.yaml"


def test_a_model_answers_a_recipe_through_vllm_some_pass_some_fail_and_each_row_names_it(recipes, pupil):
    allow(recipes, pupil)
    recipes.generate |= {
        "engine": {"vllm": ENGINE | {"path": str(pupil), "settings": SETTINGS}},
        "sampling": {"max_tokens": 100, "temperature": 0.5},
        "conduct": ["no_repetition", "not_truncated"],
        "rounds": {"most": 8},
        "tasks": {
            "refusal": {"rows": 10, "answers": "model", "samples": 2},
            "multiple_choice": {"rows": 2, "answers": "model", "samples": 2},
        },
    }
    seimai = Path(sys.executable).with_name("seimai")
    words = [str(seimai), "run", str(recipes.write()), "--out", str(recipes.folder / "out")]
    ended = subprocess.run(words, capture_output=True, text=True, env=os.environ | ON_CPU, cwd=recipes.folder)
    assert ended.returncode == 0, ended.stderr[-3000:]

    import vllm

    manifest = orjson.loads((recipes.folder / "out/1/instruct/manifest.json").read_bytes())
    rows, refused = recipes.rows(), recipes.rows(kind="refused")
    now = manifest["generated"]
    assert 0 < now["accepted"] < now["judged"], "some pass and some fail"
    assert rows
    assert "verdict_fail" in {r["reason"] for r in refused}
    sha = weigh(pupil).sha256
    for row in rows + refused:
        assert (row["model"], row["revision"], row["weights"], row["verified"]) == ("lab/tiny", "r1", sha, True)
        assert row["engine"] == f"vllm {vllm.__version__}"
        assert row["completion_key"]
        assert orjson.loads(row["sampling"])["temperature"] == 0.5
    assert {r["function"] for r in rows} >= {"refusal"}
    choices = [r["answer"] for r in rows + refused if r["function"] == "multiple_choice"]
    assert choices
    assert set(choices) <= {"ア", "イ", "ウ", "エ"}, "a structured answer"
    assert manifest["engine"]["settings"] == SETTINGS
    assert [i["weights"] for i in manifest["identities"]] == [sha]
    assert now["asked"] == now["completions"] > 0
    assert now["gpu_seconds"] > now["loading"] > 0
    loaded = [f["loading"] for f in manifest["figures"]]
    assert manifest["rounds"] > 1
    assert max(loaded[1:]) < loaded[0] / 10, "the engine of the first round answered the others"
