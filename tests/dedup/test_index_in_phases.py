"""A crawl against an index in phases: what one task makes of it and what both crawls at once are, however all of it is cut."""

import gzip
import json
import random
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.dedup.dedup import Dedup
from curation.dedup.exchange import read_part, write_part
from curation.dedup.index import Index, IndexRefused
from curation.dedup.minhash import MinHash
from curation.dedup.partitioned import pairs
from curation.dedup.partitioned.clusters import cluster
from curation.dedup.partitioned.cut import Cut
from curation.dedup.shingle_sets import read_sets
from curation.place import Place

COUNTS = ("texts", "pairs_in_bands", "crowded_nodes", "pairs_compared", "pairs_verified")


def windows(rng: random.Random, letters: list[str], many: int) -> list[str | None]:
    """Windows over a few random texts, so that each is near some others and not all, with copies, short and missing texts."""
    texts: list[str | None] = [rng.choice(["", " ", "一", "短い文", "短い文です", None])]
    for _ in range(many):
        at = rng.randrange(60)
        texts.append(rng.choice(letters)[at : at + 150 + rng.randrange(30)])
    return texts + rng.sample(texts, len(texts) // 4)


def some_crawls(seed: int, count: int, many: int = 30) -> list[list[str | None]]:
    rng = random.Random(seed)
    letters = ["".join(chr(rng.randrange(0x4E00, 0x9FFF)) for _ in range(260)) for _ in range(4)]
    return [windows(rng, letters, many) for _ in range(count)]


def pages_of(texts: list[str | None], number: int, measure, make_pages) -> pa.Table:
    rng = random.Random(number)
    dates = pa.array([rng.choice([None, 1_600_000_000, 1_700_000_000]) for _ in texts], pa.timestamp("s", tz="UTC"))
    kana = pa.array([rng.choice([None, 0.25, 0.5, float("nan")]) for _ in texts], pa.float32())
    return measure(make_pages(texts, [f"{number} {i}" for i in range(len(texts))], date=dates, kana_ratio=kana))


CUTS = [
    {
        "rows_a_part": 50,
        "index_rows_a_part": 1000,
        "partitions": 1,
    },  # the first crawl in memory, later ones in one part
    {"rows_a_part": 9, "index_rows_a_part": 7, "partitions": 4},
    {"rows_a_part": 16, "index_rows_a_part": 1000, "partitions": 8},
    {"rows_a_part": 30, "index_rows_a_part": 3, "partitions": 2},
]


@pytest.mark.parametrize("best", [64, 3])
@pytest.mark.parametrize("cut", range(len(CUTS)))
def test_phases_against_an_index_make_the_tables_that_one_task_makes(start_crawls, measure, make_pages, cut, best):
    one, many = start_crawls(), start_crawls(**CUTS[cut])
    options = {"quality": "kana_ratio", "max_bucket": best}
    for number, texts in enumerate(some_crawls(cut, 4)):
        table = pages_of(texts, number, measure, make_pages)
        expected, made = one.add(table, **options), many.add(table, **options)
        for name in expected:
            assert made[name].to_pylist() == expected[name].to_pylist(), (number, name)
        assert {c: many.counts[c] for c in COUNTS} == {c: one.counts[c] for c in COUNTS}
    assert made["clusters"]["matched"].null_count < len(table) // 2
    assert one.counts["pairs_verified"] > 30
    assert (one.counts["crowded_nodes"] > 0) == (best == 3)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 1 << 30), st.integers(2, 3), st.integers(1, 25), st.integers(1, 25), st.sampled_from([1, 2, 4]))
def test_crawls_in_phases_equal_all_at_once_with_the_same_generations(
    start_crawls, at_once, measure, make_pages, seed, count, rows_a_part, index_rows_a_part, partitions
):
    crawls = start_crawls(rows_a_part=rows_a_part, index_rows_a_part=index_rows_a_part, partitions=partitions)
    tables = []
    for number, texts in enumerate(some_crawls(seed, count, 12)):
        tables.append(pages_of(texts, number, measure, make_pages))
        made = crawls.add(tables[-1], random.Random(seed))["clusters"].to_pylist()
        expected = {r["id"]: r for r in at_once(tables).to_pylist()}
        for row in made:
            for column in ("cluster", "cluster_size", "cluster_rank", "cluster_examples"):
                assert row[column] == expected[row["id"]][column], column


def test_real_pages_of_two_crawls_equal_both_at_once(dev, start_crawls, at_once, measure, make_pages):
    with gzip.open(dev / "dups" / "dotnet_docs_8snapshots.jsonl.gz", "rt") as lines:
        rows = [json.loads(line) for line in lines]
    whole = measure(make_pages([r["text"] for r in rows], [r["id"] for r in rows]))
    second = np.random.default_rng(1).random(len(whole)) < 0.4
    tables = [whole.filter(pa.array(~second)), whole.filter(pa.array(second))]
    crawls = start_crawls(rows_a_part=200, index_rows_a_part=150, partitions=4)
    crawls.add(tables[0])
    made = crawls.add(tables[1])["clusters"]
    columns = ["id", "cluster", "cluster_size", "cluster_rank", "cluster_examples"]
    expected = at_once(tables)
    assert made.select(columns).to_pylist() == expected.filter(pa.array(second)).select(columns).to_pylist()
    assert made["matched"].null_count < len(made) // 2


def test_an_index_is_the_same_however_it_is_cut(start_crawls, measure, make_pages):
    whole, cut = start_crawls(), start_crawls(index_rows_a_part=5, partitions=4)
    for number, texts in enumerate(some_crawls(5, 3)):
        table = pages_of(texts, number, measure, make_pages)
        whole.add(table)
        cut.add(table)
    a, b = Index(whole.url), Index(cut.url)
    assert (len(a.ranges), len(b.ranges) > 12, a.kept, a.forms) == (3, True, b.kept, b.forms)
    assert np.array_equal(a.all_nodes()[:, :4], b.all_nodes()[:, :4]), "the same nodes have the same ordinals"
    assert np.array_equal(a.all_signatures(), b.all_signatures())
    sets = [{one: words.tolist() for one, words in read_sets(i.all_nodes()[:, 4:], i.set_file)} for i in (a, b)]
    assert sets[0] == sets[1]
    forms = [np.concatenate(list(i.known_forms())) for i in (a, b)]
    forms = [f[np.lexsort(f.T[::-1])] for f in forms]
    assert np.array_equal(*forms)
    labels = np.unique(forms[0][:, 2:4], axis=0)
    assert [x.tolist() for x in vars(a.clusters(labels)).values()] == [
        x.tolist() for x in vars(b.clusters(labels)).values()
    ]
    for part in range(4):
        assert np.array_equal(forms[0][forms[0][:, 0] >> np.uint64(62) == part], _sorted(b.known_forms(part, 4)))


def _sorted(pieces: Iterator[np.ndarray]) -> np.ndarray:
    records = np.concatenate(list(pieces))
    return records[np.lexsort(records.T[::-1])]


def test_a_crawl_without_a_text_or_a_new_one_and_no_row_at_all(start_crawls, measure, make_pages):
    one, many = start_crawls(), start_crawls(rows_a_part=1, index_rows_a_part=2, partitions=2)
    for number, texts in enumerate([["文" * 9, "別の文", None], [None, None], ["文" * 9, "別の文"], [], ["新しい"]]):
        table = pages_of(texts or ["一"], number, measure, make_pages).slice(0, len(texts))
        expected, made = one.add(table), many.add(table)
        assert {n: t.to_pylist() for n, t in made.items()} == {n: t.to_pylist() for n, t in expected.items()}, number


def test_a_small_crawl_against_a_large_index_is_cut_into_phases_too(start_crawls, measure, make_pages):
    crawls = start_crawls()
    crawls.add(pages_of(some_crawls(1, 1)[0], 0, measure, make_pages))
    step = Dedup(0.7, index=crawls.url)
    step.rows_a_part = 1 + step.index.forms
    assert not step.phases(1, 4)
    step.rows_a_part -= 1
    tasks = {p.name: p.tasks for p in step.phases(1, 4)}
    assert (tasks["pairs"], tasks["ask"], tasks["buckets"]) == (1, 2, 14), "the index's only range asks and answers too"


def test_old_nodes_are_never_paired_and_a_crowded_bucket_of_them_gives_its_best(tmp_path):
    # One key in the only band: 500 kept nodes of an index and 3 new ones; a new one meets the 64 best-ranked old ones only.
    class Old:
        def band_keys(self, band, part, parts, wanted, best):
            assert (band, part, parts, wanted.tolist(), best) == (0, 0, 1, [7], 64)
            return np.full(100, 7, np.uint64), np.arange(100, dtype=np.uint64)

    cut = Cut(Place(str(tmp_path)), 1, 1, 1, old=1)
    write_part(cut.work, "bases", 0, np.array([0, 500, 503]))
    records = np.array([[7, 500], [7, 501], [7, 502]], np.uint64)
    cut.exchange("bands").send(0, [(np.zeros(3), records)])
    met = pairs.buckets(cut, 0, 64, Old())
    assert (met.looked_at, met.crowded) == (3 * 64, 3)
    found = cut.exchange("pairs").receive(1)
    assert sorted(found.tolist()) == [[a, b] for a in range(64) for b in (500, 501, 502)]


def test_of_a_key_that_many_old_nodes_have_the_best_are_read(start_crawls, measure, make_pages):
    crawls = start_crawls(index_rows_a_part=4)
    for number, texts in enumerate(some_crawls(3, 2)):
        crawls.add(pages_of(texts, number, measure, make_pages))
    index = Index(crawls.url)
    for band in range(14):
        every = _sorted(records for g in range(2) for records in index._keyed(g, f"bands/{band:02d}", 0, 1))
        assert len(every) == index.kept
        wanted = np.unique(every[:, 0])[::2]
        keys, ordinals = index.band_keys(band, 0, 1, wanted, 1)
        found = {}
        for key, ordinal in sorted(zip(keys.tolist(), ordinals.tolist(), strict=True)):
            found.setdefault(key, ordinal)
        best = {}
        for key, ordinal in every.tolist():
            best.setdefault(key, ordinal)
        assert found == {k: best[k] for k in wanted.tolist()}


def test_signatures_of_another_seed_are_refused_in_phases(start_crawls, measure, make_pages):
    crawls = start_crawls(rows_a_part=1, partitions=2)
    crawls.add(measure(make_pages(["一つの文書です"])))
    step = MinHash(seed=2)
    step.setup()
    signed = pa.Table.from_batches([step.split(b)[0] for b in make_pages(["", "もう一つの文書です"]).to_batches()])
    with pytest.raises(IndexRefused, match="signatures were made with seed 1"):
        crawls.cluster(signed)


def test_clustering_holds_only_the_old_nodes_that_have_an_edge(tmp_path):
    # 2^33 kept nodes in three ranges, then five new ones: edges 7–0, (2^32 + 1)–1 and –3, (2^32 + 9)–3, and of new ones 2–4.
    old, high = 1 << 33, 1 << 32
    cut = Cut(Place(str(tmp_path)), 1, 2, 14, old=3)
    write_part(cut.work, "bases", 0, np.array([0, 10, high + 5, old, old + 2, old + 5]))
    edges = [[(7, old), (high + 1, old + 1)], [(high + 1, old + 3), (high + 9, old + 3), (old + 2, old + 4)]]
    for part, found in enumerate(edges):
        write_part(cut.work, "edges", 3 + part, np.array([(a, b, 0) for a, b in found], np.uint64))
    cluster(cut)
    leaders, families = (
        [read_part(cut.work, name, part).tolist() for part in (3, 4)] for name in ("leaders", "families")
    )
    assert leaders == [[7, high + 1], [old + 2, high + 1, old + 2]]
    assert families == [[7, high + 1], [old + 2, high + 1, old + 2]]
    kin = [read_part(cut.work, "old_families", part, width=2).tolist() for part in range(3)]
    assert kin == [[[7, 7]], [[high + 1, high + 1]], [[high + 9, high + 1]]]
