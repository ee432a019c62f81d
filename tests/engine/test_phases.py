"""A survey in phases through the real engine: the rows that one task releases, also when tasks are killed or a run is stopped."""

import json
import random
import sys
from pathlib import Path

import pytest

from curation.dedup.dedup import Dedup
from curation.dedup.minhash import MinHash
from curation.mixture.cap import Cap
from curation.provenance import key
from curation.shards import ShardSet
from curation.survey import Phase
from recipes.engine.errors import RunError
from recipes.engine.index.command import add
from recipes.engine.report import write_report
from recipes.engine.run_survey import RunPhase, row_tasks

sys.path.insert(0, str(Path(__file__).parent))
from steps_on_trial import KilledDedup
from test_runs import done, jsonl, recipe
from test_shard_sets import page, written


@pytest.fixture
def files(tmp_path, monkeypatch) -> str:
    """Windows over random texts in two files, for sets of several partitions."""
    monkeypatch.setattr("recipes.engine.plan.PARTITION_BYTES", 4096)
    rng, texts = random.Random(3), ["短い", "短い", "一", "", "最後の文です"]
    for _ in range(14):
        letters = "".join(chr(rng.randrange(0x4E00, 0x9FFF)) for _ in range(250))
        texts += [letters[at : at + 200] for at in (rng.randrange(50) for _ in range(6))]
    rows = [(str(i), t) for i, t in enumerate(texts)]
    return jsonl(tmp_path / "in", {"a.jsonl.gz": rows[::2], "b.jsonl.gz": rows[1::2]})


def steps(dedup: Dedup) -> list[list]:
    return [[MinHash()], [dedup, Cap(k=1, mode="one")]]


def survey(out: Path) -> dict:
    (found,) = out.glob("stages/measured.dedup-*/manifest.json")
    return json.loads(found.read_text())


PHASES = ("forms", "buckets", "sets", "cluster", "members")


def test_a_survey_in_phases_releases_the_rows_that_one_task_releases(files, tmp_path):
    whole = done(recipe(files, *steps(KilledDedup(0.8, 1000))), tmp_path / "whole")
    cut = done(recipe(files, *steps(KilledDedup(0.8, 20))), tmp_path / "cut")
    assert cut["content"] == whole["content"]
    assert cut["rejected"]["near_duplicate"] > 30
    one, many = survey(tmp_path / "whole"), survey(tmp_path / "cut")
    assert (one["tasks"], many["tables"]) == (1, one["tables"])
    assert many["tasks"] > 50
    same = ("texts", "pairs_in_bands", "pairs_compared", "pairs_verified", "crowded_nodes")
    assert {k: many["steps"][0].get(k) for k in same} == {k: one["steps"][0].get(k) for k in same}
    assert many["rows_out"] == one["rows_out"] == 89
    assert not list(tmp_path.glob("cut/stages/measured.dedup-*/work")), "what lay between the phases is gone"
    html = Path(write_report(str(tmp_path / "cut" / "1"))).read_text(encoding="utf-8")
    met = many["steps"][0]
    assert f"{met['texts']:,} distinct texts; {met['pairs_in_bands']:,} pairs share a band" in html
    assert f"In crowded buckets {met['crowded_nodes']:,} texts" in html


def test_the_cap_in_phases_decides_as_one_task_does(files, tmp_path):
    def made(rows_a_part: int) -> list[list]:
        cap = Cap(k=3, mode="min_size")
        cap.rows_a_part = rows_a_part
        return [[MinHash()], [Dedup(0.7), cap]]

    whole, cut = (done(recipe(files, *made(n)), tmp_path / str(n)) for n in (1000, 20))
    assert cut["content"] == whole["content"]
    assert (cut["rejected"], cut["exposure"]) == (whole["rejected"], whole["exposure"])
    one, many = (
        json.loads(next(tmp_path.glob(f"{n}/stages/measured.cap-*/manifest.json")).read_text()) for n in (1000, 20)
    )
    assert (one["tasks"], many["tables"]) == (1, one["tables"])
    assert many["tasks"] > 8


def test_killed_tasks_of_any_phase_change_nothing(files, tmp_path):
    calm = done(recipe(files, *steps(KilledDedup(0.8, 20))), tmp_path / "calm")
    rough = done(recipe(files, *steps(KilledDedup(0.8, 20, PHASES))), tmp_path / "rough")
    assert rough["content"] == calm["content"]


def test_killed_tasks_of_a_second_crawl_leave_what_one_task_finds_against_the_index(files, tmp_path):
    index = str(tmp_path / "index")
    done(recipe(f"{Path(files).parent}/a.jsonl.gz", *steps(Dedup(0.8))), tmp_path / "first")
    assert "generation 0 with" in add(index, str(tmp_path / "first"))
    second = f"{Path(files).parent}/b.jsonl.gz"
    whole = done(recipe(second, *steps(KilledDedup(0.8, 1000, index=index))), tmp_path / "whole")
    rough = done(recipe(second, *steps(KilledDedup(0.8, 10, (*PHASES, "ask", "labels"), index))), tmp_path / "rough")
    assert rough["content"] == whole["content"]
    assert (survey(tmp_path / "whole")["tasks"], survey(tmp_path / "rough")["tasks"] > 50) == (1, True)
    matched = ShardSet.open(str(tmp_path / "rough" / "1" / "measured")).read(["matched"])
    assert sum(len(b) - b.column("matched").null_count for b in matched) > 5
    assert "generation 1 with" in add(index, str(tmp_path / "rough"))


def test_a_run_that_was_stopped_in_a_phase_goes_on_there(files, tmp_path, monkeypatch):
    monkeypatch.setattr("recipes.engine.workers.MOST_ATTEMPTS", 1)
    made = recipe(files, *steps(KilledDedup(0.8, 20, ("verify",))))
    with pytest.raises(RunError, match="exit code 9"):
        done(made, tmp_path / "out")
    finished = {p: p.stat().st_mtime_ns for p in tmp_path.glob("out/stages/*.partial/phases/*/tasks/*.json")}
    assert {p.parts[-3].partition("-")[2] for p in finished} >= {"forms", "sign", "sets"}
    monkeypatch.setattr("recipes.engine.workers.MOST_ATTEMPTS", 2)
    manifest = done(made, tmp_path / "out")
    after = {p.parts[-3:]: p.stat().st_mtime_ns for p in tmp_path.glob("out/stages/*/phases/*/tasks/*.json")}
    assert all(after[p.parts[-3:]] == stamp for p, stamp in finished.items()), "what was done was not done again"
    assert manifest["content"] == done(recipe(files, *steps(Dedup(0.8))), tmp_path / "whole")["content"]


def test_a_set_of_very_many_partitions_is_read_by_fewer_tasks_in_order(tmp_path, monkeypatch):
    shards = written(tmp_path / "set", [[page(n) for n in range(200)]], partitions=16)
    monkeypatch.setattr("recipes.engine.run_survey.MOST_ROW_TASKS", 4)
    assert row_tasks(16) == 4
    assert row_tasks(2) == 2
    look = RunPhase([str(shards.place.url)], [Dedup(0.8)], str(tmp_path), 0, Phase("forms", 4))
    found = [[i for b in look.read(["id"], task) for i in b.column("id").to_pylist()] for task in range(4)]
    assert [i for some in found for i in some] == sorted(key("test", n) for n in range(200))
    assert [{i[0] >> 6 for i in some} for some in found] == [{0}, {1}, {2}, {3}]
    assert [i for b in look.read(["id"]) for i in b.column("id").to_pylist()] == sorted(
        key("test", n) for n in range(200)
    )
