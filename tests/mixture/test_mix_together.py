"""Mixtures of sets that were deduplicated apart, mixtures that were cut off, plans that were edited, and the order of rows."""

import json
import random
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from curation.mixture import mix, spill
from curation.mixture.spill import in_order
from curation.place import Place
from curation.shards import ShardSet
from recipes.engine.cli import app
from recipes.engine.errors import RecipeError
from recipes.engine.mixture.budget_plan import plan_hash
from tests.mixture.conftest import release, sentence


def ran(*command: str) -> str:
    done = CliRunner().invoke(app, list(command))
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.output


def planned(tmp_path: Path, text: str) -> str:
    (tmp_path / "b.yaml").write_text(text)
    ran("budget", str(tmp_path / "b.yaml"), "--out", str(tmp_path / "plan"))
    return str(tmp_path / "plan" / "budget.json")


def rows_of(mixture: Path, stage: str = "train") -> list[dict]:
    return [r for f in sorted((mixture / stage).glob("*.parquet")) for r in pq.read_table(f).to_pylist()]


@pytest.fixture(scope="module")
def apart(tmp_path_factory) -> Path:
    """Sets `a/1` and `b/1` without a deduplication over both. Text T is under the label of T々 in the one and under its own in the
    other, four showings a pass in each; so is U, two in each; both have V, once."""
    folder = tmp_path_factory.mktemp("apart")
    t, u, v = sentence(1, 200), sentence(2, 200), sentence(3, 200)
    release(folder, "a", [t + "々", t, t, t, u + "々", u, v, sentence(4)], mode="natural")
    release(folder, "b", [t, t, t, t, u, u[:-1], v, sentence(5)], mode="natural")
    return folder


def test_no_text_and_no_cluster_is_shown_more_than_k_times_over_sets_deduplicated_apart(tmp_path, apart):
    text = (
        f"{{k: 4, parameters: 1000, tokens: 1e6, sources: {{a: {{shards: {apart}/a/1}}, b: {{shards: {apart}/b/1}}}}}}"
    )
    plan, ledger = planned(tmp_path, text), str(tmp_path / "ledger")
    said = ran("mix", plan, "--out", str(tmp_path / "mix"))
    assert "4 rows are left out: sources that the plan names first show their clusters K times a pass" in said
    rows = rows_of(tmp_path / "mix")
    t, u, v = sentence(1, 200), sentence(2, 200), sentence(3, 200)
    by_text = Counter(r["text"] for r in rows)
    groups = {"T": (t, t + "々"), "U": (u, u + "々", u[:-1]), "V": (v,), "4": (sentence(4),), "5": (sentence(5),)}
    assert {n: sum(by_text[x] for x in texts) for n, texts in groups.items()} == dict.fromkeys(groups, 4)
    assert max(Counter(r["form_key"] for r in rows).values()) <= 4
    charges = pq.read_table(tmp_path / "mix" / "charges" / "train.parquet").to_pylist()
    charged = Counter()
    for row in charges:
        charged[row["cluster"]] += row["charged"]
    assert sorted(charged.values()) == [4] * 5
    ran("ledger", "new", ledger, "--k", "4")
    assert "forms entered" in ran("ledger", "add", ledger, str(tmp_path / "mix"))
    assert "every check passed" in ran("verify", str(tmp_path / "mix"), "--ledger", ledger)


def test_earlier_training_debits_a_cluster_by_any_label_that_it_has(tmp_path, apart):
    ledger = str(tmp_path / "ledger")
    ran("ledger", "new", ledger, "--k", "4")
    ran(
        "ledger", "add", ledger, str(apart / "b" / "1")
    )  # T four times, U and its near-copy once each, under labels of b
    sources = f"{{a: {{shards: {apart}/a/1}}, b: {{shards: {apart}/b/1}}}}"
    plan = planned(tmp_path, f"{{k: 4, parameters: 1000, tokens: 1e6, ledger: {ledger}, sources: {sources}}}")
    ran("mix", plan, "--out", str(tmp_path / "mix"))
    shown = Counter(r["text"] for r in rows_of(tmp_path / "mix"))
    t = sentence(1, 200)
    assert shown[t] == shown[t + "々"] == 0, "a's label T々 has the four showings that b's label T has"
    assert shown[sentence(3, 200)] == 2, "one earlier, two rows a pass: one whole pass more"
    ran("ledger", "add", ledger, str(tmp_path / "mix"))


@pytest.fixture
def plan(tmp_path, sets) -> str:
    """A plan over `web` and `wiki` in two stages."""
    sources = f"{{web: {{shards: {sets}/web/1}}, wiki: {{shards: {sets}/wiki/1}}}}"
    stages = "[{name: pretrain, share: 0.7}, {name: anneal, share: 0.3}]"
    return planned(tmp_path, f"{{k: 4, parameters: 1000, tokens: 90e3, sources: {sources}, stages: {stages}}}")


def test_a_mixture_that_was_cut_off_leaves_nothing_to_the_next_in_its_folder(tmp_path, sets, plan, monkeypatch):
    out = tmp_path / "mix"
    write, written = mix.write_parquet, []

    def cut_off(place, name, table, **options):
        if len(written) == 2:  # a stage and its charges are there, the other stage is spilled
            raise KeyboardInterrupt
        written.append(name)
        return write(place, name, table, **options)

    monkeypatch.setattr(mix, "write_parquet", cut_off)
    assert CliRunner().invoke(app, ["mix", plan, "--out", str(out)]).exit_code
    assert written == ["pretrain/00000.parquet", "charges/pretrain.parquet"]
    assert (out / "spill").exists()
    assert not (out / "mixture.json").exists()
    monkeypatch.undo()
    other = planned(tmp_path, f"{{k: 4, parameters: 1000, tokens: 9e3, sources: {{web: {{shards: {sets}/web/1}}}}}}")
    ran("mix", other, "--out", str(out))
    ran("mix", other, "--out", str(tmp_path / "fresh"))
    files = {str(p.relative_to(out)): p.read_bytes() for p in out.rglob("*") if p.is_file()}
    assert files == {
        str(p.relative_to(tmp_path / "fresh")): p.read_bytes() for p in (tmp_path / "fresh").rglob("*") if p.is_file()
    }
    assert set(files) == {"mixture.json", "train/00000.parquet", "charges/train.parquet"}


def test_what_no_mixture_left_is_not_removed(tmp_path, plan):
    mine = tmp_path / "mix" / "pretrain" / "notes.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    with pytest.raises(
        RecipeError, match="mix/pretrain: is there, and no unfinished mixture left it; give another --out"
    ):
        ran("mix", plan, "--out", str(tmp_path / "mix"))
    assert mine.read_text() == "mine"


def test_an_edited_plan_is_refused_and_so_is_one_that_would_pass_k(tmp_path, plan):
    made = json.loads(Path(plan).read_text())
    for cell in made["cells"]:
        cell["showings"] = [6.0, 3.0]
    edited = tmp_path / "edited.json"
    edited.write_text(json.dumps(made))
    with pytest.raises(RecipeError, match=r"edited.json: changed since `seimai budget` wrote it"):
        ran("mix", str(edited), "--out", str(tmp_path / "mix"))
    edited.write_text(json.dumps(made | {"plan": plan_hash(made)}))
    with pytest.raises(RecipeError, match=r"would take 260 clusters past K = 4, e.g. [0-9a-f]{32} to 9 showings"):
        ran("mix", str(edited), "--out", str(tmp_path / "mix"))
    for name in ("../evil", "charges"):
        made["stages"][0]["name"] = name
        edited.write_text(json.dumps(made | {"plan": plan_hash(made)}))
        with pytest.raises(RecipeError, match=f"stage '{name}': its name becomes a folder"):
            ran("mix", str(edited), "--out", str(tmp_path / "mix"))
    assert not (tmp_path / "mix").exists()


def test_a_file_that_is_no_plan_is_named(tmp_path, plan):
    with pytest.raises(RecipeError, match=r"b.yaml: not a plan of `seimai budget` \(no JSON"):
        ran("mix", str(tmp_path / "b.yaml"), "--out", str(tmp_path / "mix"))


def test_sources_are_read_once_a_stage_however_many_shards_there_are(tmp_path, plan, monkeypatch):
    whole = tmp_path / "whole"
    ran("mix", plan, "--out", str(whole))
    opened: Counter[str] = Counter()
    open_file = ShardSet.open_file
    monkeypatch.setattr(
        ShardSet, "open_file", lambda s, name: opened.update([s.place.url + name]) or open_file(s, name)
    )
    monkeypatch.setattr(mix, "SHARD_ROWS", 7)
    monkeypatch.setattr(spill, "WAYS", 3)
    monkeypatch.setattr(spill, "BUFFER_BYTES", 20_000)
    ran("mix", plan, "--out", str(tmp_path / "many"))
    assert set(opened.values()) == {3}, "once for the plan's columns, once for each stage"
    for stage in ("pretrain", "anneal"):
        assert rows_of(tmp_path / "many", stage) == rows_of(whole, stage)
        assert len(list((tmp_path / "many" / stage).glob("*.parquet"))) > 3**2
    assert not (tmp_path / "many" / "spill").exists()


@settings(max_examples=40, deadline=None)
@given(rows=st.integers(0, 60), shard_rows=st.integers(1, 9), ways=st.integers(2, 4), seed=st.integers(0, 99))
def test_rows_come_in_order_whatever_order_they_are_read_in(tmp_path_factory, rows, shard_rows, ways, seed):
    folder = Place(str(tmp_path_factory.mktemp("spill") / "spill"))
    places = np.random.default_rng(seed).permutation(rows)
    table = pa.table({"text": [f"row {n}" for n in places], "place": pa.array(places, pa.int64())})
    pieces = [table.slice(at, 5) for at in range(0, rows, 5)]
    random.Random(seed).shuffle(pieces)
    made = list(in_order(pieces, rows, folder, table.schema, shard_rows, ways))
    assert [len(m) for m in made[:-1]] == [shard_rows] * (len(made) - 1)
    assert [t for m in made for t in m["text"].to_pylist()] == [f"row {n}" for n in range(rows)]
    assert not folder.exists()
