"""Recipes with pairs over a small curated source, and runs of them."""

import contextlib
import os
import sys
from pathlib import Path

import orjson
import pyarrow.parquet as pq
import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent))
from judging_server import AnsweringServer, judge, right_in_several_ways

from recipes.engine import execute, plan, recipe_file
from recipes.engine.progress import Progress
from recipes.engine.recipe_file import POLICY

EDITED = {
    "near_miss": {"pairs": 60, "answers": 60, "per_answer": 4},
    "twins": {"pairs": 20, "answers": 40, "per_answer": 3},
    "over_refusal": {"pairs": 10, "answers": 20, "per_answer": 3},
}
TASKS = {
    name: {"rows": rows, "answers": "program"}
    for name, rows in {"mathematics": 10, "reading": 16, "refusal": 10, "dialogue": 6}.items()
}
ANSWERED = {"mathematics": {"rows": 12, "answers": "model", "samples": 4, "most": 12, "with": {"short": 0}}}
"""No prompt wants the answer alone, which some beginnings would make too long."""


class PairRecipes:
    """Writes recipes into a folder and runs them; a test may change every part."""

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.generate = [
            {
                "name": "instruct",
                "read": "pages",
                "novelty": {"threshold": 0.9},
                "rounds": {"most": 40},
                "tasks": dict(TASKS),
            }
        ]
        self.pairs = {
            "name": "preference", "read": "instruct", "strategies": dict(EDITED), "caps": {"per_template": 0.5},
            "unlike": {"jaccard": 0.9}, "balance": {"length": True, "format": True}, "kto": {"ratio": 1.0}, "prompts": True,
        }  # fmt: skip
        self.release = {
            "draft_wordings": "allow", "target": {"model_name": "trial", "purpose": "train_internal", "publish": False},
        }  # fmt: skip
        self.judge: list[dict] = []
        self.version, self.policy = "1", None

    def write(self) -> Path:
        """The recipe as a file."""
        page = {"text": "精米とは、玄米の表面から糠を取り除くことです。", "url": "https://a.example.jp/"}
        (self.folder / "pages.jsonl").write_bytes(orjson.dumps(page))
        said = {
            "name": "trial", "version": self.version, "sources": {"texts": {"jsonl": "pages.jsonl", "licence": "CC0-1.0"}},
            "stages": [{"name": "pages", "read": "texts", "steps": ["text_stats"]}], "generate": self.generate,
            "judge": self.judge, "pairs": [self.pairs], "release": self.release,
        } | ({"policy": self.policy} if self.policy else {})  # fmt: skip
        path = self.folder / "trial.yaml"
        path.write_text(yaml.safe_dump(said, allow_unicode=True), encoding="utf-8")
        return path

    def plan(self, out: str = "out", overrides: list[str] | None = None) -> plan.Plan:
        """The recipe planned."""
        path = self.write()
        return plan.make(recipe_file.load(path, overrides), path.name, str(self.folder / out), base=path.parent)

    def run(self, out: str = "out", workers: int = 1, overrides: list[str] | None = None, generators: int = 1) -> dict:
        """Runs the recipe; the manifest of its pairs."""
        made = self.plan(out, overrides)
        with open(os.devnull, "w") as quiet:
            execute.run(made, workers=workers, progress=Progress(1, quiet), generators=generators)
        return orjson.loads((Path(made.preferences[0].url) / "manifest.json").read_bytes())

    def rows(self, out: str = "out", kind: str = "pairs") -> list[dict]:
        """Rows of a set."""
        files = sorted((self.folder / out).glob(f"*/preference/{kind}/*.parquet"))
        return [row for file in files for row in pq.read_table(file).to_pylist()]

    def jury(self, out: str = "out") -> dict:
        """The manifest of its jury."""
        return orjson.loads((self.folder / out / self.version / self.judge[0]["name"] / "manifest.json").read_bytes())

    def said(self, kind: str, out: str = "out") -> list[dict]:
        """Rows of a set of its jury: verdicts, decisions, scores, flagged."""
        return pq.read_table(
            self.folder / out / self.version / self.judge[0]["name"] / kind / "00000.parquet"
        ).to_pylist()

    def seat(self, **servers) -> None:
        """A jury of judges by name, each behind a server of its own that the policy knows; call it after `serve`."""
        policy = yaml.safe_load((self.folder / "policy.yaml").read_text(encoding="utf-8"))
        judges = {}
        for name, server in servers.items():
            model = f"lab/{name}"
            entry = policy["models"][-1] | {"model": model, "licence": "Apache-2.0"}
            policy["models"].append(entry)
            policy["declared"].append(policy["declared"][0] | {"model": model})
            engine = self.generate[0]["engine"]["server"] | {
                "url": server.url,
                "declared": {"model": model, "revision": "r1"},
            }
            judges[name] = {"engine": {"server": engine}, "family": f"family of {name}", "kin": ["lab/tiny"]}
        (self.folder / "policy.yaml").write_text(yaml.safe_dump(policy, allow_unicode=True), encoding="utf-8")
        self.judge = [
            {
                "name": "jury", "read": "instruct", "judges": judges, "per_prompt": 3, "most": 1000, "aggregate": "majority",
                "sampling": {"max_tokens": 200, "temperature": 0.0},
            }
        ]  # fmt: skip
        self.pairs["strategies"] = {"jury": {"read": "jury", "margin": 0.3, "pairs": 100, "per_prompt": 2}}
        self.pairs["balance"] = {"length": False, "format": False}

    def serve(self, server, tasks: dict) -> None:
        """The generation asks a server that its owner declares."""
        policy = yaml.safe_load(POLICY.read_text(encoding="utf-8"))
        entry = {
            "model": "lab/tiny", "revision": "r1", "weights": "0" * 64, "licence_sha256": "0" * 64, "source": "test",
            "status": "allow",
            "licence": "MIT", "reviewer": "test", "date": "2026-11-26", "reason": "a test", "link": "none",
        }  # fmt: skip
        policy["models"].append(entry)
        policy["declared"] = [
            {"model": "lab/tiny", "revision": "r1", "signed_by": "tester", "date": "2026-11-26", "reason": "a test"}
        ]
        (self.folder / "policy.yaml").write_text(yaml.safe_dump(policy, allow_unicode=True), encoding="utf-8")
        self.policy = "policy.yaml"
        limits = {"max_concurrency": 4, "attempt_s": 10, "deadline_s": 30, "dead_after_s": 20}
        declared = {"model": "lab/tiny", "revision": "r1"}
        self.generate[0] |= {
            "engine": {"server": {"url": server.url, "model": "tiny", "declared": declared, "dialect": "vllm"} | limits},
            "sampling": {"max_tokens": 60, "temperature": 0.7}, "tasks": tasks,
        }  # fmt: skip


@pytest.fixture
def recipes(tmp_path) -> PairRecipes:
    """Recipes in a folder of their own."""
    return PairRecipes(tmp_path)


@pytest.fixture
def court(recipes):
    """A recipe whose model answers rightly in several ways, and a jury of judges by their preference."""
    with contextlib.ExitStack() as stack:

        def made(answers=None, tasks=ANSWERED, **judges):
            model = stack.enter_context(AnsweringServer(answers or right_in_several_ways()))
            recipes.serve(model, tasks)
            servers = {}
            for name, said in judges.items():
                server = AnsweringServer(said if callable(said) else judge(*said), model="tiny")
                servers[name] = stack.enter_context(server)
            recipes.seat(**servers)
            return servers

        yield made
