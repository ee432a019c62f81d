"""What tests of generations share: a small curated source, recipes over it, and runs of them."""

import os
from pathlib import Path

import orjson
import pytest
import yaml

from recipes.engine import execute, plan, recipe_file
from recipes.engine.progress import Progress

PAGES = [
    "精米とは、玄米の表面から糠を取り除くことです。白くするほど味は淡くなり、日持ちは短くなります。近くの米屋では、三分づきから選べます。"
    "精米したての米は香りがよく、夏なら二週間ほどで食べ切るのがよいとされています。",
    "町の図書館は、川沿いの道を北へ歩いたところにある。月曜日は休みだが、祝日と重なる週は翌日が休みになる。期限は二週間と決まっている。"
    "二階には郷土の資料を集めた部屋があり、江戸時代の地図を見ることができる。",
    "自転車のパンクは、順を追えば自分で直せます。まずレバーでタイヤを外し、チューブに空気を入れて水の中で穴を探します。泡が出たところに"
    "印を付け、紙やすりで軽くこすってから、糊を薄く塗ります。乾かしたらパッチを貼り、よく押さえます。",
]
TARGET = {"model_name": "trial", "purpose": "train_internal", "publish": False}


class Recipes:
    """Writes recipes into a folder and runs them. `generate` is the recipe's only generation, whose keys a test may change."""

    def __init__(self, folder: Path):
        self.folder = folder
        rows = [{"text": text, "url": f"https://page{i}.example.jp/"} for i, text in enumerate(PAGES)]
        (folder / "pages.jsonl").write_bytes(b"\n".join(map(orjson.dumps, rows)))
        self.generate = {
            "name": "instruct",
            "read": "pages",
            "seeds": {"lengths": [60, 400], "per_stratum": 9, "per_host": 9, "per_cluster": 9},
            "novelty": {"threshold": 0.8},
            "rounds": {"most": 30},
            "tasks": {"mathematics": {"rows": 12, "answers": "program"}},
        }
        self.release = {"draft_wordings": "allow", "target": dict(TARGET)}
        self.version = "1"
        self.policy = None
        self.source = {"jsonl": "pages.jsonl", "licence": "CC0-1.0"}

    def write(self) -> Path:
        recipe = {
            "name": "trial",
            "version": self.version,
            "sources": {"texts": self.source},
            "stages": [{"name": "pages", "read": "texts", "steps": ["text_stats"]}],
            "generate": [self.generate],
            "release": self.release,
        }
        recipe |= {} if self.policy is None else {"policy": self.policy}
        path = self.folder / "trial.yaml"
        path.write_text(yaml.safe_dump(recipe, allow_unicode=True), encoding="utf-8")
        return path

    def plan(self, out: str = "out", overrides: list[str] | None = None) -> plan.Plan:
        path = self.write()
        recipe = recipe_file.load(path, overrides)
        return plan.make(recipe, path.name, str(self.folder / out), base=path.parent)

    def run(self, out: str = "out", generators: int = 1, overrides: list[str] | None = None):
        """Runs the recipe; the manifest of its generation."""
        made = self.plan(out, overrides)
        with open(os.devnull, "w") as quiet:
            execute.run(made, workers=generators, progress=Progress(1, quiet), generators=generators)
        return orjson.loads((self.folder / out / made.recipe.version / "instruct" / "manifest.json").read_bytes())

    def rows(self, out: str = "out", kind: str = "data") -> list[dict]:
        import pyarrow.parquet as pq

        files = sorted((self.folder / out).glob(f"*/instruct/{kind}/*.parquet"))
        return [row for file in files for row in pq.read_table(file).to_pylist()]


@pytest.fixture
def recipes(tmp_path) -> Recipes:
    """Recipes in a folder of their own."""
    return Recipes(tmp_path)
