"""The cap with a token budget and with a ledger: hand-worked clusters, and the promise Σ repeat + earlier ≤ K."""

import random
from collections import defaultdict
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.dedup.normal_form import form_key, normal_form
from curation.mixture.cap import Cap
from curation.mixture.exposures import exposure_notes
from curation.mixture.ledger import Ledger
from curation.mixture.ledger_files import ENTRY
from curation.mixture.tiers import Tiers


def sentence(seed: int, length: int = 200) -> str:
    rng = random.Random(seed)
    return "".join(chr(rng.randrange(0x4E00, 0x9FFF)) for _ in range(length))


def key_of(text: str) -> bytes:
    return form_key(normal_form(text))


def entries(*rows: tuple[bytes, bytes, str, int]) -> pa.Table:
    forms, clusters, sources, shown = zip(*rows, strict=True)
    arrays = [pa.array(forms, pa.binary(16)), pa.array(clusters, pa.binary(16)), pa.array(sources)]
    return pa.table([*arrays, pa.array(shown, pa.int32()), pa.array(shown, pa.int32())], schema=ENTRY)


def with_tokens(table: pa.Table, tokens: dict[str, int], quality: dict[str, float] | None = None) -> pa.Table:
    texts = table["text"].to_pylist()
    table = table.append_column("tokens", pa.array([tokens[t] for t in texts], pa.int32()))
    if quality is not None:
        table = table.append_column("language_score", pa.array([quality[t] for t in texts], pa.float32()))
    return table


def test_a_budget_goes_to_the_best_tier_first_and_then_to_more_showings(clustered, capped):
    good, plain = sentence(1), sentence(2)
    table = with_tokens(clustered([good, plain]), {good: 100, plain: 100}, {good: 0.9, plain: 0.1})
    tiers = Tiers("language_score", {0: 1.0, 0.5: 1.2})
    shown = {}
    for tokens in (100, 200, 300, 400, 600, 900):  # 1.2 e^(−2/R*) = 1.05 > 1 > 1.2 e^(−3/R*) = 0.99
        kept, rejected = capped(table, k=4, mode="budget", tokens=tokens, tiers=tiers)
        shown[tokens] = dict(zip(kept["text"].to_pylist(), kept["repeat"].to_pylist(), strict=True))
        gone = rejected["reason"].to_pylist() if rejected else []
        assert gone == ["over_budget"] * (2 - len(kept))
    assert shown[100] == {good: 1}
    assert shown[300] == {good: 3}
    assert shown[400] == {good: 3, plain: 1}
    assert shown[600] == {good: 4, plain: 2}
    assert shown[900] == {good: 4, plain: 4}, "K holds whatever the budget is"


def test_equal_clusters_all_come_once_before_any_comes_twice(clustered, capped):
    texts = [sentence(seed) for seed in range(6)]
    table = with_tokens(clustered(texts), dict.fromkeys(texts, 10))
    kept, _ = capped(table, k=4, mode="budget", tokens=85)
    assert sorted(kept["repeat"].to_pylist()) == [1, 1, 1, 1, 2, 2]
    again, _ = capped(table.take(pa.array([3, 1, 0, 5, 4, 2])).sort_by("id"), k=4, mode="budget", tokens=85)
    assert again["repeat"].to_pylist() == kept["repeat"].to_pylist()


def test_near_duplicates_stay_rejected_whatever_the_budget(clustered, capped):
    text = sentence(1)
    table = with_tokens(clustered([text, text[:-2], text[:-4]]), {text[:n]: 100 for n in (200, 198, 196)})
    kept, rejected = capped(table, k=4, mode="budget", tokens=10_000)
    assert kept["repeat"].to_pylist() == [4]
    assert rejected["reason"].to_pylist() == ["near_duplicate"] * 2


def test_earlier_training_comes_off_the_allowance(clustered, capped, tmp_path):
    shown, fresh, full = sentence(1), sentence(2), sentence(3)
    ledger = Ledger.open(str(tmp_path / "ledger"), 4, create=True)
    ledger.add(
        "base@1", "pretrain", entries((key_of(shown), key_of(shown), "web", 3), (key_of(full),) * 2 + ("web", 4))
    )
    table = clustered([shown] * 5 + [fresh] * 5 + [full])
    kept, rejected = capped(table, k=4, mode="min_size", ledger=str(tmp_path / "ledger"))
    assert dict(zip(kept["text"].to_pylist(), kept["repeat"].to_pylist(), strict=True)) == {shown: 1, fresh: 4}
    over = rejected.filter(pa.compute.equal(rejected["reason"], "over_cap"))
    assert over["text"].to_pylist() == [full]
    assert over["detail"].to_pylist() == ["4 showings in earlier training"]


def test_an_earlier_near_copy_debits_its_whole_cluster_by_todays_label(clustered, capped, tmp_path):
    text = sentence(4)
    earlier = text[:-3]  # it was its own cluster then; today it joins the longer text's
    ledger = Ledger.open(str(tmp_path / "ledger"), 4, create=True)
    ledger.add("base@1", "pretrain", entries((key_of(earlier), key_of(earlier), "web", 3)))
    kept, _ = capped(clustered([text, earlier, text]), k=4, mode="min_size", ledger=str(tmp_path / "ledger"))
    assert kept["repeat"].to_pylist() == [1]


def test_what_was_forgotten_does_not_come_back(clustered, capped, tmp_path):
    text, other = sentence(5), sentence(6)
    ledger = Ledger.open(str(tmp_path / "ledger"), 4, create=True)
    ledger.forget([key_of(text)])
    table = clustered([text, text[:-3], other])
    kept, rejected = capped(table, k=4, mode="one", ledger=str(tmp_path / "ledger"))
    assert sorted(kept["text"].to_pylist()) == sorted([text[:-3], other])
    assert rejected["reason"].to_pylist() == ["forgotten"]
    ledger.forget([key_of(text)], whole_clusters=True)
    kept, rejected = capped(table, k=4, mode="one", ledger=str(tmp_path / "ledger"))
    assert kept["text"].to_pylist() == [other]
    assert rejected["reason"].to_pylist() == ["forgotten"] * 2


def test_the_manifest_says_how_often_a_trainer_may_pass_over_the_set(clustered, survey_tables, run, tmp_path):
    step = Cap(4, "min_size")
    run(step, clustered([sentence(1)] * 2 + [sentence(2)]))
    assert step.manifest_notes() == {"exposure": {"k": 4, "highest_exposure": 2, "max_trainer_epochs": 2}}
    made = pa.table({"exposures": [1, 1], "before": [0, 3], "clusters": [9, 1]})
    assert exposure_notes(4, made) == {"k": 4, "highest_exposure": 4, "max_trainer_epochs": 1}
    assert exposure_notes(4, made.slice(0, 0)) == {"k": 4, "highest_exposure": 0, "max_trainer_epochs": None}


@settings(max_examples=30, deadline=None)
@given(data=st.data(), mode=st.sampled_from(["one", "natural", "min_size", "budget"]), k=st.integers(1, 5))
def test_with_any_ledger_no_cluster_passes_k(random_cluster_tables, tmp_path_factory, data, mode, k):
    table, cap, _ = random_cluster_tables
    folder = str(tmp_path_factory.mktemp("ledger"))
    ledger = Ledger.open(folder, k, create=True)
    earlier, rows = defaultdict(int), []
    for row in table.select(["form_key", "cluster"]).to_pylist():
        n = data.draw(st.integers(0, 2))
        if n and earlier[row["cluster"]] + n <= k:
            earlier[row["cluster"]] += n
            rows.append((row["form_key"], row["cluster"], "web", n))
    if rows:
        ledger.add("base@1", "pretrain", entries(*rows))
    table = table.append_column("tokens", pa.array([len(t) for t in table["text"].to_pylist()], pa.int32()))
    budget = data.draw(st.integers(1, 60_000)) if mode == "budget" else None
    made = cap(Cap(k, mode, tokens=budget, ledger=folder), table)
    exposures = defaultdict(int)
    spent = 0
    for row, given_ in zip(table.to_pylist(), made.to_pylist(), strict=True):
        assert (given_["reason"] is None) == (given_["repeat"] is not None)
        exposures[row["cluster"]] += given_["repeat"] or 0
        spent += (given_["repeat"] or 0) * row["tokens"]
    assert all(n + earlier[c] <= k for c, n in exposures.items())
    assert budget is None or spent <= budget


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"k": 4, "mode": "budget"}, "needs tokens"),
        ({"k": 4, "mode": "one", "tokens": 100}, "no other mode takes tokens"),
        ({"k": 4, "mode": "budget", "tokens": 0}, "tokens must be at least 1"),
        ({"k": 4, "mode": "one", "ledger": "nowhere"}, "there is no ledger here"),
    ],
)
def test_parameters_that_mean_nothing_are_refused(options, said):
    with pytest.raises(ValueError, match=said):
        Cap(**options)


def test_a_ledger_of_another_k_is_refused_naming_both(tmp_path: Path):
    Ledger.open(str(tmp_path / "ledger"), 4, create=True)
    with pytest.raises(ValueError, match="kept with K = 4, and K = 3 was asked for"):
        Cap(3, "one", ledger=str(tmp_path / "ledger"))


def test_tiers_by_a_column_of_text_are_refused_before_a_run():
    with pytest.raises(ValueError, match="tiers are by a column of numbers, and 'source' holds string"):
        Tiers("source", {0: 1.0})


def test_an_empty_normal_form_is_shown_in_no_mode(clustered, capped):
    text = sentence(7)
    table = clustered(["", "\u3000\n", "\u200b", "", text])
    for mode in ("one", "min_size", "natural"):
        kept, rejected = capped(table, k=4, mode=mode)
        assert kept["text"].to_pylist() == [text], mode
        assert rejected["reason"].to_pylist() == ["empty_form"] * 4
        assert rejected["value"].to_pylist() == rejected["threshold"].to_pylist() == [None] * 4
