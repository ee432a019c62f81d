"""`seimai ledger` as a user calls it, and runs with a ledger."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from curation.mixture.ledger import Ledger
from curation.mixture.ledger_files import LedgerError
from recipes.engine.cli import app
from recipes.engine.errors import RecipeError
from recipes.engine.report import write_report
from recipes.engine.run_folder import open_run
from tests.mixture.conftest import release, sentence


def ran(*command: str) -> str:
    done = CliRunner().invoke(app, list(command))
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return " ".join(done.output.split())


@pytest.fixture
def ledger(tmp_path) -> str:
    ran("ledger", "new", str(tmp_path / "ledger"), "--k", "4")
    return str(tmp_path / "ledger")


def test_a_ledger_that_is_there_is_not_said_to_be_begun(tmp_path, sets, ledger):
    assert "is there already, with K = 4 and 0 entries; nothing to do" in ran("ledger", "new", ledger, "--k", "4")
    ran("ledger", "add", ledger, str(sets / "wiki" / "1"))
    assert "is there already, with K = 4 and 1 entry" in ran("ledger", "new", ledger, "--k", "4")


def test_a_mixture_of_which_one_stage_would_pass_k_is_refused_as_a_whole(tmp_path, sets, ledger):
    sources = f"{{web: {{shards: {sets}/web/1}}, wiki: {{shards: {sets}/wiki/1}}}}"
    stages = "[{name: pretrain, share: 0.5, sources: [web]}, {name: anneal, share: 0.5, sources: [wiki]}]"
    (tmp_path / "b.yaml").write_text(f"{{k: 4, parameters: 1000, tokens: 60e3, sources: {sources}, stages: {stages}}}")
    ran("budget", str(tmp_path / "b.yaml"), "--out", str(tmp_path / "plan"))
    ran("mix", str(tmp_path / "plan" / "budget.json"), "--out", str(tmp_path / "mix"))
    ran("ledger", "add", ledger, str(sets / "wiki" / "1"), "--epochs", "4", "--run-id", "earlier")
    with pytest.raises(LedgerError, match="60 clusters would pass K = 4, and nothing was entered"):
        ran("ledger", "add", ledger, str(tmp_path / "mix"))
    assert [e["run"] for e in Ledger.open(ledger).entries()] == ["earlier"]


def test_a_forgotten_cluster_does_not_come_back_without_the_row_by_which_it_was_forgotten(tmp_path, ledger):
    kept, near = sentence(1, 200), sentence(1, 198)
    assert kept.startswith(near)
    release(tmp_path, "first", [kept, near, kept, sentence(2)], mode="min_size")
    members = open_run(str(tmp_path / "first" / "1")).survey_table("dedup", "members").read().to_pylist()
    label = next(m["cluster"] for m in members if m["form_key"] != m["cluster"])
    victim = next(m["form_key"] for m in members if m["form_key"] != m["cluster"])
    said = ran("ledger", "forget", ledger, victim.hex(), "--clusters")
    assert "in no entry" in said
    assert "--in RUN says what else is in it" in said
    said = ran("ledger", "forget", ledger, victim.hex(), "--clusters", "--in", str(tmp_path / "first"))
    assert "1 key more forgotten; debits stay" in said
    assert "in no entry" not in said
    release(tmp_path, "second", [kept, kept, sentence(2)], mode="min_size", ledger=ledger)
    rejected = open_run(str(tmp_path / "second")).release.rejected(["reason", "cluster"])
    rows = [r for batch in rejected for r in batch.to_pylist()]
    assert [r["reason"] for r in rows] == ["forgotten"] * 2
    assert {r["cluster"] for r in rows} <= {label, None}
    with pytest.raises(RecipeError, match="goes with --clusters"):
        ran("ledger", "forget", ledger, victim.hex(), "--in", str(tmp_path / "first"))


def test_a_key_that_nobody_knows_is_forgotten_and_said_to_be_unknown(ledger):
    said = ran("ledger", "forget", ledger, "00" * 16)
    assert "1 key more forgotten" in said
    assert f"{'00' * 16}: in no entry, so nothing of it was shown as far as this ledger knows" in said


def test_the_report_of_a_run_with_a_ledger_counts_earlier_training(tmp_path, ledger):
    release(tmp_path, "first", [sentence(1), sentence(2)], mode="one")
    ran("ledger", "add", ledger, str(tmp_path / "first"), "--epochs", "3")
    release(tmp_path, "second", [sentence(1), sentence(3), sentence(3)], mode="min_size", ledger=ledger)
    run = open_run(str(tmp_path / "second"))
    assert run.release.manifest["exposure"]["highest_exposure"] == 4
    page = Path(write_report(str(tmp_path / "second"))).read_text()
    assert (
        "A cluster is shown at most 2× in one pass, 4× with earlier training; the allowance is K = 4 (within it)"
        in page
    )
    assert "最大 2 回（台帳にある以前の学習を含めると最大 4 回）" in page


def test_a_curve_and_tiers_go_through_a_whole_run(tmp_path):
    texts = [sentence(1)] * 3 + [sentence(2)]
    release(tmp_path, "curved", texts, mode="curve", curve={1: 1, 3: 2})
    rows = [
        r
        for f in (tmp_path / "curved" / "1" / "curated").glob("data/**/*.parquet")
        for r in pq.read_table(f).to_pylist()
    ]
    assert sorted(r["repeat"] for r in rows) == [1, 2]
    tiers = {"column": "form_chars", "values": {0: 0.5, 100: 1.0}}
    release(tmp_path, "budgeted", texts, mode="budget", tokens=1e4, tiers=tiers)
    manifest = json.loads((tmp_path / "budgeted" / "1" / "curated" / "manifest.json").read_text())
    assert manifest["exposure"]["highest_exposure"] == 4
