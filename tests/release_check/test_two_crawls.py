"""Laws, novels and manuals in several snapshots: showings stay within K, the check passes, and a broken shard fails it."""

import glob
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from curation.shards import ShardSet, Table

ROOT = Path(__file__).resolve().parents[2]


def seimai(*command: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "recipes.engine.cli", *command],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "120"},
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def run(dev: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recipe as it stands, over the real texts that it names."""
    folder = tmp_path_factory.mktemp("two_crawls")
    status, said = seimai("run", "two_crawls", "--out", str(folder / "out"))
    assert status == 0, said
    return next((folder / "out").glob("*/run.json")).parent


def test_laws_novels_and_manuals_meet_in_clusters_of_their_snapshots(run):
    (clusters,) = glob.glob(f"{run.parent}/stages/curated.dedup-*/clusters")
    sizes = Counter(Counter(Table(clusters).read()["cluster"].to_pylist()).values())
    assert sizes[8] >= 100, "most of 147 manual pages stayed near-duplicates over eight revisions"
    assert sizes[2] >= 250, "most of 354 laws are near-duplicates in their two snapshots"


def test_what_was_met_more_often_than_k_is_shown_k_times(run):
    (clusters,) = glob.glob(f"{run.parent}/stages/curated.dedup-*/clusters")
    before = Counter(Table(clusters).read()["cluster"].to_pylist())
    after: Counter[bytes] = Counter()
    for batch in ShardSet.open(str(run / "curated")).read(["cluster", "repeat"]):
        for label, n in zip(batch.column("cluster").to_pylist(), batch.column("repeat").to_pylist(), strict=True):
            after[label] += n
    assert max(before.values()) > 4
    assert max(after.values()) == 4
    assert all(after[label] == min(n, 4) for label, n in before.items())
    assert "クラスタの数（対数）：灰色は上限の適用前" in (run / "report.html").read_text(encoding="utf-8")


def test_the_release_passes_its_check_and_a_broken_shard_does_not(run, tmp_path):
    ledger = str(tmp_path / "ledger")
    assert seimai("ledger", "new", ledger, "--k", "4")[0] == 0
    assert seimai("ledger", "add", ledger, str(run))[0] == 0
    status, said = seimai("verify", str(run), "--ledger", ledger)
    assert (status, "every check passed" in said) == (0, True), said
    status, said = seimai("ledger", "add", ledger, str(run), "--run-id", "again")
    assert (status, "would pass K = 4, and nothing was entered" in said) == (1, True), said
    shard = next((run / "curated" / "data").glob("*/*.parquet"))
    sound = shard.read_bytes()
    try:
        shard.write_bytes(sound[:5000] + bytes([sound[5000] ^ 1]) + sound[5001:])
        status, said = seimai("verify", str(run))
    finally:
        shard.write_bytes(sound)
    assert status == 1
    assert f"{shard.parent.name}/{shard.name}: SHA-256 is" in said
    assert "Traceback" not in said
