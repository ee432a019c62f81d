"""The standard recipe over the packaged crawl: the same rows however it is cut, and shards that trainers' readers open."""

import json
import os
from pathlib import Path

import pyarrow.dataset as ds
import pytest

from curation.shards import ShardSet
from recipes.engine import execute, recipe_file
from recipes.engine.plan import make
from recipes.engine.progress import Progress


def finished(out: Path, workers: int, unit_bytes: int, overrides: list[str] | None = None) -> ShardSet:
    """A run of the quickstart's stages, without what it generates; returns its released set."""
    path = recipe_file.find("quickstart")
    recipe = recipe_file.load(path, overrides)
    recipe.generate.clear()
    recipe.pairs.clear()
    plan = make(recipe, path.name, str(out), task_bytes=unit_bytes, base=path.parent)
    execute.run(plan, workers=workers, progress=Progress(len(plan.blocks), stream=open(os.devnull, "w")))  # noqa: SIM115
    return ShardSet.open(plan.blocks[-1].url)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> ShardSet:
    """The quickstart by one worker, each file in one piece."""
    return finished(tmp_path_factory.mktemp("whole"), 1, 1 << 30)


def test_two_workers_on_small_pieces_of_the_files_release_the_same_rows(whole, tmp_path):
    pieces = finished(tmp_path, 2, 150_000)
    assert pieces.rows == whole.rows > 20
    assert pieces.manifest["content"] == whole.manifest["content"]
    (pages,) = tmp_path.glob("stages/pages-*/manifest.json")
    assert json.loads(pages.read_text())["tasks"] > 8


def test_every_record_is_accounted_for_with_a_reason(whole):
    run = Path(whole.place.url).parent.parent
    for path in [*run.glob("stages/*/manifest.json"), Path(whole.place.url) / "manifest.json"]:
        manifest = json.loads(path.read_text())
        assert manifest["rows_in"] == manifest["rows_out"] + sum(manifest["rejected"].values())


def test_the_cap_holds_and_every_cluster_is_within_it(whole):
    shown: dict[bytes, int] = {}
    for batch in whole.read(["cluster", "repeat"]):
        for row in batch.to_pylist():
            shown[row["cluster"]] = shown.get(row["cluster"], 0) + row["repeat"]
    assert max(shown.values()) <= 4


def test_a_changed_threshold_recomputes_the_last_stage_only(whole, tmp_path_factory):
    out = Path(whole.place.url).parent.parent
    before = {p.name for p in (out / "stages").iterdir()}
    made = finished(out, 1, 1 << 30, ["version=2", "curated.threshold.set={letters: 500}"])
    new = {p.name for p in (out / "stages").iterdir()} - before
    assert {n.split("-")[0] for n in new} == {"curated.cap"}, "clusters and measures stay"
    assert made.rows <= whole.rows


@pytest.mark.pandas
def test_readers_that_trainers_use_see_the_same_rows(whole):
    duckdb = pytest.importorskip("duckdb")
    datasets = pytest.importorskip("datasets")
    import polars

    folder = f"{whole.place.url}/data"
    pattern = f"{folder}/**/*.parquet"
    texts = sorted(t for b in whole.read(["text"]) for t in b.column("text").to_pylist())
    assert sorted(polars.scan_parquet(pattern).select("text").collect()["text"].to_list()) == texts
    assert sorted(r[0] for r in duckdb.sql(f"select text from '{pattern}'").fetchall()) == texts
    assert sorted(ds.dataset(folder).to_table(columns=["text"])["text"].to_pylist()) == texts
    loaded = datasets.load_dataset(
        "parquet", data_files=pattern, split="train", cache_dir=str(Path(folder).parent / ".cache")
    )
    assert sorted(loaded["text"]) == texts
