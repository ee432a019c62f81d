"""Clusters by rank against their definition in plain Python, on random graphs and hand-worked ones."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.dedup import clusters
from curation.dedup.clusters import (
    PairCounts,
    candidate_pairs,
    cluster_nodes,
    families,
    least_agreement,
    place_rows,
    rank_nodes,
)


def defined_leaders(nodes: int, edges: set[tuple[int, int]]) -> list[int]:
    """In rank order a node joins the best-ranked kept node that it has an edge to, otherwise it is kept."""
    leader: list[int] = []
    for node in range(nodes):
        kept = [other for other in range(node) if leader[other] == other and (other, node) in edges]
        leader.append(min(kept, default=node))
    return leader


def as_pairs(edges: set[tuple[int, int]]) -> np.ndarray:
    return np.array(sorted(edges, key=lambda e: (e[1], e[0])), np.int64).reshape(-1, 2)


@st.composite
def graphs(draw: st.DrawFn) -> tuple[int, set[tuple[int, int]]]:
    nodes = draw(st.integers(1, 14))
    pairs = st.tuples(st.integers(0, nodes - 1), st.integers(0, nodes - 1)).filter(lambda p: p[0] < p[1])
    return nodes, draw(st.sets(pairs, max_size=30)) if nodes > 1 else set()


@settings(max_examples=300, deadline=None)
@given(graphs())
def test_leaders_are_the_defined_ones(graph):
    nodes, edges = graph
    assert cluster_nodes(nodes, as_pairs(edges)).tolist() == defined_leaders(nodes, edges)


def test_a_chain_does_not_become_one_cluster():
    # A–B and B–C are near-duplicates, A–C are not: B joins A; C has no kept neighbour and stays.
    assert cluster_nodes(3, as_pairs({(0, 1), (1, 2)})).tolist() == [0, 0, 2]
    assert families(3, as_pairs({(0, 1), (1, 2)})).tolist() == [0, 0, 0]


def test_a_node_joins_the_best_ranked_of_two_kept_nodes():
    assert cluster_nodes(3, as_pairs({(0, 2), (1, 2)})).tolist() == [0, 1, 0]


@settings(max_examples=200, deadline=None)
@given(graphs())
def test_families_are_connected_components(graph):
    nodes, edges = graph
    component = list(range(nodes))
    for _ in range(nodes):
        for a, b in edges:
            component[a] = component[b] = min(component[a], component[b])
    assert families(nodes, as_pairs(edges)).tolist() == component


def test_two_crawls_one_after_the_other_equal_both_at_once_with_generations():
    rng = random.Random(5)
    for _ in range(300):
        rows = rng.randint(2, 30)
        forms = np.array([[0, rng.randrange(rows)] for _ in range(rows)], np.uint64)
        ids = np.array([[7, i] for i in rng.sample(range(1000), rows)], np.uint64)
        length, date = (np.array([rng.randrange(4) for _ in range(rows)]) for _ in range(2))
        quality = np.array([rng.choice([0.1, 0.5, np.nan]) for _ in range(rows)])
        crawl = np.array([rng.randrange(2) for _ in range(rows)])
        alike = {frozenset(rng.sample(range(rows), 2)) for _ in range(rng.randrange(2 * rows))}

        def edges(nodes: clusters.Nodes, alike: set[frozenset[int]] = alike) -> np.ndarray:
            names = [int(f) for f in nodes.forms[:, 1]]
            some = {(a, b) for b in range(len(names)) for a in range(b) if frozenset((names[a], names[b])) in alike}
            return as_pairs(some)

        both = rank_nodes(forms, ids, length, date, quality, generation=crawl)
        at_once = cluster_nodes(len(both.forms), edges(both))

        # The first crawl alone decides; the second may only add. A form seen in the first keeps the rank it has there.
        first = crawl == 0
        alone = rank_nodes(forms[first], ids[first], length[first], date[first], quality[first])
        decided = cluster_nodes(len(alone.forms), edges(alone))
        assert both.forms[: len(alone.forms)].tolist() == alone.forms.tolist()
        after = cluster_nodes(len(both.forms), edges(both), earlier=decided)
        assert after.tolist() == at_once.tolist()


def test_old_labels_never_change_when_a_better_text_comes_later():
    # Node 2 is new and near both; without generations it might have ranked first and taken them over.
    assert cluster_nodes(3, as_pairs({(0, 2), (1, 2)}), earlier=np.array([0, 1])).tolist() == [0, 1, 0]


def test_rank_is_generation_then_quality_then_length_then_date_then_id():
    forms = np.array([[0, i] for i in range(6)], np.uint64)
    ids = np.array([[0, 9], [0, 8], [0, 7], [0, 6], [0, 5], [0, 4]], np.uint64)
    generation = np.array([1, 0, 0, 0, 0, 0])
    quality = np.array([9.0, np.nan, 0.5, 0.5, 0.5, 0.5])
    length = np.array([9, 9, 1, 2, 2, 2])
    date = np.array([9, 9, 9, 1, 5, 5])
    ranked = rank_nodes(forms, ids, length, date, quality, generation)
    # quality .5 first: the longer three of these by date (5 before 1; ids 4 < 5), then the short one, NaN, and generation 1 last
    assert ranked.forms[:, 1].tolist() == [5, 4, 3, 2, 1, 0]


def test_copies_are_one_node_that_ranks_as_its_best_copy():
    forms = np.array([[0, 1], [0, 2], [0, 1]], np.uint64)
    ids = np.array([[0, 3], [0, 2], [0, 1]], np.uint64)
    ranked = rank_nodes(forms, ids, np.array([5, 6, 5]), np.array([0, 0, 9]))
    assert ranked.forms[:, 1].tolist() == [2, 1]
    assert ranked.of_row.tolist() == [1, 0, 1]
    assert ranked.best_row.tolist() == [1, 2]


def signatures_sharing(bands: list[list[int]]) -> np.ndarray:
    """Signatures whose band j of node i is the number bands[i][j], repeated in its 8 places."""
    return np.repeat(np.array(bands, np.uint32), 8, axis=1)


def test_pairs_are_those_that_share_a_band_each_once():
    unique = iter(range(1000, 9999))
    bands = [[next(unique) for _ in range(14)] for _ in range(5)]
    bands[0][0] = bands[3][0] = 1  # 0 and 3 share two bands
    bands[0][5] = bands[3][5] = 2
    bands[2][13] = bands[4][13] = 3
    assert candidate_pairs(signatures_sharing(bands), least=0).tolist() == [[0, 3], [2, 4]]
    assert candidate_pairs(signatures_sharing(bands), least=16).tolist() == [[0, 3]]
    assert candidate_pairs(signatures_sharing(bands), least=17).tolist() == []


@pytest.mark.parametrize("pairs_at_once", [4, 1 << 22])
def test_a_crowded_bucket_compares_each_node_with_the_best_ranked_only(monkeypatch, pairs_at_once):
    monkeypatch.setattr(clusters, "_PAIRS_AT_ONCE", pairs_at_once)
    unique = iter(range(1000, 99999))
    bands = [[next(unique) for _ in range(14)] for _ in range(10)]
    for node in bands:
        node[3] = 1
    counts = PairCounts()
    pairs = {(int(a), int(b)) for a, b in candidate_pairs(signatures_sharing(bands), 0, max_bucket=4, counts=counts)}
    assert pairs == {(a, b) for b in range(10) for a in range(min(b, 4))}
    assert (counts.looked_at, counts.crowded) == (0 + 1 + 2 + 3 + 6 * 4, 6)


def test_a_million_nodes_that_share_a_band_are_never_compared_quadratically():
    n = 1_000_000
    random_state = np.random.default_rng(1)
    signatures = random_state.integers(0, 1 << 32, (n, 112), dtype=np.uint32)
    signatures[:, :8] = 7
    counts = PairCounts()
    pairs = candidate_pairs(signatures, least_agreement(0.8), counts=counts)
    assert counts.looked_at <= 64 * n + 14 * 100
    assert counts.crowded == n - 64
    assert len(pairs) == 0


def test_places_in_a_cluster_follow_the_rank_of_rows():
    made = place_rows(np.array([4, 9, 4, 4]), np.array([3, 0, 1, 2]))
    assert made.size.tolist() == [3, 1, 3, 3]
    assert made.rank.tolist() == [2, 0, 0, 1]
    lists = [made.examples[a:b].tolist() for a, b in zip(made.example_offsets, made.example_offsets[1:], strict=False)]
    assert lists == [[2, 3], [], [3, 0], [2, 0]]


def test_at_most_eight_examples_and_never_the_row_itself():
    made = place_rows(np.zeros(12, np.int64), np.arange(12))
    lists = [made.examples[a:b].tolist() for a, b in zip(made.example_offsets, made.example_offsets[1:], strict=False)]
    assert lists[0] == list(range(1, 9))
    assert lists[3] == [0, 1, 2, 4, 5, 6, 7, 8]
    assert lists[11] == list(range(8))
