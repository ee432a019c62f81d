"""Two released sets with token counts, made by real runs: `web` with copies and near-copies, `wiki` without."""

import gzip
import json
import os
import random
from pathlib import Path

import pytest

from recipes.engine import execute
from recipes.engine.plan import make
from recipes.engine.progress import Progress
from recipes.engine.spec import Recipe, SourceSpec, Stage


def sentence(seed: int, length: int = 120) -> str:
    """Letters without rhyme: two seeds share no shingle."""
    rng = random.Random(seed)
    return "".join(chr(rng.randrange(0x4E00, 0x9FFF)) for _ in range(length))


def release(folder: Path, name: str, texts: list[str], mode: str = "min_size", **cap: object) -> Path:
    """Runs texts through tokens, dedup and cap (K = 4, with the options `cap`); the folder of the run's version."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [json.dumps({"id": str(i), "text": text}, ensure_ascii=False) for i, text in enumerate(texts)]
    (folder / f"{name}.jsonl.gz").write_bytes(gzip.compress("\n".join(rows).encode()))
    measured = Stage(name="measured", read=name, steps=[{"tokens": {"tokenizer": "small_ja"}}, "minhash"])  # type: ignore[list-item]
    steps = [{"dedup": {"threshold": 0.8}}, {"cap": {"k": 4, "mode": mode, **cap}}]
    recipe = Recipe(
        name=f"test/{name}",
        version="1",
        partitions=2,
        sources={name: SourceSpec(files=[str(folder / f"{name}.jsonl.gz")], licence="CC0-1.0")},
        stages=[measured, Stage(name="curated", read="measured", steps=steps)],  # type: ignore[arg-type]
    )
    plan = make(recipe, "test.py", str(folder / name))
    execute.run(plan, workers=1, progress=Progress(len(plan.blocks), stream=open(os.devnull, "w")))  # noqa: SIM115
    return folder / name / "1"


@pytest.fixture(scope="session")
def sets(tmp_path_factory) -> Path:
    """Folder of `web/1` (200 texts; two come twice, one comes five times) and `wiki/1` (60 texts)."""
    folder = tmp_path_factory.mktemp("sets")
    alone = [sentence(seed) for seed in range(200)]
    release(folder, "web", [*alone, alone[0], alone[1], *[alone[2]] * 4])
    release(folder, "wiki", [sentence(seed, 200) for seed in range(1000, 1060)])
    return folder
