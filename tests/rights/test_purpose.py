"""What a recipe's pages are for: a source without an open licence is refused, a row without one stays inside, verify recounts."""

import gzip
import json
import os
from pathlib import Path

import pytest

from curation.shards import ShardSet
from curation.verify.findings import Check
from curation.verify.licences import check_licences
from curation.verify.shard_files import Release
from recipes.engine import execute
from recipes.engine.errors import RecipeError
from recipes.engine.plan import make
from recipes.engine.progress import Progress
from recipes.engine.spec import Recipe, SourceSpec, Stage


def recipe(folder: Path, licence: str | None, purpose: str, **more) -> Recipe:
    rows = [json.dumps({"id": str(i), "text": f"{i} 番目のページです。"}, ensure_ascii=False) for i in range(3)]
    (folder / "a.jsonl.gz").write_bytes(gzip.compress("\n".join(rows).encode()))
    source = SourceSpec(files=[str(folder / "a.jsonl.gz")], licence=licence, rights_basis="著作権法30条の4")
    steps = {"measured": ["text_stats", "minhash"], "curated": [{"dedup": {"threshold": 0.8}}]}
    reads = {"measured": "crawl", "curated": "measured"}
    stages = [Stage(name=n, read=reads[n], steps=s) for n, s in steps.items()]  # type: ignore[arg-type]
    return Recipe(name="test/purpose", version="1", sources={"crawl": source}, stages=stages, purpose=purpose, **more)  # type: ignore[arg-type]


def test_a_source_that_could_never_leave_is_refused_when_the_recipe_is_checked(tmp_path: Path):
    for purpose in ("share", "publish"):
        with pytest.raises(
            RecipeError, match="declares no licence, so nothing of it may enter a release whose purpose"
        ):
            make(recipe(tmp_path, None, purpose), "r.yaml", str(tmp_path / "out"))
        with pytest.raises(
            RecipeError, match=r"licence CC-BY-NC-4\.0 is not one that policy\.yaml lists as open or public"
        ):
            make(recipe(tmp_path, "CC-BY-NC-4.0", purpose), "r.yaml", str(tmp_path / "out"))
    make(recipe(tmp_path, None, "train_internal"), "r.yaml", str(tmp_path / "out"))


def test_a_step_of_ones_own_may_allow_no_more_than_the_policy(tmp_path: Path):
    made = recipe(tmp_path, "CC0-1.0", "share")
    made.stages[-1].steps = [
        Stage(name="x", read="y", steps=[{"licensed": {"allow": ["MS-PL"], "links": False}}]).steps[0]
    ]  # type: ignore[list-item]
    with pytest.raises(RecipeError, match="MS-PL is not open by the policy"):
        make(made, "r.yaml", str(tmp_path / "out"))


@pytest.mark.parametrize(("licence", "links", "kept"), [("CC0-1.0", False, 3), (None, True, 0)])
def test_rows_say_the_licence_that_let_them_out_and_verify_recounts_it(
    tmp_path: Path, licence: str | None, links: bool, kept: int
):
    plan = make(recipe(tmp_path, licence, "publish", licence_links=links), "r.yaml", str(tmp_path / "out"))
    with open(os.devnull, "w") as quiet:
        execute.run(plan, workers=1, progress=Progress(1, quiet))
    shards = ShardSet.open(plan.blocks[-1].url)
    assert shards.rows == kept
    rejected = {} if kept else {"no_open_licence": 3}
    assert shards.manifest["rejected"] == rejected
    release = Release.open(plan.blocks[-1].url, Check("files"))
    assert release is not None
    assert check_licences(release, ["CC0-1.0"], links=links).passed
    assert len(check_licences(release, ["MIT"], links=links).problems) == kept
