"""The recipe `common_crawl_ja` over the replica: the rows of web_ja over the whole files, for a tenth of their bytes."""

import json
import os
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from curation.extract.ranges.range_list import range_ids
from curation.shards import ShardSet
from recipes.engine import execute, plan, recipe_file
from recipes.engine.errors import RunError
from recipes.engine.fetched import fetched
from recipes.engine.progress import Progress

CRAWL = "crawl-data/CC-MAIN-2026-43"


def planned(out: Path, name: str, files: str, *overrides: str) -> plan.Plan:
    """A plan of a recipe's stages up to `pages`, over these files."""
    path = recipe_file.find(name)
    recipe = recipe_file.load(path, ["partitions=8", *overrides], [files])
    recipe.stages = recipe.stages[: [s.name for s in recipe.stages].index("pages") + 1]
    return plan.make(recipe, path.name, str(out), base=path.parent)


def done(made: plan.Plan, workers: int = 2) -> ShardSet:
    execute.run(made, workers=workers, progress=Progress(len(made.blocks), stream=open(os.devnull, "w")))  # noqa: SIM115
    return ShardSet.open(made.blocks[-1].url)


def by_ranges(out: Path, url: str, *overrides: str) -> plan.Plan:
    """The recipe over the index behind a URL."""
    rate = ("pages.fetch.requests_per_second=5000", "pages.fetch.join_gap=1024")
    return planned(
        out,
        "common_crawl_ja",
        f"{url}/{CRAWL}/cc-index-table.paths.gz#*subset=warc/*",
        f"pages.fetch.base={url}",
        *rate,
        *overrides,
    )


@pytest.fixture(scope="module")
def whole(replica, tmp_path_factory) -> ShardSet:
    """web_ja over the replica's WARC files, read whole."""
    return done(planned(tmp_path_factory.mktemp("whole"), "web_ja", f"{replica}/{CRAWL}/warc.paths.gz"))


def test_the_rows_are_those_of_the_whole_files(whole, served, tmp_path):
    made = done(by_ranges(tmp_path, served.url))
    assert made.rows == whole.rows == 6
    assert made.manifest["content"] == whole.manifest["content"]
    (pages,) = tmp_path.glob("stages/pages.rows-*/manifest.json")
    fetch = next(s for s in json.loads(pages.read_text())["steps"] if s["step"] == "fetch")
    assert fetch["bytes_read"] < 0.1 * fetch["bytes_whole"]
    cost = fetched(json.loads(p.read_text()) for p in tmp_path.glob("stages/*/manifest.json"))
    assert cost is not None
    assert (cost.ranges, cost.files, cost.listed, cost.requests) == (6, 3, 120, 6)
    assert cost.words.en.startswith("0.0 MB read of the ")


def test_its_stages_stand_before_those_of_web_ja():
    recipe = recipe_file.load(recipe_file.find("common_crawl_ja"), [], ["x.csv"])
    assert [s.name for s in recipe.stages] == ["ranges", "pages", "measured", "curated"]


def test_pages_that_get_their_ids_in_the_last_stage_still_meet_their_equals(served, tmp_path):
    """The same record in two lists under two names of its file is one page."""
    assert [b.name for b in by_ranges(tmp_path, served.url).blocks] == ["ranges", "pages.rows", "pages"]


def test_the_rows_do_not_depend_on_tasks_workers_or_where_the_files_are(whole, replica, served, tmp_path, monkeypatch):
    monkeypatch.setattr(plan, "PARTITION_BYTES", 1 << 18)
    made = by_ranges(tmp_path / "a", served.url)
    assert [b.tasks for b in made.blocks if b.name == "pages.rows"] == [8]
    assert done(made, workers=3).manifest["content"] == whole.manifest["content"]
    listed = f"{replica}/cc-index/table/cc-main/warc/crawl=CC-MAIN-2026-43/subset=warc/*.parquet"
    local = planned(tmp_path / "b", "common_crawl_ja", listed, f"pages.fetch.base={replica}")
    assert done(local, workers=1).manifest["content"] == whole.manifest["content"]


def test_another_place_or_rate_computes_nothing_again(served, tmp_path):
    first = by_ranges(tmp_path, served.url)
    done(first)
    asked = len(served.asked)
    again = by_ranges(tmp_path, served.url, "pages.fetch.at_once=1", "pages.fetch.requests_per_second=1")
    assert again.fingerprint == first.fingerprint
    done(again)
    assert not [path for path, *_ in served.asked[asked:] if path.endswith(".warc.gz")]
    assert by_ranges(tmp_path, served.url, "pages.fetch.max_record_bytes=1000").fingerprint != first.fingerprint


def test_a_server_that_gives_up_halfway_stops_the_run_and_the_next_one_goes_on(
    whole, crawl, replica, tmp_path, monkeypatch
):
    monkeypatch.setattr(plan, "PARTITION_BYTES", 1 << 18)
    files = sorted(str(p.relative_to(replica)) for p in replica.rglob("*.warc.gz"))
    ids = range_ids(pa.array(files), np.zeros(len(files), np.int64)).to_pylist()
    last = max(zip(ids, files, strict=True))[1]
    down = True

    def fault(path: str, n: int) -> str | None:
        return "503" if down and path.endswith(last) else None

    with crawl.server.RangeServer(replica, fault) as server:
        made = by_ranges(tmp_path, server.url, "pages.fetch.patience_minutes=0.02")
        with pytest.raises(RunError, match=re.escape(f"{last}, bytes ") + ".*503 Service Unavailable; asked"):
            done(made, workers=1)
        down = False
        before = len(server.asked)
        assert done(by_ranges(tmp_path, server.url), workers=1).manifest["content"] == whole.manifest["content"]
        again = {path for path, *_ in server.asked[before:] if path.endswith(".warc.gz")}
        assert any(path.endswith(last) for path in again)
        assert len(again) < 3, "what was done is not asked for again"


def test_bad_rows_of_a_list_are_rejected_and_the_rest_is_released(whole, replica, served, tmp_path):
    import pyarrow.parquet as pq

    folder = replica / "cc-index/table/cc-main/warc/crawl=CC-MAIN-2026-43/subset=warc"
    rows = [r for p in folder.iterdir() for r in pq.read_table(p).to_pylist() if r["content_languages"] == "jpn"]
    size = (replica / rows[0]["warc_filename"]).stat().st_size
    lines = [f"{r['warc_filename']},{r['warc_record_offset']},{r['warc_record_length']}" for r in rows]
    lines += [
        f"{rows[0]['warc_filename']},{size + 5},100",
        f"{rows[0]['warc_filename']},7,100",
        "gone.warc.gz,0,100",
        lines[0],
    ]
    (tmp_path / "mine.csv").write_text("file,offset,length\n" + "\n".join(lines) + "\n")
    made = planned(
        tmp_path / "out",
        "common_crawl_ja",
        f"{tmp_path}/mine.csv",
        "sources.crawl.options={}",
        f"pages.fetch.base={served.url}",
    )
    assert done(made).manifest["content"] == whole.manifest["content"]
    (pages,) = (tmp_path / "out").glob("stages/pages.rows-*/manifest.json")
    manifest = json.loads(pages.read_text())
    assert manifest["rejected"] == {"range_missing": 2, "record_broken": 1, "duplicate_id": 1}
    assert manifest["rows_in"] == manifest["rows_out"] + 4


def test_wet_texts_and_wat_lists_of_the_same_crawl_are_read(whole, replica, served, tmp_path):
    """A WET record is the row of the page it was made from; a WAT file lists the same ranges as the index."""
    texts = done(planned(tmp_path / "wet", "web_ja", f"{replica}/{CRAWL}/wet.paths.gz"))
    ids = {r["id"] for b in whole.read(["id"]) for r in b.to_pylist()}
    assert {r["id"] for b in texts.read(["id"]) for r in b.to_pylist()} == ids
    wanted = "sources.crawl.options={status: [200], mime: [text/html]}"
    made = planned(tmp_path / "wat", "common_crawl_ja", f"{replica}/{CRAWL}/wat.paths.gz", wanted, f"pages.fetch.base={served.url}",
                   "pages.fetch.requests_per_second=5000")  # fmt: skip
    assert done(made).manifest["content"] == whole.manifest["content"]
