"""The survey in phases of partitioned tasks against the one in memory: the same tables, however it is cut."""

import gzip
import json
import random
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.dedup.clusters import PairCounts, cluster_nodes, families, pairs_of_band
from curation.dedup.dedup import Dedup
from curation.dedup.exchange import Exchange, read_part, write_part
from curation.dedup.partitioned import pairs
from curation.dedup.partitioned.clusters import cluster
from curation.dedup.partitioned.cut import Cut
from curation.dedup.partitioned.nodes import by_id
from curation.dedup.rank_words import ranges_of, rank_order, rank_words, splitters
from curation.place import Place


def near_copies(seed: int, bases: int, each: int) -> list[str]:
    """Windows over random texts, so that each is near some others and not all, some of them copies, some short or empty."""
    rng, texts = random.Random(seed), ["", " ", "一", "一", "短い文", "短い文です"]
    for _ in range(bases):
        letters = "".join(chr(rng.randrange(0x4E00, 0x9FFF)) for _ in range(260))
        texts += [letters[at : at + 150 + rng.randrange(30)] for at in (rng.randrange(60) for _ in range(each))]
    return texts + texts[::5]


COUNTS = ("texts", "pairs_in_bands", "crowded_nodes", "pairs_compared", "pairs_verified")


@pytest.mark.parametrize(("partitions", "rows_a_part", "best"), [(1, 40, 64), (4, 11, 64), (8, 9, 64), (2, 9, 3)])
def test_phases_make_the_tables_that_one_task_makes(
    tmp_path, survey_tables, in_phases, measure, make_pages, partitions, rows_a_part, best
):
    texts = near_copies(partitions, 12, 7)
    rng = random.Random(partitions)
    dates = pa.array([rng.choice([None, 1_600_000_000, 1_700_000_000]) for _ in texts], pa.timestamp("s", tz="UTC"))
    kana = pa.array([rng.choice([None, 0.25, -0.0, 0.5, float("nan")]) for _ in texts], pa.float32())
    table = measure(make_pages(texts, date=dates, kana_ratio=kana))
    options = {"threshold": 0.7, "quality": "kana_ratio", "max_bucket": best}
    expected, counts = survey_tables(Dedup(**options), table)
    again, met = in_phases(Dedup(**options), table, tmp_path, partitions, rows_a_part, None)
    for name in expected:
        assert again[name].to_pylist() == expected[name].to_pylist(), name
    assert {c: met[c] for c in COUNTS} == {c: counts[c] for c in COUNTS}
    assert counts["pairs_verified"] > 100
    assert (counts["crowded_nodes"] > 0) == (best == 3)


def test_tasks_in_any_order_and_run_twice_change_nothing(tmp_path, survey_tables, in_phases, measure, make_pages):
    table = measure(make_pages(near_copies(9, 5, 6)))
    expected, _ = survey_tables(Dedup(0.7), table)
    again, _ = in_phases(Dedup(0.7), table, tmp_path, 4, 5, random.Random(4))
    assert {n: t.to_pylist() for n, t in again.items()} == {n: t.to_pylist() for n, t in expected.items()}


def test_rows_without_a_text_and_no_rows_at_all(tmp_path, survey_tables, in_phases, measure, make_pages):
    table = measure(make_pages([None, "同じ文です。" * 9, None, "同じ文です。" * 9, ""]))
    expected, _ = survey_tables(Dedup(0.8), table)
    again, _ = in_phases(Dedup(0.8), table, tmp_path / "some", 2, 1)
    assert {n: t.to_pylist() for n, t in again.items()} == {n: t.to_pylist() for n, t in expected.items()}
    step = Dedup(0.8)
    step.rows_a_part = -1
    assert step.phases(0, 2), "a survey over no row can be cut too"
    nothing, _ = in_phases(step, table.slice(0, 0), tmp_path / "none", 2, -1)
    assert [len(t) for t in nothing.values()] == [0, 0, 0]


def test_real_pages_in_phases_as_survey_tables(dev, tmp_path, survey_tables, in_phases, measure, make_pages):
    with gzip.open(dev / "dups" / "dotnet_docs_8snapshots.jsonl.gz", "rt") as lines:
        rows = [json.loads(line) for line in lines]
    table = measure(make_pages([r["text"] for r in rows], [r["id"] for r in rows]))
    expected, counts = survey_tables(Dedup(0.8), table)
    again, _ = in_phases(Dedup(0.8), table, tmp_path, 8, 200)
    assert {n: t.to_pylist() for n, t in again.items()} == {n: t.to_pylist() for n, t in expected.items()}
    assert counts["pairs_verified"] > 100


@pytest.mark.parametrize("equal", ["one band", "all bands"])
def test_many_nodes_that_share_keys_are_never_compared_quadratically(tmp_path, equal):
    n, cut = 50_000, Cut(Place(str(tmp_path)), 1, 4, 2)
    write_part(cut.work, "bases", 0, np.linspace(0, n, 5).astype(np.int64))
    number = np.arange(n, dtype=np.uint64)
    other = np.random.default_rng(1).permutation(number) * np.uint64(0x9E3779B97F4A7C15)
    keys = [np.full(n, 77, np.uint64), np.full(n, 78, np.uint64) if equal == "all bands" else other]
    cut.exchange("bands").send(0, ((b * 4 + cut.part_of(k), np.column_stack([k, number])) for b, k in enumerate(keys)))
    met = [pairs.buckets(cut, task, 64) for task in range(8)]
    crowded = 2 if equal == "all bands" else 1
    assert sum(m.looked_at for m in met) == crowded * (64 * (n - 64) + 64 * 63 // 2)
    assert sum(m.crowded for m in met) == crowded * (n - 64)
    for task in range(4):
        pairs.pairs(cut, task)
    found = np.concatenate([read_part(cut.work, "pairs", task, width=2) for task in range(4)])
    assert len(found) == 64 * (n - 64) + 64 * 63 // 2, "pairs of two bands are one"
    assert found[:, 0].max() == 63


def test_equal_high_bits_of_keys_that_differ_are_two_buckets():
    # Rows 0 and 2 share a key; row 1's differs in its lowest bit only, which the row's number hides in the sorted word.
    keys = np.array([1 << 40, 1 << 40 | 1, 1 << 40], np.uint64)
    for ordinals in (None, np.array([5, 1, 3], np.uint64)):
        found = [(a.tolist(), b.tolist()) for a, b in pairs_of_band(keys, ordinals, 64, PairCounts())]
        assert found == [([0], [2]) if ordinals is None else ([2], [0])]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[int, list[tuple[int, int]], list[int]]:
    nodes = draw(st.integers(1, 24))
    pair = st.tuples(st.integers(0, nodes - 1), st.integers(0, nodes - 1)).filter(lambda p: p[0] < p[1])
    edges = draw(st.sets(pair, max_size=50)) if nodes > 1 else set()
    return (
        nodes,
        sorted(edges, key=lambda e: (e[1], e[0])),
        sorted(draw(st.lists(st.integers(0, nodes), min_size=3, max_size=3))),
    )


@settings(max_examples=120, deadline=None)
@given(graphs())
def test_clusters_of_random_graphs_in_ranges_are_those_of_one_array(tmp_path_factory, graph):
    nodes, edges, inner = graph
    cut = Cut(Place(str(tmp_path_factory.mktemp("graph"))), 1, 4, 14)
    limits = np.array([0, *inner, nodes])
    write_part(cut.work, "bases", 0, limits)
    for part in range(4):
        here = [(a, b, 0) for a, b in edges if limits[part] <= b < limits[part + 1]]
        write_part(cut.work, "edges", part, np.array(here, np.uint64).reshape(-1, 3))
    cluster(cut)
    expected = cluster_nodes(nodes, np.array(edges, np.int64).reshape(-1, 2))
    component = families(nodes, np.array(edges, np.int64).reshape(-1, 2))
    for name, whole in (("leaders", expected), ("families", component)):
        made = np.concatenate([read_part(cut.work, name, part, np.uint32) for part in range(4)])
        assert made.tolist() == whole.tolist()


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(*[st.integers(0, 3)] * 3, st.sampled_from([0.0, -0.0, -1.5, 2.0, float("nan")])), max_size=30)
)
def test_rank_words_rank_as_numbers_do(rows):
    ids = np.array([[r[0], i] for i, r in enumerate(rows)], np.uint64).reshape(-1, 2)
    length, date = (np.array([r[i] for r in rows], np.int64) for i in (1, 2))
    quality = np.array([r[3] for r in rows])
    expected = sorted(
        range(len(rows)),
        key=lambda i: (
            float("inf") if np.isnan(quality[i]) else -quality[i] + 0.0,
            -length[i],
            -date[i],
            tuple(ids[i].tolist()),
        ),
    )
    words = rank_words(ids, length, date, quality)
    assert rank_order(words).tolist() == expected
    cuts = splitters(words, 4)
    assert np.all(np.diff(ranges_of(words, cuts)[expected]) >= 0), "ranges follow the rank"


def test_an_exchange_gives_each_target_what_was_sent_to_it_in_the_order_of_tasks(tmp_path, monkeypatch):
    monkeypatch.setattr("curation.dedup.exchange.RUN_BYTES", 64)
    exchange = Exchange(Place(str(tmp_path)), "some", 2, 3)
    sent = np.arange(40, dtype=np.uint64).reshape(-1, 2)
    exchange.send(1, [(np.arange(20) % 3, sent)])
    exchange.send(0, [(np.array([2, 2]), sent[:2]), (np.array([0]), sent[5:6])])
    assert exchange.receive(2)[:, 0].tolist() == [0, 2, *sent[2::3, 0].tolist()]
    assert exchange.counts().tolist() == [8, 7, 8]
    assert exchange.receive(0)[0].tolist() == [10, 11]


def test_parts_of_keys_and_ranges_of_ordinals():
    cut = Cut(Place(""), 2, 4, 14)
    assert cut.part_of(np.array([0, 1 << 62, (1 << 64) - 1], np.uint64)).tolist() == [0, 1, 3]
    assert cut.range_of(np.array([0, 4, 5, 9], np.uint64), np.array([0, 5, 5, 9, 10])).tolist() == [0, 0, 2, 3]
    assert by_id(np.array([[2, 0, 1], [1, 5, 2], [2, 0, 0]], np.uint64)).tolist() == [[1, 5, 2], [2, 0, 1], [2, 0, 0]]


def test_the_sets_that_a_range_wants_lie_side_by_side(tmp_path, in_phases, measure, make_pages, monkeypatch):
    asked: list[list[tuple[int, int]]] = []
    spans = Place.read_spans

    def read_spans(place: Place, name: str, of: list[tuple[int, int]]) -> Iterator[memoryview]:
        asked.append(list(of))
        return spans(place, name, of)

    monkeypatch.setattr(Place, "read_spans", read_spans)
    in_phases(Dedup(0.7), measure(make_pages(near_copies(3, 12, 7))), tmp_path, 2, 11, None)
    sets = sum(map(len, asked))
    apart = sum(b[0] > a[1] + 2000 for of in asked for a, b in pairwise(of))
    assert sets > 80
    assert apart < sets / 20, "but for sets of pairs whose signatures differ, which nobody compares"
