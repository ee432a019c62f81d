"""A small lab: pages from a crawl, curated; rows that programs and a model made of them; pairs; and the command that forgets."""

import gzip
import json
import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parents[1] / "generation"))
from answering_server import AnsweringServer

from curation.tombstones import Tombstones
from recipes.engine import execute, plan, recipe_file
from recipes.engine.forget import command
from recipes.engine.progress import Progress
from recipes.engine.recipe_file import POLICY
from recipes.engine.verify.command import verify

PROSE = [
    "精米とは、玄米の表面から糠を取り除くことです。白くするほど味は淡くなり、日持ちは短くなります。近くの米屋では、三分づきから選べます。"
    "精米したての米は香りがよく、夏なら二週間ほどで食べ切るのがよいとされています。",
    "町の図書館は、川沿いの道を北へ歩いたところにある。月曜日は休みだが、祝日と重なる週は翌日が休みになる。期限は二週間と決まっている。"
    "二階には郷土の資料を集めた部屋があり、江戸時代の地図を見ることができる。",
    "自転車のパンクは、順を追えば自分で直せます。まずレバーでタイヤを外し、チューブに空気を入れて水の中で穴を探します。泡が出たところに"
    "印を付け、紙やすりで軽くこすってから、糊を薄く塗ります。乾かしたらパッチを貼り、よく押さえます。",
]


def sentence(seed: int, length: int = 200) -> str:
    """Letters without rhyme: two seeds share no shingle."""
    rng = random.Random(seed)
    return "".join(chr(rng.randrange(0x4E00, 0x9FFF)) for _ in range(length))


class Lab:
    """Folders of a test, its recipe, and what runs of it hold."""

    def __init__(self, folder: Path):
        self.folder, self.out = folder, folder / "runs" / "lab"
        self.version, self.more = "1", dict[str, Any]()
        self.measured: list[Any] = ["text_stats"]
        self.steps: list[Any] = [{"dedup": {"threshold": 0.8}}, {"cap": {"k": 4, "mode": "min_size"}}]

    def pages(self, texts: dict[str, str], name: str = "crawl") -> None:
        """Pages of a crawl: URL → text."""
        rows = [json.dumps({"id": url, "url": url, "text": text}, ensure_ascii=False) for url, text in texts.items()]
        (self.folder / f"{name}.jsonl.gz").write_bytes(gzip.compress("\n".join(rows).encode()))

    def run(self, out: Path | None = None, crawl: str = "crawl") -> dict[str, Any]:
        """Runs the recipe; run.json."""
        said = {
            "name": "test/lab", "version": self.version, "partitions": 2,
            "sources": {"crawl": {"jsonl": f"{crawl}.jsonl.gz", "licence": "CC0-1.0"}},
            "stages": [
                {"name": "measured", "read": "crawl", "steps": [*self.measured, {"tokens": {"tokenizer": "small_ja"}}, "minhash"]},
                {"name": "curated", "read": "measured", "steps": self.steps},
            ],
        } | self.more  # fmt: skip
        path = self.folder / "lab.yaml"
        path.write_text(yaml.safe_dump(said, allow_unicode=True), encoding="utf-8")
        made = plan.make(recipe_file.load(path), path.name, str(out or self.out), base=path.parent)
        with open(os.devnull, "w") as quiet:
            return execute.run(made, workers=1, progress=Progress(1, quiet))

    def forget(
        self, *, dry_run: bool = False, ledger: Path | None = None, labels: Path | None = None, **asked: Any
    ) -> None:
        """Forgets in the lab's run, and in the other folders that are given as `outs`."""
        outs = [str(one) for one in asked.pop("outs", [self.out])]
        reason = "" if not asked else "asked for by its author"
        wanted = command.Asked(reason=reason, by="Sato", **asked)
        home = self.folder / "no-review"
        named = None if outs else str(self.folder / "runs" / "forgotten")
        places = command.Places(outs, named, labels, home, None, None if ledger is None else str(ledger))
        command.forget(wanted, places, dry_run=dry_run)

    def verified(self, version: str | None = None) -> bool:
        """Whether `seimai verify` passes."""
        return verify(str(self.out / (version or self.version)), None, None, None, 1000, 1)

    def released(self, version: str | None = None, out: Path | None = None) -> set[str]:
        """URLs of the released pages."""
        folder = (out or self.out) / (version or self.version) / "curated"
        return {u for f in folder.glob("data/**/*.parquet") for u in pq.read_table(f)["url"].to_pylist()}

    def tombstones(self) -> Tombstones:
        """Those of the lab."""
        return Tombstones.open(str(self.folder / "runs" / "forgotten"))

    def holding(self, text: str, folder: Path | None = None) -> list[str]:
        """Files below a folder (the run's) that hold a text: any Parquet, JSON, HTML file or segment of the store."""
        found = []
        for path in sorted((folder or self.out).rglob("*")):
            if path.suffix == ".parquet":
                held = repr(pq.read_table(path).to_pylist())
            else:
                held = path.read_bytes().decode("utf-8", "replace") if path.is_file() else ""
            found += [str(path.relative_to(self.folder))] if text in held else []
        return found


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """A lab in a folder of its own."""
    return Lab(tmp_path)


@pytest.fixture
def generating(lab: Lab) -> Iterator[Lab]:
    """A lab whose recipe makes rows of its pages: by program, and by a model behind a server; and pairs of them."""
    lab.pages({f"https://page{i}.example.jp/": text for i, text in enumerate(PROSE)})
    policy = yaml.safe_load(POLICY.read_text(encoding="utf-8"))
    signed = {"revision": "r1", "date": "2026-11-26", "reason": "a test"}
    entry = {"model": "lab/tiny", "weights": "0" * 64, "licence_sha256": "0" * 64, "source": "test", "status": "allow"}
    policy["models"].append(entry | signed | {"licence": "MIT", "reviewer": "test", "link": "none"})
    policy["declared"] = [{"model": "lab/tiny", "signed_by": "tester"} | signed]
    (lab.folder / "policy.yaml").write_text(yaml.safe_dump(policy, allow_unicode=True), encoding="utf-8")
    with AnsweringServer(echo) as server:
        declared = {"model": "lab/tiny", "revision": "r1"}
        limits = {"max_concurrency": 4, "attempt_s": 10, "deadline_s": 30, "dead_after_s": 20}
        lab.more = {
            "policy": "policy.yaml",
            "generate": [{
                "name": "instruct", "read": "curated",
                "engine": {"server": {"url": server.url, "model": "tiny", "declared": declared, "dialect": "vllm"} | limits},
                "sampling": {"max_tokens": 200, "temperature": 0.7},
                "seeds": {"lengths": [60, 400], "per_stratum": 9, "per_host": 9, "per_cluster": 9},
                "novelty": {"threshold": 0.95}, "rounds": {"most": 30},
                "tasks": {
                    "quotation": {"rows": 12, "answers": "program"},
                    "summarise": {"rows": 4, "answers": "model", "samples": 2, "most": 6},
                },
            }],
            "pairs": [{
                "name": "preference", "read": "instruct", "caps": {"per_template": 1.0}, "unlike": {"jaccard": 0.9},
                "strategies": {"near_miss": {"pairs": 40, "answers": 40, "per_answer": 3}},
                "balance": {"length": False, "format": False}, "kto": {"ratio": 1.0}, "prompts": True,
            }],
            "release": {
                "draft_wordings": "allow", "target": {"model_name": "trial", "purpose": "train_internal", "publish": False},
            },
        }  # fmt: skip
        yield lab


def echo(body: dict[str, Any]) -> str:
    """A model that gives back the beginning of what it was shown."""
    return body["messages"][-1]["content"][:60].replace("\n", "")


def json_of(path: Path) -> Any:
    """A JSON file's value."""
    return orjson.loads(path.read_bytes())
