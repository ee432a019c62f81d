"""The cap in phases of partitioned tasks against the one in memory: the same verdicts, however it is cut."""

import random
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from curation.dedup.dedup import Dedup
from curation.mixture.cap import Cap
from curation.mixture.charges import ENTRY
from curation.mixture.ledger import Ledger
from curation.mixture.tiers import Tiers

sys.path.insert(0, str(Path(__file__).parent))
from test_partitioned import near_copies


@pytest.fixture
def clustered(run, measure, make_pages) -> pa.Table:
    """Windows over random texts with their clusters, some rows without one, and a made-up number of tokens."""
    texts = [*near_copies(6, 14, 7), None, None]
    rng = random.Random(5)
    tokens = pa.array([rng.randrange(20, 200) for _ in texts], pa.int64())
    kana = pa.array([rng.choice([0.1, 0.4, 0.6]) for _ in texts], pa.float32())
    kept, _ = run(Dedup(0.7), measure(make_pages(texts, tokens=tokens, kana_ratio=kana)))
    return kept


def debits(folder: Path, table: pa.Table, k: int) -> str:
    """A ledger in which some of the rows' forms were shown before, and one was forgotten."""
    ledger = Ledger.open(str(folder), k, create=True)
    rows = [r for r in table.to_pylist() if r["cluster"] is not None]
    seen = {r["cluster"]: r for r in rows[::3]}
    entries = [(r["form_key"], r["cluster"], "crawl", 1 + i % k, 1 + i % k) for i, r in enumerate(seen.values())]
    ledger.add("earlier", "train", pa.table(list(zip(*entries, strict=True)), schema=ENTRY))
    return str(folder)


@pytest.mark.parametrize("kept", [False, True], ids=["alone", "after earlier training"])
@pytest.mark.parametrize(
    "given",
    [
        {"mode": "one"},
        {"mode": "natural"},
        {"mode": "min_size"},
        {"mode": "curve", "curve": {1: 1, 3: 2, 5: 1}},
        {"mode": "budget", "tokens": 2500},
        {"mode": "budget", "tokens": 1500, "tiers": Tiers("kana_ratio", {0: 0.5, 0.5: 1.0})},
    ],
    ids=lambda given: f"{given['mode']} {'tiers' * ('tiers' in given)}".strip(),
)
def test_phases_decide_as_one_task_does(tmp_path, run, in_phases, clustered, given: dict[str, Any], kept: bool):
    ledger = debits(tmp_path / "ledger", clustered, 3) if kept else None
    whole, cut = (Cap(k=3, ledger=ledger, **given) for _ in range(2))
    run(whole, clustered)
    for step in (whole, cut):
        step.made = whole.made
    expected = {name: whole.made[name].read() for name in whole.tables}
    again, _ = in_phases(cut, clustered, tmp_path / "work", 4, 20, random.Random(3))
    for name in expected:
        assert again[name].sort_by(again[name].column_names[0]).to_pylist() == expected[name].to_pylist(), name
    reasons = set(expected["allowance"]["reason"].to_pylist())
    assert reasons >= {None, "over_budget" if given["mode"] == "budget" else "over_cap" if kept else None}
