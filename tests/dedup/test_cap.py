"""The cap: hand-worked clusters, and the promise that no cluster passes K however rows fail before it."""

import random
from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.mixture.cap import Cap
from curation.mixture.showings import showings

FINEWEB2_JAPANESE = {1: 1, 3: 2, 6: 3, 10: 4, 30: 3, 38: 2, 58: 1}


def sentence(seed: int, length: int = 200) -> str:
    rng = random.Random(seed)
    return "".join(chr(rng.randrange(0x4E00, 0x9FFF)) for _ in range(length))


def chain() -> list[str]:
    """A, B, C of 200 different characters; A–B and B–C share 89 % of their shingles' union, A–C less than 80 %."""
    letters = "".join(map(chr, range(0x4E00, 0x4EF0)))
    return [letters[:200], letters[11:211], letters[22:222]]


def test_nine_copies_become_repeat_four(clustered, capped):
    kept, rejected = capped(clustered([sentence(1)] * 9), k=4, mode="min_size")
    assert kept["repeat"].to_pylist() == [4]
    assert rejected["reason"].to_pylist() == ["near_duplicate"] * 8
    assert rejected["value"].to_pylist() == [1.0] * 8
    assert rejected["threshold"].to_pylist() == [0.8] * 8
    assert set(rejected["detail"].to_pylist()) == {f"near-duplicate of {kept['id'][0].as_py().hex()}"}


def test_three_copies_become_repeat_three_and_one_in_mode_one(clustered, capped):
    table = clustered([sentence(1)] * 3)
    assert capped(table, k=4, mode="min_size")[0]["repeat"].to_pylist() == [3]
    assert capped(table, k=4, mode="one")[0]["repeat"].to_pylist() == [1]


def test_natural_releases_real_copies_up_to_k(clustered, capped):
    text = sentence(2)
    kept, rejected = capped(clustered([text] * 5 + [text[:-3]] * 4), k=4, mode="natural")
    assert kept["repeat"].to_pylist() == [1, 1, 1, 1]
    assert sorted(kept["cluster_rank"].to_pylist()) == [0, 1, 2, 3]
    assert rejected["reason"].to_pylist() == ["over_cap"] * 5
    assert rejected["threshold"].to_pylist() == [4.0] * 5
    assert rejected["value"].to_pylist() == [5.0] * 5, "each would have been a fifth showing"


def test_a_curve_gives_very_large_clusters_one_showing(clustered, capped):
    kept, _ = capped(clustered([sentence(3)] * 60 + [sentence(4)] * 12), k=4, mode="curve", curve=FINEWEB2_JAPANESE)
    assert sorted(zip(kept["cluster_size"].to_pylist(), kept["repeat"].to_pylist(), strict=True)) == [(12, 4), (60, 1)]
    assert [showings("curve", n, 3, FINEWEB2_JAPANESE) for n in (1, 2, 3, 9, 10, 37, 58)] == [1, 1, 2, 3, 3, 3, 1]


def test_the_true_size_counts_copies_that_a_threshold_has_rejected_since(clustered, capped):
    table = clustered([sentence(5)] * 6)
    kept, _ = capped(table.slice(0, 2), k=4, mode="min_size")
    assert kept["repeat"].to_pylist() == [4]


def test_when_the_kept_row_fails_the_best_member_that_passes_is_decided(clustered, capped):
    text = sentence(6)
    table = clustered([text + "終", text, text[:-1]])
    passing = table.filter([rank != 0 for rank in table["cluster_rank"].to_pylist()])
    kept, rejected = capped(passing, k=4, mode="one")
    assert kept["text"].to_pylist() == [text]
    assert rejected["text"].to_pylist() == [text[:-1]]
    assert rejected["value"].to_pylist() == [pytest.approx(195 / 196, abs=1e-6)]


def cluster_around_b(clustered):
    """A and C join B (the longest); A–C is below τ. B is then taken away."""
    a, b, c = chain()
    table = clustered([a, b + "々", c])
    assert set(table["cluster_size"].to_pylist()) == {3}
    return table.filter([text != b + "々" for text in table["text"].to_pylist()]), a, c


def test_a_member_below_the_threshold_to_the_decided_row_is_released_on_its_own(clustered, capped):
    passing, a, c = cluster_around_b(clustered)
    kept, rejected = capped(passing, k=4, mode="one")
    assert set(kept["text"].to_pylist()) == {a, c}
    assert len(set(kept["cluster"].to_pylist())) == 1
    assert (kept["repeat"].to_pylist(), rejected) == ([1, 1], None)


def test_rows_released_on_their_own_use_the_same_allowance(clustered, capped):
    passing, *_ = cluster_around_b(clustered)
    kept, _ = capped(passing, k=4, mode="min_size")  # size 3: the decided row has what the other leaves
    showings_by_rank = dict(zip(kept["cluster_rank"].to_pylist(), kept["repeat"].to_pylist(), strict=True))
    assert showings_by_rank == {1: 2, 2: 1}
    kept, rejected = capped(passing, k=1, mode="one")
    assert len(kept) == 1
    assert rejected["reason"].to_pylist() == ["over_cap"]
    assert (rejected["value"].to_pylist(), rejected["threshold"].to_pylist()) == ([2.0], [1.0])


def test_copies_of_a_row_released_on_its_own_are_its_near_duplicates(clustered, capped):
    a, b, c = chain()
    table = clustered([a, b + "々", c, c])
    kept, rejected = capped(table.filter([t != b + "々" for t in table["text"].to_pylist()]), k=4, mode="one")
    assert sorted(kept["text"].to_pylist()) == sorted([a, c])
    assert (rejected["text"].to_pylist(), rejected["value"].to_pylist()) == ([c], [1.0])


def test_rows_without_a_cluster_are_shown_once(clustered, capped):
    kept, rejected = capped(clustered([None, "一", None]), k=2, mode="min_size")
    assert (kept["repeat"].to_pylist(), rejected) == ([1, 1, 1], None)


def test_no_rows_make_an_empty_table(clustered, capped):
    kept, rejected = capped(clustered(["一", "二"]).slice(0, 0), k=4, mode="one")
    assert (kept, rejected) == (None, None)


@settings(max_examples=40, deadline=None)
@given(data=st.data(), mode=st.sampled_from(["one", "natural", "min_size", "curve"]), k=st.integers(1, 5))
def test_whatever_fails_before_no_cluster_passes_k_and_nothing_is_lost(random_cluster_tables, data, mode, k):
    table, edges, form_jaccard = random_cluster_tables
    passing = table.filter([data.draw(st.booleans()) for _ in range(len(table))])
    step = Cap(k, mode, FINEWEB2_JAPANESE if mode == "curve" else None)
    made = edges(step, passing)
    assert made["id"].to_pylist() == passing["id"].to_pylist()
    exposures, released = defaultdict(int), defaultdict(list)
    rows = list(zip(passing.to_pylist(), made.to_pylist(), strict=True))
    for row, given_ in rows:
        assert (given_["reason"] is None) == (given_["repeat"] is not None)
        if given_["repeat"] is not None:
            assert given_["repeat"] >= 1
            exposures[row["cluster"]] += given_["repeat"]
            released[row["cluster"]].append(row)
    assert all(n <= k for n in exposures.values())
    assert set(exposures) == set(passing["cluster"].to_pylist()), "every cluster with a passing row is shown"
    for row, given_ in rows:
        best = min(r["cluster_rank"] for r, _ in rows if r["cluster"] == row["cluster"])
        assert row["cluster_rank"] != best or given_["repeat"] is not None, "the decided row is the best that passes"
        if given_["reason"] == "near_duplicate":
            assert given_["value"] >= 0.8
    if mode != "natural":
        for rows_of in released.values():
            keys = [r["form_key"] for r in rows_of]
            assert not any(frozenset((x, y)) in form_jaccard for i, x in enumerate(keys) for y in keys[:i])
            assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    "options",
    [
        {"k": 0, "mode": "one"},
        {"k": 4, "mode": "curve"},
        {"k": 4, "mode": "one", "curve": {1: 1}},
        {"k": 4, "mode": "curve", "curve": {2: 1}},
        {"k": 4, "mode": "curve", "curve": {1: 0}},
        {"k": 4, "mode": "curve", "curve": {}},
    ],
)
def test_parameters_that_mean_nothing_are_refused(options):
    with pytest.raises(ValueError, match=r"k must|curve"):
        Cap(**options)
