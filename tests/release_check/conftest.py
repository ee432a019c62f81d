"""A small real run with copies and near-copies, its ledger, and the means to plant faults whose manifests agree with them."""

import gzip
import json
import os
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation.content_sum import content_sum
from curation.manifest_tree import planted, task_manifests
from curation.mixture.charges import charges_of
from curation.mixture.ledger import Ledger
from curation.parquet_file import write_parquet
from curation.place import Place
from curation.shards import ShardSet
from curation.verify.release import verify
from recipes.engine import execute
from recipes.engine.plan import make
from recipes.engine.progress import Progress
from recipes.engine.spec import Recipe, SourceSpec, Stage

RUN = "test/verified@1"


def sentence(seed: int, length: int = 200) -> str:
    """Letters without rhyme: two seeds share no shingle."""
    rng = random.Random(seed)
    return "".join(chr(rng.randrange(0x4E00, 0x9FFF)) for _ in range(length))


def texts() -> list[str]:
    """40 texts; of the first nine copies, of the second two near-copies, of the third a near-copy and a copy."""
    alone = [sentence(seed) for seed in range(40)]
    first, second, third = alone[:3]
    return [*alone, *[first] * 8, second[:-2], second[:-4], third[:-3], third]


@dataclass
class Released:
    """A released set and its ledger, in a folder that a test may spoil."""

    folder: Path
    version: str = "1"

    @property
    def set(self) -> Path:
        """The released shard set: of version 1, where four real copies are shown, or of 2, where each cluster is shown once."""
        return self.folder / "out" / self.version / "curated"

    @property
    def ledger(self) -> Path:
        """The ledger's folder."""
        return self.folder / "ledger"

    @property
    def tables(self) -> Path:
        """The folder of the deduplication's tables."""
        (found,) = (self.folder / "out" / "stages").glob("curated.dedup-*")
        return found

    def failed(self, **options: object) -> dict[str, list[str]]:
        """Check → problems, of those that fail, against the ledger unless `ledger` is given."""
        made = verify(str(self.set), **({"ledger": str(self.ledger), "run": RUN} | options))  # type: ignore[arg-type]
        return {c.name: c.problems for c in made if not c.passed}

    def files(self) -> list[Path]:
        """Files of kept rows."""
        return sorted(self.set.glob("data/**/*.parquet"))

    def rows(self) -> list[dict]:
        """All released rows."""
        return [r for f in self.files() for r in pq.read_table(f).to_pylist()]

    def change(self, changed: Callable[[list[dict]], list[dict]]) -> None:
        """Changes released rows file by file, and makes every manifest agree: a fault that only the rows can show."""
        tasks = {p: json.loads(p.read_text()) for p in self.set.glob("tasks/*.json")}
        total, rows = 0, 0
        for path in self.files():
            table = pq.read_table(path)
            made = pa.Table.from_pylist(sorted(changed(table.to_pylist()), key=lambda r: r["id"]), schema=table.schema)
            written = write_parquet(Place(str(self.set)), str(path.relative_to(self.set)), made)
            for task in tasks.values():
                for file in task["files"]:
                    if file["path"] == written["path"]:
                        task["rows_in"] += written["rows"] - file["rows"]
                        task["rows_out"] += written["rows"] - file["rows"]
                        file |= written
            total, rows = total + sum(map(content_sum, made.to_batches())), rows + len(made)
        for path, task in tasks.items():
            path.write_text(json.dumps(task))
        manifest = json.loads((self.set / "manifest.json").read_text())
        manifest["rows_in"] += rows - manifest["rows_out"]
        manifest |= {"rows_out": rows, "content": f"{total % (1 << 256):064x}"}
        (self.set / "manifest.json").write_text(json.dumps(manifest))
        self.plant_tree()

    def plant_tree(self) -> None:
        """Makes the tree of manifests agree with those of the tasks."""
        place = Place(str(self.set))
        self.manifest(lambda m: m.update(tree=planted(place, list(task_manifests(place)))))

    def manifest(self, changed: Callable[[dict], object]) -> None:
        """Changes manifest.json."""
        manifest = json.loads((self.set / "manifest.json").read_text())
        changed(manifest)
        (self.set / "manifest.json").write_text(json.dumps(manifest))

    def change_rejected(self, changed: Callable[[dict], dict]) -> None:
        """Changes rejected rows and their samples one by one, and makes every manifest agree."""
        for path in self.set.glob("tasks/*.json"):
            task = json.loads(path.read_text())
            task["rejected_files"] = [rewritten(self.set, f["path"], changed) for f in task["rejected_files"]]
            path.write_text(json.dumps(task))
        self.manifest(lambda m: m.update(samples=rewritten(self.set, "samples.parquet", changed)))
        self.plant_tree()

    def enter_again(self) -> None:
        """Enters what is released now into a fresh ledger that allows anything, so that only the release can be at fault."""
        shutil.rmtree(self.ledger)
        ledger = Ledger.open(str(self.ledger), 1000, create=True)
        ledger.add(RUN, "train", charges_of(ShardSet.open(str(self.set)), 1))
        about = json.loads((self.ledger / "ledger.json").read_text())
        (self.ledger / "ledger.json").write_text(json.dumps(about | {"k": 4}))


def rewritten(folder: Path, name: str, changed: Callable[[dict], dict]) -> dict:
    """Writes a Parquet file again with changed rows; what a manifest says of it."""
    table = pq.read_table(folder / name)
    rows = [changed(r) for r in table.to_pylist()]
    return write_parquet(Place(str(folder)), name, pa.Table.from_pylist(rows, schema=table.schema))


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run as it was made: four real copies of a text are shown, K = 4."""
    folder = tmp_path_factory.mktemp("verify")
    rows = [json.dumps({"id": str(i), "text": text}, ensure_ascii=False) for i, text in enumerate(texts())]
    (folder / "pages.jsonl.gz").write_bytes(gzip.compress("\n".join(rows).encode()))
    for version, mode in (("1", "natural"), ("2", "one")):
        measured = Stage(name="measured", read="crawl", steps=["minhash"])
        steps = [{"dedup": {"threshold": 0.8}}, {"cap": {"k": 4, "mode": mode}}]
        recipe = Recipe(
            name="test/verified",
            version=version,
            partitions=4,
            sources={"crawl": SourceSpec(files=[str(folder / "pages.jsonl.gz")], licence="CC0-1.0")},
            stages=[measured, Stage(name="curated", read="measured", steps=steps)],  # type: ignore[arg-type]
        )
        plan = make(recipe, "test.py", str(folder / "out"))
        execute.run(plan, workers=1, progress=Progress(len(plan.blocks), stream=open(os.devnull, "w")))  # noqa: SIM115
    ledger = Ledger.open(str(folder / "ledger"), 4, create=True)
    ledger.add(RUN, "train", charges_of(ShardSet.open(str(folder / "out" / "1" / "curated")), 1))
    return folder


@pytest.fixture
def release(sound: Path, tmp_path: Path) -> Released:
    """A copy of the run, to be spoiled."""
    shutil.copytree(sound, tmp_path / "run")
    return Released(tmp_path / "run")
